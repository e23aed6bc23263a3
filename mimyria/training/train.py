"""Training: from labelled frames to a model file, stopped and resumed at will.

A committee is trained one member after the other, alike but for the random weights it starts from and the order of the
frames. The state after every finished epoch is the checkpoint: going on from it repeats nothing.
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
from mimyria.errors import ConfigError, Interrupted, LabelError, ModelError
from mimyria.frame import Frame
from mimyria.memory import Identity, digest_of
from mimyria.model.batches import make_data
from mimyria.model.calibration import calibrate
from mimyria.model.environments import training_ranges
from mimyria.model.files import read_content, write_content, write_model
from mimyria.model.model import ResponseModel, preset_settings
from mimyria.settings import TrainSettings
from mimyria.targets import TARGETS, labelled_atoms
from mimyria.training.evaluate import require_labels
from mimyria.training.fit import Fit, FitSettings
from mimyria.training.history import checkpoint_of, history_of, write_history

log = logging.getLogger("mimyria")

CHECKPOINT = "mimyria checkpoint 2"
SECONDS_PER_CHECKPOINT = 15.0
FIT_OF_PRESET: dict[str, dict[str, Any]] = {"published": {"learning_rate": 1e-2, "weight_decay": 0.0}}
"""How networks of a preset are trained, where that differs from the defaults of `FitSettings`."""


def fit_settings(settings: TrainSettings, member: int, spent: float) -> FitSettings:
    """Return how one member of a committee is trained, after so many seconds for those before it."""
    given = {name: getattr(settings, name) for name in ("learning_rate", "weight_decay", "averaging", "warm_up")}
    chosen = {name: value for name, value in given.items() if value is not None}
    limit = (settings.time_limit - spent / 60) / (settings.committee - member) if settings.time_limit else None
    chosen = FIT_OF_PRESET.get(settings.preset, {}) | chosen
    return FitSettings(settings.epochs, limit, seed=settings.seed + member, **chosen)


Report = Callable[[float, dict[str, float]], None]
"""Called after every epoch with the fraction done and the line of the history."""


def train(
    frames: Sequence[Frame],
    settings: TrainSettings,
    out: Path,
    *,
    validation: Sequence[Frame] | None = None,
    device: torch.device | str = "cpu",
    resume: bool = False,
    report: Report = lambda fraction, line: None,
    origin: str = "the labels",
) -> Training:
    """Train a model, write it to ``out``, and return the summary of the training.

    Parameters
    ----------
    frames
        With labels of the target; atoms whose label is NaN are left out.
    settings
        What and how.
    out
        The model file. The checkpoint lies beside it as ``out`` + ``.checkpoint`` until the training ends.
    validation
        Labelled frames to validate on, instead of a fraction of ``frames``.
    device
        Where to compute.
    resume
        Go on from the checkpoint.
    report
        For a progress bar.
    origin
        Where the frames come from, for messages.

    Raises
    ------
    LabelError, ConfigError, ModelError
        If labels are missing, a setting is wrong, or the checkpoint is of another training.
    Interrupted
        After Ctrl-C; the best model so far and the checkpoint have been written.
    """
    began = time.monotonic()
    require_labels(frames, TARGETS[settings.target], origin)
    if validation is not None:
        require_labels(validation, TARGETS[settings.target], "the validation file")
    frames = [frame for frame in frames if labelled_atoms(frame.tensors[settings.target]).any()]
    training, held_out = _split(frames, settings) if validation is None else (list(frames), list(validation))
    _require_every_species(training, settings.target)
    _warn_of_mixtures([*training, *held_out])
    out.parent.mkdir(parents=True, exist_ok=True)
    run = _Run(training, held_out, settings, out, torch.device(device), began)
    if resume:
        run.restore()
    elif run.checkpoint.exists():
        log.info(f"{run.checkpoint} of an earlier run is not used; --resume goes on from it")
    try:
        while run.progress() < 1:
            line = run.epoch()
            report(run.progress(), line)
    except KeyboardInterrupt:
        if not run.fits[0].best_epoch:
            raise Interrupted(f"stopped before the first epoch was finished; {out} is not written") from None
        run.write_checkpoint()
        run.write_best()
        epochs = sum(fit.epochs for fit in run.fits)
        raise Interrupted(
            f"stopped after {epochs} epochs; {out} holds the best model so far, --resume goes on"
        ) from None
    except ModelError:
        if run.fits[0].best_epoch:
            run.write_best()
            log.warning(f"{out} holds the best model before that")
        raise
    run.write_best()
    run.checkpoint.unlink(missing_ok=True)
    return Training(run.summary())


class Training(dict[str, Any]):
    """The summary of a training, by name; as text its first facts."""

    def __str__(self) -> str:
        error = self["validation_error"]
        text = f"{self['training_frames']} training frames, {self['epochs']} epochs, {self['seconds']:.0f} s"
        return text if error is None else f"{text}, validation error {100 * error:.1f} %"

    __repr__ = __str__


def _require_every_species(training: Sequence[Frame], target: str) -> None:
    """Raise LabelError if some species has no label at all: the model would guess its tensors."""
    numbers = np.concatenate([frame.numbers for frame in training])
    labels = np.concatenate([frame.tensors[target] for frame in training])
    labelled = labelled_atoms(labels)
    bare = np.setdiff1d(numbers, numbers[labelled])
    if bare.size:
        raise LabelError(
            f"no atom of {', '.join(symbols_of(bare))} has a label of {target}; label some, or the model cannot know it"
        )


def _warn_of_mixtures(frames: Sequence[Frame]) -> None:
    """Warn if labels were made in ways that do not go together."""
    for key in ("engine", "cluster_epsilon", "layout"):
        found = sorted({str(frame.info.get(key)) for frame in frames})
        if len(found) > 1:
            log.warning(f"labels of different {key} are trained together: {', '.join(found)}")


def _split(frames: Sequence[Frame], settings: TrainSettings) -> tuple[list[Frame], list[Frame]]:
    """Return training and validation frames; at least one of each where there are two."""
    if isinstance(settings.validation, Path):
        raise ConfigError(f"--validation {settings.validation} is a file: give its frames as validation")
    n_held_out = math.ceil(settings.validation * len(frames)) if len(frames) > 1 else 0
    n_held_out = min(n_held_out, len(frames) - 1)
    order = np.random.default_rng(settings.seed).permutation(len(frames))
    held_out = set(order[:n_held_out].tolist())
    if not held_out:
        log.warning("no validation frames: the weights kept are the last ones, and their error is not known")
    for k in sorted(held_out):  # no species may be known from held-out frames alone
        rest = {n for i, frame in enumerate(frames) if i not in held_out for n in _labelled_species(frame, settings)}
        if not _labelled_species(frames[k], settings) <= rest:
            held_out.remove(k)
    training = [frame for k, frame in enumerate(frames) if k not in held_out]
    return training, [frames[k] for k in sorted(held_out)]


def _labelled_species(frame: Frame, settings: TrainSettings) -> set[int]:
    return set(frame.numbers[labelled_atoms(frame.tensors[settings.target])].tolist())


class _Run:
    """A training: its members so far, and what a checkpoint holds of them."""

    def __init__(
        self,
        training: list[Frame],
        held_out: list[Frame],
        settings: TrainSettings,
        out: Path,
        device: torch.device,
        began: float,
    ) -> None:
        self.settings, self.out, self.device = settings, out, device
        self.checkpoint = checkpoint_of(out)
        self.facts = _facts(training, held_out, settings)
        numbers = np.unique(np.concatenate([frame.numbers for frame in training]))
        self.shape = preset_settings(settings.preset, settings.target, tuple(numbers.tolist()))
        self.normalised = ResponseModel(self.shape).to(device)
        self.data = make_data(
            self.normalised, training, held_out, project=self.facts["project"], weights=settings.weight, device=device
        )
        self.fits: list[Fit] = []
        self.fits.append(self._fit(0, began))
        self.written = time.monotonic()
        self.state = self._state()

    @property
    def fit(self) -> Fit:
        """The member in training."""
        return self.fits[-1]

    def _fit(self, member: int, began: float) -> Fit:
        settings = fit_settings(self.settings, member, sum(fit.seconds for fit in self.fits[:member]))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            model = ResponseModel(self.shape).to(self.device)
        weights = dict(model.named_parameters())
        constants = {name: value for name, value in self.normalised.state_dict().items() if name not in weights}
        model.load_state_dict(constants, strict=False)
        return Fit(model, self.data, settings, began)

    def progress(self) -> float:
        """Return the fraction of the training that is done."""
        return (len(self.fits) - 1 + min(self.fit.progress(), 1.0)) / self.settings.committee

    def epoch(self) -> dict[str, float]:
        """Train the member whose turn it is for an epoch; return the line of its history."""
        if self.fit.progress() >= 1:
            self.fits.append(self._fit(len(self.fits), self.fit.last))
        line = self.fit.epoch()
        self.state = self._state()
        if time.monotonic() - self.written > SECONDS_PER_CHECKPOINT:
            self.write_checkpoint()
        return line

    def _state(self) -> dict[str, Any]:
        finished = self.state["finished"] if len(self.fits) > 1 else []
        if len(self.fits) - 1 > len(finished):
            finished = [*finished, self.fits[-2].state()]
        return {"format": CHECKPOINT, "facts": self.facts, "finished": finished, "fit": self.fit.state()}

    def restore(self) -> None:
        """Take the state from the checkpoint."""
        content = read_content(self.checkpoint, CHECKPOINT)
        free = declared(TrainSettings, "duration")
        kept = [key for key in self.facts if key not in free]
        before, now = (Identity({key: facts.get(key) for key in kept}) for facts in (content["facts"], self.facts))
        if said := now.differences(before):
            raise ModelError(
                f"{self.checkpoint} belongs to another training: {said}; train without --resume, or with what it began "
                "with"
            )
        states = [*content["finished"], content["fit"]]
        self.fits = []
        for member, state in enumerate(states):
            self.fits.append(self._fit(member, time.monotonic()))
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
        model = ResponseModel(self.shape, len(fits)).to(self.device)
        weights = {name: value for name, value in fits[0].best.items() if not name.startswith("members.")}
        for number, fit in enumerate(fits):
            weights |= {
                name.replace("members.0", f"members.{number}", 1): value
                for name, value in fit.best.items()
                if name.startswith("members.")
            }
        model.load_state_dict(weights)
        self.facts |= calibrate(model, self.data) | training_ranges(model, self.data.training)
        write_model(self.out, model, self.summary())
        write_history(history_of(self.out), [fit.history for fit in fits])

    def summary(self) -> dict[str, Any]:
        """Return what is worth knowing about the training."""
        errors = [fit.best_error for fit in self.fits if fit.best_epoch]
        return self.facts | {
            "epochs": sum(fit.epochs for fit in self.fits),
            "steps": sum(fit.steps for fit in self.fits),
            "seconds": round(sum(fit.seconds for fit in self.fits), 1),
            "best_epoch": self.fit.best_epoch,
            "validation_error": float(np.mean(errors)) if self.data.held_out and errors else None,
            "parameters": sum(parameter.numel() for parameter in self.normalised.parameters()),
        }


def _facts(training: Sequence[Frame], held_out: Sequence[Frame], settings: TrainSettings) -> dict[str, Any]:
    """Return what determines a training, for the checkpoint and the summary."""
    data = (
        np.ascontiguousarray(array).tobytes()
        for frame in [*training, *held_out]
        for array in (frame.numbers, frame.positions, frame.cell, frame.tensors[settings.target])
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
