"""Velocities relative to the centre of mass, and their kinetic temperature."""

from __future__ import annotations

import numpy as np

from mimyria.frame import Array
from mimyria.units import BOLTZMANN, MASS_VELOCITY_SQUARED


def without_drift(velocities: Array, masses: Array) -> Array:
    """Return the velocities (..., n, 3) relative to the centre of mass."""
    return velocities - (masses / masses.sum() @ velocities)[..., None, :]


def kinetic_temperature(velocities: Array, masses: Array, degrees: float | None = None) -> Array:
    """Return Σ m v²/(f k_B) in K, shape (...).

    Parameters
    ----------
    velocities, masses
        Å/fs without drift, shape (..., n, 3), and u, shape (n,).
    degrees
        f, the degrees of freedom; 3n - 3 if not given.
    """
    twice_energy = np.einsum("n,...nx,...nx->...", masses, velocities, velocities)
    return temperature_of(twice_energy, 3.0 * len(masses) - 3 if degrees is None else degrees)


def temperature_of(twice_energy: Array, degrees: Array | float) -> Array:
    """Return Σ m v²/(f k_B) in K from Σ m v² in u (Å/fs)² and f degrees of freedom; without any, zero."""
    some = np.asarray(degrees) > 0
    return np.asarray(
        np.where(some, twice_energy * MASS_VELOCITY_SQUARED / (BOLTZMANN * np.where(some, degrees, 1)), 0)
    )
