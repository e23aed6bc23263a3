"""`Graph`: who is near whom, for one or several frames at once, as padded arrays in the order the network likes.

Atoms are sorted by species, so that a weight of a species acts on one slice; neighbours are padded to the same number,
so that a sum over them is one dense product. A padded place lies at the cutoff, where every radial function is zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mimyria.elements import symbols_of
from mimyria.errors import ModelError
from mimyria.frame import Frame
from mimyria.neighbours import neighbour_pairs


@dataclass(frozen=True)
class Graph:
    """Neighbourhoods of n atoms, at most k neighbours each.

    Parameters
    ----------
    order
        Atom of the frames (all frames in a row) at each place, shape (n,).
    slices
        Places of each species of the model.
    neighbours
        Places of the neighbours, shape (n, k).
    neighbour_species
        Index of their species, shape (n, k).
    vectors
        From each atom to its neighbours, Å, shape (n, k, 3).
    """

    order: Tensor
    slices: tuple[slice, ...]
    neighbours: Tensor
    neighbour_species: Tensor
    vectors: Tensor

    def __len__(self) -> int:
        return len(self.order)

    @property
    def species(self) -> Tensor:
        """Index of the species at each place, shape (n,)."""
        counts = [places.stop - places.start for places in self.slices]
        return torch.repeat_interleave(torch.tensor(counts)).to(self.order.device)


def build_graph(
    frames: Sequence[Frame],
    species: Sequence[int],
    cutoff: float,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Graph:
    """Return the graph of several frames, which do not see each other.

    Parameters
    ----------
    frames
        Of any composition and cell.
    species
        Atomic numbers the model knows, in its order.
    cutoff
        Å.

    Raises
    ------
    ModelError
        If a frame holds an element that is not in ``species``.
    """
    index_of = {number: index for index, number in enumerate(species)}
    unknown = sorted({int(number) for frame in frames for number in np.unique(frame.numbers)} - set(index_of))
    if unknown:
        raise ModelError(
            f"the model does not know {', '.join(symbols_of(np.array(unknown)))}; it was trained on "
            f"{', '.join(symbols_of(np.array(species)))}: label configurations that contain it and train again"
        )
    offsets = np.cumsum([0, *(len(frame) for frame in frames)])
    pairs = [neighbour_pairs(frame, cutoff) for frame in frames]
    i = np.concatenate([pair[0] + offset for pair, offset in zip(pairs, offsets, strict=False)])
    j = np.concatenate([pair[1] + offset for pair, offset in zip(pairs, offsets, strict=False)])

    # places 0...n-1 are the atoms sorted by species
    kinds = np.concatenate([[index_of[int(number)] for number in frame.numbers] for frame in frames])
    order = np.argsort(kinds, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))

    n_neighbours = np.bincount(i, minlength=len(order))
    column = np.arange(len(i)) - np.repeat(np.cumsum(n_neighbours) - n_neighbours, n_neighbours)
    neighbours = np.zeros((len(order), max(int(n_neighbours.max(initial=0)), 1)), dtype=np.int64)
    vectors = np.zeros((*neighbours.shape, 3))
    vectors[..., 0] = cutoff
    neighbours[place[i], column] = place[j]
    vectors[place[i], column] = np.concatenate([pair[2] for pair in pairs])

    ends = np.searchsorted(kinds[order], np.arange(len(species)), side="right")
    return Graph(
        order=torch.from_numpy(order).to(device),
        slices=tuple(slice(int(start), int(end)) for start, end in zip([0, *ends], ends, strict=False)),
        neighbours=torch.from_numpy(neighbours).to(device),
        neighbour_species=torch.from_numpy(kinds[order][neighbours]).to(device),
        vectors=torch.from_numpy(vectors).to(device, dtype),
    )
