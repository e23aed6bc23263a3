"""Correlation functions against the direct sum, and transforms against analytic lines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimyria.errors import SpectrumError
from mimyria.spectra.correlation import Correlator, correlation


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
