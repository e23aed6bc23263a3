"""`PartStore`: the finished parts of one pass over a trajectory, kept until the whole is written."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mimyria.errors import SpectrumError
from mimyria.frame import Array
from mimyria.memory import Identity, make_folder, whole

log = logging.getLogger("mimyria")

IDENTITY, FRAMES = "identity.json", "volume"
"""The file that tells what the parts were made from, and the column that tells how many frames one has."""


class PartStore:
    """The finished parts of one pass, as numbered files in a folder, and what they were made from.

    Parameters
    ----------
    folder
        Holds ``identity.json`` and ``000000.npz``, ``000001.npz``, ...; made if it is not there.
    identity
        Everything that determines the numbers. Parts with another identity are removed; the trajectory may have grown.
    insist
        Refuse to remove them: raise a SpectrumError that shows the difference.
    """

    def __init__(self, folder: Path, identity: Identity, *, insist: bool = False) -> None:
        self.folder, self.identity = folder, identity
        make_folder(folder)
        stated = folder / IDENTITY
        earlier = Identity.read(stated)
        made_before = [*folder.glob("*.npz"), *folder.glob("settings.txt")]  # the latter by earlier versions
        if identity.as_of(earlier) != earlier:
            if insist:
                reason = "was made by another version" if made_before else "is not there"
                if earlier:
                    reason = f"was made with other settings: {identity.differences(earlier)}"
                raise SpectrumError(f"cannot resume: the unfinished run in {folder} {reason}")
            if made_before:
                other = f"other settings: {identity.differences(earlier)}" if earlier else "other settings"
                log.warning(f"{folder} holds an unfinished run with {other}; it is removed")
            stated.unlink(missing_ok=True)  # first: a kill in the middle must leave no part that seems to count
            for path in made_before:
                path.unlink()
            identity.write(stated)
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
        # Numbers have no gaps: a part whose writing was killed left no file, and its frames are computed again.
        path = self.folder / f"{len(self.paths):06d}.npz"
        with whole(path) as unfinished, unfinished.open("wb") as stream:
            np.savez(stream, **part)  # type: ignore[arg-type]
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
