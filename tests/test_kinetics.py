"""Drift and temperature."""

import numpy as np
import pytest

from mimyria.elements import masses_of
from mimyria.trajectory.kinetics import kinetic_temperature, without_drift


def test_drift_and_temperature() -> None:
    masses = masses_of(np.array([1, 8, 17]))
    velocities = without_drift(np.random.default_rng(0).normal(size=(3, 3)) * 0.01, masses)
    np.testing.assert_allclose(masses @ velocities, 0, atol=1e-12)
    assert kinetic_temperature(2 * velocities, masses) == pytest.approx(4 * kinetic_temperature(velocities, masses))
