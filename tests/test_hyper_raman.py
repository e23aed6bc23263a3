"""Hyper-Raman spectra: averages over orientations, known depolarisation ratios, areas, lines, scales."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ensembles import TEMPERATURE, WARM, made_series, noise
from mimyria.figures.panels import panels_of
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.hyper_raman import dipolar_rate, hyper_raman, octupolar_rate
from mimyria.spectra.raman import intensity_scales
from mimyria.spectra.sampling import choose_sampling

STEP = 4.0
Z = np.array([0.0, 0.0, 1.0])


def symmetrised(tensor: np.ndarray) -> np.ndarray:
    return np.mean([tensor.transpose(p) for p in permutations(range(3))], axis=0)


ROD = np.einsum("a,b,c->abc", Z, Z, Z)
VECTOR = 3 * symmetrised(np.einsum("a,bc->abc", Z, np.eye(3)))
OCTUPOLE = symmetrised(np.einsum("a,b,c->abc", *np.eye(3)))
ANYTHING = symmetrised(np.random.default_rng(0).normal(size=(3, 3, 3)))
TENSORS = {"rod": ROD, "vector": VECTOR, "octupole": OCTUPOLE, "anything": ANYTHING}
RATIOS = {"rod": 1 / 5, "vector": 1 / 9, "octupole": 2 / 3}
"""⟨β_ZXX²⟩/⟨β_ZZZ²⟩ of a tensor with β_zzz alone, of Σ v_i δ_jk, and of β_xyz alone (tetrahedral molecules)."""


def invariants(series: ResponseSeries) -> tuple[float, float]:
    every = slice(None)
    return tuple(float((rate(series, every) ** 2).sum(-1).mean()) for rate in (dipolar_rate, octupolar_rate))  # type: ignore[return-value]


def made(tensor: np.ndarray, signal: np.ndarray) -> ResponseSeries:
    return made_series({"hgt": signal[:, None, None, None] * tensor}, STEP)


@pytest.mark.parametrize("name", TENSORS)
def test_averages_are_those_over_all_orientations(name: str) -> None:
    """By brute force: 40 000 random rotations know each mean square to about 1 %."""
    tensor = TENSORS[name]
    matrices = Rotation.random(40_000, random_state=1).as_matrix()
    turned = np.einsum("nai,nbj,nck,ijk->nabc", matrices, matrices, matrices, tensor, optimize=True)
    dipolar, octupolar = invariants(made(tensor, np.ones(1)))
    assert dipolar + octupolar == pytest.approx((tensor**2).sum())  # two orthogonal parts are all there is
    parallel, crossed = dipolar / 5 + 2 / 35 * octupolar, dipolar / 45 + 4 / 105 * octupolar
    assert (turned[:, 2, 2, 2] ** 2).mean() == pytest.approx(parallel, rel=0.03)
    assert (turned[:, 2, 0, 0] ** 2).mean() == pytest.approx(crossed, rel=0.03)
    a, b = (np.trace(tensor, axis1=1, axis2=2) ** 2).sum(), (tensor**2).sum()
    assert parallel == pytest.approx((3 * a + 2 * b) / 35)
    assert crossed == pytest.approx((4 * b - a) / 105)


def test_both_parts_keep_their_size_when_turned() -> None:
    (matrix,) = Rotation.random(1, random_state=2).as_matrix()
    turned = np.einsum("ai,bj,ck,ijk->abc", matrix, matrix, matrix, ANYTHING)
    ones = np.ones(1)
    assert invariants(made(turned, ones)) == pytest.approx(invariants(made(ANYTHING, ones)))


@pytest.mark.parametrize("name", RATIOS)
def test_depolarisation_ratios_that_are_known(name: str) -> None:
    series = made(TENSORS[name], noise(4000, 1, 1500.0, 80.0, STEP)[:, 0])
    spectrum = hyper_raman([series], WARM, choose_sampling([series], 60.0, None))
    ratio = spectrum.columns["depolarisation_ratio"]
    bright = np.isfinite(ratio)
    np.testing.assert_allclose(ratio[bright], RATIOS[name], rtol=1e-9)
    assert bright.any()
    assert abs(spectrum.wavenumber[bright] - 1500).min() < 20


def test_a_line_has_its_place_width_and_area() -> None:
    """Lorentzian of FWHM Γ; ∫_0^∞ S dν = ½ ⟨|x|²⟩ for S = c ∫ ⟨x(0)x(t)⟩ e^{-iωt} dt."""
    signal = noise(100_000, 1, 1500.0, 100.0, STEP)[:, 0]
    series = made(ANYTHING, signal)
    spectrum = hyper_raman([series], WARM, choose_sampling([series], 10.0, None))
    dipolar, octupolar = invariants(series)
    for name, size in (("dipolar", dipolar), ("octupolar", octupolar), ("VV", dipolar / 5 + 2 / 35 * octupolar)):
        shape = spectrum.columns[name]
        assert np.trapezoid(shape, spectrum.wavenumber) == pytest.approx(size / 2, rel=1e-6)
    shape, nu = spectrum.columns["VV"], spectrum.wavenumber
    lorentzian = (100 / (2 * np.pi)) / ((nu - 1500) ** 2 + 50**2) * (dipolar / 5 + 2 / 35 * octupolar) / 2
    far = abs(nu - 1500) < 300
    smooth = np.convolve(shape, np.ones(9) / 9, mode="same")  # the noise of one run, averaged over some points
    assert abs(smooth - lorentzian)[far].max() < 0.2 * lorentzian.max()
    assert nu[far][np.argmax(smooth[far])] == pytest.approx(1500, abs=20)


def test_scattered_light_lies_below_twice_the_laser() -> None:
    nu = np.array([100.0, 1500.0, 3500.0])
    one, two = (intensity_scales(nu, Conditions(TEMPERATURE, 1064.0), photons=k)["stokes"][0] for k in (1, 2))
    light = 1e7 / 1064.0
    np.testing.assert_allclose(two / one, ((1 - nu / (2 * light)) / (1 - nu / light)) ** 4)
    series = made(ANYTHING, noise(2000, 1, 1500.0, 80.0, STEP)[:, 0])
    spectrum = hyper_raman([series], Conditions(TEMPERATURE, 1064.0), choose_sampling([series], 60.0, None))
    assert "2 photons of 1064 nm" in spectrum.header["stokes_*"]
    for name in ("VV", "HV"):
        for scale in ("reduced", "stokes", "antistokes"):
            factor = spectrum.columns[f"{scale}_{name}"] / spectrum.columns[name]
            error = spectrum.columns[f"{scale}_{name}_error"] / spectrum.columns[f"{name}_error"]
            np.testing.assert_allclose(factor[1:], error[1:], rtol=1e-9)


def test_a_picture_shows_both_polarisations_and_their_ratio() -> None:
    series = made(ANYTHING, noise(2000, 1, 1500.0, 80.0, STEP)[:, 0])
    spectrum = hyper_raman([series], WARM, choose_sampling([series], 60.0, None))
    lines, ratio = panels_of({"hyper_raman": spectrum})
    assert {"VV", "HV"} <= {curve.label for curve in lines.curves}
    assert ratio.quantity == "HV/VV"
    assert spectrum.unit("VV") == "a.u.² fs⁻² cm"


def test_groups_add_up_to_the_whole() -> None:
    x = noise(2000, 2, 1500.0, 80.0, STEP)
    rates = np.stack([x[:, 0, None, None, None] * ANYTHING, x.sum(1)[:, None, None, None] * ROD], axis=1)
    series = replace(made_series({"hgt": rates[:, 0]}, STEP, groups=("A", "B")), rates={"hgt": rates})
    columns = hyper_raman([series], WARM, choose_sampling([series], 60.0, None)).columns
    for name in ("dipolar", "octupolar"):
        total = columns[f"{name}[A,A]"] + columns[f"{name}[A,B]"] + columns[f"{name}[B,B]"]
        np.testing.assert_allclose(total, columns[name], atol=1e-9 * abs(columns[name]).max())
