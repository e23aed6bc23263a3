"""Cells from lengths and angles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mimyria.errors import TrajectoryError
from mimyria.formats.cells import cell_of_angles


def test_vectors_have_the_lengths_and_angles() -> None:
    numbers = [7.0, 8.0, 9.0, 70.0, 80.0, 110.0]
    cell = cell_of_angles(numbers)
    lengths = np.linalg.norm(cell, axis=1)
    cosines = [cell[i] @ cell[j] / (lengths[i] * lengths[j]) for i, j in ((1, 2), (0, 2), (0, 1))]
    np.testing.assert_allclose([*lengths, *np.degrees(np.arccos(cosines))], numbers)
    np.testing.assert_array_equal(cell[np.triu_indices(3, 1)], 0)
    assert np.linalg.det(cell) > 0


def test_a_right_angle_is_exact() -> None:
    np.testing.assert_array_equal(cell_of_angles([7, 8, 9, 90, 90, 90]), np.diag([7.0, 8, 9]))


@pytest.mark.parametrize(
    "numbers", [(9, 9, 9, 90, 90, 200), (9, 9, 9, 20, 90, 150), (9, 0, 9, 90, 90, 90), (9, 9, float("nan"), 90, 90, 90)]
)
def test_an_impossible_cell_is_refused(numbers: Any) -> None:
    with pytest.raises(TrajectoryError, match="are not the lengths and angles"):
        cell_of_angles(numbers)
