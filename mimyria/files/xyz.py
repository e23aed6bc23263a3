"""The text of xyz and extended xyz: blocks of lines, and the comment of each, ``key=value`` pairs with the columns."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.errors import TrajectoryError, located
from mimyria.files.compression import open_lines
from mimyria.files.naming import words_of
from mimyria.files.source import scan, truncation_error
from mimyria.frame import Array
from mimyria.targets import TARGETS
from mimyria.units import ATOMIC_TIME

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
Table = tuple[list[int], np.dtype[np.void]]
"""How the lines of a frame are parsed: the fields used, and the record they make."""
_PAIR = re.compile(r"""([^\s=,"']+)\s*=\s*("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\{[^}]*\}|\[[^\]]*\]|[^\s"']\S*|)""")
_TIME = re.compile(
    r"""(?ix) (?<!\S) ["']? time (?: [_ ]? [(\[]? (?P<unit>fs|ps|ns|au) [)\]]? )? ["']? \s*=\s*
        ["']? (?P<value>[^\s,"']+?) \s* (?P<own>fs|ps|ns)? ["']? (?=[\s,]|$)"""
)
_FEMTOSECONDS = {"fs": 1.0, "ps": 1e3, "ns": 1e6, "au": ATOMIC_TIME}
_EXPONENT = re.compile(r"(?<!\S)([+-]?(?:\d+\.\d*|\.\d+))(?:[dD]([+-]?\d+)|([+-]\d{3}))(?!\S)")
"""A number with an exponent as Fortran writes it: 1.5D-02, and 1.5-102 where the letter has no room."""
_MOST_DIGITS = 12
_BOOLEANS = {word: word[0] in "Tt" for word in ("T", "F", "True", "False", "true", "false", "TRUE", "FALSE")}
_OURS = ("lattice", "properties", "pbc")


@dataclass(frozen=True)
class Header:
    """The comment line without the time."""

    written: dict[str, str]
    """The entries that the next three are parsed from."""
    columns: dict[str, range]
    """Fields of a line by column name."""
    cell: Array
    """Å, shape (3, 3); zero if there is none."""
    periodic: Array
    """Shape (3,)."""
    info: dict[str, Any]
    """The other pairs."""


def split_time(text: str) -> tuple[float | None, str]:
    """Return the time, and the comment line without it, which mostly stays the same from frame to frame.

    It is in fs, as the line says (``time=``, ``time_fs=``), or converted to fs (``time_ps=``, ``time="0.5 ps"``).
    """
    match = _TIME.search(text)
    if match is None:
        return None, text
    try:
        unit = _FEMTOSECONDS[(match["own"] or match["unit"] or "fs").lower()]
        return float(plain_exponents(match["value"])) * unit, text[: match.start()] + text[match.end() :]
    except ValueError as error:
        raise TrajectoryError(f"the time {match['value']!r} is not a number; correct the comment line") from error


def plain_exponents(text: str) -> str:
    """Return text in which every number has its exponent as Python reads it."""
    return _EXPONENT.sub(r"\1E\2\3", text)


def parse_header(text: str, last: Header | None = None) -> Header:
    """Parse a comment line; that of a plain xyz file means species and positions, and no cell.

    ``last`` is the header of the frame before; entries written as there are not parsed again.
    """
    pairs = _PAIR.findall(text)
    info = {key: parse_value(value) for key, value in pairs if key.lower() not in _OURS}
    written = {key.lower(): value for key, value in pairs if key.lower() in _OURS}
    if last is not None and written == last.written:
        return replace(last, info=info)
    lattice = np.asarray(parse_value(written["lattice"]) if "lattice" in written else np.zeros(9))
    if lattice.shape != (9,) or lattice.dtype.kind not in "if":
        raise TrajectoryError(f"Lattice is not nine numbers (Å): {written['lattice']}")
    periodic = np.asarray(parse_value(written["pbc"]) if "pbc" in written else "lattice" in written)
    if periodic.shape not in ((), (3,)) or periodic.dtype.kind not in "ib":
        raise TrajectoryError(f"pbc is not three letters T or F: {written['pbc']}")
    return Header(
        written=written,
        columns=_columns(written.get("properties", "species:S:1:pos:R:3").strip("\"'")),
        cell=lattice.astype(float).reshape(3, 3),
        periodic=np.broadcast_to(periodic.astype(bool), (3,)).copy(),
        info=info,
    )


def parse_value(text: str) -> Any:
    """Return a header entry as number, boolean, array of these, JSON as ASE writes it, or string."""
    if text[:1] in ('"', "'", "{", "["):
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    if text.startswith("_JSON "):
        value = json.loads(text.removeprefix("_JSON "))
        array = np.array(value) if isinstance(value, list) else None
        return value if array is None or array.dtype.kind not in "ifb" else array
    words = plain_exponents(text.replace(",", " ")).split()
    for kind in (int, float, _BOOLEANS.__getitem__):
        try:
            values = [kind(word) for word in words]
        except (ValueError, KeyError):
            continue
        return text if not values else values[0] if len(values) == 1 else np.array(values)
    return text


def _columns(properties: str) -> dict[str, range]:
    fields = properties.split(":")
    if len(fields) % 3 or not all(width.isdecimal() for width in fields[2::3]):
        raise TrajectoryError(f"Properties={properties} is not a sequence of name:type:width")
    columns, start = {}, 0
    for name, width in zip(fields[::3], map(int, fields[2::3]), strict=True):
        columns[name] = range(start, start + width)
        start += width
    return columns


@dataclass(frozen=True)
class Block:
    """The text of one frame: its index, the number of its first line of atoms (from 1), comment and lines of atoms."""

    index: int
    line: int
    comment: str
    rows: list[bytes]


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
    line = 1

    def read(index: int) -> Block | None:
        nonlocal line
        first = next(lines, b"")
        while first.isspace():
            first, line = next(lines, b""), line + 1
        if not first and index == 0:
            raise TrajectoryError(f"{path}: holds no frame")
        if not first:
            return None
        first = first.removeprefix(codecs.BOM_UTF8) if index == 0 else first
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise TrajectoryError(f"{path}: is text in UTF-16; save it as UTF-8")
        number = first.split()[0] if titled else first.strip()
        if not number.isdigit() or len(number) > _MOST_DIGITS or int(number) == 0:
            found = first[:40].decode(errors="replace").strip()
            raise TrajectoryError(f"{path}, line {line}: expected a number of atoms, found {found!r}")
        n_atoms = int(number)
        comment = b"".join(islice(lines, n_comments)).decode(errors="replace")
        block = Block(index, line + 1 + n_comments, comment, list(islice(lines, n_atoms)))
        if len(block.rows) < n_atoms:
            raise truncation_error(path, index // together, f"{n_atoms} atoms announced, {len(block.rows)} present")
        line += n_atoms + 1 + n_comments
        return block

    for block in scan(path, indices, read, together):
        # A file may end without a newline; a last line that also lacks columns was cut, or is still being written.
        if not block.rows[-1].endswith(b"\n") and len(block.rows[-1].split()) < len(block.rows[0].split()):
            raise truncation_error(path, block.index // together, "the line of its last atom is incomplete")
        yield block


def table_of(header: Header, positions: bool) -> Table:
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
                return TrajectoryError(f"line {line}: {word.decode(errors='replace')!r} is not a number")
    return TrajectoryError(f"the lines from {block.line} on are not a table of numbers")


def read_names(path: Path) -> tuple[list[str], bool]:
    """Return what the first frame calls its atoms, and whether its comment names the columns."""
    with open_lines(path) as (lines, _):
        block = next(read_blocks(path, lines, [0]))
    with located(f"{path}, frame 0"):
        header = parse_header(split_time(block.comment)[1])
        table = table_of(header, positions=False)
        return words_of(parse_rows(block, table)["species"]), "properties" in header.written
