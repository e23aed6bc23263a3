"""Velocities where a trajectory has none: central differences of the positions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.frame import Array, Frame
from mimyria.units import LIGHT_SPEED

Stored = Callable[[Iterable[int]], Iterator[tuple[int, Frame]]]
"""Gives the frames at increasing indices, each with its index."""


def attenuation(wavenumber: float, interval: float) -> float:
    """Return sin(ωδ)/(ωδ), by which central differences over ±δ shrink a velocity of angular frequency ω = 2πcν.

    Parameters
    ----------
    wavenumber
        ν, cm⁻¹.
    interval
        δ, fs.
    """
    return float(np.sinc(2 * LIGHT_SPEED * wavenumber * interval))


def central_differences(
    stored: Stored, start: int, stop: int | None, step: int, interval: float
) -> Iterator[tuple[int, Frame]]:
    """Yield frames start, start + step, ... with velocities [r(t+δ) - r(t-δ)]/(2δ), but for the file's first and last.

    Parameters
    ----------
    stored
        Reads frames; only those needed are asked for.
    start, stop, step
        Which frames; one neighbour on either side is read as well.
    interval
        δ, fs.
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
            # The neighbour after the range asked for: where it cannot be read, this is where the file ends.
            if stop is not None and recent and recent[-1][0] == stop - 1:
                return
            raise
        if len(recent) < 3:
            continue
        (first, before), (index, frame), (last, after) = recent
        if last - first == 2 and (index - start) % step == 0:
            moved = displacement(before, frame) + displacement(frame, after)
            yield index, replace(frame, velocities=moved / (2 * interval))


def _with_neighbours(wanted: Iterable[int]) -> Iterator[int]:
    following = 0
    for index in wanted:
        if index:
            yield from range(max(index - 1, following), index + 2)
            following = index + 2


def displacement(before: Frame, after: Frame) -> Array:
    """Return how far each atom moved between successive frames, by the minimum image, Å, shape (n, 3)."""
    return minimum_image(after.positions - before.positions, after)


def minimum_image(vectors: Array, frame: Frame) -> Array:
    """Return vectors (n, 3), Å, brought near zero by the cell vectors of a frame; right for short ones in any cell."""
    turns = np.rint(vectors @ np.linalg.inv(frame.cell)) * frame.periodic
    return np.asarray(vectors - turns @ frame.cell)
