"""`Trajectory`: the frames of a molecular dynamics run, with velocities, times and a cell, each one checked."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count, islice, tee
from pathlib import Path

import numpy as np

from mimyria.elements import symbols_of
from mimyria.errors import TrajectoryError
from mimyria.frame import Array, Frame
from mimyria.trajectory.differences import attenuation, central_differences
from mimyria.trajectory.readers import READERS, reader_name
from mimyria.trajectory.source import Progress, Source
from mimyria.trajectory.times import check_time, choose_timestep, stored_interval

log = logging.getLogger("mimyria")

FIRST_FRAMES = 32
"""Read at the start, for the interval between their times."""

FASTEST = 3500.0
"""cm⁻¹: the O-H stretch, for which the loss by central differences is told."""


class Trajectory:
    """Frames of a run, streamed.

    Parameters
    ----------
    path
        The trajectory.
    topology
        File that names the atoms, for formats that do not.
    velocities
        Second xyz file with velocities (CP2K); needs ``velocity_unit``.
    velocity_unit
        A name in ``units.VELOCITY``.
    cell
        3 or 9 numbers, Å: instead of the cell in the file, periodic in all directions.
    timestep
        Time between stored frames, fs: instead of the one in the file.
    layout
        Index order of tensors stored in the frames, where the file does not state it.

    Attributes
    ----------
    path
        The trajectory.
    numbers
        Atomic numbers, shape (n,), the same in every frame.
    timestep
        Time between stored frames, fs.
    n_frames
        Number of stored frames, or None where the format does not say.
    differenced
        The velocities are central differences: the first and the last frame are dropped, and a motion of angular
        frequency ω is too slow by sin(ωδ)/(ωδ).
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        topology: str | os.PathLike[str] | None = None,
        velocities: str | os.PathLike[str] | None = None,
        velocity_unit: str | None = None,
        cell: Sequence[float] | Array | None = None,
        timestep: float | None = None,
        layout: str | None = None,
    ) -> None:
        self.path = Path(path)
        self._source = Source(
            path=self.path,
            topology=None if topology is None else Path(topology),
            velocities=None if velocities is None else Path(velocities),
            velocity_unit=velocity_unit,
            layout=layout,
        )
        self._read = READERS[reader_name(self._source)]
        self._cell = None if cell is None else cell_matrix(cell)
        self._progress = Progress()
        first, times, ended = self._first_frames()
        self.numbers = first.numbers
        self.n_frames = self._progress.n_frames
        self.differenced = first.velocities is None
        self._interval = stored_interval(times)
        self.timestep = choose_timestep(self.path, timestep, self._interval)
        self._origin = times[0] or 0.0
        self._check(f"{self.path}, frame 0", first)
        check_cell(f"{self.path}, frame 0", first.cell)
        if self.differenced:
            if ended and len(times) < 3:
                raise TrajectoryError(
                    f"{self.path}: no velocities, and differences need three frames; it has {len(times)}"
                )
            log.warning(
                "%s: no velocities; they are made by central differences, which shrink a motion at %g cm-1 to %.3f "
                "(sin(ωδ)/(ωδ), δ = %g fs); the spectrum undoes this",
                self.path,
                FASTEST,
                attenuation(FASTEST, self.timestep),
                self.timestep,
            )

    @property
    def fraction_read(self) -> float | None:
        """How much of the file the latest call of `frames` has read, 0 to 1; None where it cannot be known."""
        return self._progress.fraction

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Frame]:
        """Yield frames start, start + step, ... before stop, each with velocities, time and cell.

        Their time, fs, is that of the first frame plus index times ``timestep``, so it carries no rounding.
        """
        if start < 0 or step < 1 or (stop is not None and stop < 0):
            raise TrajectoryError(f"{self.path}: frames {start}:{stop}:{step} must not count from the end or backwards")
        if self.differenced:
            pairs = central_differences(self._stored, start, stop, step, self.timestep)
        else:
            pairs = self._stored(count(start, step) if stop is None else range(start, stop, step))
        return (frame for _, frame in pairs)

    def _first_frames(self) -> tuple[Frame, list[float | None], bool]:
        """Return the first frame, the times of the first few, and whether there are no more than these."""
        frames = self._read(self._source, count(), self._progress)
        first = next(frames, None)
        if first is None:
            raise TrajectoryError(f"{self.path}: holds no frame")
        times, ended = [first.time], False
        try:
            for frame in islice(frames, FIRST_FRAMES - 1):
                times.append(frame.time)
            ended = len(times) < FIRST_FRAMES
        except TrajectoryError:
            # Said again when that frame is asked for: the frames before it may be all that is wanted.
            if len(times) < 2:
                raise
        if self._progress.fraction is not None:
            self._progress.fraction = 0.0
        return self._in_cell(first), times, ended

    def _stored(self, indices: Iterable[int]) -> Iterator[tuple[int, Frame]]:
        """Yield stored frames with their indices, checked, in the cell and with the time of this trajectory."""
        ours, theirs = tee(indices)
        before: tuple[int, float] | None = None
        cell: Array | None = None
        for index, stored in zip(ours, self._read(self._source, theirs, self._progress), strict=False):
            place = f"{self.path}, frame {index}"
            if self._interval is not None:
                if before is not None:
                    check_time(place, index - before[0], before[1], stored.time, self._interval)
                before = None if stored.time is None else (index, stored.time)
            frame = self._in_cell(replace(stored, time=self._origin + index * self.timestep))
            self._check(place, frame)
            if frame.cell is not cell:
                check_cell(place, frame.cell)
                cell = frame.cell
            yield index, frame

    def _in_cell(self, frame: Frame) -> Frame:
        return frame if self._cell is None else replace(frame, cell=self._cell, periodic=np.ones(3, dtype=bool))

    def _check(self, place: str, frame: Frame) -> None:
        """Raise TrajectoryError unless the frame has the atoms of the first, and finite positions and velocities."""
        if frame.numbers is not self.numbers and not np.array_equal(frame.numbers, self.numbers):
            raise TrajectoryError(f"{place}: {_first_difference(frame.numbers, self.numbers)}")
        if not self.differenced and frame.velocities is None:
            raise TrajectoryError(f"{place}: no velocities, unlike frame 0; store both at the same interval")
        for name, values in (("position", frame.positions), ("velocity", frame.velocities)):
            if values is not None and not np.isfinite(values).all():
                atom = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
                raise TrajectoryError(f"{place}: the {name} of atom {atom + 1} is {values[atom]}")


def _first_difference(numbers: Array, expected: Array) -> str:
    """Return what differs between the atoms of a frame and those of the first, for a message."""
    if len(numbers) != len(expected):
        return f"{len(numbers)} atoms, but frame 0 has {len(expected)}"
    atom = int(np.flatnonzero(numbers != expected)[0])
    found, wanted = symbols_of([numbers[atom], expected[atom]])
    return f"atom {atom + 1} is {found}, but {wanted} in frame 0; the atoms must keep their order"


def cell_matrix(cell: Sequence[float] | Array) -> Array:
    """Return cell vectors as rows, Å, shape (3, 3), from three lengths or nine numbers."""
    numbers = np.asarray(cell, dtype=float).ravel()
    if numbers.size not in (3, 9):
        raise TrajectoryError(f"--cell takes three lengths or nine numbers, not {numbers.size}")
    vectors = np.diag(numbers) if numbers.size == 3 else numbers.reshape(3, 3)
    check_cell("--cell", vectors)
    return vectors


def check_cell(place: str, cell: Array) -> None:
    """Raise TrajectoryError for a cell without a finite volume."""
    volume = abs(np.linalg.det(cell))
    if not (np.isfinite(volume) and volume > 0):
        raise TrajectoryError(
            f"{place}: no cell, or one without volume; give --cell A B C, or nine numbers, in Angstrom"
        )
