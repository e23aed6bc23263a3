"""Blocks that are correlated are noticed, independent ones are not."""

import logging

import numpy as np
import pytest

from ensembles import WARM, made_series, noise
from mimyria.checks.blocking import block_correlation, check_blocks, is_correlated
from mimyria.spectra.infrared import infrared
from mimyria.spectra.sampling import choose_sampling
from mimyria.statistics.replicates import without_each


def lines_of(blocks: np.ndarray) -> np.ndarray:
    whole = blocks.mean(axis=0)
    return np.stack([whole, *without_each(whole, blocks)])


@pytest.mark.parametrize("wanted", [0.0, 0.5])
def test_a_known_correlation_of_neighbours_is_found(wanted: float) -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(200):
        blocks = rng.normal(size=(10, 30))
        for k in range(1, 10):
            blocks[k] = wanted * blocks[k - 1] + np.sqrt(1 - wanted**2) * blocks[k]
        found.append(block_correlation(lines_of(blocks), 10, 1.0))
    r, error = np.array(found).T
    assert r.mean() == pytest.approx(wanted, abs=0.12)  # the mean of ten blocks is not that of all
    if not wanted:
        assert r.mean() == pytest.approx(0.0, abs=0.02)
        assert r.std() == pytest.approx(error.mean(), rel=0.25)


def test_the_common_mean_of_few_blocks_is_no_correlation() -> None:
    rng = np.random.default_rng(1)
    found = [block_correlation(lines_of(rng.normal(size=(4, 30))), 4, 1.0)[0] for _ in range(400)]
    assert np.mean(found) == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("number", [4, 10])
def test_independent_blocks_are_rarely_warned_of_and_correlated_ones_mostly(number: int) -> None:
    rng = np.random.default_rng(0)
    warned = {}
    for wanted in (0.0, 0.6):
        found = []
        for _ in range(400):
            blocks = rng.normal(size=(number, 60))
            for k in range(1, number):
                blocks[k] = wanted * blocks[k - 1] + np.sqrt(1 - wanted**2) * blocks[k]
            found.append(is_correlated(*block_correlation(lines_of(blocks), number, 1.0)))
        warned[wanted] = np.mean(found)
    assert warned[0.0] < 0.02  # of several spectra of a run, together less than 0.05
    assert warned[0.6] > (0.95 if number == 10 else 0.25)  # four blocks tell little


def test_a_constant_spectrum_says_nothing() -> None:
    assert block_correlation(np.ones((11, 5)), 10, 1.0) == (0.0, np.inf)


def test_slow_lines_are_warned_of_and_quick_ones_are_not(caplog: pytest.LogCaptureFixture) -> None:
    """Forty lines of 1 cm⁻¹ keep their amplitudes for 5 ps, blocks of 0.8 ps do not; lines of 200 cm⁻¹ lose theirs."""
    for width, warned in ((1.0, True), (200.0, False)):
        places = np.arange(300, 1500, 60)
        waves = sum(noise(1100, 3, place, width, 8.0, seed) for seed, place in enumerate(places))
        series = made_series({"apt": waves}, 8.0)
        sampling = choose_sampling([series], 60.0, 10)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            check_blocks({"ir": infrared([series], WARM, sampling)}, 60.0)
        assert ("neighbouring blocks are correlated" in caplog.text) == warned
