"""The layout of DCD files, Fortran records in either byte order: header, titles, and one frame at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.files.source import truncation_error
from mimyria.frame import Array

POSITIONS, VELOCITIES = (b"CORD",), (b"VELD", b"VEL ")
"""The first word of a file of either."""
CONTROLS = 20
"""Whole numbers in the header."""
CHARMM = 24
"""Other programs pretend to be this version of CHARMM; later ones are CHARMM itself."""


@dataclass(frozen=True)
class DCDFile:
    """What the header says, and where the frames are."""

    path: Path
    word: bytes
    title: str
    version: int
    """Of CHARMM, 0 for X-PLOR."""
    n_atoms: int
    n_announced: int
    """Number of frames, 0 where the program did not know."""
    first_step: int
    interval: int
    """Steps between frames."""
    delta: float
    """Time step, in a unit that depends on the program."""
    moving: Array | None
    """Indices of the atoms in the frames after the first, where the others are fixed."""
    start: int
    first: np.dtype[np.void]
    others: np.dtype[np.void]
    """Bytes before the frames; records of the first frame, and of each other one."""

    @cached_property
    def n_frames(self) -> int:
        """Number of complete frames."""
        left = self.path.stat().st_size - self.start - self.first.itemsize
        return 0 if left < 0 else 1 + left // self.others.itemsize

    @property
    def is_cut(self) -> bool:
        """Whether a frame at the end is incomplete, or frames that the header announces are missing."""
        return self.n_frames < self.n_announced or self._place(self.n_frames) != self.path.stat().st_size

    def _place(self, index: int) -> int:
        return self.start + (self.first.itemsize + (index - 1) * self.others.itemsize if index else 0)

    def values(self, index: int) -> tuple[Array, Array | None]:
        """Return positions or velocities, shape (n, 3), and the six numbers of the cell, if there are any.

        Raises
        ------
        TrajectoryError
            If the frame is cut, or damaged.
        """
        if index >= self.n_frames:
            found = f"{self.n_announced} frames announced, {self.n_frames} complete" if self.n_announced else "it ends"
            raise truncation_error(self.path, index, found)
        records = self.others if index else self.first
        frame = np.fromfile(self.path, dtype=records, count=1, offset=self._place(index))[0]
        for name in records.names or ():
            if name.startswith("mark") and frame[name] != frame[f"end{name[4:]}"]:
                raise truncation_error(self.path, index, "the lengths of its records do not agree, the file is damaged")
        values = np.stack([frame[axis] for axis in "xyz"], axis=1).astype(float)
        if index and self.moving is not None:
            whole, _ = self.values(0)
            whole[self.moving] = values
            values = whole
        return values, frame["cell"].astype(float) if "cell" in (records.names or ()) else None


def is_dcd(head: bytes) -> bool:
    """Return whether a file that begins like this is a DCD file."""
    return _layout(head) is not None


def _layout(head: bytes) -> tuple[str, str] | None:
    """Return the types of whole numbers and of record marks, with their byte order."""
    length = 4 * (CONTROLS + 1)
    for order in "<>":
        for mark in ("i4", "i8"):
            lead = np.array(length, order + mark).tobytes()
            if head.startswith(tuple(lead + word for word in POSITIONS + VELOCITIES)):
                return order, mark
    return None


def open_dcd(path: Path) -> DCDFile:
    """Return the header of a DCD file; raise TrajectoryError if it is none, or damaged."""
    with path.open("rb") as file:
        layout = _layout(file.read(16))
        file.seek(0)
        if layout is None:
            raise TrajectoryError(f"{path}: is no DCD file, or its beginning is damaged")
        order, mark = layout
        whole, marks = np.dtype(f"{order}i4"), np.dtype(order + mark)

        def record() -> bytes:
            lead = file.read(marks.itemsize)
            length = int(np.frombuffer(lead, marks)[0]) if len(lead) == marks.itemsize else -1
            content = file.read(length) if 0 <= length < path.stat().st_size else b""
            if len(content) != length or file.read(marks.itemsize) != lead:
                raise TrajectoryError(f"{path}: its header is cut or damaged; no frame is complete")
            return content

        control = record()
        numbers = np.frombuffer(control[4:], whole)
        title = record()[4:].replace(b"\0", b" ").decode(errors="replace")
        content = record()
        n_atoms = int(np.frombuffer(content, whole)[0]) if len(content) == whole.itemsize else 0
        if not 0 < 12 * n_atoms < path.stat().st_size:  # three axes of four bytes
            raise TrajectoryError(
                f"{path}: its header is cut or damaged, or it holds no whole frame of {n_atoms} atoms"
            )
        version = int(numbers[19])
        moving = np.frombuffer(record(), whole) - 1 if numbers[8] > 0 else None
        start = file.tell()
    real = f"{order}f4" if version else f"{order}f8"
    extra = {"cell": ("f8", 6)} if version and numbers[10] else {}
    fourth = ["w"] if version and numbers[11] else []

    def records(n_present: int) -> np.dtype[np.void]:
        parts = {**extra, **dict.fromkeys(["x", "y", "z", *fourth], ("f4", n_present))}
        return np.dtype([
            item
            for name, (kind, count) in parts.items()
            for item in ((f"mark {name}", marks), (name, order + kind, (count,)), (f"end {name}", marks))
        ])  # fmt: skip

    return DCDFile(
        path=path,
        word=control[:4],
        title=" ".join(title.split()),
        version=version,
        n_atoms=n_atoms,
        n_announced=int(numbers[0]),
        first_step=int(numbers[1]),
        interval=max(int(numbers[2]), 1),
        delta=float(np.frombuffer(control[4:], real, count=1, offset=36)[0]),
        moving=moving,
        start=start,
        first=records(n_atoms),
        others=records(n_atoms if moving is None else len(moving)),
    )
