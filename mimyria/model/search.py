"""Who is near whom in a frame, compiled: atoms are sorted into the cells of a grid, and look into those around.

It takes less than looking whether the neighbours of the frame before are still the same, and a frame's result depends
on no other frame.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mimyria.frame import Array, Frame
from mimyria.model import compiled
from mimyria.model.nearby import lattice_of
from mimyria.neighbours import neighbour_pairs

PAIRS = 128
"""An atom, for which room is made at first."""
MOST_CELLS = 2**20
"""Along an axis: atoms may be so far apart that the number of all cells would be no whole number of 64 bits."""


class Pairs(NamedTuple):
    """All pairs of a frame, in both directions, sorted by the first atom."""

    ends: Array  # number of pairs up to the last of each atom, (n,)
    second: Array  # (pairs,)
    vectors: Array  # from the first to the second, Å, (pairs, 3)


def pairs_of(frame: Frame, cutoff: float) -> Pairs:
    """Return all pairs nearer than the cutoff, Å; as `neighbour_pairs`, the order of an atom's neighbours aside."""
    if len(frame) and compiled.available() and np.isfinite(frame.positions).all():
        lattice = np.ascontiguousarray(lattice_of(frame), dtype=np.float64)
        if abs(np.linalg.det(lattice)) > 1e-6:
            return _by_grid(frame, lattice, cutoff)
    i, second, vectors = neighbour_pairs(frame, cutoff)
    return Pairs(np.bincount(i, minlength=len(frame)).cumsum(), second, vectors)


def _by_grid(frame: Frame, lattice: Array, cutoff: float) -> Pairs:
    n, periodic = len(frame), np.asarray(frame.periodic, dtype=bool)
    inverse = np.linalg.inv(lattice)
    places = frame.positions @ inverse
    places -= np.floor(places) * periodic
    low = np.where(periodic, 0.0, places.min(0))
    span = np.where(periodic, 1.0, places.max(0) - low)
    # planes of two lattice vectors are 1/|b| apart, b the third inverse
    widths = span / np.linalg.norm(inverse, axis=0)
    cells = np.clip(widths // cutoff, 1, MOST_CELLS).astype(np.int64)
    while cells.prod() > 8 * n:  # much more vacuum than matter
        cells[cells.argmax()] //= 2
    reach = np.ceil(1.000001 * cutoff * cells / np.maximum(widths, 1e-9))
    reach = np.where(periodic, reach, np.minimum(reach, cells - 1)).astype(np.int64)
    cell_of = np.minimum(((places - low) * (cells / np.maximum(span, 1e-12))).astype(np.int64), cells - 1)
    number = (cell_of[:, 0] * cells[1] + cell_of[:, 1]) * cells[2] + cell_of[:, 2]
    begins = np.concatenate([[0], np.bincount(number, minlength=cells.prod()).cumsum()])
    points, ends, room = places @ lattice, np.empty(n, dtype=np.int64), PAIRS * n
    for _ in range(2):  # again where there was too little room
        second, vectors = np.empty(room, dtype=np.int64), np.empty((room, 3))
        grid = (periodic.astype(np.int64), cells, reach, cell_of, number.argsort(kind="stable"), begins)
        compiled.call("pairs_within", points, n, lattice, *grid, float(cutoff), room, second, vectors, ends)
        if ends[-1] <= room:
            break
        room = int(ends[-1])
    return Pairs(ends, second[: ends[-1]], vectors[: ends[-1]])
