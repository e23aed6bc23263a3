"""Velocities relative to the centre of mass, and their kinetic temperature."""

from __future__ import annotations

import numpy as np

from mimyria.frame import Array
from mimyria.units import BOLTZMANN, MASS_VELOCITY_SQUARED


def without_drift(velocities: Array, masses: Array) -> Array:
    """Return the velocities (..., n, 3) relative to the centre of mass."""
    return velocities - (masses / masses.sum() @ velocities)[..., None, :]


def kinetic_temperature(velocities: Array, masses: Array) -> Array:
    """Return Σ m v² / ((3n - 3) k_B) in K, shape (...), for velocities (..., n, 3; Å/fs) without drift, masses in u."""
    twice_energy = np.einsum("n,...nx,...nx->...", masses, velocities, velocities) * MASS_VELOCITY_SQUARED
    return twice_energy / (max(3 * len(masses) - 3, 1) * BOLTZMANN)
