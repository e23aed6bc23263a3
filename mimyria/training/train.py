"""Training: from labelled frames to a model file, stopped and resumed at will.

The networks of a committee are trained one after the other, alike but for their random initial weights and the order of
the frames. A checkpoint is the state after a finished epoch: a training resumed from it ends with the same bits.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mimyria.declare import declared
from mimyria.elements import symbols_of
from mimyria.errors import Interrupted, ModelError
from mimyria.frame import Frame
from mimyria.level import Level
from mimyria.memory import Identity, digest_of, require_writable, withdrawn, writing_alone
from mimyria.model.batches import make_data
from mimyria.model.calibration import calibrate
from mimyria.model.environments import training_ranges
from mimyria.model.files import read_content, write_content, write_model
from mimyria.model.model import ResponseModel, preset_settings
from mimyria.model.transfer import adapted
from mimyria.odd_labels import describe_odd_labels
from mimyria.settings import TrainSettings
from mimyria.targets import TARGETS, labelled_atoms
from mimyria.training.evaluate import require_labels
from mimyria.training.fit import Fit, FitSettings, decay_for
from mimyria.training.gradients import GradientLabels, gradient_labels
from mimyria.training.history import checkpoint_of, history_of, write_history
from mimyria.training.labelled import (
    check_apart,
    check_labels,
    facts_of_levels,
    geometry_of,
    split,
    taken_once,
    trained_levels,
)
from mimyria.training.start import carried_species, facts_of_start, read_start

log = logging.getLogger("mimyria")

CHECKPOINT = "mimyria checkpoint 3"
SECONDS_PER_CHECKPOINT = 15.0
FIT_OF_PRESET: dict[str, dict[str, Any]] = {"published": {"learning_rate": 1e-2, "weight_decay": 0.0}}
"""How networks of a preset are trained, where that differs from the defaults of `FitSettings`."""
FIT_OF_START: dict[str, Any] = {"learning_rate": 3e-3}
"""How networks that begin from a trained model go on, which must not forget what it knew."""
VALIDATION = "the validation file"
LEAST_MINUTES = 1e-6
"""What a time limit leaves at least to the networks to come, which is a step each."""
STEPS_FROM_START, LEAST_EPOCHS = 150, 20
"""Length of such a training where it is not given: the largest of both (benchmarks/transfer.py)."""

OnProgress = Callable[[float, dict[str, float]], None]
"""Called after every epoch with the fraction done and the line of the history."""


def train(
    frames: Sequence[Frame],
    settings: TrainSettings,
    out: Path,
    *,
    validation: Sequence[Frame] | None = None,
    device: torch.device | str = "cpu",
    resume: bool = False,
    on_progress: OnProgress = lambda fraction, line: None,
    origin: str = "the labels",
) -> Training:
    """Train a model, write it to ``out``, and return the summary of the training.

    Atoms whose label is NaN are left out. ``validation`` are labelled frames to validate on, instead of a fraction of
    ``frames``; ``origin`` says in messages where the latter come from. The checkpoint, from which to ``resume``, lies
    beside the model file until the training ends; the history stays.

    Raises
    ------
    LabelError, ConfigError, ModelError
        If labels are missing, a setting is wrong, or the checkpoint is of another training.
    Busy
        If another training is writing the same files.
    Interrupted
        After Ctrl-C; the best model so far and the checkpoint have been written.
    """
    began = time.monotonic()
    require_labels(frames, TARGETS[settings.target], origin)
    if validation is not None:
        require_labels(validation, TARGETS[settings.target], VALIDATION)
    if odd := describe_odd_labels(frames, settings.target, origin):
        log.warning(odd)
    frames = [frame for frame in frames if labelled_atoms(frame.tensors[settings.target]).any()]
    frames = taken_once(frames, settings.target)
    levels = trained_levels(frames, settings)
    start = read_start(settings, out)
    if validation is None:
        training, held_out = split(frames, levels, settings)
    else:
        training, held_out = frames, list(validation)
        check_apart(training, held_out, VALIDATION)
    check_labels(training, held_out, levels, settings.target)
    require_writable(out)
    with withdrawn(out.parent), writing_alone(out, who="training"):
        committee = _Committee(training, held_out, levels, start, settings, out, torch.device(device), began)
        return _train(committee, resume, on_progress)


def _train(committee: _Committee, resume: bool, on_progress: OnProgress) -> Training:
    """Train until it is done or interrupted; see `train`."""
    out = committee.out
    if resume:
        committee.restore()
    elif committee.checkpoint.exists():
        log.info(f"{committee.checkpoint} of an earlier training is ignored; --resume would continue from it")
    try:
        while committee.progress() < 1 or not committee.fit.finished:
            line = committee.train_epoch()
            on_progress(committee.progress(), line)
    except KeyboardInterrupt:
        if not committee.fits[0].best_epoch:
            raise Interrupted(f"stopped before the first epoch was finished; {out} is not written") from None
        committee.write_checkpoint()
        committee.write_best()
        epochs = sum(fit.epochs for fit in committee.fits)
        raise Interrupted(
            f"stopped after {epochs} epochs; {out} holds the best model so far; resume with --resume"
        ) from None
    except ModelError:
        if committee.fits[0].best_epoch:
            committee.write_best()
            log.warning(f"{out} holds the best model before the training diverged")
        raise
    committee.write_best()
    committee.checkpoint.unlink(missing_ok=True)
    return Training(committee.summary())


class Training(dict[str, Any]):
    """The summary of a training by name; as text the first of its facts."""

    def __str__(self) -> str:
        error = self["validation_error"]
        text = f"{self['training_frames']} training frames, {self['epochs']} epochs, {self['seconds']:.0f} s"
        return text if error is None else f"{text}, validation error {100 * error:.1f} %"

    __repr__ = __str__


class _Committee:
    """The networks of a training so far, and what a checkpoint holds of them."""

    def __init__(
        self,
        training: list[Frame],
        held_out: Sequence[Frame],
        levels: Sequence[Level],
        start: ResponseModel | None,
        settings: TrainSettings,
        out: Path,
        device: torch.device,
        began: float,
    ) -> None:
        self.levels, self.start, self.settings, self.out, self.device = levels, start, settings, out, device
        self.checkpoint = checkpoint_of(out)
        self.facts = _facts(training, held_out, settings) | facts_of_start(start)
        self.facts |= {"read_outs": list(map(str, levels))} if len(levels) > 1 else {}
        self.of_levels = facts_of_levels(training, levels)
        numbers = np.unique(np.concatenate([frame.numbers for frame in training]))
        self.shape = preset_settings(settings.preset, settings.target, tuple(numbers.tolist()))
        self.normalised = self._member(0)
        self.data = make_data(
            self.normalised,
            training,
            held_out,
            project=self.facts["project"],
            weights=settings.weight,
            device=device,
            carried=carried_species(start, self.shape),
        )
        self.gradients = _gradients(training, self.normalised, settings)
        self.facts |= {"gradient_labels": len(self.gradients.every)} if self.gradients else {}
        self.fits: list[Fit] = []
        self._begin_fit(began)
        self.written = time.monotonic()
        self.state = self._state()

    @property
    def fit(self) -> Fit:
        """The network in training."""
        return self.fits[-1]

    def _begin_fit(self, began: float) -> None:
        """Add the next network: its own random weights, the normalisation of all."""
        asked, member = self.settings, len(self.fits)
        given = {name: getattr(asked, name) for name in ("learning_rate", "weight_decay", "averaging", "warm_up")}
        given = {name: value for name, value in given.items() if value is not None}
        limit = None
        if asked.time_limit:  # what is left, shared equally by the networks to come
            left = asked.time_limit - sum(fit.seconds for fit in self.fits) / 60
            limit = max(left, LEAST_MINUTES) / (asked.committee - member)
        n_atoms = sum(self.facts["training_atoms"].values())
        preset = FIT_OF_PRESET.get(asked.preset, {"weight_decay": decay_for(n_atoms)})
        epochs = asked.epochs
        if self.start is not None:
            preset = FIT_OF_START
            if not asked.steps:
                epochs = epochs or max(LEAST_EPOCHS, math.ceil(STEPS_FROM_START / len(self.data.training)))
        settings = FitSettings(epochs, asked.steps, limit, seed=asked.seed + member, **preset | given)
        model = self._member(member)
        weights = dict(model.named_parameters())
        constants = {name: value for name, value in self.normalised.state_dict().items() if name not in weights}
        model.load_state_dict(constants, strict=False)
        self.fits.append(Fit(model, self.data, settings, began, self.gradients))

    def _member(self, member: int) -> ResponseModel:
        """Return a network as it is before its training: random, or a member of the model it begins from."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.settings.seed + member)
            if self.start is None:
                return ResponseModel(self.shape, levels=self.levels).to(self.device)
            source = member % len(self.start.members)
            return adapted(self.start, self.shape.species, self.levels, source, self.shape).to(self.device)

    def progress(self) -> float:
        """Return the fraction of the training that is done."""
        return (len(self.fits) - 1 + min(self.fit.progress(), 1.0)) / self.settings.committee

    def train_epoch(self) -> dict[str, float]:
        """Train the network whose turn it is for an epoch; return the line of its history."""
        if self.fit.finished:
            self._begin_fit(self.fit.last)
        line = self.fit.epoch()
        self.state = self._state()  # an epoch cut short by Ctrl-C leaves this as it was: it is done again whole
        if time.monotonic() - self.written > SECONDS_PER_CHECKPOINT:
            self.write_checkpoint()
        return line

    def _state(self) -> dict[str, Any]:
        finished = self.state["finished"] if len(self.fits) > 1 else []
        if len(self.fits) - 1 > len(finished):  # a finished network is copied once, not after every epoch of the next
            finished = [*finished, self.fits[-2].state()]
        return {"format": CHECKPOINT, "facts": self.facts, "finished": finished, "fit": self.fit.state()}

    def restore(self) -> None:
        """Resume from the checkpoint; raise ModelError if it is of other data or settings.

        A single network may go on for longer or shorter; those of a committee are trained alike.
        """
        content = read_content(self.checkpoint, CHECKPOINT)
        free = declared(TrainSettings, "duration") if self.settings.committee == 1 else ()
        kept = [key for key in self.facts if key not in free]
        before, now = (Identity({key: facts.get(key) for key in kept}) for facts in (content["facts"], self.facts))
        if differences := now.differences(before):
            raise ModelError(
                f"{self.checkpoint} belongs to another training: {differences}; train without --resume, or with the "
                "labels and settings it was begun with"
            )
        self.fits = []
        for state in [*content["finished"], content["fit"]]:
            self._begin_fit(time.monotonic())
            self.fit.restore(state)
        self.state = content

    def write_checkpoint(self) -> None:
        """Write the state after the last finished epoch."""
        write_content(self.checkpoint, self.state)
        write_history(history_of(self.out), [fit.history for fit in self.fits])
        self.written = time.monotonic()

    def write_best(self) -> None:
        """Write the model file and the history."""
        fits = [fit for fit in self.fits if fit.best_epoch]
        model = ResponseModel(self.shape, len(fits), self.levels).to(self.device)
        model.load_state_dict(
            {
                name.replace("members.0.", f"members.{number}.", 1): value
                for number, fit in enumerate(fits)
                for name, value in fit.best.items()  # those outside ``members.0.`` are the same in all
            }
        )
        before = {} if self.start is None else self.start.summary
        self.facts |= calibrate(model, self.data) | training_ranges(model, self.data.training, before)
        write_model(self.out, model, self.summary())
        write_history(history_of(self.out), [fit.history for fit in fits])

    def summary(self) -> dict[str, Any]:
        """Return the facts and the outcome of the training, for the model file."""
        errors = [fit.best_error for fit in self.fits if fit.best_epoch]
        return self.facts | {
            **self.of_levels,
            "epochs": sum(fit.epochs for fit in self.fits),
            "steps": sum(fit.steps for fit in self.fits),
            "seconds": round(sum(fit.seconds for fit in self.fits), 1),
            "best_epoch": self.fit.best_epoch,
            "validation_error": float(np.mean(errors)) if self.data.held_out and errors else None,
            "parameters": sum(parameter.numel() for parameter in self.normalised.parameters()),
        }


def _gradients(training: Sequence[Frame], model: ResponseModel, settings: TrainSettings) -> GradientLabels | None:
    """Return what pairs of labels tell besides, if there are any; tell of it."""
    every = gradient_labels(training, model) if settings.gradient_weight else []
    if not every:
        return None
    displaced = ", ".join(symbols_of(np.unique([label.species for label in every])))
    log.info(
        f"{len(every)} pairs of labels differ in the place of one atom alone ({displaced}): how its tensor changes "
        "with the places of all others is learnt too"
    )
    return GradientLabels(every, settings.gradient_weight)


def _facts(training: Sequence[Frame], held_out: Sequence[Frame], settings: TrainSettings) -> dict[str, Any]:
    """Return the settings and labels that determine a training, for the checkpoint and the summary."""
    data = (
        part
        for frame in [*training, *held_out]
        for part in (*geometry_of(frame), frame.tensors[settings.target].tobytes())
    )
    labelled = [frame.numbers[labelled_atoms(frame.tensors[settings.target])] for frame in training]
    numbers, counts = np.unique(np.concatenate(labelled), return_counts=True)
    stated = {name: getattr(settings, name) for name in declared(TrainSettings, "result", "duration")}
    return stated | {
        "validation": 0.0 if isinstance(settings.validation, Path) else settings.validation,
        "project": stated.pop("sum_rule") == "project",
        "weights": stated.pop("weight"),
        "training_frames": len(training),
        "validation_frames": len(held_out),
        "training_atoms": dict(zip(symbols_of(numbers), counts.tolist(), strict=True)),
        "data": digest_of(data),
    }
