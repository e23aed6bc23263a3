"""Correlation functions against the direct sum, and transforms against analytic lines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimyria.errors import SpectrumError
from mimyria.rates.correlation import GROWING_BLOCKS, SHORTEST_STEP, USUAL_STEP, Correlator, correlation


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


@pytest.mark.parametrize("block", [40, 777, 2 * USUAL_STEP + 40])
def test_blocks_hold_the_pairs_that_end_in_them(block: int) -> None:
    series, lags = np.random.default_rng(2).normal(size=(3 * block + 25, 2, 3)), 40
    correlator = Correlator(lags, block)
    for start in range(0, len(series), 500):
        correlator.add(series[start : start + 500])
    np.testing.assert_allclose(correlator.result(), direct(series, lags), atol=1e-10)
    blocks = correlator.blocks()
    assert len(blocks) == len(series) // correlator.block
    for k, found in enumerate(blocks):
        start, stop = k * correlator.block, (k + 1) * correlator.block
        for lag in (0, 1, lags - 1):
            ends = np.arange(max(start, lag), stop)
            products = np.einsum("tgk,thk->gh", series[ends - lag], series[ends]) / len(ends)
            np.testing.assert_allclose(found[..., lag], 0.5 * (products + products.T), atol=1e-10)


def test_blocks_of_a_growing_series_stay_few_and_equal() -> None:
    correlator, chunk = Correlator(10), np.random.default_rng(3).normal(size=(SHORTEST_STEP, 1, 2))
    for count in range(1, 200):
        correlator.add(chunk)
        blocks = correlator.blocks()
        assert len(blocks) == count * SHORTEST_STEP // correlator.block
        assert len(blocks) < 2 * GROWING_BLOCKS
        assert count < GROWING_BLOCKS or len(blocks) >= GROWING_BLOCKS
        np.testing.assert_allclose(blocks[:, 0, 0, 0], np.square(chunk).sum() / SHORTEST_STEP)
    # every block but the first has the same frames before it and in it
    np.testing.assert_allclose(blocks[1:], np.broadcast_to(blocks[1], blocks[1:].shape), atol=1e-12)


def test_a_series_shorter_than_a_block_is_one_only_where_blocks_grow() -> None:
    series = np.random.default_rng(4).normal(size=(90, 2, 2))
    growing, given = Correlator(30), Correlator(30, 100)
    for correlator in (growing, given):
        correlator.add(series)
    np.testing.assert_array_equal(growing.blocks(), growing.result()[None])
    assert growing.block == 90
    assert given.blocks().shape == (0, 2, 2, 30)


def test_no_frames_and_no_lags_are_refused() -> None:
    with pytest.raises(SpectrumError, match="no frames"):
        Correlator(3).result()
    with pytest.raises(SpectrumError, match="at least one lag"):
        Correlator(0)
    with pytest.raises(SpectrumError, match="blocks of 4 frames are shorter than 5 lags"):
        Correlator(5, 4)


def test_the_first_groups_with_all_are_rows_of_all_with_all() -> None:
    """In several steps, so that the pairs of two steps are there, and of both time orders."""
    series = np.random.default_rng(4).normal(size=(700, 3, 5))
    rows, every = Correlator(20, first=2), Correlator(20)
    for start in range(0, 700, 90):
        rows.add(series[start : start + 90])
        every.add(series[start : start + 90])
    np.testing.assert_allclose(rows.result(), every.result()[:2], atol=1e-12)
    np.testing.assert_allclose(rows.blocks(), every.blocks()[:, :2], atol=1e-12)
