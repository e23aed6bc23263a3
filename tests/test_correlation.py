"""Correlation functions against the direct sum, and transforms against analytic lines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimyria.errors import SpectrumError
from mimyria.spectra.correlation import (
    Correlator,
    correlation,
    gaussian_window,
    line_shape,
    window_lags,
    window_resolution,
)
from mimyria.units import LIGHT_SPEED


def direct(series: np.ndarray, lags: int) -> np.ndarray:
    """The definition, one lag and one pair of groups after the other."""
    frames, groups, _ = series.shape
    result = np.full((groups, groups, lags), np.nan)
    for lag in range(min(lags, frames)):
        for g in range(groups):
            for h in range(groups):
                forward = (series[: frames - lag, g] * series[lag:, h]).sum(axis=1).mean()
                backward = (series[: frames - lag, h] * series[lag:, g]).sum(axis=1).mean()
                result[g, h, lag] = 0.5 * (forward + backward)
    return result


@settings(max_examples=30, deadline=None)
@given(frames=st.integers(1, 4000), lags=st.integers(1, 60), chunk=st.integers(1, 5000), seed=st.integers(0, 9))
def test_chunks_give_the_direct_sum(frames: int, lags: int, chunk: int, seed: int) -> None:
    series = np.random.default_rng(seed).normal(size=(frames, 2, 3))
    correlator = Correlator(lags)
    for start in range(0, frames, chunk):
        correlator.add(series[start : start + chunk])
    np.testing.assert_allclose(correlator.result(), direct(series, lags), atol=1e-10)


def test_many_components_are_summed() -> None:
    series = np.random.default_rng(0).normal(size=(1500, 1, 700))
    np.testing.assert_allclose(correlation(series, 8), direct(series, 8), rtol=1e-9, atol=1e-9)


def test_more_frames_may_follow_a_result() -> None:
    series = np.random.default_rng(0).normal(size=(3000, 1, 2))
    correlator = Correlator(20)
    correlator.add(series[:1700])
    correlator.result()
    correlator.add(series[1700:])
    np.testing.assert_allclose(correlator.result(), correlation(series, 20), atol=1e-12)


def test_groups_add_up_to_the_whole() -> None:
    series = np.random.default_rng(1).normal(size=(500, 3, 4))
    whole = correlation(series.sum(axis=1, keepdims=True), 50)
    np.testing.assert_allclose(correlation(series, 50).sum(axis=(0, 1)), whole[0, 0], atol=1e-10)


def test_no_frames_and_no_lags_are_refused() -> None:
    with pytest.raises(SpectrumError, match="no frames"):
        Correlator(3).result()
    with pytest.raises(SpectrumError, match="at least one lag"):
        Correlator(0)


@pytest.mark.parametrize("resolution", [5.0, 20.0, 60.0])
def test_a_wave_becomes_a_gaussian_of_the_resolution_asked_for(resolution: float) -> None:
    timestep, position = 2.0, 1600.0
    lags = window_lags(resolution, timestep)
    wave = np.cos(2 * np.pi * LIGHT_SPEED * position * timestep * np.arange(lags))
    wavenumber, line = line_shape(wave, timestep, resolution)
    assert wavenumber[np.argmax(line)] == pytest.approx(position, abs=resolution / 4)
    fine = np.linspace(position - 2 * resolution, position + 2 * resolution, 4001)
    above = fine[np.interp(fine, wavenumber, line) > line.max() / 2]
    assert above[-1] - above[0] == pytest.approx(resolution, rel=0.05)
    assert line.min() > -2e-3 * line.max()  # the window is cut at 1e-3


def test_the_integral_is_the_correlation_at_zero() -> None:
    values = np.random.default_rng(2).normal(size=300)
    wavenumber, line = line_shape(values, 1.5, 40.0)
    assert np.trapezoid(line, wavenumber) == pytest.approx(values[0] / (2 * LIGHT_SPEED), rel=1e-10)
    assert wavenumber[-1] == pytest.approx(1 / (2 * LIGHT_SPEED * 1.5))


def test_damped_oscillator_has_its_lorentzian() -> None:
    """C = e^{-γ|t|} cos ω0 t has S = γ/(γ² + (ω-ω0)²) + γ/(γ² + (ω+ω0)²)."""
    timestep, resolution = 1.0, 1.0
    position, width = 1000.0, 40.0  # cm⁻¹, full width at half maximum
    gamma, omega0 = np.pi * LIGHT_SPEED * width, 2 * np.pi * LIGHT_SPEED * position
    time = timestep * np.arange(window_lags(resolution, timestep))
    wavenumber, line = line_shape(np.exp(-gamma * time) * np.cos(omega0 * time), timestep, resolution)
    omega = 2 * np.pi * LIGHT_SPEED * wavenumber
    exact = gamma / (gamma**2 + (omega - omega0) ** 2) + gamma / (gamma**2 + (omega + omega0) ** 2)
    np.testing.assert_allclose(line, exact, atol=5e-3 * exact.max())


def test_resolution_and_lags_are_inverse() -> None:
    for resolution in (1.0, 10.0, 33.0):
        lags = window_lags(resolution, 4.0)
        assert window_resolution(lags, 4.0) == pytest.approx(resolution, rel=0.02)
        assert gaussian_window(lags, 4.0, resolution)[-1] == pytest.approx(1e-3, rel=0.2)
