"""Pairs of neighbouring atoms, in any cell."""

from __future__ import annotations

import numpy as np

from mimyria.frame import Array, Frame


def neighbour_pairs(frame: Frame, cutoff: float) -> tuple[Array, Array, Array]:
    """Return all pairs i, j nearer than the cutoff (Å), and the vectors from i to j; sorted by i, in both directions.

    Every periodic image of j within the cutoff is a pair of its own, however small the cell.
    """
    from vesin import NeighborList  # imports torch, which is slow

    neighbour_list = NeighborList(cutoff=cutoff, full_list=True, sorted=True)
    i, j, vectors = neighbour_list.compute(
        points=frame.positions, box=frame.cell, periodic=frame.periodic, quantities="ijD"
    )
    return i.astype(np.int64), j.astype(np.int64), vectors
