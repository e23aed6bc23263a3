"""The layout of GROMACS's TRR files: where each frame is, and many frames read at once.

Everything is big-endian. A frame begins with the sizes of its parts, the number of atoms, its step and its time; then
come the parts that it has. All reals of a frame, its time among them, are of single or of double precision.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice, takewhile
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.files.clocks import unrounded
from mimyria.files.source import truncation_error
from mimyria.frame import Array

START = struct.pack(">3i", 1993, 13, 12) + b"GMX_trn_file"
"""Of every frame: the number of the format, and its name after two lengths of it."""
PARTS = ("ir", "e", "box", "vir", "pres", "top", "sym", "x", "v", "f")
"""What the header gives the sizes of, in bytes, before the number of atoms."""
MATRICES, VECTORS = ("box", "vir", "pres"), ("x", "v", "f")
"""Parts of nine reals, and of three for each atom; what else there was in old versions GROMACS reads no more."""
SIZES = struct.Struct(f">{len(PARTS)}Ii")
SAME = len(START) + SIZES.size
"""Bytes at the beginning in which frames of one layout agree."""
TIMES = {4: struct.Struct(f">{SAME}x8xf"), 8: struct.Struct(f">{SAME}x8xd")}
"""The time in a header, by the size of a real; the step and a number of energies come before it."""
STEP = struct.Struct(f">{SAME}xi")
HEAD = SAME + 8 + 2 * 8
"""Bytes of the longest header, with the time and λ."""
BYTES_AT_ONCE = 1 << 17
"""Of frames that are read together, at least one."""


@dataclass(frozen=True)
class Layout:
    """What frames of one kind hold."""

    n_atoms: int
    real: int
    """Bytes of a number."""
    record: np.dtype[np.void]
    """The whole frame, with its parts by their names in `PARTS`."""

    def holds(self, part: str) -> bool:
        """Return whether a frame has a part."""
        return part in (self.record.names or ())


@dataclass(frozen=True)
class TRRFile:
    """Where the complete frames of a file are, and what they hold."""

    path: Path
    layouts: Sequence[Layout]
    kinds: Array
    """Index of the layout of each frame, shape (frames,)."""
    places: Array
    """First byte of each frame."""
    times: Array
    """Of each frame, ps, see `unrounded`."""
    missing: str
    """What is wrong after the last of them, in words; empty if the file ends there."""

    def __len__(self) -> int:
        return len(self.places)

    def layout(self, index: int) -> Layout:
        """Return the layout of a frame."""
        return self.layouts[self.kinds[index]]

    def batches(self, indices: Iterable[int]) -> Iterator[list[int]]:
        """Yield increasing indices, several of frames of one layout together, until the file ends.

        Raises
        ------
        TrajectoryError
            If it ends in the middle of a frame, once all before have been yielded.
        """
        wanted = iter(indices)
        for index in wanted:
            size = self.layout(index).record.itemsize if index < len(self) else BYTES_AT_ONCE
            together = [index, *islice(wanted, max(BYTES_AT_ONCE // size, 1) - 1)]
            for _, few in groupby(takewhile(len(self).__gt__, together), key=self.kinds.__getitem__):
                yield list(few)
            if together[-1] >= len(self):
                if self.missing:
                    raise truncation_error(self.path, len(self), self.missing)
                return

    def records(self, indices: Sequence[int]) -> Array:
        """Return frames of one layout at ascending indices, as records, shape (frames,)."""
        records = np.empty(len(indices), self.layout(indices[0]).record)
        in_a_row = indices[-1] - indices[0] == len(indices) - 1
        with self.path.open("rb") as file:
            for first, part in [(0, records)] if in_a_row else enumerate(records[:, None]):
                file.seek(self.places[indices[first]])
                if file.readinto(part.data.cast("B")) < part.nbytes:
                    raise truncation_error(self.path, indices[first], "the file has become shorter")
        return records


def is_trr(head: bytes) -> bool:
    """Return whether a file that begins like this is a TRR file."""
    return head.startswith(START)


def open_trr(path: Path) -> TRRFile:
    """Return where the frames are, from their headers; raise TrajectoryError if the file is no TRR file.

    What follows the last complete frame is reported by who wants it.
    """
    layouts: dict[bytes, tuple[int, Layout]] = {}
    kinds, places, steps, times = array("q"), array("q"), array("q"), array("d")
    place, missing = 0, ""
    with path.open("rb", buffering=0) as file:  # headers are far from each other
        size = path.stat().st_size
        if not is_trr(file.read(len(START))):
            raise TrajectoryError(f"{path}: is no TRR file, or its beginning is damaged")
        while place < size and not missing:
            file.seek(place)
            head = file.read(HEAD)
            kind, layout = layouts.get(head[:SAME]) or (len(layouts), _layout(head))
            if layout is None:
                missing = "its header is damaged" if len(head) == HEAD else "the file ends in its header"
            elif place + layout.record.itemsize > size:
                missing = f"{layout.record.itemsize} bytes announced, {size - place} present"
            else:
                layouts[head[:SAME]] = kind, layout
                kinds.append(kind)
                places.append(place)
                steps.extend(STEP.unpack_from(head))
                times.extend(TIMES[layout.real].unpack_from(head))
                place += layout.record.itemsize
    known = [layout for _, layout in layouts.values()]
    clocks = np.array(times)
    if all(layout.real == 4 for layout in known):
        clocks = unrounded(clocks, np.array(steps))
    return TRRFile(path, known, np.array(kinds), np.array(places), clocks, missing)


def _layout(head: bytes) -> Layout | None:
    """Return the layout of a frame that begins like this; None if it is cut, or against the rules."""
    if len(head) < HEAD or not is_trr(head):
        return None
    *given, n_atoms = SIZES.unpack_from(head, len(START))
    sizes = {part: size for part, size in zip(PARTS, given, strict=True) if size}
    shapes = dict.fromkeys(MATRICES, (3, 3)) | dict.fromkeys(VECTORS, (n_atoms, 3))
    if n_atoms < 1 or not sizes or not sizes.keys() <= shapes.keys():
        return None
    reals = {size / (shapes[part][0] * 3) for part, size in sizes.items()}
    if len(reals) > 1 or not reals <= TIMES.keys():
        return None
    real = f">f{int(reals.pop())}"
    numbers: list[Any] = [("step", ">i4"), ("energies", ">i4"), ("time", real), ("lambda", real)]
    parts: list[Any] = [(part, real, shapes[part]) for part in sizes]
    record = np.dtype([("start", f"V{SAME}"), *numbers, *parts])
    return Layout(n_atoms, int(real[-1]), record)
