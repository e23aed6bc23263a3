"""The atoms of a trajectory as MDAnalysis knows them, in memory, for selections in its language.

Selections count atoms as the file does: massless sites that are left out keep their indices.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.files.compression import open_lines, plain_suffix
from mimyria.files.lammps_data import is_data, is_dump, read_data
from mimyria.frame import Array

GEOMETRIC = {"around", "sphlayer", "sphzone", "isolayer", "cyzone", "cylayer", "point", "x", "y", "z"}
"""Keywords that make a selection depend on positions."""


def depends_on_positions(text: str) -> bool:
    """Return whether a selection can hold other atoms in another frame."""
    return not GEOMETRIC.isdisjoint(re.findall(r"[^\s()<>=!]+", text))


def universe_of(
    symbols: Sequence[str],
    masses: Array,
    kept: Array | None = None,
    *,
    names: Sequence[str] | None = None,
    residues: Array | None = None,
    topology: Path | None = None,
) -> Any:
    """Return a universe of atoms and of the sites between them.

    Parameters
    ----------
    symbols, masses
        Elements, and masses in u, of the n atoms.
    kept
        Indices of the atoms in the file, shape (n,); None if it holds nothing else.
    names
        Names of the atoms; by default their elements. Those of a ``topology`` are used in place of both, with its
        residues; those of LAMMPS name atoms and types alone.
    residues
        Index 0, 1, ... of each atom's residue, shape (n,), where there is no topology; by default there is one residue.
    """
    places = np.arange(len(symbols)) if kept is None else kept
    count = int(places.max()) + 1
    # A site belongs to the residue of the atom before it.
    before = np.maximum(np.searchsorted(places, np.arange(count), side="right") - 1, 0)
    residue = (np.zeros(len(symbols), dtype=int) if residues is None else residues)[before]
    head = b"" if topology is None else _head(topology)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # opening the trajectory has logged what matters
        if topology is not None and is_data(head):
            data = read_data(topology)
            same = data.molecules is None and len(data.ids) == count
            molecules = np.zeros(len(data.ids), dtype=int) if data.molecules is None else data.molecules
            names = [name or kind for name, kind in zip(data.names, data.types, strict=True)]
            universe = _made_up(residue if same else molecules, names, data.types)
        elif topology is None or is_dump(head):  # which tells elements, but no names
            called = _spread(symbols if names is None else names, places, count)
            universe = _made_up(residue, called, called)
        else:
            universe = open_universe(topology, guessed=("types", "masses"))
        found = len(universe.atoms)
        if found < count or (kept is None and found > count):
            raise TrajectoryError(f"{topology} has {found} atoms, the trajectory {count}")
        universe.add_TopologyAttr("elements", _spread(symbols, places, found))
        universe.add_TopologyAttr("masses", _spread(masses, places, found))
        universe.load_new(np.zeros((1, found, 3), dtype=np.float32))
    return universe


def _made_up(residue: Array, names: Sequence[str] | Array, types: Sequence[str] | Array) -> Any:
    """Return a universe of atoms with names and types, in residues of any numbers, which become their ids."""
    import MDAnalysis

    ids, index = np.unique(residue, return_inverse=True)
    universe = MDAnalysis.Universe.empty(
        len(residue), len(ids), atom_resindex=index, residue_segindex=np.zeros(len(ids), dtype=int)
    )
    for name, values in (("names", names), ("types", types), ("resids", ids)):
        universe.add_TopologyAttr(name, np.asarray(values))
    return universe


def _head(path: Path) -> bytes:
    with open_lines(path) as (lines, _):
        return lines.read(4096)


def open_universe(path: Path, guessed: Sequence[str] = ()) -> Any:
    """Return what MDAnalysis reads of a topology, and what it guesses; raise TrajectoryError if it reads nothing."""
    import MDAnalysis

    if plain_suffix(path) in (".xyz", ".extxyz") and (path.suffix.lower() != ".xyz" or b"Properties=" in _head(path)):
        return _of_extxyz(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of elements and masses that are missing, which the caller sees
        try:
            return MDAnalysis.Universe(str(path), to_guess=tuple(guessed))
        except Exception as error:  # each of MDAnalysis's parsers fails in its own way
            raise TrajectoryError(
                f"{path}: no atoms can be read from it; give a --topology as PDB, GRO, PSF, PRMTOP, TPR, xyz or "
                "LAMMPS data"
            ) from error


def _of_extxyz(path: Path) -> Any:
    """Return the atoms of the first frame of an extended xyz file, or of a compressed one, by the names it has."""
    from mimyria.files.xyz import read_names  # which reads atoms by this module

    names, extended = read_names(path)
    universe = _made_up(np.zeros(len(names), dtype=int), names, names)
    if extended:
        universe.add_TopologyAttr("elements", np.asarray(names, dtype=object))
    return universe


def select(universe: Any, text: str, *, updating: bool = False) -> Any:
    """Return the atoms of a selection; raise TrajectoryError, in one line, if MDAnalysis does not understand it."""
    from MDAnalysis.exceptions import SelectionError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about an empty selection, which the caller reports
            return universe.select_atoms(text, updating=updating)
    except (SelectionError, AttributeError, ValueError, TypeError, ImportError) as error:
        raise TrajectoryError(f"MDAnalysis rejects the selection {text!r}: {' '.join(str(error).split())}") from error


def _spread(values: Sequence[str] | Array, places: Array, count: int) -> Array:
    """Return values of atoms at their places in the file, with empty ones, or zeros, for the sites between them."""
    given = np.asarray(values)
    spread = np.zeros(count, dtype=object if given.dtype.kind == "U" else float)
    if given.dtype.kind == "U":
        spread[:] = ""
    spread[places] = given
    return spread
