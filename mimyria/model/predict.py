"""Prediction: frames stream in, the same frames with tensors stream out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import torch

from mimyria.frame import Array, Frame
from mimyria.model.graph import build_graph
from mimyria.model.network import ResponseModel

log = logging.getLogger("mimyria")

ATOMS_PER_BATCH = {"cpu": 1, "cuda": 4096, "mps": 1024}
"""On a CPU one frame at a time is fastest; an accelerator wants more at once."""


def predict(
    model: ResponseModel, frames: Iterable[Frame], *, charge: float = 0.0, project: bool = True
) -> Iterator[Frame]:
    """Yield the frames with the model's tensors added under the name of its target.

    Parameters
    ----------
    model
        From ``read_model``.
    frames
        Any number; read as they are needed.
    charge
        Total charge of a frame, e.
    project
        Make Σ_n T[n] exact (see ``Target.project_translation``); how far it was off is logged at the end.
    """
    target, excess, n_frames = model.target, 0.0, 0
    for batch in _batches(model, frames):
        for frame, tensors in zip(batch, predict_tensors(model, batch), strict=True):
            excess += target.translation_error(tensors, charge)
            n_frames += 1
            if project:
                tensors = target.project_translation(tensors, charge)
            yield replace(frame, tensors=frame.tensors | {target.name: tensors})
    if n_frames:
        done = "taken off all atoms equally" if project else "left as it is"
        log.info(
            f"{target.name.upper()}: the sum over the atoms is off by {excess / n_frames:.2g} {target.unit} "
            f"on average, {done}"
        )


def predict_tensors(model: ResponseModel, frames: list[Frame]) -> list[Array]:
    """Return the tensors of each frame as the network gives them, float64, shape (n, 3, ..., 3)."""
    parameter = next(model.parameters())
    graph = build_graph(frames, model.settings.species, model.settings.cutoff, parameter.device, parameter.dtype)
    with torch.inference_mode():
        tensors = model.tensors(model.geometry(graph)).cpu().double().numpy()
    return np.split(tensors, np.cumsum([len(frame) for frame in frames])[:-1])


def _batches(model: ResponseModel, frames: Iterable[Frame]) -> Iterator[list[Frame]]:
    atoms = ATOMS_PER_BATCH.get(next(model.parameters()).device.type, 1)
    batch: list[Frame] = []
    for frame in frames:
        batch.append(frame)
        if sum(map(len, batch)) >= atoms:
            yield batch
            batch = []
    if batch:
        yield batch
