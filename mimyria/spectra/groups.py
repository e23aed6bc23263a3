"""`Grouping`: a partition of the atoms into named groups, whose contributions add up to the total."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mimyria.elements import symbols_of
from mimyria.frame import Array, Frame


@dataclass(frozen=True)
class Grouping:
    """A partition of the atoms into named groups, whose contributions add up to the total.

    Parameters
    ----------
    names
        One name a group.
    members
        Of a frame, shape (groups, atoms): how much of an atom belongs to a group; each atom's parts add up to one.
    """

    names: tuple[str, ...]
    members: Callable[[Frame], Array]

    @classmethod
    def fixed(cls, names: tuple[str, ...], members: Array) -> Grouping:
        """Return groups whose members, shape (groups, atoms), are the same in every frame."""
        return cls(names, lambda frame: members)

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


GROUPINGS = {"species": Grouping.by_species, "none": Grouping.whole}
