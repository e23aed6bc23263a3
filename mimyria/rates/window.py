"""Windows of the correlation time, the resolution they give, and the transform to a line shape.

    S(ω) = ∫_{-∞}^{∞} C(τ) w(τ) e^{-iωτ} dτ          w(0) = 1, w = 0 from the reach of the window on

A resolution is the full width at half maximum, in cm⁻¹, of the transform of w: what a sharp line becomes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy import fft
from scipy.optimize import brentq

from mimyria.frame import Array
from mimyria.settings import Sampled
from mimyria.units import LIGHT_SPEED

DEFAULT_RESOLUTION = 20.0
"""cm⁻¹, full width at half maximum; coarser only where the trajectory is too short for it."""

DEFAULT_WINDOW = Sampled.window

GAUSSIAN_CUT = 1e-3
"""The Gaussian is cut off where it has fallen to this."""

WINDOWS: dict[str, Callable[[Array], Array]] = {
    "gaussian": lambda s: GAUSSIAN_CUT ** (s * s),
    "hann": lambda s: 0.5 + 0.5 * np.cos(np.pi * s),
    "blackman": lambda s: 0.42 + 0.5 * np.cos(np.pi * s) + 0.08 * np.cos(2 * np.pi * s),
}
"""w at the part s = τ/T, 0 to 1, of its reach T. The Gaussian gives lines no side lobes; the others reach less far."""


@cache
def _width(window: str) -> float:
    """Return FWHM · T of a window's transform ∫_0^1 w(s) cos(2πxs) ds, x = frequency · T."""
    s = np.linspace(0, 1, 2001)
    weights = WINDOWS[window](s)
    half = brentq(lambda x: np.trapezoid(weights * (np.cos(2 * np.pi * x * s) - 0.5), s), 0.1, 3.0)
    return float(2 * half)


def window_reach(resolution: float, window: str = DEFAULT_WINDOW) -> float:
    """Return T in fs, where the window of a resolution (cm⁻¹) ends."""
    return _width(window) / (LIGHT_SPEED * resolution)


def window_lags(resolution: float, timestep: float, window: str = DEFAULT_WINDOW) -> int:
    """Return how many lags of ``timestep`` (fs) the window of a resolution (cm⁻¹) reaches over."""
    return int(np.ceil(window_reach(resolution, window) / timestep)) + 1


def window_resolution(lags: int, timestep: float, window: str = DEFAULT_WINDOW) -> float:
    """Return the resolution (cm⁻¹) whose window reaches over so many lags of ``timestep`` (fs)."""
    return window_reach(1.0, window) / ((lags - 1) * timestep)


def chosen_resolution(resolution: float | None, n_frames: int, timestep: float, window: str) -> float:
    """Return the resolution (cm⁻¹) asked for, or else 20 cm⁻¹, or what half of so many frames resolve if coarser."""
    if resolution is not None:
        return resolution
    return max(DEFAULT_RESOLUTION, float(np.ceil(window_resolution(max(n_frames // 2, 2), timestep, window))))


def least_frames(resolution: float | None, timestep: float, window: str) -> int:
    """Return how many frames leave `chosen_resolution` as fine as it is without them."""
    return window_lags(resolution or DEFAULT_RESOLUTION, timestep, window) * (1 if resolution else 2)


def window_weights(lags: int, timestep: float, resolution: float, window: str = DEFAULT_WINDOW) -> Array:
    """Return w at τ = 0, δt, ..., shape (lags,)."""
    part = timestep * np.arange(lags) / window_reach(resolution, window)
    return np.where(part <= 1, WINDOWS[window](part), 0.0)


def line_shape(
    correlations: Array, timestep: float, resolution: float, window: str = DEFAULT_WINDOW
) -> tuple[Array, Array]:
    """Return the wavenumbers (cm⁻¹) and S = ∫ C(τ) w(τ) cos(ωτ) dτ over both signs of τ (unit of C · fs).

    The trapezoidal sum of S over all wavenumbers returned gives C(0)/(2c) exactly.

    Parameters
    ----------
    correlations
        C(τ) at τ = 0, δt, ...; shape (..., lags).
    timestep
        δt, fs.
    resolution
        FWHM of the window's transform, cm⁻¹.
    window
        Name in ``WINDOWS``.

    Returns
    -------
    tuple
        Wavenumbers (n,) from zero to 1/(2cδt), no coarser than a quarter of the resolution, and S of shape (..., n).
    """
    lags = correlations.shape[-1]
    windowed = correlations * window_weights(lags, timestep, resolution, window)
    points = max(2 * lags, int(np.ceil(4 / (LIGHT_SPEED * timestep * resolution))))
    points = 2 * fft.next_fast_len((points + 1) // 2, real=True)
    transform = fft.rfft(windowed, n=points, axis=-1).real
    return np.arange(points // 2 + 1) / (LIGHT_SPEED * timestep * points), timestep * (
        2 * transform - windowed[..., :1]
    )


def sine_shape(shapes: Array) -> Array:
    """Return D = 2 ∫_0^∞ C(τ) w(τ) sin(ωτ) dτ, what is missing of the one-sided transform, from S of `line_shape`.

    S + iD = 2 ∫_0^∞ C(τ) w(τ) e^{iωτ} dτ          D(ν) = (1/π) P∫_{-∞}^{∞} S(ν')/(ν - ν') dν'          (Hilbert)

    The integral is the sum over every other point, those an odd number m of steps from ν, by FFT (Maclaurin's rule;
    Ohta and Ishida, Appl. Spectrosc. 42, 952 (1988)):

        D(ν) = (2/π) Σ_{m odd} S(ν - mΔ)/m

    For the transform of a correlation function that ends before 1/(2cΔ), as `line_shape` returns it, this is exact but
    for the end of the grid, beyond which S counts as zero. The sine transform of the sampled correlation function is
    the same sum over the periodic continuation of S instead: the folded tails make it the worse one.

    Parameters
    ----------
    shapes
        S at equal steps Δ from ν = 0, shape (..., n).
    """
    points = shapes.shape[-1]
    length = fft.next_fast_len(4 * points, real=True)
    even = np.zeros((*shapes.shape[:-1], length))
    even[..., :points] = shapes
    even[..., points - 1] /= 2  # the interval around the last is cut in two
    even[..., length - points + 1 :] = even[..., points - 1 : 0 : -1]
    steps = np.rint(fft.fftfreq(length, 1 / length))
    kernel = np.divide(2 / np.pi, steps, out=np.zeros(length), where=steps % 2 == 1)
    return np.asarray(fft.irfft(fft.rfft(even, axis=-1) * fft.rfft(kernel), n=length, axis=-1)[..., :points])
