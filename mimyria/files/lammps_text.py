"""Text dumps of LAMMPS as they are written: frames of ``dump custom``, ``atom`` and ``yaml``, in the file's units."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.files.compression import open_lines
from mimyria.files.lammps_data import is_yaml
from mimyria.files.source import Progress, Source, VelocityUnit, scan, truncation_error
from mimyria.frame import Array
from mimyria.units import ATOMIC_MASS, BOHR


@dataclass(frozen=True)
class Units:
    """The units of one of LAMMPS' styles; that of velocities is length over time in all of them."""

    length: float = 1.0
    """Å."""
    time: float = 1.0
    """fs."""
    mass: float = 1.0
    """u."""


UNSTATED = VelocityUnit(hint=" (LAMMPS units metal: A/ps, real: A/fs)")
"""The unit of velocities in files of LAMMPS that do not state it."""


def _of_si(length: float, time: float, mass: float) -> Units:
    """Return units from metres, seconds and kilograms."""
    return Units(length / 1e-10, time / 1e-15, mass / ATOMIC_MASS)


UNITS = {
    "real": Units(),
    "metal": Units(time=1e3),
    "electron": Units(length=BOHR),
    "si": _of_si(1.0, 1.0, 1.0),
    "cgs": _of_si(1e-2, 1.0, 1e-3),
    "micro": _of_si(1e-6, 1e-6, 1e-15),
    "nano": _of_si(1e-9, 1e-9, 1e-21),
}
"""By the word after ``units``. In ``electron``, atoms move by Bohr/fs, though the manual speaks of another unit."""

POSITIONS = (("x", "y", "z"), ("xu", "yu", "zu"), ("xs", "ys", "zs"), ("xsu", "ysu", "zsu"))
"""Columns of positions; the first that are all there are used. Those with an s are fractions of the cell."""
VELOCITIES = ("vx", "vy", "vz")
NAMES = ("element", "typelabel", "type")
DEFAULT_ELEMENT = b"C"
"""What LAMMPS writes as element of every type that ``dump_modify element`` has not named."""


@dataclass
class Snapshot:
    """One frame as it is written."""

    step: int | None = None
    time: float | None = None
    """In the unit of the file."""
    n_atoms: int = 0
    bounds: list[list[float]] = field(default_factory=list)
    """Low and high end in three directions, with the tilts; or, in a general cell, three vectors with the origin."""
    general: bool = False
    boundary: str = ""
    """p, f, s or m for both faces in each direction; empty if the file does not say."""
    columns: list[str] = field(default_factory=list)
    line: int = 0
    """Number of the first line of atoms, from 1."""
    offset: int = 0
    """How many words stand before the columns."""
    rows: list[bytes] = field(default_factory=list)


class Ended(Exception):
    """The file ends in the middle of a frame."""


class Lines:
    """Lines of a file with their numbers."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self.number = 0

    def take(self) -> bytes:
        """Return the next line, empty at the end of the file."""
        self.number += 1
        return next(self._lines, b"")

    def need(self) -> bytes:
        """Return the next line; raise `Ended` if there is none, or one that is cut."""
        line = self.take()
        if not line.endswith(b"\n"):
            raise Ended("its header is incomplete")
        return line

    def rows(self, n_atoms: int) -> list[bytes]:
        """Return the lines of the atoms; raise `Ended` if some are missing, or the last one is cut."""
        rows = list(islice(self._lines, n_atoms))
        self.number += len(rows)
        if len(rows) < n_atoms:
            raise Ended(f"{n_atoms} atoms announced, {len(rows)} present")
        if rows and not rows[-1].endswith(b"\n"):
            raise Ended("the line of its last atom is incomplete")
        return rows


def units_of(source: Source) -> Units | None:
    """Return the units that the beginning of a dump states, None if it does not; TrajectoryError for ``lj``."""
    match = re.search(rb"^(?:ITEM: UNITS\s+|units:\s*)(\w+)", source.head, re.MULTILINE)
    if match is None:
        return None
    if (name := match[1].decode()) not in UNITS:
        raise TrajectoryError(
            f"{source.path}: its units are {name}, which have no length in Å and no time in fs; convert the file"
        )
    return UNITS[name]


def read_snapshots(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[tuple[int, Snapshot]]:
    """Yield the wanted frames as they are written, with their indices; the others are skipped by counting lines."""
    next_snapshot = _yaml_snapshot if is_yaml(source.head) else _text_snapshot
    with open_lines(source.path) as (stream, fraction):
        lines = Lines(stream)

        def read(index: int) -> tuple[int, Snapshot] | None:
            try:
                snapshot = next_snapshot(lines)
            except Ended as error:
                raise truncation_error(source.path, index, str(error)) from error
            except ValueError as error:
                raise TrajectoryError(f"{source.path}, frame {index}, line {lines.number}: {error}") from error
            if snapshot is None and index == 0:
                raise TrajectoryError(f"{source.path}: holds no frame")
            return None if snapshot is None else (index, snapshot)

        for found in scan(source.path, indices, read):
            progress.fraction = fraction()
            yield found


def _text_snapshot(lines: Lines) -> Snapshot | None:
    """Return the next frame of a text dump, None at the end; raise `Ended` if it is cut, ValueError if it is wrong."""
    while (line := lines.take()).isspace():
        pass
    if not line:
        return None
    frame = Snapshot()
    while True:
        item, *words = line.decode(errors="replace").removeprefix("ITEM: ").split() or [""]
        if not line.startswith(b"ITEM: "):
            raise ValueError(f"expected an ITEM, found {line[:40]!r}")
        if item == "ATOMS":
            frame.columns, frame.line = words, lines.number + 1
            frame.rows = lines.rows(frame.n_atoms)
            return frame
        if item == "TIMESTEP":
            frame.step = int(lines.need())
        elif item == "TIME":
            frame.time = float(lines.need())
        elif item == "UNITS":
            lines.need()
        elif [item, *words] == ["NUMBER", "OF", "ATOMS"]:
            frame.n_atoms = int(lines.need())
        elif [item, *words[:1]] == ["BOX", "BOUNDS"]:
            frame.general = "abc" in words
            frame.boundary = "".join(word for word in words[1:] if len(word) == 2 and set(word) <= set("pfsm"))
            for _ in range(3):
                frame.bounds.append([float(number) for number in lines.need().split()])
                if len(frame.bounds[-1]) not in ((4,) if frame.general else (2, 3)):
                    raise ValueError("the bounds of the cell are no numbers of a dump")
        else:
            raise ValueError(
                f"ITEM: {' '.join([item, *words])} belongs to no dump of atoms; write one by `dump custom`"
            )
        line = lines.need()


def _yaml_snapshot(lines: Lines) -> Snapshot | None:
    """Return the next frame of a yaml dump, as `_text_snapshot` does."""
    line = lines.take()
    while line and line.strip() in (b"---", b"...", b""):
        line = lines.take()
    if not line:
        return None
    frame, key = Snapshot(offset=len(["-", "["])), ""
    while not line.startswith(b"data:"):
        if line.startswith(b" "):  # an entry of the list that the last key begins
            if key == "box":
                frame.bounds.append([float(word) for word in _words(line.decode())[1:]])
        else:
            key, _, value = line.decode(errors="replace").partition(":")
            if key == "timestep":
                frame.step = int(value)
            elif key == "time":
                frame.time = float(value)
            elif key == "natoms":
                frame.n_atoms = int(value)
            elif key == "boundary":
                frame.boundary = "".join(_words(value))
            elif key == "keywords":
                frame.columns = _words(value)
        line = lines.need()
    tilts = frame.bounds.pop() if len(frame.bounds) > 3 else [0.0] * 3
    frame.bounds = [[*ends, tilt] for ends, tilt in zip(frame.bounds, tilts, strict=True)]
    frame.line = lines.number + 1
    frame.rows = [row.replace(b",", b" ") for row in lines.rows(frame.n_atoms)]
    return frame


def _words(text: str) -> list[str]:
    """Return the entries of a list in one line of yaml."""
    return re.sub(r"[\[\],]", " ", text).split()


def read_columns(frame: Snapshot, place: str, *, positions: bool = True) -> Array:
    """Return one record for each atom, sorted by id where there are ids, shape (n,).

    Its fields are those of ``id``, ``element``, ``typelabel``, ``type`` and ``mass`` that the file has, ``position``
    (of columns named in `POSITIONS`, which must be there if ``positions`` are wanted) and, where the file has them,
    ``velocity``; in the units of the file.
    """
    present = set(frame.columns)
    where = position_columns(frame)
    if positions and not where:
        raise TrajectoryError(
            f"{place}: no positions among its columns {' '.join(frame.columns)}; dump x y z too, or give the file of "
            "positions, and this with --velocities"
        )
    used: list[tuple[str, str, tuple[str, ...]]] = [
        *((name, "S16", (name,)) for name in NAMES if name in present),
        *((name, kind, (name,)) for name, kind in (("id", "i8"), ("mass", "f8")) if name in present),
        *([("position", "f8", where)] if where else []),
        *([("velocity", "f8", VELOCITIES)] if present.issuperset(VELOCITIES) else []),
    ]
    fields = [frame.offset + frame.columns.index(name) for _, _, names in used for name in names]
    record = np.dtype([(name, kind, (len(names),) if len(names) > 1 else ()) for name, kind, names in used])
    if frame.n_atoms < 1:
        raise TrajectoryError(f"{place}: holds no atom")
    try:
        table = np.loadtxt(frame.rows, dtype=record, usecols=fields, comments=None, ndmin=1)
    except ValueError as error:
        raise _bad_row(frame, fields, record, place) from error
    if len(table) != frame.n_atoms:
        raise _bad_row(frame, fields, record, place)
    if "id" in present and (np.diff(table["id"]) < 0).any():
        return np.asarray(table[np.argsort(table["id"], kind="stable")])
    return table


def position_columns(frame: Snapshot) -> tuple[str, ...]:
    """Return the names of the columns of positions; empty if there are none."""
    return next((names for names in POSITIONS if set(names) <= set(frame.columns)), ())


def _bad_row(frame: Snapshot, fields: list[int], record: np.dtype[np.void], place: str) -> TrajectoryError:
    """Return the error that names the first line that cannot be parsed."""
    for line, row in enumerate(frame.rows, frame.line):
        if len(row.split()) <= max(fields):
            n_found = max(len(row.split()) - frame.offset, 0)
            return TrajectoryError(f"{place}, line {line}: {n_found} columns, not {len(frame.columns)}: {row[:60]!r}")
        try:
            np.loadtxt([row], dtype=record, usecols=fields, comments=None)
        except ValueError:
            return TrajectoryError(f"{place}, line {line}: {row[:60]!r} is not a line of {' '.join(frame.columns)}")
    return TrajectoryError(f"{place}: the lines from {frame.line} on are no table of {' '.join(frame.columns)}")


def told_names(columns: Array, units: Units) -> tuple[list[list[str]], Array | None]:
    """Return what the columns call the atoms, best names first, and their masses (u, shape (n,)) if they tell them.

    Elements that LAMMPS was not told, all C for several types, are no names.
    """
    present = columns.dtype.names or ()
    masses = columns["mass"] * units.mass if "mass" in present else None
    names = {name: columns[name] for name in NAMES if name in present}
    kinds = [names[name] for name in ("typelabel", "type") if name in names]
    several = any(len(np.unique(kind)) > 1 for kind in kinds)
    if several and "element" in names and (names["element"] == DEFAULT_ELEMENT).all():
        del names["element"]
    told = [np.char.decode(values, "utf-8", "replace").tolist() for values in names.values()]
    return [[""] * len(columns), *told] if names.keys() == {"type"} else told, masses
