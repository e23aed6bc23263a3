"""Which atoms a trajectory holds: by its own names, by ``--topology``, or by both, which must agree.

Topologies are data files and dumps of LAMMPS, and what MDAnalysis reads (PDB, GRO, PSF, PRMTOP, TPR, xyz, ...).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.elements import masses_of, symbols_of
from mimyria.errors import TrajectoryError
from mimyria.files.compression import open_lines, plain_suffix
from mimyria.files.lammps_data import is_data, is_dump, read_data
from mimyria.files.lammps_text import Units, read_columns, read_snapshots, told_names, units_of
from mimyria.files.naming import ISOTOPES, SITE, Atoms, element_of, identify_atoms, is_ambiguous, words_of
from mimyria.files.source import Progress, Source
from mimyria.files.universe import open_universe
from mimyria.frame import Array

PDB, ATOM_RECORDS = (".pdb", ".ent"), (b"ATOM", b"HETATM")
MASS_TOLERANCE = 0.1
"""u; force fields round the masses of elements by less, while united atoms and beads differ by more."""
ANOTHER_ELEMENT = 0.3
"""Relative difference from its standard mass from which on a name is not that of the element: CA of 12 u is carbon."""
REMEDY = "give --topology FILE (PDB, GRO, PSF, PRMTOP, TPR, LAMMPS data, ...), preferably one with elements"


@dataclass(frozen=True)
class Told:
    """What a file calls its atoms."""

    n_atoms: int
    names: list[list[str]] = field(default_factory=list)
    """Lists of n names, the best first: elements, names, types; with empty ones where the file names only some. Numbers
    are atomic numbers in the first list, and types in the others."""
    masses: Array | None = None
    """u, shape (n,); zero or NaN where it does not know them."""
    ids: Array | None = None
    """Shape (n,), increasing."""


def identify(told: Told, source: Source, place: str) -> Atoms:
    """Return the atoms of a trajectory.

    Parameters
    ----------
    told
        What the trajectory calls them; nothing, in many formats.
    source
        Its topology, and what the user says of species and masses.
    place
        File and frame, for messages.

    Raises
    ------
    TrajectoryError
        If nobody tells the elements, or the topology is one of other atoms: the first that differs is named.
    """
    if source.topology is None:
        if not told.names and told.masses is None:
            raise TrajectoryError(f"{source.path}: names no atoms; {REMEDY}")
        return _identified(told, source, place)
    topology = source.remember(source.topology, read_topology, source)
    if topology.n_atoms != told.n_atoms:
        raise TrajectoryError(
            f"{place}: {told.n_atoms} atoms, but {topology.n_atoms} in {source.topology}; give the topology of this run"
        )
    if told.ids is not None and topology.ids is not None and (other := np.flatnonzero(told.ids != topology.ids)).size:
        raise TrajectoryError(
            f"{place}: atom {other[0]} has the id {told.ids[other[0]]}, but {topology.ids[other[0]]} in "
            f"{source.topology}; give the topology of this run"
        )
    masses = topology.masses if told.masses is None else told.masses
    both = Told(told.n_atoms, [*topology.names, *told.names], masses)
    atoms = _identified(both, source, str(source.topology))
    _check_names(told, atoms, source, place)
    return atoms


def identify_by_topology(n_atoms: int, source: Source) -> Atoms:
    """Return the atoms of a trajectory that names none."""
    return identify(Told(n_atoms), source, str(source.path))


def identify_names(
    names: Sequence[str | bytes] | Array,
    source: Source,
    place: str,
    *,
    masses: Array | None = None,
    aliases: Sequence[list[str]] = (),
) -> Atoms:
    """Return the atoms of a trajectory that names each of them; see `identify_atoms`, for one without a topology."""
    if source.topology is None:
        return identify_atoms(names, source, place, masses=masses, aliases=aliases)
    return identify(Told(len(names), [words_of(names), *aliases], masses), source, place)


def read_topology(path: Path, source: Source) -> Told:
    """Return what a topology calls its atoms; notes of it are logged for the ``source``."""
    head = Source(path).head
    if is_dump(head):
        file = Source(path)
        _, frame = next(read_snapshots(file, [0], Progress()))
        return told_by_columns(read_columns(frame, f"{path}, frame 0", positions=False), units_of(file) or Units())
    if is_data(head):
        data = read_data(path)
        return Told(len(data.ids), [data.names, data.types], data.masses, data.ids)
    return _told_by_universe(open_universe(path), path, source)


def told_by_columns(columns: Array, units: Units) -> Told:
    """Return what the columns of a dump tell of its atoms."""
    names, masses = told_names(columns, units)
    return Told(len(columns), names, masses, columns["id"] if "id" in (columns.dtype.names or ()) else None)


def _told_by_universe(universe: Any, path: Path, source: Source) -> Told:
    """Return what MDAnalysis has read of names and masses; where it has read no more, what it guesses of elements."""
    n_atoms = len(universe.atoms)
    names = {name: _texts(universe, name) for name in ("elements", "names", "types")}
    if names["elements"] and plain_suffix(path) in PDB and len(ours := _elements_of_pdb(path)) == n_atoms:
        names["elements"] = ours
    elements = names["elements"] or [""] * n_atoms
    masses = getattr(universe.atoms, "masses", None)
    if masses is None and not all(elements):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            universe.guess_TopologyAttrs(to_guess=["types", "masses"])
        called = names["names"] or elements
        for atom, mass in enumerate(universe.atoms.masses.tolist()):
            if not elements[atom] and not SITE.fullmatch(called[atom]) and called[atom] not in source.species:
                elements[atom] = symbol_by_mass(mass)
        if guessed := sorted({*elements} - {""}):
            plain = all(map(_is_plain, called, elements))
            source.note(
                f"{path}: names no elements; guessed from the names of its atoms: {', '.join(guessed)}",
                logging.INFO if plain else logging.WARNING,
            )
    others = [names[name] for name in ("names", "types") if names[name]]
    return Told(n_atoms, [elements, *others], None if masses is None else np.asarray(masses, dtype=float))


def _is_plain(name: str, element: str) -> bool:
    """Return whether a name begins with its element, and is not the symbol of another, as OW and HW1 do; CA is not."""
    return not element or (name.lstrip("0123456789").upper().startswith(element.upper()) and not is_ambiguous(name, {}))


def _texts(universe: Any, name: str) -> list[str]:
    """Return what a universe calls every atom; empty if it does not know."""
    return [str(value).strip() for value in getattr(universe.atoms, name, [])]


def _elements_of_pdb(path: Path) -> list[str]:
    """Return the elements in the first model of a PDB file, for MDAnalysis drops D."""
    with open_lines(path) as (lines, _):
        model = takewhile(lambda line: not line.startswith(b"ENDMDL"), lines)
        return [line[76:78].decode(errors="replace").strip() for line in model if line.startswith(ATOM_RECORDS)]


def _identified(told: Told, source: Source, place: str) -> Atoms:
    """Return the atoms by their best names."""
    names = told.names or [[""] * told.n_atoms]
    masses = np.zeros(told.n_atoms) if told.masses is None else np.nan_to_num(told.masses)
    cases = list(zip(zip(*names, strict=True), masses.tolist(), strict=True))
    best = {case: _best_name(*case, source) for case in dict.fromkeys(cases)}
    by_mass = sorted({name for (call, _), name in best.items() if name not in call})
    if by_mass:
        source.note(f"{place}: elements told by masses: {', '.join(by_mass)}")
    return identify_atoms([best[case] for case in cases], source, place, masses=told.masses, aliases=names)


def _best_name(call: tuple[str, ...], mass: float, source: Source) -> str:
    """Return an element where the names, the best first, or the mass (u, zero if not known) tell it; else a name."""
    named = element_of(call[0]) if not call[0].isdigit() else None
    by_mass = symbol_by_mass(mass) if source.species.keys().isdisjoint(call) else ""
    if named is None or (named[0] and abs(mass / masses_of([named[0]])[0] - 1) > ANOTHER_ELEMENT):
        name = next(filter(None, call), "")
        return by_mass or ("" if name.isdigit() and not call[0] else name)
    return call[0]


def symbol_by_mass(mass: float) -> str:
    """Return the element, or isotope of hydrogen, of a mass, u; empty if none is so near."""
    if not mass > MASS_TOLERANCE:
        return ""
    masses = dict(zip(symbols_of(range(1, 119)), masses_of(range(1, 119)).tolist(), strict=True))
    masses |= {name: ISOTOPES[name][1] for name in "DT"}
    name = min(masses, key=lambda name: abs(masses[name] - mass))
    return name if abs(masses[name] - mass) < MASS_TOLERANCE else ""


def _check_names(told: Told, atoms: Atoms, source: Source, place: str) -> None:
    """Raise TrajectoryError where what a trajectory calls an atom contradicts its topology.

    An element's name must be that of the topology; any other name, or a type, must mean the same element throughout,
    unless there are fewer of them than elements.
    """
    symbols = np.full(told.n_atoms, "", dtype=object)
    symbols[slice(None) if atoms.kept is None else atoms.kept] = symbols_of(atoms.numbers)
    remedy = "give the topology of this run, with its atoms in the same order"
    for names in told.names:
        pairs: dict[tuple[str, str], int] = {}
        for atom, pair in enumerate(zip(names, symbols.tolist(), strict=True)):
            pairs.setdefault(pair, atom)
        meant: dict[str, tuple[str, int]] = {}
        distinct = len(set(names)) >= len(set(symbols.tolist()))
        for (name, symbol), atom in pairs.items():
            before, first = meant.setdefault(name, (symbol, atom))
            if _contradicts(source.species.get(name, name), symbol):
                raise TrajectoryError(
                    f"{place}: atom {atom} is {name}, but {symbol or 'a site'} in {source.topology}; {remedy}"
                )
            if name and distinct and before != symbol:
                raise TrajectoryError(
                    f"{place}: atoms {first} and {atom} are both {name}, but {before or 'a site'} and "
                    f"{symbol or 'a site'} in {source.topology}; {remedy}"
                )


def _contradicts(name: str, symbol: str) -> bool:
    """Return whether a name is that of an element, or of a site, other than ``symbol``, which is empty for a site.

    Numbers are types of atoms; and capital letters are kinds of a force field too: CA is also a carbon.
    """
    named = element_of(name) if name and not name.isdigit() else None
    if named is None or (len(name) > 1 and name.isupper() and symbol and name[0] == symbol):
        return False
    return (symbols_of([named[0]])[0] if named[0] else "") != symbol
