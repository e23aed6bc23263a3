"""Where outliers begin: it does not depend on how far they lie out, and is the normal deviation of what does not."""

import numpy as np
import pytest

from mimyria.statistics.outliers import outlier_threshold


def test_normal_values_have_their_standard_deviation() -> None:
    values = np.random.default_rng(0).normal(100.0, 2.0, 100_000)
    assert outlier_threshold(values, 5.0, 0.0) == pytest.approx(110.0, abs=0.2)


@pytest.mark.parametrize("wrong", [1e3, 1e9, np.inf])
def test_outliers_do_not_move_it(wrong: float) -> None:
    values = np.random.default_rng(1).normal(100.0, 2.0, 1001)
    moved = np.where(np.arange(1001) % 100 == 0, wrong, values)
    assert outlier_threshold(moved, 5.0, 0.0) == pytest.approx(outlier_threshold(values, 5.0, 0.0), rel=0.01)


def test_values_that_are_alike_are_judged_by_the_factor_and_none_by_what_is_no_value() -> None:
    assert outlier_threshold(np.array([3.0, 3.0, np.nan, 3.0]), 20.0, 2.0) == 6.0
