"""Central differences of the positions, the velocities of a trajectory that stores none."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import count

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.frame import Array, Frame, changed
from mimyria.units import LIGHT_SPEED

Stored = Callable[[Iterable[int]], Iterator[tuple[int, Frame]]]
"""Yields the frames at increasing indices, each with its index."""


def attenuation(wavenumber: float, interval: float) -> float:
    """Return sin(ωδ)/(ωδ): the amplitude at ω = 2πcν (ν in cm⁻¹) left by central differences over ±δ (fs)."""
    return float(np.sinc(2 * LIGHT_SPEED * wavenumber * interval))


def central_differences(
    stored: Stored, start: int, stop: int | None, step: int, interval: float
) -> Iterator[tuple[int, Frame]]:
    """Yield frames start, start + step, ... before stop with velocities [r(t+δ) - r(t-δ)]/(2δ), δ the interval, fs.

    One neighbour on either side is read as well, and no other frame; the first and the last of the file have none and
    are left out.
    """
    wanted = count(start, step) if stop is None else range(start, stop, step)
    frames = stored(_with_neighbours(wanted))
    recent: deque[tuple[int, Frame]] = deque(maxlen=3)
    while True:
        try:
            recent.append(next(frames))
        except StopIteration:
            return
        except TrajectoryError:
            # Only the neighbour beyond the requested range is damaged: treat it as the end of the file.
            if stop is not None and recent and recent[-1][0] == stop - 1:
                return
            raise
        if len(recent) < 3:
            continue
        (first, before), (index, frame), (last, after) = recent
        if last - first == 2 and (index - start) % step == 0:
            yield index, _moving(before, frame, after, interval)


def _moving(before: Frame, frame: Frame, after: Frame, interval: float) -> Frame:
    """Return the frame in the middle, and its beads, with velocities."""
    # Two steps, each by the minimum image: an atom may cross the cell's face in both.
    moved = displacement(before, frame) + displacement(frame, after)
    of_beads = zip(before.beads, frame.beads, after.beads, strict=True)
    beads = tuple(_moving(*bead, interval) for bead in of_beads)
    return changed(frame, velocities=moved / (2 * interval), beads=beads)


def _with_neighbours(wanted: Iterable[int]) -> Iterator[int]:
    unread = 0
    for index in wanted:
        if index:
            yield from range(max(index - 1, unread), index + 2)
            unread = index + 2


def displacement(before: Frame, after: Frame) -> Array:
    """Return how far each atom moved between successive frames, by the minimum image, Å, shape (n, 3)."""
    return minimum_image(after.positions - before.positions, after)


def minimum_image(vectors: Array, frame: Frame) -> Array:
    """Return vectors (n, 3), Å, less the nearest lattice vectors; exact for short vectors, in any cell."""
    invert = np.linalg.inv if frame.periodic.all() else np.linalg.pinv  # a vector that does not repeat may be zero
    shifts = np.rint(vectors @ invert(frame.cell)) * frame.periodic
    return np.asarray(vectors - shifts @ frame.cell)
