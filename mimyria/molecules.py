"""Molecules of a frame: bonds, the molecule of each atom, and formulas."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from mimyria.elements import covalent_radii, symbols_of
from mimyria.frame import Array, Frame
from mimyria.neighbours import neighbour_pairs

BOND_TOLERANCE, LONGEST_BOND = 1.25, 3.0
"""Atoms are bonded if nearer than this times the sum of their covalent radii, and than this, Å."""
UNBONDED = (3, 4, 11, 12, 19, 20, 37, 38, 55, 56, 2, 10, 18, 36, 54)
"""Alkali and alkaline earth ions and rare gases, which form no bonds, however near another atom is."""
LAST_IN_FORMULA = re.findall("[A-Z][a-z]?", "RnXeKrArNeHeBSiCSbAsPNHTeSeSAtIBrClOF")
"""The order of nonmetals in a formula, after IUPAC."""


def find_bonds(frame: Frame) -> tuple[Array, Array, Array]:
    """Return all bonds i, j with the vector from i to j (Å), each in both directions."""
    radii = covalent_radii(frame.numbers)
    i, j, vectors = neighbour_pairs(frame, LONGEST_BOND)
    bonding = ~np.isin(frame.numbers, UNBONDED)
    bonded = np.linalg.norm(vectors, axis=1) < BOND_TOLERANCE * (radii[i] + radii[j])
    bonded &= bonding[i] & bonding[j]
    return i[bonded], j[bonded], vectors[bonded]


def molecules_of(i: Array, j: Array, n_atoms: int) -> Array:
    """Return the index 0, 1, ... of the molecule of each atom, shape (n,), from bonds between i and j.

    Every atom points to one of its molecule, none after itself. Along each bond the later of the two that are pointed
    to is pointed to the earlier, and pointers follow pointers, until all point to the first atom of their molecule.
    """
    first, before = np.arange(n_atoms), np.empty(0, dtype=int)
    while not np.array_equal(first, before):
        before = first.copy()
        np.minimum.at(first, first[i], first[j])
        np.minimum.at(first, first[j], first[i])
        first = first[first]
    return np.unique(first, return_inverse=True)[1]


def formula_of(numbers: Array) -> str:
    """Return a formula such as ``H2O``, ``SO4``, ``NH4``: metals first, then the elements of `LAST_IN_FORMULA`."""
    counts = Counter(symbols_of(numbers))
    metals = sorted(set(counts).difference(LAST_IN_FORMULA))
    ordered = [*metals, *(symbol for symbol in LAST_IN_FORMULA if symbol in counts)]
    return "".join(f"{symbol}{counts[symbol] if counts[symbol] > 1 else ''}" for symbol in ordered)


def composition_of(numbers: Array, molecules: Array) -> str:
    """Return how many molecules there are of each formula, ``31 H2O, 1 SO4``, from the molecule of each atom, (n,)."""
    order = np.argsort(molecules, kind="stable")
    each = np.split(numbers[order], np.flatnonzero(np.diff(molecules[order])) + 1)
    return ", ".join(f"{count} {formula}" for formula, count in Counter(map(formula_of, each)).items())


def find_molecules(frame: Frame) -> tuple[Array, Array]:
    """Return the molecule of each atom, shape (n,), and positions (n, 3), Å, with no molecule split by the boundary."""
    return join(frame, find_bonds(frame))


def bond_tree(i: Array, j: Array, n_atoms: int) -> list[tuple[Array, Array]]:
    """Return the bonds along which molecules are put together: one shell of neighbours after the other, from and to."""
    molecules, shells = molecules_of(i, j, n_atoms), []
    placed = np.zeros(n_atoms, dtype=bool)
    placed[np.unique(molecules, return_index=True)[1]] = True
    while (next_ := np.flatnonzero(placed[i] & ~placed[j])).size:
        children, first = np.unique(j[next_], return_index=True)  # in a ring two bonds lead to one atom
        shells.append((i[next_[first]], children))
        placed[children] = True
    return shells


def nearest_image(vectors: Array, cell: Array, periodic: Array) -> Array:
    """Return vectors (..., 3) to the nearest periodic image, Å.

    They are exact where shorter than half of the smallest distance between the planes of the cell: d·n_k/h_k is then
    within ±1/2 for the normal n_k and the distance h_k of every pair of planes, however sheared the cell.
    """
    repeated = cell * periodic[:, None]  # the pseudo-inverse leaves out what does not repeat
    return np.asarray(vectors - np.round(vectors @ np.linalg.pinv(repeated)) @ repeated)


def put_together(frame: Frame, tree: list[tuple[Array, Array]]) -> Array:
    """Return positions (n, 3), Å, with no molecule split by the boundary, from its `bond_tree` in another frame."""
    whole = frame.positions.copy()
    for parents, children in tree:
        step = frame.positions[children] - frame.positions[parents]
        whole[children] = whole[parents] + nearest_image(step, frame.cell, frame.periodic)
    return whole


def join(frame: Frame, bonds: tuple[Array, Array, Array]) -> tuple[Array, Array]:
    """Return the result of `find_molecules` from known bonds."""
    i, j, vectors = bonds
    molecules = molecules_of(i, j, len(frame))
    whole = frame.positions.copy()
    # One atom of each molecule stays; the others are placed along bonds, one shell of neighbours at a time.
    placed = np.zeros(len(frame), dtype=bool)
    placed[np.unique(molecules, return_index=True)[1]] = True
    while (next_ := placed[i] & ~placed[j]).any():
        whole[j[next_]] = whole[i[next_]] + vectors[next_]
        placed[j[next_]] = True
    return molecules, whole
