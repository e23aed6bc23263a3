"""Two xyz files, positions and velocities, as CP2K writes them, matched frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import tee, zip_longest

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.formats.extxyz import SUFFIXES, read_extxyz
from mimyria.formats.source import Progress, Reader, Source, VelocityUnit
from mimyria.frame import Frame

TIME_TOLERANCE = 1e-3
"""fs; both files print the time with three decimals."""


def read_pair(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames of ``source.path`` with the velocities of ``source.velocities``."""
    if source.velocities is None:
        raise TrajectoryError(f"{source.path}: the second file, with the velocities, is missing; give --velocities")
    places, of_positions, of_velocities = tee(indices, 3)
    positions = read_extxyz(source, of_positions, progress)
    velocities = read_extxyz(Source(source.velocities, times_only=source.times_only), of_velocities, Progress())
    # To the end of the longer file: a run killed between its two writes leaves one frame without velocities.
    for index, (frame, other) in zip(places, zip_longest(positions, velocities), strict=False):
        place = f"{source.path} and {source.velocities}, frame {index}"
        if frame is None or other is None:
            ended = source.path if frame is None else source.velocities
            raise TrajectoryError(
                f"{place}: {ended} has ended; use the common part with `--frames 0:N`, N at most {index}"
            )
        if not np.array_equal(frame.numbers, other.numbers):
            raise TrajectoryError(
                f"{place}: not the same atoms ({len(frame)} and {len(other)}); the files do not belong together"
            )
        if frame.time is not None and other.time is not None and abs(frame.time - other.time) > TIME_TOLERANCE:
            raise TrajectoryError(
                f"{place}: times {frame.time:g} and {other.time:g} fs; both files must hold the same "
                "frames, stored at one interval, after a restart too"
            )
        yield replace(frame, velocities=other.positions)


PAIR = Reader(
    "pair",
    lambda source: source.velocities is not None and source.suffix in SUFFIXES,
    read_pair,
    lambda source, frame: VelocityUnit(hint=" (CP2K: au)"),
    uses=("velocities",),
)
