"""Errors from few numbers: Student's t, c4, the larger of two errors, the sum of two squares; against drawn numbers."""

import numpy as np
import pytest

from mimyria.statistics.student import c4, of_the_larger, of_the_sum, student


@pytest.mark.parametrize("freedom", [1, 4, 9])
@pytest.mark.parametrize(("deviations", "share"), [(1.0, 0.6827), (2.0, 0.9545)])
def test_t_times_the_error_holds_the_truth_as_often_as_said(freedom: int, deviations: float, share: float) -> None:
    numbers = np.random.default_rng(0).normal(size=(100_000, freedom + 1))
    error = numbers.std(axis=1, ddof=1) / np.sqrt(freedom + 1)
    within = abs(numbers.mean(axis=1)) < student(freedom, deviations) * error
    assert within.mean() == pytest.approx(share, abs=5 * np.sqrt(share * (1 - share) / len(within)))


@pytest.mark.parametrize("number", [2, 3, 5, 10])
def test_c4_is_the_mean_of_a_standard_deviation(number: int) -> None:
    drawn = np.random.default_rng(0).normal(size=(100_000, number)).std(axis=1, ddof=1)
    assert drawn.mean() == pytest.approx(c4(number), abs=5 * drawn.std() / np.sqrt(len(drawn)))


def test_what_is_not_known_is_not_corrected() -> None:
    assert c4(1) == c4(np.inf) == 1.0
    assert of_the_larger(()) == (1.0, np.inf)
    assert of_the_larger((4,)) == (1.0, 4.0)
    assert of_the_sum([1.0], [np.inf]) == np.inf
    assert of_the_sum([2.0, 2.0], [4, 4]) == pytest.approx(8)
    assert of_the_sum([2.0, 1e-9], [4, 4]) == pytest.approx(4)


def test_the_larger_of_two_errors_is_too_large_by_what_is_said() -> None:
    random = np.random.default_rng(0)
    square = np.maximum(random.chisquare(9, 200_000) / 9, random.chisquare(1, 200_000))
    too_large, freedom = of_the_larger((9, 1))
    assert square.mean() == pytest.approx(too_large, rel=0.02)
    assert 2 / (np.mean(square**2) / square.mean() ** 2 - 1) == pytest.approx(freedom, rel=0.05)
