"""ATR and films: Fresnel's identities, weak absorption, interference, what is refused."""

from pathlib import Path

import numpy as np
import pytest

from conftest import Run, refused
from ensembles import TEMPERATURE, made_series
from mimyria.optical.dielectric import optical_constants
from mimyria.optical.instruments import atr_absorbance, film_absorbance, reflectances
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import infrared
from mimyria.spectra.sampling import choose_sampling

NU = np.linspace(1000.0, 2000.0, 101)
RNG = np.random.default_rng(0)
N, KAPPA = RNG.uniform(1.1, 1.6, 101), RNG.uniform(0.0, 0.4, 101)


def test_at_45_degrees_p_is_reflected_as_the_square_of_s() -> None:
    """R_p = R_s² for any sample (the Abelès condition)."""
    found = atr_absorbance(N, KAPPA, 45.0, 2.4)
    np.testing.assert_allclose(found["atr_absorbance_p"], 2 * found["atr_absorbance_s"], rtol=1e-10)
    mean = (10 ** -found["atr_absorbance_s"] + 10 ** -found["atr_absorbance_p"]) / 2
    np.testing.assert_allclose(10 ** -found["atr_absorbance"], mean)


def test_what_does_not_absorb_is_reflected_totally_beyond_the_critical_angle() -> None:
    for name, values in atr_absorbance(np.array([1.3]), np.zeros(1), 60.0, 2.4).items():
        assert abs(values[0]) < 1e-12, name
    below = atr_absorbance(np.array([1.3]), np.zeros(1), 20.0, 2.4)["atr_absorbance"][0]
    assert below > 0.3


@pytest.mark.parametrize(("angle", "outside"), [(30.0, 1.0), (20.0, 2.4), (60.0, 2.4)])
def test_noise_that_makes_kappa_negative_changes_next_to_nothing(angle: float, outside: float) -> None:
    for found, expected in zip(
        reflectances(N, np.full(101, -1e-6), angle, outside),
        reflectances(N, np.zeros(101), angle, outside),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_weak_absorption_sees_the_effective_thickness() -> None:
    """A = α d_e/ln 10 with d_e = λ n₂₁ cos θ/[π n_c (1 - n₂₁²) √(sin²θ - n₂₁²)] for s (Harrick 1967), n₂₁ = n/n_c."""
    n, kappa, angle, crystal, nu = 1.33, 1e-5, np.radians(50.0), 2.4, 1600.0
    ratio = n / crystal
    depth = ratio * np.cos(angle) / (nu * np.pi * crystal * (1 - ratio**2) * np.sqrt(np.sin(angle) ** 2 - ratio**2))
    alpha = 4 * np.pi * nu * kappa
    found = atr_absorbance(np.array([n]), np.array([kappa]), 50.0, crystal)["atr_absorbance_s"][0]
    assert found == pytest.approx(alpha * depth / np.log(10), rel=1e-3)


def test_at_normal_incidence_it_is_the_reflectivity() -> None:
    n_alpha = 2 * np.pi * NU * 0.1
    constants = optical_constants(np.arange(101) * 10.0, n_alpha, 1.78)
    found = atr_absorbance(constants["n"][1:], constants["kappa"][1:], 1e-6, 1.0)
    for values in found.values():
        np.testing.assert_allclose(10**-values, constants["reflectivity"][1:], rtol=1e-6)


def test_a_film_between_windows_of_its_own_index_follows_beer() -> None:
    found = film_absorbance(NU, np.full(101, 1.4), np.full(101, 1e-3), 10.0, 1.4)
    np.testing.assert_allclose(found, 4 * np.pi * NU * 1e-3 * 10e-4 / np.log(10), rtol=1e-3)


def test_a_film_that_does_not_absorb_shows_fringes() -> None:
    """T = 1/(1 + F sin²δ), F = 4R/(1 - R)², δ = 2πνnd: maxima of one, c/2nd apart."""
    n, thickness = 1.5, 20.0
    reflectivity = ((n - 1) / (n + 1)) ** 2
    finesse = 4 * reflectivity / (1 - reflectivity) ** 2
    transmitted = 10 ** -film_absorbance(NU, np.full(101, n), np.zeros(101), thickness, 1.0)
    np.testing.assert_allclose(transmitted, 1 / (1 + finesse * np.sin(2 * np.pi * NU * n * thickness * 1e-4) ** 2))


def test_the_columns_of_a_spectrum_have_errors_units_and_formulas() -> None:
    series = made_series({"apt": 0.02 * np.random.default_rng(0).normal(size=(4000, 3))}, 4.0)
    conditions = Conditions(TEMPERATURE, epsilon_infinity=1.78, atr=(45.0, 2.4), film=(5.0, 1.4))
    spectrum = infrared([series], conditions, choose_sampling([series], 60.0, 5))
    resolved = np.isfinite(spectrum.columns["n"])
    for name in ("atr_absorbance", "atr_absorbance_s", "atr_absorbance_p", "film_absorbance"):
        assert spectrum.unit(name) == "1"
        np.testing.assert_array_equal(np.isfinite(spectrum.columns[name]), resolved)
        assert (spectrum.columns[f"{name}_error"][resolved] > 0).all()
    assert "45°" in spectrum.header["atr_absorbance"]
    assert "5 µm between windows of index 1.4" in spectrum.header["film_absorbance"]


def test_flags_of_instruments(run: Run, charges: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    command = ["spectrum", charges, "--apt", "frames", "--out", out]
    status, _, error = run(*command, "--epsilon-infinity", 1.8, "--atr", "45 2.4", "--film", 6)
    assert status == 0, error
    text = (out / "ir.csv").read_text(encoding="utf-8")
    assert "atr_absorbance_p" in text
    assert "6 µm between windows of index 1," in text
    refused(run(*command, "--atr", "45 2.4"), "--atr, --reflection and --film need the refractive index")
    for flag, words in (
        ("--atr", "45"),
        ("--atr", "95 2.4"),
        ("--atr", "45 0.5"),
        ("--atr", "2.4 45"),
        ("--film", "-3"),
        ("--film", "1 0.3"),
    ):
        refused(run(*command, "--epsilon-infinity", 1.8, flag, words), f"{flag} takes")
