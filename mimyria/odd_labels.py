"""`find_odd_labels`: labels whose tensors are of another size than all others of the same system.

A self-consistent field can end in another state than the ground state. Each check of such a label by itself passes, for
its sum rules hold; beside others it stands out. Of a species the size of the tensors T in frame f is

    s_f = ln √⟨T²⟩,   z_f = |s_f - median s| / max(1.4826 median |s - median s|, 0.02)

over frames of one level, composition and number of periodic directions; from z = 8 it is an outlier. In labels of
water, of sulfate and of clusters of it that are right z is 6 at most, in those of another state 9 to 60.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mimyria.elements import symbols_of
from mimyria.frame import Array, Frame
from mimyria.level import level_of
from mimyria.statistics.outliers import NORMAL
from mimyria.targets import labelled_atoms

LEAST_FRAMES = 16
"""Of fewer the scatter is not known."""
LEAST_SCATTER, LARGEST = 0.02, 8.0


@dataclass(frozen=True)
class OddLabel:
    """A label that stands out, by the species that does so most."""

    frame: int
    symbol: str
    factor: float
    """√⟨T²⟩ over the median of all frames."""
    z: float

    def __str__(self) -> str:
        return f"frame {self.frame} ({self.symbol}: {self.factor:.2g} times the median, {self.z:.0f} times the scatter)"


def find_odd_labels(frames: Sequence[Frame], target: str) -> list[OddLabel]:
    """Return the labels of a target that stand out, one for each frame, in order."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for number, frame in enumerate(frames):
        if target in frame.tensors:
            composition = tuple(sorted(frame.numbers.tolist()))
            alike.setdefault((composition, int(frame.periodic.sum()), str(level_of(frame.info))), []).append(number)
    found: dict[int, OddLabel] = {}
    for numbers in alike.values():
        if len(numbers) < LEAST_FRAMES:
            continue
        species = np.unique(frames[numbers[0]].numbers)
        table = np.array([_sizes(frames[number], target, species) for number in numbers]).T
        for symbol, sizes in zip(symbols_of(species), table, strict=True):
            known = np.isfinite(sizes)
            if known.sum() < LEAST_FRAMES:
                continue
            away = sizes - np.median(sizes[known])
            scatter = max(NORMAL * float(np.median(abs(away[known]))), LEAST_SCATTER)
            for place in np.flatnonzero(known & (abs(away) > LARGEST * scatter)):
                odd = OddLabel(numbers[place], symbol, float(np.exp(away[place])), float(abs(away[place]) / scatter))
                if odd.frame not in found or odd.z > found[odd.frame].z:
                    found[odd.frame] = odd
    return [found[number] for number in sorted(found)]


def describe_odd_labels(frames: Sequence[Frame], target: str, origin: str) -> str:
    """Return what to tell of labels that stand out, empty where none does; ``origin`` says where they are from."""
    found = find_odd_labels(frames, target)
    if not found:
        return ""
    worst = max(found, key=lambda each: each.z)
    more = f", and {len(found) - 1} more ({', '.join(str(each.frame) for each in found if each != worst)})"
    return (
        f"{origin}: the {target} of {worst} is of another size than in all others of the same system"
        f"{more if len(found) > 1 else ''}: its SCF may have ended in another state; label it again or leave it out"
    )


def _sizes(frame: Frame, target: str, species: Array) -> Array:
    """Return ln √⟨T²⟩ of the labelled atoms of each species, NaN where there are none, or all are zero."""
    tensors = frame.tensors[target]
    labelled, squares = labelled_atoms(tensors), np.square(tensors).mean(axis=tuple(range(1, tensors.ndim)))
    of_species = [squares[labelled & (frame.numbers == s)] for s in species]
    return np.array([0.5 * np.log(own.mean()) if own.any() else np.nan for own in of_species])
