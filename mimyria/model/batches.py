"""Labels as the network sees them: batches of frames, and the constants that bring everything to order one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from mimyria.elements import symbols_of
from mimyria.errors import ConfigError
from mimyria.frame import Frame
from mimyria.level import level_of
from mimyria.model.architecture import GraphGeometry
from mimyria.model.graph import Graph, build_graph
from mimyria.model.layers import TINY, inverse_root
from mimyria.model.model import ResponseModel
from mimyria.model.room import Room, free_bytes
from mimyria.targets import labelled_atoms

T = TypeVar("T")

ATOMS_PER_STEP = 64
KEPT_BYTES = 2 * 1024**3
"""Geometries are kept for every epoch up to this, or what a card has room for; the others are computed in each."""


def in_batches(frames: Iterable[Frame], n_atoms: int) -> Iterator[list[Frame]]:
    """Yield the frames in lists of at least so many atoms, but for the last: small molecules do not go one by one."""
    batch: list[Frame] = []
    for frame in frames:
        batch.append(frame)
        if sum(map(len, batch)) >= n_atoms:
            yield batch
            batch = []
    if batch:
        yield batch


@dataclass(frozen=True)
class Batch:
    """Frames as the network wants them, with their labels as irreps, atoms in the graph's order."""

    graph: Graph
    geometry: GraphGeometry | None  # what the network makes of the graph; None where it is not kept
    labels: Tensor  # (n, irreps)
    weights: Tensor  # one for a labelled atom and zero for another, (n, 1)
    frame: Tensor  # number of the frame of each atom, (n,)
    level: int = 0  # of all frames

    @property
    def labelled(self) -> Tensor:
        """Which atoms have a label, shape (n,), bool."""
        return self.weights[:, 0] > 0

    def scale(self, model: ResponseModel) -> Tensor:
        """Return the scale of each atom's irreps at the batch's level, (n, irreps)."""
        return model.constants(self.graph.species, self.level)[1]

    def geometry_for(self, model: ResponseModel) -> GraphGeometry:
        """Return the geometry that was kept, or compute it."""
        return model.geometry(self.graph) if self.geometry is None else self.geometry

    def parts(self, number: int) -> Iterator[Batch]:
        """Yield the frames in so many batches, or one by one if they are fewer; for several nothing is kept."""
        n_frames = int(self.frame.max()) + 1
        if number == 1:
            yield self
            return
        for frames in torch.arange(n_frames).tensor_split(min(number, n_frames)):
            yield self._of(int(frames[0]), int(frames[-1]) + 1)

    def _of(self, first: int, end: int) -> Batch:
        """Return the frames from the first up to the end."""
        here = (self.frame >= first) & (self.frame < end)
        place = (here.cumsum(0) - 1).clamp(min=0)  # padded neighbours stand for any atom
        neighbours = place[self.graph.neighbours]
        graph = self.graph.map(lambda of_atoms: of_atoms[here])
        ends = self.graph.species[here].bincount(minlength=len(graph.slices)).cumsum(0).tolist()
        slices = tuple(slice(start, stop) for start, stop in zip([0, *ends], ends, strict=False))
        boxes = tuple(box._replace(places=place.cpu()[box.places]) for box in graph.boxes[first:end])
        order = graph.order.argsort().argsort()
        graph = replace(graph, order=order, slices=slices, neighbours=neighbours[here], boxes=boxes)
        return Batch(graph, None, self.labels[here], self.weights[here], self.frame[here] - first, self.level)

    def without_excess(self, error: Tensor, model: ResponseModel) -> Tensor:
        """Return errors of normalised irreps without what projecting the sum over the atoms would take off.

        T[n] - Σ_m T[m] / N, in the unit of the target; only for frames all of whose atoms are labelled.
        """
        scale = self.scale(model)
        n_frames = int(self.frame.max()) + 1
        zeros = error.new_zeros(n_frames, error.shape[1])
        sums = zeros.index_add(0, self.frame, error * scale)
        atoms = zeros[:, :1].index_add(0, self.frame, torch.ones_like(self.weights))
        whole = zeros[:, :1].index_add(0, self.frame, self.weights) == atoms
        return error - (sums / atoms * whole).index_select(0, self.frame) / scale


@dataclass(frozen=True)
class Data:
    """What a network learns from, with normalised labels."""

    training: list[Batch]
    held_out: list[Batch]
    loss_weights: Tensor  # how much the square of an error counts, (species, irreps); one on average over the labels
    project: bool  # errors are those that are left when the translational sum rule is made exact
    room: Room = field(default_factory=Room)

    def parts(self, batch: Batch) -> Iterator[Batch]:
        """Yield a batch, or parts of it once memory has been too small; from then on no geometry is kept."""
        if self.room.halvings:
            for batches in (self.training, self.held_out):
                batches[:] = [replace(each, geometry=None) for each in batches]
        return batch.parts(2**self.room.halvings)

    def in_parts(self, batch: Batch, compute: Callable[[Batch], T]) -> list[T]:
        """Return what a function makes of the parts of a batch, most often one, for which there is memory."""
        return self.room.fit(lambda: [compute(part) for part in self.parts(batch)])


def make_data(
    model: ResponseModel,
    training: Sequence[Frame],
    held_out: Sequence[Frame],
    *,
    project: bool,
    weights: Mapping[str, float],
    device: torch.device,
    carried: Collection[int] = (),
) -> Data:
    """Return batches of labelled frames, each of one level, and normalise the model to the training frames.

    ``weights`` say how much an element, such as ``S``, or an irrep, such as ``2e``, counts; one for those not named.
    ``project`` is as in `Data`, ``carried`` as in `normalise`.
    """
    lists = [list(_batches_by_level(model, frames)) for frames in (training, held_out)]
    batches: list[Batch] = []
    kept, most = 0, KEPT_BYTES if device.type == "cpu" else min(KEPT_BYTES, free_bytes(device))
    for frames, level in itertools.chain(*lists):
        batch = _batch(model, frames, level, device, keep=kept < most)
        kept += 0 if batch.geometry is None else batch.geometry.nbytes
        batches.append(batch)
    n_training = len(lists[0])
    normalise(model, batches[:n_training], carried)
    loss_weights = _loss_weights(model, weights, batches[:n_training]).to(device, model.mean.dtype)
    for index, batch in enumerate(batches):
        mean, scale = model.constants(batch.graph.species, batch.level)
        batches[index] = replace(batch, labels=(batch.labels - mean) / scale)
    return Data(_balanced(model, batches[:n_training]), batches[n_training:], loss_weights, project)


def _balanced(model: ResponseModel, batches: list[Batch]) -> list[Batch]:
    """Return batches with those of the level that is predicted repeated until they are as many as all others."""
    predicted = [batch for batch in batches if batch.level == len(model.levels) - 1]
    return batches + predicted * (round((len(batches) - len(predicted)) / len(predicted)) - 1)


def _batches_by_level(model: ResponseModel, frames: Sequence[Frame]) -> Iterator[tuple[list[Frame], int]]:
    for level, stated in enumerate(model.levels):
        own = [frame for frame in frames if len(model.levels) == 1 or level_of(frame.info) == stated]
        for batch in in_batches(own, ATOMS_PER_STEP):
            yield batch, level


def _batch(model: ResponseModel, frames: list[Frame], level: int, device: torch.device, *, keep: bool) -> Batch:
    dtype = model.mean.dtype
    graph = build_graph(frames, model.settings.species, model.settings.cutoff, device, dtype)
    tensors = np.concatenate([frame.tensors[model.target.name] for frame in frames])
    labelled = labelled_atoms(tensors)
    filled = np.where(labelled[:, None], tensors.reshape(len(tensors), -1), 0.0)  # NaN · 0 would be NaN in the loss
    number = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])
    return Batch(
        graph=graph,
        geometry=model.geometry(graph) if keep else None,
        labels=torch.from_numpy(filled).to(device, dtype)[graph.order] @ model.change_of_basis.flatten(1).T,
        weights=torch.from_numpy(labelled[:, None]).to(device, dtype)[graph.order],
        frame=torch.from_numpy(number).to(device)[graph.order],
        level=level,
    )


def normalise(model: ResponseModel, batches: Sequence[Batch], carried: Collection[int] = ()) -> None:
    """Set the constants of a model so that inputs, messages and targets are of order one.

    Labels are scaled per level, species and irrep, about the species' mean for scalars, so that rotations stay exact.
    The scale is the geometric mean of the irrep's own deviation and the species': weak irreps count, but not as much as
    strong ones, for their labels are the noisiest. ``carried`` are the species whose weights are those of a trained
    model: their constants are changed no more than the labels ask for, see `_refit`, and those of the inputs stay.
    """
    scale_before = model.scale.clone()
    geometries = [batch.geometry for batch in batches if batch.geometry is not None]  # KEPT_BYTES of them are enough
    for network in model.networks:
        network.set_scales(geometries, trained=bool(carried))
    for level in range(len(model.levels)):
        own = [batch for batch in batches if batch.level == level]
        species = torch.cat([batch.graph.species for batch in own])
        labelled = torch.cat([batch.labelled for batch in own])
        labels = torch.cat([batch.labels for batch in own])
        mean, scale = (buffer[:, model.columns(level)] for buffer in (model.mean, model.scale))  # views
        known = set(torch.unique(species[labelled]).tolist())
        if known & set(carried):
            with torch.no_grad():
                predictions = torch.cat([model(batch.geometry_for(model), level)[0] for batch in own])
        for s in known:
            chosen = labelled & (species == s)
            rows = labels[chosen]
            if s in carried:
                _refit(model, mean[s], scale[s], predictions[chosen], rows)
                continue
            for _, part in model.irreps.single():
                if part.stop - part.start == 1:  # a scalar: the mean of any other irrep is zero over all orientations
                    mean[s, part] = rows[:, part].mean()
            squares = (rows - mean[s]).square()
            for _, part in model.irreps.single():
                scale[s, part] = 1 / (inverse_root(squares[:, part].mean()) * inverse_root(squares.mean())).sqrt()
    atoms = torch.cat([batch.graph.species[batch.labelled] for batch in batches])
    for network in model.networks:
        network.set_units(model.scale, atoms, scale_before, carried)


def _refit(model: ResponseModel, mean: Tensor, scale: Tensor, predictions: Tensor, labels: Tensor) -> None:
    """Change mean and scale of a species, in place, by the straight line from predictions to labels (n, irreps).

    t = a·scale·x + mean', a = Σ x·(t - t̄) / scale Σ x·(x - x̄) for each irrep, means of scalars alone, and a within a
    factor of two of one: it is determined by few labels, a weak irrep's by their noise.
    """
    for _, part in model.irreps.single():
        x, t = predictions[:, part], labels[:, part]
        scalar = part.stop - part.start == 1
        x_mean, t_mean = (values.mean() if scalar else values.new_zeros(()) for values in (x, t))
        slope = (x * (t - t_mean)).sum() / (scale[part] * x * (x - x_mean)).sum().clamp(min=TINY)
        scale[part] *= slope.clamp(0.5, 2.0)
        mean[part] = t_mean - scale[part] * x_mean


def _loss_weights(model: ResponseModel, weights: Mapping[str, float], batches: Sequence[Batch]) -> Tensor:
    """Return the weights of the squared errors, shape (species, irreps); see `Data`.

    A species counts in all with the root of its share of the atoms, times what the user says: rare ones are heard.
    """
    symbols, irreps = symbols_of(np.array(model.settings.species)), model.irreps.single()
    known = {*symbols, *(name for name, _ in irreps)}
    if unknown := sorted(set(weights) - known):
        raise ConfigError(f"--weight {unknown[0]}: the labels have {', '.join(sorted(known))}")
    counts = (
        torch.cat([batch.graph.species[batch.labelled] for batch in batches]).bincount(minlength=len(symbols)).cpu()
    )
    share = counts / counts.sum()
    result = torch.ones(len(symbols), model.irreps.size) * share.clamp(min=1e-9).rsqrt()[:, None]
    for s, symbol in enumerate(symbols):
        result[s] *= weights.get(symbol, 1.0)
    for name, part in irreps:
        result[:, part] *= weights.get(name, 1.0)
    if not (total := result.mean(1) @ share) > 0:
        raise ConfigError("--weight: all that is labelled has a weight of zero, so there is nothing to learn")
    return result / total
