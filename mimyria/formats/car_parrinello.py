"""Runs of CPMD and of Quantum ESPRESSO's cp.x: tables of numbers in atomic units, whose atoms ``--topology`` names.

CPMD's ``TRAJECTORY`` has a line ``step x y z vx vy vz`` for every atom (and forces, in ``FTRAJECTORY``), and one of
``<<<<<<  NEW DATA  >>>>>>`` at every restart. cp.x writes ``.pos`` and ``.vel``: a line ``step time(ps)``, then ``x y
z`` of every atom.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice, takewhile

import numpy as np

from mimyria.errors import TrajectoryError, located
from mimyria.files.compression import open_lines, read_errors
from mimyria.files.naming import NO_ATOMS
from mimyria.files.source import Progress, Reader, Source, VelocityUnit, fixed_unit, truncation_error
from mimyria.files.topology import identify_by_topology
from mimyria.files.xyz import Block, Table, parse_rows
from mimyria.frame import Frame
from mimyria.units import BOHR

RESTART = b"<<<<"

_REAL = rb"[ \t]+[-+]?\d*\.\d+(?:[EeDd][-+]?\d+)?"
_LINE = rb"[ \t]*\d+(?:" + _REAL + rb"){6}(?:(?:" + _REAL + rb"){3})?[ \t\r]*\n"
_CPMD = re.compile(rb"(?:[ \t]*<<<<[^\n]*\n)?" + _LINE + rb"(?:" + _LINE + rb"|[ \t]*<<<<|$)")
_CP = re.compile(rb"[ \t]*\d+" + _REAL + rb"[ \t\r]*\n(?:" + _REAL + rb"){3}[ \t\r]*\n")
_OF_CPMD: Table = list(range(7)), np.dtype([("step", "f8"), ("pos", "f8", (3,)), ("vel", "f8", (3,))])
_OF_CP: Table = list(range(3)), np.dtype([("values", "f8", (3,))])


def read_cpmd(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames of a file of CPMD at the given increasing indices; they count steps, and have no cell."""
    with open_lines(source.path) as (lines, _):
        first = next(line for line in lines if RESTART not in line).split()[0]
        n_atoms = 1 + sum(1 for _ in takewhile(lambda line: line.split()[:1] == [first], lines))
    known = identify_by_topology(n_atoms, source)
    with open_lines(source.path) as (lines, fraction):
        atoms_lines = (line for line in lines if RESTART not in line)
        for block in _blocks(source, atoms_lines, indices, n_atoms, titled=False):
            progress.fraction = fraction()
            step = int(block.rows[0].split()[0])
            if source.times_only:
                yield replace(NO_ATOMS.alone, step=step)
                continue
            with located(f"{source.path}, frame {block.index}"):
                atoms = parse_rows(block, _OF_CPMD)
            if (atoms["step"] != step).any():
                raise TrajectoryError(f"{source.path}, frame {block.index}: lines of several steps; an atom is missing")
            positions, velocities = known.of(atoms["pos"]) * BOHR, known.of(atoms["vel"]).copy()
            yield replace(known.alone, positions=positions, velocities=velocities, step=step)


def read_cp(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames of a file of positions of cp.x at the given increasing indices; they have no cell."""
    if source.suffix == ".vel":
        raise TrajectoryError(f"{source.path}: holds velocities; give the .pos file, and this one with --velocities")
    for frame in _read_cp(source, indices, progress):
        yield replace(frame, positions=frame.positions * BOHR)


def read_cp_velocities(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames of a file of velocities of cp.x."""
    for frame in _read_cp(source, indices, progress):
        yield replace(frame, velocities=frame.positions)


def _read_cp(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield frames whose positions are what stands in the file."""
    with open_lines(source.path) as (lines, _):
        n_atoms = sum(1 for _ in takewhile(lambda line: len(line.split()) == 3, islice(lines, 1, None)))
    known = identify_by_topology(n_atoms, source)
    with open_lines(source.path) as (lines, fraction):
        for block in _blocks(source, lines, indices, n_atoms, titled=True):
            progress.fraction = fraction()
            words = block.comment.split()
            if len(words) != 2:
                raise TrajectoryError(
                    f"{source.path}, line {block.line - 1}: {block.comment[:40]!r} is no step and time"
                )
            time = round(1e3 * float(words[1]), 6)
            if source.times_only:
                yield replace(NO_ATOMS.alone, time=time)
                continue
            with located(f"{source.path}, frame {block.index}"):
                values = parse_rows(block, _OF_CP)["values"]
            yield replace(known.alone, positions=known.of(values), time=time)


def _blocks(
    source: Source, lines: Iterator[bytes], indices: Iterable[int], n_atoms: int, *, titled: bool
) -> Iterator[Block]:
    """Yield the lines of the wanted frames, and before them, if there is one, their title."""
    size, index = n_atoms + titled, 0
    for wanted in indices:
        try:
            for _ in range(wanted - index):
                next(islice(lines, size - 1, None), None)
            rows = list(islice(lines, size))
        except read_errors(source.path) as error:
            raise truncation_error(source.path, wanted, f"the file is damaged ({error})") from error
        if not rows:
            return
        if len(rows) < size or len(rows[-1].split()) < len(rows[titled].split()):
            raise truncation_error(source.path, wanted, f"{n_atoms} atoms before, {len(rows) - titled} here")
        title = rows[0].decode(errors="replace") if titled else ""
        yield Block(wanted, wanted * size + titled + 1, title, rows[titled:])
        index = wanted + 1


CPMD = Reader("cpmd", lambda source: _CPMD.match(source.head) is not None, read_cpmd, fixed_unit("au"), ("topology",))
CP = Reader(
    "cp",
    lambda source: source.suffix in (".pos", ".vel") and _CP.match(source.head) is not None,
    read_cp,
    lambda source, frame: VelocityUnit("au"),
    uses=("topology",),
)
CP_VELOCITIES = replace(CP, name="cp velocities", read=read_cp_velocities)
