"""Trajectories that are arrays over frames, in NetCDF and HDF5: what both formats have in common."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.errors import MimyriaError, TrajectoryError
from mimyria.files.clocks import unrounded
from mimyria.files.naming import Atoms
from mimyria.files.source import Progress, Reader, Source, VelocityUnit
from mimyria.files.topology import Told, identify
from mimyria.frame import Array, Frame, changed
from mimyria.units import BOHR

WORDS = {
    **dict.fromkeys(("angstrom", "angstroms", "å", "a"), 1.0),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), 10.0),
    **dict.fromkeys(("pm", "picometer", "picometre"), 0.01),
    **dict.fromkeys(("um", "micrometer", "micrometre"), 1e4),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 1e8),
    **dict.fromkeys(("m", "meter", "metre"), 1e10),
    **dict.fromkeys(("bohr", "bohrs", "a0"), BOHR),
    **dict.fromkeys(("fs", "femtosecond", "femtoseconds"), 1.0),
    **dict.fromkeys(("ps", "picosecond", "picoseconds"), 1e3),
    **dict.fromkeys(("ns", "nanosecond", "nanoseconds"), 1e6),
    **dict.fromkeys(("us", "microsecond", "microseconds"), 1e9),
    **dict.fromkeys(("s", "second", "seconds"), 1e15),
}
"""Å and fs."""
_FACTOR = re.compile(r"(/?)\s*([^\W\d]+\d?)(?:\^?(-?\d+))?")

Values = Callable[[int], Array]
"""What an array holds for a frame."""
STATED = "velocities in Å/fs"
"""Column of a frame whose velocities were converted from the unit that the file states."""


@dataclass(frozen=True)
class ArrayFile:
    """The arrays of a trajectory, in Å and fs where the file states its units, else as they are stored."""

    n_frames: int
    positions: Values | None
    velocities: Values | None
    stated: bool
    """Whether the file states the unit of the velocities."""
    time: Values | None
    """None where the file states no time, or no unit for it."""
    step: Values | None
    cell: Values
    """Cell vectors as rows, zero if there are none."""
    periodic: Array
    ids: Values | None
    told: Told
    """What the file calls its atoms, in the order of ids."""


Open = Callable[[Path], AbstractContextManager[ArrayFile]]


def array_readers(name: str, accepts: Callable[[Source], bool], opened: Open) -> tuple[Reader, Reader]:
    """Return the reader of a format of arrays, and that of a second file, of which only the velocities are used."""

    def reader(only_velocities: bool) -> Reader:
        read = partial(_read, opened, only_velocities)
        return Reader(name, accepts, read, lambda _, frame: stated_unit(frame), uses=("topology",))

    return reader(False), reader(True)


def _read(
    opened: Open, only_velocities: bool, source: Source, indices: Iterable[int], progress: Progress
) -> Iterator[Frame]:
    """Yield the frames at the given increasing indices; raise TrajectoryError for whatever stops the libraries."""
    try:
        yield from _frames(opened, only_velocities, source, indices, progress)
    except (MimyriaError, MemoryError):
        raise
    except Exception as error:  # damage shows anywhere in a file, and each library says it in its own way
        raise TrajectoryError(f"{source.path}: damaged, or not by the rules of its format; copy it again") from error


def _frames(
    opened: Open, only_velocities: bool, source: Source, indices: Iterable[int], progress: Progress
) -> Iterator[Frame]:
    """Yield the frames at the given increasing indices; it jumps to each."""
    with opened(source.path) as file:
        if file.positions is None and not only_velocities:
            raise TrajectoryError(
                f"{source.path}: holds no positions; give the file of positions, and one of velocities to --velocities"
            )
        if file.velocities is None and only_velocities:
            raise TrajectoryError(f"{source.path}: holds no velocities; leave --velocities out, or give their file")
        if not file.n_frames:
            raise TrajectoryError(f"{source.path}: holds no frame")
        progress.n_frames = file.n_frames
        atoms: Atoms | None = None
        for index in indices:
            if index >= file.n_frames:
                return
            progress.fraction = (index + 1) / file.n_frames
            atoms = identify(file.told, source, f"{source.path}, frame {index}") if atoms is None else atoms
            order = slice(None) if file.ids is None else np.argsort(file.ids(index), kind="stable")
            velocities = None if file.velocities is None else atoms.of(file.velocities(index)[order])
            alone = atoms.alone
            yield changed(
                alone,
                positions=alone.positions if file.positions is None else atoms.of(file.positions(index)[order]),
                cell=file.cell(index),
                periodic=file.periodic,
                velocities=velocities,
                time=None if file.time is None else float(file.time(index)),
                columns=(STATED,) if file.stated else (),
                step=None if file.step is None else int(file.step(index)),
            )


def told_by(first: Callable[[str], Array | None], names: str, n_atoms: int, *, types: bool) -> Told:
    """Return what a file calls its atoms in the order of their ids.

    Parameters
    ----------
    first
        Returns an array of the first frame by its name, shape (n,), None where there is none.
    names
        The array of names, which are ``types`` of the program or mean elements.
    """
    called, masses, ids = map(first, (names, "mass", "id"))
    order = np.arange(n_atoms) if ids is None else np.argsort(ids, kind="stable")
    words = [] if called is None else [list(map(text_of, called[order].tolist()))]
    masses, ids = (None if values is None else values[order] for values in (masses, ids))
    return Told(n_atoms, [[""] * n_atoms, *words] if words and types else words, masses, ids)


def clock(times: Array, steps: Array | None = None, unit: float = 1.0) -> Values:
    """Return the times of the frames, (n,), in ours; those of single precision by the steps, which may be even."""
    if times.dtype.itemsize < 8:
        times = unrounded(times, np.arange(len(times)) if steps is None else steps)
    return lambda index: times[index] * unit


def text_of(value: Any) -> str:
    """Return an attribute, or a name, as text."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def unit_of(place: str, name: str, words: Any) -> float | None:
    """Return a unit such as ``angstrom/picosecond`` or ``nm ps-1`` in Å and fs; None where the file states none.

    Raises
    ------
    TrajectoryError
        For a unit that is not known.
    """
    text = text_of(words or "")
    factors = _FACTOR.findall(text.replace("*", " ").lower())
    if not text.strip():
        return None
    if not factors or any(word not in WORDS for _, word, _ in factors):
        raise TrajectoryError(
            f"{place}: the unit of {name} is {text!r}, which is not known; convert the file to Å and ps"
        )
    return math.prod(WORDS[word] ** ((-1 if over else 1) * int(power or 1)) for over, word, power in factors)


def stated_unit(frame: Frame, hint: str = "") -> VelocityUnit:
    """Return Å/fs, to which velocities in a stated unit were converted; else none, so that it is asked for."""
    return VelocityUnit("A/fs", fixed=True) if STATED in frame.columns else VelocityUnit(hint=hint)
