"""The structures to treat, by the name of their folder, with isotopes and fixed atoms."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from mimyria.declare import values_of
from mimyria.elements import frame_masses, symbols_of
from mimyria.errors import ConfigError
from mimyria.files.cells import given_cell
from mimyria.files.naming import ISOTOPES, identify_atoms
from mimyria.files.source import Source
from mimyria.formats import read_frames
from mimyria.formats.hessians import StoredHessian, holds_structure, read_hessian
from mimyria.frame import Array, Frame
from mimyria.molecules import find_bonds, molecules_of
from mimyria.rates.selection import atom_selection
from mimyria.settings import HarmonicSettings, Topology
from mimyria.trajectory.frame_checks import check_repeats

MOST = 100
"""Structures of one command; more are a trajectory that was taken for structures."""
NO_ATOMS = "none"
"""In place of a selection."""
SAME_PLACE = 0.01
"""Å; positions that differ by less are the same."""
FARTHEST = 0.5
"""Part by which the mass of an isotope may differ from that of the element, but for hydrogen."""


@dataclass(frozen=True)
class Structure:
    """A structure, and its Hessian (eV/Å², shape (3n, 3n)) where that was read."""

    frame: Frame
    place: str
    """File and frame, for messages."""
    hessian: Array | None = None
    multiplicity: int | None = None
    """2S + 1, where the file of the Hessian states it."""
    held: Array | None = None
    """Which atoms the file fixes, or its Hessian leaves out, shape (n,), bool; None for none."""


def read_structures(paths: Sequence[Path], settings: HarmonicSettings) -> dict[str, Structure]:
    """Return the structures of files by a name of each: that of the file, with a number where it holds several.

    A file of a Hessian that holds its structure is one, and gives the Hessian; see `formats.hessians`.

    Raises
    ------
    ConfigError
        If there are none or too many, or a cell spans no volume.
    """
    found: dict[str, Structure] = {}
    for path in paths:
        if not path.is_file():
            raise ConfigError(f"{path}: no such file" if not path.exists() else f"{path} is a folder, not a structure")
        first, last = settings.frames
        own = _own_hessian(path, settings) if holds_structure(path) else None
        read = [own.frame] if own else read_frames(path, **values_of(settings, Topology))
        stored = [frame for frame in islice(read, first, last) if frame is not None]
        if not stored:
            raise ConfigError(f"{path}: no structure, or --frames excludes all of them")
        stem = path.name.split(".")[0] or path.name
        for number, frame in enumerate(stored, first):
            name = stem if len(stored) == 1 else f"{stem}-{number:04d}"
            unique = next(
                f"{name}{suffix}"
                for suffix in ("", *(f"-{k}" for k in range(2, MOST + 2)))
                if f"{name}{suffix}" not in found
            )
            if settings.cell is not None:
                cell = given_cell(settings.cell)(str(path), frame)
                frame = replace(frame, cell=cell, periodic=np.ones(3, dtype=bool))
            check_repeats(f"{path}, frame {number}", frame)
            beside = own
            if settings.hessian is not None:
                beside = _hessian_of(settings.hessian, settings.hessian_unit, frame, path)
                frame = _completed(frame, beside.frame)
            place = str(path) if len(stored) == 1 else f"{path}, frame {number}"
            held = _left_out(beside.hessian) if beside else None
            if held is None and own is None and settings.fixed is None:
                held = _held_in(path, number, frame)
            hessian, multiplicity = (beside.hessian, beside.multiplicity) if beside else (None, None)
            found[unique] = Structure(frame, place, hessian, multiplicity, held)
            if len(found) > MOST:
                raise ConfigError(f"{path}: more than {MOST} structures; choose some of them with --frames FIRST:LAST")
    return found


def _own_hessian(path: Path, settings: HarmonicSettings) -> StoredHessian:
    """Return what a file holds of Hessian and structure, with the masses of ``--mass``; it states all the rest itself.

    Raises
    ------
    ConfigError, TrajectoryError
        If it cannot be read, a setting is given that it has no use for, or no atom is one of ``--mass``.
    """
    given = values_of(settings, Topology)
    mass = given.pop("mass")
    for name, value in given.items():
        if value:
            raise ConfigError(f"{path} states its atoms and the order of its tensors itself; leave --{name} out")
    own = read_hessian(path)
    if own.frame is None or not mass:
        return own
    atoms = identify_atoms(own.frame.numbers, Source(path, mass=mass), str(path), masses=own.frame.masses)
    return replace(own, frame=replace(own.frame, masses=atoms.masses))


def _completed(frame: Frame, other: Frame | None) -> Frame:
    """Return a frame with the masses, tensors and charge of the same structure elsewhere, where it has none itself."""
    if other is None:
        return frame
    masses = other.masses if frame.masses is None else frame.masses
    return replace(frame, masses=masses, tensors=other.tensors | frame.tensors, info=other.info | frame.info)


def _hessian_of(file: Path, unit: str | None, frame: Frame, path: Path) -> StoredHessian:
    """Return what a file holds of a Hessian, whose structure, if it holds one, must be that of the frame."""
    read = read_hessian(file, len(frame), unit)
    if read.frame is not None:
        same = np.array_equal(read.frame.numbers, frame.numbers)
        if not same or abs(read.frame.positions - frame.positions).max() > SAME_PLACE:
            raise ConfigError(
                f"{file} is the Hessian of other positions than those of {path}: give {file} in its place"
            )
    return read


def _left_out(hessian: Array) -> Array | None:
    """Return of which atoms a Hessian has nothing, shape (n,), bool; None for none."""
    missing = np.asarray(np.isnan(hessian).all(axis=1).reshape(-1, 3).all(axis=1))
    return missing if missing.any() and not missing.all() else None


def _held_in(path: Path, index: int, frame: Frame) -> Array | None:
    """Return which atoms a file fixes, shape (n,), bool, as far as ASE reads it; None for none.

    These are FixAtoms of .traj, ``move_mask`` of extended XYZ, selective dynamics of POSCAR.
    """
    from ase.constraints import FixAtoms
    from ase.io import read

    try:
        with warnings.catch_warnings(action="ignore"):
            atoms = read(path, index=index)
    except Exception:  # each of its readers fails in its own way, and other formats have no fixed atoms
        return None
    held = np.zeros(len(atoms), dtype=bool)
    for constraint in atoms.constraints:
        if isinstance(constraint, FixAtoms):
            held[constraint.index] = True
    return held if held.any() and np.array_equal(atoms.numbers, frame.numbers) else None


def with_isotopes(frame: Frame, isotopes: Mapping[str, str]) -> Frame:
    """Return a frame with the masses of isotopes, given as ``1=D``, ``0=13C`` or ``2=2.014``, by the index of the atom.

    Raises
    ------
    ConfigError
        If there is no such atom, the isotope is of another element, or the mass is not near that of the element.
    """
    if not isotopes:
        return frame
    masses, symbols = frame_masses(frame).copy(), symbols_of(frame.numbers)
    for text, isotope in isotopes.items():
        given = f"--isotope {text}={isotope}"
        atom = int(text) if text.isascii() and text.isdigit() else -1
        if not 0 <= atom < len(frame):
            raise ConfigError(f"{given}: atoms are counted from 0 to {len(frame) - 1}")
        known = ISOTOPES.get(isotope.upper())
        if known is not None and known[0] != symbols[atom]:
            raise ConfigError(f"{given}: atom {atom} is {symbols[atom]}, not {known[0]}")
        try:
            mass = float(isotope) if known is None else known[1]
        except ValueError:
            raise ConfigError(f"{given}: give an isotope such as D, 13C or 18O, or its mass in u") from None
        near = symbols[atom] == "H" and 0.1 <= mass < 3.5  # muonium and tritium, too
        if not near and not abs(mass / frame_masses(replace(frame, masses=None))[atom] - 1) < FARTHEST:
            raise ConfigError(f"{given}: {mass:g} u is not the mass of an isotope of {symbols[atom]}")
        masses[atom] = mass
    return replace(frame, masses=masses)


def fixed_atoms(frame: Frame, selection: str | None, held: Array | None = None) -> Array:
    """Return which atoms are fixed, shape (n,), bool: by a selection or `NO_ATOMS`, else those that the file holds."""
    if selection is None and held is not None:
        return held
    if selection in (None, NO_ATOMS):
        return np.zeros(len(frame), dtype=bool)
    i, j, _ = find_bonds(frame)
    return np.asarray(atom_selection([selection], frame, molecules_of(i, j, len(frame)))(frame)[0])
