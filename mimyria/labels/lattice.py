"""The cells that are computed: of all that describe one lattice, the one with the shortest vectors.

A cell is periodic at one k-point, and its polarization a Berry phase between opposite faces: both are as good as these
are far apart. A sheared cell, which describes the same lattice, has them nearer, and its forces in a field differ.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations, product

import numpy as np

from mimyria.frame import Array, Frame

log = logging.getLogger("mimyria")

NARROW = 9.0
"""Å between lattice planes; below, images spoil the tensors visibly."""
ALIKE = 1e-6
"""Relative difference of lengths below which they are the same."""
SUMS = np.array([v for v in product((1, 0, -1), repeat=3) if v > (0, 0, 0)])
"""The thirteen sums and differences of three vectors, one of each pair ±."""
BASES = np.array([three for three in combinations(range(13), 3) if abs(round(np.linalg.det(SUMS[list(three)]))) == 1])
"""Which three of them describe the same lattice."""


def reduced(frame: Frame) -> Frame:
    """Return a frame whose cell has the shortest vectors of its lattice, and of equally short ones the widest planes.

    In three dimensions a cell is Minkowski-reduced if no sums and differences of its vectors are shorter, so it takes
    these until none are. Directions and positions stay as they are, and so does a cell that is reduced already.
    """
    if not frame.periodic.all() or frame.volume == 0:
        return frame
    cell, shorter = frame.cell, True
    while shorter:
        bases = (SUMS @ cell)[BASES]
        lengths = np.linalg.norm(bases, axis=2).sum(axis=1)
        widest = max(bases[lengths < (1 + ALIKE) * lengths.min()], key=_planes)
        shorter = bool(lengths.min() < (1 - ALIKE) * np.linalg.norm(cell, axis=1).sum())
        cell = widest if shorter or _planes(widest) > (1 + ALIKE) * _planes(cell) else cell
    if cell is frame.cell:
        return frame
    return replace(frame, cell=cell * np.sign(np.linalg.det(cell) * np.linalg.det(frame.cell)))


def _planes(cell: Array) -> float:
    """Return the smallest distance between opposite faces of a cell, Å."""
    return float(1 / np.linalg.norm(np.linalg.inv(cell), axis=0).max())


def width(frame: Frame) -> float:
    """Return the smallest distance between opposite faces of the cell, Å; infinite where it is not periodic."""
    if not frame.periodic.any():
        return np.inf
    return _planes(np.where(frame.periodic[:, None], frame.cell, np.eye(3) * 1e9))


def warn_of_narrow(frames: Iterable[Frame]) -> None:
    """Warn once if lattice planes of the cells that are computed are too near each other."""
    widths = np.array([width(reduced(frame)) for frame in frames])
    narrow = int((widths < NARROW).sum())
    if narrow:
        log.warning(
            f"{narrow} of {len(widths)} cells have lattice planes {widths.min():.1f} Å apart, less than {NARROW:g} Å: "
            "what an atom does in the field reaches its own images, and its tensors are not those of a larger system; "
            "label a larger cell"
        )
