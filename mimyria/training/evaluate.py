"""How well a model reproduces labels: errors whole, by species, by irrep, by component; its committee's calibration."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mimyria.elements import symbols_of
from mimyria.errors import LabelError, ModelError
from mimyria.frame import Array, Frame
from mimyria.level import UNKNOWN, different, in_words, level_of
from mimyria.model.files import read_every_level
from mimyria.model.irreps import tensor_irreps
from mimyria.model.model import ResponseModel
from mimyria.model.predict import predict_with_spread
from mimyria.targets import Target, labelled_atoms
from mimyria.training.intensities import in_words as bias_in_words
from mimyria.training.intensities import intensity_biases
from mimyria.trajectory.sanity import check_distances

CHECKED = 20
"""Frames, spread over all, whose distances are looked at."""
ROUNDING = 1e-9
"""What is smaller, over errors and labels, is zero but for rounding."""

log = logging.getLogger("mimyria")


def require_labels(frames: Sequence[Frame], target: Target, origin: str) -> None:
    """Raise a LabelError if a frame has no label of the target, or all of them are NaN or zero.

    Raise a TrajectoryError for atoms too close to each other, and warn of bonds as long as in another unit.
    """
    if not frames:
        raise LabelError(f"{origin} holds no frames")
    for index, frame in enumerate(frames):
        if target.name not in frame.tensors:
            columns = ", ".join(frame.columns or frame.tensors) or "none"
            raise LabelError(
                f"{origin}, frame {index} has no {target.name} ({target.title}); its columns are: {columns}"
            )
    if not any(np.isfinite(frame.tensors[target.name]).any() for frame in frames):
        raise LabelError(f"{origin}: every {target.name} is NaN")
    if not any(np.nan_to_num(frame.tensors[target.name]).any() for frame in frames):
        raise LabelError(f"{origin}: every {target.name} is zero")
    for index in range(0, len(frames), -(-len(frames) // CHECKED)):
        check_distances(f"{origin}, frame {index}", frames[index])


@dataclass(frozen=True)
class Comparison:
    """Labels beside predictions, before any projection; of n atoms in all frames, in the unit of the target."""

    target: Target
    frames: Sequence[Frame]
    numbers: Array  # atomic numbers, (n,)
    labels: Array  # (n, 3, ..., 3); NaN where there is none
    predictions: Array  # (n, 3, ..., 3)
    spreads: Array | None = None  # standard deviation of the committee, (n,); NaN or None of one network alone


def level_for(model: str | os.PathLike[str], frames: Sequence[Frame]) -> str | None:
    """Return the level of the frames' labels in words, if a model file has several and that is one of them."""
    levels, stated = read_every_level(model).levels, different(level_of(frame.info) for frame in frames)
    return str(stated[0]) if len(levels) > 1 and len(stated) == 1 and stated[0] in levels else None


class Evaluation(dict[str, Any]):
    """The errors of a model by name, see `evaluate`; as text a table of them."""

    def __str__(self) -> str:
        grouped = {f"{group} {symbol}": row for group, of in self["groups"].items() for symbol, row in of.items()}
        rows = [("all", self), *self["species"].items(), *grouped.items(), *self["irreps"].items()]
        width = max(len(name) for name, _ in rows) + 2
        lines = [
            f"{self['target'].upper()}, {self['frames']} frames, errors in {self['unit']}",
            f"{'':>{width}}{'RMSE':>10}{'of size':>10}{'relative':>10}{'R²':>10}{'bias':>12}",
        ]
        for name, row in rows:
            numbers = [row["rmse"], row["of_size"], row["relative_rmse"], row["r2"]]
            cells = "".join(f"{'-':>10}" if number is None else f"{number:10.4f}" for number in numbers)
            lines.append(f"{name:>{width}}{cells}{row['bias']:12.2e}")
        lines.append(
            f"sum rule violated by {self['sum_rule']:.2g} on average; RMSE once it is projected out "
            f"{self['rmse_projected']:.4f}"
        )
        geometries = [name for name in self.get("intensities", {}) if name not in self["irreps"]]
        lines += [f"bias of {name}: {bias_in_words(self['intensities'][name])}" for name in geometries]
        return "\n".join(lines)

    __repr__ = __str__


def compare_with_labels(model: ResponseModel, frames: Sequence[Frame], origin: str) -> Comparison:
    """Return labels and predictions of frames that come from ``origin``."""
    require_labels(frames, model.target, origin)
    stated = different(level_of(frame.info) for frame in frames)
    if UNKNOWN not in (*stated, *model.levels) and stated != [*model.levels]:
        log.warning(
            f"{origin}: the labels are of the level {in_words(stated)}, the model predicts at "
            f"{in_words(model.levels)}: the errors hold the difference of the levels"
        )
    predictions = [predict_with_spread(model, [frame])[0] for frame in frames]
    return Comparison(
        model.target,
        frames,
        np.concatenate([frame.numbers for frame in frames]),
        np.concatenate([frame.tensors[model.target.name] for frame in frames]),
        np.concatenate([prediction.tensors for prediction in predictions]),
        np.concatenate([prediction.spread for prediction in predictions]),
    )


def evaluate(pairs: Comparison, groups: Sequence[Mapping[str, Array]] = ()) -> Evaluation:
    """Return the errors of a model, whole, by species, by group and species, by irrep, and by Cartesian component.

    ``rmse`` and ``bias`` (mean error of all elements) are in the target's unit; ``relative_rmse`` = rmse / deviation,
    where ``deviation`` is that of the labels from the mean tensor of their species (in their group, where ``groups``
    are given, see `groups_in`); ``r2`` = 1 - relative_rmse²; ``of_size`` = rmse / root mean square of the labels.
    ``sum_rule`` is the largest element by which Σ_n T[n] violates the sum rule, averaged over the frames;
    ``rmse_projected`` the error once that is projected out, as `predict` does. ``intensities`` are the biases of
    `intensity_biases`, also of ``groups``. Atoms whose label is NaN are left out.
    """
    target, numbers, labels = pairs.target, pairs.numbers, pairs.labels
    labelled = labelled_atoms(labels)
    errors, deviations = pairs.predictions - labels, np.zeros_like(labels)
    species = np.unique(numbers[labelled])
    of_species = {s: labelled & (numbers == number) for s, number in zip(symbols_of(species), species, strict=True)}
    for chosen in of_species.values():
        deviations[chosen] = labels[chosen] - labels[chosen].mean(axis=0)
    ends = np.cumsum([len(frame) for frame in pairs.frames])[:-1]
    by_frame = list(zip(np.split(pairs.predictions, ends), [frame.total_charge for frame in pairs.frames], strict=True))
    projected = np.concatenate([target.project_translation(tensors, charge) for tensors, charge in by_frame])
    of_all = errors[labelled], deviations[labelled], labels[labelled]
    return Evaluation(
        target=target.name,
        unit=target.unit,
        frames=len(pairs.frames),
        **_errors(*of_all),
        sum_rule=float(np.mean([target.translation_error(tensors, charge) for tensors, charge in by_frame])),
        rmse_projected=float(np.sqrt(np.square((projected - labels)[labelled]).mean())),
        species=_by_species(errors, labels, of_species),
        groups={
            name: _by_species(errors, labels, {s: chosen & atoms for s, chosen in of_species.items()})
            for name, atoms in _members(pairs.frames, groups).items()
        },
        irreps=_by_irrep(target, *of_all),
        intensities=intensity_biases(target, pairs.frames, labels, pairs.predictions, _bases(target), groups),
        components={
            "".join("xyz"[axis] for axis in place): _errors(*(part[:, *place] for part in of_all))
            for place in np.ndindex(*target.shape)
        },
    )


def _by_species(errors: Array, labels: Array, atoms: Mapping[str, Array]) -> dict[str, dict[str, float | None]]:
    """Return the errors of some of the atoms (n,) by species, each beside their mean tensor."""
    known = {symbol: (errors[chosen], labels[chosen]) for symbol, chosen in atoms.items() if chosen.any()}
    return {symbol: _errors(error, label - label.mean(axis=0), label) for symbol, (error, label) in known.items()}


def _members(frames: Sequence[Frame], groups: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Return which of the atoms of all frames each group holds, (n,), by name."""
    names = dict.fromkeys(name for of_frame in groups for name in of_frame)
    return {
        name: np.concatenate([of.get(name, np.zeros(len(frame))) for of, frame in zip(groups, frames, strict=True)])
        > 0.5
        for name in names
    }


def _by_irrep(target: Target, *values: Array) -> dict[str, dict[str, float | None]]:
    """Return the errors of each irrep: of the APT ``0e`` (trace), ``1e`` (antisymmetric), ``2e`` (the rest)."""
    flat = [each.reshape(len(each), -1) for each in values]
    return {name: _errors(*(each @ basis.T for each in flat)) for name, basis in _bases(target).items()}


def _bases(target: Target) -> dict[str, Array]:
    """Return the basis (m, 3ᵏ) of each irrep of the tensor by name."""
    irreps, change_of_basis = tensor_irreps(target)
    basis = change_of_basis.flatten(1).double().numpy()
    names = dict.fromkeys(name for name, _ in irreps.single())
    places = {name: [place for other, place in irreps.single() if other == name] for name in names}
    return {name: np.concatenate([basis[place] for place in each]) for name, each in places.items()}


def _errors(errors: Array, deviations: Array, labels: Array) -> dict[str, float | None]:
    rmse, deviation, size = (float(np.sqrt(np.square(values).mean())) for values in (errors, deviations, labels))
    # Labels that do not vary, or a part of the tensors that is zero by symmetry, do so within rounding.
    least = ROUNDING * max(rmse, size)
    relative = rmse / deviation if deviation > least else None
    return {
        "atoms": len(errors),
        "rmse": rmse,
        "deviation": deviation,
        "of_size": rmse / size if size > least else None,
        "relative_rmse": relative,
        "r2": None if relative is None else 1 - relative**2,
        "bias": float(errors.mean()),
    }


def calibration_curve(pairs: Comparison, bins: int = 10) -> tuple[Array, Array]:
    """Return committee standard deviation and error, both root mean square, of groups of atoms alike in the former.

    Each has the shape (bins,) and the unit of the target; a ModelError says that there is no committee.
    """
    if pairs.spreads is None or not np.isfinite(pairs.spreads).all():
        raise ModelError("a calibration needs a committee: train with --committee")
    labelled = labelled_atoms(pairs.labels)
    squares = np.square((pairs.predictions - pairs.labels)[labelled]).reshape(int(labelled.sum()), -1).mean(axis=1)
    variances = np.square(pairs.spreads[labelled])
    groups = np.array_split(np.argsort(variances), min(bins, len(variances)))
    spreads, errors = (np.sqrt([values[group].mean() for group in groups]) for values in (variances, squares))
    return spreads, errors
