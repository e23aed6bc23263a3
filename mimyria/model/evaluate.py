"""How well a model reproduces labels: errors whole and by species, and the parity plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.elements import symbols_of
from mimyria.errors import LabelError
from mimyria.frame import Array, Frame
from mimyria.model.network import ResponseModel
from mimyria.model.predict import predict_tensors
from mimyria.targets import Target


def total_charge(frame: Frame) -> float:
    """Return the charge (e) that a frame's header states as ``total_charge``, else zero."""
    return float(frame.info.get("total_charge", 0.0))


def require_labels(frames: Sequence[Frame], target: Target, origin: str) -> None:
    """Raise a LabelError if a frame has no label of the target, or none at all is a number."""
    if not frames:
        raise LabelError(f"{origin} holds no frames")
    for index, frame in enumerate(frames):
        if target.name not in frame.tensors:
            there = ", ".join(sorted({*frame.tensors, *frame.info})) or "nothing"
            raise LabelError(f"{origin}, frame {index} has no {target.name} ({target.title}); it has {there}")
    if not any(np.isfinite(frame.tensors[target.name]).any() for frame in frames):
        raise LabelError(f"{origin}: every {target.name} is NaN")


def evaluate(model: ResponseModel, frames: Sequence[Frame], origin: str) -> dict[str, Any]:
    """Return the errors of a model on labelled frames, before any projection.

    ``rmse`` and ``bias`` (mean of the trace part) are in the target's unit; ``relative_rmse`` = rmse / deviation,
    where ``deviation`` is that of the labels from the mean tensor of their species; ``r2`` = 1 - relative_rmse²;
    ``sum_rule`` is the largest |Σ_n T[n] - what it must be|, averaged over the frames.

    Parameters
    ----------
    model
        From ``read_model``.
    frames
        With labels of its target; atoms whose label is NaN are left out.
    origin
        Where the frames come from, for messages.
    """
    target = model.target
    require_labels(frames, target, origin)
    predictions = [predict_tensors(model, [frame])[0] for frame in frames]
    numbers = np.concatenate([frame.numbers for frame in frames])
    labels = np.concatenate([frame.tensors[target.name] for frame in frames])
    errors = np.concatenate(predictions) - labels
    labelled = np.isfinite(labels).all(axis=tuple(range(1, labels.ndim)))
    report: dict[str, Any] = {"target": target.name, "unit": target.unit, "frames": len(frames)}
    deviations = np.zeros_like(labels)
    for number in np.unique(numbers[labelled]):
        chosen = labelled & (numbers == number)
        deviations[chosen] = labels[chosen] - labels[chosen].mean(axis=0)
    report |= _errors(errors[labelled], deviations[labelled])
    report["sum_rule"] = float(
        np.mean(
            [
                target.translation_error(tensors, total_charge(frame))
                for tensors, frame in zip(predictions, frames, strict=True)
            ]
        )
    )
    report["species"] = {
        symbols_of(np.array([number]))[0]: _errors(
            errors[labelled & (numbers == number)], deviations[labelled & (numbers == number)]
        )
        for number in np.unique(numbers[labelled])
    }
    return report


def _errors(errors: Array, deviations: Array) -> dict[str, float]:
    rmse, deviation = (float(np.sqrt(np.square(values).mean())) for values in (errors, deviations))
    relative = rmse / deviation if deviation else float("nan")
    return {
        "atoms": len(errors),
        "rmse": rmse,
        "deviation": deviation,
        "relative_rmse": relative,
        "r2": 1 - relative**2,
        "bias": float(errors.mean()),
    }


def plot_parity(path: Path, model: ResponseModel, frames: Sequence[Frame], origin: str) -> None:
    """Write predicted against labelled tensor elements, one colour a species."""
    from matplotlib.figure import Figure  # matplotlib is slow to import and rarely wanted here

    target = model.target
    require_labels(frames, target, origin)
    predictions = np.concatenate([predict_tensors(model, [frame])[0] for frame in frames])
    labels = np.concatenate([frame.tensors[target.name] for frame in frames])
    numbers = np.concatenate([frame.numbers for frame in frames])
    figure = Figure(figsize=(4.2, 4.2), layout="constrained")
    axes = figure.subplots()
    for number in np.unique(numbers):
        chosen = numbers == number
        symbol = symbols_of(np.array([number]))[0]
        axes.plot(labels[chosen].ravel(), predictions[chosen].ravel(), ".", ms=2, label=symbol)
    ends = [np.nanmin(labels), np.nanmax(labels)]
    axes.plot(ends, ends, color="black", lw=0.7)
    axes.set_xlabel(f"label / {target.unit}")
    axes.set_ylabel(f"prediction / {target.unit}")
    axes.legend(frameon=False, markerscale=4)
    figure.savefig(path, dpi=200)
