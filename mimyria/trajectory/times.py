"""Clocks of stored frames: the interval between them, and whether one frame follows another."""

from __future__ import annotations

import logging
import math
from decimal import Decimal
from pathlib import Path

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.frame import Frame

log = logging.getLogger("mimyria")

INTERVAL_TOLERANCE = 1e-3
"""Largest deviation of one interval from the others, as a part of it."""

MOST_ROUNDING = 0.4
"""Largest rounding of a time, as a part of the interval: a frame too many or too few never passes for it."""

SINGLE_PRECISION = 2.4e-7
"""Rounding of the difference of two single-precision times, as a part of them: TRR and XTC store such."""


def read_clock(frame: Frame) -> float | None:
    """Return the time of a stored frame, fs; its step where the file counts steps; None where it says neither."""
    return frame.time if frame.time is not None or frame.step is None else float(frame.step)


def stored_interval(clocks: list[float | None]) -> float | None:
    """Return the interval between the first frames, fs or steps; None where they say no time, or all the same.

    It is the mean over those that are equally spaced: times are printed with few digits, frames doubled or missing.
    """
    known = [now for now in clocks if now is not None]
    steps = np.diff(known)
    steps = steps[steps > 0] if (steps > 0).any() else steps[steps < 0]
    if len(known) < len(clocks) or not steps.size:
        return None
    typical = float(np.median(steps))
    return round(float(steps[np.abs(steps - typical) <= MOST_ROUNDING * abs(typical)].mean()), 6)


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


def is_consecutive(before: float, now: float, interval: float, gap: int = 1) -> bool:
    """Return whether a frame follows another after ``gap`` intervals, as far as the printed digits of both tell."""
    deviation, tolerance = abs(now - before - gap * interval), gap * INTERVAL_TOLERANCE * interval
    if deviation <= tolerance:
        return True
    tolerance += 10.0 ** max(_exponent(before), _exponent(now))
    return deviation <= min(tolerance, MOST_ROUNDING * interval) + SINGLE_PRECISION * abs(now)


def check_time(place: str, gap: int, before: float, now: float | None, interval: float) -> None:
    """Raise TrajectoryError where a frame does not follow the one before it in time.

    Parameters
    ----------
    place
        File and frame.
    gap
        Number of stored intervals between the two frames.
    before, now
        What their clocks show.
    interval
        Between stored frames.
    """
    if now is None:
        raise no_clock(place)
    if not is_consecutive(before, now, interval, gap):
        what = "repeats" if now == before else "goes back from" if now < before else "does not follow"
        raise TrajectoryError(
            f"{place}: its time {now:g} {what} {before:g}, {gap} frame(s) of {interval:g} before; "
            "frames are doubled or missing, as after a restart: `Trajectory.segments` puts them in order"
        )


def no_clock(place: str) -> TrajectoryError:
    """Return the error for a frame without a time among frames that have one."""
    return TrajectoryError(f"{place}: has no time, unlike the frames before it")


def _exponent(time: float) -> int:
    """Return the power of ten of the last digit with which a time was printed."""
    exponent = Decimal(repr(time)).as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
