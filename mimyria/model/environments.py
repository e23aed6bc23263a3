"""Local environments of atoms: which of them lie outside those that a model was trained on.

The networks of a committee agree about what none of them has ever seen, such as a single molecule in vacuum: their
standard deviation is no warning there. So a model keeps, for its labelled atoms of each species and each species of
neighbours, the least and the largest

    neighbours   number of atoms within the cutoff
    nearest      distance to the nearest of them, Å (the cutoff where there is none)

For an atom that is beyond one of these ranges by more than half its width, a prediction is an extrapolation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mimyria.elements import symbols_of
from mimyria.model.batches import Batch
from mimyria.model.graph import Graph
from mimyria.model.model import ResponseModel

MARGIN = 0.5
"""How far beyond a range an atom may be, relative to the width of the range."""
LEAST_WIDTHS = {"neighbours": 2.0, "nearest": 0.1}
"""Widths of the ranges for this margin are at least these: few labels have narrow ones."""
KEY = "surroundings"
"""Key of the ranges in the summary of a model, as its file has it."""


def neighbour_counts_and_distances(graph: Graph, cutoff: float) -> Tensor:
    """Return ``neighbours`` and ``nearest`` of every atom, for each species about it; shape (n, species, 2)."""
    species = torch.arange(len(graph.slices), device=graph.vectors.device)[:, None]
    of_species = graph.neighbour_species[:, None] == species  # (n, species, k)
    distances = torch.where(of_species, graph.vectors.norm(dim=-1)[:, None], cutoff)  # padding lies at the cutoff too
    return torch.stack([(distances < cutoff).sum(-1).to(distances), distances.amin(-1)], dim=-1)


def training_ranges(
    model: ResponseModel, batches: Sequence[Batch], before: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """Return the ranges over the labelled atoms, by species and species about it, for the summary of a model.

    They hold those of ``before``, the summary of the model that the training began from.
    """
    symbols = symbols_of(np.array(model.settings.species))
    values = torch.cat([neighbour_counts_and_distances(batch.graph, model.settings.cutoff) for batch in batches])
    species = torch.cat([batch.graph.species for batch in batches])
    labelled = torch.cat([batch.labelled for batch in batches])
    ranges = {}
    for s, centre in enumerate(symbols):
        limits = torch.stack(
            values[labelled & (species == s)].aminmax(dim=0), dim=-1
        )  # (species, 2, least and largest)
        rounded = limits.cpu().double().numpy().round(3).tolist()
        ranges[centre] = {
            neighbour: dict(zip(LEAST_WIDTHS, pair, strict=True))
            for neighbour, pair in zip(symbols, rounded, strict=True)
        }
        for neighbour, own in ranges[centre].items():
            for name, (low, high) in before.get(KEY, {}).get(centre, {}).get(neighbour, {}).items():
                own[name] = [min(low, own[name][0]), max(high, own[name][1])]
    return {KEY: ranges}


def is_extrapolated(model: ResponseModel, graph: Graph, values: Tensor) -> Tensor:
    """Return which atoms have an environment outside the training data, in the graph's order, shape (n,), bool.

    ``values`` are the `neighbour_counts_and_distances` of the graph. Models of older files have no ranges: none has.
    """
    ranges = model.summary.get(KEY)
    if ranges is None:
        return torch.zeros_like(graph.order, dtype=torch.bool)
    symbols = symbols_of(np.array(model.settings.species))
    stated = [[[ranges[a][b][name] for name in LEAST_WIDTHS] for b in symbols] for a in symbols]
    low, high = torch.tensor(stated, device=graph.vectors.device, dtype=graph.vectors.dtype).unbind(-1)
    margin = MARGIN * torch.maximum(high - low, torch.tensor(list(LEAST_WIDTHS.values())).to(low))
    species = graph.species
    return ((values < (low - margin)[species]) | (values > (high + margin)[species])).flatten(1).any(1)
