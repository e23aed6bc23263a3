"""Cepstral analysis: the power of a noisy signal at zero frequency, with an error that theory tells.

Two neighbouring powers of the sine transform of the ℓ components of a stationary signal (see `sine_powers`) have a mean
Ŝ_k, k = 0 ... N/2 - 1, as that of a Fourier transform is:

    Ŝ_k = S_k ξ_k,    ξ_k of χ²(2ℓ)/2ℓ        ln ξ_k: mean ψ(ℓ) - ln ℓ, variance ψ'(ℓ)

so that the logarithm is ln S plus noise of the same known size everywhere, whatever S is. Its Fourier coefficients, the
cepstrum

    C_n = 2/N Σ_k [ln Ŝ_k - ψ(ℓ) + ln ℓ] cos(2πn(k + ½)/N)        variance ψ'(ℓ)/N, of C_0 twice that

are few where S is smooth; all others are noise. With the first P of them

    ln S_0 = C_0 + 2 Σ_{0<n<P} C_n        σ² = (4P - 2) ψ'(ℓ)/N        AIC = N/ψ'(ℓ) Σ_{n≥P} C_n² + 2P

(L. Ercole, A. Marcolongo and S. Baroni, Sci. Rep. 7, 15835 (2017)). The P of the least AIC is itself uncertain, which
makes σ too small by a half and more. So all P count, with the weights e^{-AIC/2}, and how they differ is part of the
error (S. T. Buckland, K. P. Burnham and N. H. Augustin, Biometrics 53, 603 (1997)).

The same holds for the part of the spectrum below any frequency. Where many coefficients are needed, the many small ones
that are left out add up to a bias, and a narrow dip at ω = 0, in which an electrolyte conducts beside its slow
relaxation, drowns in noise: the widest band is taken that needs only `FEW` of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from mimyria.frame import Array

FEW = 5.0
"""Coefficients, on average over the weights. Of autoregressive processes the bias is then below a third of σ."""
LEAST_ORDINATES = 16
"""Frequencies of the longest run in the narrowest band."""


@dataclass(frozen=True)
class ZeroPower:
    """S at ω = 0, summed over components, in (unit of the signal)² · fs."""

    value: float
    error: float
    band: float
    """The highest frequency that was used, 1/fs."""
    coefficients: float
    """The mean number of cepstral coefficients."""


def zero_power(powers: Sequence[Array], timestep: float, components: int = 3) -> ZeroPower | None:
    """Return S(ω = 0) = ∫ ⟨x(0)·x(t)⟩ dt of runs with the `sine_powers` (frames,), sampled every ``timestep`` fs.

    Cepstra of several runs are averaged, each with its length as weight. None if all are too short, or one does not
    fluctuate.
    """
    pairs = [power[: len(power) // 2 * 2].reshape(-1, 2).mean(axis=1) for power in powers]
    if not all((pair > 0).all() for pair in pairs):
        return None
    logs = [np.log(pair) - scipy.special.psi(components) + np.log(components) for pair in pairs]
    lengths = [len(power) * timestep for power in powers]
    band, found = 1 / (2 * timestep), None
    while round(band * max(lengths)) >= LEAST_ORDINATES:
        found = _in_band(logs, lengths, band, components)
        if found.coefficients <= FEW:
            break
        band /= 2
    return found


def _in_band(logs: Sequence[Array], lengths: Sequence[float], band: float, components: int) -> ZeroPower:
    """Return the result of the frequencies up to ``band``, 1/fs, of runs of such lengths, fs."""
    parts = [log[: round(band * length)] for log, length in zip(logs, lengths, strict=True)]
    used = [log for log in parts if 2 * len(log) >= LEAST_ORDINATES]
    shortest, number = min(map(len, used)), 2 * sum(map(len, used))
    variance = float(scipy.special.polygamma(1, components)) / number
    cepstrum = np.sum([scipy.fft.dct(log, type=2)[:shortest] for log in used], axis=0) / number
    kept = np.arange(1, shortest + 1)
    left_out = np.append(np.cumsum(cepstrum[:0:-1] ** 2)[::-1], 0.0)
    criterion = left_out / variance + 2 * kept
    weights = np.exp((criterion.min() - criterion) / 2)
    weights /= weights.sum()
    logarithms = 2 * np.cumsum(cepstrum) - cepstrum[0]
    logarithm = float(weights @ logarithms)
    spread = float(weights @ ((4 * kept - 2) * variance + (logarithms - logarithm) ** 2))
    # ln S_0 is normal with this variance, so that e^{ln S_0} is too large by e^{σ²/2} on average.
    value = float(np.exp(logarithm - spread / 2))
    return ZeroPower(value, value * float(np.sqrt(np.expm1(spread))), band, float(weights @ kept))
