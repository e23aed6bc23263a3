"""For validation: tensors from dipoles and polarizabilities of displaced configurations instead of forces in fields.

    P[n, α, γ] = (M_α(R_nγ + d) - M_α(R_nγ - d)) / 2d          Q[n, α, β, γ] = (α_αβ(R_nγ + d) - α_αβ(R_nγ - d)) / 2d

and likewise with β. Both ways give the same mixed derivatives of one energy and must agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from mimyria.errors import LabelError
from mimyria.frame import Array, Frame
from mimyria.labels.label import on_one_branch
from mimyria.targets import TARGETS

STEP = 0.005
"""Displacement d, Å."""
PROPERTIES = {1: "dipole", 2: "alpha", 3: "beta"}
"""Header keys of M and its field derivatives, by the order of the target that is their gradient."""


def displace(frame: Frame, step: float = STEP, atoms: Iterable[int] | None = None) -> dict[str, Frame]:
    """Return the displaced configurations, 6 of each atom, by names such as ``0002y-``: atom, axis and direction."""
    configurations = {}
    for atom in range(len(frame)) if atoms is None else atoms:
        for axis in range(3):
            for sign, mark in ((1, "+"), (-1, "-")):
                positions = frame.positions.copy()
                positions[atom, axis] += sign * step
                configurations[f"{atom:04d}{'xyz'[axis]}{mark}"] = replace(frame, positions=positions)
    return configurations


def displacement_tensors(frame: Frame, labels: dict[str, Frame], order: int) -> Frame:
    """Return a frame with tensors up to an order, from the labels of its displaced ones by the names of `displace`."""
    if not all("dipole" in label.info for label in labels.values()):
        raise LabelError("this engine gives no dipole, and --scheme displacement needs it")
    tensors = {
        target.name: _slope(frame, labels, PROPERTIES[target.order], (3,) * target.order)  # the dipole is in e Å
        for target in TARGETS.values()
        if target.order <= order
    }
    first = next(iter(labels.values())).info
    info = {key: first[key] for key in ("total_charge", "field", "engine", "mimyria")} | {"scheme": "displacement"}
    info["seconds"] = sum(label.info["seconds"] for label in labels.values())
    for name, tensor in tensors.items():
        info[f"qa_{name}_sum"] = TARGETS[name].translation_error(tensor, first["total_charge"])
    return replace(frame, tensors=tensors, info=frame.info | info)


def _slope(frame: Frame, labels: dict[str, Frame], key: str, shape: tuple[int, ...]) -> Array:
    """Return the derivative of a property by the position of each atom, shape (n, *shape, 3)."""
    slope = np.empty((len(frame), *shape, 3))
    for atom in range(len(frame)):
        for axis in range(3):
            infos = (labels[f"{atom:04d}{'xyz'[axis]}{mark}"].info for mark in "-+")
            values = np.array([np.reshape(info[key], shape) for info in infos])
            if key == "dipole" and frame.periodic.all():
                values = on_one_branch(values, frame.cell)
            slope[atom, ..., axis] = (values[1] - values[0]) / (2 * STEP)
    return slope
