"""What lies around the atoms that a model was trained on, and which others lie in surroundings unlike those.

Members of a committee agree about what none of them has ever seen, such as a single molecule in vacuum: their spread
is no warning there. So a model keeps, for each species and each species about it, the least and the largest

    neighbours   number of atoms within the cutoff
    nearest      distance to the nearest of them, Å (the cutoff where there is none)

that its labelled atoms had; an atom is unlike them if any of these is more than half as wide a range away.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mimyria.elements import symbols_of
from mimyria.model.batches import Batch
from mimyria.model.graph import Graph
from mimyria.model.model import ResponseModel

MARGIN = 0.5
"""Of the width of a range, or of `LEAST`, if that is more."""
LEAST = {"neighbours": 2.0, "nearest": 0.1}
"""Widths that a range has at least, for few labels."""
KEY = "surroundings"
"""Where the summary of a model keeps its ranges."""


def measured(graph: Graph, cutoff: float) -> Tensor:
    """Return ``neighbours`` and ``nearest`` of every atom, for each species about it; shape (n, species, 2)."""
    distances = graph.vectors.norm(dim=-1)  # (n, k); what fills up the places lies at the cutoff
    found = []
    for kind in range(len(graph.slices)):
        of_kind = torch.where(graph.neighbour_species == kind, distances, cutoff)
        found.append(torch.stack([(of_kind < cutoff).sum(1).to(of_kind.dtype), of_kind.amin(1)], dim=-1))
    return torch.stack(found, dim=1)


def trained_on(model: ResponseModel, batches: Sequence[Batch]) -> dict[str, Any]:
    """Return the ranges over the labelled atoms, by species and species about it, for the summary of a model."""
    symbols = symbols_of(np.array(model.settings.species))
    found = torch.cat([measured(batch.graph, model.settings.cutoff) for batch in batches]).cpu().double()
    species = torch.cat([batch.graph.species for batch in batches]).cpu()
    labelled = torch.cat([batch.weights[:, 0] for batch in batches]).cpu() > 0
    ranges: dict[str, dict[str, Any]] = {}
    for s, centre in enumerate(symbols):
        own = found[labelled & (species == s)]
        ranges[centre] = {
            other: {name: _range(own[:, k, q]) for q, name in enumerate(LEAST)} for k, other in enumerate(symbols)
        }
    return {KEY: ranges}


def _range(values: Tensor) -> list[float]:
    return [round(float(values.min()), 3), round(float(values.max()), 3)]


def unlike(model: ResponseModel, graph: Graph, here: Tensor) -> Tensor:
    """Return which atoms lie in surroundings unlike those of all that were trained on, shape (n,), bool.

    Parameters
    ----------
    model
        Without ranges in its summary, as older files are, it calls nothing unlike.
    graph
        The neighbourhoods.
    here
        What `measured` returns of them.
    """
    ranges = model.summary.get(KEY)
    if ranges is None:
        return torch.zeros_like(graph.order, dtype=torch.bool)
    symbols = symbols_of(np.array(model.settings.species))
    stated = [[[ranges[a][b][name] for name in LEAST] for b in symbols] for a in symbols]
    low, high = torch.tensor(stated, device=graph.vectors.device, dtype=graph.vectors.dtype).unbind(-1)
    margin = MARGIN * torch.maximum(high - low, torch.tensor(list(LEAST.values())).to(low))
    species = graph.species
    beyond = (here < (low - margin)[species]) | (here > (high + margin)[species])
    beyond = beyond.flatten(1).any(1)
    return torch.empty_like(beyond).index_copy(0, graph.order, beyond)
