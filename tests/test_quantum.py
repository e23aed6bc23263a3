"""Quantum corrections: detailed balance, the classical limit, the harmonic oscillator, and their place in spectra."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import constants

from mimyria.errors import SpectrumError
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import infrared
from mimyria.spectra.quantum import CORRECTIONS, correction_ratio
from mimyria.spectra.raman import raman
from mimyria.spectra.sampling import choose_sampling

X = np.linspace(0.01, 20, 50)
"""βħω; 16 is the O-H stretch at room temperature."""
KT = constants.k * 300.0 / (constants.h * constants.c * 100)
"""cm⁻¹ at 300 K."""


@pytest.mark.parametrize("name", [name for name in CORRECTIONS if name != "none"])
def test_detailed_balance(name: str) -> None:
    """Q(-x) = e^{-x} Q(x), so S(-ω) = e^{-βħω} S(ω) of a symmetric classical line."""
    factor = CORRECTIONS[name][1]
    np.testing.assert_allclose(factor(-X), np.exp(-X) * factor(X), rtol=1e-12)


def test_without_correction_the_line_is_symmetric() -> None:
    factor = CORRECTIONS["none"][1]
    np.testing.assert_array_equal(factor(-X), factor(X))


@pytest.mark.parametrize("name", CORRECTIONS)
def test_slow_motion_is_classical(name: str) -> None:
    """Q = 1 + x/2 + ... at most, and its ratio to the harmonic one 1 - x/2 at most."""
    small = np.array([0.0, 1e-4])
    np.testing.assert_allclose(CORRECTIONS[name][1](small), 1, atol=1e-4)
    np.testing.assert_allclose(correction_ratio(KT * small, 300.0, name), 1, atol=1e-4)


def test_harmonic_is_the_quantum_oscillator() -> None:
    """Weight of the line at +ω: ⟨x²⟩ has ħ/(2mω) (n_B + 1) there, classically half of kT/(mω²)."""
    occupation = 1 / np.expm1(X)
    np.testing.assert_allclose(CORRECTIONS["harmonic"][1](X), (occupation + 1) / 2 / (1 / (2 * X)), rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "ratio"),
    [
        ("harmonic", np.ones_like(X)),
        ("standard", np.tanh(X / 2) / (X / 2)),
        ("schofield", np.sinh(X / 2) / (X / 2)),
        ("none", (1 - np.exp(-X)) / X),
    ],
)
def test_ratio_in_the_spectra(name: str, ratio: np.ndarray) -> None:
    """n·α with its parts, and Stokes intensities, have the factor; Raman line shapes have none."""
    np.testing.assert_allclose(correction_ratio(KT * X, 300.0, name), ratio, rtol=1e-12)
    rng, ones = np.random.default_rng(0), np.ones(2000)
    rates = {"apt": rng.normal(size=(2000, 2, 3)), "pgt": rng.normal(size=(2000, 2, 3, 3))}
    series = ResponseSeries(
        ("O", "H"), 4.0, rates, 1000 * ones, 300 * ones, ("O", "H"), np.ones((2, 9)), 0.0, 3
    )  # fmt: skip
    how, plain = choose_sampling([series], 60.0, None), Conditions(300.0, laser=532.0)
    for make in (infrared, raman):
        before, after = (make([series], one, how) for one in (plain, replace(plain, correction=name)))
        expected = np.interp(before.wavenumber, KT * X, ratio)  # straight lines between the points are good to 3 %
        for column, values in before.columns.items():
            corrected = column.startswith(("n_alpha", "epsilon", "sigma", "stokes", "reduced", "cross_section"))
            if column.startswith("antistokes"):
                continue  # see test_raman
            exact = values * expected if corrected else values
            inside = (before.wavenumber > KT) & (before.wavenumber < 4000)
            np.testing.assert_allclose(after.columns[column][inside], exact[inside], rtol=0.03 if corrected else 0)
    if name == "harmonic":
        np.testing.assert_array_equal(correction_ratio(before.wavenumber, 300.0, name), 1)


def test_an_unknown_correction_is_refused() -> None:
    with pytest.raises(SpectrumError, match="no quantum correction 'egelstaff'; known are harmonic, standard"):
        correction_ratio(X, 300.0, "egelstaff")
