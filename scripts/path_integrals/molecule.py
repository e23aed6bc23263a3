"""Print where thermostatted ring polymers of a NEP potential have the O-H stretch of free water molecules, by beads.

    python scripts/path_integrals/molecule.py nep.txt 1 16 32

Of the bond lengths r of the centroid, r1 + r2 and r1 - r2 in turn: centre and standard deviation of the power spectrum
of their rates from 3000 to 4500 cm⁻¹. Between the forces the rings move exactly, in their normal modes (OBABO),
whose friction is ω_k, twice that while the rings relax. 300 K, 0.25 fs, 2 ps. Needs what `driver.py` needs.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from nep import NEP

Array = np.ndarray[Any, Any]

BOLTZMANN, HBAR = 8.617333262e-5, 0.6582119569
"""eV/K, eV fs."""
ACCELERATION = 9.648533212e-3
"""Å²/fs² of 1 eV/u."""
LIGHT_SPEED = 2.99792458e-5
"""cm/fs."""
TEMPERATURE, STEP, RELAX, RUN, EVERY = 300.0, 0.25, 1000.0, 2000.0, 4
MASSES = np.array([15.999, 1.008, 1.008])[:, None]
START = np.array([[10.0, 10, 10], [10.9583, 10, 10], [9.7611, 10.9281, 10]])
EDGE = 20.0
RINGS = 512
"""Beads of all molecules, at most."""


def normal_modes(beads: int) -> tuple[Array, Array]:
    """Return the orthogonal matrix (beads, modes) of a free ring, and its frequencies, 1/fs."""
    bead, mode = np.arange(beads)[:, None], np.arange(beads)
    angle = 2 * np.pi * bead * mode / beads
    matrix = np.sqrt(2 / beads) * np.where(mode <= beads // 2, np.cos(angle), np.sin(angle))
    matrix[:, (mode == 0) | (2 * mode == beads)] /= np.sqrt(2)
    return matrix, 2 * beads * BOLTZMANN * TEMPERATURE / HBAR * np.sin(mode * np.pi / beads)


def bond_lengths(model: str, beads: int, molecules: int, seed: int = 1) -> Array:
    """Return the bond lengths of the centroids, Å, shape (time, 2, molecules), every EVERY steps."""
    potential, rng = NEP(model, ["O", "H", "H"]), np.random.default_rng(seed)
    matrix, omega = normal_modes(beads)
    spread = np.sqrt(beads * BOLTZMANN * TEMPERATURE * ACCELERATION / MASSES)
    shape = (molecules, beads, 3, 3)
    edges = np.full((molecules * beads, 3), EDGE)
    cosine, sine = np.cos(omega * STEP)[:, None, None], np.sin(omega * STEP)[:, None, None]
    over = np.where(omega > 0, np.sin(omega * STEP) / np.where(omega > 0, omega, 1), STEP)[:, None, None]

    def accelerations(positions: Array) -> Array:
        return potential(positions.reshape(-1, 3, 3), edges)[1].reshape(shape) * ACCELERATION / MASSES

    def to_modes(values: Array) -> Array:
        return np.einsum("jq,mjax->mqax", matrix, values)

    def to_beads(values: Array) -> Array:
        return np.einsum("jq,mqax->mjax", matrix, values)

    def rub(velocities: Array, friction: Array) -> Array:
        kept = np.exp(-friction * STEP / 2)[:, None, None]
        return to_beads(kept * to_modes(velocities) + np.sqrt(1 - kept**2) * spread * rng.normal(size=shape))

    positions = np.broadcast_to(START, shape).copy()
    velocities, pull = spread * rng.normal(size=shape), accelerations(positions)
    lengths = []
    for duration, of_centroid, factor in ((RELAX, 50.0, 2.0), (RUN, 1000.0, 1.0)):
        friction = np.where(omega > 0, factor * omega, 1 / of_centroid)
        for step in range(round(duration / STEP)):
            velocities = rub(velocities, friction) + STEP / 2 * pull
            place, speed = to_modes(positions), to_modes(velocities)
            positions = to_beads(cosine * place + over * speed)
            velocities = to_beads(cosine * speed - omega[:, None, None] * sine * place)
            positions += EDGE / 2 - positions.mean(axis=(1, 2), keepdims=True)
            pull = accelerations(positions)
            velocities = rub(velocities + STEP / 2 * pull, friction)
            if factor == 1.0 and step % EVERY == 0:
                centre = positions.mean(axis=1)
                lengths.append(np.linalg.norm(centre[:, 1:] - centre[:, :1], axis=-1).T)
    return np.array(lengths)


def main() -> None:
    """Print a line for every number of beads."""
    model, *numbers = sys.argv[1:]
    for beads in map(int, numbers):
        first, second = np.moveaxis(bond_lengths(model, beads, min(256, RINGS // beads)), 1, 0)
        window = np.hanning(len(first))[:, None]
        nu = np.fft.rfftfreq(len(first), EVERY * STEP) / LIGHT_SPEED
        inside = (nu > 3000) & (nu < 4500)
        for name, length in (("r1 + r2", first + second), ("r1 - r2", first - second)):
            power = abs(np.fft.rfft((length - length.mean(axis=0)) * window, axis=0)) ** 2
            line = (power * nu[:, None] ** 2)[inside]
            each = nu[inside] @ line / line.sum(axis=0)
            centre = nu[inside] @ line.sum(axis=1) / line.sum()
            deviation = np.sqrt((nu[inside] - centre) ** 2 @ line.sum(axis=1) / line.sum())
            error = each.std(ddof=1) / np.sqrt(len(each))
            print(f"{beads} beads, {name}: {centre:.0f} ± {error:.0f} cm⁻¹, standard deviation {deviation:.0f}")


if __name__ == "__main__":
    main()
