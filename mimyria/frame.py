"""`Frame`: the atoms of a cell at one instant. Å and Å/fs, cell vectors as rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimyria.errors import TrajectoryError

Array = NDArray[Any]
"""Any numpy array; the docstring says which shape and unit."""

AXES = "xyz"
"""Names of the Cartesian axes."""
CHARGE = "total_charge"
"""Header key of the total charge in what is written."""
CHARGES = {"totalcharge", "totcharge", "netcharge", "charge", "molecularcharge", "systemcharge"}
"""The keys of the total charge in what is read, in small letters without underscores and hyphens."""
SAME_CHARGE = 0.01
"""e; charges that differ by less are the same one, rounded."""


@dataclass(frozen=True, repr=False)
class Frame:
    """Atoms in a cell at one instant, with velocities and, once labelled, tensors.

    Parameters
    ----------
    numbers
        Atomic numbers, shape (n,).
    positions
        Å, shape (n, 3).
    cell
        Cell vectors as rows, Å, shape (3, 3); rows of a direction that is not periodic may be zero.
    periodic
        Which cell vectors repeat, shape (3,), bool.
    velocities
        Å/fs, shape (n, 3), or None where the trajectory has none.
    time
        fs, or None where the file does not say.
    tensors
        By target name (``targets.TARGETS``), shape (n, 3, ..., 3): atom, field indices, displacement.
        NaN marks an atom without a label.
    members
        Tensors of every network of a committee, by target name, shape (members, n, 3, ..., 3).
    info
        What else the frame's header says: charge, field strength, engine, quality figures.
    forces
        eV/Å, shape (n, 3), or None where the file has none.
    masses
        u, shape (n,), where the file tells them (isotopes); None for the standard ones of the elements.
    extra
        Other numbers of every atom to be written, by column name, shape (n,).
    columns
        Names of all per-atom columns of the file, for messages.
    step
        Number of the step of the run, where the file counts these instead of a time, else None.
    kept
        Indices of the atoms in the file, shape (n,), where it holds massless sites besides, which are left out; None
        where it holds atoms only.
    beads
        Of a path integral, whose centroid the positions and velocities then are; empty otherwise.
    """

    numbers: Array
    positions: Array
    cell: Array
    periodic: Array
    velocities: Array | None = None
    time: float | None = None
    tensors: dict[str, Array] = field(default_factory=dict)
    members: dict[str, Array] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    forces: Array | None = None
    masses: Array | None = None
    extra: dict[str, Array] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    step: int | None = None
    kept: Array | None = None
    beads: tuple[Frame, ...] = ()

    def __len__(self) -> int:
        return len(self.numbers)

    def __repr__(self) -> str:
        lengths = " × ".join(f"{length:.4g}" for length in np.linalg.norm(self.cell, axis=1))
        arrays = {"velocities": self.velocities, "forces": self.forces, **self.tensors}
        held = [f"cell {lengths} Å", *(name for name, values in arrays.items() if values is not None)]
        return f"<Frame: {len(self)} atoms, {', '.join(held)}>"

    def in_file(self, atom: int) -> int:
        """Return the index in the file of an atom, for messages."""
        return int(atom if self.kept is None else self.kept[atom])

    @property
    def total_charge(self) -> float:
        """The charge (e) that the frame's header states, else zero; see `stated_charge`."""
        return stated_charge(self.info, len(self)) or 0.0

    @property
    def volume(self) -> float:
        """|det(cell)| in Å³; zero where a direction has no cell vector."""
        with np.errstate(invalid="ignore"):  # a cell of NaN has a volume of NaN
            return float(abs(np.linalg.det(self.cell)))


def changed(frame: Frame, **values: Any) -> Frame:
    """Return a frame with other values of some of its fields, as `dataclasses.replace`, in a sixth of its time.

    Every frame of a trajectory passes through a few of these, and 6 µs each would be most of the time of reading it.
    """
    new = object.__new__(Frame)
    held = new.__dict__
    held.update(frame.__dict__)
    held.update(values)
    return new


def stated_charge(info: Mapping[str, Any], n_atoms: int, initial: Array | None = None) -> float | None:
    """Return the total charge, e, that a header states under any of `CHARGES`; None if it states none.

    Parameters
    ----------
    info
        The header. An array with a value for every atom is no total charge.
    n_atoms
        Number of atoms.
    initial
        Charges of the atoms as ASE keeps them, e, shape (n,). Their sum is the total charge if it is a whole number and
        they do not all vanish, which is how ASE says that there are none.

    Raises
    ------
    TrajectoryError
        If a charge is not a number, or two differ.
    """
    stated: dict[str, float] = {}
    for key, value in info.items():
        if not _is_charge(key, value, n_atoms):
            continue
        try:
            stated[key] = float(np.asarray(value, dtype=float).reshape(()))
        except (TypeError, ValueError):
            stated[key] = np.nan
        if isinstance(value, bool) or not np.isfinite(stated[key]):
            raise TrajectoryError(f"the total charge {key}={value} is not a number; correct the header")
    if (
        initial is not None
        and np.any(initial)
        and abs(np.sum(initial) - (whole := round(np.sum(initial)))) < SAME_CHARGE
    ):
        stated["the sum of initial_charges"] = float(whole)
    for key, charge in stated.items():
        first = next(iter(stated))
        if abs(charge - stated[first]) > SAME_CHARGE:
            raise TrajectoryError(
                f"two total charges, {first}={stated[first]:g} and {key}={charge:g}; leave out the wrong one"
            )
    return next(iter(stated.values()), None)


def with_charge(info: Mapping[str, Any], charge: float | None, n_atoms: int) -> dict[str, Any]:
    """Return a header that states the total charge (e) once, as ``total_charge``; as it is if there is none."""
    if charge is None:
        return dict(info)
    others = {key: value for key, value in info.items() if key == CHARGE or not _is_charge(key, value, n_atoms)}
    return others | {CHARGE: float(charge)}


def _is_charge(key: str, value: Any, n_atoms: int) -> bool:
    """Return whether an entry of a header is the charge of all atoms together."""
    of_each = n_atoms > 1 and np.shape(value) == (n_atoms,)
    return key.lower().replace("_", "").replace("-", "") in CHARGES and not of_each
