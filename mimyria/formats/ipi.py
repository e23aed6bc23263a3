"""Files of i-PI: one quantity in each, named with its unit in the comment of every frame, in two forms of xyz.

The default form has the quantity in the columns of the positions and the cell in the comment,
``# CELL(abcABC): a b c A B C  Step: 8  Bead: 0 v_centroid{atomic_unit}  cell{atomic_unit}``. The form ``ase`` is extxyz
with an ``ipi_comment`` and a column named after the quantity, beside positions that are zero. Time is told by the step.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from pathlib import Path

import numpy as np

from mimyria.elements import covalent_radii
from mimyria.errors import TrajectoryError, located
from mimyria.files.cells import cell_of_angles
from mimyria.files.compression import open_lines
from mimyria.files.naming import NO_ATOMS, Atoms
from mimyria.files.source import Progress, Reader, Source, VelocityUnit
from mimyria.files.topology import identify_names
from mimyria.files.xyz import Header, Table, parse_header, parse_rows, read_blocks
from mimyria.frame import Array, Frame
from mimyria.units import BOHR, ELECTRON_MASS

POSITIONS = ("positions", "x_centroid", "x_centroid_even", "x_centroid_odd")
VELOCITIES = ("velocities", "v_centroid", "v_centroid_even", "v_centroid_odd")
MOMENTA = ("momenta", "p_centroid")
LENGTHS = {"atomic_unit": BOHR, "automatic": BOHR, "": BOHR, "angstrom": 1.0, "ase": 1.0, "meter": 1e10}
"""Å, by i-PI's name of the unit."""
SPEEDS = {
    **dict.fromkeys(("atomic_unit", "automatic", ""), (1.0, "au")),
    "ase": (1.0, "ase"),
    "m/s": (1e-2, "A/ps"),
    "angstrom/ps": (1.0, "A/ps"),
    "angstrom/fs": (1.0, "A/fs"),
}
"""So many of a unit in ``units.VELOCITY``, by i-PI's name."""
MASSES = {"atomic_unit": ELECTRON_MASS, "automatic": ELECTRON_MASS, "": ELECTRON_MASS, "ase": 1.0}
"""u, the mass in the unit of momenta, by i-PI's name of that unit."""
TABLE: Table = [0, 1, 2, 3], np.dtype([("species", "S8"), ("values", "f8", (3,))])
MEASURED = 300
"""So many atoms tell a unit that is not stated."""
PREFIXES = {"": 1.0, "kilo": 1e3, "milli": 1e-3, "micro": 1e-6, "nano": 1e-9, "pico": 1e-12, "femto": 1e-15}

_CELL = re.compile(r"CELL[(\[{](abcABC|H|GENH)[)\]}]:?\s*((?:[-+]?[\d.]\S*(?:\s+|$))*)")
_STEP = re.compile(r"(?i)\bstep:\s*(\d+)")
_BEAD = re.compile(r"(?i)\bbead:\s*(\d+)")
_BRACES = re.compile(r"(\w+)(?:\([^)]*\))?\{([^}]*)\}")
_BARE = re.compile(rf"\b({'|'.join((*POSITIONS, *VELOCITIES, *MOMENTA))}|\w*forces\w*|f_centroid)\b")
_DIALECT = re.compile(rb"\s*\d+\s*\n[^\n]*(?:CELL[(\[{](?:abcABC|H|GENH)[)\]}]|ipi_comment=|(?i:Step:\s*\d+\s+Bead:))")


@dataclass(frozen=True)
class Comment:
    """What the comment of a frame says."""

    step: int | None
    bead: int
    quantity: str
    unit: str
    cell: Array
    """Å, shape (3, 3); zero if there is none."""
    fields: tuple[int, ...]
    """Where the element and the quantity stand in a line."""
    header: Header | None
    """The parsed entries, if it is extxyz."""


def read_ipi(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames of a file of positions at the given increasing indices."""
    for frame in _read(source, indices, progress):
        if (held := frame.info["quantity"]) not in POSITIONS:
            second = ", and this one with --velocities" if held in (*VELOCITIES, *MOMENTA) else ""
            raise TrajectoryError(
                f"{source.path}: holds {held}, not positions; give the file of {' or '.join(POSITIONS[:2])}{second}"
            )
        yield frame


def read_ipi_velocities(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames of a file of velocities, or of momenta (of atoms with the masses of their elements)."""
    for frame in _read(source, indices, progress):
        if (held := frame.info["quantity"]) not in (*VELOCITIES, *MOMENTA):
            raise TrajectoryError(
                f"{source.path}: holds {held}, not velocities; --velocities takes a file of "
                f"{' or '.join(VELOCITIES[:2])}"
            )
        yield frame


def is_ipi(source: Source) -> bool:
    """Return whether the comment of the first frame is one of i-PI, and the file has no columns of another program."""
    if _DIALECT.match(source.head) is None:
        return False
    text = _first_comment(source)
    columns = parse_header(text).columns if "Properties=" in text else {}
    return {*columns} <= {"species", "pos", *_named(text)}


def count_beads(path: Path) -> int:
    """Return how many beads of a ring polymer a file of i-PI holds one after the other; one for any other file."""
    return len(_beads(path)) if is_ipi(Source(path)) else 1


def _beads(path: Path) -> list[int]:
    """Return the beads of the first step in the order of the file; [0] if it does not name them."""
    beads: list[int] = []
    steps: set[str] = set()
    with open_lines(path) as (lines, _):
        for block in read_blocks(path, lines, count()):
            step, bead = _STEP.search(block.comment), _BEAD.search(block.comment)
            steps.add(step[1] if step else "")
            if bead is None or int(bead[1]) in beads or len(steps) > 1:
                break
            beads.append(int(bead[1]))
    return beads or [0]


def _read(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield frames with positions (Å), or with velocities in the unit of the file, whatever it holds."""
    beads = _beads(source.path)
    if source.bead is None and len(beads) > 1:
        raise TrajectoryError(
            f"{source.path}: its frames are the beads {beads[0]} to {beads[-1]} of a ring polymer at one step, not "
            "successive frames; read them with --beads, or give a file of the centroid"
        )
    bead = beads[0] if source.bead is None else source.bead
    if bead not in beads:
        raise TrajectoryError(f"{source.path}: holds bead {', '.join(map(str, beads))}, not bead {bead}")
    unstated = "" if source.times_only else _unstated_unit(source)
    places = (index * len(beads) + beads.index(bead) for index in indices)
    first: Comment | None = None
    comment: Comment | None = None
    table: Table = [], np.dtype([])
    names, known = np.empty(0, dtype=bytes), NO_ATOMS
    with open_lines(source.path) as (lines, fraction):
        for block in read_blocks(source.path, lines, places, together=len(beads)):
            place = f"{source.path}, frame {block.index // len(beads)}"
            with located(place):
                comment = _parse_comment(block.comment, comment, unstated)
                if first is None:
                    first, table = comment, ([*comment.fields], TABLE[1])
                _check_unchanged(comment, first, bead)
                progress.fraction = fraction()
                if source.times_only:
                    yield replace(NO_ATOMS.alone, step=comment.step, info=_info(comment))
                    continue
                atoms = parse_rows(block, table)
                scale, mass = _scale(comment)
            if not np.array_equal(atoms["species"], names):
                names, known = atoms["species"].copy(), identify_names(atoms["species"], source, place)
            values = known.of(atoms["values"]) * scale
            yield _frame(comment, values if mass is None else values * mass / known.weights[:, None], known)


def _first_comment(source: Source) -> str:
    return source.comment.decode(errors="replace")


def _named(text: str) -> dict[str, str]:
    """Return the units in braces, by the quantities before these."""
    return {quantity: unit for quantity, unit in _BRACES.findall(text) if quantity != "CELL"}


def _unstated_unit(source: Source) -> str:
    """Return the unit of a file of positions that states none: i-PI's own, or the one in which atoms are bonded.

    Over the sum of their covalent radii, the nearest neighbours are at about 1 in Å, and at 1.9 in Bohr.
    """
    if _named(comment := _first_comment(source)) or ((bare := _BARE.search(comment)) and bare[1] not in POSITIONS):
        return ""
    with open_lines(source.path) as (lines, _):
        (block,) = read_blocks(source.path, lines, [0])
        place = f"{source.path}, frame 0"
        with located(place):
            atoms = parse_rows(block, TABLE)
    known = identify_names(atoms["species"], source, place)
    points, radii = known.of(atoms["values"])[:MEASURED], covalent_radii(known.numbers)[:MEASURED]
    distances = np.linalg.norm(points[:, None] - points, axis=2) / (radii[:, None] + radii)
    bonds = (distances + np.diag(np.full(len(points), np.inf))).min(axis=1)
    unit = min(("atomic_unit", "angstrom"), key=lambda name: abs(np.log(np.median(bonds) * LENGTHS[name])))
    source.note(f"{source.path}: states no unit of positions; the distances between its atoms are those of {unit}")
    return unit


def _parse_comment(text: str, last: Comment | None = None, unstated: str = "") -> Comment:
    """Parse a comment; what stands in ``last``, that of the frame before, is not parsed again."""
    step, bead, bare = _STEP.search(text), _BEAD.search(text), _BARE.search(text)
    named = _named(text)
    cell_unit = named.pop("cell", unstated)
    quantity, unit = next(iter(named.items()), (bare[1] if bare else "positions", unstated))
    header = parse_header(text, last.header if last else None) if "Properties=" in text else None
    if header is None:
        written = _CELL.search(text)
        cell = _cell(written[1], written[2], cell_unit) if written else np.zeros((3, 3))
        fields = (0, 1, 2, 3)
    else:
        cell = header.cell
        column = "pos" if quantity == "positions" else quantity
        if "species" not in header.columns or len(header.columns.get(column, ())) != 3:
            raise TrajectoryError(f"no columns of species and of {quantity} among {', '.join(header.columns)}")
        fields = (*header.columns["species"], *header.columns[column])
    return Comment(int(step[1]) if step else None, int(bead[1]) if bead else 0, quantity, unit, cell, fields, header)


@lru_cache(maxsize=4)
def _cell(kind: str, text: str, unit: str) -> Array:
    """Return a cell of the comment, Å: ``abcABC`` six numbers, ``H`` vectors as columns, ``GENH`` as rows.

    It is one array for as long as the comment says the same.
    """
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) != (6 if kind == "abcABC" else 9):
        raise TrajectoryError(f"the cell after CELL({kind}) is not {6 if kind == 'abcABC' else 9} numbers: {text!r}")
    if kind == "abcABC":
        cell = cell_of_angles(numbers)
    else:
        cell = np.reshape(numbers, (3, 3)) if kind == "GENH" else np.reshape(numbers, (3, 3)).T
    factor, base = _split_unit(unit, LENGTHS, "the cell")
    return np.asarray(cell * (factor * LENGTHS[base]))


def _split_unit(unit: str, known: Collection[str], of: str) -> tuple[float, str]:
    """Return a unit as the factor of its prefix, and one of the known units."""
    for prefix, factor in PREFIXES.items():
        base = unit.removeprefix(prefix).lower()
        if unit.startswith(prefix) and base in known:
            return factor, base
    raise TrajectoryError(f"the unit {unit!r} of {of} is not one of {', '.join(filter(None, known))}")


def _check_unchanged(now: Comment, first: Comment, bead: int) -> None:
    """Raise TrajectoryError where a file holds something else than in its first frame."""
    if now.bead != bead:
        raise TrajectoryError(
            f"is bead {now.bead}, where bead {bead} should be: a bead is missing, or two files were joined"
        )
    if (now.quantity, now.unit, now.fields) != (first.quantity, first.unit, first.fields):
        raise TrajectoryError(
            f"holds {now.quantity}{{{now.unit}}}, but frame 0 {first.quantity}{{{first.unit}}}: two files were joined"
        )


def _info(comment: Comment) -> dict[str, str | int]:
    return {"quantity": comment.quantity, "bead": comment.bead}


def _scale(comment: Comment) -> tuple[float, float | None]:
    """Return the unit of a quantity in Å or the unit of velocities, and, of momenta, that of their masses in u."""
    if comment.quantity in POSITIONS:
        factor, base = _split_unit(comment.unit, LENGTHS, comment.quantity)
        return factor * LENGTHS[base], None
    if comment.quantity in VELOCITIES:
        factor, base = _split_unit(comment.unit, SPEEDS, comment.quantity)
        return factor * SPEEDS[base][0], None
    if comment.quantity in MOMENTA:
        factor, base = _split_unit(comment.unit, MASSES, comment.quantity)
        return factor * SPEEDS[base][0], MASSES[base]
    return 1.0, None


def _frame(comment: Comment, values: Array, known: Atoms) -> Frame:
    """Return the values as positions, or as velocities (beside positions that mean nothing)."""
    return replace(
        known.alone,
        positions=values,
        cell=comment.cell,
        periodic=np.full(3, comment.cell.any()),
        velocities=values if comment.quantity in (*VELOCITIES, *MOMENTA) else None,
        info=_info(comment),
        step=comment.step,
    )


def _velocity_unit(source: Source, _: Frame) -> VelocityUnit:
    """Return the unit in the braces of the first comment; i-PI's own, of no use, where these are of positions."""
    comment = _parse_comment(_first_comment(source))
    if comment.quantity not in (*VELOCITIES, *MOMENTA):
        return VelocityUnit("au", fixed=True)
    name = SPEEDS[_split_unit(comment.unit, SPEEDS, comment.quantity)[1]][1]
    return VelocityUnit(name, fixed=comment.unit != "")


IPI = Reader("ipi", is_ipi, read_ipi, _velocity_unit, uses=("topology",))
IPI_VELOCITIES = Reader("ipi velocities", is_ipi, read_ipi_velocities, _velocity_unit)
