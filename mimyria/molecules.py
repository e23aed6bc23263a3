"""Bonds and molecules of a frame, found by distances, in any cell."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mimyria.elements import covalent_radii
from mimyria.frame import Array, Frame
from mimyria.neighbours import neighbour_pairs

BOND = 1.25
"""Atoms nearer than this times the sum of their covalent radii are bonded."""
LONGEST_BOND = 3.0
"""Å."""
ALONE = frozenset({3, 4, 11, 12, 19, 20, 37, 38, 55, 56, 2, 10, 18, 36, 54})
"""Atomic numbers of alkali and alkaline earth ions and of rare gases: they bond with nothing, however near."""


def find_bonds(frame: Frame) -> tuple[Array, Array, Array]:
    """Return all bonds i, j and the vectors from i to j (Å), each in both directions."""
    radii = covalent_radii(frame.numbers)
    i, j, vectors = neighbour_pairs(frame, LONGEST_BOND)
    alone = np.isin(frame.numbers, list(ALONE))
    bonded = np.linalg.norm(vectors, axis=1) < BOND * (radii[i] + radii[j])
    bonded &= ~alone[i] & ~alone[j]
    return i[bonded], j[bonded], vectors[bonded]


def find_molecules(frame: Frame) -> tuple[Array, Array]:
    """Return the molecule of each atom, shape (n,), and positions (Å, (n, 3)) at which every molecule is whole."""
    return join(frame, find_bonds(frame))


def join(frame: Frame, bonds: tuple[Array, Array, Array]) -> tuple[Array, Array]:
    """Return what `find_molecules` does, from bonds of `find_bonds`."""
    i, j, vectors = bonds
    table = coo_array((np.ones(len(i)), (i, j)), shape=(len(frame), len(frame)))
    _, molecules = connected_components(table, directed=False)
    whole = frame.positions.copy()
    placed = np.zeros(len(frame), dtype=bool)
    placed[np.unique(molecules, return_index=True)[1]] = True
    while (next_ := placed[i] & ~placed[j]).any():
        whole[j[next_]] = whole[i[next_]] + vectors[next_]
        placed[j[next_]] = True
    return molecules, whole
