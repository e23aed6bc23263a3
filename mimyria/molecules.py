"""Molecules of a frame: which atoms are bonded, which molecule an atom belongs to, and the formula of each."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mimyria.elements import covalent_radii, symbols_of
from mimyria.frame import Array, Frame
from mimyria.neighbours import neighbour_pairs

BOND = 1.25
"""Atoms nearer than this times the sum of their covalent radii are bonded."""
LONGEST_BOND = 3.0
"""Å."""
ALONE = frozenset({3, 4, 11, 12, 19, 20, 37, 38, 55, 56, 2, 10, 18, 36, 54})
"""Atomic numbers of alkali and alkaline earth ions and of rare gases: they bond with nothing, however near."""
LAST_IN_FORMULA = re.findall("[A-Z][a-z]?", "RnXeKrArNeHeBSiCSbAsPNHTeSeSAtIBrClOF")
"""The order of the nonmetals in a formula, as IUPAC has it."""


def find_bonds(frame: Frame) -> tuple[Array, Array, Array]:
    """Return all bonds i, j with the vector from i to j (Å), each in both directions."""
    radii = covalent_radii(frame.numbers)
    i, j, vectors = neighbour_pairs(frame, LONGEST_BOND)
    alone = np.isin(frame.numbers, list(ALONE))
    bonded = np.linalg.norm(vectors, axis=1) < BOND * (radii[i] + radii[j])
    bonded &= ~alone[i] & ~alone[j]
    return i[bonded], j[bonded], vectors[bonded]


def molecules_of(i: Array, j: Array, n_atoms: int) -> Array:
    """Return the number 0, 1, ... of the molecule of each atom, shape (n,), for bonds between i and j."""
    bonds = coo_array((np.ones(len(i)), (i, j)), shape=(n_atoms, n_atoms))
    _, molecules = connected_components(bonds, directed=False)
    numbers: Array = molecules
    return numbers


def formula_of(numbers: Array) -> str:
    """Return a formula such as ``H2O``, ``SO4``, ``NH4``: metals first, then the elements of `LAST_IN_FORMULA`."""
    counts = Counter(symbols_of(numbers))
    metals = sorted(set(counts).difference(LAST_IN_FORMULA))
    ordered = [*metals, *(symbol for symbol in LAST_IN_FORMULA if symbol in counts)]
    return "".join(f"{symbol}{counts[symbol] if counts[symbol] > 1 else ''}" for symbol in ordered)


def find_molecules(frame: Frame) -> tuple[Array, Array]:
    """Return the molecule of each atom, shape (n,), and positions (Å, (n, 3)) at which every molecule is whole."""
    return join(frame, find_bonds(frame))


def join(frame: Frame, bonds: tuple[Array, Array, Array]) -> tuple[Array, Array]:
    """Return what `find_molecules` does, from bonds of `find_bonds`."""
    i, j, vectors = bonds
    molecules = molecules_of(i, j, len(frame))
    whole = frame.positions.copy()
    placed = np.zeros(len(frame), dtype=bool)
    placed[np.unique(molecules, return_index=True)[1]] = True
    while (next_ := placed[i] & ~placed[j]).any():
        whole[j[next_]] = whole[i[next_]] + vectors[next_]
        placed[j[next_]] = True
    return molecules, whole
