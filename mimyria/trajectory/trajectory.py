"""`Trajectory`: the frames of a molecular dynamics run, streamed and checked, with velocities, times and a cell."""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from itertools import chain, count, islice, tee
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.declare import values_of
from mimyria.elements import frame_masses
from mimyria.errors import ConfigError, TrajectoryError
from mimyria.files.cells import given_cell
from mimyria.files.source import Progress, Reader, Source
from mimyria.formats.readers import find_reader
from mimyria.frame import Array, Frame, changed
from mimyria.settings import Reading
from mimyria.trajectory.beads import Beads, centroid
from mimyria.trajectory.differences import attenuation, central_differences
from mimyria.trajectory.frame_checks import (
    check_atoms,
    check_cell,
    check_finite,
    check_strain,
    check_successive,
    check_velocities,
    describe_jump,
    is_another,
    is_uneventful,
)
from mimyria.trajectory.segments import Stretch, count_distinct, find_stretches, order_stretches
from mimyria.trajectory.times import check_time, choose_timestep, read_clock, stored_interval, tell_interval

log = logging.getLogger("mimyria")

FIRST_FRAMES = 32
"""Read when a trajectory is opened, for the interval between their times."""
O_H_STRETCH = 3500.0
"""cm⁻¹, for which the attenuation by central differences is logged."""


class Trajectory:
    """Frames of a run, streamed.

    Parameters
    ----------
    path, topology, velocities, velocity_unit, layout, species, mass
        See `Source`.
    cell
        Instead of the cell in the file: three lengths (Å), these and three angles (degrees), nine numbers by rows, or
        CP2K's ``.cell`` file with the cell at every step; periodic in all directions.
    timestep
        Time between stored frames, fs, instead of the one in the file.
    beads
        Pattern of the files of the beads of a path integral, which stand for ``path``, as ``velocities`` does for those
        of their velocities.

    Attributes
    ----------
    n_beads
        Number of beads; one for classical nuclei. Frames are those of the centroid, and hold the beads.
    numbers, masses, timestep
        Atomic numbers and masses (u), shape (n,), the same in every frame; time between stored frames, fs.
    states_time
        Whether that time is what the file states, and nobody has given another.
    n_frames, start
        Number of frames, or None if the format does not state it; index in the file of the first frame.
    velocity_unit, unit_is_fixed
        Name of the unit of the file's velocities, and whether the format determines it.
    differenced
        Whether the velocities are central differences. Then the first and the last frame have none and are dropped, and
        a motion of angular frequency ω is attenuated by sin(ωδ)/(ωδ).
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        topology: str | os.PathLike[str] | None = None,
        velocities: str | os.PathLike[str] | None = None,
        velocity_unit: str | None = None,
        cell: str | os.PathLike[str] | Sequence[float] | Array | None = None,
        timestep: float | None = None,
        layout: str | None = None,
        species: Mapping[str, str] | None = None,
        mass: Mapping[str, float] | None = None,
        beads: str | os.PathLike[str] | None = None,
    ) -> None:
        self.path = Path(path if beads is None else beads)
        second = self.velocities_path = None if velocities is None else Path(velocities)
        told: dict[str, Any] = {"topology": None if topology is None else Path(topology), "layout": layout}
        told |= {"velocity_unit": velocity_unit, "species": species or {}, "mass": mass or {}}
        if beads is None:
            self._source, self.n_beads = Source(path=self.path, velocities=second, **told), 1
            self._reader: Reader | Beads = find_reader(self._source)
        else:
            found = Beads.find(self.path, second, **told)
            self._reader, self._source, self.n_beads = found, found.beads[0].source, len(found.beads)
        self._cell_of = None if cell is None else given_cell(cell)
        self._progress = Progress()
        first, clocks, ended, n_repeated = self._first_frames()
        self.numbers, self.masses = first.numbers, frame_masses(first)
        self.n_frames = self._progress.n_frames
        self.differenced = first.velocities is None
        if self.differenced and velocity_unit is not None:
            raise TrajectoryError(f"{self.path}: holds no velocities; leave --velocity-unit {velocity_unit} out")
        self._interval = stored_interval(clocks)
        if first.time is None or tell_interval(self.path, clocks, self._interval, timestep):
            check_successive(self.path, n_repeated, len(clocks))
        self._given = timestep
        self.states_time = first.time is not None and timestep is None
        self.timestep = choose_timestep(self.path, timestep, None if first.time is None else self._interval)
        self._origin, self._first_clock = first.time or 0.0, clocks[0] or 0.0
        # Endless even if the number of frames is known: files grow while their run goes on.
        self._places: Sequence[range] = (range(sys.maxsize),)
        self.start = 0
        self._jump_told = False
        unit = self._reader.velocity_unit(self._source, first)
        self.velocity_unit, self.unit_is_fixed = velocity_unit or unit.name, unit.fixed
        self._check(f"{self.path}, frame 0", first)
        check_cell(f"{self.path}, frame 0", first.cell)
        if self.differenced:
            if ended and len(clocks) < 3:
                raise TrajectoryError(
                    f"{self.path}: no velocities, and differences need three frames; it has {len(clocks)}"
                )
            log.warning(
                f"{self.path}: no velocities. They are made by central differences of positions over "
                f"±{self.timestep:g} fs, which attenuates a motion at {O_H_STRETCH:g} cm-1 to "
                f"{attenuation(O_H_STRETCH, self.timestep):.3f}; the spectra are corrected for this"
            )

    @property
    def stored(self) -> list[tuple[int, int | None]]:
        """Ranges (start, stop) of these frames in the file; the last one is left open, for the file may grow."""
        *closed, last = self._places
        return [*((places.start, places.stop) for places in closed), (last.start, None)]

    @property
    def places(self) -> Sequence[range]:
        """Indices of the frames in the file; practically endless if their number is not known."""
        return self._places

    @property
    def n_usable(self) -> int:
        """Number of frames that have velocities; zero if ``n_frames`` is not known."""
        return max((self.n_frames or 0) - 2 * self.differenced, 0)

    @property
    def fraction_read(self) -> float | None:
        """The part of the file, 0 to 1, that the latest iteration has read; None if it cannot be known."""
        return self._progress.fraction

    def frames(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Frame]:
        """Yield frames start, start + step, ... before stop, each with velocities, time and cell.

        Their time, fs, is that of the first frame plus index times ``timestep``, free of the rounding in the file.
        """
        if start < 0 or step < 1 or (stop is not None and stop < 0):
            raise TrajectoryError(f"{self.path}: frames {start}:{stop}:{step} must not count from the end or backwards")
        if self.differenced:
            numbered = central_differences(self._stored, start, stop, step, self.timestep)
        else:
            numbered = self._stored(count(start, step) if stop is None else range(start, stop, step))
        return (frame for _, frame in numbered)

    def pick(self, indices: Iterable[int]) -> Iterator[Frame]:
        """Yield the frames of ascending indices in one pass, with velocities only if the file stores them."""
        return (frame for _, frame in self._stored(indices))

    def segments(
        self, start: int = 0, stop: int | None = None, advance: Callable[[float | None, str], None] | None = None
    ) -> list[Trajectory]:
        """Return the frames start to stop of the file as trajectories without gaps and doubled frames.

        This takes one pass over the times of the frames, or over whole frames if they have no time. Velocities by
        differences need one more frame on either side, which is included. ``advance`` is called with the part of the
        file that has been read, and the purpose.
        """
        first = max(start - self.differenced, 0)
        clocks = self._clocks(first, stop, advance)
        few = list(islice(clocks, FIRST_FRAMES))
        if not few:
            raise TrajectoryError(f"{self.path}: it ends before frame {start}; give an earlier one to --frames")
        interval = stored_interval(few) or self._interval or 1.0
        stretches = find_stretches(self.path, chain(few, clocks), first, interval)
        return [self._segment(segment, interval) for segment in order_stretches(self.path, stretches, interval)]

    def _segment(self, stretches: Sequence[Stretch], interval: float) -> Trajectory:
        """Return the trajectory of one segment."""
        segment = copy(self)
        segment._places = [stretch.places for stretch in stretches]
        segment.start = stretches[0].places[0]
        segment.n_frames = sum(map(len, segment._places))
        segment._interval = None if self._interval is None else interval
        segment.timestep = interval if self._given is None else self._given
        # The clock may count steps, and the user may give another time step: only the number of intervals is certain.
        segment._origin = self._origin + (stretches[0].first - self._first_clock) / interval * segment.timestep
        return segment

    def _clocks(
        self, start: int, stop: int | None, advance: Callable[[float | None, str], None] | None
    ) -> Iterator[float | None]:
        """Yield the clocks of stored frames; frames without any are counted."""
        places = count(start) if stop is None else range(start, stop + self.differenced)
        clockless = self._interval is None
        frames = self._reader.frames(replace(self._source, times_only=not clockless), places, self._progress)
        following = start
        try:
            for now in count_distinct(frames) if clockless else map(read_clock, frames):
                if advance is not None:
                    advance(self._progress.fraction, "times of frames")
                yield now
                following += 1
        except TrajectoryError:
            # Only the neighbour beyond the requested range is damaged: treat it as the end of the file.
            if following != stop:
                raise

    def _first_frames(self) -> tuple[Frame, list[float | None], bool, int]:
        """Return the first frame, the clocks of the first few, whether the file ends with these, and how many repeat.

        These have the clock of the frame before, and other positions.
        """
        frames = self._reader.frames(self._source, count(), self._progress)
        first = next(frames, None)
        if first is None:
            raise TrajectoryError(f"{self.path}: holds no frame")
        clocks, ended, moving = [read_clock(first)], False, [first.velocities is not None]
        before, n_repeated = first, 0
        try:
            for frame in islice(frames, FIRST_FRAMES - 1):
                clocks.append(read_clock(frame))
                moving.append(frame.velocities is not None)
                n_repeated += clocks[-1] is not None and clocks[-1] == clocks[-2] and is_another(before, frame)
                before = frame
            ended = len(clocks) < FIRST_FRAMES
        except TrajectoryError:
            # The frames before the damaged one may be all that is wanted; who reads it gets the error again.
            if len(clocks) < 2:
                raise
        if self._progress.fraction is not None:
            self._progress.fraction = 0.0
        check_velocities(self.path, moving)
        own, first = first.cell, self._in_cell(f"{self.path}, frame 0", first)
        if own.any() and not np.allclose(own, first.cell, rtol=0.01, atol=0.01):
            stored = " ".join(f"{number:g}" for number in own.ravel())
            log.warning(f"{self.path}: --cell overrides the cell in the file, {stored}")
        return first, clocks, ended, n_repeated

    def _stored(self, indices: Iterable[int]) -> Iterator[tuple[int, Frame]]:
        """Yield frames with their indices, after all checks, with the cell and the time of this trajectory."""
        # The reader consumes places in the file one at a time, so both iterators advance together, at any length.
        ours, theirs = tee(self._located(indices))
        frames = self._reader.frames(self._source, (at for _, at in theirs), self._progress)
        before: tuple[int, Frame] | None = None
        clock_before: float | None = None
        for (index, at), stored in zip(ours, frames, strict=False):
            place = f"{self.path}, frame {at}"
            clock = read_clock(stored)
            if self._interval is not None and before is not None and clock_before is not None:
                check_time(place, index - before[0], clock_before, clock, self._interval)
            placed = self._in_cell(place, stored)
            # An equal cell is the very same: what has been found of it is not computed again.
            cell = placed.cell
            if before is not None and cell is not before[1].cell and bool((cell == before[1].cell).all()):
                cell = before[1].cell
            frame = changed(placed, time=self._origin + index * self.timestep, cell=cell)
            elapsed = 0.0 if before is None else (index - before[0]) * self.timestep
            eventful = before is None or not is_uneventful(before[1], frame, elapsed)
            if eventful:
                self._check(place, frame)
            if before is None or cell is not before[1].cell:
                check_cell(place, cell)
            if before is not None and cell is not before[1].cell:
                check_strain(place, before[1], frame)
            if before is not None and eventful:
                self._check_jump(place, before[1], frame, elapsed)
            before, clock_before = (index, frame), clock
            yield index, frame

    def _located(self, indices: Iterable[int]) -> Iterator[tuple[int, int]]:
        """Yield indices in this trajectory with those in the file, until either ends."""
        ranges = iter(self._places)
        places, first = next(ranges), 0
        for index in indices:
            while index - first >= len(places):
                first += len(places)
                if (following := next(ranges, None)) is None:
                    return
                places = following
            yield index, places[index - first]

    def _in_cell(self, place: str, frame: Frame) -> Frame:
        """Return a frame in the cell of this trajectory, and the centroid instead of beads."""
        if self._cell_of is not None:
            frame = changed(frame, cell=self._cell_of(place, frame), periodic=np.ones(3, dtype=bool))
        return centroid(place, frame) if frame.beads else frame

    def _check(self, place: str, frame: Frame) -> None:
        """Raise TrajectoryError unless the frame has the atoms of the first, and finite positions and velocities."""
        check_atoms(place, frame, self.numbers)
        if not self.differenced and frame.velocities is None:
            raise TrajectoryError(
                f"{place}: no velocities, unlike frame 0; store them at every frame, or end before it with --frames"
            )
        check_finite(place, frame)

    def _check_jump(self, place: str, before: Frame, now: Frame, elapsed: float) -> None:
        """Raise TrajectoryError if atoms jump whose velocities are differences; else warn, once."""
        if self._jump_told or (words := describe_jump(before, now, elapsed)) is None:
            return
        if self.differenced:
            raise TrajectoryError(f"{place}: {words}; no velocities can be made from this: end before it with --frames")
        self._jump_told = True
        log.warning(f"{place}: {words}; the density of states is wrong there: end before it with --frames")


def open_trajectories(paths: Sequence[Path], reading: Reading) -> list[Trajectory]:
    """Return trajectories; raise ConfigError if one is given twice, or one file of velocities or cells for several."""
    for what, file in (("velocities", reading.velocities), ("cells", reading.cell)):
        if isinstance(file, Path) and len(paths) > 1:
            raise ConfigError(
                f"{file} holds the {what} of one trajectory, but {len(paths)} are given: make their spectra "
                f"separately, or write positions and {what} into one file"
            )
    for path, times in Counter(path.resolve() for path in paths).items():
        if times > 1:
            raise ConfigError(f"{path} is given {times} times: errors would be too small; give each trajectory once")
    opened = paths if reading.beads is None else [reading.beads]
    return [Trajectory(path, **values_of(reading, Reading)) for path in opened]
