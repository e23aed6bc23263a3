"""Windows: the resolution they promise, and transforms against analytic lines."""

import numpy as np
import pytest
from scipy import fft

from mimyria.rates.window import (
    DEFAULT_RESOLUTION,
    WINDOWS,
    chosen_resolution,
    least_frames,
    line_shape,
    sine_shape,
    window_lags,
    window_reach,
    window_resolution,
    window_weights,
)
from mimyria.units import LIGHT_SPEED


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("resolution", [5.0, 20.0, 60.0])
def test_a_wave_becomes_a_line_of_the_resolution_asked_for(resolution: float, window: str) -> None:
    timestep, position = 2.0, 1600.0
    lags = window_lags(resolution, timestep, window)
    wave = np.cos(2 * np.pi * LIGHT_SPEED * position * timestep * np.arange(lags))
    wavenumber, line = line_shape(wave, timestep, resolution, window)
    assert wavenumber[np.argmax(line)] == pytest.approx(position, abs=resolution / 4)
    fine = np.linspace(position - 2 * resolution, position + 2 * resolution, 4001)
    above = fine[np.interp(fine, wavenumber, line) > line.max() / 2]
    assert above[-1] - above[0] == pytest.approx(resolution, rel=0.05)
    lobes = {"gaussian": 2e-3, "blackman": 2e-3, "hann": 0.027}  # the Gaussian is cut at 1e-3; Hann's are 2.7 %
    assert line.min() > -lobes[window] * line.max()


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


@pytest.mark.parametrize("window", WINDOWS)
def test_resolution_and_lags_are_inverse(window: str) -> None:
    for resolution in (1.0, 10.0, 33.0):
        lags = window_lags(resolution, 4.0, window)
        assert window_resolution(lags, 4.0, window) == pytest.approx(resolution, rel=0.02)
        weights = window_weights(lags, 4.0, resolution, window)
        assert weights[0] == pytest.approx(1)
        assert 0 <= weights[-1] < 2e-3
        assert (np.diff(weights) <= 0).all()


def test_the_sine_half_of_a_damped_oscillator() -> None:
    """S + iD = 2 ∫_0^∞ e^{-γt} cos ω0 t e^{iωt} dt = 1/(γ - i(ω-ω0)) + 1/(γ - i(ω+ω0)), far below the last point."""
    timestep, resolution = 1.0, 1.0
    gamma, omega0 = np.pi * LIGHT_SPEED * 40.0, 2 * np.pi * LIGHT_SPEED * 1000.0
    time = timestep * np.arange(window_lags(resolution, timestep))
    wavenumber, line = line_shape(np.exp(-gamma * time) * np.cos(omega0 * time), timestep, resolution)
    omega = 2 * np.pi * LIGHT_SPEED * wavenumber
    exact = (1 / (gamma - 1j * (omega - omega0)) + 1 / (gamma - 1j * (omega + omega0))).imag
    inside = wavenumber < 8000
    np.testing.assert_allclose(sine_shape(line)[inside], exact[inside], atol=5e-3 * exact.max())
    assert sine_shape(line)[0] == pytest.approx(0, abs=1e-9 * exact.max())


def test_the_sine_half_sees_no_images() -> None:
    """A cosine near the highest wavenumber: D ∝ ν/(ν² - ν0²) down to zero; the sum over samples is 1/3 off there."""
    timestep, position = 4.0, 3500.0
    lags = window_lags(20.0, timestep)
    wave = np.cos(2 * np.pi * LIGHT_SPEED * position * timestep * np.arange(lags))
    wavenumber, line = line_shape(wave, timestep, 20.0)
    exact = 2 / (2 * np.pi * LIGHT_SPEED) * wavenumber / (wavenumber**2 - position**2)
    far = wavenumber < 3000
    np.testing.assert_allclose(sine_shape(line)[far], exact[far], atol=0.01 * abs(exact[far]).max())


@pytest.mark.parametrize("window", WINDOWS)
def test_the_line_shape_is_the_sum_of_cosines(window: str) -> None:
    """Of each of several correlation functions, on a grid that resolves every line and ends where aliasing begins."""
    for lags, resolution in ((300, 40.0), (100, 120.0), (700, 9.0), (31, 300.0), (90, 6e3), (91, 6e3)):
        values = np.random.default_rng(lags).normal(size=(2, lags))
        wavenumber, lines = line_shape(values, 1.5, resolution, window)
        weighted = values * window_weights(lags, 1.5, resolution, window)
        waves = np.cos(2 * np.pi * LIGHT_SPEED * 1.5 * np.outer(np.arange(lags), wavenumber))
        np.testing.assert_allclose(lines, 1.5 * (2 * weighted @ waves - weighted[:, :1]), atol=1e-9)
        assert wavenumber[-1] == pytest.approx(1 / (2 * LIGHT_SPEED * 1.5))
        assert wavenumber[1] <= resolution / 4
        assert len(wavenumber) > lags  # so that no correlation is folded onto another
        finest = min(resolution / 4, 1 / (2 * LIGHT_SPEED * 1.5 * lags))
        assert wavenumber[1] > 0.85 * finest  # no finer than that, but for a length that is quick to transform
        enough = max(lags, int(np.ceil(2 / (LIGHT_SPEED * 1.5 * resolution))))
        assert len(wavenumber) == 1 + fft.next_fast_len(enough, real=True)


@pytest.mark.parametrize("points", [21, 31])  # transforms of 84 padded to 90, and of 124 to an odd number, 125
def test_the_sine_half_is_the_sum_over_every_other_point(points: int) -> None:
    """Written out, with the point at the end of the grid by half, for what does not end there."""
    shapes = np.random.default_rng(0).normal(size=(2, points))
    halved = np.concatenate([shapes[:, :-1], shapes[:, -1:] / 2], axis=1)
    for k in range(points):
        expected = np.zeros(2)
        for other in range(1 - points, points):
            if (k - other) % 2:
                expected += 2 / np.pi * halved[:, abs(other)] / (k - other)
        np.testing.assert_allclose(sine_shape(shapes)[:, k], expected, atol=1e-12)


@pytest.mark.parametrize("window", WINDOWS)
def test_frames_and_resolutions(window: str) -> None:
    """The window is covered whole and by no lag more; without a resolution a trajectory gives half of its frames."""
    for resolution in (3.0, 20.0, 77.0):
        lags, reach = window_lags(resolution, 4.0, window), window_reach(resolution, window)
        assert (lags - 2) * 4.0 < reach <= (lags - 1) * 4.0
        assert least_frames(resolution, 4.0, window) == lags
        assert chosen_resolution(resolution, 10, 4.0, window) == resolution
        assert window_resolution(lags, 4.0, window) == pytest.approx(window_reach(1.0, window) / (4.0 * (lags - 1)))
    assert DEFAULT_RESOLUTION == 20.0
    assert least_frames(None, 4.0, window) == 2 * window_lags(20.0, 4.0, window)
    assert chosen_resolution(None, 10**6, 4.0, window) == 20.0
    for frames in (201, 301):
        assert chosen_resolution(None, frames, 4.0, window) == np.ceil(window_resolution(frames // 2, 4.0, window))
    assert chosen_resolution(None, 1, 4.0, window) == np.ceil(window_resolution(2, 4.0, window))
