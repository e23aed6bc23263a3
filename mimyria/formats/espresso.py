"""Quantum ESPRESSO's ph.x: Born charges, ε∞ and Raman tensors of its output and of its dynamical matrix files.

Where the title of a table is a derivative by the field, or of the polarisation, a row is a direction of it: ``Ex`` of
(d Force / dE), ``Px`` of (d P / du), and E-U: Z_{alpha}{s,beta}. Of U-E: Z_{s,alpha}{beta} a row is a displacement. The
Raman tensor is dα/dR for each displacement (``pol.``), α = Ω(ε - 1)/4π, in Å².
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.files.compression import read_text
from mimyria.files.naming import identify_atoms
from mimyria.files.source import Progress, Reader, Source
from mimyria.formats.born import NO_VELOCITIES, NUMBER, numbers_of, one_frame, structure_of, with_tensors
from mimyria.frame import Array, Frame
from mimyria.targets import APT, PGT
from mimyria.units import BOHR

TRIPLE = rf"\s*({NUMBER})\s+({NUMBER})\s+({NUMBER})\s*"
IN_BRACKETS = rf"\({TRIPLE}\)"
OUTPUT, DYNAMICAL = b"Program PHONON", b"Dynamical matrix file"
CHARGES: tuple[tuple[str, str, bool], ...] = (
    (r"Effective charges \(d Force / dE\)[^\n]*without[^\n]*asr[^\n]*", r"E[xyz]", False),
    (r"Effective charges \(d Force / dE\)[^\n]*", r"E[xyz]", False),
    (r"Effective charges \(d P / du\)[^\n]*", r"P[xyz]", False),
    (r"Effective Charges E-U: Z_\{alpha\}\{s,beta\}", "", False),
    (r"Effective Charges U-E: Z_\{s,alpha\}\{beta\}", "", True),
)
"""Titles of the tables of charges, the first of which that a file has is read; with what each row begins, and whether
it is a displacement instead of a direction of the field."""
SQUARE_ANGSTROM = BOHR**-3
"""dα/dR of 1 Å² (α a volume, in Å³) in e² a0² E_h⁻¹ Å⁻¹, as α of one a0³ is one e² a0² E_h⁻¹."""


def read_espresso(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the structure, with the tensors that were computed."""
    text = read_text(source.path)
    dynamical = text.lstrip().startswith(DYNAMICAL.decode())
    numbers = _numbers_of_matrix(text, source) if dynamical else _numbers_of_output(text, source)
    frame = structure_of(source, numbers) or _structure(text, numbers, source, dynamical)
    computed = {APT.name: _charges(text, len(frame), source), PGT.name: _raman(text, len(frame), source)}
    tensors = {name: tensor for name, tensor in computed.items() if tensor is not None}
    functional = re.search(r"Exchange-correlation\s*=\s*([^(\n]+)", text)
    program = "Quantum ESPRESSO ph.x" + (f" {' '.join(functional[1].split())}" if functional else "")
    yield from one_frame(with_tensors(frame, tensors, source, program, _epsilon(text)), indices)


def _numbers_of_output(text: str, source: Source) -> Array:
    symbols = re.findall(r"^\s*\d+\s+([A-Za-z]+)\S*\s+[\d.]+\s+tau\(", text, re.MULTILINE)
    if not symbols:
        raise TrajectoryError(f"{source.path}: the output of ph.x is cut before its list of atoms")
    return identify_atoms(symbols, source, str(source.path)).numbers


def _numbers_of_matrix(text: str, source: Source) -> Array:
    species, atoms, _ = _counts(text, source)
    named = re.findall(r"^\s*\d+\s+'\s*([A-Za-z]+)[^']*'", text, re.MULTILINE)[:species]
    kinds = re.findall(rf"^\s*\d+\s+(\d+){TRIPLE}$", text, re.MULTILINE)[:atoms]
    if len(named) != species or len(kinds) != atoms:
        raise TrajectoryError(f"{source.path}: the dynamical matrix file is cut before the end of its list of atoms")
    return identify_atoms([named[int(kind) - 1] for kind, *_ in kinds], source, str(source.path)).numbers


def _counts(text: str, source: Source) -> tuple[int, int, int]:
    """Return the numbers of species and atoms, and the Bravais lattice, of a dynamical matrix file."""
    words = text.lstrip().splitlines()[2].split() if len(text.lstrip().splitlines()) > 2 else []
    if len(words) < 9 or not all(word.lstrip("-").isdigit() for word in words[:3]):
        raise TrajectoryError(f"{source.path}: the third line is not that of a dynamical matrix file")
    return int(words[0]), int(words[1]), int(words[2])


def _structure(text: str, numbers: Array, source: Source, dynamical: bool) -> Frame:
    """Return the atoms and the cell that a file states."""
    if dynamical:
        lattice = _counts(text, source)[2]
        parameters = numbers_of(" ".join(text.lstrip().splitlines()[2].split()[3:9]))
        vectors = re.search(rf"Basis vectors\s*\n{TRIPLE}\n{TRIPLE}\n{TRIPLE}\n", text)
        axes = np.array(numbers_of(vectors[0])).reshape(3, 3) if vectors else bravais(lattice, parameters, source)
        rows = re.findall(rf"^\s*\d+\s+\d+{TRIPLE}$", text, re.MULTILINE)[: len(numbers)]
        unit = parameters[0] * BOHR
    else:
        stated = re.search(rf"celldm\(1\)=\s*({NUMBER})", text)
        found = re.findall(rf"a\([123]\) = {IN_BRACKETS}", text)[:3]
        rows = re.findall(rf"tau\([^)]*\) = {IN_BRACKETS}", text)[: len(numbers)]
        if stated is None or len(found) != 3 or len(rows) != len(numbers):
            raise TrajectoryError(f"{source.path}: the output of ph.x is cut before the end of its list of atoms")
        axes, unit = np.array(found, dtype=float), float(stated[1]) * BOHR
    return Frame(numbers, np.array(rows, dtype=float) * unit, axes * unit, np.ones(3, dtype=bool))


def bravais(lattice: int, parameters: list[float], source: Source) -> Array:
    """Return the cell of a Bravais lattice (ibrav) in units of alat, rows; of the simplest ones."""
    b, c = parameters[1:3]
    known: dict[int, list[list[float]]] = {
        1: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        2: [[-0.5, 0, 0.5], [0, 0.5, 0.5], [-0.5, 0.5, 0]],
        3: [[0.5, 0.5, 0.5], [-0.5, 0.5, 0.5], [-0.5, -0.5, 0.5]],
        4: [[1, 0, 0], [-0.5, 0.75**0.5, 0], [0, 0, c]],
        6: [[1, 0, 0], [0, 1, 0], [0, 0, c]],
        8: [[1, 0, 0], [0, b, 0], [0, 0, c]],
    }
    if lattice not in known:
        raise TrajectoryError(
            f"{source.path}: states its cell as ibrav={lattice}; give a file with the cell by --topology, such as the "
            "output of pw.x"
        )
    return np.array(known[lattice])


def _charges(text: str, atoms: int, source: Source) -> Array | None:
    """Return the Born charges, e, (n, 3, 3): field, displacement; None without any."""
    tables = ((list(re.finditer(title, text)), row, turned) for title, row, turned in CHARGES)
    found, row, turned = next((table for table in tables if table[0]), ([], "", False))
    if not found:
        return None
    rest = text[found[-1].end() :]
    end = re.search(r"Effective [Cc]harges|Raman|Diagonalizing|Dynamical", rest)
    line = rf"^\s*{row}\s*{IN_BRACKETS}" if row else rf"^{TRIPLE}$"
    rows = re.findall(line, rest[: end.start()] if end else rest, re.MULTILINE)[: 3 * atoms]
    if len(rows) < 3 * atoms:
        raise TrajectoryError(f"{source.path}: the table of effective charges is cut after {len(rows)} rows")
    charges = np.reshape([numbers_of(" ".join(each)) for each in rows], (-1, 3, 3))
    return charges.swapaxes(1, 2) if turned else charges


def _raman(text: str, atoms: int, source: Source) -> Array | None:
    """Return dα/dR, e² a0² E_h⁻¹ Å⁻¹, (n, 3, 3, 3): field, field, displacement; None without a table."""
    title = list(re.finditer(r"Raman tensor \(A\^2\)", text))
    if not title:
        return None
    one = re.compile(rf"atom #\s*(\d+)\s+pol\.\s*(\d)\s*\n{TRIPLE}\n{TRIPLE}\n{TRIPLE}(?:\n|$)")
    tables = one.findall(text[title[-1].end() :])[: 3 * atoms]
    if len(tables) != 3 * atoms:
        raise TrajectoryError(f"{source.path}: the Raman tensor is cut after {len(tables)} of {3 * atoms} tables")
    tensors = np.empty((atoms, 3, 3, 3))
    for atom, displacement, *values in tables:
        tensors[int(atom) - 1, :, :, int(displacement) - 1] = np.reshape(numbers_of(" ".join(values)), (3, 3))
    return tensors * SQUARE_ANGSTROM


def _epsilon(text: str) -> Array | None:
    """Return the last dielectric tensor, (3, 3), None without any."""
    rows = r"\s*\n\s*".join([r"\(?" + TRIPLE + r"\)?"] * 3)
    found = re.findall(rf"(?:Dielectric constant in cartesian axis|Dielectric Tensor:)\s*\n\s*{rows}", text)
    return np.reshape(numbers_of(" ".join(found[-1])), (3, 3)) if found else None


def accepts(source: Source) -> bool:
    """Return whether a file is an output of ph.x or a dynamical matrix file."""
    return OUTPUT in source.head or source.head.lstrip().startswith(DYNAMICAL)


ESPRESSO = Reader("espresso", accepts, read_espresso, NO_VELOCITIES, ("topology",))
