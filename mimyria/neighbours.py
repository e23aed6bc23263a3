"""Pairs of neighbouring atoms, in any cell."""

from __future__ import annotations

import numpy as np
import scipy

from mimyria.frame import Array, Frame


def neighbour_pairs(frame: Frame, cutoff: float) -> tuple[Array, Array, Array]:
    """Return all pairs i, j nearer than the cutoff (Å), and the vectors from i to j; sorted by i, in both directions.

    Every periodic image of j within the cutoff is a pair of its own, however small the cell.
    """
    if not frame.periodic.any():  # vesin ends the process where a few atoms lie far apart
        tree = scipy.spatial.KDTree(frame.positions)
        i, j = np.concatenate([found := tree.query_pairs(cutoff, output_type="ndarray"), found[:, ::-1]]).T
        order = np.lexsort((j, i))
        i, j = i[order].astype(np.int64), j[order].astype(np.int64)
        return i, j, frame.positions[j] - frame.positions[i]
    from vesin import NeighborList  # imports torch, which is slow

    neighbour_list = NeighborList(cutoff=cutoff, full_list=True, sorted=True)
    i, j, vectors = neighbour_list.compute(
        points=frame.positions, box=frame.cell, periodic=frame.periodic, quantities="ijD"
    )
    return i.astype(np.int64), j.astype(np.int64), vectors
