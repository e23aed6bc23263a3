"""The motions of molecules as groups: translation, rotation, bends, stretches, each with its part of the velocities.

The velocities of a molecule are split, in every frame anew, so that the parts add up exactly:

    translation    that of the centre of mass
    stretch        the projection on the bonds, see `internal`: all that changes a bond length
    bend           what changes an angle, and no bond length
    torsion        what changes a dihedral angle, and neither angles nor bond lengths
    rotation       the rest: the molecule turns as a rigid body (libration), ω = I⁻¹ L

Stiff coordinates come first, as in nature: soft motions follow paths along which bonds keep their lengths. The kinetic
energies of the five add up at every instant, k_B T/2 for each coordinate, and no geometry of reference is needed, as
it would be for Eckart's frame. Equal bonds of an atom to equal terminal atoms (XY2, XY3, XY4) are split further,

    symmetric q̇_k → Σ_l q̇_l/b          antisymmetric q̇_k → q̇_k - Σ_l q̇_l/b          w = Bᵀ G⁻¹ q̇

and the bonds of a molecule with several kinds of them by elements: what moves C-H and no other bond. Of the angles of a
tetrahedron XY4 that between the bonds k and l has one opposite, between the two others, θ°:

    symmetric θ̇ → (θ̇ + θ̇°)/2, species E, ν2          antisymmetric θ̇ → (θ̇ - θ̇°)/2, species T2, ν4

(G. Herzberg, Infrared and Raman Spectra of Polyatomic Molecules, 1945). Both are bends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mimyria.elements import frame_masses, symbols_of
from mimyria.frame import Array, Frame
from mimyria.molecules import bond_tree, formula_of, molecules_of, put_together
from mimyria.rates.groups import Grouping, the_same
from mimyria.rates.internal import BEND, STRETCH, TORSION, Coordinates, inverse

TRANSLATION, ROTATION = "translation", "rotation"
SYMMETRIC, ANTISYMMETRIC = "symmetric_", "antisymmetric_"
TETRAHEDRON = 5  # atoms
ENDLESS = "motion"
"""The only motion of a network that is bonded to its own images: as a molecule it has neither place nor axes."""

Split = Callable[[Array, Array], Array]
"""Velocities (molecules, n, 3) of parts, shape (parts, molecules, n, 3), from positions (molecules, n, 3) and them."""


@dataclass(frozen=True)
class Kind:
    """Molecules with the same atoms and bonds in the same order."""

    formula: str
    atoms: Array
    """Indices, shape (molecules, n)."""
    masses: Array
    """u, shape (n,)."""
    symbols: tuple[str, ...]
    coordinates: Coordinates
    endless: bool
    """Whether it is bonded to its own images."""


def kinds_of(first: Frame, i: Array, j: Array, vectors: Array) -> list[Kind]:
    """Return the kinds of molecules of a frame, from its bonds (`find_bonds`)."""
    molecules, masses = molecules_of(i, j, len(first)), frame_masses(first)
    whole = put_together(first, bond_tree(i, j, len(first)))
    torn = set(molecules[i[abs(whole[i] + vectors - whole[j]).max(axis=1, initial=0) > 1e-3]].tolist())  # Å
    order = np.argsort(molecules, kind="stable")
    place = np.empty(len(first), dtype=int)
    starts = np.searchsorted(molecules[order], np.arange(molecules.max() + 1))
    place[order] = np.arange(len(first)) - starts[molecules[order]]
    bonds: list[list[tuple[int, int]]] = [[] for _ in starts]
    for a, b in sorted({(int(a), int(b)) for a, b in zip(i, j, strict=True) if a < b}):
        bonds[molecules[a]].append((int(place[a]), int(place[b])))
    alike: dict[tuple[Any, ...], list[Array]] = {}
    for number, atoms in enumerate(np.split(order, starts[1:])):
        isotopes = tuple(np.round(masses[atoms], 1))
        alike.setdefault((tuple(first.numbers[atoms]), isotopes, tuple(bonds[number]), number in torn), []).append(
            atoms
        )
    return [
        Kind(
            formula_of(np.array(numbers)),
            np.array(atoms),
            masses[atoms[0]],
            tuple("D" if z == "H" and m > 1.5 else z for z, m in zip(symbols_of(np.array(numbers)), of, strict=True)),
            Coordinates.of(() if endless else its, whole[np.array(atoms)]),
            endless,
        )
        for (numbers, of, its, endless), atoms in alike.items()
    ]


def stretches(kind: Kind) -> dict[str, Array]:
    """Return by name the matrices, (bonds, bonds), that pick the stretches of a molecule; they add up to one."""
    bonds = kind.coordinates.bonds
    ends: list[list[int]] = [[] for _ in kind.masses]
    for number, (a, b) in enumerate(bonds):
        ends[a].append(number)
        ends[b].append(number)

    def label(a: int, b: int) -> str:
        """The atom with more neighbours first, hydrogen last."""
        key = {c: (-len(ends[c]), kind.symbols[c] in "HD", kind.symbols[c]) for c in (a, b)}
        return "".join(kind.symbols[c] for c in sorted((a, b), key=key.__getitem__))

    labels = [label(*bond) for bond in bonds]
    picked: dict[str, Array] = {}
    for number, (a, b) in enumerate(bonds):
        centre = a if len(ends[a]) > 1 else b
        terminal = [
            other
            for other in ends[centre]
            if labels[other] == labels[number] and min(len(ends[c]) for c in bonds[other]) == 1
        ]
        equal = len(terminal) > 1 and number in terminal
        prefix = f"{labels[number]}_" if len(set(labels)) > 1 else ""
        mean = np.zeros(len(bonds))
        mean[terminal] = 1 / max(len(terminal), 1)
        itself = np.eye(len(bonds))[number]
        for name, row in ((SYMMETRIC, mean), (ANTISYMMETRIC, itself - mean)) if equal else (("", itself),):
            matrix = picked.setdefault(f"{prefix}{name}{STRETCH}", np.zeros((len(bonds), len(bonds))))
            matrix[number] += row
    return picked


def bends(kind: Kind) -> dict[str, Array]:
    """Return by name the matrices, (angles, angles), that pick the bends of a tetrahedron XY4; none of another."""
    angles = kind.coordinates.angles
    if len(kind.masses) != TETRAHEDRON or len(angles) != 6 or len({angle[1] for angle in angles}) > 1:
        return {}
    ends = [{first, last} for first, _, last in angles]
    if len({kind.symbols[end] for pair in ends for end in pair}) > 1:
        return {}
    one, opposite = np.eye(6), np.array([[float(not a & b) for b in ends] for a in ends])
    return {f"{SYMMETRIC}{BEND}": (one + opposite) / 2, f"{ANTISYMMETRIC}{BEND}": (one - opposite) / 2}


def motions(kind: Kind) -> tuple[list[str], Split]:
    """Return the names of the motions of a kind of molecules, the softest first, and the function that splits them."""
    if kind.endless:
        return [ENDLESS], _undivided
    if len(kind.masses) == 1:
        return [TRANSLATION], _undivided
    stretching, bending = stretches(kind), bends(kind)
    softer = [name for name in (TORSION, BEND) if name in kind.coordinates.classes]
    names = [TRANSLATION, ROTATION, *(bending or softer), *stretching]
    return names, partial(_split, kind, stretching, bending, softer)


def _undivided(positions: Array, velocities: Array) -> Array:
    return np.asarray(velocities[None])


def _split(
    kind: Kind,
    stretching: Mapping[str, Array],
    bending: Mapping[str, Array],
    softer: Sequence[str],
    positions: Array,
    velocities: Array,
) -> Array:
    """Return translation, rotation, the ``softer`` motions and the stretches; matrices pick stretches and bends.

    A molecule that has matrices for its bends has no torsions.
    """
    root = np.sqrt(kind.masses)[:, None]
    centre = np.einsum("n,mnx->mx", kind.masses, velocities)[:, None] / kind.masses.sum()
    moving = (root * (velocities - centre)).reshape(len(velocities), -1, 1)
    rows = kind.coordinates.rows(positions, kind.masses)
    bonds = rows[STRETCH]
    stretched = _picked(stretching, bonds, moving)
    done, held = sum(stretched.values(), np.zeros_like(moving)), bonds
    soft: dict[str, Array] = {}
    if bending:  # by rows that leave the bonds as they are: those of the angles less their projections on the bonds
        free = rows[BEND] - (rows[BEND] @ bonds.swapaxes(1, 2)) @ inverse(bonds) @ bonds
        soft = _picked(bending, free, moving)
        done = done + sum(soft.values())
    else:
        for name in reversed(softer):
            held = np.concatenate([held, rows[name]], axis=1)
            projected = held.swapaxes(1, 2) @ (inverse(held) @ (held @ moving))
            soft, done = {name: projected - done} | soft, projected
    split = [part.reshape(velocities.shape) / root for part in (moving - done, *soft.values(), *stretched.values())]
    return np.array([np.broadcast_to(centre, velocities.shape), *split])


def _picked(picked: Mapping[str, Array], rows: Array, moving: Array) -> dict[str, Array]:
    """Return Bᵀ G⁻¹ M B w of each matrix M, w (molecules, 3n, 1), from the rows B."""
    duals, rates = rows.swapaxes(1, 2) @ inverse(rows), rows @ moving
    return {name: duals @ (matrix @ rates) for name, matrix in picked.items()}


def by_motion(first: Frame, bonds: tuple[Array, Array, Array]) -> Grouping:
    """Return the motions of all molecules of a frame as groups, named as ``H2O_bend``, from its bonds."""
    kinds = kinds_of(first, *bonds)
    return grouping_of(first, kinds, bond_tree(bonds[0], bonds[1], len(first)), [motions(kind) for kind in kinds])


def grouping_of(
    first: Frame,
    kinds: Sequence[Kind],
    tree: list[tuple[Array, Array]],
    found: Sequence[tuple[list[str], Split]],
    *,
    distinct: bool = False,
) -> Grouping:
    """Return the groups of motions from their names and splits of every kind, and the `bond_tree`.

    Kinds of one formula, whose atoms have another order or are other isotopes, share their names unless ``distinct``.
    """
    prefixes = [kind.formula for kind in kinds]
    if distinct:
        earlier = [prefixes[:k].count(formula) for k, formula in enumerate(prefixes)]
        prefixes = [f"{name}-{k + 1}" if k else name for name, k in zip(prefixes, earlier, strict=True)]
    names = [f"{prefix}_{name}" for prefix, (of_kind, _) in zip(prefixes, found, strict=True) for name in of_kind]
    weights = np.zeros((len(names), len(first)))
    of_kinds = np.repeat(np.arange(len(kinds)), [len(of_kind) for of_kind, _ in found])
    for row, kind in zip(weights, of_kinds, strict=True):
        row[kinds[int(kind)].atoms] = 1
    return Grouping(tuple(names), partial(the_same, weights), parts=partial(_parts, kinds, tree, found))


def _parts(
    kinds: Sequence[Kind],
    tree: list[tuple[Array, Array]],
    found: Sequence[tuple[list[str], Split]],
    frame: Frame,
    velocities: Array,
) -> Array:
    """Return the parts of the velocities of a frame in all motions of all kinds of molecules."""
    whole = put_together(frame, tree)
    split = np.zeros((sum(len(of_kind) for of_kind, _ in found), *velocities.shape))
    start = 0
    for kind, (of_kind, function) in zip(kinds, found, strict=True):
        split[start : start + len(of_kind), kind.atoms] = function(whole[kind.atoms], velocities[kind.atoms])
        start += len(of_kind)
    return split
