"""Clocks of stored frames: the interval between frames, and whether two frames are consecutive."""

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
"""Largest relative deviation of one interval from the others."""
MOST_ROUNDING = 0.4
"""Largest rounding of a time over the interval; below a half, so that no doubled or missing frame passes for one."""
SHORTEST_INTERVAL = 0.25
"""fs, of frames that all show the same time because it is rounded."""
PRINTED = 0.01
"""Largest part of the rounding of single precision by which the printed digits of a time may be off."""
SINGLE_PRECISION = 2.4e-7
"""Relative rounding of the difference of two single-precision times, as TRR and XTC store them."""


def read_clock(frame: Frame) -> float | None:
    """Return the time of a stored frame, fs, or its step if the file counts steps, or None if it states neither."""
    return frame.time if frame.time is not None or frame.step is None else float(frame.step)


def stored_interval(clocks: list[float | None]) -> float | None:
    """Return the interval between the first frames, fs or steps; None if one has no clock, or all show the same.

    It is the mean over the steps near the median: printed times are rounded, and frames may be doubled or missing.
    """
    known = [now for now in clocks if now is not None]
    steps = np.diff(known)
    steps = steps[steps > 0] if (steps > 0).any() else steps[steps < 0]
    if len(known) < len(clocks) or not steps.size:
        return None
    typical = float(np.median(steps))
    return round(float(steps[np.abs(steps - typical) <= MOST_ROUNDING * abs(typical)].mean()), 6)


def choose_timestep(path: Path, given: float | None, stored: float | None) -> float:
    """Return the time step, fs: the one given, else the one in the file."""
    if stored is not None and stored < 0:
        raise TrajectoryError(f"{path}: the times of its frames run backwards; write the frames in order of time")
    timestep = stored if given is None else given
    if timestep is None:
        raise TrajectoryError(f"{path}: the file does not state the time between its frames; give --timestep FS")
    if not (math.isfinite(timestep) and timestep > 0):
        raise TrajectoryError(
            f"{path}: the time between frames is {timestep:g} fs, but must be positive; give --timestep FS"
        )
    if stored is not None and abs(timestep - stored) > 0.01 * timestep:
        log.warning("%s: its frames are %g fs apart; --timestep overrides this with %g fs", path, stored, timestep)
    return timestep


def tell_interval(path: Path, times: list[float | None], interval: float | None, given: float | None) -> bool:
    """Return whether times, fs, tell the interval: those in ps of single precision do not, late in a run.

    Raises
    ------
    TrajectoryError
        If they do not, and no time step is given either.
    """
    known = np.array(times, dtype=float)
    picoseconds = (known / 1e3).astype(np.float32)
    rounding = 1e3 * float(np.spacing(np.abs(picoseconds).max()))
    # Text shows them with fewer digits.
    stored_so = (np.abs(1e3 * picoseconds.astype(float) - known) <= PRINTED * rounding).all()
    at_least = SHORTEST_INTERVAL * len(known) if interval is None else abs(interval)
    if len(known) < 2 or not stored_so or rounding <= MOST_ROUNDING * at_least:
        return True
    if given is None:
        raise TrajectoryError(
            f"{path}: at {picoseconds[0]:g} ps its times are rounded to {rounding:.3g} fs, as single precision does, "
            "which does not tell the time between its frames; give --timestep FS"
        )
    return False


def is_consecutive(before: float, now: float, interval: float, gap: int = 1) -> bool:
    """Return whether two clocks are ``gap`` intervals apart, within the rounding of their printed digits."""
    deviation, tolerance = abs(now - before - gap * interval), gap * INTERVAL_TOLERANCE * interval
    if deviation <= tolerance:
        return True
    # One unit of the last printed digit, but never so much that a missing frame passes.
    tolerance += 10.0 ** max(_exponent(before), _exponent(now))
    return deviation <= min(tolerance, MOST_ROUNDING * interval) + SINGLE_PRECISION * abs(now)


def check_time(place: str, gap: int, before: float, now: float | None, interval: float) -> None:
    """Raise TrajectoryError unless the clock of the frame at ``place`` is ``gap`` intervals after the one before."""
    if now is None:
        raise no_clock(place)
    if not is_consecutive(before, now, interval, gap):
        what = "repeats" if now == before else "goes back from" if now < before else "does not follow"
        raise TrajectoryError(
            f"{place}: its time {now:g} {what} {before:g}, the time {gap} frame(s) of {interval:g} before; frames are "
            "doubled or missing, as after a restart: take the frames of `Trajectory.segments`, which are in order"
        )


def no_clock(place: str) -> TrajectoryError:
    """Return the error for a frame without a time among frames that have one."""
    return TrajectoryError(f"{place}: has no time, unlike the frames before it; end before it with --frames")


def _exponent(time: float) -> int:
    """Return the power of ten of the last digit with which a time was printed."""
    exponent = Decimal(repr(time)).as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
