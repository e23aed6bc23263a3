"""What a file of MDL (.mol, .sdf; V2000) states beside the elements and positions that ASE reads of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mimyria.elements import masses_of, numbers_of
from mimyria.errors import TrajectoryError
from mimyria.files.compression import read_text
from mimyria.files.naming import ISOTOPES
from mimyria.frame import CHARGE, Array

SUFFIXES = (".mol", ".sdf")
END, NEXT = "M  END", "$$$$"
"""Last line of a molecule, and the line between two."""
IN_ROW = {1: 3, 2: 2, 3: 1, 5: -1, 6: -2, 7: -3}
"""Charge, e, by the number that stands for it in the row of an atom."""


@dataclass(frozen=True)
class Stated:
    """The header of the molecule, and the masses of its isotopes."""

    info: dict[str, float] = field(default_factory=dict)
    """The total charge, e, where it is not zero."""
    masses: Array | None = None
    """u, shape (n,); NaN where no isotope is stated; None if none is."""


def read_stated(path: Path) -> Stated:
    """Return what is stated of charge and isotopes, by properties (``M  CHG``, ``M  ISO``) or else in rows of atoms.

    Raises
    ------
    TrajectoryError
        If the file holds several molecules, of which ASE reads the first, or a property is of no atom.
    """
    first, _, others = read_text(path).partition(NEXT)
    if others.strip():
        raise TrajectoryError(f"{path}: holds several molecules, and one is read: give each in a file of its own")
    lines = first.splitlines()
    count = lines[3][:3].strip() if len(lines) > 3 else ""
    if not count.isdecimal() or "V3000" in lines[3]:
        return Stated()  # which ASE refuses in its own words
    rows = [line.split() for line in lines[4 : 4 + int(count)]]
    properties: dict[str, dict[int, int]] = {}
    for line in lines[4 + len(rows) :]:
        name, *words = line[3:].split() if line.startswith("M  ") else [""]
        if name in ("CHG", "RAD", "ISO"):
            try:
                pairs = {int(atom) - 1: int(value) for atom, value in zip(words[1::2], words[2::2], strict=True)}
            except ValueError:
                pairs = {-1: 0}
            if not all(0 <= atom < len(rows) for atom in pairs):
                raise TrajectoryError(f"{path}: {line.strip()!r} is not of its {len(rows)} atoms; correct it")
            properties.setdefault(name, {}).update(pairs)
    try:
        symbols = [row[3] for row in rows]
        inside = np.array([[int(word) for word in (*row[4:6], "0", "0")[:2]] for row in rows]).reshape(-1, 2)
        usual = np.round(masses_of(numbers_of(symbols))).astype(int)
    except (ValueError, KeyError, IndexError):
        return Stated()  # likewise
    charges = properties.get("CHG", {})
    if not properties.keys() & {"CHG", "RAD"}:  # either stands for all numbers in the rows
        charges = {atom: IN_ROW.get(code, 0) for atom, code in enumerate(inside[:, 1].tolist())}
    nucleons = properties.get("ISO", {int(k): int(usual[k] + inside[k, 0]) for k in np.flatnonzero(inside[:, 0])})
    masses = np.full(len(rows), np.nan)
    for atom, number in nucleons.items():
        masses[atom] = ISOTOPES.get(f"{number}{symbols[atom].upper()}", ("", float(number)))[1]
    total = float(sum(charges.values()))
    return Stated({CHARGE: total} if total else {}, masses if nucleons else None)
