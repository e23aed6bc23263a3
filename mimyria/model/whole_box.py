"""What the atoms of a graph need to hear of the whole boxes they are in: waves, or a mesh where these are many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from mimyria.frame import Frame
from mimyria.model.graph import Graph
from mimyria.model.mesh import Mesh, Splines, mesh_in
from mimyria.model.waves import Phases, Reach, Waves, in_box, in_space, precision, waves_of, with_space

BOXES = 4
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

    def heard(self, potential: Tensor) -> Tensor:
        """Return the potential of all atoms of the box and its derivatives at these, (n, harmonics, u)."""
        return self.box.heard(potential, self.basis)  # type: ignore[arg-type]


Told: TypeAlias = tuple[Part, Tensor]
"""Atoms of a box, and their multipoles (n, lm, u)."""


def potential_of(told: Sequence[Told]) -> Tensor:
    """Return the potential of one box, of the multipoles of all of its atoms."""
    return told[0][0].box.potential([(part.basis, sent) for part, sent in told])  # type: ignore[misc]


def parts_of(graph: Graph, reach: Reach) -> tuple[Part, ...]:
    """Return the atoms of a graph by box."""
    like, found = graph.vectors, []
    for number, (places, frame, moved) in enumerate(graph.boxes):
        here = places.to(like.device).long() - graph.first
        inside = (here >= 0) & (here < len(graph))
        if inside.any():
            box = box_of(frame, reach, like)
            points = torch.from_numpy(frame.positions).to(like.device, precision(like))
            points = points if moved is None else points + moved
            found.append(Part(number, here[inside], box, box.basis(points[inside])))
    return tuple(found)


def box_of(frame: Frame, reach: Reach, like: Tensor) -> Waves | Mesh:
    """Return the waves of a frame, or the mesh."""
    if frame.periodic.any():
        return _periodic(with_space(frame).tobytes(), reach, like.dtype, like.device)
    radius = np.linalg.norm(frame.positions - frame.positions.mean(axis=0), axis=1).max()
    return waves_of(*in_space(2 * float(radius), len(frame), reach.longest), reach, like)


@lru_cache(BOXES)
def _periodic(cell: bytes, reach: Reach, dtype: torch.dtype, device: torch.device) -> Waves | Mesh:
    lattice, like = np.frombuffer(cell).reshape(3, 3), torch.empty(0, dtype=dtype, device=device)
    with torch.inference_mode(mode=False):  # a training may be the next that asks
        # half of the points of the reciprocal lattice in a sphere, (2π)³/V each
        if abs(np.linalg.det(lattice)) * reach.longest**3 / (12 * np.pi**2) > MANY_WAVES:
            return mesh_in(lattice, reach, like)
        return waves_of(*in_box(lattice, reach.longest), reach, like)
