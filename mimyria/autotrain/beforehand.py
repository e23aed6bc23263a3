"""`check_beforehand`: what a step of the loop would otherwise refuse after hours of labelling."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mimyria.autotrain.frames import LEAST_GIVEN, Pool, read_given
from mimyria.autotrain.settings import AutotrainSettings
from mimyria.declare import from_words
from mimyria.elements import symbols_of
from mimyria.engines.registry import ENGINES
from mimyria.errors import ConfigError, MimyriaError
from mimyria.formats import read_frames
from mimyria.frame import SAME_CHARGE
from mimyria.labels.command import check_label, engine_of
from mimyria.level import UNKNOWN, Level, different, in_words, level_of
from mimyria.pipeline import check_lengths
from mimyria.rates.stride import nyquist_wavenumber
from mimyria.rates.usable_segments import find_usable_segments
from mimyria.settings import LabelSettings
from mimyria.targets import TARGETS
from mimyria.tensor_pass import grouping_along
from mimyria.trajectory import Trajectory

IRREP = re.compile(r"\d[eo]")
"""A part of the tensors that can have a weight of its own, as an element can."""


def check_beforehand(settings: AutotrainSettings, opened: Sequence[Trajectory]) -> None:
    """Look at the labels that are given, and whether the spectra of a cycle can have their resolution.

    Raises
    ------
    ConfigError
        If a file is missing; if labels lack a target, or there are too few of them; if groups or weights are of what
        the trajectories do not hold; if the first frame could not be labelled as asked; if the stride aliases what is
        compared.
    SpectrumError
        If the probe is too short.
    """
    for path in settings.files:
        if not path.exists():
            raise ConfigError(f"{path} does not exist")
    validation = settings.training.validation
    for path in (*settings.labels, *([validation] if isinstance(validation, Path) else [])):
        read_given(path, settings.targets)
    for path in settings.selection.given.values():
        read_given(path, settings.targets, LEAST_GIVEN)
    asked = from_words(LabelSettings, {"target": settings.labelled, **settings.label})
    _check_levels(settings, asked)
    _check_charge(settings, opened[0])
    _check_label(settings, asked, opened[0])
    _check_names(settings, opened[0])
    for run in opened:
        _check_stride(settings, run)
    probed = replace(settings.spectra, frames=(0, settings.probe))
    check_lengths([segment for run in opened for segment in find_usable_segments(run, probed)], probed)


def _check_levels(settings: AutotrainSettings, asked: LabelSettings) -> None:
    """Raise ConfigError if labels that are given are not of the level of the loop, or the same twice.

    That of the last labels is the level of the networks, which the test set measures.
    """
    if len({path.resolve() for path in settings.selection.given.values()}) < len(settings.selection.given):
        raise ConfigError("selection: first and test are the same file; networks are not measured on their own labels")
    if asked.engine not in ENGINES:  # there is no name, or `label` refuses it
        return
    level = engine_of(asked, asked.engine).level
    for name, path in settings.selection.given.items():
        found = different(level_of(frame.info) for frame in read_frames(path))
        if level not in found and found != [UNKNOWN]:
            raise of_another_level(f"selection.{name}: {path}", found, "the labels of the loop will be", [level])


def _check_label(settings: AutotrainSettings, asked: LabelSettings, run: Trajectory) -> None:
    """Raise ConfigError if `label` would refuse its settings, or the first frame; a loop may need no label at all."""
    if not settings.label or asked.engine not in (None, *ENGINES):
        return
    (first,) = run.pick([0])
    try:
        check_label(first, asked)
    except MimyriaError as error:
        raise ConfigError(f"label: {error}") from error


def of_another_level(labels: str, found: Sequence[Level], others: str, theirs: Sequence[Level]) -> ConfigError:
    """Return the error for labels that are not of the level of others; both in words."""
    return ConfigError(
        f"{labels} is of the level {in_words(found)}, {others} of {in_words(theirs)}; give labels of other levels "
        "under `labels`"
    )


def _check_charge(settings: AutotrainSettings, run: Trajectory) -> None:
    """Raise ConfigError if labels and spectra are to be of systems of different charge."""
    flags = {step: getattr(settings, step).get("charge") for step in ("label", "spectrum")}
    (first,) = run.pick([0])
    labelled, along = (first.total_charge if value is None else float(value) for value in flags.values())
    if abs(labelled - along) > SAME_CHARGE:
        raise ConfigError(
            f"labels would be of a total charge of {labelled:+g} e, spectra of {along:+g} e: give the same charge "
            "under `label` and `spectrum`, or total_charge in the header of the trajectories"
        )


def check_pool(settings: AutotrainSettings, pool: Pool) -> None:
    """Raise ConfigError if more frames are to be drawn than there are, or the first labels lack an element."""
    places = {"test": (pool.test(), "last tenth"), "first": (pool.training(), "rest")}
    for name, (free, part) in places.items():
        if name not in settings.selection.given and len(free) < (wanted := getattr(settings.selection, name)):
            raise ConfigError(
                f"selection.{name}: {wanted} frames are to be drawn, but the {part} of the trajectories has "
                f"{len(free)}: draw fewer, or give longer trajectories"
            )
    if isinstance(given := settings.selection.first, Path):
        known = _elements_in([*settings.labels, given])
        if unknown := sorted({*pool.segments[0].numbers.tolist()} - known):
            raise ConfigError(
                f"selection.first: {given} holds no {', '.join(symbols_of(np.array(unknown)))}, which the trajectories "
                "hold; give labels of all their elements, or the number of frames to label"
            )


def _check_names(settings: AutotrainSettings, run: Trajectory) -> None:
    """Refuse groups that a trajectory does not hold, and weights of elements that no label can have."""
    if settings.spectra.groups != ("modes",):  # which are made of thousands of frames, and select nothing
        try:
            grouping_along(run, settings.spectra)
        except MimyriaError as error:
            raise ConfigError(f"spectrum: {error}") from None
    _check_irreps(settings)
    elements = [name for name in settings.training.weight if not IRREP.fullmatch(name)]
    if not elements:
        return
    held = symbols_of(np.array(sorted({*run.numbers.tolist()} | _elements_in(settings.labels))))
    for name in elements:
        if name not in held:
            raise ConfigError(f"train.weight {name}: the trajectories and labels have {', '.join(held)}")


def _check_irreps(settings: AutotrainSettings) -> None:
    """Refuse weights of irreps that a target does not have: one weight is that of every training."""
    asked = [name for name in settings.training.weight if IRREP.fullmatch(name)]
    if not asked:
        return
    from mimyria.model.irreps import tensor_irreps  # imports torch

    for target in settings.targets:
        held = sorted({name for name, _ in tensor_irreps(TARGETS[target])[0].single()})
        for name in asked:
            if name not in held:
                raise ConfigError(
                    f"train.weight {name}: {target} has the irreps {', '.join(held)}, and a weight is for every target "
                    "of the loop; leave it out, or name a single target under targets"
                )


def _elements_in(labels: Sequence[Path]) -> set[int]:
    """Return the atomic numbers in files of labels."""
    return {number for path in labels for frame in read_frames(path) for number in frame.numbers.tolist()}


def _check_stride(settings: AutotrainSettings, run: Trajectory) -> None:
    """Refuse a stride with which the spectra end, and are aliased, below the end of the comparison."""
    stride, high = settings.spectra.stride or 1, settings.convergence.high
    reached = nyquist_wavenumber(stride * run.timestep)
    if stride > 1 and reached < high:
        raise ConfigError(
            f"spectrum.stride {stride} ends the spectra of {run.path} at {reached:.0f} cm⁻¹, with what vibrates faster "
            f"aliased below it, but convergence.high is {high:g}: take a smaller stride (auto), or a lower high"
        )
