"""Index orders of stored tensors, by name, and their conversion to ours: atom, field indices, displacement.

Programs store response tensors in different index orders, and a transposed APT looks as plausible as a correct one. So
the file or the user must state the order, unless the symmetry of the tensor leaves only one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from mimyria.errors import LabelError, located
from mimyria.frame import Array, stated_charge, with_charge
from mimyria.targets import TARGETS, Target
from mimyria.units import BOHR


@dataclass(frozen=True)
class Layout:
    """How a program stores tensors."""

    axes: Mapping[str, int]
    """By target name, the axis of the displacement in an array (n, 3, ..., 3): 1 if it comes first, -1 if last. A
    target that is left out is not stored by the program."""
    units: Mapping[str, float] = field(default_factory=dict)
    """By target name, the program's unit in ours, where it is another one."""
    zero_means_missing: bool = False
    """Whether zeros mark atoms without a label."""


LAYOUTS = {
    "field,displacement": Layout(dict.fromkeys(TARGETS, -1)),
    "displacement,field": Layout(dict.fromkeys(TARGETS, 1)),
    "mimyria-field": Layout({"apt": 1, "pgt": -1}),
    "mimyria-displacement": Layout({"apt": -1, "pgt": -1}, zero_means_missing=True),
    "mimyria-auto": Layout({"apt": 1, "pgt": -1}, {"pgt": 1 / BOHR}),
    "vasp": Layout({"apt": -1, "pgt": -1}),
    "nequip": Layout({"apt": -1, "pgt": -1}),
    "mace": Layout({"apt": 1, "pgt": 1}),
}
"""By the name for ``--layout``: our order, its transpose, then those of programs. ``mimyria-*`` are files of the
published Mimyria: its tensors from fields (with the APT transposed), from displacements, and the labels of its
automatic route, whose PGT is per a0. ``mace`` is MACE-Field and les_fit, ``nequip`` NequIP and Allegro."""

SYMMETRY_TOLERANCE = 1e-3
"""Largest asymmetry, relative to the largest element, that counts as noise of the labels."""


def check_layout(layout: str | None) -> None:
    """Raise LabelError for an unknown layout."""
    if layout is not None and layout not in LAYOUTS:
        raise LabelError(f"--layout takes {', '.join(LAYOUTS)}, not {layout!r}")


def stored_tensors(
    columns: Mapping[str, Array], header: Mapping[str, Any], layout: str | None, place: str
) -> dict[str, Array]:
    """Return the tensors among per-atom columns, by target name, shape (n, 3, ..., 3), in our index order.

    Of the frame's header, ``apt_order``, ``apt_unit`` and so on are used; ``layout`` is a name in `LAYOUTS`, or None,
    and ``place`` the file and the frame, for messages.
    """
    tensors = {}
    for target in TARGETS.values():
        names = [name for name in (target.name, *target.aliases) if name in columns]
        if not names:
            continue
        first = columns[names[0]]
        if other := next(
            (each for each in names[1:] if not np.array_equal(columns[each], first, equal_nan=True)), None
        ):
            raise LabelError(
                f"{place}: the columns {names[0]} and {other} both hold the {target.name}, and differ; leave one out"
            )
        name, values = names[0], first.reshape(len(first), -1)
        if values.shape[1] != 3 ** (target.order + 1):
            raise LabelError(
                f"{place}: {name} has {values.shape[1]} columns, not {3 ** (target.order + 1)}; correct the file"
            )
        unit, stated = (header.get(f"{target.name}_{what}") for what in ("unit", "order"))
        if unit is not None and str(unit).replace(" ", "") != target.unit.replace(" ", ""):
            raise LabelError(f"{place}: {target.name}_unit is {unit!r}, not {target.unit!r}; convert the file first")
        tensors[target.name] = _in_our_order(target, values.reshape(-1, *target.shape), stated, layout, place)
    return tensors


def own_header(header: Mapping[str, Any], n_atoms: int, initial: Array | None, place: str) -> dict[str, Any]:
    """Return the header of a frame of ours, with the total charge under one key.

    Index orders and units of tensors no longer hold after the conversion to ours. ``initial`` are the charges of the
    ``n_atoms`` atoms as ASE keeps them, and ``place`` is the file and the frame, for messages.
    """
    converted = {f"{name}_{what}" for name in TARGETS for what in ("order", "unit")}
    kept = {key: value for key, value in header.items() if key not in converted}
    with located(place):
        return with_charge(kept, stated_charge(kept, n_atoms, initial), n_atoms)


def _in_our_order(target: Target, values: Array, stated: str | None, layout: str | None, place: str) -> Array:
    """Return values with the displacement as the last index."""
    orders = {target.index_order: -1, ",".join(["displacement"] + ["field"] * target.order): 1}
    if stated is not None and stated not in orders:
        raise LabelError(f"{place}: unknown {target.name}_order {stated!r}; known: {' and '.join(orders)}")
    told = Layout({}) if layout is None else LAYOUTS[layout]
    if layout is not None:
        if target.name not in told.axes:
            known = ", ".join(told.axes)
            raise LabelError(f"{place}: --layout {layout} says nothing about {target.name}; known: {known}")
        axis = told.axes[target.name]
        if stated is not None and axis != orders[stated]:
            raise LabelError(
                f"{place}: --layout {layout} contradicts {target.name}_order={stated} in the header; leave it out"
            )
    elif stated is None:
        axis = _axis_by_symmetry(target, values, place)
    elif (axis := orders[stated]) != -1:
        raise LabelError(
            f"{place}: {target.name}_order={stated} is not our order; `--layout displacement,field` transposes it"
        )
    # The field indices keep their order: they are symmetric, which is checked below.
    ours = np.moveaxis(values, axis, -1) * told.units.get(target.name, 1.0)
    if told.zero_means_missing:
        ours = np.where(ours.any(axis=tuple(range(1, ours.ndim)), keepdims=True), ours, np.nan)
    if not _symmetric(ours, *range(1, target.order + 1)):
        raise LabelError(
            f"{place}: {target.name} is not symmetric in its field indices, so its index order is not the one stated; "
            "try the other --layout"
        )
    return ours


def _axis_by_symmetry(target: Target, values: Array, place: str) -> int:
    """Return the axis of the displacement if the symmetry of the tensor determines it; else raise LabelError."""
    last = target.order + 1
    if _symmetric(values, *range(1, max(last, 3))):  # the one field index of an APT: all of it must be symmetric
        return -1
    if target.order > 1 and _symmetric(values, *range(2, last + 1)):
        return 1
    raise LabelError(
        f"{place}: the index order of {target.name} is not known: the header states no {target.name}_order, and the "
        f"tensor has no symmetry that tells; give --layout, one of {', '.join(LAYOUTS)}"
    )


def _symmetric(values: Array, *axes: int) -> bool:
    """Return whether values are symmetric in these axes; NaN, an atom without a label, does not count."""
    allowed = SYMMETRY_TOLERANCE * np.nanmax(np.abs(values), initial=0.0)
    differences = (np.abs(values - np.swapaxes(values, *both)) for both in pairwise(axes))
    return all(np.nanmax(difference, initial=0.0) <= allowed for difference in differences)
