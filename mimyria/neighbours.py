"""Pairs of near atoms, in any cell."""

from __future__ import annotations

import numpy as np

from mimyria.frame import Array, Frame


def neighbour_pairs(frame: Frame, cutoff: float) -> tuple[Array, Array, Array]:
    """Return all pairs i, j with the vector from i to j (Å) shorter than the cutoff, every periodic image a pair.

    Any cell and any number of images; each pair in both directions, sorted by i.
    """
    from vesin import NeighborList  # brings torch along, which is slow to import

    neighbour_list = NeighborList(cutoff=cutoff, full_list=True, sorted=True)
    i, j, vectors = neighbour_list.compute(
        points=frame.positions, box=frame.cell, periodic=frame.periodic, quantities="ijD"
    )
    return i.astype(np.int64), j.astype(np.int64), vectors
