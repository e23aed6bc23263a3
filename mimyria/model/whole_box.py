"""What the atoms of a graph need to hear of the whole boxes they are in: waves, or a mesh where these are many."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from mimyria.frame import Frame
from mimyria.model.graph import Graph
from mimyria.model.mesh import Mesh, Splines, mesh_in
from mimyria.model.waves import Phases, Reach, Waves, in_box, in_space, precision, waves_of, with_space

BOXES = 16
"""Whose waves are kept: those of a run at constant volume are always the same."""
MANY_WAVES = 3000
"""From which on a mesh is faster."""


@dataclass(frozen=True)
class Part:
    """Those atoms of a graph that are in one box."""

    frame: int  # number of the box among all
    here: Tensor  # which of the graph they are, in the order of the frame, (n,)
    box: Waves | Mesh
    basis: Phases | Splines  # where they are in it

    def sums(self, sent: Tensor) -> Tensor:
        """Return what multipoles of the atoms of a graph (n, lm, u) add up to in the box."""
        return self.box.sums(sent.index_select(0, self.here), self.basis)  # type: ignore[arg-type]

    def heard(self, potential: Tensor) -> Tensor:
        """Return the potential of all atoms of the box and its derivatives at these, (n, harmonics, u)."""
        return self.box.heard(potential, self.basis)  # type: ignore[arg-type]


def parts_of(graph: Graph, reach: Reach) -> tuple[Part, ...]:
    """Return the atoms of a graph by box."""
    like, found = graph.vectors, []
    for number, (places, frame) in enumerate(graph.boxes):
        here = places.to(like.device).long() - graph.first
        inside = (here >= 0) & (here < len(graph))
        if inside.any():
            box = box_of(frame, reach, like)
            points = torch.from_numpy(frame.positions).to(like.device, precision(like))[inside]
            found.append(Part(number, here[inside], box, box.basis(points)))
    return tuple(found)


def box_of(frame: Frame, reach: Reach, like: Tensor) -> Waves | Mesh:
    """Return the waves of a frame, or the mesh."""
    if frame.periodic.any():
        return _periodic(with_space(frame).tobytes(), reach, like.dtype, like.device)
    radius = np.linalg.norm(frame.positions - frame.positions.mean(axis=0), axis=1).max()
    return _isolated(2 * float(radius), reach, like.dtype, like.device)


@lru_cache(BOXES)
def _periodic(cell: bytes, reach: Reach, dtype: torch.dtype, device: torch.device) -> Waves | Mesh:
    lattice, like = np.frombuffer(cell).reshape(3, 3), torch.empty(0, dtype=dtype, device=device)
    with torch.inference_mode(mode=False):  # a training may be the next that asks
        # half of the points of the reciprocal lattice in a sphere, (2π)³/V each
        if abs(np.linalg.det(lattice)) * reach.longest**3 / (12 * np.pi**2) > MANY_WAVES:
            return mesh_in(lattice, reach, like)
        return waves_of(*in_box(lattice, reach.longest), reach, like)


@lru_cache(1)
def _isolated(extent: float, reach: Reach, dtype: torch.dtype, device: torch.device) -> Waves:
    with torch.inference_mode(mode=False):
        return waves_of(*in_space(extent, reach.longest), reach, torch.empty(0, dtype=dtype, device=device))
