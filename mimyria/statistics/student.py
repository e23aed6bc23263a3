"""Standard errors from few numbers: how far the truth may lie (Student's t), and how large they are on average (c4).

A standard error s from n + 1 independent numbers has n degrees of freedom, s²/σ² is distributed as χ²_n/n. Then

    |x - μ| < t_n(z) s  is as probable as  |x - μ| < z σ          t_n(1) = 1.84, 1.14, 1.06 for n = 1, 4, 9
    ⟨s⟩ = c4(n + 1) σ,  c4(K) = √(2/(K - 1)) Γ(K/2)/Γ((K - 1)/2)            0.80, 0.94, 0.97

The larger of two errors is on average too large: ⟨s²⟩ = m σ², with as many degrees of freedom as its variance tells,
2/n = ⟨s⁴⟩/⟨s²⟩² - 1. Likewise the sum of two squares (B. L. Welch, Biometrika 34, 28 (1947)),

    n = (s_A² + s_B²)² / (s_A⁴/n_A + s_B⁴/n_B)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import scipy


def student(freedom: float, deviations: float = 1.0) -> float:
    """Return t within which, on either side, a Student distribution has the probability of some normal deviations."""
    return float(scipy.special.stdtrit(float(freedom), float(scipy.special.ndtr(deviations))))


def c4(number: float) -> float:
    """Return the mean standard deviation of so many normal deviates, in units of the true one; 1 for one or ∞."""
    if not 1 < number < math.inf:
        return 1.0
    return math.sqrt(2 / (number - 1)) * math.exp(math.lgamma(number / 2) - math.lgamma((number - 1) / 2))


def of_the_larger(freedoms: Sequence[int]) -> tuple[float, float]:
    """Return ⟨s²⟩/σ² and the degrees of freedom of the larger of independent errors; 1 and ∞ where there are none.

    ⟨s^k⟩ = ∫_0^∞ k x^{k-1} [1 - Π P(χ²_n < n x²)] dx
    """
    if len(freedoms) < 2:
        return 1.0, float(*freedoms) if freedoms else math.inf
    x = np.linspace(0, 8, 2001)
    beyond = 1 - np.prod([scipy.special.chdtr(n, n * x**2) for n in freedoms], axis=0)
    square, fourth = (float(np.trapezoid(k * x ** (k - 1) * beyond, x)) for k in (2, 4))
    return square, 2 / (fourth / square**2 - 1)


def of_the_sum(squares: Sequence[float], freedoms: Sequence[float]) -> float:
    """Return the degrees of freedom of the sum of independent squares of standard errors."""
    weights = sum(square**2 / freedom for square, freedom in zip(squares, freedoms, strict=True))
    return sum(squares) ** 2 / weights if weights > 0 else math.inf
