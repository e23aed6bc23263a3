"""Waves that a potential is the sum of, those that fit into a box, or those of space.

    periodic   Σ_k 4π/V(k² + κ²) ...                a slab or a wire has empty space around it
    isolated   1/(2π)³ ∫ d³k 4π/(k² + κ²) ...       by a product rule, which is exact to rounding

Of k and -k, whose waves are alike, one is enough.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from mimyria.errors import ModelError
from mimyria.frame import Array, Frame
from mimyria.model.graph import Graph
from mimyria.model.harmonics import degrees, harmonics
from mimyria.model.nearby import lattice_of

SHARPEST = 5.0
"""The shortest waves have k = 5 η, where exp(-k²/4η²) is 0.002."""
BOXES = 16
"""Whose waves are kept: those of a run at constant volume are always the same."""
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


@dataclass(frozen=True)
class Waves:
    """Waves of one frame, for all of its atoms and those of a graph."""

    places: Tensor  # of all its atoms, counted through all chunks, (n',)
    here: Tensor  # which atoms of the graph are of the frame, (n,)
    points: Tensor  # where all its atoms are, Å, (n', 3), float64
    own: Tensor  # which of these are those of the graph, (n,)
    k: Tensor  # 1/Å, (waves, 3), float64
    shape: Tensor  # k^l Y_lm(k̂), (harmonics, waves)
    weight: Tensor  # 4π/V(k² + κ²) exp(-k²/4η²) of each η, (widths, waves)

    @property
    def blocks(self) -> Iterator[slice]:
        """Yield the waves in as many as are computed at once."""
        each = max(NUMBERS // max(len(self.points), 1), 1)
        for start in range(0, len(self.k), each):
            yield slice(start, start + each)

    def phases(self, block: slice) -> tuple[Tensor, Tensor]:
        """Return cos k·r and sin k·r of all atoms of the frame, (n', waves) each."""
        phases = self.points @ self.k[block].T
        return phases.cos().to(self.shape), phases.sin().to(self.shape)


def waves_of(graph: Graph, widths: Sequence[float], screening: float, l_max: int) -> tuple[Waves, ...]:
    """Return the waves of every frame of which a graph has atoms; ``widths`` are η and ``screening`` is κ, 1/Å.

    A ModelError says that isolated atoms are too far apart.
    """
    like, device, found = graph.vectors, graph.vectors.device, []
    precise = like.dtype if device.type == "mps" else torch.float64  # mps has no double precision
    for box in graph.boxes:
        places = box.places.to(device).long()
        here = places - graph.first
        inside = (here >= 0) & (here < len(graph))
        if not inside.any():
            continue
        k, measure = wave_vectors(box.frame, SHARPEST * max(widths))
        size = np.linalg.norm(k, axis=1)
        smooth = measure / (size**2 + screening**2) * np.exp(-((size / (2 * np.array(widths)[:, None])) ** 2))
        shape = torch.from_numpy(size) ** degrees(l_max)[:, None] * harmonics(torch.from_numpy(k), l_max)
        found.append(
            Waves(
                places=places,
                here=here[inside],
                points=torch.from_numpy(box.frame.positions).to(device, precise),
                own=inside.nonzero()[:, 0],
                k=torch.from_numpy(k).to(device, precise),
                shape=shape.to(like),
                weight=torch.from_numpy(smooth).to(like),
            )
        )
    return tuple(found)


def wave_vectors(frame: Frame, longest: float) -> tuple[Array, Array]:
    """Return waves of a frame, |k| < longest, 1/Å, and 4π/V times how many each is for; (waves, 3), (waves,)."""
    if frame.periodic.any():
        lattice = lattice_of(frame)
        for axis in np.flatnonzero(~frame.periodic):
            lattice[axis] *= np.ptp(frame.positions @ lattice[axis]) + EMPTY
        return _in_box(lattice.tobytes(), longest)
    radius = np.linalg.norm(frame.positions - frame.positions.mean(axis=0), axis=1).max()
    return _in_space(2 * float(radius), len(frame), longest)


@lru_cache(BOXES)
def _in_box(cell: bytes, longest: float) -> tuple[Array, Array]:
    lattice = np.frombuffer(cell).reshape(3, 3)
    # k·a = 2π n, so |n| ≤ |k| |a| / 2π
    most = (longest * np.linalg.norm(lattice, axis=1) / (2 * math.pi)).astype(int)
    steps = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in most), indexing="ij"), axis=-1).reshape(-1, 3)
    k = 2 * math.pi * steps[len(steps) // 2 :] @ np.linalg.inv(lattice).T  # the first half are their opposites
    k = k[np.linalg.norm(k, axis=1) < longest]
    k[0, 1] = NO_WAVE
    twice = np.where(np.arange(len(k)) > 0, 2.0, 1.0)
    return k, twice * 4 * math.pi / abs(np.linalg.det(lattice))


def _in_space(extent: float, n_atoms: int, longest: float) -> tuple[Array, Array]:
    """Return a rule for isolated atoms in a sphere of this diameter, Å: 4π d³k/(2π)³ = 2/π k² dk dΩ/4π."""
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
    measure = 2 / math.pi * (lengths**2 * of_length)[:, None] * np.repeat(of_height, n_round) / n_round
    return k.reshape(-1, 3), measure.ravel()
