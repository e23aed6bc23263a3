"""Runs of rigid and flexible molecules whose temperature is known, as it was put in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from ase.build import molecule
from scipy.spatial.transform import Rotation

from mimyria.frame import Frame
from mimyria.units import BOLTZMANN, MASS_VELOCITY_SQUARED

TEMPERATURE = 300.0
ONE = np.ones(3, dtype=bool)


def rigid_run(
    name: str, n_molecules: int, n_frames: int, timestep: float = 2.0, *, seed: int = 0, wrapped: bool = True
) -> list[Frame]:
    """Return rigid molecules on a lattice that turn and fly freely, with the kinetic energy of 3 + 3 (or 2) a molecule.

    Each turns about a fixed axis, in space as in the molecule, drawn from Maxwell's distribution of its principal axes.
    """
    rng, temperature = np.random.default_rng(seed), TEMPERATURE
    atoms = molecule(name)
    masses, body = atoms.get_masses(), atoms.positions - atoms.get_center_of_mass()
    inertia, axes = np.linalg.eigh(
        np.einsum("n,nij->ij", masses, (body**2).sum(1)[:, None, None] * np.eye(3) - _outer(body))
    )
    width = np.sqrt(BOLTZMANN * temperature / MASS_VELOCITY_SQUARED)
    turns = np.divide(width, np.sqrt(inertia), out=np.zeros(3), where=inertia > 1e-6)
    degrees = 3 + np.count_nonzero(turns)
    start = Rotation.random(n_molecules, rng=rng)
    spin = start.apply(rng.normal(size=(n_molecules, 3)) * turns @ axes.T)
    flight = width / np.sqrt(masses.sum()) * rng.normal(size=(n_molecules, 3))
    flight -= flight.mean(axis=0)
    side = int(np.ceil(n_molecules ** (1 / 3)))
    places = 6.0 * np.stack(np.meshgrid(*[np.arange(side)] * 3), axis=-1).reshape(-1, 3)[:n_molecules]
    cell, numbers = 6.0 * side * np.eye(3), np.tile(atoms.numbers, n_molecules)

    def scaled(factor: float, time: float) -> Frame:
        turned = Rotation.from_rotvec(factor * spin * time) * start
        arms = np.array([turn.apply(body) for turn in turned])
        centres = places + factor * flight * time
        velocities = factor * (np.cross(spin[:, None], arms) + flight[:, None])
        positions = (centres[:, None] + arms).reshape(-1, 3)
        positions = positions % np.diag(cell) if wrapped else positions
        return Frame(numbers, positions, cell, ONE, velocities.reshape(-1, 3), time)

    velocities = np.asarray(scaled(1.0, 0.0).velocities)
    energy = np.tile(masses, n_molecules) @ np.square(velocities).sum(axis=1) * MASS_VELOCITY_SQUARED
    exact = np.sqrt((degrees * n_molecules - 3) * BOLTZMANN * temperature / energy)
    return [scaled(float(exact), k * timestep) for k in range(n_frames)]


def _outer(rows: np.ndarray) -> np.ndarray:
    return rows[:, :, None] * rows[:, None, :]


def swinging_run(
    name: str, n_frames: int, timestep: float, *, seed: int = 0, bond: tuple[int, int] | None = None
) -> list[Frame]:
    """Return one flexible molecule whose atoms swing at random; a bond between two may be held at its length."""
    rng = np.random.default_rng(seed)
    atoms = molecule(name)
    n = len(atoms)
    frequencies = rng.uniform(0.03, 0.6, size=(8, n, 3))
    phases = rng.uniform(0, 2 * np.pi, size=(8, n, 3))
    sizes = 0.15 / np.sqrt(8 * atoms.get_masses())[:, None] / np.sqrt(frequencies / 0.03)

    def at(time: float) -> np.ndarray:
        positions = atoms.positions + (sizes * np.cos(frequencies * time + phases)).sum(axis=0)
        if bond is not None:
            a, b = bond
            length = atoms.get_distance(a, b)
            middle, along = 0.5 * (positions[a] + positions[b]), positions[b] - positions[a]
            half = 0.5 * length * along / np.linalg.norm(along)
            positions[a], positions[b] = middle - half, middle + half
        return positions + 6.0

    tick = 1e-3
    return [
        Frame(atoms.numbers, at(t), 12.0 * np.eye(3), ONE, (at(t + tick) - at(t - tick)) / (2 * tick), t)
        for t in timestep * np.arange(n_frames)
    ]


def rounded(frames: list[Frame], quantum: float) -> list[Frame]:
    """Return frames with positions rounded to multiples of a quantum, Å."""
    return [replace(frame, positions=quantum * np.rint(frame.positions / quantum)) for frame in frames]
