"""Prediction: frames stream in, the same frames with tensors stream out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from mimyria.errors import ModelError
from mimyria.frame import Array, Frame, with_charge
from mimyria.model import compiled
from mimyria.model.batches import in_batches
from mimyria.model.calibration import committee_spread
from mimyria.model.chunks import chunks_of, tensors_in_chunks
from mimyria.model.environments import is_extrapolated, neighbour_counts_and_distances
from mimyria.model.graph import Graph, build_graph
from mimyria.model.model import ResponseModel
from mimyria.model.room import Room
from mimyria.parallel.pool import Pool
from mimyria.parallel.stretches import MOST

HIGH = 1.6
"""A committee is unsure where its standard deviation is this many times what it was on held-out labels."""
RARE = 0.005
"""Share of the frames in which an atom may be unsure or extrapolated without a warning: long trajectories have some."""
ATOMS_PER_BATCH = {"cpu": 1, "cuda": 16384, "mps": 4096}
"""On a CPU one frame at a time is fastest; an accelerator wants more at once, as far as it has `Room` for them."""
WHOLE, PER_ATOM = 0.2, 0.005
"""e: tensors that add up to another total charge than the one given are this near a whole number, in the mean and in
their scatter, and further off than errors of networks, of less than 0.001 an atom, add up to."""
PAIRS_PER_ATOM = 100
"""Of a liquid, within 6 Å: how many atoms are too many to be computed at once."""
FRAMES_OF_DEVICE = 128
"""Most frames that are computed in larger batches before something is made of them."""

B = TypeVar("B")

log = logging.getLogger("mimyria")


def predict(
    model: ResponseModel, frames: Iterable[Frame], *, charge: float | None = None, project: bool = True
) -> Iterator[Frame]:
    """Yield the frames with the tensors of one model; see `predict_all`."""
    return predict_all([model], frames, charge=charge, project=project)


def predict_all(
    models: Sequence[ResponseModel],
    frames: Iterable[Frame],
    *,
    charge: float | None = None,
    project: bool = True,
    workers: int | None = None,
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
    workers
        Processes on the CPU, see `Pool`.
    """
    with Pool(workers) as pool:
        single = ([frame] for frame in frames)
        for stretch in predict_stretches(Predictor(models, charge, project, list), single, pool):
            yield from stretch


def predict_stretches(predictor: Predictor[B], frames: Iterable[list[Frame]], pool: Pool) -> Generator[B]:
    """Yield what a predictor makes of stretches of successive frames, which come in lists that stay together.

    What is to be said of all tensors together is logged at the end.
    """
    device = device_of(predictor.models[0]).type
    diagnostics = [_Diagnostics(model, predictor.project) for model in predictor.models]
    work: Callable[[list[list[Frame]]], tuple[B, list[list[Finding]]]] = predictor
    if device != "cpu":  # one process has it; of two threads one looks after the device while the other contracts
        pool, work = Pool(2), lambda lists: predictor(lists)  # which is for threads alone
    for made, findings in pool.in_order(work, frames, MOST if device == "cpu" else FRAMES_OF_DEVICE):
        for of_frame in findings:
            for of_model, finding in zip(diagnostics, of_frame, strict=True):
                of_model.add(finding)
        yield made
    for of_model in diagnostics:
        of_model.log()


@dataclass(frozen=True)
class Predictor(Generic[B]):
    """Adds the tensors of models to frames, in any process."""

    models: Sequence[ResponseModel]
    charge: float | None
    """e; None for that of the header."""
    project: bool
    then: Callable[[Iterator[Frame]], B]
    """What is made of the frames with tensors, as these come."""
    room: Room = field(default_factory=Room)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Be the one that was pickled, with the compiled functions, which copies of this process then share."""
        self.__dict__.update(state)
        compiled.available()

    def __call__(self, lists: Sequence[Sequence[Frame]]) -> tuple[B, list[list[Finding]]]:
        """Return what is made of the frames of some lists, and what each model finds in each of them."""
        findings: list[list[Finding]] = []
        with one_thread():
            return self.then(self._with_tensors(chain.from_iterable(lists), findings)), findings

    def _with_tensors(self, frames: Iterable[Frame], findings: list[list[Finding]]) -> Iterator[Frame]:
        for batch in in_batches(frames, ATOMS_PER_BATCH[device_of(self.models[0]).type]):
            for frame, *predictions in zip(batch, *predict_together(self.models, batch, self.room), strict=True):
                frame = replace(frame, info=with_charge(frame.info, self.charge, len(frame)))
                findings.append([])
                for model, prediction in zip(self.models, predictions, strict=True):
                    frame, finding = _judge(model, frame, prediction, self.project)
                    findings[-1].append(finding)
                yield frame


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute with one thread: several waste time on small matrices, and round sums in another way."""
    before = torch.get_num_threads()
    if before > 1:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if before > 1:
            torch.set_num_threads(before)


class Prediction(NamedTuple):
    """Tensors of one frame in the unit of the target, and how far to trust them."""

    tensors: Array  # mean of the committee, float64, (n, 3, ..., 3)
    spread: Array  # standard deviation of the committee, see `committee_spread`, (n,); NaN of one network alone
    members: Array  # tensors of each network, (members, n, 3, ..., 3)
    extrapolated: Array  # which atoms have an environment outside the training data, bool, (n,)


class Finding(NamedTuple):
    """What is to be known of the tensors of one frame by one model."""

    time: float | None  # of the frame, fs
    spread: float  # mean square of the committee's standard deviation
    unsure: int | None  # the atom of which the committee is least sure, where it is unsure
    extrapolated: int | None  # an atom whose environment is outside the training data
    excess: float  # how far the sum rule was off
    missing: float  # by how much Σ P says that the total charge is another, e; zero of other targets
    n_atoms: int


def _judge(model: ResponseModel, frame: Frame, prediction: Prediction, project: bool) -> tuple[Frame, Finding]:
    """Return a frame with its tensors, and what is found in them."""
    target, (tensors, spread, members, extrapolated), charge = model.target, prediction, frame.total_charge
    finite = np.isfinite(tensors).all(axis=tuple(range(1, tensors.ndim)))
    if not finite.all():
        place = "a frame" if frame.time is None else f"the frame at {frame.time:g} fs"
        raise ModelError(
            f"the {target.name.upper()} of atom {finite.argmin()} of {place} is not finite: look for atoms on top of "
            "each other, or leave the frame out (`spectrum` ends before it with --frames)"
        )
    unsure = (spread > HIGH * model.summary.get("spread_largest", np.inf)).any()
    finding = Finding(
        time=frame.time,
        spread=float(np.square(spread).mean()),
        unsure=int(spread.argmax()) if unsure else None,
        extrapolated=int(extrapolated.argmax()) if extrapolated.any() else None,
        excess=target.translation_error(tensors, charge),
        missing=float(np.trace(tensors.sum(axis=0))) / 3 - charge if target.order == 1 else 0.0,
        n_atoms=len(frame),
    )
    if project:
        tensors = target.project_translation(tensors, charge)
        members = np.array([target.project_translation(member, charge) for member in members])
    frame = replace(frame, tensors=frame.tensors | {target.name: tensors})
    if len(members) == 1:
        return frame, finding
    columns = frame.extra | {f"{target.name}_spread": spread}
    return replace(frame, extra=columns, members=frame.members | {target.name: members}), finding


class _Diagnostics:
    """What is logged at the end about the tensors of one model: sum rule, committee, extrapolations."""

    def __init__(self, model: ResponseModel, project: bool) -> None:
        self.model, self.project = model, project
        self.n_frames, self.excess, self.squares = 0, 0.0, 0.0
        self.missing, self.missing_squares, self.n_atoms = 0.0, 0.0, 0
        self.unsure: list[tuple[str, int]] = []  # frame, in words, and atom
        self.extrapolated: list[tuple[str, int]] = []

    def add(self, finding: Finding) -> None:
        """Take note of the next frame."""
        # The time tells a frame whatever the stride, after a resumption, and among the beads of a path integral.
        place = f"frame {self.n_frames}" if finding.time is None else f"the frame at {finding.time:g} fs"
        for atom, places in ((finding.unsure, self.unsure), (finding.extrapolated, self.extrapolated)):
            if atom is not None:
                places.append((place, atom))
        self.squares += finding.spread
        self.excess += finding.excess
        self.missing += finding.missing
        self.missing_squares += finding.missing**2
        self.n_atoms = max(self.n_atoms, finding.n_atoms)
        self.n_frames += 1

    def log(self) -> None:
        """Log the sum rule and the committee's standard deviation; warn of high uncertainty and extrapolation."""
        if not self.n_frames:
            return
        name, unit, summary = self.model.target.name.upper(), self.model.target.unit, self.model.summary
        log.info(
            f"{name}: sum rule violated by {self.excess / self.n_frames:.2g} {unit} on average, "
            f"{'projected out uniformly' if self.project else 'not projected out'}"
        )
        self._warn_of_charge()
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

    def _warn_of_charge(self) -> None:
        missing = self.missing / self.n_frames
        scatter = max(self.missing_squares / self.n_frames - missing**2, 0.0) ** 0.5
        if not np.isfinite(missing):
            return
        whole = round(missing)
        if abs(whole) > PER_ATOM * self.n_atoms and abs(missing - whole) < WHOLE > scatter:
            log.warning(
                f"{self.model.target.name.upper()}: Σ P is {missing:+.2f} ± {scatter:.2f} e off the total charge, "
                f"which is given or taken as zero: it is off by {whole:+d} (--charge, or total_charge in the header), "
                "or the model was trained without such ions"
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
    of_shape: dict[Any, list[int]] = {}
    for number, model in enumerate(models):
        shape = replace(model.settings, target=""), device_of(model), model.mean.dtype
        of_shape.setdefault(shape, []).append(number)
    predictions: list[list[Prediction]] = [[] for _ in models]
    with torch.inference_mode():
        for numbers in of_shape.values():
            alike = [models[number] for number in numbers]
            graphs = _graphs(alike[0], frames, room.pairs(alike[0]))
            environments = [neighbour_counts_and_distances(graph, alike[0].settings.cutoff) for graph in graphs]
            if len(graphs) == 1:
                geometry = alike[0].geometry(graphs[0])
                tensors = [model.tensors(geometry) for model in alike]
            else:
                tensors = tensors_in_chunks(alike, graphs)
            order = torch.cat([graph.order for graph in graphs])
            for number, model, of_model in zip(numbers, alike, tensors, strict=True):
                beyond = torch.cat([is_extrapolated(model, *each) for each in zip(graphs, environments, strict=True)])
                extrapolated = torch.empty_like(beyond).index_copy(0, order, beyond).cpu()
                predictions[number] = _of_frames(of_model.cpu().double(), extrapolated, frames)
    return predictions


def _of_frames(members: Tensor, extrapolated: Tensor, frames: Sequence[Frame]) -> list[Prediction]:
    """Return the predictions of frames from the tensors of each member for all atoms."""
    counts, predictions = [len(frame) for frame in frames], []
    for of_frame, outside in zip(torch.split(members, counts, 1), torch.split(extrapolated, counts), strict=True):
        mean = of_frame.mean(0)
        deviations = of_frame - mean
        deviations = deviations - deviations.mean(1, keepdim=True)  # as after projecting out the sum rule's excess
        spread = committee_spread(deviations) if len(of_frame) > 1 else torch.full((len(mean),), torch.nan)
        predictions.append(Prediction(mean.numpy(), spread.numpy(), of_frame.numpy(), outside.numpy()))
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
