"""Cepstral analysis of autoregressive processes, whose power at zero frequency is known."""

import numpy as np
import pytest
from scipy.signal import lfilter

from mimyria.spectra.relaxation import sine_powers
from mimyria.statistics.cepstral import ZeroPower, zero_power


def process(coefficients: list[float], frames: int, seed: int) -> tuple[np.ndarray, float]:
    """Three components of x_t = Σ a_k x_{t-k} + noise, and S(0) = 3/(1 - Σ a_k)²."""
    filter_ = np.array([1.0, *(-a for a in coefficients)])
    drawn = np.random.default_rng(seed).normal(size=(frames + 300, 3))
    return lfilter([1.0], filter_, drawn, axis=0)[300:], 3 / filter_.sum() ** 2


def measured(*runs: np.ndarray) -> ZeroPower:
    found = zero_power([sine_powers(run, 2.0) for run in runs], 2.0)
    assert found is not None
    return found


@pytest.mark.parametrize("coefficients", [[0.5], [0.9], [1.6, -0.8]])
def test_value_and_error_are_right_and_better_than_blocks(coefficients: list[float]) -> None:
    """80 runs: the mean to 3 standard errors and 4 % of bias, coverage within 3 binomial standard errors and a little.

    Ten blocks, each far longer than the correlation, know S(0) to √(2/30) = 26 %.
    """
    found, exact, blocks = [], [], []
    for seed in range(80):
        signal, power = process(coefficients, 3000, seed)
        one = measured(signal)
        found.append((one.value, one.error))
        exact.append(2 * power)  # times the time step
        each = signal.reshape(10, 300, 3).sum(axis=1)
        blocks.append(2 * np.square(each).sum() / 3000)
    (value, error), true = np.array(found).T, exact[0]
    assert abs(value.mean() / true - 1) < 0.04 + 3 * value.std() / true / np.sqrt(80)
    off = abs(value - true)
    assert 0.50 < (off < error).mean() < 0.90
    assert (off < 2 * error).mean() > 0.86
    assert np.sqrt((off**2).mean()) < 0.95 * np.sqrt(np.square(np.array(blocks) - true).mean())
    assert value.std() == pytest.approx(np.sqrt((error**2).mean()), rel=0.35)


def test_runs_are_pooled_by_their_length() -> None:
    """Four runs know twice as much as one; a run so short that it has no say changes nothing."""
    signals = [process([0.5], frames, seed)[0] for seed, frames in enumerate((3000, 3000, 3000, 3000, 9))]
    one, four, with_short = measured(signals[0]), measured(*signals[:4]), measured(*signals)
    assert four.error / four.value == pytest.approx(one.error / one.value / 2, rel=0.4)
    assert abs(four.value - 2 * 3 / 0.25) < 3 * four.error
    assert with_short == four


def test_what_says_nothing_has_no_value() -> None:
    assert zero_power([sine_powers(np.zeros((500, 3)), 1.0)], 1.0) is None
    assert zero_power([sine_powers(np.ones((8, 3)), 1.0)], 1.0) is None
