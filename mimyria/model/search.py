"""Who is near whom in a frame, compiled: atoms are sorted into the cells of a grid, and look into those around.

It takes less than looking whether the neighbours of the frame before are still the same, and a frame's result depends
on no other frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mimyria.frame import Array, Frame
from mimyria.model import compiled
from mimyria.model.nearby import lattice_of
from mimyria.neighbours import neighbour_pairs

PAIRS = 128
"""An atom, for which room is made at first."""
FEWEST = 16
"""Neighbours that an atom is counted with at least: it takes memory itself."""
MARGIN = 1.05
"""More atoms than will probably fit are tried, for those that do not are few."""
MOST_CELLS = 2**20
"""Along an axis: atoms may be so far apart that the number of all cells would be no whole number of 64 bits."""


class Pairs(NamedTuple):
    """All pairs of a frame, in both directions, sorted by the first atom."""

    ends: Array  # number of pairs up to the last of each atom, (n,)
    second: Array  # (pairs,)
    vectors: Array  # from the first to the second, Å, (pairs, 3)


class Grid(NamedTuple):
    """The atoms of a frame in the cells of a grid, as `pairs_within` of kernels.c takes them."""

    points: Array  # moved into the cell, Å, (n, 3)
    lattice: Array  # Å, (3, 3)
    periodic: Array  # whole numbers, (3,)
    cells: Array  # along each axis, (3,)
    reach: Array  # how many cells away a neighbour may be, (3,)
    cell_of: Array  # of each atom, (n, 3)
    ranked: Array  # the atoms in the order of the cells, (n,)
    begins: Array  # where those of each cell begin, (all cells + 1,)


def pairs_of(frame: Frame, cutoff: float) -> Pairs:
    """Return all pairs nearer than the cutoff, Å; as `neighbour_pairs`, the order of an atom's neighbours aside."""
    if (grid := grid_of(frame, cutoff)) is not None:
        return _all_pairs(grid, np.arange(len(frame)), cutoff)
    i, second, vectors = neighbour_pairs(frame, cutoff)
    return Pairs(np.bincount(i, minlength=len(frame)).cumsum(), second, vectors)


def stretches_of(grid: Grid, cutoff: float, most: int) -> Iterator[tuple[Array, Pairs]]:
    """Yield the atoms by and by, those together that lie together, with their pairs.

    As many at a time as would have at most so many pairs if each had as many as the one that has most, or a single one.
    """
    start, number = 0, most // PAIRS + 1
    while start < len(grid.ranked):
        atoms = grid.ranked[start : start + number]
        ends, second, vectors = _pairs(grid, atoms, cutoff, most)
        widths = np.maximum.accumulate(np.maximum(np.diff(ends, prepend=0), FEWEST))
        fit = int(np.searchsorted(widths * np.arange(1, len(atoms) + 1), most, side="right"))
        if not fit:
            fit = 1
            ends, second, vectors = _all_pairs(grid, atoms[:1], cutoff)
        yield atoms[:fit], Pairs(ends[:fit], second[: ends[fit - 1]], vectors[: ends[fit - 1]])
        start += fit
        number = int(MARGIN * most / widths[fit - 1]) + 1  # will probably fit


def _all_pairs(grid: Grid, atoms: Array, cutoff: float) -> Pairs:
    ends, second, vectors = _pairs(grid, atoms, cutoff, PAIRS * len(atoms))
    if ends[-1] > len(second):
        ends, second, vectors = _pairs(grid, atoms, cutoff, int(ends[-1]))
    return Pairs(ends, second[: ends[-1]], vectors[: ends[-1]])


def _pairs(grid: Grid, atoms: Array, cutoff: float, room: int) -> Pairs:
    """Return as many pairs of some atoms as there is room for; the ends are counted beyond."""
    ends, second, vectors = np.empty(len(atoms), np.int64), np.empty(room, np.int64), np.empty((room, 3))
    compiled.call("pairs_within", atoms, len(atoms), *grid, float(cutoff), room, second, vectors, ends)
    return Pairs(ends, second, vectors)


def grid_of(frame: Frame, cutoff: float) -> Grid | None:
    """Return the grid of a frame; None where nothing is compiled, or atoms or cell are none that have one."""
    if not len(frame) or not compiled.available() or not np.isfinite(frame.positions).all():
        return None
    lattice = np.ascontiguousarray(lattice_of(frame), dtype=np.float64)
    if abs(np.linalg.det(lattice)) <= 1e-6:
        return None
    periodic = np.asarray(frame.periodic, dtype=bool)
    inverse = np.linalg.inv(lattice)
    places = frame.positions @ inverse
    places -= np.floor(places) * periodic
    low = np.where(periodic, 0.0, places.min(0))
    span = np.where(periodic, 1.0, places.max(0) - low)
    # planes of two lattice vectors are 1/|b| apart, b the third inverse
    widths = span / np.linalg.norm(inverse, axis=0)
    cells = np.clip(widths // cutoff, 1, MOST_CELLS).astype(np.int64)
    while cells.prod() > 8 * len(frame):  # much more vacuum than matter
        cells[cells.argmax()] //= 2
    reach = np.ceil(1.000001 * cutoff * cells / np.maximum(widths, 1e-9))
    reach = np.where(periodic, reach, np.minimum(reach, cells - 1)).astype(np.int64)
    cell_of = np.minimum(((places - low) * (cells / np.maximum(span, 1e-12))).astype(np.int64), cells - 1)
    number = (cell_of[:, 0] * cells[1] + cell_of[:, 1]) * cells[2] + cell_of[:, 2]
    begins = np.concatenate([[0], np.bincount(number, minlength=cells.prod()).cumsum()])
    ranked = number.argsort(kind="stable")
    return Grid(places @ lattice, lattice, periodic.astype(np.int64), cells, reach, cell_of, ranked, begins)
