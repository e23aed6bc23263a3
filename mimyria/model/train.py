"""Training: from labelled frames to a model file, stopped and resumed at will.

AdamW with a short warm-up and a cosine schedule that ends where the epochs or the time end; the weights kept are those
of the exponential moving average that were best on the validation frames. The state after every finished epoch is the
checkpoint: going on from it repeats nothing.
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mimyria.elements import symbols_of
from mimyria.errors import ConfigError, Interrupted, LabelError, ModelError
from mimyria.frame import Frame
from mimyria.model.evaluate import require_labels
from mimyria.model.files import read_content, write_model, write_whole
from mimyria.model.graph import build_graph
from mimyria.model.network import NetworkSettings, ResponseModel
from mimyria.model.normalise import Batch, normalise
from mimyria.targets import TARGETS, labelled_atoms

log = logging.getLogger("mimyria")

PRESETS: dict[str, dict[str, Any]] = {"default": {}, "small": {"cutoff": 4.5, "radial": 6, "channels": 10}}
"""Settings of the network, by name, that differ from the defaults of ``NetworkSettings``."""

CHECKPOINT = "mimyria checkpoint 1"
DEFAULT_EPOCHS = 400
ATOMS_PER_STEP = 64
KEPT_BYTES = 2 * 1024**3
"""Geometries are kept for every epoch up to this; what is beyond is computed again in each."""
SECONDS_PER_CHECKPOINT = 15.0
LARGEST_GRADIENT = 10.0
MAY_CHANGE = ("epochs", "time_limit")
"""Settings that a resumed training may change."""


@dataclass(frozen=True)
class TrainSettings:
    """How a network is trained.

    Parameters
    ----------
    target
        ``apt`` or ``pgt``.
    preset
        Name in ``PRESETS``.
    validation
        Fraction of the frames kept aside, drawn at random with the seed.
    epochs
        Passes over the training frames; None for 400, or as many as the time limit allows.
    time_limit
        Minutes; the schedule is laid out over them.
    learning_rate
        Highest.
    weight_decay
        Pull of the weights towards zero, times the learning rate; against overfitting.
    averaging
        Decay of the moving average of the weights, per step.
    warm_up
        Steps over which the learning rate rises.
    seed
        Of the weights, the validation split and the order of the frames.
    """

    target: str
    preset: str = "default"
    validation: float = 0.1
    epochs: int | None = None
    time_limit: float | None = None
    learning_rate: float = 4e-2
    weight_decay: float = 0.02
    averaging: float = 0.99
    warm_up: int = 20
    seed: int = 0


Report = Callable[[float, str], None]
"""Called after every epoch with the fraction done and a line about it."""


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
) -> dict[str, Any]:
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
    _check(settings)
    require_labels(frames, TARGETS[settings.target], origin)
    if validation is not None:
        require_labels(validation, TARGETS[settings.target], "the validation file")
    training, held_out = _split(frames, settings) if validation is None else (list(frames), list(validation))
    _require_every_species(training, settings.target)
    out.parent.mkdir(parents=True, exist_ok=True)
    run = _Run(training, held_out, settings, out, torch.device(device))
    if resume:
        run.restore()
    elif run.checkpoint.exists():
        log.info(f"{run.checkpoint} of an earlier run is not used; --resume goes on from it")
    try:
        while run.progress() < 1:
            line = run.epoch()
            report(run.progress(), line)
    except KeyboardInterrupt:
        if not run.best_epoch:
            raise Interrupted(f"stopped before the first epoch was finished; {out} is not written") from None
        run.write_checkpoint()
        run.write_best()
        raise Interrupted(
            f"stopped after {run.snapshot['counts'][0]} epochs; {out} holds the best model so far, --resume goes on"
        ) from None
    run.write_best()
    run.checkpoint.unlink(missing_ok=True)
    return run.summary()


def checkpoint_of(out: Path) -> Path:
    """Return where the checkpoint of a model file lies."""
    return out.with_name(out.name + ".checkpoint")


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


def _check(settings: TrainSettings) -> None:
    if settings.target not in TARGETS:
        raise ConfigError(f"there is no target {settings.target!r}; known are {', '.join(TARGETS)}")
    if settings.preset not in PRESETS:
        raise ConfigError(f"there is no preset {settings.preset!r}; known are {', '.join(PRESETS)}")
    if not 0 <= settings.validation < 1:
        raise ConfigError(f"the validation fraction must lie between 0 and 1, not {settings.validation}")
    for name in ("epochs", "time_limit"):
        value = getattr(settings, name)
        if value is not None and not value > 0:
            raise ConfigError(f"{name.replace('_', ' ')} must be positive, not {value}")


def _split(frames: Sequence[Frame], settings: TrainSettings) -> tuple[list[Frame], list[Frame]]:
    """Return training and validation frames; at least one of each where there are two."""
    n_held_out = math.ceil(settings.validation * len(frames)) if len(frames) > 1 else 0
    n_held_out = min(n_held_out, len(frames) - 1)
    order = np.random.default_rng(settings.seed).permutation(len(frames))
    held_out = set(order[:n_held_out].tolist())
    if not held_out:
        log.warning("no validation frames: the weights kept are the last ones, and their error is not known")
    training = [frame for k, frame in enumerate(frames) if k not in held_out]
    return training, [frames[k] for k in sorted(held_out)]


class _Run:
    """A training: what stays the same, and the state that a checkpoint holds."""

    def __init__(
        self, training: list[Frame], held_out: list[Frame], settings: TrainSettings, out: Path, device: torch.device
    ) -> None:
        self.settings, self.out, self.device = settings, out, device
        self.checkpoint = checkpoint_of(out)
        self.facts = _facts(training, held_out, settings)
        species = tuple(sorted({int(number) for frame in training for number in np.unique(frame.numbers)}))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.model = ResponseModel(NetworkSettings(settings.target, species, **PRESETS[settings.preset])).to(device)
        self.kept_bytes = 0
        batches = [self._batch(chunk) for chunk in _chunks(training)]
        normalise(self.model, batches)
        self.training = [self._normalised(batch) for batch in batches]
        self.held_out = [self._normalised(self._batch(chunk)) for chunk in _chunks(held_out)]
        self.averaged = deepcopy(self.model)
        self.best = deepcopy(self.averaged.state_dict())
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), settings.learning_rate, betas=(0.9, 0.99), weight_decay=settings.weight_decay
        )
        self.order = torch.Generator().manual_seed(settings.seed)
        self.epochs, self.steps, self.seconds = 0, 0, 0.0
        self.best_error, self.best_epoch = math.inf, 0
        self.written = time.monotonic()
        self.snapshot = self._snapshot()

    def progress(self) -> float:
        """Return the fraction of the training that is done."""
        limit = self.settings.time_limit
        epochs = self.settings.epochs or (math.inf if limit else DEFAULT_EPOCHS)
        return max(self.epochs / epochs, self.seconds / (60 * limit) if limit else 0.0)

    def epoch(self) -> str:
        """Train on every batch once; return a line about it."""
        begin, before = time.monotonic(), self.seconds
        losses: list[float] = []
        for index in torch.randperm(len(self.training), generator=self.order).tolist():
            if self.settings.time_limit:  # few long epochs follow the schedule too
                self.seconds = before + time.monotonic() - begin
            if losses and self.progress() >= 1:
                break
            losses.append(self._step(self.training[index]))
        error = self._validation_error()
        if not math.isfinite(np.sum(losses)) or (self.held_out and not math.isfinite(error)):
            raise ModelError(
                f"the training diverged in epoch {self.epochs + 1}; look at the labels (`mimyria info`), or train with "
                "another --seed"
            )
        self.epochs += 1
        if not self.held_out or error <= self.best_error:
            self.best_error, self.best_epoch = error, self.epochs
            self.best = deepcopy(self.averaged.state_dict())
        self.seconds = before + time.monotonic() - begin
        self.snapshot = self._snapshot()
        if time.monotonic() - self.written > SECONDS_PER_CHECKPOINT:
            self.write_checkpoint()
        return f"epoch {self.epochs}, error {np.mean(losses) ** 0.5:.3f}, {error:.3f} held out"

    def _step(self, batch: Batch) -> float:
        fall = 0.5 * (1 + math.cos(math.pi * min(self.progress(), 1.0)))
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * fall * min(1.0, (self.steps + 1) / self.settings.warm_up)
        loss = _mean_square_error(self.model, batch)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), LARGEST_GRADIENT)
        self.optimiser.step()
        self.steps += 1
        keep = min(self.settings.averaging, 1 - 1 / self.steps)
        with torch.no_grad():
            torch._foreach_lerp_(list(self.averaged.parameters()), list(self.model.parameters()), 1 - keep)
        return loss.item()

    def _validation_error(self) -> float:
        """Return the root mean square error of the averaged weights, relative to the scale of the labels."""
        if not self.held_out:
            return math.nan
        with torch.no_grad():
            errors = [_mean_square_error(self.averaged, batch).item() for batch in self.held_out]
        return float(np.average(errors, weights=[batch.weights.sum().item() for batch in self.held_out])) ** 0.5

    def _batch(self, frames: list[Frame]) -> Batch:
        graph = build_graph(frames, self.model.settings.species, self.model.settings.cutoff, self.device)
        tensors = np.concatenate([frame.tensors[self.settings.target] for frame in frames])
        labelled = labelled_atoms(tensors)
        filled = np.where(labelled[:, None], tensors.reshape(len(tensors), -1), 0.0)
        flat = torch.from_numpy(filled).float().to(self.device)
        weights = torch.from_numpy(labelled[:, None]).float().to(self.device)
        geometry = self.model.geometry(graph) if self.kept_bytes < KEPT_BYTES else None
        self.kept_bytes += geometry.basis.nbytes if geometry else 0
        return Batch(
            graph=graph,
            geometry=geometry,
            labels=flat[graph.order] @ self.model.change_of_basis.flatten(1).T,
            weights=weights[graph.order],
        )

    def _normalised(self, batch: Batch) -> Batch:
        pairs = enumerate(batch.graph.slices)
        labels = [(batch.labels[places] - self.model.mean[s]) / self.model.scale[s] for s, places in pairs]
        return replace(batch, labels=torch.cat(labels))

    def _snapshot(self) -> dict[str, Any]:
        return deepcopy(
            {
                "format": CHECKPOINT,
                "facts": self.facts,
                "model": self.model.state_dict(),
                "averaged": self.averaged.state_dict(),
                "best": self.best,
                "optimiser": self.optimiser.state_dict(),
                "order": self.order.get_state(),
                "counts": [self.epochs, self.steps, self.seconds, self.best_error, self.best_epoch],
            }
        )

    def restore(self) -> None:
        """Take the state from the checkpoint."""
        content = read_content(self.checkpoint, CHECKPOINT)
        for key, value in self.facts.items():
            if key not in MAY_CHANGE and content["facts"].get(key) != value:
                raise ModelError(
                    f"{self.checkpoint} belongs to another training: its {key} is {content['facts'].get(key)}, "
                    f"now it is {value}; train without --resume, or with what it began with"
                )
        self.model.load_state_dict(content["model"])
        self.averaged.load_state_dict(content["averaged"])
        self.best = content["best"]
        self.optimiser.load_state_dict(content["optimiser"])
        self.order.set_state(content["order"])
        self.epochs, self.steps, self.seconds, self.best_error, self.best_epoch = content["counts"]
        self.snapshot = self._snapshot()

    def write_checkpoint(self) -> None:
        """Write the state after the last finished epoch."""
        write_whole(self.checkpoint, self.snapshot)
        self.written = time.monotonic()

    def write_best(self) -> None:
        """Write the model file."""
        self.averaged.load_state_dict(self.best)
        write_model(self.out, self.averaged, self.summary())

    def summary(self) -> dict[str, Any]:
        """Return what is worth knowing about the training."""
        return self.facts | {
            "epochs": self.epochs,
            "steps": self.steps,
            "seconds": round(self.seconds, 1),
            "best_epoch": self.best_epoch,
            "validation_error": self.best_error if self.held_out else None,
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
        }


def _mean_square_error(model: ResponseModel, batch: Batch) -> Tensor:
    geometry = model.geometry(batch.graph) if batch.geometry is None else batch.geometry
    error = (model(geometry) - batch.labels) * batch.weights
    return error.square().sum() / (batch.weights.sum() * error.shape[1]).clamp(min=1)


def _chunks(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Return the frames in steps of at least ATOMS_PER_STEP atoms, so that small molecules do not go one by one."""
    chunks: list[list[Frame]] = []
    for frame in frames:
        if not chunks or sum(map(len, chunks[-1])) >= ATOMS_PER_STEP:
            chunks.append([])
        chunks[-1].append(frame)
    return chunks


def _facts(training: Sequence[Frame], held_out: Sequence[Frame], settings: TrainSettings) -> dict[str, Any]:
    """Return what determines a training, for the checkpoint and the summary."""
    digest = hashlib.sha256()
    for frame in [*training, *held_out]:
        for array in (frame.numbers, frame.positions, frame.cell, frame.tensors[settings.target]):
            digest.update(np.ascontiguousarray(array).tobytes())
    numbers, counts = np.unique(np.concatenate([frame.numbers for frame in training]), return_counts=True)
    return asdict(settings) | {
        "training_frames": len(training),
        "validation_frames": len(held_out),
        "training_atoms": dict(zip(symbols_of(numbers), counts.tolist(), strict=True)),
        "data": digest.hexdigest()[:16],
    }
