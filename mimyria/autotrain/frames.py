"""`Pool`: the frames of the trajectories that may be labelled.

The last tenth of every trajectory belongs to the test set, the rest to training, but for a hundredth between them, so
that no frame is trained on beside one that is tested. Of a trajectory that grows, the pool is what was there at first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mimyria.errors import ConfigError
from mimyria.formats import read_frames, write_frames
from mimyria.frame import Frame, stated_charge, with_charge
from mimyria.trajectory import Trajectory

TEST_PART, MARGIN = 0.1, 0.01


@dataclass(frozen=True, order=True)
class Place:
    """A frame: which trajectory, and its number there."""

    trajectory: int
    frame: int


@dataclass(frozen=True)
class Pool:
    """All frames of the trajectories, split into those for training and those for the test."""

    segments: Sequence[Trajectory]
    """Without gaps, see ``Trajectory.segments``."""
    files: tuple[int, ...]
    """Of which file each is a segment."""
    lengths: tuple[int, ...]
    """Frames of each."""
    stored: tuple[int, ...]
    """Frames that each file has now."""

    @classmethod
    def of(cls, opened: Iterable[Trajectory], known: Sequence[Sequence[int]] = ()) -> Pool:
        """Return the pool of files, which are first searched for gaps and doubled frames.

        ``known`` are, for each file, the lengths of its segments when the loop was begun; empty where it begins.
        """
        by_file = [trajectory.segments() for trajectory in opened]
        now = [[segment.n_frames or 0 for segment in segments] for segments in by_file]
        # What a trajectory has gained since is longer or later segments: those of before keep their frames.
        kept = [
            (segment, file, length)
            for file, (segments, lengths) in enumerate(zip(by_file, known or now, strict=True))
            for segment, length in zip(segments, lengths, strict=False)
        ]
        segments, files, lengths = zip(*kept, strict=True)
        return cls(segments, files, lengths, tuple(map(sum, now)))

    @property
    def lengths_by_file(self) -> list[list[int]]:
        """The lengths of the segments of each file."""
        segments = list(zip(self.files, self.lengths, strict=True))
        return [[length for file, length in segments if file == k] for k in range(len(self.stored))]

    def training(self) -> list[Place]:
        """Return the frames that may be trained on, in order."""
        margins = [math.ceil(MARGIN * length) for length in self.lengths]
        ends = [self._split(length) - margin for length, margin in zip(self.lengths, margins, strict=True)]
        return [Place(k, n) for k, end in enumerate(ends) for n in range(end)]

    def test(self) -> list[Place]:
        """Return the frames of the test part, in order."""
        return [Place(k, n) for k, length in enumerate(self.lengths) for n in range(self._split(length), length)]

    def probed_fraction(self, probe: int) -> float:
        """Return the fraction of all frames that lie among the first so many of a file."""
        return sum(min(probe, stored) for stored in self.stored) / sum(self.stored)

    def places_of(self, file: int, stored: Sequence[int]) -> list[Place | None]:
        """Return which frames of the pool are stored at some indices of a file; None for those that are not in it."""
        known: dict[int, Place] = {}
        for k, (segment, length) in enumerate(zip(self.segments, self.lengths, strict=True)):
            before = 0
            for indices in segment.places if self.files[k] == file else ():
                frames = {index: before + index - indices.start for index in stored if index in indices}
                known |= {index: Place(k, frame) for index, frame in frames.items() if frame < length}
                before += len(indices)
        return [known.get(index) for index in stored]

    def _split(self, length: int) -> int:
        return length - max(1, int(TEST_PART * length))

    def frames(self, places: Iterable[Place]) -> list[Frame]:
        """Return the frames, in order, with their place in their header."""
        frames = []
        for k, segment in enumerate(self.segments):
            wanted = sorted(place.frame for place in set(places) if place.trajectory == k)
            for number, frame in zip(wanted, segment.pick(wanted), strict=True):
                charge = stated_charge(frame.info, len(frame))
                info = with_charge({"trajectory": k, "trajectory_frame": number}, charge, len(frame))
                frames.append(replace(frame, info=info, tensors={}))
        return frames


def draw_places(places: Sequence[Place], number: int, generator: np.random.Generator) -> list[Place]:
    """Return so many frames at random, or all if there are fewer, in order."""
    number = min(number, len(places))
    return sorted(places[index] for index in generator.choice(len(places), number, replace=False))


def write_selected(path: Path, frames: Iterable[Frame]) -> None:
    """Write frames that are to be labelled."""
    write_frames(path, [replace(frame, velocities=None, forces=None) for frame in frames])


PLACE = ("trajectory", "trajectory_frame")
"""Keys of a header that tell a place."""
LEAST_GIVEN = 2
"""Frames of a test set, or of a first cycle, that is given."""


def places_in(path: Path) -> list[Place]:
    """Return the places of the frames in a file that `write_selected`, or `mimyria label` after it, wrote.

    Labels that were given have none, and nothing was selected for them.
    """
    headers = [frame.info for frame in read_frames(path)] if path.exists() else []
    return [Place(*(int(header[key]) for key in PLACE)) for header in headers if PLACE[0] in header]


def read_given(labels: Path, targets: Sequence[str], least: int = 1) -> list[Frame]:
    """Return labels that exist; raise ConfigError if some frame lacks a target, or there are too few."""
    frames = list(read_frames(labels))
    for number, frame in enumerate(frames):
        if missing := [name for name in targets if name not in frame.tensors]:
            raise ConfigError(f"{labels}, frame {number} has no label of {', '.join(missing)}")
    if len(frames) < least:
        raise ConfigError(f"{labels} holds {len(frames)} labelled frames: {least} at least are needed")
    return frames


def write_given(path: Path, labels: Path, targets: Sequence[str]) -> int:
    """Write labels that exist as those of a folder of the loop, without a place, and return how many.

    Raises
    ------
    ConfigError
        See `read_given`.
    """
    frames = read_given(labels, targets, LEAST_GIVEN)
    kept = [replace(frame, info={k: v for k, v in frame.info.items() if k not in PLACE}) for frame in frames]
    write_frames(path, kept)
    return len(frames)
