"""The low end of σ(ω): currents of known conduction and relaxation, and what the ends of a run must not add."""

import numpy as np
import pytest

from ensembles import debye_current, noise
from mimyria.spectra.relaxation import Bins, Relaxation, bin_powers, fit, fit_widest, sine_powers
from mimyria.units import VACUUM_PERMITTIVITY


def bins_of(*currents: np.ndarray, timestep: float = 16.0) -> Bins:
    powers = bin_powers([sine_powers(current, timestep) for current in currents], timestep)
    return powers.of(range(len(currents)))


def test_white_noise_has_the_same_power_everywhere() -> None:
    noise = np.random.default_rng(0).normal(size=(5000, 3))
    assert sine_powers(noise, 2.0).mean() == pytest.approx(3 * 2.0, rel=0.03)
    bins = bins_of(noise[:3000], noise[3000:], timestep=2.0)
    assert bins.counts.sum() > 0.99 * 5000
    assert (bins.counts * bins.means).sum() / bins.counts.sum() == pytest.approx(6.0, rel=0.03)


def test_the_ends_of_a_run_add_nothing() -> None:
    """σ(ω) of a relaxation goes to zero as ω²; the periodogram of the same run does not."""
    low, plain = [], []
    for seed in range(40):
        current = debye_current(4000, 16.0, 76.0, 400.0, seed=seed)
        low.append(sine_powers(current, 16.0)[1])
        plain.append(16.0 / 4000 * (abs(np.fft.rfft(current, axis=0)[1]) ** 2).sum())
    omega = 2 * np.pi / (4001 * 16.0)
    exact = VACUUM_PERMITTIVITY * 76.0 * omega**2 * 400.0
    assert np.mean(low) == pytest.approx(exact, rel=0.5)
    assert np.mean(plain) > 3 * exact


def test_a_fit_finds_what_the_current_was_made_of() -> None:
    found = [fit_widest(bins_of(debye_current(15_000, 16.0, 76.0, 500.0, conduction=20.0, seed=k))) for k in range(2)]
    for one in found:
        assert abs(np.log(one.strength / 76)) < 3.5 * one.errors[0]
        assert abs(np.log(one.time / 500)) < 3.5 * one.errors[1]
        assert abs(one.conduction - 20) < 3.5 * one.errors[2]
        assert one.errors[0] < 0.12


def test_parts_that_are_left_out_are_zero_and_less_likely() -> None:
    bins = bins_of(debye_current(10_000, 16.0, 76.0, 500.0, conduction=40.0))
    whole = fit(bins)
    for part, name in (("conduction", "conduction"), ("relaxation", "strength")):
        one = fit(bins, [part])
        assert getattr(one, name) == 0
        assert one.likelihood < whole.likelihood - 10
    assert fit(bins, most=30.0).strength <= 30.0 * (1 + 1e-9)


def test_the_range_ends_where_another_band_begins() -> None:
    """A vibration at 300 cm⁻¹ is not of the form: only what lies below is fitted, and Δε is not spoilt."""
    current = debye_current(12_000, 8.0, 76.0, 1000.0) + 2.0 * noise(12_000, 3, 300.0, 60.0, 8.0)
    one = fit_widest(bins_of(current, timestep=8.0))
    assert one.limit / (2 * np.pi * 2.998e-5) < 280
    assert abs(np.log(one.strength / 76)) < 3.5 * one.errors[0]


def test_the_curvature_is_that_of_the_likelihood() -> None:
    """Second differences of ln L by σ_0, averaged, against the inverse of a one-parameter covariance."""
    flat = Relaxation(0.0, 1.0, 5.0, 0.0, np.zeros((4, 4)), 0.0, 1.0)
    assert (flat.conductivity(np.ones(3)) == 5.0).all()
    current = np.sqrt(5.0 / 3 / 16.0) * np.random.default_rng(0).normal(size=(4000, 3))
    one = fit(bins_of(current), ["relaxation"])
    assert one.errors[2] < 2.5 * 5.0 * np.sqrt(2 / 3 / 4000)
    assert abs(one.conduction - 5.0) < 4 * one.errors[2]
