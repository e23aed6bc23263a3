"""The atoms of selections in MDAnalysis's language; selections by position are evaluated anew in every frame."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.elements import frame_masses, symbols_of
from mimyria.errors import EmptySelection, TrajectoryError
from mimyria.files.universe import depends_on_positions, universe_of
from mimyria.files.universe import select as select_atoms
from mimyria.frame import Array, Frame
from mimyria.rates.groups import the_same

log = logging.getLogger("mimyria")

NAMELESS = "; names and residues of a force field are known only with --topology"


def atom_selection(
    texts: Sequence[str], first: Frame, molecules: Array, topology: Path | None = None
) -> Callable[[Frame], Array]:
    """Return a function of a frame that gives the atoms of each selection, shape (selections, n), bool.

    Elements and masses are those of the ``first`` frame; names and residues those of the ``topology``. Without one, the
    ``molecules`` are the residues: index 0, 1, ... of each atom's molecule, shape (n,).

    Raises
    ------
    EmptySelection
        If a selection that does not depend on positions holds no atom.
    TrajectoryError
        If MDAnalysis does not understand a selection; when the function is called, if it cannot represent the cell.
    """
    symbols, masses = symbols_of(first.numbers), frame_masses(first)
    universe = universe_of(symbols, masses, first.kept, residues=molecules, topology=topology)
    places = np.arange(len(first)) if first.kept is None else first.kept
    updating = [depends_on_positions(text) for text in texts]
    if any(updating):
        _move(universe, first)
    groups = []
    inside = np.zeros((len(texts), len(first)), dtype=bool)
    for row, text, updates in zip(inside, texts, updating, strict=True):
        try:
            groups.append(select_atoms(universe, text, updating=updates))
        except TrajectoryError as error:
            if topology is None and isinstance(error.__cause__, AttributeError):  # a name or a number that no file gave
                raise TrajectoryError(f"{error}{NAMELESS}") from error
            raise
        row[:] = np.isin(places, groups[-1].ix)
        if row.any():
            continue
        if not updates:
            raise EmptySelection(f"the selection {text!r} holds no atom{'' if topology else NAMELESS}")
        log.warning(f"the selection {text!r} holds no atom in the first frame")
    if not any(updating):
        return partial(the_same, inside)
    changing = [(row, group) for row, group in enumerate(groups) if updating[row]]
    return partial(_inside, inside, universe, changing, places)


def _inside(inside: Array, universe: Any, changing: Sequence[tuple[int, Any]], places: Array, frame: Frame) -> Array:
    """Return which atoms the selections hold, after those groups of the universe that change are found anew."""
    _move(universe, frame)
    now = inside.copy()
    for row, group in changing:
        group.update_selection()
        now[row] = np.isin(places, group.ix)
    return now


def _move(universe: Any, frame: Frame) -> None:
    """Set the positions and the cell of a universe to those of a frame."""
    from MDAnalysis.lib.mdamath import triclinic_box, triclinic_vectors

    # MDAnalysis stores lengths and angles, which imply a first vector along x and a second one in the xy plane.
    dimensions = triclinic_box(*frame.cell)
    if not np.allclose(triclinic_vectors(dimensions), frame.cell, atol=1e-4 * np.abs(frame.cell).max()):
        raise TrajectoryError(
            "selections that depend on positions need a cell whose first vector is along x and whose second is in the "
            "xy plane; rotate the trajectory, or select by index"
        )
    # A site is put where the atom before it is, so that it is near to nothing that this is not near to.
    count = np.arange(len(universe.atoms))
    before = count if frame.kept is None else np.maximum(np.searchsorted(frame.kept, count, side="right") - 1, 0)
    universe.atoms.positions = frame.positions[before]
    universe.dimensions = dimensions
