"""The potential of a large box by a mesh: what sums over all waves give, in a time that grows with the atoms alone.

Waves at any point are interpolated between those at the points m of a mesh, by B-splines of order p (smooth particle
mesh Ewald: Essmann et al., J. Chem. Phys. 103, 8577 (1995)),

    exp(ik·r) ≈ b(k) Σ_m M_p(u_1 - m_1) M_p(u_2 - m_2) M_p(u_3 - m_3) exp(2πi Σ_c n_c m_c/N_c)
    k·r = 2π Σ_c n_c u_c/N_c

Multipoles are derivatives of charges, and harmonics of a potential its derivatives,

    (-i)^l k^l Y_lm(k̂) exp(-ik·r) = Y_lm(∂/∂r) exp(-ik·r)       i^l k^l Y_lm(k̂) exp(ik·r) = Y_lm(∂/∂r) exp(ik·r)

with Y_lm(r) = r^l Y_lm(r̂), so those of the splines give both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mimyria.frame import Array
from mimyria.model.harmonics import degrees, harmonics, rows
from mimyria.model.waves import Reach, precision

ORDER = 8
"""p of the splines, even."""
FINER = 2.0
"""How many times finer a mesh is than its shortest wave needs."""
NUMBERS = 2**18
"""Points around atoms times channels that are computed at once."""


class Splines(NamedTuple):
    """Where atoms are on a mesh."""

    points: Tensor  # those of the mesh around each of them, along each lattice vector, (n, 3, p)
    weights: Tensor  # M_p there, and its derivatives, (n, 3, 1 + l_max, p)

    @property
    def nbytes(self) -> int:
        """Memory that keeping them takes."""
        return self.points.nbytes + self.weights.nbytes


@dataclass(frozen=True)
class Mesh:
    """A mesh in a box, of N_1 x N_2 x N_3 points."""

    steps: Tensor  # 1/Å, (3, 3), float64; r @ steps is how many of them a place is from the origin
    size: tuple[int, int, int]
    weight: Tensor  # 4π/V(k² + κ²) exp(-k²/4η²) |b(k)|² of each η, (widths, N_1, N_2, N_3 // 2 + 1)
    turn: Tensor  # which of these each channel has
    pieces: Tensor  # powers of the place between two points that M_p and its derivatives are, (1 + l_max, powers, p)
    solid: Tensor  # Y_lm(∂/∂r) in `powers_of` derivatives along the mesh, (harmonics, monomials)

    def basis(self, points: Tensor) -> Splines:
        """Return where atoms (n, 3) are on the mesh."""
        places, along = points @ self.steps, torch.arange(ORDER, device=points.device)
        below = places.floor()
        powers = (places - below)[..., None] ** along
        around = below.long()[..., None] - along
        size = torch.tensor(self.size, device=points.device)[:, None]
        return Splines(around % size, torch.einsum("nck,akp->ncap", powers, self.pieces).to(self.solid))

    def potential(self, told: Iterable[tuple[Splines, Tensor]]) -> Tensor:
        """Return what times the splines is the potential of multipoles (n, lm, u), l ≤ 1, (N_1, N_2, N_3, u)."""
        charges = self.solid.new_zeros(math.prod(self.size), len(self.turn))
        for splines, sent in told:
            self._spread(sent, splines, charges)
        charges = charges.reshape(*self.size, -1)
        potential = torch.empty_like(charges)
        for channel, width in enumerate(self.turn.tolist()):  # one by one: they are large
            waves = torch.fft.rfftn(charges[..., channel]) * self.weight[width]
            potential[..., channel] = torch.fft.irfftn(waves, s=self.size, norm="forward")
        return potential

    def _spread(self, sent: Tensor, splines: Splines, charges: Tensor) -> None:
        """Add the charges that multipoles are to those of the mesh, (N_1 N_2 N_3, u)."""
        (n_atoms, n_sent, n_channels), powers = sent.shape, powers_of(1)
        derivatives = sent.new_zeros(n_atoms, 2, 2, 2, n_channels)
        a, b, c = np.transpose(powers)
        derivatives[:, a, b, c] = self.solid[:n_sent, : len(powers)].T @ sent
        for block, points in self._blocks(splines, n_channels):
            x, y, z = splines.weights[block, :, :2].mT.unbind(1)  # (n, p, derivatives)
            spread = z[:, None] @ derivatives[block].flatten(1, 2)  # (n, a b, p, u)
            spread = y[:, None] @ spread.reshape(len(points), 2, 2, -1)  # (n, a, p, p u)
            spread = x @ spread.flatten(2)  # (n, p, p p u)
            charges.index_add_(0, points.flatten(), spread.reshape(-1, n_channels))

    def heard(self, potential: Tensor, splines: Splines) -> Tensor:
        """Return the derivatives of the potential where atoms are, (n, harmonics, u)."""
        n_channels, heard = potential.shape[-1], []
        potential = potential.reshape(-1, n_channels)
        a, b, c = np.transpose(powers_of(len(self.pieces) - 1))
        for block, points in self._blocks(splines, n_channels):
            x, y, z = splines.weights[block].unbind(1)  # (n, derivatives, p)
            near = z[:, None] @ potential[points].reshape(len(points), ORDER**2, ORDER, -1)  # (n, p p, c, u)
            near = y[:, None] @ near.reshape(len(points), ORDER, ORDER, -1)  # (n, p, b, c u)
            near = (x @ near.flatten(2)).reshape(len(points), *3 * [len(self.pieces)], n_channels)
            heard.append(self.solid @ near[:, a, b, c])
        return torch.cat(heard)

    def _blocks(self, splines: Splines, n_channels: int) -> Iterator[tuple[slice, Tensor]]:
        """Yield atoms, and the points around each in the order of the mesh, (n, p³)."""
        each = max(NUMBERS // (ORDER**3 * n_channels), 1)
        for start in range(0, len(splines.points), each):
            x, y, z = splines.points[start : start + each].unbind(1)
            _, n_y, n_z = self.size
            points = (x[:, :, None, None] * n_y + y[:, None, :, None]) * n_z + z[:, None, None]
            yield slice(start, start + each), points.flatten(1)


def mesh_in(lattice: Array, reach: Reach, like: Tensor) -> Mesh:
    """Return the mesh of a box of these lattice vectors, Å, (3, 3)."""
    from scipy.fft import next_fast_len  # takes a while, and small boxes have no mesh

    inverse, lengths = np.linalg.inv(lattice), np.linalg.norm(lattice, axis=1)
    # k·a = 2π n, so |n| ≤ |k| |a| / 2π, and two points are needed for each n
    size = [next_fast_len(max(math.ceil(FINER * reach.longest * a / math.pi), ORDER), real=True) for a in lengths]
    steps = inverse * size
    numbers = [np.fft.fftfreq(size[0], 1 / size[0]), np.fft.fftfreq(size[1], 1 / size[1])]
    numbers.append(np.arange(size[2] // 2 + 1.0))
    k = np.linalg.norm(2 * math.pi * np.stack(np.meshgrid(*numbers, indexing="ij"), axis=-1) @ inverse.T, axis=-1)
    pieces = spline_pieces(ORDER)
    weight = np.where(k < reach.longest, reach.weight(k), 0.0) / abs(np.linalg.det(lattice))
    for axis, (number, points) in enumerate(zip(numbers, size, strict=True)):
        # 1/b = Σ_m M_p(m + 1) exp(2πi n m/N)
        inverse_b = np.exp(2j * math.pi * np.outer(number, np.arange(ORDER - 1)) / points) @ pieces[1:, 0]
        weight /= np.expand_dims(np.abs(inverse_b) ** 2, [other for other in range(3) if other != axis])
    return Mesh(
        steps=torch.from_numpy(steps).to(like.device, precision(like)),
        size=(size[0], size[1], size[2]),
        weight=torch.from_numpy(weight).to(like),
        turn=reach.turn.to(like.device),
        pieces=torch.from_numpy(_derivatives(pieces, reach.l_max)).to(like.device, precision(like)),
        solid=_solid(steps, reach.l_max).to(like),
    )


def powers_of(highest: int) -> list[tuple[int, int, int]]:
    """Return the powers of three variables in the monomials up to a degree, by degree."""
    upto = range(highest + 1)
    every = [(a, b, c) for a in upto for b in upto for c in upto if a + b + c <= highest]
    return sorted(every, key=lambda powers: (sum(powers), powers))


def spline_pieces(order: int) -> Array:
    """Return M_p in powers of x - j from each whole number j < p to the next, (p, powers).

    M_p(x) = [x M_(p-1)(x) + (p - x) M_(p-1)(x - 1)] / (p - 1), and M_1 is one from 0 to 1.
    """
    pieces = np.ones((1, 1))
    for p in range(2, order + 1):
        own, before = np.pad(pieces, ((0, 1), (0, 1))), np.pad(pieces, ((1, 0), (0, 1)))
        j = np.arange(p)[:, None]
        pieces = (j * own + (p - j) * before + np.roll(own - before, 1, axis=1)) / (p - 1)
    return pieces


def _derivatives(pieces: Array, highest: int) -> Array:
    """Return polynomials (p, powers) and their derivatives, (1 + highest, powers, p)."""
    found = [pieces.T]
    for _ in range(highest):
        found.append(np.roll(found[-1] * np.arange(ORDER)[:, None], -1, axis=0))
    return np.array(found)


def _solid(steps: Array, l_max: int) -> Tensor:
    """Return harmonics as polynomials of derivatives along the mesh, ∂/∂r_a = Σ_c steps[a, c] ∂/∂u_c."""
    along = np.random.default_rng(0).normal(size=(100, 3))  # more than there are coefficients
    places, powers, degree = torch.from_numpy(along @ steps.T), np.array(powers_of(l_max)), degrees(l_max)
    values = places.norm(dim=1) ** degree[:, None] * harmonics(places, l_max)
    solid = torch.zeros(len(degree), len(powers), dtype=torch.float64)
    for of_degree in range(l_max + 1):
        columns = np.flatnonzero(powers.sum(axis=1) == of_degree)
        monomials = torch.from_numpy(np.prod(along[:, None] ** powers[columns], axis=2))
        own = rows(of_degree)
        solid[own.start : own.stop, columns] = torch.linalg.lstsq(monomials, values[own.start : own.stop].T).solution.T
    return solid
