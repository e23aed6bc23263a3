"""Raman spectra: known depolarisation ratios, geometries, scales of intensity."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy import constants
from scipy.spatial.transform import Rotation

from ensembles import TEMPERATURE, WARM, made_series, noise
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import infrared
from mimyria.spectra.quantum import CORRECTIONS
from mimyria.spectra.raman import intensity_scales, raman
from mimyria.spectra.sampling import choose_sampling
from mimyria.units import LIGHT_SPEED, infrared_prefactor, thermal_wavenumber


def turning_tensors(isotropic: float, anisotropic: float, frames: int = 60_000) -> np.ndarray:
    """dα/dt of an isotropic sample: a·1 x(t) plus five independent traceless parts b·y_k(t) of equal strength."""
    x = noise(frames, 6, 1500.0, 80.0, 4.0)
    basis = np.array(
        [
            np.diag([1, -1, 0]) / np.sqrt(2),
            np.diag([1, 1, -2]) / np.sqrt(6),
            *(np.eye(3)[[a, b]].T @ np.eye(3)[[b, a]] / np.sqrt(2) for a, b in ((0, 1), (0, 2), (1, 2))),
        ]
    )
    return isotropic * x[:, 0, None, None] * np.eye(3) + anisotropic * np.einsum("tk,kab->tab", x[:, 1:], basis)


@pytest.mark.parametrize(("isotropic", "anisotropic"), [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.3, 2.0)])
def test_depolarisation_ratio_of_known_tensors(isotropic: float, anisotropic: float) -> None:
    """⟨Tr ββ⟩ = 5b²: ρ = (5b²/10)/(a² + 2·5b²/15), between 0 and 3/4."""
    series = made_series({"pgt": turning_tensors(isotropic, anisotropic)}, 4.0)
    spectrum = raman([series], WARM, choose_sampling([series], 30.0, None))
    columns = spectrum.columns
    expected = 0.5 * anisotropic**2 / (isotropic**2 + 2 / 3 * anisotropic**2)
    inside = abs(spectrum.wavenumber - 1500) < 100
    ratio = columns["VH"][inside].sum() / columns["VV"][inside].sum()
    assert ratio == pytest.approx(expected, rel=0.12, abs=1e-12)
    given = columns["depolarisation_ratio"][np.isfinite(columns["depolarisation_ratio"])]
    assert given.min() > -1e-6
    assert given.max() < 0.75 + 1e-2
    np.testing.assert_allclose(columns["VV"], columns["isotropic"] + 2 / 15 * columns["anisotropic"])
    np.testing.assert_allclose(columns["VH"], columns["anisotropic"] / 10)
    np.testing.assert_allclose(columns["unpolarised"], columns["VV"] + columns["VH"])


def test_vv_is_the_average_over_laboratory_axes() -> None:
    """S of dα_zz averaged over axes equals S_iso + 2/15 S_ani only for an isotropic sample, which this is."""
    alpha = turning_tensors(0.5, 1.0)
    series = made_series({"pgt": alpha}, 4.0)
    how = choose_sampling([series], 30.0, None)
    columns = raman([series], WARM, how).columns
    diagonal = made_series({"apt": np.diagonal(alpha, axis1=1, axis2=2)}, 4.0)
    axes = infrared([diagonal], WARM, how).columns["n_alpha_cm-1"]
    inside = abs(columns["wavenumber_cm-1"] - 1500) < 100
    per_axis = axes[inside] / infrared_prefactor(1000.0, TEMPERATURE) * LIGHT_SPEED / 3
    assert per_axis.sum() == pytest.approx(columns["VV"][inside].sum(), rel=0.05)


def test_line_shape_integrates_to_the_mean_square() -> None:
    """∫_0^∞ S dν = ½ ⟨x²⟩ for S = c ∫ ⟨x(0)x(t)⟩ e^{-iωt} dt."""
    alpha = turning_tensors(0.7, 0.0)
    series = made_series({"pgt": alpha}, 4.0)
    spectrum = raman([series], WARM, choose_sampling([series], 20.0, None))
    area = np.trapezoid(spectrum.columns["isotropic"], spectrum.wavenumber)
    assert area == pytest.approx(0.5 * (alpha[:, 0, 0] ** 2).mean(), rel=1e-9)


def test_stokes_factor() -> None:
    series = made_series({"pgt": turning_tensors(1.0, 1.0, 4000)}, 4.0)
    columns = raman([series], Conditions(TEMPERATURE, 532.0), choose_sampling([series], 60.0, None)).columns
    nu = columns["wavenumber_cm-1"][1:]
    kt = constants.k * TEMPERATURE / (constants.h * constants.c * 100)
    ratio = columns["stokes_VV"][1:] / columns["VV"][1:]
    photons = (1e7 / 532.0 - nu) ** 4
    occupation = 1 + 1 / (np.exp(nu / kt) - 1)  # Bose-Einstein, n + 1 for Stokes
    np.testing.assert_allclose(
        ratio / ratio[50], (photons * occupation / nu) / (photons * occupation / nu)[50], rtol=1e-9
    )
    assert np.isnan(columns["stokes_VV"][0])


@pytest.mark.parametrize("laser", [532.0, 1064.0])
def test_stokes_and_antistokes_are_in_detailed_balance(laser: float) -> None:
    """I_aS/I_S = [(ν_L + ν)/(ν_L - ν)]⁴ e^{-hcν/kT}: what a Raman thermometer reads."""
    nu, light = np.linspace(5.0, 4000.0, 50), 1e7 / laser
    for correction in CORRECTIONS:
        scales = intensity_scales(nu, Conditions(TEMPERATURE, laser, correction))
        x = 0 if correction == "none" else nu / thermal_wavenumber(TEMPERATURE)  # a classical S is even
        expected = ((light + nu) / (light - nu)) ** 4 * np.exp(-x)
        np.testing.assert_allclose(scales["antistokes"][0] / scales["stokes"][0], expected, rtol=1e-9)


def test_reduced_intensity_knows_neither_laser_nor_temperature() -> None:
    """Whatever laser and temperature made a Stokes spectrum, correcting it gives one and the same Im χ = S/ν."""
    nu = np.linspace(10.0, 4000.0, 50)
    for temperature, laser in ((50.0, 488.0), (300.0, 1064.0), (2000.0, 785.0)):
        scales = intensity_scales(nu, Conditions(temperature, laser))
        bose = 1 / np.expm1(nu / thermal_wavenumber(temperature)) + 1
        corrected = scales["stokes"][0] / (1 - nu * laser / 1e7) ** 4 / bose
        np.testing.assert_allclose(corrected, scales["reduced"][0], rtol=1e-9)
        np.testing.assert_allclose(nu * scales["reduced"][0], 1, rtol=1e-12)  # R(ν) of Shuker and Gammon is S
    assert set(intensity_scales(nu, WARM)) == {"reduced"}


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_a_cold_sample_sends_no_antistokes_light(correction: str) -> None:
    """At 50 K e^{-hcν/kT} of 33 000 cm⁻¹, which 0.5 fs resolve, is below the smallest number."""
    scales = intensity_scales(np.array([0.0, 10.0, 33_000.0]), Conditions(50.0, 532.0, correction))
    for factor, _ in scales.values():
        np.testing.assert_array_equal(np.isfinite(factor), [False, True, True])
    assert correction == "none" or scales["antistokes"][0][-1] < 1e-200


def test_there_is_no_stokes_light_below_zero_frequency() -> None:
    scales = intensity_scales(np.array([500.0, 1500.0, 4000.0]), Conditions(TEMPERATURE, 10_000.0))  # 1000 cm⁻¹
    assert scales["stokes"][0][0] > 0
    np.testing.assert_array_equal(scales["stokes"][0][1:], 0)


def test_every_geometry_comes_on_every_scale_with_its_error() -> None:
    series = made_series({"pgt": turning_tensors(1.0, 1.0, 4000)}, 4.0)
    spectrum = raman([series], Conditions(TEMPERATURE, 532.0, porto=("z(xx)z",)), choose_sampling([series], 60.0, None))
    for name in ("VV", "VH", "unpolarised", "z(xx)z"):
        for scale in ("", "reduced_", "stokes_", "antistokes_"):
            value, error = (spectrum.columns[f"{scale}{name}{end}"][1:] for end in ("", "_error"))
            plain, plain_error = (spectrum.columns[f"{name}{end}"][1:] for end in ("", "_error"))
            np.testing.assert_allclose(error / value, plain_error / plain, rtol=1e-9)
            assert not scale or f"{scale}*" in spectrum.header


@pytest.mark.parametrize("groups", [("H2O", "H2O"), ("O", "H")])
def test_groups_change_no_geometry(groups: tuple[str, str]) -> None:
    parts = np.random.default_rng(0).normal(size=(600, 2, 3, 3))
    whole = made_series({"pgt": parts.sum(axis=1)}, 4.0)
    grouped = replace(whole, groups=groups, rates={"pgt": parts})
    conditions = Conditions(TEMPERATURE, porto=("z(xy)z", "x(zz)x"))
    one, other = (raman([series], conditions, choose_sampling([series], 100.0, None)) for series in (whole, grouped))
    for name in one.columns:
        np.testing.assert_allclose(other.columns[name], one.columns[name], atol=1e-12)


def test_a_crystal_shows_each_mode_in_its_geometry() -> None:
    """A mode of α_xx at 1000 cm⁻¹ and one of α_yz at 2000: each is seen where its component is, and nowhere else."""
    first, second = noise(20_000, 1, 1000.0, 40.0, 4.0)[:, 0], noise(20_000, 1, 2000.0, 40.0, 4.0, seed=1)[:, 0]
    alpha = np.zeros((20_000, 3, 3))
    alpha[:, 0, 0], alpha[:, 1, 2], alpha[:, 2, 1] = first, second, second
    series = made_series({"pgt": alpha}, 4.0)
    geometries = ("z(xx)z", "y(xx)-z", "x(yz)x", "x(zy)-x", "x(yy)x", "z(xy)z", "y(zx)z")
    columns = raman([series], Conditions(TEMPERATURE, porto=geometries), choose_sampling([series], 30.0, None)).columns
    for geometry, values in (("z(xx)z", first), ("x(yz)x", second)):
        area = np.trapezoid(columns[geometry], columns["wavenumber_cm-1"])
        assert area == pytest.approx(0.5 * (values**2).mean(), rel=1e-9)  # as for every S
        assert columns["wavenumber_cm-1"][np.argmax(columns[geometry])] == pytest.approx(
            1000 if geometry == "z(xx)z" else 2000, abs=15
        )
    np.testing.assert_array_equal(columns["y(xx)-z"], columns["z(xx)z"])
    np.testing.assert_array_equal(columns["x(zy)-x"], columns["x(yz)x"])
    for geometry in ("x(yy)x", "z(xy)z", "y(zx)z"):
        np.testing.assert_array_equal(columns[geometry], 0)


def test_isotropic_columns_are_the_powder_of_an_oriented_sample() -> None:
    """VV is z(xx)z, VH is z(xy)z averaged over orientations: a quadrature exact for fourth powers of rotations."""
    rng = np.random.default_rng(0)
    alpha = rng.normal(size=(200, 3, 3)) * [[3, 1, 2], [1, 1, 1], [2, 1, 0.5]]
    alpha = alpha + alpha.transpose(0, 2, 1)
    powder = {"z(xx)z": 0.0, "z(xy)z": 0.0}
    cosines, weights = np.polynomial.legendre.leggauss(3)
    turns = 2 * np.pi * np.arange(5) / 5
    for cosine, weight in zip(cosines, weights / 2 / 25, strict=True):
        for euler in np.ndindex(5, 5):
            matrix = Rotation.from_euler("zyz", [turns[euler[0]], np.arccos(cosine), turns[euler[1]]]).as_matrix()
            series = made_series({"pgt": matrix @ alpha @ matrix.T}, 4.0)
            columns = raman(
                [series], Conditions(TEMPERATURE, porto=tuple(powder)), choose_sampling([series], None, 1)
            ).columns
            powder = {name: sums + weight * columns[name] for name, sums in powder.items()}
    np.testing.assert_allclose(powder["z(xx)z"], columns["VV"], rtol=1e-9, atol=1e-12 * columns["VV"].max())
    np.testing.assert_allclose(powder["z(xy)z"], columns["VH"], rtol=1e-9, atol=1e-12 * columns["VV"].max())


def test_the_spread_is_that_of_the_spectra_of_all_networks() -> None:
    rates = np.random.default_rng(0).normal(size=(2000, 3, 3, 3))
    rates = rates + rates.swapaxes(2, 3)
    series = made_series({"pgt": rates.mean(axis=1)}, 4.0, member_rates={"pgt": rates})
    how = choose_sampling([series], 60.0, None)
    spectrum = raman([series], WARM, how)
    each = [raman([made_series({"pgt": rates[:, k]}, 4.0)], WARM, how) for k in range(3)]
    for name in ("VV", "VH"):
        lines = [one.columns[name] for one in each]
        np.testing.assert_allclose(spectrum.columns[f"{name}_spread"], np.std(lines, axis=0, ddof=1), rtol=1e-9)
    assert "committee" in spectrum.header["VV_spread, VH_spread"]
    assert not [name for name in each[0].columns if name.endswith("_spread")]
    assert not [name for name in each[0].header if "spread" in name or not name]


def test_the_depolarisation_ratio_is_given_where_a_thousandth_of_the_light_is() -> None:
    """Of the line shape averaged over all orientations, with the error that its blocks give."""
    series = made_series({"pgt": turning_tensors(1.0, 1.0, 20_000)}, 4.0)
    columns = raman([series], WARM, choose_sampling([series], 30.0, 10)).columns
    visible = columns["VV"] > 1e-3 * columns["VV"].max()
    assert 0.05 < visible.mean() < 0.95
    ratio = columns["depolarisation_ratio"]
    np.testing.assert_array_equal(np.isfinite(ratio), visible)
    error = columns["depolarisation_ratio_error"][visible]
    assert (abs(ratio[visible] - columns["VH"][visible] / columns["VV"][visible]) < error).all()  # less its bias
    np.testing.assert_array_equal(np.isfinite(columns["depolarisation_ratio_error"]), visible)


def test_units_and_header_of_every_column() -> None:
    series = made_series({"pgt": turning_tensors(1.0, 1.0, 2000)}, 4.0)
    conditions = Conditions(TEMPERATURE, 532.0, porto=("z(xy)z",))
    spectrum = raman([series], conditions, choose_sampling([series], 60.0, None))
    for name in ("VV", "VH", "isotropic", "anisotropic", "unpolarised", "z(xy)z"):
        assert spectrum.unit(name) == "a.u.² fs⁻² cm"
    for scale in ("reduced", "stokes", "antistokes"):
        for name in ("VV", "VH", "unpolarised", "z(xy)z"):
            assert spectrum.unit(f"{scale}_{name}") == "a.u.² fs⁻² cm²"
        assert f"{scale}_isotropic" not in spectrum.columns  # a part is no geometry
    assert spectrum.unit("depolarisation_ratio") == "1"
    assert spectrum.header["temperature"] == f"{TEMPERATURE:.2f} K"
    assert "ν_L of 532 nm" in spectrum.header["stokes_*"]
    assert "k_i(ab)k_s" in spectrum.header
    assert "k_i(ab)k_s" not in raman([series], WARM, choose_sampling([series], 60.0, None)).header


def test_where_nothing_scatters_there_is_no_ratio_and_no_warning() -> None:
    series = made_series({"pgt": np.zeros((1000, 3, 3))}, 4.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        columns = raman([series], WARM, choose_sampling([series], 60.0, None)).columns
    assert np.isnan(columns["depolarisation_ratio"]).all()
    assert not columns["VV"].any()
