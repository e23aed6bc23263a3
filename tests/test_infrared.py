"""Infrared spectra of ensembles whose spectra are known: free charges, damped oscillators, rotations, poolings."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import constants

from conftest import band_maximum, rotation
from ensembles import TEMPERATURE, WARM, free_charges, made_series, noise
from mimyria.errors import SpectrumError
from mimyria.rates.correlation import correlation
from mimyria.rates.window import line_shape
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import infrared
from mimyria.spectra.quantum import CORRECTIONS, correction_ratio
from mimyria.spectra.raman import raman
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.spectrum import Spectrum
from mimyria.units import BOLTZMANN, LIGHT_SPEED, MASS_VELOCITY_SQUARED, infrared_prefactor


def test_free_charges_have_the_analytic_integral(tmp_path: Path) -> None:
    series, expected = free_charges(tmp_path)
    spectrum = infrared([series], WARM, choose_sampling([series], None, None))
    assert np.trapezoid(spectrum.columns["n_alpha_cm-1"], spectrum.wavenumber) == pytest.approx(expected, rel=1e-3)


def test_free_charges_at_equipartition_have_the_textbook_integral() -> None:
    """∫ nα dω = π Σ q²/m / (2 ε0 c V): the sum of squares of many charges that fly at random, each for itself."""
    rng, charge, mass = np.random.default_rng(0), 0.7, 12.0
    thermal = np.sqrt(BOLTZMANN * TEMPERATURE / (mass * MASS_VELOCITY_SQUARED))  # Å/fs
    series = [made_series({"apt": np.tile(charge * thermal * rng.normal(size=3), (300, 1))}, 4.0) for _ in range(4000)]
    spectrum = infrared(series, WARM, choose_sampling(series, 100.0, 1))
    found = np.trapezoid(spectrum.columns["n_alpha_cm-1"], spectrum.wavenumber) * 100**2 * 2 * np.pi * constants.c
    square = (charge * constants.e) ** 2 / (mass * constants.atomic_mass)
    expected = np.pi * square / (2 * constants.epsilon_0 * constants.c * 1000 * constants.angstrom**3)
    assert found == pytest.approx(expected, rel=0.04)  # 12 000 squares of normal numbers: 1.3 % standard error


def test_damped_oscillator_has_its_line_and_area() -> None:
    """dM/dt = x(t) per component: ∫ nα dω = π/(6 ε0 c V k_B T) ⟨|dM/dt|²⟩, Lorentzian of the damping."""
    timestep, position, width = 4.0, 1500.0, 60.0
    moment = 0.01 * noise(200_000, 3, position, width, timestep)
    series = made_series({"apt": moment}, timestep)
    spectrum = infrared([series], WARM, choose_sampling([series], 8.0, None))
    line = spectrum.columns["n_alpha_cm-1"]
    rate_si = 0.01 * constants.e * constants.angstrom / constants.femto
    area = np.pi * 3 * rate_si**2 / (6 * constants.epsilon_0 * constants.c * 1e-27 * constants.k * TEMPERATURE)
    area_cm = area / (2 * np.pi * constants.c) * 1e-4
    assert np.trapezoid(line, spectrum.wavenumber) == pytest.approx(area_cm, rel=0.03)
    omega, gamma = 2 * np.pi * LIGHT_SPEED * (spectrum.wavenumber - position), np.pi * LIGHT_SPEED * width
    exact = area_cm * gamma / (gamma**2 + omega**2) * 2 * LIGHT_SPEED
    near = abs(spectrum.wavenumber - position) < 150
    assert abs(line - exact)[near].mean() < 0.06 * exact.max()
    assert band_maximum(spectrum.wavenumber, line, 1000, 2000)[0] == pytest.approx(position, abs=0.25 * width)


def test_error_bars_have_the_size_of_the_scatter() -> None:
    rng = np.random.default_rng(0)
    lines, errors = [], []
    for _ in range(150):
        series = made_series({"apt": rng.normal(size=(4000, 3))}, 4.0)
        columns = infrared([series], WARM, choose_sampling([series], 60.0, 10)).columns
        lines.append(columns["n_alpha_cm-1"])
        errors.append(columns["n_alpha_error"])
    assert 0.8 < np.mean(errors) / np.std(lines, axis=0).mean() < 1.25


def test_parts_add_up_and_copies_scale(tmp_path: Path) -> None:
    series, _ = free_charges(tmp_path)
    how = choose_sampling([series], None, None)
    columns = infrared([series], WARM, how).columns
    parts = sum(values for name, values in columns.items() if "[" in name)
    np.testing.assert_allclose(parts, columns["n_alpha_cm-1"], rtol=1e-9, atol=1e-9 * columns["n_alpha_cm-1"].max())
    copies = replace(series, rates={"apt": 3 * series.rates["apt"][:]}, volume=3 * series.volume)
    tripled = infrared([copies], WARM, how).columns["n_alpha_cm-1"]
    np.testing.assert_allclose(tripled, 3 * columns["n_alpha_cm-1"], rtol=1e-9, atol=1e-12 * tripled.max())


def test_rotating_the_sample_changes_no_spectrum() -> None:
    rng, matrix = np.random.default_rng(0), rotation(1)
    alpha = rng.normal(size=(3000, 3, 3))
    alpha = alpha + alpha.transpose(0, 2, 1)
    rates = {"apt": rng.normal(size=(3000, 3)), "pgt": alpha}
    turned = {"apt": rates["apt"] @ matrix.T, "pgt": matrix @ alpha @ matrix.T}
    for make in (infrared, raman):
        one, other = (
            make([s], WARM, choose_sampling([s], None, None)) for s in (made_series(rates), made_series(turned))
        )
        for name, values in one.columns.items():
            np.testing.assert_allclose(other.columns[name], values, rtol=1e-6, atol=1e-9 * np.nanmax(abs(values)))


def test_epsilon_is_n_alpha_over_two_pi_nu_where_it_is_resolved() -> None:
    """Below half of the resolution a Debye liquid would show ε'(0) of 5 for 78: nothing is said there."""
    series = made_series({"apt": np.random.default_rng(0).normal(size=(4000, 3))})
    columns = infrared(
        [series], Conditions(TEMPERATURE, epsilon_infinity=1.8), choose_sampling([series], 40.0, 3)
    ).columns
    resolved = columns["wavenumber_cm-1"] >= 20
    expected = columns["n_alpha_cm-1"][resolved] / (2 * np.pi * columns["wavenumber_cm-1"][resolved])
    np.testing.assert_allclose(columns["epsilon_imag"][resolved], expected)
    assert 0 < (~resolved).sum() < 4
    sigma = columns["n_alpha_cm-1"][resolved] * 100 * constants.epsilon_0 * constants.c
    np.testing.assert_allclose(columns["sigma"][resolved], sigma)
    for name in ("epsilon_imag", "sigma", "epsilon_real", "n", "kappa", "alpha_cm-1", "reflectivity", "loss_function"):
        for column in (name, f"{name.removesuffix('_cm-1')}_error"):
            np.testing.assert_array_equal(np.isfinite(columns[column]), resolved, column)
    assert np.isfinite(columns["n_alpha_cm-1"]).all()


def test_trajectories_are_pooled_by_their_length() -> None:
    moment = np.random.default_rng(3).normal(size=(6000, 3))
    parts = [made_series({"apt": moment[:4000]}), made_series({"apt": moment[4000:]})]
    how = choose_sampling(parts, 60.0, None)
    pooled = infrared(parts, WARM, how).columns["n_alpha_cm-1"]
    lags = np.arange(how.lags)
    each = [correlation(part.rates["apt"], how.lags)[0, 0] for part in parts]
    pairs = [4000 - lags, 2000 - lags]
    mean = sum(c * n for c, n in zip(each, pairs, strict=True)) / sum(pairs)
    _, line = line_shape(mean, how.timestep, how.resolution)
    np.testing.assert_allclose(pooled, infrared_prefactor(1000.0, TEMPERATURE) * line, rtol=1e-9)
    larger = [replace(part, volume=2 * part.volume) for part in parts]
    halved = infrared(larger, WARM, how).columns["n_alpha_cm-1"]
    np.testing.assert_allclose(halved, pooled / 2, rtol=1e-9)


def test_a_volume_that_fluctuates_counts_by_its_mean() -> None:
    """At constant pressure: molar columns are those of the mean volume, and the header says it."""
    random = np.random.default_rng(0)
    volume = 1000.0 * (1 + 0.1 * np.linspace(-1, 1, 4000) + 0.05 * random.normal(size=4000))
    rates = {"apt": random.normal(size=(4000, 3))}
    still = made_series(rates, 4.0, counts={"all": np.full(4000, 8.0)}, molecular=True)
    breathing = replace(still, volume=volume)
    how = choose_sampling([still], 60.0, None)
    one, other = (infrared([series], WARM, how) for series in (still, breathing))
    mean = float(volume.mean())
    np.testing.assert_allclose(other.columns["n_alpha_cm-1"] * mean, one.columns["n_alpha_cm-1"] * 1000.0, rtol=1e-12)
    (name,) = (name for name in one.columns if name.startswith("n_alpha_molar") and not name.endswith("_error"))
    np.testing.assert_allclose(other.columns[name], one.columns[name], rtol=1e-12)  # of a mole, whatever the volume
    assert other.header["volume"] == f"{mean:.3f} Å³"
    both = infrared([breathing, replace(still, volume=3 * still.volume)], WARM, how)
    assert both.header["volume"] == f"{2 / (1 / mean + 1 / 3000):.3f} Å³"


@pytest.mark.parametrize("members", [2, 3])
def test_the_spread_is_that_of_the_spectra_of_all_networks(members: int) -> None:
    rates = np.random.default_rng(0).normal(size=(2, 3000, members, 3))
    series = [made_series({"apt": run.mean(axis=1)}, 4.0, member_rates={"apt": run}) for run in rates]
    how = choose_sampling(series, 60.0, None)
    spectrum = infrared(series, WARM, how)
    each = [infrared([made_series({"apt": run[:, k]}, 4.0) for run in rates], WARM, how) for k in range(members)]
    lines = [one.columns["n_alpha_cm-1"] for one in each]
    np.testing.assert_allclose(spectrum.columns["n_alpha_spread"], np.std(lines, axis=0, ddof=1), rtol=1e-9)
    assert "committee" in spectrum.header["n_alpha_spread"]
    assert "n_alpha_spread" not in each[0].columns.keys() | each[0].header.keys()


def test_units_of_every_column() -> None:
    series = made_series({"apt": np.random.default_rng(0).normal(size=(2000, 3))}, 4.0)
    series = replace(series, counts={"all": np.full(2000, 8.0)}, molecular=True)
    how = choose_sampling([series], 60.0, None)
    spectrum = infrared([series], Conditions(TEMPERATURE, epsilon_infinity=1.8), how)
    assert {spectrum.unit(name) for name in ("n_alpha_cm-1", "n_alpha_error", "alpha_cm-1", "alpha_error")} == {"cm-1"}
    assert spectrum.unit("n_alpha_molar[all]") == spectrum.unit("n_alpha_molar[all]_error") == "L mol-1 cm-1"
    for name in ("epsilon_imag", "epsilon_real", "n", "kappa", "reflectivity", "loss_function"):
        assert spectrum.unit(name) == "1"
    assert spectrum.unit("sigma") == spectrum.unit("sigma_error") == "S m-1"
    assert spectrum.header["temperature"] == f"{TEMPERATURE:.2f} K"


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_a_quantum_correction_is_a_factor_of_line_and_error(correction: str) -> None:
    series = made_series({"apt": np.random.default_rng(0).normal(size=(2000, 3))}, 4.0)
    how = choose_sampling([series], 60.0, 5)
    harmonic, other = (
        infrared([series], Conditions(TEMPERATURE, correction=one), how) for one in ("harmonic", correction)
    )
    ratio = correction_ratio(harmonic.wavenumber, TEMPERATURE, correction)
    for name in ("n_alpha_cm-1", "n_alpha_error", "epsilon_imag"):
        np.testing.assert_allclose(other.columns[name], ratio * harmonic.columns[name], rtol=1e-9)


def test_the_mean_volume_of_trajectories_is_weighted_by_their_length() -> None:
    """The harmonic mean over all frames, as the spectrum is per volume."""
    rates, frames = np.random.default_rng(0).normal(size=(4000, 3)), (4000, 1000)
    series = [
        made_series({"apt": rates[:n]}, 4.0, volume=np.full(n, v)) for n, v in zip(frames, (1e3, 3e3), strict=True)
    ]
    header = infrared(series, WARM, choose_sampling(series, 60.0, None)).header
    assert header["volume"] == f"{5000 / (4000 / 1e3 + 1000 / 3e3):.3f} Å³"


def test_per_area_and_per_molecule_do_not_depend_on_the_vacuum() -> None:
    """A layer in a cell three times as high: n·α is a third, what a passage or a molecule absorbs is the same."""
    rates = {"apt": np.random.default_rng(0).normal(size=(3000, 3))}

    def made(height: float, per: str, **changes: object) -> Spectrum:
        cell = np.array([[8.0, 0, 0], [2.0, 5.0, 0], [0, 0, height]])
        volume = {"cell": cell, "volume": np.full(3000, 40 * height)}
        series = made_series(rates, **volume, **changes)
        return infrared([series], replace(WARM, per=per), choose_sampling([series], None, None))

    low, high = (made(height, "area-z") for height in (12.0, 36.0))
    np.testing.assert_allclose(low.values(), 3 * high.values())
    for spectrum, height in ((low, 12), (high, 36)):
        np.testing.assert_allclose(spectrum.values("n_alpha_per_area"), height * 1e-8 * spectrum.values())
        np.testing.assert_allclose(spectrum.error("n_alpha_per_area"), height * 1e-8 * spectrum.error(), rtol=1e-9)
    assert low.unit("n_alpha_per_area") == "1"
    assert "area A = 40.000 Å² across z" in low.header["n_alpha_per_area"]
    molecular = {"groups": ("H2O",), "counts": {"H2O": np.full(3000, 4)}, "molecular": True}
    each = made(12.0, "molecule", **molecular)
    np.testing.assert_allclose(each.values("n_alpha_per_molecule"), each.values("n_alpha_molar[H2O]"))
    molar = constants.Avogadro * 12 * 40 * 1e-27 / 4  # L/mol
    np.testing.assert_allclose(each.values("n_alpha_per_molecule"), molar * each.values())
    assert each.unit("n_alpha_per_molecule") == "L mol-1 cm-1"
    assert list(made(12.0, "cell").columns) == [name for name in low.columns if "per_area" not in name]
    with pytest.raises(SpectrumError, match="--per molecule needs their number, which --groups molecules"):
        made(12.0, "molecule")
    with pytest.raises(SpectrumError, match="normal along x has two cell vectors perpendicular"):
        made(12.0, "area-x")
