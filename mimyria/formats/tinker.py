"""Files of Tinker: ``.arc`` and ``.xyz`` of positions, ``.vel`` of velocities (Å/ps), with or without a cell.

A frame is ``N title``, then, if the system is periodic, ``a b c α β γ``, then lines ``index name x y z type bonds``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from mimyria.errors import TrajectoryError, located
from mimyria.files.cells import cell_of_angles
from mimyria.files.compression import open_lines
from mimyria.files.naming import NO_ATOMS, Atoms
from mimyria.files.source import Progress, Reader, Source, fixed_unit
from mimyria.files.topology import identify_names
from mimyria.files.xyz import Block, Table, parse_rows, read_blocks
from mimyria.frame import Array, Frame

SUFFIX_OF_VELOCITIES = ".vel"

_NUMBER = rb"[-+]?\d*\.\d*(?:[DdEe][-+]?\d+)?"
_DIALECT = re.compile(
    rb"\s*\d+(?:[ \t][^\n]*)?\n(?P<cell>(?:\s*" + _NUMBER + rb"){6}[ \t\r]*\n)?"
    rb"[ \t]*1[ \t]+[A-Za-z]\S*(?:[ \t]+" + _NUMBER + rb"){3}(?:[ \t]+\d+)*[ \t\r]*\n"
)
_FORTRAN = re.compile(rb"(?<=\d)[Dd](?=[-+]?\d)")
_CHARGE = re.compile(r"(?<=[A-Za-z])(?:\d?[-+]|[-+]\d)$")
"""Of an ion: Na+, Cl-, Mg+2."""
_TABLE: Table = [1, 2, 3, 4], np.dtype([("species", "S8"), ("values", "f8", (3,))])


def read_tinker(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames of a file of positions at the given increasing indices."""
    if source.suffix == SUFFIX_OF_VELOCITIES:
        raise TrajectoryError(f"{source.path}: holds velocities; give the .arc file, and this one with --velocities")
    yield from _read(source, indices, progress)


def read_tinker_velocities(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames of a file of velocities."""
    if source.suffix == ".arc":
        raise TrajectoryError(f"{source.path}: holds positions; --velocities takes the .vel file")
    for frame in _read(source, indices, progress):
        yield replace(frame, velocities=frame.positions)


def _read(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield frames whose positions are what stands in the file."""
    dialect = _DIALECT.match(source.head)
    n_comments = 1 if dialect and dialect["cell"] else 0
    names, known = np.empty(0, dtype=bytes), NO_ATOMS
    cell, written = np.zeros((3, 3)), ""
    with open_lines(source.path) as (lines, fraction):
        for block in read_blocks(source.path, lines, indices, n_comments=n_comments, titled=True):
            place = f"{source.path}, frame {block.index}"
            progress.fraction = fraction()
            if source.times_only:
                yield NO_ATOMS.alone
                continue
            with located(place):
                if block.comment != written:
                    cell, written = _cell(block.comment), block.comment
                atoms = parse_rows(_in_c(block), _TABLE)
            if not np.array_equal(atoms["species"], names):
                names = atoms["species"].copy()
                known = _identified(names, source, place)
            positions = known.of(atoms["values"]).copy()
            yield replace(known.alone, positions=positions, cell=cell, periodic=np.full(3, n_comments == 1))


def _cell(line: str) -> Array:
    """Return the cell of the line after the title, Å; zero without one."""
    if not line:
        return np.zeros((3, 3))
    try:
        numbers = [float(word) for word in line.split()]
    except ValueError:
        numbers = []
    if len(numbers) != 6:
        raise TrajectoryError(f"the line after the title is not a cell, a b c α β γ: {line[:60]!r}")
    return cell_of_angles(numbers)


def _in_c(block: Block) -> Block:
    """Return the lines with E in place of Fortran's D before exponents, which older versions write."""
    if b"D" not in block.rows[0]:
        return block
    return replace(block, rows=[_FORTRAN.sub(b"E", row) for row in block.rows])


def _identified(names: Array, source: Source, place: str) -> Atoms:
    """Return the atoms of a force field's names; CA, alpha carbon or calcium, is asked for."""
    words = [name.decode(errors="replace") for name in names.tolist()]
    ions = [_CHARGE.sub("", word) for word in words]
    return identify_names(
        ["" if len(ion) > 1 and ion.isupper() else ion for ion in ions], source, place, aliases=[words]
    )


def _is_tinker(source: Source) -> bool:
    return _DIALECT.match(source.head) is not None


TINKER = Reader("tinker", _is_tinker, read_tinker, fixed_unit("A/ps"), uses=("topology",))
TINKER_VELOCITIES = Reader("tinker velocities", _is_tinker, read_tinker_velocities, fixed_unit("A/ps"))
