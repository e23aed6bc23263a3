"""Frames put in order by their clocks: what restarts doubled is left out, gaps begin new segments."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mimyria.errors import TrajectoryError
from mimyria.trajectory.segments import find_stretches, order_stretches
from mimyria.trajectory.times import stored_interval


def ordered(clocks: list[float], interval: float = 1.0, start: int = 0) -> list[list[int]]:
    """Return the places of each segment."""
    found = order_stretches(Path("a.xyz"), find_stretches(Path("a.xyz"), iter(clocks), start, interval), interval)
    return [[place for run in segment for place in run.places] for segment in found]


CASES: dict[str, tuple[list[float], list[list[int]]]] = {
    "nothing wrong": ([0, 1, 2, 3], [[0, 1, 2, 3]]),
    "one frame": ([7], [[0]]),
    "a frame repeated": ([0, 1, 1, 2], [[0, 2, 3]]),
    "the first repeated": ([0, 0, 1, 2], [[1, 2, 3]]),
    "the last repeated": ([0, 1, 2, 2], [[0, 1, 3]]),
    "one three times": ([0, 1, 1, 1, 2], [[0, 3, 4]]),
    "every frame doubled": ([0, 0, 1, 1, 2, 2], [[1, 3, 5]]),
    "a restart from a checkpoint": ([0, 1, 2, 3, 4, 2, 3, 4, 5], [[0, 1, 5, 6, 7, 8]]),
    "one that stops earlier than the first": ([0, 1, 2, 3, 4, 2, 3], [[0, 1, 5, 6]]),
    "two restarts, the second further back": ([0, 1, 2, 3, 2, 3, 4, 1, 2, 3], [[0, 7, 8, 9]]),
    "a gap": ([0, 1, 2, 5, 6, 7], [[0, 1, 2], [3, 4, 5]]),
    "a checkpoint between two frames": ([0, 1, 2, 1.5, 2.5, 3.5], [[0, 1], [3, 4, 5]]),
    "a gap and a restart after it": ([0, 1, 2, 5, 6, 7, 6, 7, 8], [[0, 1, 2], [3, 6, 7, 8]]),
    "another run from the beginning": ([0, 1, 2, 0, 1, 2], [[0, 1, 2], [3, 4, 5]]),
    "another run from before the beginning": ([5, 6, 7, 0, 1, 2], [[0, 1, 2], [3, 4, 5]]),
    "a lost frame, and soon another": ([0, 1, 3, 5, 6], [[0, 1], [2], [3, 4]]),
}


@pytest.mark.parametrize(("clocks", "segments"), CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("interval", [1.0, 0.483779])
def test_cases(clocks: list[float], segments: list[list[int]], interval: float) -> None:
    printed = [round(100 + interval * now, 3) for now in clocks]
    assert ordered(printed, interval) == segments
    assert ordered(printed, interval, start=30) == [[place + 30 for place in segment] for segment in segments]


@pytest.mark.parametrize("seed", range(20))
def test_random_restarts_against_a_file_that_is_cut_at_each(seed: int) -> None:
    """The oracle holds the whole file, and cuts off its end, frame by frame, where the time goes back."""
    random = np.random.default_rng(seed)
    clocks, now = [], 0
    for _ in range(300):
        clocks.append(now)
        now = int(random.integers(1, now + 1)) if now and random.random() < 0.05 else now + 1
    kept: list[int] = []
    for place, at in enumerate(clocks):
        while kept and clocks[kept[-1]] >= at:
            kept.pop()
        kept.append(place)
    interval = 0.483779
    assert ordered([round(interval * at, 3) for at in clocks], interval) == [kept]
    np.testing.assert_array_equal(np.diff([clocks[place] for place in kept]), 1)


def test_rounded_times_of_a_long_run_are_no_gap() -> None:
    """Three decimals, as CP2K prints them: the interval from the first frames drifts by a whole frame over the run."""
    exact = 0.483779
    clocks = [round(exact * index, 3) for index in range(200_000)]
    clocks = clocks[:150_000] + clocks[140_000:]
    interval: Any = stored_interval([*clocks[:32]])
    assert abs(interval - exact) * len(clocks) > exact / 2
    (segment,) = ordered(clocks, interval)
    assert segment == [*range(140_000), *range(150_000, 210_000)]


def test_the_interval_is_found_among_doubled_frames() -> None:
    assert stored_interval([0.0, 0.0, 2.0, 2.0, 4.0, 4.0]) == 2.0
    assert stored_interval([0.0, 2.0, 4.0, 90.0, 92.0]) == 2.0
    assert stored_interval([3.0, 3.0]) is stored_interval([3.0]) is stored_interval([None, None]) is None


@pytest.mark.parametrize("clocks", [[0, 1, 2, 4, 6, 8, 10], [0, 1, 2.2, 3.6, 5.1], [0, 1, 2, 2.5, 3, 3.5]])
def test_an_interval_that_changes_is_an_error(clocks: list[float]) -> None:
    with pytest.raises(TrajectoryError, match=r"a\.xyz, frame \d: .* the time between the frames changes; .*--frames"):
        ordered([float(now) for now in clocks])


def test_what_is_left_out_is_noted_once(caplog: pytest.LogCaptureFixture) -> None:
    ordered([0, 1, 2, 2, 3, 2, 3, 4, 9, 10])
    texts = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert texts == [
        "a.xyz: 3 frames that a restart wrote again are left out, before frame 3, frame 5",
        "a.xyz: the time jumps at frame 8 (4 to 9); its 2 segments are used as separate trajectories",
    ]
    caplog.clear()
    ordered([0, 1, 2])
    assert not caplog.records
