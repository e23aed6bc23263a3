"""Windows of the correlation time, the resolution they give, and the transform to a line shape.

    S(ω) = ∫_{-∞}^{∞} C(τ) w(τ) e^{-iωτ} dτ          w(0) = 1, w = 0 beyond the reach T of the window

The resolution is the full width at half maximum (cm⁻¹) of the transform of w, and so of a sharp line.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import scipy

from mimyria.frame import Array
from mimyria.settings import Sampled
from mimyria.units import LIGHT_SPEED

DEFAULT_RESOLUTION = 20.0
"""cm⁻¹; coarser only if the trajectory is too short for it."""
DEFAULT_WINDOW = Sampled.window
GAUSSIAN_CUT = 1e-3
"""The Gaussian is cut off where it has fallen to this."""

WINDOWS: dict[str, Callable[[Array], Array]] = {
    "gaussian": lambda s: GAUSSIAN_CUT ** (s * s),
    "hann": lambda s: 0.5 + 0.5 * np.cos(np.pi * s),
    "blackman": lambda s: 0.42 + 0.5 * np.cos(np.pi * s) + 0.08 * np.cos(2 * np.pi * s),
}
"""w(s) at s = τ/T, 0 to 1. The Gaussian gives lines no side lobes; the others need shorter correlations."""


@cache
def _width(window: str) -> float:
    """Return FWHM · T of a window's transform ∫_0^1 w(s) cos(2πxs) ds, x = frequency · T."""
    s = np.linspace(0, 1, 2001)
    weights = WINDOWS[window](s)
    low, high = 0.1, 3.0
    for _ in range(60):  # which halve the interval until nothing of it is left
        middle = (low + high) / 2
        above = np.trapezoid(weights * (np.cos(2 * np.pi * middle * s) - 0.5), s) > 0
        low, high = (middle, high) if above else (low, middle)
    return low + high


def window_reach(resolution: float, window: str = DEFAULT_WINDOW) -> float:
    """Return the reach T (fs) of the window of a resolution (cm⁻¹)."""
    return _width(window) / (LIGHT_SPEED * resolution)


def window_lags(resolution: float, timestep: float, window: str = DEFAULT_WINDOW) -> int:
    """Return how many lags of ``timestep`` (fs) the window of a resolution (cm⁻¹) covers."""
    return int(np.ceil(window_reach(resolution, window) / timestep)) + 1


def window_resolution(lags: int, timestep: float, window: str = DEFAULT_WINDOW) -> float:
    """Return the resolution (cm⁻¹) whose window covers so many lags of ``timestep`` (fs)."""
    return window_reach(1.0, window) / ((lags - 1) * timestep)


def chosen_resolution(resolution: float | None, n_frames: int, timestep: float, window: str) -> float:
    """Return the resolution (cm⁻¹) asked for, or else 20 cm⁻¹, or what half of so many frames resolve if coarser."""
    if resolution is not None:
        return resolution
    return max(DEFAULT_RESOLUTION, float(np.ceil(window_resolution(max(n_frames // 2, 2), timestep, window))))


def least_frames(resolution: float | None, timestep: float, window: str) -> int:
    """Return how many frames a trajectory needs for the resolution asked for, or for the default one."""
    return window_lags(resolution or DEFAULT_RESOLUTION, timestep, window) * (1 if resolution else 2)


def window_weights(lags: int, timestep: float, resolution: float, window: str = DEFAULT_WINDOW) -> Array:
    """Return w at τ = 0, δt, ..., shape (lags,)."""
    part = timestep * np.arange(lags) / window_reach(resolution, window)
    return np.where(part <= 1, WINDOWS[window](part), 0.0)


def line_shape(
    correlations: Array, timestep: float, resolution: float, window: str = DEFAULT_WINDOW
) -> tuple[Array, Array]:
    """Return the wavenumbers (cm⁻¹) and S = ∫ C(τ) w(τ) cos(ωτ) dτ over both signs of τ (unit of C · fs).

    C(τ) at τ = 0, δt, ... has the shape (..., lags), S the shape (..., n). Wavenumbers (n,) go from zero to 1/(2cδt) in
    steps of at most a quarter of the resolution. The trapezoidal sum of S over them is C(0)/(2c) exactly.
    """
    lags = correlations.shape[-1]
    windowed = correlations * window_weights(lags, timestep, resolution, window)
    points = max(2 * lags, int(np.ceil(4 / (LIGHT_SPEED * timestep * resolution))))
    points = 2 * scipy.fft.next_fast_len((points + 1) // 2, real=True)
    transform = scipy.fft.rfft(windowed, n=points, axis=-1).real
    wavenumber = np.arange(points // 2 + 1) / (LIGHT_SPEED * timestep * points)
    return wavenumber, timestep * (2 * transform - windowed[..., :1])


def sine_shape(shapes: Array) -> Array:
    """Return D = 2 ∫_0^∞ C(τ) w(τ) sin(ωτ) dτ, the sine part of the one-sided transform, from S of `line_shape`.

    S + iD = 2 ∫_0^∞ C(τ) w(τ) e^{iωτ} dτ          D(ν) = (1/π) P∫_{-∞}^{∞} S(ν')/(ν - ν') dν'          (Hilbert)

    The integral is the sum over every other point, those an odd number m of steps from ν, by FFT (Maclaurin's rule;
    Ohta and Ishida, Appl. Spectrosc. 42, 952 (1988)):

        D(ν) = (2/π) Σ_{m odd} S(ν - mΔ)/m

    S is given at equal steps Δ from ν = 0, shape (..., n). If the correlation function ends before 1/(2cΔ), as in
    `line_shape`, the sum is exact, except that S counts as zero beyond the grid. The sine transform of the sampled
    correlation function would be the same sum over the periodic continuation of S, whose aliased tails spoil it.
    """
    points = shapes.shape[-1]
    length = scipy.fft.next_fast_len(4 * points, real=True)
    even = np.zeros((*shapes.shape[:-1], length))
    even[..., :points] = shapes
    even[..., points - 1] /= 2  # half the interval of the last point lies outside the grid
    even[..., length - points + 1 :] = even[..., points - 1 : 0 : -1]
    steps = np.rint(scipy.fft.fftfreq(length, 1 / length))
    kernel = np.divide(2 / np.pi, steps, out=np.zeros(length), where=steps % 2 == 1)
    return np.asarray(
        scipy.fft.irfft(scipy.fft.rfft(even, axis=-1) * scipy.fft.rfft(kernel), n=length, axis=-1)[..., :points]
    )
