"""The frames of a training: of which levels of theory they are, which of them are held out, whether they suffice."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.elements import symbols_of
from mimyria.errors import ConfigError, LabelError
from mimyria.frame import Array, Frame
from mimyria.level import Level, different, epsilon_infinity, in_words, level_of
from mimyria.memory import digest_of
from mimyria.model.architecture import ARCHITECTURES, name_of
from mimyria.model.model import preset_settings
from mimyria.molecules import find_bonds, molecules_of
from mimyria.settings import TrainSettings
from mimyria.targets import labelled_atoms
from mimyria.training.gradients import groups_of

log = logging.getLogger("mimyria")


def trained_levels(frames: Sequence[Frame], settings: TrainSettings) -> tuple[Level, ...]:
    """Return the levels that get a read-out each; the last is that of the last frame, which is the one predicted."""
    levels = different(level_of(frame.info) for frame in reversed(frames))[::-1]
    several = ARCHITECTURES[name_of(preset_settings(settings.preset, settings.target, ()))].several_levels
    return tuple(levels) if several else (levels[-1],)


def taken_once(frames: Sequence[Frame], target: str) -> list[Frame]:
    """Return frames without those that are there already, with the same label of the same level, and tell of these."""
    # In the order of the last ones, for the level of the last frame is the one that is predicted.
    of = {_digest(frame, frame.tensors[target].tobytes()): frame for frame in reversed(frames)}
    if len(of) < len(frames):
        log.info(f"{len(frames) - len(of)} of {len(frames)} labels are there twice, and are taken once")
    return list(of.values())[::-1]


def check_apart(training: Sequence[Frame], held_out: Sequence[Frame], origin: str) -> None:
    """Raise LabelError if frames to validate on are trained on, as they are or with one atom displaced."""
    known = {_digest(frame) for frame in training}
    group = groups_of([*training, *held_out])
    trained, groups = {*group[: len(training)]}, group[len(training) :]
    same = [number for number, frame in enumerate(held_out) if _digest(frame) in known]
    near = [number for number, of in enumerate(groups) if of in trained]
    for numbers, what in ((same, "trained on too"), (near, "trained on too, but for the place of one atom")):
        if numbers:
            raise LabelError(
                f"{origin}, frame {numbers[0]}{f' and {len(numbers) - 1} more' * (len(numbers) > 1)}: {what}, so that "
                "its error says nothing of other frames; leave it out of the labels, or of --validation"
            )


def _digest(frame: Frame, *label: bytes) -> str:
    """Return a digest of a configuration, its level and, if it is given, its label."""
    return digest_of([*geometry_of(frame), str(level_of(frame.info)).encode(), *label])


def geometry_of(frame: Frame) -> list[bytes]:
    """Return the atoms of a frame, their places, the cell and what of it repeats, for digests."""
    return [array.tobytes() for array in (frame.numbers, frame.positions, frame.cell, frame.periodic)]


def check_labels(training: Sequence[Frame], held_out: Sequence[Frame], levels: Sequence[Level], target: str) -> None:
    """Raise LabelError if a species has no label at a level: the model would guess its tensors.

    Warn of a species of which a single atom has one, and tell of mixtures.
    """
    species = np.unique(np.concatenate([frame.numbers for frame in training]))
    for level in levels:
        own = [frame for frame in training if len(levels) == 1 or level_of(frame.info) == level]
        labelled = np.concatenate([frame.numbers[labelled_atoms(frame.tensors[target])] for frame in own])
        where = "" if len(levels) == 1 else f" at the level {level}"
        if (bare := np.setdiff1d(species, labelled)).size:
            raise LabelError(
                f"no atom of {', '.join(symbols_of(bare))} has a label of {target}{where}; label some: it cannot be "
                "learnt"
            )
        if (single := species[(labelled == species[:, None]).sum(axis=1) == 1]).size:
            log.warning(
                f"a single atom of {', '.join(symbols_of(single))}, of {len(labelled)} labelled ones, has a label of "
                f"{target}{where}: what it has in other surroundings is a guess; label more frames"
            )
    stated = different(level_of(frame.info) for frame in [*training, *held_out])
    if len(levels) > 1:
        log.info(
            f"labels of {len(levels)} levels of theory share all features, and have a read-out each: "
            f"{in_words(levels)}; the model predicts at the last, and at another by --level"
        )
        if unknown := [level for level in stated if level not in levels]:
            raise LabelError(f"the validation frames are of {in_words(unknown)}, which no training frame is")
        if held_out and levels[-1] not in map(level_of, (frame.info for frame in held_out)):
            log.warning(
                f"no validation frame is of {levels[-1]}, which is predicted: the error that is told, and that chooses "
                "the weights, is of another level; hold out some of it (--validation)"
            )
    elif len(of_training := different(level_of(frame.info) for frame in training)) > 1:
        log.warning(f"labels of different levels of theory are trained together as if alike: {in_words(of_training)}")
    elif len(stated) > 1:
        log.warning(
            f"training and validation frames are of different levels of theory, {in_words(stated)}: the error that is "
            "told holds their difference"
        )
    for key in ("engine", "cluster_epsilon", "layout")[len(stated) > 1 :]:
        values = sorted({str(frame.info.get(key)) for frame in [*training, *held_out]})
        if len(values) > 1:
            log.warning(f"labels of different {key} are trained together: {', '.join(values)}")


def split(frames: Sequence[Frame], levels: Sequence[Level], settings: TrainSettings) -> tuple[list[Frame], list[Frame]]:
    """Return training and validation frames, of each level its share; at least one of each where there are two.

    Where even one frame would be more than that share, the share of the molecules of each frame is held out instead,
    unless sums over whole frames are to be exact in training.
    """
    if isinstance(settings.validation, Path):
        raise ConfigError(f"--validation {settings.validation} is a file: give its frames as validation")
    rng = np.random.default_rng(settings.seed)
    training, held_out = [], []
    for level in levels:
        own = [frame for frame in frames if len(levels) == 1 or level_of(frame.info) == level]
        fraction = settings.validation
        pairs = [hold_out_molecules(frame, settings.target, fraction, rng) for frame in own]
        group = groups_of(own)
        alone = group == list(range(len(own)))  # else a frame tells of the molecules held out of another
        if 0 < fraction * len(own) < 1 and all(pairs) and alone and settings.sum_rule != "project":
            training += [pair[0] for pair in pairs if pair]
            held_out += [pair[1] for pair in pairs if pair]
        else:
            kept, left = _split_frames(own, group, settings, fraction)
            training, held_out = training + kept, held_out + left
    if not held_out:
        log.warning("no validation frames: the last weights are kept, and their error is not known")
    return training, held_out


def _split_frames(
    frames: Sequence[Frame], group: Sequence[int], settings: TrainSettings, fraction: float
) -> tuple[list[Frame], list[Frame]]:
    n_held_out = min(math.ceil(fraction * len(frames)), len(frames) - 1)
    order = np.random.default_rng(settings.seed).permutation(len(frames))
    held_out = {group[k] for k in order[:n_held_out].tolist()}
    if held_out == set(group):  # something must be left to train on
        held_out.remove(group[order[0]])
    species = [labelled_species(frame, settings.target) for frame in frames]
    for g in sorted(held_out):  # no species may be known from held-out frames alone
        known = {number for k, of_frame in enumerate(species) if group[k] not in held_out for number in of_frame}
        if any(group[k] == g and not of_frame <= known for k, of_frame in enumerate(species)):
            held_out.remove(g)
    training = [frame for k, frame in enumerate(frames) if group[k] not in held_out]
    return training, [frame for k, frame in enumerate(frames) if group[k] in held_out]


def hold_out_molecules(
    frame: Frame, target: str, fraction: float, rng: np.random.Generator
) -> tuple[Frame, Frame] | None:
    """Return a frame with the labels of most of its molecules, and with those of the others; None if that fails.

    A species that would lose all of its labels makes it fail.
    """
    labelled = labelled_atoms(frame.tensors[target])
    i, j, _ = find_bonds(frame)
    molecules = molecules_of(i, j, len(frame))
    known = np.unique(molecules[labelled])
    chosen = rng.permutation(known)[: max(1, round(fraction * len(known)))]
    left = labelled & np.isin(molecules, chosen)
    kept = labelled & ~left
    if set(frame.numbers[kept].tolist()) != set(frame.numbers[labelled].tolist()):
        return None
    return _only(frame, target, kept), _only(frame, target, left)


def _only(frame: Frame, target: str, atoms: Array) -> Frame:
    """Return a frame with the labels of some atoms alone."""
    tensors = np.where(
        np.expand_dims(atoms, tuple(range(1, frame.tensors[target].ndim))), frame.tensors[target], np.nan
    )
    return replace(frame, tensors=frame.tensors | {target: tensors})


def labelled_species(frame: Frame, target: str) -> set[int]:
    """Return the atomic numbers that have a label."""
    return set(frame.numbers[labelled_atoms(frame.tensors[target])].tolist())


def facts_of_levels(frames: Sequence[Frame], levels: Sequence[Level]) -> dict[str, Any]:
    """Return what a model file says of the levels of its labels: words, frames, ε∞ and diffuse functions."""
    stated = []
    for level in levels:
        own = [frame for frame in frames if len(levels) == 1 or level_of(frame.info) == level]
        epsilons = [epsilon for frame in own if (epsilon := epsilon_infinity(frame)) is not None]
        facts = {"level": str(level), "frames": len(own)}
        facts |= {"epsilon_infinity": round(float(np.mean(epsilons)), 4)} if epsilons else {}
        stated.append(facts if level.diffuse is None else facts | {"diffuse": level.diffuse})
    return {"levels": stated}
