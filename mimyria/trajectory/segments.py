"""Stored frames put in order by their clocks: doubled frames are left out, and a gap starts a new segment.

A restart resumes from a checkpoint and writes some frames again. Where the time goes back, the abandoned frames are
left out and those of the restart kept, so that every segment is one continuous run. Where it goes back to the beginning
of the segment, or before it, another run has been appended, which becomes a segment of its own.
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
"""So many irregular steps in a row are no gaps: the interval itself has changed."""
MOST_PLACES = 3  # named in a message


@dataclass(frozen=True)
class Stretch:
    """Frames that are consecutive both in the file and in time."""

    places: range
    """Their indices in the file."""
    first: float
    last: float
    """Clocks of the first and the last frame, fs or steps."""

    def before(self, end: float) -> Stretch:
        """Return the frames, possibly none, whose clocks show less than ``end``."""
        step = (self.last - self.first) / max(len(self.places) - 1, 1) or 1.0
        n_frames = min(max(math.ceil((end - self.first) / step), 0), len(self.places))
        return Stretch(self.places[:n_frames], self.first, self.first + (n_frames - 1) * step)


def count_distinct(frames: Iterable[Frame]) -> Iterator[float]:
    """Yield the clock 0, 1, ... of frames without one; a frame equal to the one before in every digit repeats it."""
    now, before = -1.0, None
    for frame in frames:
        now += before is None or not _same(before, frame)
        yield now
        before = frame


def _same(before: Frame, now: Frame) -> bool:
    pairs = [(before.positions, now.positions), (before.velocities, now.velocities)]
    return all(np.array_equal(a, b) for a, b in pairs if a is not None and b is not None)


def find_stretches(path: Path, clocks: Iterable[float | None], start: int, interval: float) -> Iterator[Stretch]:
    """Yield the stretches of a file as they are stored, from the clocks of its frames ``start`` and after.

    Raises
    ------
    TrajectoryError
        If a frame has no clock, or the ``interval`` between the frames changes.
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
            # A step back is a restart; only forward steps of another length hint at another interval.
            uneven = uneven + 1 if now > before else 0
            if uneven == MOST_UNEVEN:
                raise TrajectoryError(
                    f"{path}, frame {place}: its time {now:g} comes {now - before:g} after the frame before it, where "
                    f"{interval:g} was the rule: the time between the frames changes; take a part with a constant "
                    "interval with --frames FIRST:LAST, or write the frames at a constant interval"
                )
            yield Stretch(range(begin, place), first, before)
            begin, first = place, now
        before = now
    yield Stretch(range(begin, place + 1), first, before)


def order_stretches(path: Path, stored: Iterable[Stretch], interval: float) -> list[list[Stretch]]:
    """Return the segments of a file, each as its stretches; warn of doubled frames and of gaps."""
    segments: list[list[Stretch]] = []
    doubled: list[str] = []
    gaps: list[str] = []
    n_doubled = 0
    for stretch in stored:
        place = f"frame {stretch.places[0]}"
        if segments and not _is_another_run(segments[-1], stretch, interval):
            segment = segments[-1]
            # A little early, so that the first frame written again removes its double although both times are rounded.
            if n_frames := _remove_from(segment, stretch.first - MOST_ROUNDING * interval):
                n_doubled += n_frames
                doubled.append(place)
            if not segment or is_consecutive(segment[-1].last, stretch.first, interval):
                segment.append(stretch)
                continue
        if segments:
            gaps.append(f"{place} ({segments[-1][-1].last:g} to {stretch.first:g})")
        segments.append([stretch])
    if doubled:
        log.warning(f"{path}: {n_doubled} frames that a restart wrote again are left out, before {_first_few(doubled)}")
    if gaps:
        log.warning(
            f"{path}: the time jumps at {_first_few(gaps)}; its {len(segments)} segments are used as separate "
            "trajectories"
        )
    return segments


def _is_another_run(segment: list[Stretch], stretch: Stretch, interval: float) -> bool:
    """Return whether a stretch starts at the beginning of a segment, or before it.

    A segment of a single frame is no run yet: a frame of the same time is its double.
    """
    several = len(segment) > 1 or len(segment[0].places) > 1
    return several and stretch.first < segment[0].first + MOST_ROUNDING * interval


def _remove_from(segment: list[Stretch], start: float) -> int:
    """Remove the frames of a segment whose clocks show ``start`` or more; return their number."""
    removed = 0
    while segment:
        stretch = segment.pop()
        kept = stretch.before(start)
        removed += len(stretch.places) - len(kept.places)
        if kept.places:
            segment.append(kept)
            break
    return removed


def _first_few(places: list[str]) -> str:
    more = [f"{len(places) - MOST_PLACES} more"] if len(places) > MOST_PLACES else []
    return ", ".join(places[:MOST_PLACES] + more)
