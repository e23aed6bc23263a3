"""TRR files of GROMACS, in nm, nm/ps and ps; many frames are read and converted at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.files.naming import NO_ATOMS, Atoms
from mimyria.files.source import Progress, Reader, Source, fixed_unit
from mimyria.files.topology import identify_by_topology
from mimyria.formats.trr_file import TRRFile, is_trr, open_trr
from mimyria.frame import Array, Frame, changed

NANOMETRE, PICOSECOND = 10.0, 1e3
"""Å and fs."""


def read_trr(of_positions: bool, source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames of a TRR file at the given increasing indices; it jumps to each."""
    file = source.remember(source.path, open_trr)
    progress.n_frames = len(file)
    atoms, cell = NO_ATOMS, np.zeros((3, 3))
    for few in file.batches(indices):
        columns: dict[str, Any] = {"time": (PICOSECOND * file.times[few]).tolist()}
        if not source.times_only:
            if atoms is NO_ATOMS:
                atoms, first = identify_by_topology(file.layout(few[0]).n_atoms, source), few[0]
            _check(file, few[0], first, of_positions)
            columns |= _columns(file.records(few), atoms, cell)
            cell = columns["cell"][-1]
        alone = atoms.alone
        for index, *values in zip(few, *columns.values(), strict=True):
            progress.fraction = (index + 1) / len(file)
            yield changed(alone, **dict(zip(columns, values, strict=True)))


def _check(file: TRRFile, index: int, first: int, of_positions: bool) -> None:
    """Raise TrajectoryError if a frame has another number of atoms than the first one, or lacks wanted positions."""
    n_atoms, before = file.layout(index).n_atoms, file.layout(first).n_atoms
    if n_atoms != before:
        raise TrajectoryError(
            f"{file.path}, frame {index}: {n_atoms} atoms, but frame {first} has {before}; take the part with one "
            "system with --frames"
        )
    if of_positions and not file.layout(index).holds("x"):
        raise TrajectoryError(f"{file.path}, frame {index}: no positions; store them as often as velocities and forces")


def _columns(records: Array, atoms: Atoms, cell: Array) -> dict[str, Any]:
    """Return what frames hold, by names of the fields of `Frame`; where the ``cell`` stays, it is the very same."""
    held, columns = records.dtype.names or (), dict[str, Any]()
    if "x" in held:
        # Copied: who keeps one frame must not keep all that were read with it.
        columns["positions"] = [each.copy() for each in NANOMETRE * atoms.of(records["x"].astype(float), axis=1)]
    if "v" in held:  # which become new arrays when they are converted to Å/fs
        columns["velocities"] = NANOMETRE * atoms.of(records["v"].astype(float), axis=1)
    boxes: Array = NANOMETRE * records["box"].astype(float) if "box" in held else np.zeros((len(records), 3, 3))
    same = (boxes == np.concatenate([cell[None], boxes[:-1]])).all(axis=(1, 2))
    cells = accumulate(zip(same, boxes, strict=True), lambda last, now: last if now[0] else now[1], initial=cell)
    columns["cell"] = list(cells)[1:]
    columns["periodic"] = np.repeat(boxes.any(axis=(1, 2)), 3).reshape(-1, 3)
    return columns


def _accepts(source: Source) -> bool:
    return source.suffix == ".trr" or is_trr(source.head)


TRR = Reader("trr", _accepts, partial(read_trr, True), fixed_unit("A/ps"), uses=("topology",))
TRR_VELOCITIES = replace(TRR, name="trr velocities", read=partial(read_trr, False))
