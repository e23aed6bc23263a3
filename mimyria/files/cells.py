"""Cells that do not stand in the file of a trajectory: numbers, or CP2K's ``.cell`` file with one for every step."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.files.compression import open_lines, read_errors
from mimyria.frame import Array, Frame

TIME_TOLERANCE = 2e-3
"""fs; times are printed with three decimals in both files."""

CellOf = Callable[[str, Frame], Array]
"""Returns the cell of a stored frame, Å, shape (3, 3); the text names the frame in messages."""


def given_cell(cell: str | os.PathLike[str] | Sequence[float] | Array) -> CellOf:
    """Return the cell of each frame from three, six or nine numbers, or from the path of a file."""
    if isinstance(cell, str | os.PathLike):
        return CellFile.read(Path(cell)).cell_of
    fixed = cell_matrix(cell)
    return lambda place, frame: fixed


def cell_matrix(cell: Sequence[float] | Array) -> Array:
    """Return cell vectors as rows, Å, from three lengths, these and three angles (degrees), or nine numbers."""
    numbers = np.asarray(cell, dtype=float).ravel()
    if numbers.size not in (3, 6, 9):
        raise TrajectoryError(
            f"--cell takes three lengths, with or without angles, or nine numbers, not {numbers.size}"
        )
    if numbers.size == 6:
        vectors = cell_of_angles(numbers.tolist())
    else:
        vectors = np.diag(numbers) if numbers.size == 3 else numbers.reshape(3, 3)
    volume = abs(np.linalg.det(vectors))
    if not (np.isfinite(volume) and volume > 0):
        raise TrajectoryError(f"--cell {' '.join(f'{number:g}' for number in numbers)} has no volume")
    return vectors


def cell_of_angles(numbers: Sequence[float]) -> Array:
    """Return cell vectors as rows, a along x and b in the xy plane, from a, b, c (any unit), α, β, γ (degrees)."""
    from ase.geometry.cell import cellpar_to_cell

    lengths, angles = np.asarray(numbers[:3]), np.asarray(numbers[3:])
    try:
        with np.errstate(invalid="ignore"):
            cell = np.asarray(cellpar_to_cell(numbers))
    except AssertionError:
        cell = np.full((3, 3), np.nan)
    if not ((lengths > 0).all() and (angles > 0).all() and (angles < 180).all() and np.isfinite(cell).all()):
        shown = " ".join(f"{number:g}" for number in numbers)
        raise TrajectoryError(f"{shown} are not the lengths and angles (degrees) of a cell")
    return cell


@dataclass(frozen=True)
class CellFile:
    """The cells that CP2K printed along a run (``MOTION / PRINT / CELL``)."""

    path: Path
    steps: Array
    times: Array
    """fs, shape (n,)."""
    cells: Array
    """Å, vectors as rows, shape (n, 3, 3)."""

    @classmethod
    def read(cls, path: Path) -> CellFile:
        """Return the lines ``step time Ax Ay Az Bx By Bz Cx Cy Cz volume`` of a file; raise TrajectoryError."""
        if not path.is_file():
            raise TrajectoryError(f"{path}: {'is a folder, not a file' if path.is_dir() else 'no such file'} (--cell)")
        unreadable: tuple[type[Exception], ...] = (ValueError, *read_errors(path))
        try:
            with open_lines(path) as (lines, _):
                words = [line.split()[:11] for line in lines if not line.lstrip().startswith(b"#")]
            rows = np.array([row for row in words if row], dtype=float)
        except unreadable:
            rows = np.empty(0)
        if rows.ndim != 2 or rows.shape[1] != 11 or not np.isfinite(rows).all():
            raise TrajectoryError(
                f"{path}: --cell takes numbers, or a .cell file of CP2K: lines of step, time (fs), nine numbers (Å)"
            )
        return cls(path, rows[:, 0], rows[:, 1], rows[:, 2:].reshape(-1, 3, 3))

    def cell_of(self, place: str, frame: Frame) -> Array:
        """Return the cell of a frame by its time, or by its step; of two lines of one time the later, of a restart."""
        what, clock, unit = ("time", frame.time, " fs") if frame.time is not None else ("step", frame.step, "")
        if clock is None:
            raise TrajectoryError(f"{place}: states neither time nor step, by which {self.path} tells the cell")
        order, clocks = self._sorted[what]
        line = int(np.searchsorted(clocks, clock + TIME_TOLERANCE, "right")) - 1
        if line < 0 or clocks[line] < clock - TIME_TOLERANCE:
            raise TrajectoryError(
                f"{place}: {self.path} has no cell for {what} {clock:g}{unit}, but {len(clocks)} from {clocks[0]:g} to "
                f"{clocks[-1]:g}{unit}; print the cell as often as positions, or leave frames out with --frames"
            )
        return np.asarray(self.cells[order[line]])

    @cached_property
    def _sorted(self) -> dict[str, tuple[Array, Array]]:
        """The lines in order of time, or of step, and these; of equal ones the later comes last."""
        found = {}
        for what, clocks in (("time", self.times), ("step", self.steps)):
            order = np.argsort(clocks, kind="stable")
            found[what] = (order, clocks[order])
        return found
