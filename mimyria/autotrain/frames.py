"""The frames of the trajectories that may be labelled, and those that a cycle takes.

The last tenth of every trajectory belongs to the test set, the rest to training, so that no frame that is trained on
lies beside one that is tested.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mimyria.errors import ConfigError
from mimyria.frame import Frame
from mimyria.trajectory import Trajectory, read_frames, write_frames

TEST_PART = 0.1


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
        Pieces without gaps, see ``Trajectory.pieces``.
    lengths
        Number of frames of each.
    """

    trajectories: Sequence[Trajectory]
    lengths: tuple[int, ...]

    @classmethod
    def of(cls, opened: Iterable[Trajectory]) -> Pool:
        """Return the pool of trajectories, which are first looked through for gaps and doubled frames."""
        pieces = [piece for one in opened for piece in one.pieces()]
        return cls(pieces, tuple(piece.n_frames or 0 for piece in pieces))

    def training(self) -> list[Place]:
        """Return the frames that may be trained on, in order."""
        return [Place(k, n) for k, length in enumerate(self.lengths) for n in range(self._split(length))]

    def test(self) -> list[Place]:
        """Return the frames of the test part, in order."""
        return [Place(k, n) for k, length in enumerate(self.lengths) for n in range(self._split(length), length)]

    def share(self, probe: int) -> float:
        """Return the part of all frames that lie among the first so many of a trajectory."""
        return sum(min(probe, length) for length in self.lengths) / sum(self.lengths)

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
    """Return so many frames at random, in order."""
    if number > len(places):
        raise ConfigError(f"{number} frames are to be drawn, but only {len(places)} are left: give longer trajectories")
    return sorted(places[index] for index in generator.choice(len(places), number, replace=False))


def write_selected(path: Path, frames: Iterable[Frame]) -> None:
    """Write frames that are to be labelled."""
    write_frames(path, [replace(frame, velocities=None, forces=None) for frame in frames])


def places_in(path: Path) -> list[Place]:
    """Return the places of the frames in a file that `write_selected`, or `mimyria label` after it, wrote."""
    return [Place(int(frame.info["trajectory"]), int(frame.info["trajectory_frame"])) for frame in read_frames(path)]
