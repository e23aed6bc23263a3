"""The dielectric function of oscillators, of a Gaussian conductor, and of a correlation function."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad, simpson
from scipy.special import dawsn

from ensembles import TEMPERATURE, conducting_series, noise
from mimyria.optical.dielectric import epsilon_imag, epsilon_real, optical_constants
from mimyria.rates.series import ResponseSeries
from mimyria.rates.window import line_shape, window_weights
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import infrared
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.zero_frequency import zero_frequency
from mimyria.units import LIGHT_SPEED, VACUUM_PERMITTIVITY

WATER = 1.78
OSCILLATORS = np.array([[200, 0.5, 200], [600, 0.6, 250], [1650, 0.03, 70], [3400, 0.06, 100]])
"""Position (cm⁻¹), strength, width (cm⁻¹): roughly liquid water."""


def lorentz(wavenumber: np.ndarray) -> np.ndarray:
    """ε = ε∞ + Σ S ν0²/(ν0² - ν² - iγν)."""
    position, strength, width = OSCILLATORS.T[:, :, None]
    return WATER + (strength * position**2 / (position**2 - wavenumber**2 - 1j * width * wavenumber)).sum(axis=0)


def loss(wavenumber: float) -> float:
    """n·α = 2πν ε'' of the oscillators."""
    return 2 * np.pi * wavenumber * float(lorentz(np.array([wavenumber]))[0].imag)


@pytest.mark.parametrize(("highest", "odd"), [(4170.0, 0), (4170.0, 1), (8340.0, 0)])
def test_lorentz_oscillators(highest: float, odd: int) -> None:
    """The only error is what lies beyond the grid: 1/π² ∫ n·α/(ν'² - ν²) dν'."""
    wavenumber = np.linspace(0, highest, 1668 + odd)
    exact = lorentz(wavenumber)
    found = optical_constants(wavenumber, 2 * np.pi * wavenumber * exact.imag, WATER)
    inside = wavenumber < 3800
    for k in np.flatnonzero(inside)[::100]:
        beyond, _ = quad(lambda x, nu: loss(x) / (x**2 - nu**2), highest, np.inf, args=(wavenumber[k],))
        # one per cent for the sum near the end of the grid, where n·α has a slope
        assert exact[k].real - found["epsilon_real"][k] == pytest.approx(beyond / np.pi**2, rel=0.01)
    root = np.sqrt(exact)
    tolerance = 3e-3 if highest < 5000 else 1e-4  # of ε', from above; n, κ and R follow it less than one to one
    for name, values, scale in (
        ("epsilon_real", exact.real, 1),
        ("n", root.real, 1),
        ("kappa", root.imag, 1),
        ("alpha_cm-1", 4 * np.pi * wavenumber * root.imag, (4 * np.pi * root.imag * wavenumber).max()),
        ("reflectivity", abs((root - 1) / (root + 1)) ** 2, 1),
    ):
        error = abs(found[name] - values)[inside]
        assert np.isnan(error[0]) or name == "epsilon_real"
        assert np.nanmax(error) < tolerance * scale, name


def test_the_static_permittivity_is_the_sum_over_the_loss() -> None:
    """ε'(0) - ε∞ = (2/π) ∫ ε''/ν dν = Σ S."""
    wavenumber = np.linspace(0, 20_000, 8001)
    loss_function = lorentz(wavenumber).imag
    static = epsilon_real(wavenumber, 2 * np.pi * wavenumber * loss_function, WATER)[0] - WATER
    integrand = np.concatenate([[(OSCILLATORS[:, 1] * OSCILLATORS[:, 2] / OSCILLATORS[:, 0] ** 2).sum()],
                                loss_function[1:] / wavenumber[1:]])  # fmt: skip
    assert static == pytest.approx(2 / np.pi * np.trapezoid(integrand, wavenumber), rel=1e-6)
    assert static == pytest.approx(OSCILLATORS[:, 1].sum(), rel=1e-5)  # 1/ν³ tail beyond the grid: 2e-6


def test_conduction_makes_the_loss_infinite_and_leaves_the_real_part_finite() -> None:
    """n·α = exp(-ν²/w²): 1/(2π²ν) P∫ n·α/(ν' - ν) dν' = -D(ν/w)/(π^(3/2) ν), D the Dawson function."""
    wavenumber, width = np.linspace(0, 4000, 1001), 200.0
    n_alpha = np.exp(-((wavenumber / width) ** 2))
    found = epsilon_real(wavenumber, n_alpha, 1.0) - 1
    exact = np.append(-1 / (np.pi**1.5 * width), -dawsn(wavenumber[1:] / width) / (np.pi**1.5 * wavenumber[1:]))
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-9 * abs(exact[0]))
    assert np.isnan(epsilon_imag(wavenumber, n_alpha)[0])
    assert np.isfinite(epsilon_imag(wavenumber, n_alpha)[1:]).all()


@pytest.mark.parametrize("points", [1000, 1001])
def test_a_spectrum_that_does_not_end_on_the_grid(points: int) -> None:
    """n·α = 1 up to ν_N: 1/(2π²ν) P∫ 1/(ν' - ν) dν' = 1/(2π²ν) ln[(ν_N - ν)/(ν_N + ν)], and -1/(π² ν_N) at ν = 0."""
    wavenumber = np.linspace(0, 4000, points)
    found = epsilon_real(wavenumber, np.ones(points), 1.0) - 1
    half = wavenumber[1 : points // 2]
    exact = np.append(-1 / (np.pi**2 * 4000), np.log((4000 - half) / (4000 + half)) / (2 * np.pi**2 * half))
    np.testing.assert_allclose(found[: points // 2], exact, rtol=1e-5)  # (Δ/ν_N)² = 1e-6, times some


def test_kramers_kronig_is_the_sine_transform_of_the_correlation_function() -> None:
    """ε' - ε∞ = -1/(2πν) · 2 ∫_0^∞ C w sin ωt dt where n·α = 2 ∫_0^∞ C w cos ωt dt; 2c ∫ t C w dt at ν = 0."""

    def decay(time: np.ndarray) -> np.ndarray:
        slow, fast = np.exp(-((time / 150) ** 2)), np.exp(-((time / 60) ** 2))
        return fast + slow * np.cos(2 * np.pi * LIGHT_SPEED * 1500 * time)

    lags, timestep, resolution = 250, 4.0, 40.0
    wavenumber, n_alpha = line_shape(decay(timestep * np.arange(lags)), timestep, resolution)
    found = epsilon_real(wavenumber, n_alpha, 1.0) - 1
    fine = 0.5 * np.arange(2000)
    product = decay(fine) * window_weights(len(fine), 0.5, resolution)
    exact = [-2 * LIGHT_SPEED * simpson(fine * product, x=fine)]
    for nu in wavenumber[1::40]:
        sine = simpson(product * np.sin(2 * np.pi * LIGHT_SPEED * nu * fine), x=fine)
        exact.append(-sine / (np.pi * nu))
    # the line is 1e-9 of its height at the Nyquist wavenumber; Simpson's rule at 0.5 fs is good to 1e-7
    np.testing.assert_allclose(np.append(found[0], found[1::40]), exact, rtol=0, atol=1e-6 * abs(found).max())


def test_a_transparent_medium_reflects_what_fresnel_says() -> None:
    constants = optical_constants(np.linspace(0, 100, 11), np.zeros(11), 2.25)
    np.testing.assert_allclose(constants["n"][1:], 1.5)
    np.testing.assert_allclose(constants["reflectivity"][1:], 0.04)
    np.testing.assert_array_equal(constants["alpha_cm-1"][1:], 0)


def test_the_loss_of_a_polar_crystal_has_its_longitudinal_mode() -> None:
    """dM/dt of one damped oscillator: TO at the maximum of ε'', LO at that of Im(-1/ε), (LO/TO)² = ε(0)/ε∞.

    With Δε = 1.5 over ε∞ = 2 Lyddane, Sachs and Teller put LO at √(3.5/2) of TO; Δε = 6⟨M²⟩/ε0 for each component.
    """
    transverse, strength, infinity, timestep = 200.0, 1.5, 2.0, 8.0
    dipole = np.sqrt(VACUUM_PERMITTIVITY * strength / 6) * noise(40_001, 3, transverse, 8.0, timestep)
    series = conducting_series(np.diff(dipole, axis=0) / timestep, timestep)
    conditions = Conditions(TEMPERATURE, epsilon_infinity=infinity)
    spectrum = infrared([series], conditions, choose_sampling([series], 6.0, 10))
    (to,) = spectrum.bands("epsilon_imag", [(150.0, 250.0)])
    (lo,) = spectrum.bands("loss_function", [(220.0, 320.0)])
    assert to.maximum.value == pytest.approx(transverse, abs=2.0)
    assert lo.maximum.value == pytest.approx(transverse * np.sqrt((infinity + strength) / infinity), rel=0.04)
    static = zero_frequency([series], conditions)
    assert static is not None
    assert static.permittivity.value == pytest.approx(infinity + strength, rel=0.08)
    assert static.permittivity.value / infinity == pytest.approx((lo.maximum.value / to.maximum.value) ** 2, rel=0.04)
    assert not static.conducts
    assert np.isnan(static.relaxation_time.value)


def test_n_times_alpha_is_what_it_was_made_of() -> None:
    rates = 0.02 * np.random.default_rng(0).normal(size=(4000, 1, 3))
    ones = np.ones(4000)
    series = ResponseSeries(("all",), 4.0, {"apt": rates}, 1000 * ones, 300 * ones, ("H",), np.ones((1, 9)), 0.0, 3)
    how = choose_sampling([series], 40.0, 10)
    plain = Conditions(300.0)
    columns = infrared([series], replace(plain, epsilon_infinity=WATER), how).columns
    n, alpha, whole = (columns[name][3:] for name in ("n", "alpha_cm-1", "n_alpha_cm-1"))
    np.testing.assert_allclose(n * alpha, whole, rtol=1e-9)
    np.testing.assert_allclose(2 * np.pi * columns["wavenumber_cm-1"][3:] * columns["epsilon_imag"][3:], whole)
    # where little is absorbed n hardly changes between blocks, and the error of α is that of n·α over n
    high = columns["wavenumber_cm-1"][3:] > 1000
    ratio = columns["alpha_error"][3:] * n / columns["n_alpha_error"][3:]
    assert abs(ratio[high] - 1).mean() < 0.05
    without = infrared([series], plain, how).columns
    assert set(columns) - set(without) == {
        *("epsilon_real", "n", "kappa", "alpha_cm-1", "reflectivity", "loss_function"),
        *("epsilon_real_error", "n_error", "kappa_error", "alpha_error", "reflectivity_error", "loss_function_error"),
    }
    for name, values in without.items():
        np.testing.assert_array_equal(columns[name], values)
