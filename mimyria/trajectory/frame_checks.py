"""Checks of every frame: same atoms, finite numbers, a cell with a volume, and no jump from the frame before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mimyria.elements import symbols_of
from mimyria.errors import ConfigError, TrajectoryError
from mimyria.frame import Array, Frame
from mimyria.trajectory.differences import displacement

LARGEST_STRAIN = 0.2
"""Relative change of the volume between two frames; no barostat is that fast."""
FASTEST_ATOM, SMALLEST_JUMP = 0.25, 0.3
"""Å/fs and Å: an atom that moves further than the speed times the time, plus the distance, has jumped."""
LONGEST_INTERVAL = 10.0
"""fs; over longer times an atom can reach the place of its neighbour, so that a jump cannot be told."""
SAME = 1e-3
"""Å; a frame that a restart writes again has the positions of the first, but for their last digits."""


def check_atoms(place: str, frame: Frame, expected: Array) -> None:
    """Raise TrajectoryError unless the atomic numbers ``found`` are those of the first frame, in the same order."""
    found = frame.numbers
    if np.array_equal(found, expected):
        return
    if len(found) != len(expected):
        raise TrajectoryError(
            f"{place}: {len(found)} atoms, but frame 0 has {len(expected)}; take the part with one system with --frames"
        )
    atom = int(np.flatnonzero(found != expected)[0])
    symbol, wanted = symbols_of([found[atom], expected[atom]])
    raise TrajectoryError(
        f"{place}: atom {frame.in_file(atom)} is {symbol}, but {wanted} in frame 0; the atoms must keep their order"
    )


def check_velocities(path: Path, moving: Sequence[bool]) -> None:
    """Raise TrajectoryError if some of the first frames have no velocities, but some after them do."""
    if list(moving) != sorted(moving, reverse=True):
        with_velocities = [index for index, has in enumerate(moving) if has]
        shown = ", ".join(map(str, with_velocities[:4])) + (", ..." if len(with_velocities) > 4 else "")
        raise TrajectoryError(
            f"{path}: of its first {len(moving)} frames only {shown} have velocities, not {moving.index(False)}; "
            "write them as often as positions, or take the frames that have them into a file of their own"
        )


def check_finite(place: str, frame: Frame, remedy: str = "the run has failed; end before it with --frames") -> None:
    """Raise TrajectoryError if a position, a velocity or the cell is not of finite numbers."""
    if found := not_finite(frame):
        raise TrajectoryError(f"{place}: {found}: {remedy}")


def not_finite(frame: Frame) -> str:
    """Return the words for the first position, velocity or cell that is not finite, ``""`` if there is none."""
    if not np.isfinite(frame.cell[frame.periodic]).all():
        return f"the cell is {frame.cell.tolist()}"
    for name, values in (("position", frame.positions), ("velocity", frame.velocities)):
        if values is not None and not np.isfinite(values).all():
            atom = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
            return f"the {name} of atom {frame.in_file(atom)} is {values[atom]}"
    return ""


def check_repeats(place: str, frame: Frame, remedy: str = "give --cell") -> None:
    """Raise ConfigError if the cell vectors that repeat span no volume."""
    repeats = frame.cell[frame.periodic]
    if not np.isfinite(repeats).all() or np.linalg.matrix_rank(repeats) < len(repeats):
        raise ConfigError(f"{place}: the cell vectors {np.round(frame.cell, 3).tolist()} span no volume; {remedy}")


def check_cell(place: str, cell: Array) -> None:
    """Raise TrajectoryError for a cell without a finite volume."""
    if not (np.isfinite(cell).all() and 0 < abs(np.linalg.det(cell)) < np.inf):
        raise TrajectoryError(
            f"{place}: no cell, or one without volume; give --cell, numbers (Å) or a .cell file of CP2K"
        )


def is_another(before: Frame, now: Frame) -> bool:
    """Return whether two frames of one time are not the same one, written again by a restart."""
    ours, theirs = before.positions, now.positions
    return ours.shape != theirs.shape or not np.allclose(ours, theirs, rtol=0, atol=SAME)


def check_successive(path: Path, n_repeated: int, n_frames: int) -> None:
    """Raise TrajectoryError if many of the first frames have the time of the frame before, and other positions."""
    if n_repeated > n_frames / 3:
        raise TrajectoryError(
            f"{path}: {n_repeated} of its first {n_frames} frames repeat the time of the frame before with other "
            "positions: beads of a ring polymer, or several systems, one after the other; write each into a file of "
            "its own, and read beads with --beads"
        )


def is_uneventful(before: Frame, now: Frame, elapsed: float) -> bool:
    """Return whether atoms, positions and velocities of a frame, ``elapsed`` fs after another, pass all checks.

    If it cannot tell, these must look; frames of a run mostly pass. Readers return the same numbers as long as the
    atoms stay the same; a position that is not finite leaves no largest displacement, and a velocity no sum of squares.
    """
    if elapsed > LONGEST_INTERVAL or now.numbers is not before.numbers:
        return False
    if (now.velocities is None) is not (before.velocities is None):
        return False
    moved = np.abs(now.positions - before.positions).ravel()
    if not moved[moved.argmax()] < _longest_move(elapsed) / 2:
        return False
    return now.velocities is None or math.isfinite(np.vdot(now.velocities, now.velocities))


def _longest_move(elapsed: float) -> float:
    """Return how far an atom can go within some fs, Å; one that has gone further has jumped."""
    return SMALLEST_JUMP + FASTEST_ATOM * elapsed


def check_strain(place: str, before: Frame, now: Frame) -> None:
    """Raise TrajectoryError if the volume jumps from one frame to the next."""
    ratio = now.volume / before.volume
    if max(ratio, 1 / ratio) > 1 + LARGEST_STRAIN:
        raise TrajectoryError(
            f"{place}: the volume jumps from {before.volume:.5g} to {now.volume:.5g} Å³: the file holds two "
            "systems, or cells in two units; take one of them with --frames"
        )


def describe_jump(before: Frame, now: Frame, elapsed: float) -> str | None:
    """Return which atoms jumped between two frames ``elapsed`` fs apart, in words; None if none or too far apart."""
    if elapsed > LONGEST_INTERVAL:
        return None
    longest = _longest_move(elapsed)
    distance = np.linalg.norm(displacement(before, now), axis=1)
    jumped = np.flatnonzero(distance > longest)
    if not jumped.size:
        return None
    return (
        f"{jumped.size} of {len(now)} atoms jump, atom {now.in_file(jumped[0])} by {distance[jumped[0]]:.3g} Å within "
        f"{elapsed:g} fs: the file changes the order of its atoms, or goes over to another run"
    )
