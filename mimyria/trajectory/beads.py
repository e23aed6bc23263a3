"""Beads of a path integral: their files are found by a pattern and read in step, and the centroid is made of them.

    R_c = 1/P Σ_k R_k          v_c = 1/P Σ_k v_k          over the beads k = 1, ..., P of each atom

One frame of each bead is in memory at a time.
"""

from __future__ import annotations

import glob
import logging
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, tee, zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.elements import symbols_of
from mimyria.errors import TrajectoryError
from mimyria.files.source import Progress, Reader, Source, VelocityUnit
from mimyria.formats.ipi import count_beads
from mimyria.formats.lammps import LAMMPS
from mimyria.formats.readers import find_reader
from mimyria.frame import Frame
from mimyria.trajectory.differences import minimum_image
from mimyria.trajectory.frame_checks import check_finite
from mimyria.trajectory.times import read_clock

log = logging.getLogger("mimyria")

TIME_TOLERANCE, ROUNDING = 1e-3, 1e-6
"""fs or steps, and relative: clocks of one instant differ by no more, as one program has written them."""
LARGEST_RING = 4.0
"""Å, from the first bead to any other; those of a proton are within 1 Å at room temperature."""


def files_of(pattern: Path) -> list[Path]:
    """Return the file of this name, or else the files that match it as a pattern, in the order of their numbers.

    Raises
    ------
    TrajectoryError
        If there is none, if their names differ in more than one number, or if one of these numbers is missing.
    """
    return list(_numbered(pattern).values())


def _numbered(pattern: Path) -> dict[int, Path]:
    """Return the files of a pattern by their numbers, in ascending order; a single file has the number zero."""
    found = [pattern] if pattern.exists() else sorted(map(Path, glob.glob(str(pattern))))
    if not found:
        raise TrajectoryError(f"{pattern}: no such file, and no file that matches it as a pattern")
    if len(found) == 1:
        return {0: found[0]}
    # Every other part of a name that is split at its numbers is one of these.
    parts = [re.split(r"(\d+)", str(path)) for path in found]
    varying = [place for place, column in enumerate(zip_longest(*parts)) if len(set(column)) > 1]
    numbers = [int(words[varying[0]]) for words in parts] if len(varying) == 1 and varying[0] % 2 else []
    if len(set(numbers)) < len(found):
        raise TrajectoryError(
            f"{pattern}: {found[0]} and {found[-1]} differ in more than the number of a bead; give a pattern that "
            "matches one file of each bead, and no other file"
        )
    numbered = dict(sorted(zip(numbers, found, strict=True)))
    if missing := set(range(min(*numbers, 1), max(numbers))) - {*numbers}:
        raise TrajectoryError(
            f"{pattern}: of bead {', '.join(map(str, sorted(missing)))} there is no file; {len(found)} are there, the "
            f"last one {numbered[max(numbers)]}"
        )
    return numbered


@dataclass(frozen=True)
class Bead:
    """Where the frames of one bead are."""

    source: Source
    name: str
    """For messages."""
    first: int = 0
    step: int = 1
    stop: int | None = None
    """Places of its frames in a file that holds several beads."""

    def places(self, indices: Iterable[int]) -> Iterator[int]:
        """Yield the places in the file of the frames at some indices of the trajectory."""
        for index in indices:
            place = self.first + self.step * index
            if self.stop is not None and place >= self.stop:
                return
            yield place


@dataclass(frozen=True)
class Beads:
    """All beads, read in step; in the place of a `Reader` of a single trajectory."""

    beads: Sequence[Bead]
    reader: Reader

    @classmethod
    def find(cls, positions: Path, velocities: Path | None, **told: Any) -> Beads:
        """Return the beads of the files that match the patterns of positions and, if any, velocities.

        ``told`` is what else a `Source` takes. A single file is of one bead, or of several one after the other.
        """
        files = _numbered(positions)
        second = dict.fromkeys(files) if velocities is None else _numbered(velocities)
        for number in sorted({*files} ^ {*second}):
            there, not_there = (positions, velocities) if number in files else (velocities, positions)
            raise TrajectoryError(f"bead {number} has a file that matches {there}, but none that matches {not_there}")
        sources = [Source(path=path, velocities=second[number], **told) for number, path in files.items()]
        reader = find_reader(sources[0])
        if reader is LAMMPS:
            reader = replace(reader, read=_positions_of_lammps)
        if len(sources) == 1:
            split = _split(reader, sources[0])
            if len(split) == 1:
                log.warning(
                    f"{positions}: one bead alone, {sources[0].path}; a pattern that matches one file of each bead "
                    "gives them all, and beads in one file are told apart by the times of their frames"
                )
            return cls(split, reader)
        return cls([Bead(source, str(source.path)) for source in sources], reader)

    def velocity_unit(self, source: Source, frame: Frame) -> VelocityUnit:
        """Return the unit of the velocities of a frame."""
        return self.reader.velocity_unit(source, frame)

    def frames(self, source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
        """Yield the first bead of every instant, with all beads in it; see `centroid`.

        Raises
        ------
        TrajectoryError
            Names the bead that has ended before the others, or has other atoms, times or a cell of its own.
        """
        ours, *theirs = tee(indices, len(self.beads) + 1)
        read = [Progress() for _ in self.beads]
        streams = [
            self.reader.frames(replace(bead.source, times_only=source.times_only), bead.places(places), of_bead)
            for bead, places, of_bead in zip(self.beads, theirs, read, strict=True)
        ]
        for index, frames in zip(ours, zip_longest(*streams), strict=False):
            if ended := [bead.name for bead, frame in zip(self.beads, frames, strict=True) if frame is None]:
                longer = next(bead.name for bead in self.beads if bead.name not in ended)
                raise TrajectoryError(
                    f"{ended[0]}: ends before frame {index}, which {longer} has: the beads differ in length; use the "
                    f"common part with --frames 0:{index}"
                )
            for bead, frame in zip(self.beads, frames, strict=True):
                _check(f"{bead.name}, frame {index}", frame, frames[0], self.beads[0].name)
            progress.fraction = read[0].fraction
            yield replace(frames[0], beads=tuple(frames))


def _positions_of_lammps(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield frames without velocities: those of ``fix pimd/langevin`` are of the modes of the ring, not of beads."""
    for frame in LAMMPS.read(source, indices, progress):
        if frame.velocities is not None:
            source.note(
                f"{source.path}: its velocities are not read: LAMMPS keeps those of the modes of the ring, not of "
                "the beads"
            )
        yield replace(frame, velocities=None)


def _split(reader: Reader, source: Source) -> list[Bead]:
    """Return the beads of one file: frames of one time that follow each other, or one run after the other."""
    if (stated := count_beads(source.path)) > 1:
        return [Bead(replace(source, bead=k), f"{source.path}, bead {k}") for k in range(stated)]
    together, length, total = 0, 0, 0
    first: float | None = None
    for total, frame in enumerate(reader.frames(replace(source, times_only=True), count(), Progress()), 1):
        clock = read_clock(frame)
        if total == 1:
            first = clock
        same = clock is not None and clock == first
        if same and together == total - 1:
            together = total
        elif same and not length:
            length = total - 1
    if together > 1:
        return [Bead(source, f"{source.path}, bead {k}", k, together) for k in range(together)]
    if length:
        starts = range(0, total, length)
        return [Bead(source, f"{source.path}, bead {k}", at, 1, at + length) for k, at in enumerate(starts)]
    return [Bead(source, str(source.path))]


def _check(place: str, frame: Frame, first: Frame, other: str) -> None:
    """Raise TrajectoryError unless a bead fits the first one, of the file ``other``, and has finite numbers."""
    now, then = (read_clock(each) for each in (frame, first))
    both_tell = (now is None) == (then is None)
    if not both_tell or not math.isclose(now or 0, then or 0, rel_tol=ROUNDING, abs_tol=TIME_TOLERANCE):
        raise TrajectoryError(
            f"{place}: its time is {now}, but {then} in {other}; all beads must be stored at the same times"
        )
    if not np.array_equal(frame.numbers, first.numbers):
        if len(frame) != len(first):
            raise TrajectoryError(f"{place}: {len(frame)} atoms, but {len(first)} in {other}; beads are of one system")
        atom = int(np.flatnonzero(frame.numbers != first.numbers)[0])
        symbol, wanted = symbols_of([frame.numbers[atom], first.numbers[atom]])
        raise TrajectoryError(
            f"{place}: atom {atom} is {symbol}, but {wanted} in {other}; all beads must have their atoms in one order"
        )
    if (frame.velocities is None) != (first.velocities is None):
        without, having = (place, other) if frame.velocities is None else (other, place)
        raise TrajectoryError(f"{without}: no velocities, but {having} has them; store them for all beads, or for none")
    if not np.allclose(frame.cell, first.cell, rtol=ROUNDING, atol=TIME_TOLERANCE):
        raise TrajectoryError(f"{place}: another cell than that of {other}; all beads are in one cell")
    check_finite(place, frame)


def centroid(place: str, frame: Frame) -> Frame:
    """Return the centroid of the beads of a frame, which get its cell.

    Raises
    ------
    TrajectoryError
        If the beads of an atom are too far apart to be of one ring.
    """
    beads = tuple(replace(bead, cell=frame.cell, periodic=frame.periodic) for bead in frame.beads)
    first = beads[0].positions
    apart = np.array([bead.positions - first for bead in beads])
    if frame.volume:  # without a cell, which is reported elsewhere, there are no images
        # Wrapped into the cell, an atom at its face may have beads on both sides.
        apart = np.array([minimum_image(vectors, frame) for vectors in apart])
    distance = np.linalg.norm(apart, axis=2)
    if distance.size and distance.max() > LARGEST_RING:
        bead, atom = np.unravel_index(distance.argmax(), distance.shape)
        raise TrajectoryError(
            f"{place}: bead {bead} of atom {atom} is {distance.max():.3g} Å away from bead 0: "
            "the files are not the beads of one run, or differ in the order of the atoms"
        )
    velocities = None
    if frame.velocities is not None:
        velocities = np.mean([np.asarray(bead.velocities) for bead in beads], axis=0)
    return replace(frame, positions=first + apart.mean(axis=0), velocities=velocities, beads=beads)


def each_bead(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Yield the beads of frames, one after the other; a frame without beads is the only one of its own."""
    for frame in frames:
        yield from (replace(bead, time=frame.time) for bead in frame.beads) if frame.beads else (frame,)
