"""The stride along a trajectory: how often tensors are needed, and how much power a larger stride aliases."""

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
    """Return the largest stride over frames ``timestep`` fs apart whose Nyquist wavenumber is above HIGHEST_WAVENUMBER.

    dM/dt and dα/dt have next to no power above the highest vibration, so all such strides give the same spectrum.
    """
    return max(1, int(nyquist_wavenumber(timestep) / HIGHEST_WAVENUMBER))


def chosen_stride(stride: int | None, timestep: float) -> int:
    """Return the stride that is asked for, or else the automatic one."""
    return stride or automatic_stride(timestep)


def aliased_fraction(rates: Array, stride: int) -> float:
    """Return the fraction of the power of a series (t, ...) that is aliased when every ``stride``-th sample is taken.

    Σ_{ν > ν_N} |A(ν)|² / Σ_ν |A(ν)|², ν_N the Nyquist wavenumber of the stride, A the transform under a Hann window.
    """
    # Without the window, the jump between both ends of the series would leak power to all wavenumbers.
    flat = rates.reshape(len(rates), -1)
    power = np.square(abs(np.fft.rfft(np.hanning(len(flat))[:, None] * flat, axis=0))).sum(axis=1)
    first = int(np.ceil(len(flat) / (2 * stride)))
    total = float(power.sum())
    return float(power[first + 1 :].sum()) / total if total else 0.0
