"""What every frame of a trajectory must be: the same atoms, finite numbers, a cell, near the frame before it."""

from __future__ import annotations

import numpy as np

from mimyria.elements import symbols_of
from mimyria.errors import TrajectoryError
from mimyria.frame import Array, Frame
from mimyria.trajectory.differences import displacement

LARGEST_STRAIN = 0.2
"""Change of the volume from one frame to the next, as a part of it, that no barostat makes."""

FASTEST_ATOM, SMALLEST_JUMP = 0.25, 0.3
"""Å/fs and Å: an atom that is further off than the one times the time, and the other, did not fly there."""

LONGEST_FLIGHT = 10.0
"""fs; after a longer time an atom may be anywhere among its neighbours."""


def check_atoms(place: str, found: Array, expected: Array) -> None:
    """Raise TrajectoryError unless the atomic numbers are those of the first frame, in their order."""
    if found is expected or np.array_equal(found, expected):
        return
    if len(found) != len(expected):
        raise TrajectoryError(f"{place}: {len(found)} atoms, but frame 0 has {len(expected)}")
    atom = int(np.flatnonzero(found != expected)[0])
    symbol, wanted = symbols_of([found[atom], expected[atom]])
    raise TrajectoryError(f"{place}: atom {atom} is {symbol}, but {wanted} in frame 0; the atoms must keep their order")


def check_finite(place: str, frame: Frame) -> None:
    """Raise TrajectoryError where a position or a velocity is not a number."""
    for name, values in (("position", frame.positions), ("velocity", frame.velocities)):
        if values is not None and not np.isfinite(values).all():
            atom = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
            raise TrajectoryError(f"{place}: the {name} of atom {atom} is {values[atom]}")


def check_cell(place: str, cell: Array) -> None:
    """Raise TrajectoryError for a cell without a finite volume."""
    volume = abs(np.linalg.det(cell))
    if not (np.isfinite(volume) and volume > 0):
        raise TrajectoryError(
            f"{place}: no cell, or one without volume; give --cell A B C, or nine numbers, in Angstrom"
        )


def check_strain(place: str, before: Frame, now: Frame) -> None:
    """Raise TrajectoryError where the volume jumps from one frame to the next."""
    if now.cell is before.cell:
        return
    ratio = now.volume / before.volume
    if max(ratio, 1 / ratio) > 1 + LARGEST_STRAIN:
        raise TrajectoryError(
            f"{place}: the volume jumps from {before.volume:.5g} to {now.volume:.5g} Å³: two systems, or cells in "
            "two units, in one file; stay on one side of it with --frames"
        )


def describe_jump(before: Frame, now: Frame, elapsed: float) -> str | None:
    """Return how many atoms jumped from one frame to the next, in words; None where all flew, or none can tell.

    Parameters
    ----------
    before, now
        The frames.
    elapsed
        The time between them, fs.
    """
    if elapsed > LONGEST_FLIGHT:
        return None
    distance = np.linalg.norm(displacement(before, now), axis=1)
    jumped = np.flatnonzero(distance > SMALLEST_JUMP + FASTEST_ATOM * elapsed)
    if not jumped.size:
        return None
    return (
        f"{jumped.size} of {len(now)} atoms jump, atom {jumped[0]} by {distance[jumped[0]]:.3g} Å within "
        f"{elapsed:g} fs: atoms change places in the file, or frames of different runs follow each other"
    )
