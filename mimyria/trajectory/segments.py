"""Stored frames put in order by their clocks: what a restart doubled is left out, and a gap begins a new segment.

A restart goes on from a checkpoint: where the time goes back, the frames of the abandoned branch are left out and those
of the restart taken, so that every segment is one continuous run. Where it goes back to the beginning, or before it,
another run has been appended: it is a segment by itself.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.frame import Frame
from mimyria.trajectory.times import MOST_ROUNDING, is_consecutive, no_clock

log = logging.getLogger("mimyria")

MOST_UNEVEN = 3
"""Steps in time, one after another, that are too long or too short: then it is the interval that changes."""
SHOWN = 3
"""Places named in a note."""


@dataclass(frozen=True)
class Stretch:
    """Stored frames that follow each other in the file and in time.

    Parameters
    ----------
    places
        Where they are stored.
    first, last
        What the clocks of the first and the last show.
    """

    places: range
    first: float
    last: float

    def before(self, end: float) -> Stretch:
        """Return the part, which may be empty, whose clocks show less than ``end``."""
        step = (self.last - self.first) / max(len(self.places) - 1, 1) or 1.0
        n_frames = min(max(math.ceil((end - self.first) / step), 0), len(self.places))
        return Stretch(self.places[:n_frames], self.first, self.first + (n_frames - 1) * step)


def count_distinct(frames: Iterable[Frame]) -> Iterator[float]:
    """Yield a clock for frames that have none: it stands still where a frame repeats the one before in every digit."""
    now, before = -1.0, None
    for frame in frames:
        now += before is None or not _same(before, frame)
        yield now
        before = frame


def _same(one: Frame, other: Frame) -> bool:
    moves = one.velocities is not None and other.velocities is not None
    return np.array_equal(one.positions, other.positions) and (
        not moves or np.array_equal(np.asarray(one.velocities), np.asarray(other.velocities))
    )


def find_stretches(path: Path, clocks: Iterable[float | None], start: int, interval: float) -> Iterator[Stretch]:
    """Yield the runs of a file in the order in which they are stored.

    Parameters
    ----------
    path
        For messages.
    clocks
        Of the frames from ``start`` on.
    start
        Place of the first frame.
    interval
        Between frames.
    """
    begin, first, before, uneven, place = start, 0.0, 0.0, 0, start
    for place, now in enumerate(clocks, start):
        if now is None:
            raise no_clock(f"{path}, frame {place}")
        if place == start:
            first = now
        elif is_consecutive(before, now, interval):
            uneven = 0
        else:
            uneven = uneven + 1 if now > before else 0
            if uneven == MOST_UNEVEN:
                raise TrajectoryError(
                    f"{path}, frame {place}: its time {now:g} does not follow {before:g}, nor do those of the frames "
                    f"before it, after {interval:g} like the first: the time between the frames changes; take a part "
                    "with one interval with --frames FIRST:LAST, or write the frames at a fixed interval"
                )
            yield Stretch(range(begin, place), first, before)
            begin, first = place, now
        before = now
    yield Stretch(range(begin, place + 1), first, before)


def order_stretches(path: Path, stored: Iterable[Stretch], interval: float) -> list[list[Stretch]]:
    """Return the segments of a file, each the runs that make it up; log what was left out, and where the gaps are."""
    segments: list[list[Stretch]] = []
    doubled: list[str] = []
    gaps: list[str] = []
    n_doubled = 0
    for run in stored:
        place = f"frame {run.places[0]}"
        if segments and not _begins_again(segments[-1], run, interval):
            segment = segments[-1]
            if n_frames := _overwrite(segment, run.first - MOST_ROUNDING * interval):
                n_doubled += n_frames
                doubled.append(place)
            if not segment or is_consecutive(segment[-1].last, run.first, interval):
                segment.append(run)
                continue
        if segments:
            gaps.append(f"{place} ({segments[-1][-1].last:g} to {run.first:g})")
        segments.append([run])
    if doubled:
        log.warning(
            "%s: frames that a restart wrote again are left out: %d, before %s", path, n_doubled, _some(doubled)
        )
    if gaps:
        log.warning(
            "%s: the time jumps at %s: its %d segments are taken as trajectories", path, _some(gaps), len(segments)
        )
    return segments


def _begins_again(segment: list[Stretch], run: Stretch, interval: float) -> bool:
    """Return whether a run goes back to the beginning of a segment of several frames, or before it."""
    several = len(segment) > 1 or len(segment[0].places) > 1
    return several and run.first < segment[0].first + MOST_ROUNDING * interval


def _overwrite(segment: list[Stretch], end: float) -> int:
    """Take the frames whose clocks show ``end`` or more off a segment; return how many they were."""
    taken = 0
    while segment:
        run = segment.pop()
        kept = run.before(end)
        taken += len(run.places) - len(kept.places)
        if kept.places:
            segment.append(kept)
            break
    return taken


def _some(places: list[str]) -> str:
    more = [f"{len(places) - SHOWN} more"] if len(places) > SHOWN else []
    return ", ".join(places[:SHOWN] + more)
