"""`Graph`: who is near whom, for one or several frames at once, as padded arrays in the order the network likes.

Atoms are sorted by species, so that a weight of a species acts on one slice; neighbours are padded to the same number,
so that a sum over them is one dense product. A padded place lies at the cutoff, where every radial function is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mimyria.elements import symbols_of
from mimyria.errors import ModelError
from mimyria.frame import Array, Frame
from mimyria.model import compiled
from mimyria.model.search import Pairs, pairs_of


class Box(NamedTuple):
    """A frame, and where its atoms are among those of all frames."""

    places: Tensor  # of its atoms, counted through all chunks, (n,)
    frame: Frame
    moved: Tensor | None = None  # how far its atoms are from where they are in the frame, Å, (n, 3); see `Graph.moved`


@dataclass(frozen=True)
class Sent:
    """What atoms tell others after a step."""

    each: Tensor  # what each of them tells its neighbours, (n, ...)
    boxes: dict[int, Any] = field(default_factory=dict)  # what they tell all of their frame, by its number; lists


@dataclass(frozen=True)
class Graph:
    """Neighbourhoods of n atoms, at most k neighbours each.

    The atoms are those of all frames, or one of the chunks that these stand in one after the other.
    """

    order: Tensor  # atom of the frames (all frames in a row) at each place, (n,)
    slices: tuple[slice, ...]  # places of each species of the model, from the first atom of the chunk
    neighbours: Tensor  # their places, counted through all chunks, (n, k)
    neighbour_species: Tensor  # index of their species, (n, k)
    vectors: Tensor  # from each atom to its neighbours, Å, (n, k, 3)
    first: int = 0  # place of the first of these atoms in all chunks
    boxes: tuple[Box, ...] = ()  # all frames

    def __len__(self) -> int:
        return len(self.order)

    @property
    def species(self) -> Tensor:
        """Index of the species at each place, shape (n,)."""
        counts = [places.stop - places.start for places in self.slices]
        return torch.repeat_interleave(torch.tensor(counts)).to(self.order.device)

    def map(self, function: Callable[[Tensor], Tensor]) -> Graph:
        """Return the same with a function of each tensor in its place, one that moves it say; boxes stay."""
        moved = map(function, (self.order, self.neighbours, self.neighbour_species, self.vectors))
        order, neighbours, neighbour_species, vectors = moved
        return Graph(order, self.slices, neighbours, neighbour_species, vectors, self.first, self.boxes)

    def moved(self, by: Tensor) -> Graph:
        """Return the graph of atoms moved by little, Å, (n, 3), of which derivatives can be taken; one chunk alone."""
        vectors = self.vectors + by[self.neighbours] - by[:, None]
        boxes = tuple(box._replace(moved=by[box.places.to(by.device).long()]) for box in self.boxes)
        return replace(self, vectors=vectors, boxes=boxes)


def boxes_of(frames: Sequence[Frame], places: Tensor) -> tuple[Box, ...]:
    """Return the frames with the places of their atoms, which are those of all frames in a row (n,)."""
    of_frames = torch.split(places, [len(frame) for frame in frames])
    return tuple(Box(*pair) for pair in zip(of_frames, frames, strict=True))


def build_graph(
    frames: Sequence[Frame],
    species: Sequence[int],
    cutoff: float,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Graph:
    """Return the graph of frames of any composition and cell, which do not see each other; ``cutoff`` in Å.

    ``species`` are the atomic numbers that the model knows, in its order; a ModelError names any other.
    """
    kinds = species_of(frames, species)
    pairs = [pairs_of(frame, cutoff) for frame in frames]

    # places 0...n-1 are the atoms sorted by species
    order = np.argsort(kinds, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    neighbours, neighbour_kinds, vectors = _padded(pairs, place, kinds, cutoff, dtype)

    ends = np.searchsorted(kinds[order], np.arange(len(species)), side="right")
    return Graph(
        order=torch.from_numpy(order).to(device),
        slices=tuple(slice(int(start), int(end)) for start, end in zip([0, *ends], ends, strict=False)),
        neighbours=torch.from_numpy(neighbours).to(device),
        neighbour_species=torch.from_numpy(neighbour_kinds).to(device),
        vectors=torch.from_numpy(vectors).to(device, dtype),
        boxes=boxes_of(frames, torch.from_numpy(place)),
    )


def _padded(
    pairs: Sequence[Pairs], place: Array, kinds: Array, cutoff: float, dtype: torch.dtype
) -> tuple[Array, Array, Array]:
    """Return places, species and vectors of the neighbours, (n, k) and (n, k, 3)."""
    counts = [np.diff(of_frame.ends, prepend=0) for of_frame in pairs]
    k = max(1, *(int(of_frame.max(initial=0)) for of_frame in counts))
    shape, first = (len(place), k), 0
    if dtype == torch.float32 and compiled.available():
        to = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.int64), np.empty((*shape, 3), dtype=np.float32)
        for of_frame in pairs:
            rows = place[first : first + len(of_frame.ends)]
            compiled.call("padded", len(rows), rows, first, *of_frame, place, kinds, k, float(cutoff), *to)
            first += len(rows)
        return to
    neighbours, vectors = np.zeros(shape, dtype=np.int64), np.zeros((*shape, 3))
    vectors[..., 0] = cutoff
    for of_frame, of_atoms in zip(pairs, counts, strict=True):
        row = np.repeat(place[first : first + len(of_atoms)], of_atoms)
        column = np.arange(len(row)) - np.repeat(of_frame.ends - of_atoms, of_atoms)
        neighbours[row, column] = place[first + of_frame.second]
        vectors[row, column] = of_frame.vectors
        first += len(of_atoms)
    of_place = np.empty_like(kinds)
    of_place[place] = kinds
    return neighbours, of_place[neighbours], vectors


def species_of(frames: Sequence[Frame], species: Sequence[int]) -> Array:
    """Return the index of each atom's species, frames in a row; a ModelError names those that the model has not."""
    numbers = np.concatenate([frame.numbers for frame in frames])
    if len(unknown := np.setdiff1d(numbers, species)):
        raise ModelError(
            f"the model does not know {', '.join(symbols_of(unknown))}; it was trained on "
            f"{', '.join(symbols_of(np.array(species)))}: label configurations that contain it and train again"
        )
    index_of = np.zeros(max(species) + 1, dtype=np.int64)
    index_of[list(species)] = np.arange(len(species))
    return np.asarray(index_of[numbers])
