"""Ring polymers whose motion is known: a diatomic molecule on a harmonic spring, in normal modes of its ring."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import constants

from mimyria.elements import masses_of
from mimyria.formats import write_frames
from mimyria.frame import Frame
from mimyria.units import LIGHT_SPEED

TEMPERATURE, WAVENUMBER, TIMESTEP = 300.0, 3000.0, 2.0
"""K, cm⁻¹, fs."""
CHARGE, POLARIZABILITY, LENGTH = 0.4, 1.7, 10.0
"""e; a.u. per Å of the stretched bond, in every diagonal component; Å."""
NUMBERS = np.array([1, 17])
MASSES = masses_of(NUMBERS)
REDUCED = MASSES.prod() / MASSES.sum()
"""u."""
OMEGA = 2 * np.pi * LIGHT_SPEED * WAVENUMBER
"""rad/fs."""
THERMAL = constants.k * TEMPERATURE / constants.atomic_mass * (constants.femto / constants.angstrom) ** 2
"""k_B T, u (Å/fs)²."""


def stretches(n_beads: int, n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """The vector of the bond less its rest length, and its velocity, shape (t, beads, 3), Å and Å/fs.

    A ring of P beads at the temperature P T with springs ω_P = P k_B T/ħ has modes Ω_j² = ω² + 4 ω_P² sin²(jπ/P), each
    with the energy P k_B T. Every mode has its own phase; along x, y, z they are a third of a turn apart, so that the
    kinetic energy is constant.
    """
    mode, bead = np.meshgrid(np.arange(n_beads), np.arange(n_beads))
    angle = 2 * np.pi * mode * bead / n_beads
    to_beads = np.where(2 * mode <= n_beads, np.cos(angle), np.sin(angle))
    to_beads /= np.linalg.norm(to_beads, axis=0)
    spring = n_beads * constants.k * TEMPERATURE / constants.hbar * constants.femto
    frequency = np.sqrt(OMEGA**2 + (2 * spring * np.sin(np.pi * np.arange(n_beads) / n_beads)) ** 2)
    phase = np.random.default_rng(5).uniform(0, 2 * np.pi, n_beads)
    turn = (frequency * TIMESTEP * np.arange(n_frames)[:, None] + phase)[..., None] + 2 * np.pi / 3 * np.arange(3)
    amplitude = np.sqrt(2 * n_beads * THERMAL / REDUCED) / frequency[:, None]
    modes, moving = amplitude * np.cos(turn), -amplitude * frequency[:, None] * np.sin(turn)
    return tuple(np.einsum("kj,tjx->tkx", to_beads, values) for values in (modes, moving))


def ring(n_beads: int, n_frames: int) -> list[list[Frame]]:
    """The frames of each bead of the molecule, with APT and PGT."""
    share = np.array([-1.0, 1.0]) * MASSES[::-1] / MASSES.sum()  # of the two atoms in the stretch
    at, moving = (np.einsum("n,tkx->ktnx", share, values) for values in stretches(n_beads, n_frames))
    rest = np.array([[4.0, 5.0, 5.0], [4.0, 5.0, 6.3]])
    sign = np.array([-1.0, 1.0])
    along = POLARIZABILITY * np.eye(3)[:, :, None] * np.array([0.0, 0.0, 1.0])
    tensors = {"apt": CHARGE * sign[:, None, None] * np.eye(3), "pgt": sign[:, None, None, None] * along}
    cell, periodic = LENGTH * np.eye(3), np.ones(3, dtype=bool)
    return [
        [
            Frame(NUMBERS, rest + at[k, t], cell, periodic, moving[k, t], t * TIMESTEP, tensors)
            for t in range(n_frames)
        ]
        for k in range(n_beads)
    ]  # fmt: skip


def mean_of(beads: list[list[Frame]]) -> list[Frame]:
    """The frames of the centroid."""
    return [
        Frame(
            frames[0].numbers,
            np.mean([frame.positions for frame in frames], axis=0),
            frames[0].cell,
            frames[0].periodic,
            np.mean([frame.velocities for frame in frames], axis=0),
            frames[0].time,
            frames[0].tensors,
        )
        for frames in zip(*beads, strict=True)
    ]


def write_beads(folder: Path, beads: list[list[Frame]], name: str = "sim.pos_{}.extxyz") -> Path:
    """Write a file for each bead, and return their pattern."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, frames in enumerate(beads):
        write_frames(folder / name.format(k), frames)
    return folder / name.format("*")
