"""Labels as the network sees them, and the constants that bring inputs, messages and labels to order one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mimyria.model.graph import Graph
from mimyria.model.network import L_MAX, Geometry, ResponseModel

TINY = 1e-12


@dataclass(frozen=True)
class Batch:
    """Frames as the network wants them, with their labels as irreps, atoms in the graph's order.

    Parameters
    ----------
    graph
        The neighbourhoods.
    geometry
        What the network makes of them, or None where keeping it for every epoch would take too much memory.
    labels
        Shape (n, irreps).
    weights
        One for a labelled atom and zero for another, shape (n, 1).
    """

    graph: Graph
    geometry: Geometry | None
    labels: Tensor
    weights: Tensor


def normalise(model: ResponseModel, batches: Sequence[Batch]) -> None:
    """Set the constants of a model so that inputs, messages and targets are of order one.

    Labels are scaled per species and irrep, about the species' mean for scalars, so that rotations stay exact. The
    scale is the geometric mean of the irrep's own deviation and the species': weak irreps count, but not as much as
    strong ones, for their labels are the noisiest.
    """
    geometries = [batch.geometry for batch in batches if batch.geometry is not None]  # enough of them
    density = torch.cat([geometry.density for geometry in geometries], dim=1)
    for degree in range(L_MAX + 1):
        part = slice(degree**2, (degree + 1) ** 2)
        model.density_scale[part] = _inverse_root(density[part].square().mean())
    messages = torch.stack([geometry.basis.square().sum(1).mean() for geometry in geometries])
    model.message_scale.copy_(_inverse_root(messages.mean()))
    ends = np.cumsum([irrep.dim for multiplicity, irrep in model.irreps for _ in range(multiplicity)])
    parts = [slice(int(start), int(end)) for start, end in zip([0, *ends], ends, strict=False)]
    for s in range(len(model.settings.species)):
        rows = torch.cat([batch.labels[batch.graph.slices[s]] for batch in batches])
        labelled = torch.cat([batch.weights[batch.graph.slices[s]] for batch in batches])[:, 0] > 0
        if not labelled.any():
            continue
        rows = rows[labelled]
        for part in parts:
            if part.stop - part.start == 1:
                model.mean[s, part] = rows[:, part].mean()
        squares = (rows - model.mean[s]).square()
        for part in parts:
            model.scale[s, part] = 1 / (_inverse_root(squares[:, part].mean()) * _inverse_root(squares.mean())).sqrt()


def _inverse_root(mean_square: Tensor) -> Tensor:
    """Return 1/√x, or one where there is nothing."""
    return torch.where(mean_square > TINY, mean_square.clamp(min=TINY).rsqrt(), 1.0)
