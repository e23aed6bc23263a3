"""The text of xyz and extended xyz: blocks of lines, of which the comment says which columns hold what."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from mimyria.errors import TrajectoryError, located
from mimyria.files.compression import open_lines
from mimyria.files.header import Header, parse_header, plain_exponents, split_time
from mimyria.files.naming import words_of
from mimyria.files.source import scan, truncation_error
from mimyria.frame import Array
from mimyria.targets import TARGETS

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
        if not number.isdigit() or int(number) == 0:
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
                return TrajectoryError(f"line {line}: {word!r} is not a number")
    return TrajectoryError(f"the lines from {block.line} on are not a table of numbers")


def read_names(path: Path) -> tuple[list[str], bool]:
    """Return what the first frame calls its atoms, and whether its comment names the columns."""
    with open_lines(path) as (lines, _):
        block = next(read_blocks(path, lines, [0]))
    with located(f"{path}, frame 0"):
        header = parse_header(split_time(block.comment)[1])
        table = table_of(header, positions=False)
        return words_of(parse_rows(block, table)["species"]), "properties" in header.written
