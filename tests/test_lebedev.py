"""Rules on the sphere: those of scipy, whatever the order of their points."""

import numpy as np
import pytest
from scipy.integrate import lebedev_rule

from mimyria.model.lebedev import ORBITS, lebedev


@pytest.mark.parametrize("degree", [*ORBITS, 11, 17])
def test_rules_are_those_of_scipy(degree: int) -> None:
    points, weights = lebedev(degree)
    expected, theirs = lebedev_rule(degree)
    rows, other = (
        np.array(sorted(np.round(np.column_stack(each), 12).tolist()))
        for each in ((points, weights), (expected.T, theirs / theirs.sum()))
    )
    np.testing.assert_allclose(rows, other, atol=2e-12)
    assert weights.sum() == pytest.approx(1, abs=1e-14)
