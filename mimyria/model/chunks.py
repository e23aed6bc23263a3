"""Frames of any size: their atoms in chunks, each with its neighbours, through the steps of the networks.

A network computes in steps, in each of which an atom needs of its neighbours only what they have sent after the step
before (see `NetworkProtocol`). So every chunk does the first step, then every chunk the second, and so on: what is
kept of all atoms is small, what a chunk needs besides, the bulk, is gone when it is done, and nothing is computed twice
but the geometry. The tensors are those of all atoms at once, to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from mmap import mmap
from typing import Any

import torch
from torch import Tensor

from mimyria.frame import Frame
from mimyria.model.graph import Graph, species_of
from mimyria.model.model import ResponseModel
from mimyria.model.nearby import Group, groups_of
from mimyria.process import give_back_memory

CHUNKS_OF_HOLES = 16
"""After so many, memory is given back: arrays of ever other sizes leave holes that the next ones do not fit into."""


def chunks_of(frames: Sequence[Frame], species: Sequence[int], cutoff: float, pairs: int, like: Tensor) -> list[Graph]:
    """Return graphs of chunks of the atoms of frames of any composition and cell, near atoms together.

    A chunk has at most so many pairs of neighbours, or one atom; see `build_graph` for the rest. ``like`` has the
    device and the type of the graphs.
    """
    kinds = torch.from_numpy(species_of(frames, species))
    device = torch.device("cpu") if like.device.type == "mps" else like.device  # which has no double precision
    kinds, chunks, first = kinds.to(device, torch.int32), [], 0
    for group in _cut(_groups(frames, cutoff, device), pairs):
        chunks.append(_graph(group, kinds, len(species), cutoff, first, like.dtype).map(apart))
        first += len(group.atoms)
    places = torch.empty_like(kinds)
    places[torch.cat([chunk.order for chunk in chunks])] = torch.arange(len(kinds), dtype=torch.int32, device=device)
    for number, chunk in enumerate(chunks):
        named = replace(chunk, neighbours=apart(places[chunk.neighbours]))  # until here these were numbers of atoms
        chunks[number] = named.map(partial(Tensor.to, device=like.device))
    return chunks


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
    """Return the graph of a group, as one chunk, with the numbers of atoms for the places of the neighbours."""
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
    slices = tuple(slice(start, end) for start, end in zip([0, *ends], ends, strict=False))
    return Graph(group.atoms[order], slices, neighbours, kinds[neighbours], vectors, first)


def tensors_in_chunks(model: ResponseModel, chunks: Sequence[Graph]) -> Tensor:
    """Return the tensors of all atoms by every member, in the frames' order; see `ResponseModel.tensors`."""
    networks = model.networks
    own: list[list[Any]] = [[None] * len(networks) for _ in chunks]
    sent: list[Any] = [None] * len(networks)
    last = networks[0].steps - 1
    for number in range(last + 1):
        told: list[list[Tensor]] = [[] for _ in networks]
        for place, (graph, kept) in enumerate(zip(chunks, own, strict=True), 1):
            geometry = networks[0].geometry(graph, number)
            for member, network in enumerate(networks):
                own_next, message = network.step(number, geometry, kept[member], sent[member])
                kept[member] = apart(own_next)
                if number < last:
                    told[member].append(apart(message))
            if place % CHUNKS_OF_HOLES == 0:
                give_back_memory()
        sent = [torch.cat(messages) for messages in told] if number < last else []
    irreps = torch.cat([torch.stack(of_chunk) for of_chunk in own], dim=1)
    species, order = (torch.cat([getattr(graph, name) for graph in chunks]) for name in ("species", "order"))
    return model.in_units(irreps[..., model.columns(0)], species, order)


def apart(kept: Any) -> Any:
    """Return tensors, or tuples, lists and dictionaries of them, in pages of their own where they are in this memory.

    What stays, among what goes, would leave holes in the memory that no large array fits into: twice as much in all.
    """
    if isinstance(kept, dict):
        return {name: apart(part) for name, part in kept.items()}
    if isinstance(kept, tuple | list):
        return type(kept)(map(apart, kept))
    if not isinstance(kept, Tensor) or kept.device.type != "cpu" or not kept.nbytes:
        return kept
    return torch.frombuffer(mmap(-1, kept.nbytes), dtype=kept.dtype).view(kept.shape).copy_(kept)
