"""Configurations with one atom displaced: of labels with and without it networks learn gradients, too.

Which they are, and why, says `mimyria.training.gradients`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mimyria.elements import numbers_of
from mimyria.errors import LabelError
from mimyria.frame import Frame

BY = 0.15
"""Å."""
DISPLACED = "displaced"
"""Header key: element and number of the atom, counted from zero."""


def with_one_displaced(place: str, frame: Frame, element: str, generator: np.random.Generator) -> Frame:
    """Return a frame with an atom of an element, drawn at random, displaced by 0.15 Å in a random direction.

    Raises
    ------
    LabelError
        If the frame has no such atom; ``place`` says where it is.
    """
    atoms = np.flatnonzero(frame.numbers == numbers_of([element]))
    if not len(atoms):
        raise LabelError(f"{place} has no atom of {element}, which --displace names")
    atom = generator.choice(atoms)
    moved = displaced(frame, atom, BY, generator)
    return replace(moved, info=frame.info | {DISPLACED: f"{element} {atom}"})


def displaced(frame: Frame, atom: int, by: float, generator: np.random.Generator) -> Frame:
    """Return a frame with an atom displaced by so many Å in a random direction."""
    direction = generator.normal(size=3)
    positions = frame.positions.copy()
    positions[atom] += by * direction / np.linalg.norm(direction)
    return replace(frame, positions=positions)
