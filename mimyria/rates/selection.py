"""The atoms of selections in MDAnalysis's language; selections by position are evaluated anew in every frame."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.elements import frame_masses, symbols_of
from mimyria.errors import TrajectoryError
from mimyria.frame import Array, Frame

log = logging.getLogger("mimyria")

GEOMETRIC = {"around", "sphlayer", "sphzone", "isolayer", "cyzone", "cylayer", "point", "x", "y", "z"}
"""Keywords that make a selection depend on positions."""
NAMELESS = "; names and residues of a force field are known only with --topology"


def depends_on_positions(text: str) -> bool:
    """Return whether a selection can hold other atoms in another frame."""
    return not GEOMETRIC.isdisjoint(re.findall(r"[^\s()<>=!]+", text))


def atom_selection(
    texts: Sequence[str], first: Frame, molecules: Array, topology: Path | None = None
) -> Callable[[Frame], Array]:
    """Return a function of a frame that gives the atoms of each selection, shape (selections, n), bool.

    Elements and masses are those of the ``first`` frame; names and residues those of the ``topology``. Without one, the
    ``molecules`` are the residues: index 0, 1, ... of each atom's molecule, shape (n,).

    Raises
    ------
    TrajectoryError
        If MDAnalysis does not understand a selection, or one that does not depend on positions holds no atom; when the
        function is called, if MDAnalysis cannot represent the cell.
    """
    universe = _universe(first, molecules, topology)
    updating = [depends_on_positions(text) for text in texts]
    if any(updating):
        _move(universe, first)
    groups = []
    inside = np.zeros((len(texts), len(first)), dtype=bool)
    for row, text, updates in zip(inside, texts, updating, strict=True):
        groups.append(_group(universe, text, updates))
        row[groups[-1].ix] = True
        if row.any():
            continue
        if not updates:
            raise TrajectoryError(f"the selection {text!r} holds no atom{'' if topology else NAMELESS}")
        log.warning(f"the selection {text!r} holds no atom in the first frame")

    def select(frame: Frame) -> Array:
        if not any(updating):
            return inside
        _move(universe, frame)
        now = inside.copy()
        for row, group, updates in zip(now, groups, updating, strict=True):
            if updates:
                group.update_selection()
                row[:] = False
                row[group.ix] = True
        return now

    return select


def _universe(first: Frame, molecules: Array, topology: Path | None) -> Any:
    """Return a universe in memory of the atoms of a frame, which takes the positions of any frame."""
    import MDAnalysis

    symbols = np.array(symbols_of(first.numbers))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # opening the trajectory has logged what matters
        if topology is None:
            count = int(molecules.max()) + 1
            universe = MDAnalysis.Universe.empty(
                len(first), count, atom_resindex=molecules, residue_segindex=np.zeros(count, dtype=int)
            )
            for name, values in (("names", symbols), ("types", symbols), ("masses", frame_masses(first))):
                universe.add_TopologyAttr(name, values)
        else:
            universe = MDAnalysis.Universe(str(topology))
        if len(universe.atoms) != len(first):
            raise TrajectoryError(f"{topology} has {len(universe.atoms)} atoms, the trajectory {len(first)}")
        universe.add_TopologyAttr("elements", symbols)
        universe.load_new(np.zeros((1, len(first), 3), dtype=np.float32))
    return universe


def _group(universe: Any, text: str, updating: bool) -> Any:
    from MDAnalysis.exceptions import SelectionError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about an empty selection, which the caller reports
            return universe.select_atoms(text, updating=updating)
    except (SelectionError, AttributeError, ValueError, TypeError, ImportError) as error:
        raise TrajectoryError(f"MDAnalysis rejects the selection {text!r}: {' '.join(str(error).split())}") from error


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
    universe.atoms.positions = frame.positions
    universe.dimensions = dimensions
