"""`Grouping`: a partition of the atoms into named groups, whose contributions add up to the total.

Its functions can be pickled, so that other processes make the same groups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import scipy

from mimyria.elements import symbols_of
from mimyria.errors import SpectrumError
from mimyria.frame import Array, Frame
from mimyria.molecules import formula_of
from mimyria.neighbours import neighbour_pairs

GroupWeights = Any
"""How much of each atom belongs to each group: an array of numpy or of scipy.sparse, shape (groups, atoms)."""
REST = "rest"
"""Name of the group of the atoms in no selection."""
SOLUTE, SHELL, BULK = "solute", "shell", "bulk"


@dataclass(frozen=True)
class Grouping:
    """A partition of the atoms into named groups, whose contributions add up to the total."""

    names: tuple[str, ...]
    """One for each group. Groups of one name are molecules of one kind: their rates are kept apart for the
    intramolecular terms, and summed everywhere else."""
    weights: Callable[[Frame], GroupWeights]
    """Of a frame, shape (groups, atoms); the weights of an atom add up to one."""
    share: Array | None = None
    """One over the number of atoms of an atom's molecule, shape (n,), if groups hold whole molecules, else None."""
    parts: Callable[[Frame, Array], Array] | None = None
    """Where groups are motions, not atoms: the part of each of the velocities (n, 3) of a frame, (groups, n, 3); they
    add up to these. The weights then say whose motion it is. None for groups of atoms."""
    centres: Callable[[Frame], Array] | None = None
    """Of a frame, the centres of mass of single molecules that are the groups, Å, shape (groups, 3); or None."""
    masses: Array | None = None
    """Of these where they are the molecules of a slab, u, shape (groups,)."""
    normal: str = ""
    """Of the slab."""

    @classmethod
    def by_species(cls, numbers: Array) -> Grouping:
        """Return one group for each chemical element, in the order of first appearance."""
        present, first = np.unique(numbers, return_index=True)
        present = present[np.argsort(first)]
        weights = (present[:, None] == numbers).astype(float)
        return cls(tuple(symbols_of(present)), partial(the_same, weights))

    @classmethod
    def whole(cls, numbers: Array) -> Grouping:
        """Return one group of all atoms."""
        return cls(("all",), partial(the_same, np.ones((1, len(numbers)))))

    @classmethod
    def by_molecule(cls, numbers: Array, molecules: Array, centres: Callable[[Frame], Array] | None = None) -> Grouping:
        """Return one group for each molecule, named by its formula.

        ``numbers`` are atomic numbers, ``molecules`` the index 0, 1, ... of each atom's molecule, both of shape (n,);
        ``centres`` are as in `Grouping`.
        """
        ends = np.cumsum(np.bincount(molecules))[:-1]
        names = tuple(map(formula_of, np.split(numbers[np.argsort(molecules, kind="stable")], ends)))
        weights = scipy.sparse.csr_array((np.ones(len(numbers)), (molecules, np.arange(len(numbers)))))
        return cls(names, partial(the_same, weights), share_of_molecule(molecules), centres=centres)

    @classmethod
    def by_selection(cls, names: Sequence[str], select: Callable[[Frame], Array], *, rest: bool) -> Grouping:
        """Return one group for each selection and, with ``rest``, the group `REST` of the atoms in none.

        ``select`` tells which atoms of a frame each selection holds, shape (selections, n), bool.
        """
        weights = partial(_weights_of_selections, tuple(names), select, rest)
        return cls((*names, REST) if rest else tuple(names), weights)

    @classmethod
    def shells(
        cls,
        numbers: Array,
        molecules: Array,
        select: Callable[[Frame], Array],
        radii: Sequence[float],
        apart: Sequence[str] = (),
    ) -> Grouping:
        """Return the molecules of selected atoms, those in the shells around them, and the bulk, anew in every frame.

        A molecule belongs to the first shell whose radius (Å, ascending) reaches one of its heavy atoms, or any atom if
        it has no heavy one, from the nearest selected atom across periodic boundaries. ``select`` tells the selected
        atoms of a frame and, in further rows, those whose molecules are groups of their own, named ``apart``, wherever
        they are; shape (1 + apart, n), bool.
        """
        shells = [SHELL] if len(radii) == 1 else [f"{SHELL}{k}" for k in range(1, len(radii) + 1)]
        names = (SOLUTE, *apart, *shells, BULK)
        heavy = numbers > 1
        only_light = np.bincount(molecules, heavy) == 0
        weights = partial(_weights_of_shells, names, molecules, heavy | only_light[molecules], select, tuple(radii))
        return cls(names, weights, share_of_molecule(molecules))

    @property
    def group_names(self) -> tuple[str, ...]:
        """The names, each once."""
        return tuple(dict.fromkeys(self.names))

    def counts(self, weights: GroupWeights) -> Array:
        """Return how many molecules, or atoms if groups need not hold whole molecules, each group name has."""
        share = np.ones(weights.shape[1]) if self.share is None else self.share
        return summed_by_name(self.names, (weights @ share)[None])[0]


def the_same(weights: GroupWeights, frame: Frame) -> GroupWeights:
    """Return the weights, of whatever frame."""
    return weights


def _weights_of_selections(names: Sequence[str], select: Callable[[Frame], Array], rest: bool, frame: Frame) -> Array:
    inside = select(frame)
    n_selections = _once(names, inside, frame)
    return np.concatenate([inside, [n_selections == 0]] if rest else [inside]).astype(float)


def _once(names: Sequence[str], inside: Array, frame: Frame) -> Array:
    """Return how many groups hold each atom, (n,); raise a SpectrumError if several hold one; (groups, n), bool."""
    n_selections: Array = inside.sum(axis=0)
    if n_selections.max() > 1:
        atom = int(n_selections.argmax())
        both = " and ".join(name for name, holds in zip(names, inside[:, atom], strict=False) if holds)
        raise SpectrumError(
            f"frame at {frame.time or 0:g} fs: atom {frame.in_file(atom)} is in the groups {both}; "
            "add `and not (...)` to one of their selections"
        )
    return n_selections


def _weights_of_shells(
    names: Sequence[str],
    molecules: Array,
    counts: Array,
    select: Callable[[Frame], Array],
    radii: Sequence[float],
    frame: Frame,
) -> Array:
    """Return the weights of the groups of `shells`; ``counts`` are the atoms whose distances count, (n,), bool."""
    inside = select(frame)
    # Pairs are sought among the atoms that matter only: in water, a third of all, and a ninth of the pairs.
    kept = np.flatnonzero(inside[0] | counts)
    part = replace(frame, numbers=frame.numbers[kept], positions=frame.positions[kept])
    i, j, vectors = neighbour_pairs(part, radii[-1])
    pairs = inside[0][kept[i]] & counts[kept[j]]
    nearest = np.full(int(molecules.max()) + 1, np.inf)
    np.minimum.at(nearest, molecules[kept[j[pairs]]], np.linalg.norm(vectors[pairs], axis=1))
    group = len(inside) + np.searchsorted(radii, nearest)
    whole = np.array([(np.bincount(molecules, row) > 0)[molecules] for row in inside])
    _once(names, whole, frame)
    for k, row in enumerate(whole):
        group[molecules[row]] = k
    return (np.arange(len(names))[:, None] == group[molecules]).astype(float)


def share_of_molecule(molecules: Array) -> Array:
    """Return one over the number of atoms of each atom's molecule, shape (n,)."""
    share: Array = 1 / np.bincount(molecules)[molecules]
    return share


def summed_by_name(names: Sequence[str], values: Array) -> Array:
    """Return values (t, groups, ...) summed over groups of one name, in the order of first appearance."""
    group_names = list(dict.fromkeys(names))
    if len(group_names) == len(names):
        return values
    place = np.array([group_names.index(name) for name in names])
    return np.stack([values[:, place == k].sum(axis=1) for k in range(len(group_names))], axis=1)


def largest_by_name(names: Sequence[str], weights: GroupWeights, values: Array) -> Array:
    """Return the largest of the non-negative values (n,) of the atoms in the groups of each name, shape (names,)."""
    largest = (weights * values).max(axis=1)
    if not isinstance(weights, np.ndarray):
        largest = largest.toarray().ravel()
    return np.array([max(largest[k] for k, one in enumerate(names) if one == name) for name in dict.fromkeys(names)])
