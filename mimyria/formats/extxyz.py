"""xyz and extended xyz at the speed of numpy: one call for each frame; header and elements are parsed on change."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.formats.compression import open_lines, read_errors
from mimyria.formats.header import Header, parse_header, plain_exponents, split_time
from mimyria.formats.layout import own_header, stored_tensors
from mimyria.formats.naming import Atoms, words_of
from mimyria.formats.source import Progress, Reader, Source, VelocityUnit, truncation_error
from mimyria.formats.topology import identify_names
from mimyria.frame import Array, Frame
from mimyria.targets import TARGETS

SUFFIXES = (".xyz", ".extxyz")
NO_ATOMS = Frame(np.empty(0, dtype=int), np.empty((0, 3)), np.zeros((3, 3)), np.zeros(3, dtype=bool))
TENSORS = tuple(name for target in TARGETS.values() for name in (target.name, *target.aliases))
NUMBERS = ("Z", "numbers", "atomic_numbers", "atomic_number")
"""Columns of atomic numbers."""
COLUMNS = {
    "species": ("species", "element", "elements", "symbol", "symbols", *NUMBERS),
    "pos": ("pos", "positions", "position"),
    "vel": ("vel", "velo", "velocities"),
    "masses": ("masses", "mass"),
    **{name: (name,) for name in ("momenta", "forces", "initial_charges", *TENSORS)},
}
"""The columns used, with their names in various files; the first of a file's is taken."""
_OF_CP2K = re.compile(rb" i =\s*\d+, (?:time|E\w*) =|(?=.*\bStep=\s*\d)(?=.*\bTime=)(?=.*[=:\"]species:S:1:velo:R:3\b)")
"""Comments of CP2K's files of velocities; those of its extended xyz have their entries in any order."""
_EXTENDED = re.compile(rb"\s*\d+\s*\n[^\n]*\bProperties=")
"""Beginning of an extended xyz file, whatever its name."""
_LIKE_VELOCITIES = re.compile(r"(?i)(?:v|vel\w*|momentum|momenta)$")
_STEP = re.compile(r" i =\s*(\d+), E|\s*Atoms\. Timestep: (\d+)")
"""In comments without a time, of CP2K's path integrals and of LAMMPS, whose numbers of atoms are types."""
_LAMMPS = re.compile(r"(?<!\S)Timestep=(\d+)(?!\S)")
"""In the extended xyz of LAMMPS, whose ``Time`` and velocities have the units of the run, which it does not state."""
LAMMPS_TIMES = {"A/fs": 1.0, "A/ps": 1e3, "au": 1.0}
"""fs in the unit of time of LAMMPS's units real, metal and electron, by that of their velocities."""
Table = tuple[list[int], np.dtype[np.void]]
"""How the lines of a frame are parsed: the fields used, and the record they make."""


@dataclass(frozen=True)
class Block:
    """The text of one frame: its index, the number of its first line of atoms (from 1), comment and lines of atoms."""

    index: int
    line: int
    comment: str
    rows: list[bytes]


def read_extxyz(
    source: Source, indices: Iterable[int], progress: Progress, *, positions: bool = True
) -> Iterator[Frame]:
    """Yield the frames of an xyz file at the given increasing indices; one without positions is refused if these are
    needed, and has zeros in their place otherwise.
    """
    header, comment = None, ""
    table: Table = [], np.dtype([])
    known: Atoms | None = None
    told: Array = np.empty(0)
    with open_lines(source.path) as (lines, fraction):
        for block in read_blocks(source.path, lines, indices):
            place = f"{source.path}, frame {block.index}"
            try:
                time, rest = split_time(block.comment)
                time, step = _clock(source, time, rest)
                if source.times_only:
                    progress.fraction = fraction()
                    yield replace(NO_ATOMS, time=time, step=step)
                    continue
                # Comment lines mostly differ in the time alone, and species not at all: only changes are parsed.
                if header is None or rest != comment:
                    columns = header.columns if header else None
                    header, comment = parse_header(rest, header), rest
                    table = table if header.columns is columns else _table(header, positions)
                if known is None:
                    _note_unread(block, header, source)
                atoms = parse_rows(block, table)
            except TrajectoryError as error:
                raise TrajectoryError(f"{place}: {error}") from error
            progress.fraction = fraction()
            present = atoms.dtype.names or ()
            now = atoms[[name for name in ("species", "masses") if name in present]]
            if known is None or now.dtype != told.dtype or not np.array_equal(now, told):
                told, known = now.copy(), _identified(now, header, rest, source, place)
            charges = atoms["initial_charges"] if "initial_charges" in present else None
            info = own_header(header.info, len(atoms), charges, place)
            atoms = known.of(atoms)
            tensors = {name: atoms[name] for name in present if name in TENSORS}
            yield Frame(
                numbers=known.numbers,
                positions=atoms["pos"].copy() if "pos" in present else np.zeros((len(atoms), 3)),
                cell=header.cell,
                periodic=header.periodic,
                velocities=_velocities(atoms, known),
                time=time,
                tensors=stored_tensors(tensors, header.info, source.layout, place) if tensors else {},
                info=info,
                forces=atoms["forces"].copy() if "forces" in present else None,
                masses=known.masses,
                columns=tuple(header.columns),
                step=step,
                kept=known.kept,
            )


def _clock(source: Source, time: float | None, comment: str) -> tuple[float | None, int | None]:
    """Return the time, fs, and the step of a frame; of LAMMPS the time is known with the unit of the velocities."""
    if time is None:
        step = _STEP.match(comment)
        return None, int(step[1] or step[2]) if step else None
    if (step := _LAMMPS.search(comment)) is None:
        return time, None
    unit = LAMMPS_TIMES.get(source.velocity_unit or "")
    return (None, int(step[1])) if unit is None else (time * unit, None)


def read_extxyz_velocities(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames of a second file with the velocities: in their own column, else in those of the positions."""
    for frame in read_extxyz(source, indices, progress, positions=False):
        if frame.velocities is None and frame.columns and "pos" not in frame.columns:
            raise TrajectoryError(f"{source.path}: holds {', '.join(frame.columns)}, no velocities")
        yield frame if frame.velocities is not None else replace(frame, velocities=frame.positions)


def read_names(path: Path) -> tuple[list[str], bool]:
    """Return what the first frame calls its atoms, and whether its comment names the columns."""
    with open_lines(path) as (lines, _):
        block = next(read_blocks(path, lines, [0]))
    try:
        header = parse_header(split_time(block.comment)[1])
        table = _table(header, positions=False)
        return words_of(parse_rows(block, table)["species"]), "properties" in header.written
    except TrajectoryError as error:
        raise TrajectoryError(f"{path}, frame 0: {error}") from error


def read_blocks(
    path: Path,
    lines: Iterator[bytes],
    indices: Iterable[int],
    *,
    n_comments: int = 1,
    titled: bool = False,
    together: int = 1,
) -> Iterator[Block]:
    """Yield the text of the wanted frames; the others are skipped by counting lines.

    Between the number of atoms, which a title may follow, and the atoms stand so many lines of comments. Where several
    blocks are beads of one frame, ``together``, messages count frames.
    """
    wanted, line = iter(indices), 1
    following = next(wanted, None)
    for index in count():
        if following is None:
            return
        try:
            first = next(lines, b"")
            while first.isspace():
                first, line = next(lines, b""), line + 1
            if not first and index == 0:
                raise TrajectoryError(f"{path}: holds no frame")
            if not first:
                return
            first = first.removeprefix(codecs.BOM_UTF8) if index == 0 else first
            if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise TrajectoryError(f"{path}: is text in UTF-16; save it as UTF-8")
            number = first.split()[0] if titled else first.strip()
            if not number.isdigit() or int(number) == 0:
                raise TrajectoryError(
                    f"{path}, line {line}: expected a number of atoms, found "
                    f"{first[:40].decode(errors='replace').strip()!r}"
                )
            n_atoms = int(number)
            comment = b"".join(islice(lines, n_comments)).decode(errors="replace")
            rows = list(islice(lines, n_atoms))
        except read_errors(path) as error:
            raise truncation_error(path, index // together, f"the file is damaged ({error})") from error
        if len(rows) < n_atoms:
            raise truncation_error(path, index // together, f"{n_atoms} atoms announced, {len(rows)} present")
        if index == following:
            # A file may end without a newline; a last line that also lacks columns was cut, or is still being written.
            if not rows[-1].endswith(b"\n") and len(rows[-1].split()) < len(rows[0].split()):
                raise truncation_error(path, index // together, "the line of its last atom is incomplete")
            yield Block(index, line + 1 + n_comments, comment, rows)
            following = next(wanted, None)
        line += n_atoms + 1 + n_comments


def _table(header: Header, positions: bool) -> Table:
    """Return how to parse the lines of a file with this header, in which there must be positions or may be."""
    fields: list[int] = []
    record: list[tuple[str, str, tuple[int, ...]]] = []
    for ours, names in COLUMNS.items():
        found = next((header.columns[name] for name in names if name in header.columns), range(0))
        if not found and ours == "pos" and positions and not {*COLUMNS["vel"], "momenta"}.isdisjoint(header.columns):
            raise TrajectoryError(
                "holds velocities, no positions; give the file of positions, and this as --velocities"
            )
        if not found and ours == "pos" and positions and not {"force", "forces"}.isdisjoint(header.columns):
            raise TrajectoryError("holds forces, no positions; give the file of positions")
        if not found and (ours == "species" or (ours == "pos" and positions)):
            raise TrajectoryError(f"no column {ours} among {', '.join(header.columns)}; add it to Properties")
        if found and ours in ("pos", "vel", "momenta", "forces") and len(found) != 3:
            raise TrajectoryError(f"column {ours} has {len(found)} numbers for each atom, not 3; correct Properties")
        if ours in ("masses", "initial_charges") and len(found) > 1:
            raise TrajectoryError(f"column {ours} has {len(found)} numbers for each atom, not 1; correct Properties")
        if found:
            fields += found
            record.append((ours, "S16", ()) if ours == "species" else (ours, "f8", (len(found),)))
    return fields, np.dtype(record)


def _note_unread(block: Block, header: Header, source: Source) -> None:
    """Note columns that the header does not name, and those that may be velocities under another name."""
    used = {*COLUMNS["vel"], *COLUMNS["momenta"]}
    others = [name for name in header.columns if name not in used and _LIKE_VELOCITIES.match(name)]
    if others and used.isdisjoint(header.columns):
        source.note(f"{source.path}: column {others[0]} is not read; if it holds velocities, call it vel in Properties")
    named = max(fields.stop for fields in header.columns.values())
    if (n_columns := len(block.rows[0].split())) > named:
        several = f"columns {named + 1} to {n_columns} have no name and are not read"
        which = several if n_columns > named + 1 else f"column {n_columns} has no name and is not read"
        known = header.written.get("properties", "species:S:1:pos:R:3").strip("\"'")
        source.note(
            f"{source.path}: {which}; for velocities, put Properties={known}:vel:R:3 (or the "
            "order they have) into the comment of every frame"
        )


def parse_rows(block: Block, table: Table) -> Array:
    """Return the columns used as one record for each atom, shape (n,)."""
    fields, record = table
    try:
        atoms = np.loadtxt(block.rows, dtype=record, usecols=fields, comments=None, ndmin=1)
    except ValueError as error:
        rows = [plain_exponents(row.decode("latin-1")).encode("latin-1") for row in block.rows]
        if rows == block.rows:
            raise _bad_row(block, fields) from error
        return parse_rows(replace(block, rows=rows), table)
    if len(atoms) != len(block.rows):
        raise _bad_row(block, fields)
    return atoms


def _identified(told: Array, header: Header, comment: str, source: Source, place: str) -> Atoms:
    """Return the atoms of which a frame tells species and, it may be, masses."""
    names = told["species"]
    if (step := _STEP.match(comment)) and step[2]:
        words = words_of(names)
        return identify_names(["" if word.isdigit() else word for word in words], source, place, aliases=[words])
    column = next(name for name in COLUMNS["species"] if name in header.columns)
    if column in NUMBERS and all(map(bytes.isdigit, names.tolist())):
        names = names.astype(int)
    masses = told["masses"][:, 0] if "masses" in (told.dtype.names or ()) else None
    return identify_names(names, source, place, masses=masses)


def _bad_row(block: Block, fields: list[int]) -> TrajectoryError:
    """Return the error that names the first line that cannot be parsed."""
    for line, row in enumerate(block.rows, block.line):
        words = row.split()
        if len(words) <= max(fields):
            return TrajectoryError(f"line {line} has {len(words)} columns, not {max(fields) + 1}: {row[:60]!r}")
        for word in (words[field] for field in fields[1:]):  # fields[0] is the species
            try:
                float(word)
            except ValueError:
                return TrajectoryError(f"line {line}: {word!r} is not a number")
    return TrajectoryError(f"the lines from {block.line} on are not a table of numbers")


def _velocities(atoms: Array, known: Atoms) -> Array | None:
    """Return velocities (n, 3) from a column of velocities or of ASE's momenta, in the unit of the file."""
    columns = atoms.dtype.names or ()
    if "vel" in columns:
        return np.asarray(atoms["vel"])
    if "momenta" in columns:
        return np.asarray(atoms["momenta"] / known.weights[:, None])
    return None


def _velocity_unit(source: Source, frame: Frame) -> VelocityUnit:
    """Return Å/fs for a column of velocities, as GPUMD writes it, but of LAMMPS; and the unit of ASE for momenta."""
    if {*COLUMNS["vel"]}.isdisjoint(frame.columns):
        return VelocityUnit("ase", fixed=True)
    comment = source.head.lstrip().partition(b"\n")[2].partition(b"\n")[0].decode(errors="replace")
    return (
        VelocityUnit(hint=" (LAMMPS units metal: A/ps, real: A/fs)")
        if _LAMMPS.search(comment)
        else VelocityUnit("A/fs")
    )


def _second_unit(source: Source, _: Frame) -> VelocityUnit:
    """Return the unit of CP2K, which its comment tells, that of ASE's momenta, or none, as other programs differ."""
    comment = source.head.lstrip().partition(b"\n")[2].partition(b"\n")[0]
    columns = parse_header(comment.decode(errors="replace")).columns
    if _OF_CP2K.match(comment):
        return VelocityUnit("au")
    if "momenta" in columns:
        return VelocityUnit("ase", fixed=True)
    return VelocityUnit(hint=" (CP2K: au)")


EXTXYZ = Reader(
    "extxyz",
    lambda source: source.suffix in SUFFIXES or _EXTENDED.match(source.head) is not None,
    read_extxyz,
    _velocity_unit,
    uses=("topology",),
)
EXTXYZ_VELOCITIES = replace(EXTXYZ, name="extxyz velocities", read=read_extxyz_velocities, velocity_unit=_second_unit)
