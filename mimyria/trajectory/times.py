"""Times of stored frames: the interval between them, and the check that it never changes."""

from __future__ import annotations

import logging
import math
from decimal import Decimal
from pathlib import Path

import numpy as np

from mimyria.errors import TrajectoryError

log = logging.getLogger("mimyria")

INTERVAL_TOLERANCE = 1e-3
"""Largest deviation of one interval from the others, as a part of it."""

SINGLE_PRECISION = 2.4e-7
"""Rounding of the difference of two single-precision times, as a part of them: TRR and XTC store such."""


def stored_interval(times: list[float | None]) -> float | None:
    """Return the interval between the first frames, fs; None where they say no time, or all the same.

    It is the mean over as many of them as are equally spaced: times are printed with few digits.
    """
    known = [time for time in times if time is not None]
    if len(known) < len(times) or len(times) < 2:
        return None
    steps = np.diff(known)
    typical = float(np.median(steps))
    if typical == 0:
        return None
    uneven = np.flatnonzero(np.abs(steps - typical) > 0.4 * abs(typical))
    last = int(uneven[0]) if uneven.size and uneven[0] else len(steps)
    return round((known[last] - known[0]) / last, 6)


def choose_timestep(path: Path, given: float | None, stored: float | None) -> float:
    """Return the interval to use, fs: the one given, else the one in the file."""
    if stored is not None and stored < 0:
        raise TrajectoryError(f"{path}: the times of its frames run backwards")
    timestep = stored if given is None else given
    if timestep is None:
        raise TrajectoryError(f"{path}: the file does not say the time between its frames; give --timestep FS")
    if not (math.isfinite(timestep) and timestep > 0):
        raise TrajectoryError(
            f"{path}: the time between frames is {timestep:g} fs, must be positive; give --timestep FS"
        )
    if stored is not None and abs(timestep - stored) > 0.01 * timestep:
        log.warning("%s: its frames are %g fs apart, but --timestep says %g fs, which is used", path, stored, timestep)
    return timestep


def check_time(place: str, gap: int, before: float, now: float | None, interval: float) -> None:
    """Raise TrajectoryError where a frame does not follow the one before it in time.

    Parameters
    ----------
    place
        File and frame.
    gap
        Number of stored intervals between the two frames.
    before, now
        Their times, fs.
    interval
        The time between frames, fs.
    """
    if now is None:
        raise TrajectoryError(f"{place}: has no time, unlike the frames before it")
    deviation, tolerance = abs(now - before - gap * interval), gap * INTERVAL_TOLERANCE * abs(interval)
    if deviation <= tolerance:
        return
    tolerance += 10.0 ** max(_exponent(before), _exponent(now))
    # At most 0.4 of an interval: a frame too many or too few never passes for rounding.
    if deviation <= min(tolerance, 0.4 * abs(interval)) + SINGLE_PRECISION * abs(now):
        return
    what = "repeats" if now == before else "goes back from" if now < before else "does not follow"
    raise TrajectoryError(
        f"{place}: its time {now:g} fs {what} {before:g} fs, {gap} frame(s) of {interval:g} fs before; "
        "frames are doubled or missing, as after a restart: mend the file, or stay on one side of it with --frames"
    )


def _exponent(time: float) -> int:
    """Return the power of ten of the last digit with which a time was printed."""
    exponent = Decimal(repr(time)).as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
