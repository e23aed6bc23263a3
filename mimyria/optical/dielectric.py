"""The dielectric function from n·α by Kramers-Kronig, the optical constants n, κ, α, R, and the loss function."""

from __future__ import annotations

import numpy as np

from mimyria.frame import Array
from mimyria.rates.window import sine_shape


def epsilon_imag(wavenumber: Array, n_alpha: Array) -> Array:
    """Return ε''(ν) = n·α/(2πν) from n·α (cm⁻¹), shape (..., n); NaN at ν = 0, where conduction makes it infinite."""
    return n_alpha / (2 * np.pi * np.where(wavenumber > 0, wavenumber, np.nan))


def epsilon_real(wavenumber: Array, n_alpha: Array, epsilon_infinity: float) -> Array:
    """Return ε'(ν) by the relation of Kramers and Kronig, shape (..., n).

    ε'(ν) = ε∞ + (2/π) P∫_0^∞ ν' ε''(ν')/(ν'² - ν²) dν' = ε∞ + 1/(2π²ν) P∫_{-∞}^{∞} nα(ν')/(ν' - ν) dν'

    with nα(-ν) = nα(ν). The second form stays regular where ε'' ~ 1/ν: a constant n·α, the conduction σ/(ε0 c),
    adds nothing to ε'. Its integral is -π times `sine_shape`.
    Wavenumbers (n,) go from 0 in equal steps Δ, as n·α (..., n) in cm⁻¹; ε∞ is the permittivity far above the
    vibrations.
    """
    change = -epsilon_imag(wavenumber, sine_shape(n_alpha))  # over 2πν, as n·α is in ε''
    # ν → 0:  (1/π²) ∫_0^∞ [nα(ν') - nα(0)]/ν'² dν', with Σ_{m odd > 0} 1/m² = π²/8
    ends = np.concatenate([n_alpha[..., :-1], n_alpha[..., -1:] / 2], axis=-1)  # as in `sine_shape`
    odd, step = np.arange(1, len(wavenumber), 2), wavenumber[1]
    change[..., 0] = 2 / (np.pi**2 * step) * (ends[..., odd] / odd**2).sum(axis=-1) - n_alpha[..., 0] / (4 * step)
    return epsilon_infinity + change


def optical_constants(wavenumber: Array, n_alpha: Array, epsilon_infinity: float) -> dict[str, Array]:
    """Return ε', n, κ, α (cm⁻¹), R and Im(-1/ε) by column name, each of shape (..., n); all but ε' NaN at ν = 0.

    n + iκ = √(ε' + iε'')        α = 4πνκ        R = |(n - 1 + iκ)/(n + 1 + iκ)|²        Im(-1/ε) = ε''/(ε'² + ε''²)

    Transverse vibrations of a crystal are the maxima of ε'', longitudinal ones those of the loss function Im(-1/ε).
    The root has n ≥ 0, and κ has the sign of ε''. The arguments are those of `epsilon_real`.
    """
    real, imag = epsilon_real(wavenumber, n_alpha, epsilon_infinity), epsilon_imag(wavenumber, n_alpha)
    refraction = np.sqrt(real + 1j * imag)
    n, kappa = refraction.real, refraction.imag
    return {
        "epsilon_real": real,
        "n": n,
        "kappa": kappa,
        "alpha_cm-1": 4 * np.pi * wavenumber * kappa,
        "reflectivity": ((n - 1) ** 2 + kappa**2) / ((n + 1) ** 2 + kappa**2),
        "loss_function": imag / (real**2 + imag**2),
    }


def optical_header(epsilon_infinity: float) -> dict[str, str]:
    """Return the header entries that explain the columns of `optical_constants`."""
    return {
        "epsilon_real": f"ε' = ε∞ + 1/π² P∫ n·α(ν')/(ν'² - ν²) dν' (Kramers-Kronig), ε∞ = {epsilon_infinity:g}",
        "n, kappa": "n + iκ = √(ε' + iε'')",
        "alpha_cm-1": "α = 4πνκ, absolute, natural logarithm",
        "reflectivity": "|(n - 1 + iκ)/(n + 1 + iκ)|², at normal incidence on a flat surface",
        "loss_function": "Im(-1/ε): its maxima are longitudinal vibrations, those of ε'' transverse ones",
    }
