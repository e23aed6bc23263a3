"""How sure a committee is: the spread of its members, and what error stands behind a spread."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mimyria.model.batches import Data
from mimyria.model.model import ResponseModel


def spread(members: Tensor) -> Tensor:
    """Return the standard deviation of the members' tensors, root mean square over the elements of each atom.

    s[n] = √( mean_x Σ_k (T_k[n, x] - T̄[n, x])² / (K - 1) ), for tensors of shape (K, n, ...); shape (n,).
    """
    return members.var(0).flatten(1).mean(1).sqrt()


def calibrate(model: ResponseModel, data: Data) -> dict[str, Any]:
    """Return spread and error of a committee on the held-out frames, both relative to the scale of the labels.

    ``spread`` is the root mean square spread, ``spread_error`` the root mean square error of the mean prediction:
    their ratio says how much larger the error is than the spread.
    """
    if len(model.members) == 1 or not data.held_out:
        return {}
    squares = torch.zeros(3)
    with torch.no_grad():
        for batch in data.held_out:
            geometry = model.geometry(batch.graph) if batch.geometry is None else batch.geometry
            members, weights = model(geometry), batch.weights[:, 0]
            errors = (members.mean(0) - batch.labels).square().mean(1)
            squares += torch.stack([spread(members).square() @ weights, errors @ weights, weights.sum()]).cpu()
    return {"spread": float((squares[0] / squares[2]).sqrt()), "spread_error": float((squares[1] / squares[2]).sqrt())}
