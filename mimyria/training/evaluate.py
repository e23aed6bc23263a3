"""How well a model reproduces labels: errors whole and by species, and the parity plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mimyria.elements import symbols_of
from mimyria.errors import LabelError, ModelError
from mimyria.frame import Array, Frame
from mimyria.model.model import ResponseModel, tensor_irreps
from mimyria.model.predict import predict_with_spread
from mimyria.targets import Target, labelled_atoms


def require_labels(frames: Sequence[Frame], target: Target, origin: str) -> None:
    """Raise a LabelError if a frame has no label of the target, or none at all is a number."""
    if not frames:
        raise LabelError(f"{origin} holds no frames")
    for index, frame in enumerate(frames):
        if target.name not in frame.tensors:
            there = ", ".join(frame.columns) or ", ".join(frame.tensors) or "none"
            raise LabelError(f"{origin}, frame {index} has no {target.name} ({target.title}); its columns are: {there}")
    if not any(np.isfinite(frame.tensors[target.name]).any() for frame in frames):
        raise LabelError(f"{origin}: every {target.name} is NaN")


@dataclass(frozen=True)
class Comparison:
    """Labels beside predictions, before any projection.

    Parameters
    ----------
    target
        What was predicted.
    frames
        The labelled frames.
    numbers
        Atomic numbers of all their atoms, shape (n,).
    labels, predictions
        In the target's unit, shape (n, 3, ..., 3); a label may be NaN.
    spreads
        Of a committee's members, in the same unit, shape (n,); NaN or nothing of one network alone.
    """

    target: Target
    frames: Sequence[Frame]
    numbers: Array
    labels: Array
    predictions: Array
    spreads: Array | None = None


class Evaluation(dict[str, Any]):
    """The errors of a model by name, as `evaluate` says; as text a table of them."""

    def __str__(self) -> str:
        lines = [
            f"{self['target'].upper()}, {self['frames']} frames, errors in {self['unit']}",
            f"{'':>8}{'RMSE':>10}{'relative':>10}{'R²':>10}{'bias':>12}",
        ]
        for name, row in [("all", self), *self["species"].items(), *self["irreps"].items()]:
            numbers = [row["rmse"], row["relative_rmse"], row["r2"]]
            cells = "".join(f"{'-':>10}" if number is None else f"{number:10.4f}" for number in numbers)
            lines.append(f"{name:>8}{cells}{row['bias']:12.2e}")
        lines.append(
            f"sum over the atoms before projection: off by {self['sum_rule']:.2g}; RMSE after it "
            f"{self['rmse_projected']:.4f}"
        )
        return "\n".join(lines)

    __repr__ = __str__


def compare_with_labels(model: ResponseModel, frames: Sequence[Frame], origin: str) -> Comparison:
    """Return labels and predictions of frames that come from ``origin``."""
    target = model.target
    require_labels(frames, target, origin)
    predicted = [predict_with_spread(model, [frame])[0] for frame in frames]
    return Comparison(
        target,
        frames,
        np.concatenate([frame.numbers for frame in frames]),
        np.concatenate([frame.tensors[target.name] for frame in frames]),
        np.concatenate([one.tensors for one in predicted]),
        np.concatenate([one.spread for one in predicted]),
    )


def evaluate(pairs: Comparison) -> Evaluation:
    """Return the errors of a model, whole, by species, by irrep of the tensor, and by Cartesian component.

    ``rmse`` and ``bias`` (mean error of all elements) are in the target's unit; ``relative_rmse`` = rmse / deviation,
    where ``deviation`` is that of the labels from the mean tensor of their species; ``r2`` = 1 - relative_rmse²;
    ``rmse_projected`` is the error after the sum over the atoms is made exact, as `predict` does.
    ``sum_rule`` is the largest |Σ_n T[n] - what it must be|, averaged over the frames. Atoms whose label is NaN are
    left out.
    """
    target, numbers, labels = pairs.target, pairs.numbers, pairs.labels
    labelled = labelled_atoms(labels)
    errors, deviations = pairs.predictions - labels, np.zeros_like(labels)
    of_species = {
        symbols_of([number])[0]: labelled & (numbers == number) for number in np.unique(numbers[labelled]).tolist()
    }
    for chosen in of_species.values():
        deviations[chosen] = labels[chosen] - labels[chosen].mean(axis=0)
    ends = np.cumsum([len(frame) for frame in pairs.frames])[:-1]
    charges = [frame.total_charge for frame in pairs.frames]
    by_frame = list(zip(np.split(pairs.predictions, ends), charges, strict=True))
    sums = [target.translation_error(tensors, charge) for tensors, charge in by_frame]
    projected = np.concatenate([target.project_translation(tensors, charge) for tensors, charge in by_frame])
    all_errors, all_deviations = errors[labelled], deviations[labelled]
    report = {
        "target": target.name,
        "unit": target.unit,
        "frames": len(pairs.frames),
        **_errors(all_errors, all_deviations),
        "sum_rule": float(np.mean(sums)),
        "rmse_projected": float(np.sqrt(np.square((projected - labels)[labelled]).mean())),
        "species": {symbol: _errors(errors[chosen], deviations[chosen]) for symbol, chosen in of_species.items()},
        "irreps": _by_irrep(target, all_errors, all_deviations),
        "components": {
            "".join("xyz"[axis] for axis in place): _errors(all_errors[:, *place], all_deviations[:, *place])
            for place in np.ndindex(*target.shape)
        },
    }
    return Evaluation(report)


def _by_irrep(target: Target, errors: Array, deviations: Array) -> dict[str, dict[str, float | None]]:
    """Return the errors of each irrep: of the APT ``0e`` (trace), ``1e`` (antisymmetric), ``2e`` (the rest)."""
    irreps, change_of_basis = tensor_irreps(target)
    basis = change_of_basis.flatten(1).double().numpy()
    turned = [values.reshape(len(values), -1) @ basis.T for values in (errors, deviations)]
    places = zip(irreps, irreps.slices(), strict=True)
    return {str(irrep): _errors(*(values[:, place] for values in turned)) for (_, irrep), place in places}


def _errors(errors: Array, deviations: Array) -> dict[str, float | None]:
    rmse, deviation = (float(np.sqrt(np.square(values).mean())) for values in (errors, deviations))
    relative = rmse / deviation if deviation else None
    return {
        "atoms": len(errors),
        "rmse": rmse,
        "deviation": deviation,
        "relative_rmse": relative,
        "r2": None if relative is None else 1 - relative**2,
        "bias": float(errors.mean()),
    }


def calibration(pairs: Comparison, bins: int = 10) -> tuple[Array, Array]:
    """Return spread and error, both root mean square, of groups of atoms of like spread, each of shape (bins,)."""
    labelled = labelled_atoms(pairs.labels)
    if pairs.spreads is None or not np.isfinite(pairs.spreads).all():
        raise ModelError("a calibration needs a committee: train with --committee")
    errors = (pairs.predictions - pairs.labels)[labelled].reshape(int(labelled.sum()), -1)
    spreads, squares = pairs.spreads[labelled], np.square(errors).mean(axis=1)
    groups = np.array_split(np.argsort(spreads), min(bins, len(spreads)))
    means = [[np.square(spreads[group]).mean(), squares[group].mean()] for group in groups]
    unsure, wrong = np.sqrt(np.array(means)).T
    return unsure, wrong
