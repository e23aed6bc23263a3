"""Dumps of LAMMPS, told by their first lines, whatever the file is called.

The file says its units and times (``dump_modify units yes time yes``), elements or masses, and boundaries. Atoms are
sorted by id, for LAMMPS writes them in another order in every frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.files.lammps_data import is_dump
from mimyria.files.lammps_text import (
    NAMES,
    UNSTATED,
    Snapshot,
    Units,
    position_columns,
    read_columns,
    read_snapshots,
    units_of,
)
from mimyria.files.naming import NO_ATOMS
from mimyria.files.source import Progress, Reader, Source, VelocityUnit
from mimyria.files.topology import identify, told_by_columns
from mimyria.frame import Array, Frame


def read_dump(source: Source, indices: Iterable[int], progress: Progress, *, positions: bool = True) -> Iterator[Frame]:
    """Yield the frames of a dump at the given increasing indices; only a second file may have no positions."""
    stated = units_of(source)
    units = stated or Units()
    bounds: list[list[float]] = []
    cell, origin, periodic = np.zeros((3, 3)), np.zeros(3), np.ones(3, dtype=bool)
    told: list[Array] = []
    atoms = NO_ATOMS
    for index, written in read_snapshots(source, indices, progress):
        time = None if stated is None or written.time is None else written.time * units.time
        if source.times_only:
            yield replace(NO_ATOMS.alone, time=time, step=written.step)
            continue
        place = f"{source.path}, frame {index}"
        columns = read_columns(written, place, positions=positions)
        present = columns.dtype.names or ()
        now = [columns[name] for name in ("id", "mass", *NAMES) if name in present]
        if len(now) != len(told) or not all(map(np.array_equal, now, told)):
            if "id" in present:
                _check_ids(now[0], told[0] if told else None, place)
            told = [values.copy() for values in now]
            atoms = identify(told_by_columns(columns, units), source, place)
        if written.bounds != bounds:
            bounds, (cell, origin) = written.bounds, box(written, units.length, place)
            periodic = _periodic(written)
        points = columns["position"] if "position" in present else np.zeros((len(columns), 3))
        scaled = any(name.startswith("xs") for name in position_columns(written))
        points = points @ cell + origin if scaled else points * units.length
        velocities = columns["velocity"] * (units.length / units.time) if "velocity" in present else None
        yield replace(
            atoms.alone,
            positions=atoms.of(points),
            cell=cell,
            periodic=periodic,
            velocities=None if velocities is None else atoms.of(velocities),
            time=time,
            columns=tuple(written.columns),
            step=written.step,
        )


def _check_ids(now: Array, before: Array | None, place: str) -> None:
    """Raise TrajectoryError for an id that two atoms have, or ids that are not those of the frame before."""
    if (doubled := now[1:][np.diff(now) == 0]).size:
        raise TrajectoryError(f"{place}: two atoms have the id {doubled[0]}; the file holds parts of several runs")
    if before is not None and len(now) == len(before) and (other := np.flatnonzero(now != before)).size:
        raise TrajectoryError(
            f"{place}: holds the atom of id {now[other[0]]} in place of {before[other[0]]}; dump one group of atoms "
            "that stays the same"
        )


def box(frame: Snapshot, length: float, place: str) -> tuple[Array, Array]:
    """Return the cell vectors as rows and the origin, Å, from bounds in units of ``length``.

    In a restricted triclinic cell LAMMPS gives the box around it: low and high end are those of

        a = (lx, 0, 0)          b = (xy, ly, 0)          c = (xz, yz, lz)

    less the smallest and the largest of 0, xy, xz, xy + xz along x, and of 0, yz along y.
    """
    bounds = np.array([[*row, 0.0][:4] if frame.general else [*row, 0.0][:3] for row in frame.bounds])
    if not np.isfinite(bounds).all():
        raise TrajectoryError(f"{place}: the bounds of its cell are {frame.bounds}")
    if frame.general:
        return bounds[:, :3] * length, bounds[:, 3] * length
    low, high, (xy, xz, yz) = bounds.T
    along_x, along_y = (0.0, xy, xz, xy + xz), (0.0, yz)
    low = low - (min(along_x), min(along_y), 0.0)
    lx, ly, lz = high - (max(along_x), max(along_y), 0.0) - low
    return np.array([[lx, 0, 0], [xy, ly, 0], [xz, yz, lz]]) * length, low * length


def _periodic(frame: Snapshot) -> Array:
    """Return which cell vectors repeat, shape (3,): all, where the file says nothing of its boundaries."""
    letters = frame.boundary if len(frame.boundary) == 6 else "pppppp"
    return np.array([letters[axis : axis + 2] == "pp" for axis in (0, 2, 4)])


def _velocity_unit(source: Source, _: Frame) -> VelocityUnit:
    """Return Å/fs where the file states its units, for the reader has converted from these; else ask."""
    return UNSTATED if units_of(source) is None else VelocityUnit("A/fs", fixed=True)


LAMMPS = Reader("lammps", lambda source: is_dump(source.head), read_dump, _velocity_unit, uses=("topology",))
LAMMPS_VELOCITIES = replace(LAMMPS, name="lammps velocities", read=partial(read_dump, positions=False))
