"""`Grouping`: a partition of the atoms into named groups, whose contributions add up to the total."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from mimyria.elements import symbols_of
from mimyria.errors import SpectrumError
from mimyria.frame import Array, Frame
from mimyria.molecules import formula_of
from mimyria.neighbours import neighbour_pairs

GroupWeights = Any
"""An array of numpy or of scipy.sparse, shape (groups, atoms)."""
REST = "rest"
"""The atoms that no selection names."""
SOLUTE, SHELL, BULK = "solute", "shell", "bulk"


@dataclass(frozen=True)
class Grouping:
    """A partition of the atoms into named groups, whose contributions add up to the total.

    Parameters
    ----------
    names
        One name a group. Groups of the same name are molecules of one kind: they are kept apart for what each of them
        does by itself, and added up everywhere else.
    weights
        Of a frame, shape (groups, atoms): how much of an atom belongs to a group; each atom's parts add up to one.
    share
        How much of a molecule an atom is, shape (n,), where groups hold whole molecules; None where they need not.
    """

    names: tuple[str, ...]
    weights: Callable[[Frame], GroupWeights]
    share: Array | None = None

    @classmethod
    def fixed(cls, names: tuple[str, ...], weights: Array) -> Grouping:
        """Return groups whose weights, shape (groups, atoms), are the same in every frame."""
        return cls(names, lambda frame: weights)

    @classmethod
    def by_species(cls, numbers: Array) -> Grouping:
        """Return one group for each chemical element, in the order of first appearance."""
        present, first = np.unique(numbers, return_index=True)
        present = present[np.argsort(first)]
        return cls.fixed(tuple(symbols_of(present)), (present[:, None] == numbers).astype(float))

    @classmethod
    def whole(cls, numbers: Array) -> Grouping:
        """Return one group of all atoms."""
        return cls.fixed(("all",), np.ones((1, len(numbers))))

    @classmethod
    def by_molecule(cls, numbers: Array, molecules: Array) -> Grouping:
        """Return one group for each molecule, named by its formula.

        Parameters
        ----------
        numbers
            Atomic numbers, shape (n,).
        molecules
            Number 0, 1, ... of the molecule of each atom, shape (n,).
        """
        names = tuple(formula_of(numbers[molecules == one]) for one in range(int(molecules.max()) + 1))
        weights = csr_array((np.ones(len(numbers)), (molecules, np.arange(len(numbers)))))
        return cls(names, lambda frame: weights, share_of_molecule(molecules))

    @classmethod
    def by_selection(cls, names: Sequence[str], select: Callable[[Frame], Array], *, rest: bool) -> Grouping:
        """Return one group for each selection, and `REST` for the atoms in none.

        Parameters
        ----------
        names
            One name a selection.
        select
            Of a frame, shape (selections, n), bool: which atoms each selection holds.
        rest
            Whether there may be atoms in none.
        """

        def weights(frame: Frame) -> Array:
            inside = select(frame)
            times = inside.sum(axis=0)
            if times.max() > 1:
                atom = int(times.argmax())
                both = " and ".join(name for name, there in zip(names, inside[:, atom], strict=True) if there)
                raise SpectrumError(
                    f"frame at {frame.time or 0:g} fs: atom {atom} is in the groups {both}; "
                    "add `and not (...)` to one of their selections"
                )
            return np.concatenate([inside, [times == 0]] if rest else [inside]).astype(float)

        return cls((*names, REST) if rest else tuple(names), weights)

    @classmethod
    def shells(
        cls, numbers: Array, molecules: Array, select: Callable[[Frame], Array], radii: Sequence[float]
    ) -> Grouping:
        """Return the molecules of selected atoms, those around them shell by shell, and the bulk, in every frame anew.

        A molecule belongs to the first shell in whose radius one of its heavy atoms (where it has none, any atom) is
        from a selected atom, over periodic boundaries.

        Parameters
        ----------
        numbers, molecules
            See `by_molecule`.
        select
            Of a frame, shape (n,), bool.
        radii
            Å, ascending.
        """
        one = len(radii) == 1
        names = (SOLUTE, *(SHELL if one else f"{SHELL}{k}" for k in range(1, len(radii) + 1)), BULK)
        heavy = numbers > 1
        light = np.bincount(molecules, heavy) == 0
        counts = heavy | light[molecules]

        def weights(frame: Frame) -> Array:
            chosen = select(frame)
            kept = np.flatnonzero(chosen | counts)
            few = replace(frame, numbers=numbers[kept], positions=frame.positions[kept])
            i, j, vectors = neighbour_pairs(few, radii[-1])
            pairs = chosen[kept[i]] & counts[kept[j]]
            nearest = np.full(len(light), np.inf)
            np.minimum.at(nearest, molecules[kept[j[pairs]]], np.linalg.norm(vectors[pairs], axis=1))
            group = 1 + np.searchsorted(radii, nearest)
            group[molecules[chosen]] = 0
            return (np.arange(len(names))[:, None] == group[molecules]).astype(float)

        return cls(names, weights, share_of_molecule(molecules))

    @property
    def group_names(self) -> tuple[str, ...]:
        """The names, each once."""
        return tuple(dict.fromkeys(self.names))

    def counts(self, weights: GroupWeights) -> Array:
        """Return the number of molecules, or of atoms where groups need not hold whole molecules, of each label."""
        share = np.ones(weights.shape[1]) if self.share is None else self.share
        return summed_by_name(self.names, (weights @ share)[None])[0]


def share_of_molecule(molecules: Array) -> Array:
    """Return how much of its molecule an atom is, shape (n,): one over the number of its atoms."""
    share: Array = 1 / np.bincount(molecules)[molecules]
    return share


def summed_by_name(names: Sequence[str], values: Array) -> Array:
    """Return values (t, groups, ...) with groups of the same name added up, in the order of first appearance."""
    group_names = list(dict.fromkeys(names))
    if len(group_names) == len(names):
        return values
    place = np.array([group_names.index(name) for name in names])
    return np.stack([values[:, place == k].sum(axis=1) for k in range(len(group_names))], axis=1)
