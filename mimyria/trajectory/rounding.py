"""Rounding of stored positions: its size, seen from the numbers, and the noise it puts into differences of positions.

A position rounded to multiples of a is off by ε, equally likely anywhere within ±a/2, so ⟨ε²⟩ = a²/12. As long as
atoms move by a third of a or more from frame to frame, ε is white. Velocities by differences over ±δ then carry

    w(t) = [ε(t+δ) - ε(t-δ)]/(2δ)          ⟨w(0)²⟩ = a²/(24 δ²)          ⟨w(0) w(±2δ)⟩ = -a²/(48 δ²)

and no other correlation: a power a²/12 · sin²(ωδ)/δ², which peaks where δ is a quarter of a period. The attenuation
sin²(ωδ)/(ωδ)² divided out, a²/12 · ω² is left.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mimyria.frame import Array, Frame
from mimyria.units import BOHR

EXPONENTS = range(0, -6, -1)
"""Powers of ten, of Å or Bohr, that are tried: multiples of less than 10⁻⁵ are as good as exact."""
FEWEST_NUMBERS = 9
"""Fewer positions may be multiples of something by chance."""
SINGLE = 1.2e-7
"""Relative spacing of the single precision in which most binary formats store positions."""
NEAR, NEAREST = 0.02, 0.2
"""Deviation, over the quantum, with which a number is a multiple; single precision may add as much as the second."""


def quantum_of(frames: Sequence[Frame]) -> float:
    """Return to which multiples, Å, the positions of all frames are rounded; 0 if to none of 10⁻⁵ Å or more."""
    numbers = np.concatenate([frame.positions.ravel() for frame in frames] or [np.empty(0)])
    numbers = numbers[numbers != 0]
    if len(numbers) < FEWEST_NUMBERS:
        return 0.0
    for exponent in EXPONENTS:
        for unit in (1.0, BOHR):
            steps = numbers / (unit * 10.0**exponent)
            near = NEAR + SINGLE * np.abs(steps)
            if near.max() < NEAREST and (np.abs(steps - np.rint(steps)) < near).all():
                return float(unit * 10.0**exponent)
    return 0.0


def difference_noise(quantum: float, interval: float, step: float, lags: int) -> Array:
    """Return ⟨w(0) w(τ)⟩ of one coordinate at τ = 0, step, ..., (Å/fs)², shape (lags,); see above.

    The quantum is in Å, the interval δ of the differences and the step between samples in fs.
    """
    noise = np.zeros(lags)
    noise[0] = quantum**2 / (24 * interval**2)
    at = round(2 * interval / step)
    if 0 < at < lags and np.isclose(at * step, 2 * interval):
        noise[at] = -(quantum**2) / (48 * interval**2)
    return noise
