"""VASP's OUTCAR: configurations as ASE reads them, with Born effective charges where they were computed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import tee
from pathlib import Path

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.files.compression import read_text
from mimyria.files.source import Progress, Reader, Source
from mimyria.formats.ase_formats import ASE, read_ase
from mimyria.formats.born import NUMBER, numbers_of, with_tensors
from mimyria.frame import Array, Frame
from mimyria.level import PLANE_WAVES, Level
from mimyria.targets import APT

TITLE = re.compile(r"^\s*BORN EFFECTIVE CHARGES.*$", re.MULTILINE)
POSITIONS = "POSITION                                       TOTAL-FORCE"
DISPLACING = (5, 6, 7, 8)
"""IBRION of finite differences and of perturbation theory, in which VASP displaces atoms."""
FUNCTIONALS = {"PE": "PBE", "PS": "PBEsol", "RP": "RPBE", "RE": "revPBE", "91": "PW91", "CA": "LDA"}
"""By the tag GGA of VASP."""


def read_outcar(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the configurations at the given increasing indices, one of which has Born charges."""
    text = read_text(source.path)
    charges, place = born_charges(text, source.path), configuration_of_charges(text)
    wanted, copy = tee(indices)
    for index, frame in zip(copy, read_ase(source, wanted, progress, stated=masses(text)), strict=False):
        if charges is None or index != place:
            yield frame
            continue
        version = re.match(r"\s*vasp\.(\S+)", text)
        program = f"VASP {version[1]}" if version else "VASP"
        labelled = with_tensors(frame, {APT.name: charges}, source, program, epsilon_infinity(text))
        yield replace(labelled, info=labelled.info | level_in(text, program).header)


def masses(text: str) -> Array | None:
    """Return the masses of the ions, u, shape (n,), of which the dynamics of an OUTCAR is; None if it tells none."""
    counts = re.search(r"ions per type =((?: +\d+)+)", text)
    of_types = re.search(r"Mass of Ions in am\s+POMASS =([^\n]*)", text)
    if counts is None or of_types is None:
        return None
    values, numbers = re.findall(r"\d+\.\d\d", of_types[1]), counts[1].split()  # in columns of six, which may touch
    if len(values) != len(numbers):
        return None
    return np.repeat(np.array(values, dtype=float), np.array(numbers, dtype=int))


def configuration_of_charges(text: str) -> int:
    """Return the index of the configuration of the last table of Born charges, -1 if there is none.

    It is the configuration before the table, or the first one if VASP displaces atoms (IBRION 5 to 8).
    """
    titles = list(TITLE.finditer(text))
    if not titles:
        return -1
    moves = re.search(r"IBRION\s*=\s*(-?\d+)", text)
    if moves and int(moves[1]) in DISPLACING:
        return 0
    return max(text.count(POSITIONS, 0, titles[-1].start()) - 1, 0)


def level_in(text: str, program: str) -> Level:
    """Return the level of theory that an OUTCAR states: the functional, where its tags are known, and the cutoff."""
    tags = dict(re.findall(r"^\s*(METAGGA|GGA|LEXCH|LHFCALC|AEXX|ENCUT)\s*=\s*(\S+)", text, re.MULTILINE))
    functional = FUNCTIONALS.get(tags.get("GGA", "--"), "")
    if not functional and tags.get("GGA") == "--" and tags.get("LEXCH") == "8":  # that of the pseudopotentials
        functional = FUNCTIONALS["PE"]
    if tags.get("METAGGA", "F") not in ("F", "--", "none"):
        functional = tags["METAGGA"]
    if functional and tags.get("LHFCALC") == "T":
        functional += f"+{float(tags.get('AEXX', '1')):g} HF"
    cutoff = f"{float(tags['ENCUT']):g} eV" if "ENCUT" in tags else ""
    name, _, version = program.partition(" ")
    return Level(name, functional, PLANE_WAVES, cutoff, version=version)


def epsilon_infinity(text: str) -> Array | None:
    """Return the last dielectric tensor of the electrons in an OUTCAR, (3, 3); None without any."""
    found = re.findall(rf"MACROSCOPIC STATIC DIELECTRIC TENSOR(?! IONIC)[^\n]*\n\s*-+\n((?:\s+{NUMBER}){{9}})", text)
    return np.reshape(numbers_of(found[-1]), (3, 3)) if found else None


def born_charges(text: str, path: Path) -> Array | None:
    """Return the last Born effective charges of an OUTCAR, e, (n, 3, 3): field, displacement; None without any.

    VASP prints one row for each direction of the field, for each ion.
    """
    titles = list(TITLE.finditer(text))
    if not titles:
        return None
    rows: list[list[float]] = []
    for line in text[titles[-1].end() :].splitlines()[1:]:
        words = line.split()
        if not words or words[0] == "ion" or set(line.strip()) == {"-"}:
            if rows and not words:
                break
            continue
        if len(words) != 4 or words[0] not in "123":
            break
        rows.append([float(word) for word in words[1:]])
    if not rows or len(rows) % 3:
        raise TrajectoryError(f"{path}: the table of Born effective charges is cut after {len(rows)} rows")
    return np.array(rows).reshape(-1, 3, 3)


OUTCAR = Reader(
    "outcar", lambda source: "OUTCAR" in source.path.name, read_outcar, ASE.velocity_unit, uses=("topology",)
)
