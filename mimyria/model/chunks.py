"""Frames of any size: their atoms in chunks, each with its neighbours, through the steps of the networks.

A network computes in steps, in each of which an atom needs of its neighbours only what they have sent after the step
before (see `NetworkProtocol`). So every chunk does the first step, then every chunk the second, and so on: what is
kept of all atoms is small, what a chunk needs besides, the bulk, is gone when it is done, and nothing is computed twice
but the geometry. The tensors are those of all atoms at once, to rounding.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mimyria.frame import Array, Frame
from mimyria.model import compiled
from mimyria.model.graph import Graph, Sent, boxes_of, species_of
from mimyria.model.model import ResponseModel
from mimyria.model.nearby import Group, groups_of
from mimyria.model.search import Grid, grid_of, stretches_of
from mimyria.process import give_back_memory

CHUNKS_OF_HOLES = 16
"""After so many, memory is given back: arrays of ever other sizes leave holes that the next ones do not fit into."""

AT_ONCE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_POPULATE", 0)
"""Pages are mapped together, where the system can, rather than one by one as they are written to."""


def chunks_of(frames: Sequence[Frame], species: Sequence[int], cutoff: float, pairs: int, like: Tensor) -> list[Graph]:
    """Return graphs of chunks of the atoms of frames of any composition and cell, near atoms together.

    A chunk has at most so many pairs of neighbours, or one atom; see `build_graph` for the rest. ``like`` has the
    device and the type of the graphs.
    """
    kinds = species_of(frames, species)
    device = torch.device("cpu") if like.device.type == "mps" else like.device  # which has no double precision
    grids = (
        [grid_of(frame, cutoff) for frame in frames] if device.type == "cpu" and like.dtype == torch.float32 else [None]
    )
    if all(grid is not None for grid in grids):
        made = _by_grids([grid for grid in grids if grid is not None], kinds, len(species), cutoff, pairs)
    else:
        made = _by_groups(_cut(_groups(frames, cutoff, device), pairs), kinds, len(species), cutoff, like.dtype)
    chunks = [chunk.map(apart) for chunk in made]
    places = torch.empty(len(kinds), dtype=torch.int32, device=device)
    places[torch.cat([chunk.order for chunk in chunks])] = torch.arange(len(kinds), dtype=torch.int32, device=device)
    boxes = boxes_of(frames, places)
    for number, chunk in enumerate(chunks):
        near = apart(places[chunk.neighbours])  # until here these were numbers of atoms
        named = replace(chunk, neighbours=near, boxes=boxes)
        chunks[number] = named.map(partial(Tensor.to, device=like.device))
    return chunks


def _by_grids(grids: Sequence[Grid], kinds: Array, n_species: int, cutoff: float, pairs: int) -> Iterator[Graph]:
    """Yield chunks of the atoms of frames, compiled, with the numbers of atoms for the places of the neighbours."""
    numbers, before, first = np.arange(len(kinds)), 0, 0
    for grid in grids:
        for atoms, found in stretches_of(grid, cutoff, pairs):
            of = kinds[before + atoms]
            order = np.argsort(of, kind="stable")
            rows = np.empty_like(order)
            rows[order] = np.arange(len(order))
            shape = len(atoms), max(1, int(np.diff(found.ends, prepend=0).max()))
            near, species, vectors = (
                np.empty(shape, np.int64),
                np.empty(shape, np.int64),
                np.empty((*shape, 3), np.float32),
            )
            given = rows, before, *found, numbers, kinds, shape[1], float(cutoff)
            compiled.call("padded", len(rows), *given, near, species, vectors)
            ends = np.bincount(of, minlength=n_species).cumsum()
            yield Graph(
                order=torch.from_numpy(before + atoms[order]),
                slices=_slices(ends.tolist()),
                neighbours=torch.from_numpy(near).int(),
                neighbour_species=torch.from_numpy(species).int(),
                vectors=torch.from_numpy(vectors),
                first=first,
            )
            first += len(atoms)
        before += len(grid.points)


def _slices(ends: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(start, end) for start, end in zip([0, *ends], ends, strict=False))


def _by_groups(
    groups: Iterator[Group], kinds: Array, n_species: int, cutoff: float, dtype: torch.dtype
) -> Iterator[Graph]:
    """Yield groups as chunks, on any device, with the numbers of atoms for the places of the neighbours."""
    first, of_device = 0, None
    for group in groups:
        if of_device is None:
            of_device = torch.from_numpy(kinds).to(group.atoms.device, torch.int32)
        yield _graph(group, of_device, n_species, cutoff, first, dtype)
        first += len(group.atoms)


def _groups(frames: Sequence[Frame], cutoff: float, device: torch.device) -> Iterator[Group]:
    """Yield the groups of all frames, atoms counted through them."""
    first = 0
    for frame in frames:
        for group in groups_of(frame, cutoff, device):
            yield group._replace(atoms=group.atoms + first, neighbours=(group.neighbours + first).int())
        first += len(frame)


def _cut(groups: Iterator[Group], pairs: int) -> Iterator[Group]:
    """Yield groups that are joined while they have at most so many pairs, and cut where one has more."""
    waiting: list[Group] = []
    for group in groups:
        if waiting and sum(len(each.neighbours) for each in (*waiting, group)) > pairs:
            yield from _pieces(waiting, pairs)
            waiting = []
        waiting.append(group)
    yield from _pieces(waiting, pairs)


def _pieces(groups: list[Group], pairs: int) -> Iterator[Group]:
    joined = Group(*(torch.cat(parts) for parts in zip(*groups, strict=True)))
    ends = joined.counts.cumsum(0)
    if int(ends[-1]) <= pairs:
        yield joined
        return
    start = 0
    while start < len(ends):
        before = int(ends[start] - joined.counts[start])
        end = max(int(torch.searchsorted(ends, before + pairs, right=True)), start + 1)
        part = slice(before, int(ends[end - 1]))
        yield Group(joined.atoms[start:end], joined.counts[start:end], joined.neighbours[part], joined.vectors[part])
        start = end


def _graph(group: Group, kinds: Tensor, n_species: int, cutoff: float, first: int, dtype: torch.dtype) -> Graph:
    """Return the graph of a group."""
    of = kinds[group.atoms]
    order = of.argsort(stable=True)
    row = torch.empty_like(order).index_copy(0, order, torch.arange(len(order), device=order.device))
    centre = torch.repeat_interleave(row, group.counts)
    column = torch.arange(len(centre), device=order.device)
    column -= torch.repeat_interleave(group.counts.cumsum(0) - group.counts, group.counts)
    shape = len(order), max(int(group.counts.max()), 1)
    neighbours = group.neighbours.new_zeros(shape)
    neighbours[centre, column] = group.neighbours
    vectors = torch.zeros(*shape, 3, dtype=dtype, device=order.device)
    vectors[..., 0] = cutoff  # where every radial function is zero
    vectors[centre, column] = group.vectors.to(dtype)
    ends = of.bincount(minlength=n_species).cumsum(0).tolist()
    return Graph(group.atoms[order], _slices(ends), neighbours, kinds[neighbours], vectors, first)


def tensors_in_chunks(models: Sequence[ResponseModel], chunks: Sequence[Graph]) -> list[Tensor]:
    """Return the tensors of all atoms by every member of models of one shape; see `ResponseModel.tensors`."""
    networks = [network for model in models for network in model.networks]
    own: list[list[Any]] = [[None] * len(networks) for _ in chunks]
    sent: list[Any] = [None] * len(networks)
    n_atoms, last = sum(map(len, chunks)), networks[0].steps - 1
    for number in range(last + 1):
        told: list[Any] = [None] * len(networks)
        for place, (graph, kept) in enumerate(zip(chunks, own, strict=True), 1):
            geometry = networks[0].geometry(graph, number)
            for member, network in enumerate(networks):
                own_next, message = network.step(number, geometry, kept[member], sent[member])
                kept[member] = apart(own_next)
                if number < last:
                    if told[member] is None:
                        told[member] = Sent(_pages((n_atoms, *message.each.shape[1:]), message.each))
                    _add(told[member], message, graph.first)
            if place % CHUNKS_OF_HOLES == 0:
                give_back_memory()
        if number < last:
            sent = [network.gathered(each) for network, each in zip(networks, told, strict=True)]
    species, order = (torch.cat([getattr(graph, name) for graph in chunks]) for name in ("species", "order"))
    irreps = iter([torch.cat(of_member) for of_member in zip(*own, strict=True)])
    tensors = []
    for model in models:
        of_model = torch.stack([next(irreps) for _ in model.networks])
        tensors.append(model.in_units(of_model[..., model.columns(0)], species, order))
    return tensors


def _add(told: Sent, message: Sent, first: int) -> None:
    """Take down what the atoms of a chunk say."""
    told.each[first : first + len(message.each)] = message.each
    for frame, part in message.boxes.items():
        told.boxes.setdefault(frame, []).extend(apart(part))


def apart(kept: Any) -> Any:
    """Return tensors, or tuples, lists and dictionaries of them, in pages of their own where they are in this memory.

    What stays, among what goes, would leave holes in the memory that no large array fits into: twice as much in all.
    """
    if isinstance(kept, dict):
        return {name: apart(part) for name, part in kept.items()}
    if isinstance(kept, tuple | list):
        return type(kept)(map(apart, kept))
    if not isinstance(kept, Tensor) or kept.device.type != "cpu":
        return kept
    return _pages(kept.shape, kept).copy_(kept)


def _pages(shape: Sequence[int], like: Tensor) -> Tensor:
    """Return room for a tensor of the device and type of another, in pages of its own where it is in this memory."""
    if like.device.type != "cpu" or not math.prod(shape):
        return like.new_empty(shape)
    return torch.frombuffer(mmap.mmap(-1, math.prod(shape) * like.itemsize, flags=AT_ONCE), dtype=like.dtype).view(
        shape
    )
