"""Water whose dipole and polarizability are known: charges that follow the bonds, and induced dipoles, first order.

    M = Σ_m q(r) Σ_h r_mh + Σ_m α_m E_m        E_m the field of the charges of the other molecules at O of m
    α = Σ_m α_m + Σ_{m≠n} α_m T_mn α_n         α_m = Σ_h [a_⊥ 1 + (a_∥ - a_⊥ + b (r - r0)) û û^T] of both bonds

It is an engine too, U(E) = -M·E - ½ E·α·E.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mimyria.engines.engine import Calculation, Configuration, Engine, FieldRun, Task
from mimyria.errors import LabelError
from mimyria.frame import Array, Frame
from mimyria.units import BOHR

LENGTH, ANGLE = 0.97, np.deg2rad(105.0)
"""Å and radians at rest."""
CHARGE, SLOPE = 0.4, 0.6
"""e and e/Å: charge of a hydrogen, and how it grows with the bond."""
ACROSS, ALONG, STRETCHED = 3.0, 5.0, 6.0
"""a.u., a.u. and a.u./Å of a bond's polarizability."""
REACH = 3.6
"""Å; the coupling of two molecules is switched off between two thirds of it and here."""
SPACING = 3.6
"""Å, between molecules."""
STEP = 1e-4
"""Å, of the differences that give forces."""


def response(positions: Array, length: float) -> tuple[Array, Array]:
    """Return M (e Å) and α (a.u.) of molecules O, H, H in a cube, for positions (..., n, 3)."""
    o, bonds = positions[..., 0::3, None, :], np.stack([positions[..., 1::3, :], positions[..., 2::3, :]], axis=-2)
    bonds = bonds - o
    bonds -= length * np.round(bonds / length)  # (..., m, 2, 3)
    r = np.linalg.norm(bonds, axis=-1)
    unit = bonds / r[..., None]
    charges = CHARGE + SLOPE * (r - LENGTH)
    own = ACROSS * np.eye(3) + ((ALONG - ACROSS) + STRETCHED * (r - LENGTH))[..., None, None] * (
        unit[..., :, None] * unit[..., None, :]
    )
    own = own.sum(axis=-3)  # (..., m, 3, 3)
    dipoles = (charges[..., None] * bonds).sum(axis=-2)
    apart = o[..., 0, :][..., :, None, :] - o[..., 0, :][..., None, :, :]
    apart -= length * np.round(apart / length)
    distance = np.linalg.norm(apart, axis=-1)
    there = distance > 0
    distance = np.where(there, distance, 1.0)
    x = np.clip((REACH - distance) / (REACH / 3), 0, 1)
    switch = np.where(there, x**3 * (10 - 15 * x + 6 * x**2), 0.0)
    direction = apart / distance[..., None]
    tensor = 3 * direction[..., :, None] * direction[..., None, :] - np.eye(3)
    tensor *= (switch / (distance / BOHR) ** 3)[..., None, None]  # a.u.
    field = np.einsum("...mnab,...nb->...ma", tensor, dipoles / BOHR)  # of the dipoles of the others
    moment = dipoles.sum(axis=-2) + BOHR * np.einsum("...mab,...mb->...a", own, field)
    alpha = own.sum(axis=-3) + (own @ (tensor @ own[..., None, :, :, :]).sum(axis=-3)).sum(axis=-3)
    return moment, 0.5 * (alpha + alpha.swapaxes(-1, -2))


@dataclass(frozen=True)
class Polarizable(Engine):
    """The engine; configurations whose first atom lies beyond so many Å along x fail."""

    beyond: float = 1e9

    @property
    def identity(self) -> dict[str, Any]:
        """See `Engine`."""
        return {"engine": "polarizable"}

    @property
    def summary(self) -> str:
        """See `Engine`."""
        return "bonds with charges and polarizabilities"

    def prepare(self, field: float, order: int) -> None:
        """See `Engine`."""

    def check(self, configuration: Configuration) -> None:
        """See `Engine`."""

    def calculation(self, task: Task) -> Calculation:
        """See `Engine`. Runs come from differences of M and α, made once."""
        n, positions, length = len(task.frame), task.frame.positions, float(np.cbrt(task.frame.volume))
        of_moment, of_alpha = derivatives(positions, length)

        def calculate(index: int, field: Array) -> FieldRun:
            if positions[0, 0] > self.beyond:
                raise LabelError("it was told to fail here")
            forces = of_moment @ field + 0.5 * np.einsum("kab,a,b->k", of_alpha, field, field)
            moment, alpha = response(positions, length)
            dipole = moment / BOHR + alpha @ field
            return FieldRun(
                forces=forces.reshape(n, 3),
                energy=float(-dipole @ field),
                dipole=dipole,
                steps=1,
                program="polarizable 1",
            )

        return calculate


def derivatives(positions: Array, length: float) -> tuple[Array, Array]:
    """Return ∂M/∂R (e), shape (3n, 3), and ∂α/∂R (a.u./a0), shape (3n, 3, 3), by differences."""
    n = len(positions)
    steps = STEP * np.eye(3 * n).reshape(-1, n, 3)
    (m_up, a_up), (m_down, a_down) = (response(positions + sign * steps, length) for sign in (1, -1))
    return (m_up - m_down) / (2 * STEP), (a_up - a_down) / (2 * STEP / BOHR)


def labelled(frame: Frame) -> Frame:
    """Return a frame with APT and PGT, without the thirteen runs."""
    n = len(frame)
    of_moment, of_alpha = derivatives(frame.positions, float(np.cbrt(frame.volume)))
    apt = of_moment.reshape(n, 3, 3).transpose(0, 2, 1)
    pgt = of_alpha.reshape(n, 3, 3, 3).transpose(0, 2, 3, 1) / BOHR
    return replace(frame, tensors={"apt": apt, "pgt": pgt})


def run(n_molecules: int, n_frames: int, timestep: float, seed: int = 0) -> list[Frame]:
    """Return a made-up run: molecules that turn, vibrate and sway about the points of a lattice, without forces."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(n_molecules ** (1 / 3)))
    length = SPACING * side
    places = SPACING * np.stack(np.meshgrid(*[np.arange(side)] * 3), axis=-1).reshape(-1, 3)[:n_molecules] + 1.5
    axes = rng.normal(size=(n_molecules, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    start = np.linalg.qr(rng.normal(size=(n_molecules, 3, 3)))[0]
    light = 2 * np.pi * 2.99792458e-5  # rad/fs for one cm⁻¹
    turning = light * rng.uniform(150, 700, size=n_molecules)
    stretch, bend, sway = (
        light * rng.normal(mean, width, size=(n_molecules, k))
        for mean, width, k in ((3450, 60, 2), (1640, 20, 1), (150, 40, 3))
    )
    phases = rng.uniform(0, 2 * np.pi, size=(n_molecules, 6))

    def at(t: float) -> Array:
        r = LENGTH + 0.04 * np.cos(stretch * t + phases[:, :2])
        half = 0.5 * (ANGLE + 0.08 * np.cos(bend * t + phases[:, 2:3]))
        local = np.stack(
            [
                np.concatenate(
                    [r[:, k : k + 1] * np.cos(half), sign * r[:, k : k + 1] * np.sin(half), 0 * half], axis=1
                )
                for k, sign in ((0, 1), (1, -1))
            ],
            axis=1,
        )
        c, s = np.cos(turning * t)[:, None, None], np.sin(turning * t)[:, None, None]
        cross = np.cross(np.eye(3)[None], axes[:, None, :])
        rotation = c * np.eye(3) + s * cross + (1 - c) * axes[:, :, None] * axes[:, None, :]
        hydrogens = np.einsum("mab,mbc,mhc->mha", rotation, start, local)
        oxygen = places + 0.25 * np.cos(sway * t + phases[:, 3:])
        return np.concatenate([oxygen[:, None], oxygen[:, None] + hydrogens], axis=1).reshape(-1, 3)

    numbers, cell = np.tile([8, 1, 1], n_molecules), length * np.eye(3)
    tick = 1e-3
    return [
        Frame(
            numbers,
            at(k * timestep),
            cell,
            np.ones(3, dtype=bool),
            (at(k * timestep + tick) - at(k * timestep - tick)) / (2 * tick),
            k * timestep,
        )
        for k in range(n_frames)
    ]


def exact_rates(frames: list[Frame]) -> dict[str, Array]:
    """Return dM/dt (t, 3) and dα/dt (t, 3, 3) of the model itself, velocities without drift, by differences."""
    from mimyria.elements import frame_masses
    from mimyria.trajectory.kinetics import without_drift

    masses, tick = frame_masses(frames[0]), 1e-3
    length = float(frames[0].cell[0, 0])
    positions = np.array([frame.positions for frame in frames])
    step = tick * without_drift(np.array([frame.velocities for frame in frames]), masses)
    (m_up, a_up), (m_down, a_down) = response(positions + step, length), response(positions - step, length)
    return {"apt": (m_up - m_down) / (2 * tick), "pgt": (a_up - a_down) / (2 * tick)}
