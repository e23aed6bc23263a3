"""Prediction: frames stream in, the same frames with tensors stream out."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch

from mimyria.execute import cores_here
from mimyria.frame import Array, Frame, with_charge
from mimyria.model.batches import in_batches
from mimyria.model.calibration import committee_spread
from mimyria.model.chunks import chunks_of, tensors_in_chunks
from mimyria.model.environments import is_extrapolated, neighbour_counts_and_distances
from mimyria.model.graph import Graph, build_graph
from mimyria.model.model import ResponseModel
from mimyria.model.room import Room

HIGH = 1.6
"""A committee is unsure where its standard deviation is this many times what it was on held-out labels."""
RARE = 0.005
"""Share of the frames in which an atom may be unsure or extrapolated without a warning: long trajectories have some."""
ATOMS_PER_BATCH = {"cpu": 1, "cuda": 16384, "mps": 4096}
"""On a CPU one frame at a time is fastest; an accelerator wants more at once, as far as it has `Room` for them."""
PAIRS_PER_ATOM = 100
"""Of a liquid, within 6 Å: how many atoms are too many to be computed at once."""

A = TypeVar("A")
B = TypeVar("B")

log = logging.getLogger("mimyria")


def predict(
    model: ResponseModel, frames: Iterable[Frame], *, charge: float | None = None, project: bool = True
) -> Iterator[Frame]:
    """Yield the frames with the tensors of one model; see `predict_all`."""
    return predict_all([model], frames, charge=charge, project=project)


def predict_all(
    models: Sequence[ResponseModel], frames: Iterable[Frame], *, charge: float | None = None, project: bool = True
) -> Iterator[Frame]:
    """Yield the frames with the tensors of several models added under the names of their targets.

    Parameters
    ----------
    models
        From ``read_model``.
    frames
        Any number; read as they are needed.
    charge
        Total charge of a frame, e; None for what its header says, else zero.
    project
        Make Σ_n T[n] exact (see ``Target.project_translation``); how far it was off is logged at the end.
    """
    device = device_of(models[0]).type
    # a batch uses the cores worse than independent frames do: on a CPU as many at once as there are cores
    workers = max(1, cores_here() // torch.get_num_threads()) if device == "cpu" else 1
    diagnostics = [_Diagnostics(model, project) for model in models]
    batches = in_batches(frames, ATOMS_PER_BATCH.get(device, 1))
    for batch, predictions in _compute_ahead(partial(predict_together, models, room=Room()), batches, workers):
        for frame, *of_models in zip(batch, *predictions, strict=True):
            frame = replace(frame, info=with_charge(frame.info, charge, len(frame)))
            total = frame.total_charge
            for of_model, prediction in zip(diagnostics, of_models, strict=True):
                frame = of_model.add(frame, prediction, total)
            yield frame
    for of_model in diagnostics:
        of_model.log()


class Prediction(NamedTuple):
    """Tensors of one frame in the unit of the target, and how far to trust them."""

    tensors: Array  # mean of the committee, float64, (n, 3, ..., 3)
    spread: Array  # standard deviation of the committee, see `committee_spread`, (n,); NaN of one network alone
    members: Array  # tensors of each network, (members, n, 3, ..., 3)
    extrapolated: Array  # which atoms have an environment outside the training data, bool, (n,)


class _Diagnostics:
    """What is logged at the end about the tensors of one model: sum rule, committee, extrapolations."""

    def __init__(self, model: ResponseModel, project: bool) -> None:
        self.model, self.project = model, project
        self.n_frames, self.excess, self.squares = 0, 0.0, 0.0
        self.unsure: list[tuple[str, int]] = []  # frame, in words, and atom
        self.extrapolated: list[tuple[str, int]] = []

    def add(self, frame: Frame, prediction: Prediction, charge: float) -> Frame:
        """Return the frame with the tensors, after taking note of them."""
        target, (tensors, spread, members, extrapolated) = self.model.target, prediction
        self.squares += float(np.square(spread).mean())
        # The time tells a frame whatever the stride, after a resumption, and among the beads of a path integral.
        place = f"frame {self.n_frames}" if frame.time is None else f"the frame at {frame.time:g} fs"
        if (spread > HIGH * self.model.summary.get("spread_largest", np.inf)).any():
            self.unsure.append((place, int(spread.argmax())))
        if extrapolated.any():
            self.extrapolated.append((place, int(extrapolated.argmax())))
        self.excess += target.translation_error(tensors, charge)
        self.n_frames += 1
        if self.project:
            tensors = target.project_translation(tensors, charge)
            members = np.array([target.project_translation(member, charge) for member in members])
        frame = replace(frame, tensors=frame.tensors | {target.name: tensors})
        if len(members) == 1:
            return frame
        columns = frame.extra | {f"{target.name}_spread": spread}
        return replace(frame, extra=columns, members=frame.members | {target.name: members})

    def log(self) -> None:
        """Log the sum rule and the committee's standard deviation; warn of high uncertainty and extrapolation."""
        if not self.n_frames:
            return
        name, unit, summary = self.model.target.name.upper(), self.model.target.unit, self.model.summary
        log.info(
            f"{name}: sum rule violated by {self.excess / self.n_frames:.2g} {unit} on average, "
            f"{'projected out uniformly' if self.project else 'not projected out'}"
        )
        if usual := summary.get("spread"):
            ratio = (self.squares / self.n_frames) ** 0.5 / usual
            deviation = f"{name}: committee standard deviation {ratio * usual:.2g} {unit}"
            deviation += f" (calibrated error ≈ {ratio * summary['spread_error']:.2g})"
            if ratio > HIGH:
                log.warning(
                    f"{deviation}, {ratio:.1f} times that on held-out labels: this system is outside the training "
                    "data; label some of these frames and train with them"
                )
            else:
                log.info(deviation)
        self._warn_if_often(
            self.unsure,
            "the committee has a high uncertainty for an atom, whose environment is outside the training data",
        )
        self._warn_if_often(
            self.extrapolated,
            "an atom has more or fewer neighbours, or a nearer or farther one, than any in the training data: its "
            "tensor is an extrapolation, not to be trusted even where the committee agrees",
        )

    def _warn_if_often(self, places: list[tuple[str, int]], finding: str) -> None:
        if len(places) > RARE * self.n_frames:
            first, atom = places[0]
            log.warning(
                f"{self.model.target.name.upper()}: in {len(places)} of {self.n_frames} frames {finding}; the first is "
                f"atom {atom} of {first}"
            )


def predict_with_spread(model: ResponseModel, frames: list[Frame]) -> list[Prediction]:
    """Return the prediction of each frame, before its sum rule is made exact."""
    return predict_together([model], frames)[0]


def predict_together(
    models: Sequence[ResponseModel], frames: list[Frame], room: Room | None = None
) -> list[list[Prediction]]:
    """Return `predict_with_spread` of each model; those of the same shape share one geometry.

    ``room`` remembers how much the device has been found to hold.
    """
    room = room or Room()
    return room.fit(lambda: _predict(models, frames, room))


def _predict(models: Sequence[ResponseModel], frames: list[Frame], room: Room) -> list[list[Prediction]]:
    counts = [len(frame) for frame in frames]
    shared: dict[Any, Any] = {}
    predictions: list[list[Prediction]] = []
    for model in models:
        shape = replace(model.settings, target=""), device_of(model), model.mean.dtype
        with torch.inference_mode():
            if shape not in shared:
                graphs = _graphs(model, frames, room.pairs(model))
                environments = [neighbour_counts_and_distances(graph, model.settings.cutoff) for graph in graphs]
                shared[shape] = graphs, environments, model.geometry(graphs[0]) if len(graphs) == 1 else None
            graphs, environments, geometry = shared[shape]
            tensors = tensors_in_chunks(model, graphs) if geometry is None else model.tensors(geometry)
            members = tensors.cpu().double()
            order = torch.cat([graph.order for graph in graphs])
            beyond = torch.cat([is_extrapolated(model, *each) for each in zip(graphs, environments, strict=True)])
            extrapolated = torch.empty_like(beyond).index_copy(0, order, beyond).cpu()
        predictions.append([])
        for of_frame, outside in zip(torch.split(members, counts, 1), torch.split(extrapolated, counts), strict=True):
            mean = of_frame.mean(0)
            deviations = of_frame - mean
            deviations = deviations - deviations.mean(1, keepdim=True)  # as after projecting out the sum rule's excess
            spread = committee_spread(deviations) if len(of_frame) > 1 else torch.full((len(mean),), torch.nan)
            predictions[-1].append(Prediction(mean.numpy(), spread.numpy(), of_frame.numpy(), outside.numpy()))
    return predictions


def _graphs(model: ResponseModel, frames: list[Frame], pairs: int) -> list[Graph]:
    """Return the graph of the frames, or several of chunks of their atoms where there are more than so many pairs."""
    species, cutoff, device = model.settings.species, model.settings.cutoff, device_of(model)
    if device.type == "cpu" and PAIRS_PER_ATOM * sum(map(len, frames)) <= pairs:
        return [build_graph(frames, species, cutoff, device, model.mean.dtype)]
    return chunks_of(frames, species, cutoff, pairs, model.mean)


def device_of(model: ResponseModel) -> torch.device:
    """Return where the weights of a model are."""
    return next(model.parameters()).device


def _compute_ahead(function: Callable[[A], B], items: Iterable[A], workers: int) -> Iterator[tuple[A, B]]:
    """Yield each item with the function's value, in order, computing a few items ahead in threads.

    Where reading an item fails, the values of those before it are yielded before the error is raised: a trajectory
    that breaks off loses nothing.
    """
    waiting: deque[tuple[A, Future[B]]] = deque()
    failure: Exception | None = None

    def until_failure() -> Iterator[A]:
        nonlocal failure
        try:
            yield from items
        except Exception as error:
            failure = error

    with ThreadPoolExecutor(workers) as pool:
        for item in until_failure():
            waiting.append((item, pool.submit(function, item)))
            if len(waiting) == 2 * workers:
                first, future = waiting.popleft()
                yield first, future.result()
        for item, future in waiting:
            yield item, future.result()
    if failure is not None:
        raise failure
