"""ABINIT's output of perturbation theory: Born charges and ε∞, with the structure that it echoes.

Every element of a second derivative is a line ``dir pert dir pert``, where the perturbations 1 to natom are the atoms,
displaced, and natom + 2 is the electric field; which of both comes first differs between the tables, and is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.files.compression import read_text
from mimyria.files.source import Progress, Reader, Source
from mimyria.formats.born import NO_VELOCITIES, NUMBER, numbers_of, one_frame, with_tensors
from mimyria.frame import Array, Frame
from mimyria.targets import APT
from mimyria.units import BOHR

MARK = b"of ABINIT"
ECHO = re.compile(r"-outvars: echo values of preprocessed input variables -+\n(.*?)\n\s*={20}", re.DOTALL)
TABLE = re.compile(
    r"(Effective charges|Dielectric tensor), in cartesian coordinates,(?s:.{0,400}?)imaginary part\s*\n"
    rf"((?:\s*\n|\s*\d+\s+\d+\s+\d+\s+\d+\s+{NUMBER}\s+{NUMBER}\s*(?:\n|$))*)"
)
XC = {"1": "LDA", "7": "LDA PW92", "11": "PBE", "14": "revPBE", "-101130": "PBE", "-116133": "PBEsol"}
"""Some values of ixc."""


def read_abinit(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the structure, with the tensors that were computed."""
    text = read_text(source.path)
    echo = ECHO.search(text)
    if echo is None:
        raise TrajectoryError(f"{source.path}: the output of ABINIT is cut before the echo of its variables")
    frame = _structure(echo[1], source)
    tables = TABLE.findall(text)
    charges = [_charges(rows, len(frame)) for title, rows in tables if title.startswith("Effective")]
    whole = [tensor for tensor in charges if np.isfinite(tensor).all()]
    if charges and not whole:
        raise TrajectoryError(
            f"{source.path}: the Born charges of {np.isfinite(charges[-1]).all(axis=(1, 2)).sum()} of {len(frame)} "
            "atoms are complete; compute the field (rfelfd) and the displacements of all atoms (rfatpol)"
        )
    epsilons = [_elements(rows, len(frame))[-1, :, -1] for title, rows in tables if title.startswith("Dielectric")]
    epsilon = epsilons[-1] if epsilons and np.isfinite(epsilons[-1]).all() else None
    stated = re.search(r"^\s*ixc\s+(-?\d+)", echo[1], re.MULTILINE)
    version = re.search(r"Version\s+(\S+)\s+of ABINIT", text)
    level = [version[1]] if version else []
    level += [XC.get(stated[1], f"ixc={stated[1]}")] if stated else []
    tensors = {APT.name: whole[0]} if whole else {}
    yield from one_frame(with_tensors(frame, tensors, source, " ".join(["ABINIT", *level]), epsilon), indices)


def _structure(echo: str, source: Source) -> Frame:
    """Return the atoms and the cell of the echoed variables; those that are not echoed have their defaults."""

    def values(name: str, default: list[float] | None = None) -> list[float]:
        if re.search(rf"^\s*{name}\d+\s", echo, re.MULTILINE):
            raise TrajectoryError(f"{source.path}: {name} differs between its data sets; run one structure at a time")
        found = re.search(rf"^\s*{name}\s((?:\s*{NUMBER}[^\S\n]*\n?)+)", echo, re.MULTILINE)
        if found is None and default is None:
            raise TrajectoryError(f"{source.path}: the echo of the variables has no {name}")
        return numbers_of(found[1]) if found else default or []

    lengths, charges = values("acell", [1.0, 1.0, 1.0]), values("znucl")
    atoms = int(values("natom", [1.0])[0])
    axes = np.reshape(values("rprim", np.eye(3).ravel().tolist()), (3, 3))
    types = values("typat", [1.0] * atoms)
    scaled = np.reshape(values("xred", [0.0, 0.0, 0.0] if atoms == 1 else None), (-1, 3))
    if len(types) != atoms or len(scaled) != atoms:
        raise TrajectoryError(f"{source.path}: the echo of the variables is cut or has other than {atoms} atoms")
    cell = axes * np.array(lengths)[:, None] * BOHR
    numbers = np.array([int(charges[int(kind) - 1]) for kind in types])
    return Frame(numbers=numbers, positions=scaled @ cell, cell=cell, periodic=np.ones(3, dtype=bool))


def _elements(rows: str, atoms: int) -> Array:
    """Return d²E by (perturbation, direction, perturbation, direction); NaN where none is printed.

    The last perturbation is the field.
    """
    elements = np.full((atoms + 1, 3, atoms + 1, 3), np.nan)
    places = {pert: pert - 1 for pert in range(1, atoms + 1)} | {atoms + 2: atoms}
    for line in rows.splitlines():
        words = line.split()
        if len(words) == 6:
            direction, pert, other, partner = map(int, words[:4])
            if pert in places and partner in places:
                elements[places[pert], direction - 1, places[partner], other - 1] = float(words[4])
    return elements


def _charges(rows: str, atoms: int) -> Array:
    """Return the Born charges of a table, e, (n, 3, 3): field, displacement; NaN where it has none."""
    elements = _elements(rows, atoms)
    field_first = elements[-1, :, :-1].transpose(1, 0, 2)  # field, atom, displacement
    field_last = elements[:-1, :, -1].swapaxes(1, 2)  # atom, displacement, field
    return np.where(np.isfinite(field_first), field_first, field_last)


ABINIT = Reader("abinit", lambda source: MARK in source.head, read_abinit, NO_VELOCITIES)
