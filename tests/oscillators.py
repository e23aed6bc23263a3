"""Oscillators whose n and κ are known, and what instruments show of them."""

import numpy as np

from mimyria.frame import Array
from mimyria.optical.inversion import Instrument
from mimyria.spectra.spectrum import TABLE, WAVENUMBER, Spectrum

INFINITY = 1.78
OSCILLATORS = np.array([[600, 0.25, 200], [1650, 0.015, 70], [3400, 0.05, 300]])
"""Position (cm⁻¹), strength, width (cm⁻¹): roughly liquid water above 300 cm⁻¹."""
HOW = {
    "diamond": {"atr": (45.0, 2.4)},
    "germanium, p": {"atr": (45.0, 4.0), "light": "p"},
    "60°, s": {"atr": (60.0, 2.4), "light": "s"},
    "film": {"film": (2.0, 1.4)},
    "fringes": {"film": (2.0, 1.0)},
    "mirror": {"reflection": 0.0},
    "mirror, 10°": {"reflection": 10.0},
    "mirror, s": {"reflection": 50.0, "light": "s"},
}


def refraction(wavenumber: Array) -> Array:
    """n + iκ of the oscillators."""
    position, strength, width = OSCILLATORS.T[:, :, None]
    each = strength * position**2 / (position**2 - wavenumber**2 - 1j * width * wavenumber)
    return np.asarray(np.sqrt(INFINITY + each.sum(axis=0)))


def shown(how: str, low: float = 10.0, high: float = 8000.0, step: float = 4.0, noise: float = 0.0) -> Spectrum:
    """Return what an instrument shows of the oscillators."""
    wavenumber = np.arange(low, high + step / 2, step)
    sample = refraction(wavenumber)
    values = Instrument(**HOW[how]).shows(wavenumber, sample.real, sample.imag)  # type: ignore[arg-type]
    values = values + noise * values.max() * np.random.default_rng(0).normal(size=len(values))
    return Spectrum(TABLE, {WAVENUMBER: wavenumber, "measured": values})


def known(spectrum: Spectrum) -> float:
    return float(refraction(spectrum.wavenumber[-1:])[0].real)


def off(found: Spectrum, low: float, high: float) -> float:
    """Return the largest deviation of n·α in a band, over its height."""
    there = (found.wavenumber >= low) & (found.wavenumber <= high)
    nu = found.wavenumber[there]
    sample = refraction(nu)
    exact = 4 * np.pi * nu * sample.real * sample.imag
    return float(abs(found.values("n_alpha_cm-1")[there] - exact).max() / exact.max())
