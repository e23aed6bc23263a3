"""`PartStore`: the finished parts of one pass over a trajectory, kept until the whole is written."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from mimyria.errors import SpectrumError
from mimyria.frame import Array

log = logging.getLogger("mimyria")

FRAMES = "volume"
"""The column that tells how many frames a part has."""


@contextmanager
def locked(folder: Path, patience: float = 0.0) -> Iterator[tuple[int, ...]]:
    """Keep other runs out of a folder, made if need be, while the block lasts; the lock dies with its process.

    What it gives is held by processes, too, that are started with these files open.

    Parameters
    ----------
    folder
        The folder.
    patience
        Seconds to wait for another run to end.

    Raises
    ------
    SpectrumError
        If another run holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w", encoding="utf-8") as lock:
        end = time.monotonic() + patience
        while not _taken(lock):
            if time.monotonic() >= end:
                raise SpectrumError(f"another run is working in {folder}; wait for it, or choose another folder")
            time.sleep(0.1)
        yield (lock.fileno(),)


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class PartStore:
    """The finished parts of one pass, as numbered files in a folder, and the settings they were made with.

    Parameters
    ----------
    folder
        Holds ``settings.txt`` and ``000000.npz``, ``000001.npz``, ...; made if it is not there.
    settings
        Everything that determines the numbers. Parts made with other settings are removed.
    insist
        Refuse to remove them: raise a SpectrumError that shows the difference.
    """

    def __init__(self, folder: Path, settings: str, *, insist: bool = False) -> None:
        self.folder, self.settings = folder, settings
        folder.mkdir(parents=True, exist_ok=True)
        stated = folder / "settings.txt"
        earlier = stated.read_text(encoding="utf-8") if stated.exists() else ""
        if insist and earlier != settings:
            lines = set(earlier.splitlines()) ^ set(settings.splitlines())
            reason = "was made with other settings: " + "; ".join(sorted(lines)) if earlier else "is not there"
            raise SpectrumError(f"cannot resume: the unfinished run in {folder} {reason}")
        if earlier != settings:
            if earlier:
                log.warning(f"{folder} holds an unfinished run with other settings; it is removed")
            for path in folder.glob("*.npz"):
                path.unlink()
            stated.write_text(settings, encoding="utf-8")
        self.paths = sorted(folder.glob("*.npz"))
        self.lengths = [len(_read(path, FRAMES)) for path in self.paths]

    @property
    def n_frames(self) -> int:
        """Number of frames in the parts."""
        return sum(self.lengths)

    def has(self, name: str) -> bool:
        """Return whether there is such a column."""
        with np.load(self.paths[0]) as part:
            return name in part.files

    def column(self, name: str, limit: int | None = None) -> Column:
        """Return one column of all parts, at most so many frames of it."""
        return Column(name, self.paths, self.lengths, limit)

    def append(self, part: dict[str, Array]) -> None:
        """Store a part, arrays (t, ...) by name, `FRAMES` among them; the file appears whole."""
        unfinished = self.folder / "part.tmp"
        with unfinished.open("wb") as stream:
            np.savez(stream, **part)  # type: ignore[arg-type]
        path = self.folder / f"{len(self.paths):06d}.npz"
        os.replace(unfinished, path)
        self.paths.append(path)
        self.lengths.append(len(part[FRAMES]))


class Column:
    """One column of all parts of a store, read from its files as it is sliced."""

    def __init__(self, name: str, paths: Sequence[Path], lengths: Sequence[int], limit: int | None) -> None:
        self._name, self._paths = name, list(paths)
        self._starts = np.cumsum([0, *lengths])
        total = int(self._starts[-1])
        self.shape = (total if limit is None else min(limit, total), *_read(paths[0], name).shape[1:])

    def __getitem__(self, frames: slice, /) -> Array:
        start, stop, _ = frames.indices(self.shape[0])
        pieces = [
            _read(path, self._name)[max(start - first, 0) : stop - first]
            for path, first, last in zip(self._paths, self._starts[:-1], self._starts[1:], strict=True)
            if first < stop and last > start
        ]
        return np.concatenate(pieces) if pieces else np.empty((0, *self.shape[1:]))


def _read(path: Path, name: str) -> Array:
    with np.load(path) as part:
        values: Array = part[name]
        return values
