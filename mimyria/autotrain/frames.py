"""The frames of the trajectories that may be labelled, and those that a cycle takes.

The last tenth of every trajectory belongs to the test set, the rest to training, but for a hundredth between them, so
that no frame is trained on beside one that is tested. Of a trajectory that grows, the pool is what was there at first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mimyria.formats import read_frames, write_frames
from mimyria.frame import Frame
from mimyria.trajectory import Trajectory

TEST_PART, MARGIN = 0.1, 0.01


@dataclass(frozen=True, order=True)
class Place:
    """A frame: which trajectory, and its number there."""

    trajectory: int
    frame: int


@dataclass(frozen=True)
class Pool:
    """All frames of the trajectories, split into those for training and those for the test.

    Parameters
    ----------
    trajectories
        Pieces without gaps, see ``Trajectory.segments``.
    files
        Which file each is a piece of.
    lengths
        Number of frames of each.
    stored
        Number of frames that each file has now.
    """

    trajectories: Sequence[Trajectory]
    files: tuple[int, ...]
    lengths: tuple[int, ...]
    stored: tuple[int, ...]

    @classmethod
    def of(cls, opened: Iterable[Trajectory], known: Sequence[Sequence[int]] = ()) -> Pool:
        """Return the pool of trajectories, which are first looked through for gaps and doubled frames.

        Parameters
        ----------
        opened
            The files.
        known
            For each file, the lengths of its pieces when the loop was begun; empty where it begins.
        """
        found = [one.segments() for one in opened]
        counts = known or [[piece.n_frames or 0 for piece in pieces] for pieces in found]
        kept = [
            (piece, file, length)
            for file, (pieces, lengths) in enumerate(zip(found, counts, strict=True))
            for piece, length in zip(pieces, lengths, strict=False)
        ]
        pieces, files, lengths = zip(*kept, strict=True)
        return cls(pieces, files, lengths, tuple(sum(piece.n_frames or 0 for piece in pieces) for pieces in found))

    @property
    def by_file(self) -> list[list[int]]:
        """The lengths of the pieces of each file."""
        pieces = list(zip(self.files, self.lengths, strict=True))
        return [[length for file, length in pieces if file == k] for k in range(len(self.stored))]

    def training(self) -> list[Place]:
        """Return the frames that may be trained on, in order."""
        margins = [math.ceil(MARGIN * length) for length in self.lengths]
        ends = [self._split(length) - margin for length, margin in zip(self.lengths, margins, strict=True)]
        return [Place(k, n) for k, end in enumerate(ends) for n in range(end)]

    def test(self) -> list[Place]:
        """Return the frames of the test part, in order."""
        return [Place(k, n) for k, length in enumerate(self.lengths) for n in range(self._split(length), length)]

    def share(self, probe: int) -> float:
        """Return the part of all frames that lie among the first so many of a file."""
        return sum(min(probe, stored) for stored in self.stored) / sum(self.stored)

    def places_of(self, file: int, stored: Sequence[int]) -> list[Place | None]:
        """Return which frames of the pool are stored at some places of a file; None for those that are not in it."""
        found: dict[int, Place] = {}
        for k, (piece, length) in enumerate(zip(self.trajectories, self.lengths, strict=True)):
            before = 0
            for places in piece.places if self.files[k] == file else ():
                there = [place for place in stored if place in places and before + place - places.start < length]
                found |= {place: Place(k, before + place - places.start) for place in there}
                before += len(places)
        return [found.get(place) for place in stored]

    def _split(self, length: int) -> int:
        return length - max(1, int(TEST_PART * length))

    def frames(self, places: Iterable[Place]) -> list[Frame]:
        """Return the frames, in order, with their place in their header."""
        found = []
        for k, one in enumerate(self.trajectories):
            wanted = sorted(place.frame for place in set(places) if place.trajectory == k)
            for number, frame in zip(wanted, one.pick(wanted), strict=True):
                found.append(replace(frame, info={"trajectory": k, "trajectory_frame": number}, tensors={}))
        return found


def draw(places: Sequence[Place], number: int, generator: np.random.Generator) -> list[Place]:
    """Return so many frames at random, or all if there are fewer, in order."""
    number = min(number, len(places))
    return sorted(places[index] for index in generator.choice(len(places), number, replace=False))


def write_selected(path: Path, frames: Iterable[Frame]) -> None:
    """Write frames that are to be labelled."""
    write_frames(path, [replace(frame, velocities=None, forces=None) for frame in frames])


def places_in(path: Path) -> list[Place]:
    """Return the places of the frames in a file that `write_selected`, or `mimyria label` after it, wrote."""
    return [Place(int(frame.info["trajectory"]), int(frame.info["trajectory_frame"])) for frame in read_frames(path)]
