"""How sure a committee is: the spread of its members, and what error stands behind a spread."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mimyria.model.batches import Data
from mimyria.model.model import ResponseModel


def spread(members: Tensor, elements: int | None = None) -> Tensor:
    """Return the standard deviation of the members' tensors, root mean square over the elements of each atom.

    s[n] = √( Σ_x Σ_k (T_k[n, x] - T̄[n, x])² / (K - 1) / elements ), for tensors of shape (K, n, ...); shape (n,).
    Irreps give the same, for their basis is orthonormal, with the number of elements of the Cartesian tensor.
    """
    squares = members.var(0).flatten(1)
    return (squares.sum(1) / (elements or squares.shape[1])).sqrt()


def calibrate(model: ResponseModel, data: Data) -> dict[str, Any]:
    """Return spread and error of a committee on the held-out frames, in the unit of the target.

    ``spread`` is the root mean square spread, ``spread_error`` the root mean square error of the mean prediction, both
    over the labelled atoms: their ratio says how much larger the error is than the spread.
    """
    if len(model.members) == 1 or not data.held_out:
        return {}
    squares, elements = torch.zeros(3), 3 ** (model.target.order + 1)
    with torch.no_grad():
        for batch in data.held_out:
            geometry = model.geometry(batch.graph) if batch.geometry is None else batch.geometry
            scale, weights = model.scale[batch.graph.species], batch.weights[:, 0]
            members = model(geometry) * scale  # the change of basis is orthonormal
            errors = (members.mean(0) - batch.labels * scale).square().sum(1) / elements
            squares += torch.stack(
                [spread(members, elements).square() @ weights, errors @ weights, weights.sum()]
            ).cpu()
    return {"spread": float((squares[0] / squares[2]).sqrt()), "spread_error": float((squares[1] / squares[2]).sqrt())}
