"""The potential of a box as the sum of all waves that fit into it, or of those of space.

    periodic   Σ_k 4π/V(k² + κ²) ...                a slab or a wire has empty space around it
    isolated   1/(2π)³ ∫ d³k 4π/(k² + κ²) ...       by a product rule, which is exact to rounding

Of k and -k, whose waves are alike, one is enough. Multipoles a_j[lm] at r_j, smoothed by η, have

    S(k)    = Σ_lm (-i)^l k^l Y_lm(k̂) Σ_j a_j[lm] exp(-ik·r_j)
    f_i[lm] = Re i^l Σ_k 4π/V(k² + κ²) exp(-k²/4η²) k^l Y_lm(k̂) S(k) exp(ik·r_i)

of which f is the potential at r_i and its derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mimyria.errors import ModelError
from mimyria.frame import Array, Frame
from mimyria.model.harmonics import degrees, harmonics
from mimyria.model.nearby import lattice_of

SHARPEST = 5.0
"""The shortest waves have k = 5 η, where exp(-k²/4η²) is 0.002."""
BEYOND = 14
"""A rule for isolated atoms integrates polynomials of a degree by so much above the largest phase, k times distance."""
NO_WAVE = 1e-9
"""1/Å, for k = 0, which needs a direction."""
NUMBERS = 2**20
"""Waves times atoms that are computed at once."""
EMPTY = 30.0
"""Å around a slab, across which nothing is heard: exp(-κ·30 Å) is 1e-4 for κ = 0.3 Å⁻¹."""
MOST = 100_000
"""Waves of isolated atoms."""


class Reach(NamedTuple):
    """What is heard of a whole box."""

    channels: int  # potentials; each has one of the widths, by turns
    widths: tuple[float, ...]  # η, 1/Å
    screening: float  # κ, 1/Å
    l_max: int  # highest derivative

    @property
    def longest(self) -> float:
        """The largest k that counts, 1/Å."""
        return SHARPEST * max(self.widths)

    @property
    def turn(self) -> Tensor:
        """Index of the width of each channel."""
        return torch.arange(self.channels) % len(self.widths)

    def weight(self, k: Array) -> Array:
        """Return 4π/(k² + κ²) exp(-k²/4η²) of each η for lengths of waves, (widths, ...)."""
        smooth = [np.exp(-((k / (2 * width)) ** 2)) for width in self.widths]
        return np.stack(smooth) * 4 * math.pi / (k**2 + self.screening**2)


@dataclass(frozen=True)
class Phases:
    """Where atoms are among the waves: cos k·r and sin k·r, (n, waves) each, of waves in blocks."""

    points: Tensor  # Å, (n, 3), float64
    k: Tensor  # 1/Å, (waves, 3), float64
    dtype: torch.dtype

    def __iter__(self) -> Iterator[tuple[slice, Tensor, Tensor]]:
        if self.nbytes:
            yield self._every
            return
        each = max(NUMBERS // max(len(self.points), 1), 1)
        for start in range(0, len(self.k), each):
            yield self._of(slice(start, start + each))

    @property
    def nbytes(self) -> int:
        """Memory that keeping them takes: none where they are not all computed at once."""
        numbers = len(self.points) * len(self.k)
        return 2 * numbers * self.dtype.itemsize if numbers <= NUMBERS else 0

    @cached_property
    def _every(self) -> tuple[slice, Tensor, Tensor]:
        return self._of(slice(0, len(self.k)))

    def _of(self, block: slice) -> tuple[slice, Tensor, Tensor]:
        phases = self.points @ self.k[block].T
        return block, phases.cos().to(self.dtype), phases.sin().to(self.dtype)


@dataclass(frozen=True)
class Waves:
    """Waves of one frame."""

    k: Tensor  # 1/Å, (waves, 3), float64
    shape: Tensor  # k^l Y_lm(k̂), (harmonics, waves)
    weight: Tensor  # 4π/V(k² + κ²) exp(-k²/4η²) of each η, (widths, waves)
    turn: Tensor  # which of these each channel has
    degree: Tensor  # l of each harmonic

    def basis(self, points: Tensor) -> Phases:
        """Return where atoms (n, 3) are among the waves."""
        return Phases(points, self.k, self.shape.dtype)

    def potential(self, told: Iterable[tuple[Phases, Tensor]]) -> Tensor:
        """Return S of multipoles (n, lm, u), l ≤ 1, its real part and the imaginary, (2, waves, u)."""
        return torch.stack([self._sums(phases, sent) for phases, sent in told]).sum(0)

    def _sums(self, phases: Phases, sent: Tensor) -> Tensor:
        even = (self.degree[: sent.shape[1]] % 2 == 0)[:, None]
        sums = []
        for block, *parts in phases:
            cosine, sine = ((part.T @ sent.flatten(1)).reshape(-1, *sent.shape[1:]) for part in parts)  # (waves, lm, u)
            # (-i)^l (cos - i sin)
            real, imaginary = torch.where(even, cosine, -sine), torch.where(even, -sine, -cosine)
            shape = self.shape[: len(even), block].T[..., None]
            sums.append(torch.stack([(shape * real).sum(1), (shape * imaginary).sum(1)]))
        return torch.cat(sums, dim=1)

    def heard(self, sums: Tensor, phases: Phases) -> Tensor:
        """Return f of S, (n, harmonics, u)."""
        even, heard = (self.degree % 2 == 0)[:, None], sums.new_zeros(())
        sign = 1 - 2 * ((self.degree + 1) // 2 % 2)  # of i^l: 1, -1, -1, 1
        for block, cosine, sine in phases:
            weight = self.weight[:, block][self.turn].T[:, None] * (sign[:, None] * self.shape[:, block]).T[..., None]
            real, imaginary = (weight * part[block, None] for part in sums)  # (waves, lm, u)
            # Re i^l (R + iI)(cos + i sin)
            heard = heard + cosine @ torch.where(even, real, imaginary).flatten(1)
            heard = heard + sine @ torch.where(even, -imaginary, real).flatten(1)
        return heard.reshape(len(phases.points), len(self.degree), -1)


def waves_of(k: Array, share: Array, reach: Reach, like: Tensor) -> Waves:
    """Return the waves of `in_box` or `in_space`."""
    size, degree = np.linalg.norm(k, axis=1), degrees(reach.l_max)
    shape = torch.from_numpy(size) ** degree[:, None] * harmonics(torch.from_numpy(k), reach.l_max)
    return Waves(
        k=torch.from_numpy(k).to(like.device, precision(like)),
        shape=shape.to(like),
        weight=torch.from_numpy(share * reach.weight(size)).to(like),
        turn=reach.turn.to(like.device),
        degree=degree.to(like.device),
    )


def precision(like: Tensor) -> torch.dtype:
    """Return the type for places: double, but on mps, which has none."""
    return like.dtype if like.device.type == "mps" else torch.float64


def with_space(frame: Frame) -> Array:
    """Return the lattice vectors of a periodic frame, Å, (3, 3), with empty space around a slab or a wire."""
    lattice = lattice_of(frame)
    for axis in np.flatnonzero(~frame.periodic):
        lattice[axis] *= np.ptp(frame.positions @ lattice[axis]) + EMPTY
    return lattice


def in_box(lattice: Array, longest: float) -> tuple[Array, Array]:
    """Return the waves of a box, |k| < longest, 1/Å, and 1/V times how many each stands for; (waves, 3), (waves,)."""
    # k·a = 2π n, so |n| ≤ |k| |a| / 2π
    most = (longest * np.linalg.norm(lattice, axis=1) / (2 * math.pi)).astype(int)
    steps = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in most), indexing="ij"), axis=-1).reshape(-1, 3)
    k = 2 * math.pi * steps[len(steps) // 2 :] @ np.linalg.inv(lattice).T  # the first half are their opposites
    k = k[np.linalg.norm(k, axis=1) < longest]
    k[0, 1] = NO_WAVE
    twice = np.where(np.arange(len(k)) > 0, 2.0, 1.0)
    return k, twice / abs(np.linalg.det(lattice))


def in_space(extent: float, n_atoms: int, longest: float) -> tuple[Array, Array]:
    """Return the same for isolated atoms so far across, Å, d³k/(2π)³ = k²/2π² dk dΩ/4π, or raise a ModelError."""
    degree = math.ceil(longest * extent) + BEYOND
    n_polar, n_round, n_long = degree // 4 + 1, 2 * (degree // 2 + 1), degree // 4 + BEYOND
    if n_polar * n_round * n_long > MOST:
        raise ModelError(
            f"{n_atoms} atoms, {extent:.0f} Å across and not periodic, are too large for networks that hear the whole "
            "box (--preset far): put them into a periodic one with empty space around them"
        )
    heights, of_height = np.polynomial.legendre.leggauss(2 * n_polar)
    heights, of_height = heights[n_polar:], of_height[n_polar:]  # the others are their opposites
    angles = 2 * math.pi * np.arange(n_round) / n_round
    flat = np.sqrt(1 - heights**2)[:, None]
    directions = np.stack(np.broadcast_arrays(flat * np.cos(angles), flat * np.sin(angles), heights[:, None]), -1)
    lengths, of_length = np.polynomial.legendre.leggauss(n_long)
    lengths, of_length = longest * (1 + lengths) / 2, longest * of_length / 2
    k = lengths[:, None, None] * directions.reshape(-1, 3)
    measure = (lengths**2 * of_length)[:, None] / (2 * math.pi**2) * np.repeat(of_height, n_round) / n_round
    return k.reshape(-1, 3), measure.ravel()
