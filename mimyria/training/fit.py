"""`Fit`: the training of one network, an epoch at a time, with everything that a checkpoint needs to resume it.

AdamW with a short warm-up and a cosine schedule that ends where the epochs, the steps or the time end; the weights kept
are those of the exponential moving average that were best on the validation frames.
"""

from __future__ import annotations

import math
import time
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mimyria.elements import symbols_of
from mimyria.errors import ModelError
from mimyria.model.batches import Batch, Data
from mimyria.model.model import ResponseModel
from mimyria.training.gradients import GradientLabels

DEFAULT_EPOCHS = 400
LARGEST_GRADIENT = 10.0
LEAST_DECAY, LARGEST_DECAY, DECAY = 0.02, 0.12, 2.6
"""Of the weights, see `decay_for`; measured with 480, 1920 and 7680 labelled atoms, the last two with one seed
(benchmarks/RESULTS.md)."""


def decay_for(n_atoms: int) -> float:
    """Return the weight decay for a number of labelled atoms, λ = 2.6/√n within 0.02 and 0.12.

    Few labels are learnt by heart unless the weights are held small; many are not, and need the freedom.
    """
    return min(max(DECAY / math.sqrt(n_atoms), LEAST_DECAY), LARGEST_DECAY)


@dataclass(frozen=True)
class FitSettings:
    """How the weights of a network are found; see `TrainSettings` for what they mean."""

    epochs: int | None = None  # None for 400, or as many as the time limit or the steps allow
    steps: int | None = None
    time_limit: float | None = None  # minutes
    learning_rate: float = 4e-2
    weight_decay: float = LEAST_DECAY  # times the learning rate; against overfitting
    averaging: float = 0.99
    warm_up: int = 20
    seed: int = 0


class Fit:
    """One network in training: a normalised model of one member, whose time counts from ``began`` (time.monotonic)."""

    def __init__(
        self,
        model: ResponseModel,
        data: Data,
        settings: FitSettings,
        began: float,
        gradients: GradientLabels | None = None,
    ) -> None:
        self.model, self.data, self.settings, self.gradients = model, data, settings, gradients
        self.averaged = ResponseModel(model.settings, levels=model.levels).to(
            model.mean.device
        )  # a deepcopy changes modules of e3nn
        self.averaged.load_state_dict(model.state_dict())
        self.best = deepcopy(model.state_dict())
        self.optimiser = torch.optim.AdamW(
            model.parameters(), settings.learning_rate, betas=(0.9, 0.99), weight_decay=settings.weight_decay
        )
        self.order = torch.Generator().manual_seed(settings.seed)
        self.epochs, self.steps, self.seconds = 0, 0, 0.0
        self.best_error, self.best_epoch = math.inf, 0
        self.history: list[dict[str, float]] = []
        self.of_gradients: list[float] = []  # squared relative errors of this epoch
        self.last, self.fraction = began, 0.0

    def progress(self) -> float:
        """Return the fraction of the training that is done; whatever happens between two calls takes its time."""
        now = time.monotonic()
        self.seconds += now - self.last  # a sum, for the time before a stop counts too
        self.last = now
        limit = self.settings.time_limit
        epochs = self.settings.epochs or (math.inf if limit or self.settings.steps else DEFAULT_EPOCHS)
        steps = self.settings.steps or math.inf
        self.fraction = max(self.epochs / epochs, self.steps / steps, self.seconds / (60 * limit) if limit else 0.0)
        return self.fraction

    @property
    def finished(self) -> bool:
        """Whether all is done, as `progress` last saw it: time goes on between two looks. An epoch is always done."""
        return self.fraction >= 1 and self.epochs > 0

    def epoch(self) -> dict[str, float]:
        """Train on every batch once; return the new line of the history."""
        losses: list[float] = []
        self.of_gradients.clear()
        for index in torch.randperm(len(self.data.training), generator=self.order).tolist():
            if losses and self.progress() >= 1:
                break
            losses.append(self._step(self.data.training[index]))
        errors = self.validation_errors()
        error = errors.get("held_out", math.nan)
        if not math.isfinite(np.sum(losses)) or (errors and not math.isfinite(error)):
            raise ModelError(
                f"the training diverged in epoch {self.epochs + 1}; check the labels (`mimyria info`), or train with "
                "another --seed"
            )
        self.epochs += 1
        if not errors or error <= self.best_error:
            self.best_error, self.best_epoch = error, self.epochs
            self.best = deepcopy(self.averaged.state_dict())
        line = {
            "epoch": self.epochs,
            "steps": self.steps,
            "seconds": round(self.seconds, 2),
            "learning_rate": self.optimiser.param_groups[0]["lr"],
            "training": float(np.mean(losses)) ** 0.5,
            **({"gradients": float(np.mean(self.of_gradients)) ** 0.5} if self.gradients else {}),
            **errors,
        }
        self.history.append(line)
        return line

    def _step(self, batch: Batch) -> float:
        fall = 0.5 * (1 + math.cos(math.pi * min(self.progress(), 1.0)))
        rise = min(1.0, (self.steps + 1) / max(self.settings.warm_up, 1))
        self.optimiser.param_groups[0]["lr"] = self.settings.learning_rate * fall * rise
        loss = self.data.room.fit(lambda: self._gradient(batch))
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), LARGEST_GRADIENT)
        self.optimiser.step()
        self.steps += 1
        # at first the plain mean of all steps: the random weights of the beginning must not linger in the average
        keep = min(self.settings.averaging, 1 - 1 / self.steps)
        with torch.no_grad():
            torch._foreach_lerp_(list(self.averaged.parameters()), list(self.model.parameters()), 1 - keep)
        return loss

    def _gradient(self, batch: Batch) -> float:
        """Return the loss, and leave its gradients with the weights: the sums over the parts of a batch."""
        self.optimiser.zero_grad()
        whole, loss = self._weights(batch).sum().clamp(min=1e-9), 0.0
        for part in self.data.parts(batch):
            error, weights = self.errors(self.model, part)
            of_part = (error.square() * weights).sum() / whole
            of_part.backward()  # type: ignore[no-untyped-call]
            loss += of_part.item()
        if self.gradients is not None:
            of_gradient = self.gradients.loss(self.model, self.order)
            of_gradient.backward()  # type: ignore[no-untyped-call]
            self.of_gradients.append(of_gradient.item() / self.gradients.weight)
        return loss

    def _weights(self, batch: Batch) -> Tensor:
        return batch.weights * self.data.loss_weights[batch.graph.species]

    def errors(self, model: ResponseModel, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the errors of the normalised irreps and the weights of their squares, both (n, irreps)."""
        error = model(batch.geometry_for(model), batch.level)[0] - batch.labels
        if self.data.project:  # only for what is left when the sum rule is projected out
            error = batch.without_excess(error, model)
        return error, self._weights(batch)

    def validation_errors(self) -> dict[str, float]:
        """Return root mean square errors of the averaged weights, relative to the labels' scale: all, by species."""
        if not self.data.held_out:
            return {}
        predicted = max(batch.level for batch in self.data.held_out)  # that level decides which weights are best
        own = [batch for batch in self.data.held_out if batch.level == predicted]
        with torch.no_grad():
            found = [values for batch in own for values in self.data.in_parts(batch, self._squares)]
        totals, weights, squares, species = zip(*found, strict=True)
        symbols = symbols_of(np.array(self.model.settings.species))
        which, values = torch.cat(species), torch.cat(squares)
        by_species = {symbol: float(values[which == s].mean().sqrt()) for s, symbol in enumerate(symbols)}
        return {"held_out": (sum(totals) / max(sum(weights), 1e-9)) ** 0.5, **by_species}

    def _squares(self, batch: Batch) -> tuple[float, float, Tensor, Tensor]:
        """Return the weighted sum of squared errors of the averaged weights, the sum of their weights, and by atom.

        Mean square error and species of each labelled atom, both (n,).
        """
        error, weights = self.errors(self.averaged, batch)
        own = error.square().mean(1)[batch.labelled].cpu(), batch.graph.species[batch.labelled].cpu()
        return float((error.square() * weights).sum()), float(weights.sum()), *own

    def state(self) -> dict[str, Any]:
        """Return a copy of everything that changes; the best weights need none: they are replaced, never changed."""
        parts: dict[str, Any] = {"model": self.model, "averaged": self.averaged, "optimiser": self.optimiser}
        state = deepcopy({name: part.state_dict() for name, part in parts.items()})
        counts = [self.epochs, self.steps, self.seconds, self.best_error, self.best_epoch]
        order = self.order.get_state()
        return state | {"order": order, "best": self.best, "counts": counts, "history": list(self.history)}

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from a state, which is not changed by it."""
        state = deepcopy(state)
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self.best = state["best"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.order.set_state(state["order"])
        self.epochs, self.steps, self.seconds, self.best_error, self.best_epoch = state["counts"]
        self.history = state["history"]
        self.last = time.monotonic()
