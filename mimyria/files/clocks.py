"""Times that a file stores in single precision, as they were before they were rounded."""

from __future__ import annotations

import numpy as np

from mimyria.frame import Array

DIGITS = range(1, 10)
"""Of a time step: the fewest that fit are its own."""
LARGEST_ERROR = 0.01
"""Of a time step that only the differences of times tell, relative; less than what a spectrum of them resolves."""


def unrounded(times: Array, steps: Array) -> Array:
    """Return times of single precision, (n,), as they were before they were rounded, from the numbers of the steps.

        t = δ s    or else    t = t_0 + δ (s - s_0)

    Late in a run they are rounded to more than the time between frames: after 20 ns, in ps, to 2 fs. Where no δ fits
    all frames, as in files of several runs, or few late frames do not tell it, they stay as they are.
    """
    times, passed = times.astype(float), steps - steps[0] if len(steps) else steps
    if not passed.any() or not np.isfinite(times).all():
        return times
    rounding = float(np.spacing(np.float32(np.abs(times).max())))
    last, about = np.abs(steps).argmax(), passed - passed.mean()
    slope = about @ (times - times[0]) / (about @ about)
    guesses = [(times[last] / steps[last], 0.0, steps)]
    if rounding <= LARGEST_ERROR * abs(slope) * np.ptp(steps):
        guesses.append((slope, times[0], passed))
    for guess, first, counted in guesses:
        for digits in DIGITS:
            made: Array = first + float(f"{guess:.{digits}g}") * counted
            if (np.abs(made - times) <= rounding).all():
                return made
    return times
