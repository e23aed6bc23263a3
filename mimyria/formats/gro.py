"""GRO files of GROMACS, of one frame or of a run: columns of fixed width, in nm and ps.

The title may hold the time, ``t= 0.00400 step= 8``. Positions have d decimals in a width of d + 5, and velocities,
where there are some, one decimal more in the same width; the distance between decimal points tells d.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from mimyria.errors import TrajectoryError, located
from mimyria.files.compression import open_lines
from mimyria.files.naming import NO_ATOMS
from mimyria.files.source import Progress, Reader, Source, fixed_unit, scan, truncation_error
from mimyria.files.topology import Told, identify, read_topology
from mimyria.frame import Array, Frame

NAMES = slice(5, 20)
"""Columns of the names of residue and atom, and of the number of the atom."""
FIRST = 20
"""Where the numbers begin."""
BOX = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))
"""Places in the matrix of cell vectors of the numbers in the last line, three or nine."""
NANOMETRE = 10.0
"""Å."""

_TIME = re.compile(r"\bt=\s*([-+\d.eE]+)")
_STEP = re.compile(r"\bstep=\s*(\d+)")


@dataclass(frozen=True)
class _Text:
    """The lines of a frame."""

    index: int
    title: str
    rows: list[bytes]
    box: bytes
    line: int
    """Number of the first atom's line, from one."""


def read_gro(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames at the given increasing indices."""
    told = _names(source.path)  # which says what is wrong with the file, where MDAnalysis does not
    if source.topology is None:
        told = read_topology(source.path, source)
    atoms = identify(told, source, f"{source.path}, frame 0")
    names: list[bytes] = []
    with open_lines(source.path) as (lines, fraction):
        for text in _texts(source.path, lines, indices):
            place = f"{source.path}, frame {text.index}"
            time, step = _TIME.search(text.title), _STEP.search(text.title)
            progress.fraction = fraction()
            clock = 1e3 * float(time[1]) if time else None, int(step[1]) if step and not time else None
            if source.times_only:
                yield replace(NO_ATOMS.alone, time=clock[0], step=clock[1])
                continue
            if len(text.rows) != told.n_atoms:
                raise TrajectoryError(
                    f"{place}: {len(text.rows)} atoms, but frame 0 has {told.n_atoms}; take the part with one system "
                    "with --frames"
                )
            now = [row[NAMES] for row in text.rows]
            if names and now != names:
                atom = next(k for k, (one, other) in enumerate(zip(now, names, strict=True)) if one != other)
                raise TrajectoryError(
                    f"{place}: atom {atom} has another name than before; the atoms must keep their order"
                )
            names = now
            with located(place):
                values, cell = atoms.of(_numbers(text)), _cell(text.box)
            yield replace(
                atoms.alone,
                positions=NANOMETRE * values[:, :3],
                cell=cell,
                periodic=np.full(3, cell.any()),
                velocities=values[:, 3:] if values.shape[1] == 6 else None,
                time=clock[0],
                step=clock[1],
            )


def _names(path: Path) -> Told:
    """Return what the first frame calls its atoms."""
    with open_lines(path) as (lines, _):
        first = next(_texts(path, lines, [0]), None)
    if first is None:
        raise TrajectoryError(f"{path}: holds no frame")
    with located(f"{path}, frame 0"):
        _numbers(first)
    return Told(len(first.rows), [[row[10:15].decode(errors="replace").strip() for row in first.rows]])


def _texts(path: Path, lines: Iterator[bytes], indices: Iterable[int]) -> Iterator[_Text]:
    """Yield the lines of the wanted frames."""
    line = 1

    def read(index: int) -> _Text | None:
        nonlocal line
        title, number = next(lines, b""), next(lines, b"").strip()
        if not title.strip() and not number:
            return None
        if not number.isdigit() or not int(number):
            found = number[:40].decode(errors="replace")
            raise TrajectoryError(f"{path}, line {line + 1}: expected a number of atoms, found {found!r}")
        rows, box = list(islice(lines, int(number))), next(lines, b"")
        if len(rows) < int(number) or not box.strip():
            raise truncation_error(path, index, f"{int(number)} atoms and a box announced, {len(rows)} atoms present")
        line += int(number) + 3
        return _Text(index, title.decode(errors="replace"), rows, box, line - int(number) - 1)

    return scan(path, indices, read)


def _numbers(text: _Text) -> Array:
    """Return positions (nm), and velocities (nm/ps) where the file has some, shape (n, 3 or 6)."""
    first = text.rows[0].rstrip()
    points = [place for place, letter in enumerate(first) if place >= FIRST and letter == ord(".")]
    width = points[1] - points[0] if len(points) >= 3 else 0
    fields = 6 if len(points) == 6 else 3
    end = FIRST + fields * width
    for line, row in enumerate(text.rows, text.line):
        if not width or len(row.rstrip()) < end:
            raise TrajectoryError(
                f"line {line} is shorter than {fields} numbers: {row[:60].decode(errors='replace').strip()!r}"
            )
    columns = np.frombuffer(b"".join(row[FIRST:end] for row in text.rows), f"S{width}")
    try:
        return columns.astype(float).reshape(len(text.rows), fields)
    except ValueError:
        place, word = next((k, word) for k, word in enumerate(columns.tolist()) if not _is_number(word))
        raise TrajectoryError(
            f"line {text.line + place // fields}: {word.decode(errors='replace')!r} is not a number"
        ) from None


def _is_number(word: bytes) -> bool:
    """Return whether a word is a number."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def _cell(box: bytes) -> Array:
    """Return the cell vectors, Å, from three lengths or nine numbers in nm."""
    words = box.split()
    if len(words) not in (3, 9) or not all(map(_is_number, words)):
        raise TrajectoryError(f"the box is not three or nine numbers: {box.decode(errors='replace').strip()!r}")
    cell: Array = np.zeros((3, 3))
    for (row, column), value in zip(BOX, words, strict=False):
        cell[row, column] = NANOMETRE * float(value)
    return cell


GRO = Reader("gro", lambda source: source.suffix == ".gro", read_gro, fixed_unit("nm/ps"), uses=("topology",))
