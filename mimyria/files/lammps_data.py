"""How files of LAMMPS begin, and its data files as topologies: ids, types and masses of atoms, in any atom style."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.files.compression import read_text
from mimyria.frame import Array

COUNT = re.compile(r"\s*(\d+)\s+(atoms|atom types|bonds|angles|dihedrals|impropers)\s*(?:#.*)?$")
"""A line of the header."""
SECTION = re.compile(r"[A-Z][A-Za-z]*( [A-Za-z]+)*( Coeffs)?\s*(?:#\s*(?P<comment>.*))?$")
"""The title of a section."""
TYPE_SECOND = {
    *("atomic", "charge", "dipole", "sphere", "ellipsoid", "body", "peri", "spin", "electron", "hybrid", "template"),
    *("dpd", "edpd", "mdpd", "tdpd", "smd", "sph", "rheo", "rheo/thermal", "oxdna", "mesont"),
}
TYPE_THIRD = {"bond", "angle", "molecular", "full", "amoeba", "dielectric", "line", "tri", "bpm/sphere"}
"""Atom styles whose type is in the second column, after the id, or in the third, after the molecule."""


@dataclass(frozen=True)
class DataFile:
    """What a data file says of its atoms, in the order of their ids."""

    ids: Array
    types: list[str]
    """Numbers or labels."""
    names: list[str]
    """The first word of the comment on the mass of each atom's type, or its label; empty where there is neither."""
    masses: Array | None
    """In the unit of the file, mostly u, shape (n,)."""
    molecules: Array | None
    """Molecule of each atom, shape (n,), where the atom style has them."""


def is_dump(head: bytes) -> bool:
    """Return whether a file that begins like this is a dump of LAMMPS."""
    return head.startswith(b"ITEM: ") or is_yaml(head)


def is_yaml(head: bytes) -> bool:
    """Return whether a file that begins like this is a dump in yaml."""
    return re.match(rb"(---\s+)?creator: LAMMPS\s", head) is not None


def is_data(head: bytes) -> bool:
    """Return whether a file that begins like this is a data file: it counts atoms and types after a line of comment."""
    _, *lines = head.decode(errors="replace").splitlines() or [""]
    found = {match[2] for line in lines if (match := COUNT.match(line))}
    return {"atoms", "atom types"} <= found


def read_data(path: Path) -> DataFile:
    """Return the atoms of a data file; raise TrajectoryError if they are not there, or not told."""
    lines = read_text(path).splitlines()
    counts = {match[2]: int(match[1]) for line in lines[1:] if (match := COUNT.match(line))}
    sections = _sections(lines)
    if "Atoms" not in sections:
        raise TrajectoryError(f"{path}: has no section Atoms, or is cut before it; write it again with write_data")
    style, rows = sections["Atoms"]
    atoms = [row.split("#")[0].split() for row in rows]
    if len(atoms) != counts["atoms"]:
        raise TrajectoryError(f"{path}: {counts['atoms']} atoms announced, {len(atoms)} present; the file is cut")
    labels = dict(row.split()[:2] for row in sections.get("Atom Type Labels", ("", []))[1])
    known = {str(number) for number in range(1, counts["atom types"] + 1)} | set(labels.values())
    column = _type_column(path, style, atoms, known, bonded=any(counts.get(name) for name in ("bonds", "angles")))
    try:
        ids = np.array([int(row[0]) for row in atoms])
        order = np.argsort(ids, kind="stable")
        types = [atoms[index][column] for index in order]
        masses, names = _masses(sections.get("Masses", ("", []))[1], labels)
        weights = None if not masses else np.array([masses[kind] for kind in types])
        molecules = np.array([int(atoms[index][1]) for index in order]) if column == 2 else None
    except (ValueError, IndexError, KeyError) as error:
        raise TrajectoryError(f"{path}: its section Atoms or Masses is damaged at {error}") from error
    return DataFile(ids[order], types, [names.get(kind, "") for kind in types], weights, molecules)


def _sections(lines: list[str]) -> dict[str, tuple[str, list[str]]]:
    """Return the comment on the title, and the lines that are not empty, of each section."""
    sections: dict[str, tuple[str, list[str]]] = {}
    rows: list[str] = []
    for line in lines[1:]:
        if not (text := line.strip()) or text.startswith("#"):
            continue
        if match := SECTION.fullmatch(text):
            rows = []
            sections[text.split("#")[0].strip()] = (match["comment"] or "").strip(), rows
        else:
            rows.append(text)
    return sections


def _type_column(path: Path, style: str, atoms: list[list[str]], known: set[str], *, bonded: bool) -> int:
    """Return the column of the type: 1 or 2, from the style, else from where types can stand."""
    word = style.split()[0].lower() if style else ""
    fits = [column for column in (1, 2) if all(len(row) > column + 3 and row[column] in known for row in atoms)]
    if word in TYPE_SECOND | TYPE_THIRD:
        column = 1 if word in TYPE_SECOND else 2
        if column not in fits:
            raise TrajectoryError(
                f"{path}: its atom style is {word}, but column {column + 1} of its section Atoms is no type of atoms"
            )
        return column
    if len(fits) == 2:
        # Molecules may have the numbers of types, and charges too: bonds, or the number of columns, decide.
        n_columns = len(atoms[0])
        fits = [2] if bonded else [1] if n_columns in (5, 8) else fits
        if len({row[2] for row in atoms}) > 1:
            fits = fits[-1:]
    if len(fits) != 1:
        raise TrajectoryError(
            f"{path}: which column of its section Atoms is the type cannot be told; name the atom style behind the "
            "title, as in `Atoms # full`"
        )
    return fits[0]


def _masses(rows: list[str], labels: dict[str, str]) -> tuple[dict[str, float], dict[str, str]]:
    """Return mass and name by type, whether called by number or by label."""
    masses: dict[str, float] = {}
    names: dict[str, str] = {**labels, **{label: label for label in labels.values()}}
    numbers = {label: number for number, label in labels.items()}
    for row in rows:
        values, _, comment = row.partition("#")
        kind, mass = values.split()
        for called in {kind, labels.get(kind, kind), numbers.get(kind, kind)}:
            masses[called] = float(mass)
            if comment.split():
                names.setdefault(called, comment.split()[0])
    return masses, names
