"""Quantum corrections: factors that give a classical line shape the detailed balance of a quantum one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy

from mimyria.errors import SpectrumError
from mimyria.frame import Array
from mimyria.units import thermal_wavenumber

CORRECTIONS: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "harmonic": ("x/(1 - exp(-x))", lambda x: 1 / scipy.special.exprel(-x)),
    "standard": ("2/(1 + exp(-x))", lambda x: 2 * scipy.special.expit(x)),
    "schofield": ("exp(x/2)", lambda x: np.exp(x / 2)),
    "none": ("1", lambda x: np.ones_like(x)),
}
"""Q(x), x = βħω, by name, and how it is written.

    S(ω) = Q(βħω) · S_classical(ω)          S(-ω) = e^{-βħω} S(ω) for all but ``none``

of the dipole or the polarizability. ``harmonic`` is exact for harmonic vibrations with a linear dipole.
R. Ramírez, T. López-Ciudad, P. Kumar P and D. Marx, J. Chem. Phys. 121, 3973 (2004);
P. Schofield, Phys. Rev. Lett. 4, 239 (1960).
"""


def quantum_factor(x: Array, correction: str) -> Array:
    """Return Q(x), x = βħω of either sign, of a name in ``CORRECTIONS``; raise SpectrumError for another name."""
    if correction not in CORRECTIONS:
        raise SpectrumError(f"there is no quantum correction {correction!r}; known are {', '.join(CORRECTIONS)}")
    return CORRECTIONS[correction][1](x)


def correction_ratio(wavenumber: Array, temperature: float, correction: str) -> Array:
    """Return Q(βħω)/Q_harmonic(βħω), shape (n,).

    Absorption and Stokes intensity are, with S of the dipole and of the polarizability,

        n·α ∝ ω (1 - e^{-βħω}) Q S_classical          I ∝ (ω_L - ω)⁴ Q S_classical

    With Q_harmonic these become n·α ∝ ω² S_classical and I ∝ (ω_L - ω)⁴ ω (n_B + 1) S_classical, n_B the occupation:
    the formulas of `infrared` and `raman`. The ratio converts both to another Q:

        standard  tanh(x/2)/(x/2)        schofield  sinh(x/2)/(x/2)        none  (1 - e^{-x})/x        x = βħω

    ``none`` is thus not the classical formula n·α ∝ ω², which is ``harmonic``, but the quantum one with a classical S.
    Wavenumbers are in cm⁻¹ and not negative, the temperature in K.
    """
    x = wavenumber / thermal_wavenumber(temperature)
    return quantum_factor(x, correction) / quantum_factor(x, "harmonic")


def correction_header(correction: str, columns: str = "") -> dict[str, str]:
    """Return the header entry of a quantum correction, which holds for all columns or for those named."""
    stated = f"{correction}, Q = {CORRECTIONS[correction][0]}, x = hcν/kT"
    factor = "contained in the formula" if correction == "harmonic" else "times Q (1 - exp(-x))/x"
    return {f"quantum correction{columns and f' of {columns}'}": f"{stated}; {factor}"}
