"""Chemical symbols, numbers and masses."""

from __future__ import annotations

import numpy as np
import pytest

from mimyria.elements import masses_of, numbers_of, symbols_of
from mimyria.errors import TrajectoryError


def test_elements() -> None:
    assert symbols_of(np.array([1, 8])) == ["H", "O"]
    assert symbols_of(numbers_of(["O", "Cl", "H"])) == ["O", "Cl", "H"]
    np.testing.assert_allclose(masses_of([8, 1]), [15.999, 1.008])
    with pytest.raises(TrajectoryError, match="'OW' is not a chemical symbol"):
        numbers_of(["O", "OW"])
