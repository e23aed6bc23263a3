"""Prediction: frames stream in, the same frames with tensors stream out."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch

from mimyria.frame import Array, Frame
from mimyria.model.graph import build_graph
from mimyria.model.model import ResponseModel

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
    target, excess, n_frames = model.target, 0.0, 0
    batches = _batches(frames, ATOMS_PER_BATCH.get(device_of(model).type, 1))
    for batch, predicted in _ahead(lambda batch: predict_tensors(model, batch), batches, _workers(model)):
        for frame, tensors in zip(batch, predicted, strict=True):
            total = frame.total_charge if charge is None else charge
            excess += target.translation_error(tensors, total)
            n_frames += 1
            if project:
                tensors = target.project_translation(tensors, total)
            yield replace(frame, tensors=frame.tensors | {target.name: tensors})
    if n_frames:
        done = "taken off all atoms equally" if project else "left as it is"
        log.info(
            f"{target.name.upper()}: the sum over the atoms is off by {excess / n_frames:.2g} {target.unit} "
            f"on average, {done}"
        )


def predict_tensors(model: ResponseModel, frames: list[Frame]) -> list[Array]:
    """Return the tensors of each frame as the network gives them, float64, shape (n, 3, ..., 3)."""
    graph = build_graph(frames, model.settings.species, model.settings.cutoff, device_of(model))
    with torch.inference_mode():
        tensors = model.tensors(model.geometry(graph)).cpu().double().numpy()
    return np.split(tensors, np.cumsum([len(frame) for frame in frames])[:-1])


def device_of(model: ResponseModel) -> torch.device:
    """Return where the weights of a model are."""
    return next(model.parameters()).device


def _workers(model: ResponseModel) -> int:
    """Return how many batches to compute at once: on a CPU one a core, for frames keep cores busier than threads do."""
    if device_of(model).type != "cpu":
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // torch.get_num_threads())


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
