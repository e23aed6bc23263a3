"""`Frame`: the atoms of a cell at one instant. Å and Å/fs, cell vectors as rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""Any numpy array; the docstring says which shape and unit."""

AXES = "xyz"
"""Names of the Cartesian axes."""


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
        """The charge (e) that the frame's header states as ``total_charge``, else zero."""
        return float(self.info.get("total_charge", 0.0))

    @property
    def volume(self) -> float:
        """|det(cell)| in Å³; zero where a direction has no cell vector."""
        return float(abs(np.linalg.det(self.cell)))
