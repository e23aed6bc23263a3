"""``geo_end.xyz`` of a run of DFTB+: charges and velocities (Å/ps) in columns without names, told by ``MD iter: 8``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from mimyria.errors import TrajectoryError, located
from mimyria.files.compression import open_lines
from mimyria.files.naming import NO_ATOMS
from mimyria.files.source import Progress, Reader, Source, fixed_unit
from mimyria.files.topology import identify_names
from mimyria.files.xyz import Table, parse_rows, read_blocks
from mimyria.frame import Frame

VELOCITIES = {4: None, 5: None, 7: (4, 5, 6), 8: (5, 6, 7)}
"""Where the velocities stand in a line of so many columns: symbol, position, charge or not, velocity or not."""

_DIALECT = re.compile(rb"\s*\d+\s*\n\s*MD iter:\s*\d")
_STEP = re.compile(r"MD iter:\s*(\d+)")


def read_dftb(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames at the given increasing indices; they count steps, and have no cell."""
    table: Table | None = None
    names, known = np.empty(0, dtype=bytes), NO_ATOMS
    with open_lines(source.path) as (lines, fraction):
        for block in read_blocks(source.path, lines, indices):
            place = f"{source.path}, frame {block.index}"
            step = _STEP.search(block.comment)
            if step is None:
                raise TrajectoryError(f"{place}: the comment {block.comment[:40]!r} is not MD iter: and a step")
            progress.fraction = fraction()
            if source.times_only:
                yield replace(NO_ATOMS.alone, step=int(step[1]))
                continue
            with located(place):
                table = table or _table(len(block.rows[0].split()))
                atoms = parse_rows(block, table)
            if not np.array_equal(atoms["species"], names):
                names, known = atoms["species"].copy(), identify_names(atoms["species"], source, place)
            atoms = known.of(atoms)
            velocities = atoms["vel"].copy() if "vel" in (atoms.dtype.names or ()) else None
            yield replace(known.alone, positions=atoms["pos"].copy(), velocities=velocities, step=int(step[1]))


def _table(n_columns: int) -> Table:
    """Return how to parse lines of so many columns."""
    if n_columns not in VELOCITIES:
        raise TrajectoryError(f"lines have {n_columns} columns, and those of DFTB+ {', '.join(map(str, VELOCITIES))}")
    fields = VELOCITIES[n_columns]
    record = [("species", "S8", ()), ("pos", "f8", (3,)), *([("vel", "f8", (3,))] if fields else [])]
    return [0, 1, 2, 3, *(fields or ())], np.dtype(record)


DFTB = Reader(
    "dftb", lambda source: _DIALECT.match(source.head) is not None, read_dftb, fixed_unit("A/ps"), uses=("topology",)
)
