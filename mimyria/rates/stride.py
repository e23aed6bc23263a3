"""How often tensors are needed along a trajectory, and what is lost in between."""

from __future__ import annotations

import numpy as np

from mimyria.frame import Array
from mimyria.units import LIGHT_SPEED

HIGHEST_WAVENUMBER = 4500.0
"""cm⁻¹; the automatic stride keeps the Nyquist wavenumber above it."""


def nyquist_wavenumber(timestep: float) -> float:
    """Return 1/(2cδt), the highest wavenumber (cm⁻¹) that samples every δt (fs) resolve."""
    return 1 / (2 * LIGHT_SPEED * timestep)


def automatic_stride(timestep: float) -> int:
    """Return how many stored frames (each ``timestep`` fs) may be stepped over at once.

    dM/dt and dα/dt hold next to nothing above the highest vibration, so every stride whose Nyquist wavenumber stays
    above HIGHEST_WAVENUMBER gives the same spectrum.
    """
    return max(1, int(nyquist_wavenumber(timestep) / HIGHEST_WAVENUMBER))


def chosen_stride(stride: int | None, timestep: float) -> int:
    """Return the stride that is asked for, or else the automatic one."""
    return stride or automatic_stride(timestep)


def aliased_fraction(rates: Array, stride: int) -> float:
    """Return the part of the power of a series that folds back when only every ``stride``-th sample is taken.

    Σ_{ν > ν_N} |A(ν)|² / Σ_ν |A(ν)|², ν_N the Nyquist wavenumber of the stride, A the transform under a Hann window.

    Parameters
    ----------
    rates
        At the full rate, shape (t, ...).
    stride
        At least one.
    """
    flat = rates.reshape(len(rates), -1)
    power = np.square(abs(np.fft.rfft(np.hanning(len(flat))[:, None] * flat, axis=0))).sum(axis=1)
    first = int(np.ceil(len(flat) / (2 * stride)))
    total = float(power.sum())
    return float(power[first + 1 :].sum()) / total if total else 0.0
