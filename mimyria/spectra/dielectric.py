"""The dielectric function from n·α by Kramers-Kronig, and what optics makes of it: n, κ, α, reflectivity."""

from __future__ import annotations

import numpy as np
from scipy import fft

from mimyria.frame import Array


def epsilon_imag(wavenumber: Array, n_alpha: Array) -> Array:
    """Return ε''(ν) = n·α/(2πν), shape (..., n); NaN at ν = 0, where conduction makes it infinite.

    Parameters
    ----------
    wavenumber
        cm⁻¹, from 0 in equal steps, shape (n,).
    n_alpha
        n·α in cm⁻¹, shape (..., n).
    """
    return n_alpha / (2 * np.pi * _positive(wavenumber))


def epsilon_real(wavenumber: Array, n_alpha: Array, epsilon_infinity: float) -> Array:
    """Return ε'(ν) by the relation of Kramers and Kronig, shape (..., n).

    ε'(ν) = ε∞ + (2/π) P∫_0^∞ ν' ε''(ν')/(ν'² - ν²) dν' = ε∞ + 1/(2π²ν) P∫_{-∞}^{∞} nα(ν')/(ν' - ν) dν'

    with nα(-ν) = nα(ν). The second form stays regular where ε'' ~ 1/ν: a constant n·α, the conduction σ/(ε0 c),
    adds nothing to ε'. The integral is the sum over every other point, those an odd number m of steps Δ from ν, by FFT
    (Maclaurin's rule; Ohta and Ishida, Appl. Spectrosc. 42, 952 (1988)):

        P∫ nα(ν')/(ν' - ν) dν' = 2 Σ_{m odd} nα(ν + mΔ)/m

    For the transform of a correlation function that ends before 1/(2cΔ), as `line_shape` returns it, this is exact but
    for the end of the grid, beyond which nα counts as zero. The sine transform of the sampled correlation function is
    the same sum over the periodic continuation of nα instead: the folded tails make it the worse one.

    Parameters
    ----------
    wavenumber
        cm⁻¹, from 0 in equal steps Δ, shape (n,).
    n_alpha
        n·α in cm⁻¹, shape (..., n).
    epsilon_infinity
        ε∞, the permittivity far above the vibrations.
    """
    points, step = len(wavenumber), wavenumber[1]
    ends = np.where(np.arange(points) < points - 1, n_alpha, n_alpha / 2)  # the interval around the last is cut in two
    length = fft.next_fast_len(4 * points, real=True)
    away = np.rint(length * np.fft.fftfreq(length))
    kernel = np.divide(1.0, away, out=np.zeros(length), where=away % 2 == 1)
    mirrored = np.zeros((*n_alpha.shape[:-1], length))
    mirrored[..., :points] = ends
    mirrored[..., length - points + 1 :] = ends[..., :0:-1]
    product = fft.rfft(mirrored, axis=-1) * fft.rfft(kernel).conj()  # Σ_j nα(j) K(j - i), K(m) = 1/m for odd m
    sums = fft.irfft(product, n=length, axis=-1)[..., :points]
    change = sums / (np.pi**2 * _positive(wavenumber))
    # ν → 0:  (1/π²) ∫_0^∞ [nα(ν') - nα(0)]/ν'² dν', with Σ_{m odd > 0} 1/m² = π²/8
    odd = np.arange(1, points, 2)
    change[..., 0] = 2 / (np.pi**2 * step) * (ends[..., odd] / odd**2).sum(axis=-1) - n_alpha[..., 0] / (4 * step)
    return epsilon_infinity + change


def optical_constants(wavenumber: Array, n_alpha: Array, epsilon_infinity: float) -> dict[str, Array]:
    """Return ε', n, κ, α (cm⁻¹) and the reflectivity by column name, each of shape (..., n); all but ε' NaN at ν = 0.

    n + iκ = √(ε' + iε'')        α = 4πνκ        R = |(n - 1 + iκ)/(n + 1 + iκ)|²

    so that n times α is the n·α given. The root is the one with n ≥ 0; κ has the sign of ε''.

    Parameters
    ----------
    wavenumber, n_alpha, epsilon_infinity
        As in `epsilon_real`.
    """
    real = epsilon_real(wavenumber, n_alpha, epsilon_infinity)
    refraction = np.sqrt(real + 1j * epsilon_imag(wavenumber, n_alpha))
    n, kappa = refraction.real, refraction.imag
    return {
        "epsilon_real": real,
        "n": n,
        "kappa": kappa,
        "alpha_cm-1": 4 * np.pi * wavenumber * kappa,
        "reflectivity": ((n - 1) ** 2 + kappa**2) / ((n + 1) ** 2 + kappa**2),
    }


def _positive(wavenumber: Array) -> Array:
    return np.where(wavenumber > 0, wavenumber, np.nan)


def optical_header(epsilon_infinity: float) -> dict[str, str]:
    """Return what a file says about the columns of `optical_constants`."""
    return {
        "epsilon_real": f"ε' = ε∞ + 1/π² P∫ n·α(ν')/(ν'² - ν²) dν' (Kramers-Kronig), ε∞ = {epsilon_infinity:g}",
        "n, kappa": "n + iκ = √(ε' + iε''); empty (nan) at ν = 0, where conduction makes ε'' infinite, as what follows",
        "alpha_cm-1": "α = 4πνκ, absolute, natural logarithm",
        "reflectivity": "|(n - 1 + iκ)/(n + 1 + iκ)|², at normal incidence on a flat surface",
    }
