"""How sure a committee is: the standard deviation of its networks, and what error stands behind it."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from mimyria.model.batches import Batch, Data
from mimyria.model.model import ResponseModel


def committee_spread(members: Tensor, elements: int | None = None) -> Tensor:
    """Return the standard deviation of the networks' tensors, root mean square over the elements of each atom.

    s[n] = √( Σ_x Σ_k (T_k[n, x] - T̄[n, x])² / (K - 1) / elements ), for tensors of shape (K, n, ...); shape (n,).
    Irreps give the same, for their basis is orthonormal, with the number of elements of the Cartesian tensor.
    """
    squares = members.var(0).flatten(1)
    return (squares.sum(1) / (elements or squares.shape[1])).sqrt()


def calibrate(model: ResponseModel, data: Data) -> dict[str, Any]:
    """Return spread and error of a committee on the held-out frames, in the unit of the target; nothing of one network.

    ``spread`` is the root mean square standard deviation of the committee, ``spread_error`` the root mean square error
    of the mean prediction, both over the labelled atoms and after the sum rule is made exact: their ratio calibrates
    the standard deviation. ``spread_largest`` is the largest of an atom. The same frames chose the best epochs.
    """
    held_out = [batch for batch in data.held_out if batch.level == len(model.levels) - 1]  # that which is predicted
    if len(model.members) == 1 or not any(batch.labelled.any() for batch in held_out):
        return {}
    with torch.no_grad():
        found = [pair for batch in held_out for pair in data.in_parts(batch, partial(_spreads_and_errors, model))]
    spread, squares = (torch.cat(parts) for parts in zip(*found, strict=True))
    return {
        "spread": float(spread.square().mean().sqrt()),
        "spread_error": float(squares.mean().sqrt()),
        "spread_largest": float(spread.max()),
    }


def _spreads_and_errors(model: ResponseModel, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return spread and mean square error of each labelled atom, both (n,)."""
    scale, elements = batch.scale(model), 3 ** (model.target.order + 1)
    members = model(batch.geometry_for(model), batch.level)
    mean = members.mean(0)
    deviations = torch.stack([batch.without_excess(member - mean, model) for member in members]) * scale
    error = batch.without_excess(mean - batch.labels, model) * scale  # the change of basis is orthonormal
    squares = error.square().sum(1) / elements
    return committee_spread(deviations, elements)[batch.labelled], squares[batch.labelled]
