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
from torch import Tensor

from mimyria.execute import cores_here
from mimyria.frame import Array, Frame
from mimyria.model.calibration import spread
from mimyria.model.environments import measured, unlike
from mimyria.model.graph import build_graph
from mimyria.model.model import ResponseModel

FAR = 1.6
"""How much more than on held-out labels a committee may spread before we warn."""
SHARE = 0.005
"""Share of the frames in which an atom may spread more; in long trajectories some always do."""

A = TypeVar("A")
B = TypeVar("B")

log = logging.getLogger("mimyria")

ATOMS_PER_BATCH = {"cpu": 1, "cuda": 4096, "mps": 1024}
"""On a CPU one frame at a time is fastest; an accelerator wants more at once."""


def predict(
    model: ResponseModel, frames: Iterable[Frame], *, charge: float | None = None, project: bool = True
) -> Iterator[Frame]:
    """Yield the frames with the model's tensors added under the name of its target.

    Parameters
    ----------
    model
        From ``read_model``.
    frames
        Any number; read as they are needed.
    charge
        Total charge of a frame, e; None for what its header says, else zero.
    project
        Make Σ_n T[n] exact (see ``Target.project_translation``); how far it was off is logged at the end.
    """
    return predict_all([model], frames, charge=charge, project=project)


def predict_all(
    models: Sequence[ResponseModel], frames: Iterable[Frame], *, charge: float | None = None, project: bool = True
) -> Iterator[Frame]:
    """Yield the frames with the tensors of several models; see `predict` and `predict_together`."""
    accounts = [_Account(model, project) for model in models]
    batches = _batches(frames, ATOMS_PER_BATCH.get(device_of(models[0]).type, 1))
    work = partial(predict_together, models)
    for batch, predicted in _ahead(work, batches, _workers(models[0])):
        for frame, *each in zip(batch, *predicted, strict=True):
            total = frame.total_charge if charge is None else charge
            for account, prediction in zip(accounts, each, strict=True):
                frame = account.entered(frame, prediction, total)
            yield frame
    for account in accounts:
        account.say()


class _Account:
    """What is told at the end of the tensors of one model: how far off their sums were, how sure the committee."""

    def __init__(self, model: ResponseModel, project: bool) -> None:
        self.model, self.project = model, project
        self.n_frames, self.excess, self.squares = 0, 0.0, 0.0
        self.largest = FAR * model.summary.get("spread_largest", np.inf)
        self.outside: list[tuple[int, int]] = []
        self.unlike: list[tuple[int, int]] = []

    def entered(self, frame: Frame, prediction: Prediction, charge: float) -> Frame:
        """Return the frame with the tensors, after counting it in."""
        target, (tensors, unsure, members, strange) = self.model.target, prediction
        self.squares += float(np.square(unsure).mean())
        if (unsure > self.largest).any():
            self.outside.append((self.n_frames, int(unsure.argmax())))
        if strange.any():
            self.unlike.append((self.n_frames, int(strange.argmax())))
        self.excess += target.translation_error(tensors, charge)
        self.n_frames += 1
        if self.project:
            tensors = target.project_translation(tensors, charge)
            members = np.array([target.project_translation(one, charge) for one in members])
        frame = replace(frame, tensors=frame.tensors | {target.name: tensors})
        if len(members) == 1:
            return frame
        columns = frame.extra | {f"{target.name}_spread": unsure}
        return replace(frame, extra=columns, members=frame.members | {target.name: members})

    def say(self) -> None:
        """Log it."""
        target, n_frames = self.model.target, self.n_frames
        if not n_frames:
            return
        done = "taken off all atoms equally" if self.project else "left as it is"
        log.info(
            f"{target.name.upper()}: the sum over the atoms is off by {self.excess / n_frames:.2g} {target.unit} "
            f"on average, {done}"
        )
        _say_spread(self.model, (self.squares / n_frames) ** 0.5)
        if len(self.outside) > SHARE * n_frames:
            index, atom = self.outside[0]
            log.warning(
                f"{target.name.upper()}: in {len(self.outside)} of {n_frames} frames the committee knows an atom "
                f"badly; the first is atom {atom} of frame {index}: its surroundings are unlike those trained on"
            )
        if len(self.unlike) > SHARE * n_frames:
            index, atom = self.unlike[0]
            log.warning(
                f"{target.name.upper()}: in {len(self.unlike)} of {n_frames} frames an atom has more or fewer "
                "neighbours, or a nearer or farther one, than any that was trained on; the first is "
                f"atom {atom} of frame {index}: do not trust its tensors, even where the committee agrees"
            )


def _say_spread(model: ResponseModel, unsure: float) -> None:
    """Say how far apart the members of a committee are, and warn if it is more than it was on held-out labels."""
    usual = model.summary.get("spread")
    if not usual:
        return
    target = model.target
    error = unsure * model.summary["spread_error"] / usual
    words = f"{target.name.upper()}: the committee spreads by {unsure:.2g} {target.unit}, an error of about {error:.2g}"
    if unsure > FAR * usual:
        log.warning(
            f"{words}; that is {unsure / usual:.1f} times its spread on held-out labels: this system is unlike those "
            "it was trained on, so label some of these frames and train with them"
        )
    else:
        log.info(words)


def predict_tensors(model: ResponseModel, frames: list[Frame]) -> list[Array]:
    """Return the tensors of each frame as the network gives them, float64, shape (n, 3, ..., 3)."""
    return [prediction.tensors for prediction in predict_with_spread(model, frames)]


class Prediction(NamedTuple):
    """What a committee says of a frame.

    Parameters
    ----------
    tensors
        The mean of its networks, float64, shape (n, 3, ..., 3).
    spread
        How far apart they are, in the unit of the target (see ``spread``), shape (n,); NaN where there is one alone.
    members
        What each says, shape (members, n, 3, ..., 3).
    unlike
        Which atoms lie in surroundings unlike those of all that were trained on, shape (n,), bool.
    """

    tensors: Array
    spread: Array
    members: Array
    unlike: Array


def predict_with_spread(model: ResponseModel, frames: list[Frame]) -> list[Prediction]:
    """Return what a model says of each frame."""
    return predict_together([model], frames)[0]


def predict_together(models: Sequence[ResponseModel], frames: list[Frame]) -> list[list[Prediction]]:
    """Return what `predict_with_spread` does for each model; those of the same shape share one geometry."""
    geometries: dict[Any, Any] = {}
    results = []
    for model in models:
        parameter = next(model.parameters())
        shape = replace(model.settings, target=""), parameter.device, parameter.dtype
        with torch.inference_mode():
            if shape not in geometries:
                graph = build_graph(frames, model.settings.species, model.settings.cutoff, *shape[1:])
                geometries[shape] = model.geometry(graph), measured(graph, model.settings.cutoff)
            geometry, surroundings = geometries[shape]
            members = model.tensors(geometry).cpu().double()
            strange = unlike(model, geometry.graph, surroundings).cpu()
        counts = [len(frame) for frame in frames]
        parts = zip(torch.split(members, counts, 1), torch.split(strange, counts), strict=True)
        results.append([_prediction(*part) for part in parts])
    return results


def _prediction(members: Tensor, strange: Tensor) -> Prediction:
    """Return what the members' tensors (members, n, 3, ..., 3) of a frame say together, and of which atoms."""
    away = members - members.mean(0)
    away = away - away.mean(1, keepdim=True)  # what makes the sum over the atoms exact takes off all atoms equally
    unsure = spread(away) if len(members) > 1 else torch.full((members.shape[1],), torch.nan)
    return Prediction(members.mean(0).numpy(), unsure.numpy(), members.numpy(), strange.numpy())


def device_of(model: ResponseModel) -> torch.device:
    """Return where the weights of a model are."""
    return next(model.parameters()).device


def _workers(model: ResponseModel) -> int:
    """Return how many batches to compute at once: on a CPU one a core, for frames keep cores busier than threads do."""
    if device_of(model).type != "cpu":
        return 1
    return max(1, cores_here() // torch.get_num_threads())


def _batches(frames: Iterable[Frame], atoms: int) -> Iterator[list[Frame]]:
    """Yield the frames in lists of at least so many atoms."""
    batch: list[Frame] = []
    for frame in frames:
        batch.append(frame)
        if sum(map(len, batch)) >= atoms:
            yield batch
            batch = []
    if batch:
        yield batch


def _ahead(function: Callable[[A], B], items: Iterable[A], workers: int) -> Iterator[tuple[A, B]]:
    """Yield each item with the function's value, in order, computing a few items ahead in threads.

    What has been computed when reading the items fails is still yielded before the error is raised.
    """
    waiting: deque[tuple[A, Future[B]]] = deque()
    failure: Exception | None = None
    with ThreadPoolExecutor(workers) as pool:
        source = iter(items)
        while True:
            while failure is None and len(waiting) < 2 * workers:
                try:
                    item = next(source)
                except StopIteration:
                    break
                except Exception as error:
                    failure = error
                    break
                waiting.append((item, pool.submit(function, item)))
            if not waiting:
                break
            item, future = waiting.popleft()
            yield item, future.result()
    if failure is not None:
        raise failure
