"""A trained committee of networks with what makes its numbers mean something: calibration, familiarity, and its file.

    p = 1 / (1 + exp(-(a z + b)))          a and b of each group and pattern, fitted to what was not trained on

    d² = (t - μ)ᵀ Σ⁻¹ (t - μ)          t the traits of a spectrum, μ and Σ mean and covariance over training spectra

    u² = -2 ln P          P the probability of being no stranger, as the network says, which has seen many

Traits are the features that the network makes, and what it may have learned to look through: how much there is in each
region of wavenumbers, and how rough it is.

A spectrum is unlike any trained on if its d or u is above that of all but one in two hundred of those and of held-out
ones, and looks like one given as the other kind if the logit of that is. Infrared, Raman and both have a μ, Σ and
limits each, as they look different to the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mimyria import __version__
from mimyria.errors import ModelError
from mimyria.frame import Array
from mimyria.identify.channels import GRID, missing
from mimyria.identify.convolutions import FURTHER, Committee, Network, Shape
from mimyria.model.files import bundled, read_content, write_content

FORMAT = "mimyria groups 3"
REGIONS = (300, 600, 850, 1000, 1150, 1300, 1500, 1650, 1850, 2050, 2400, 2750, 3000, 3200, 3500, 3750, 4001)
"""cm⁻¹; between two of them lies a region."""
PATTERNS = ("infrared", "raman", "both")
"""What a sample may have spectra of."""


@dataclass(frozen=True)
class Familiar:
    """The traits of the spectra of one pattern."""

    mean: Array
    """μ, (traits,)."""
    precision: Array
    """Σ⁻¹, (traits, traits)."""
    limit: float
    """Of d."""
    most: float = np.inf
    """Limit of u."""
    other: float = np.inf
    """Limit of the logit of being given as the other kind."""

    def distance(self, traits: Array) -> Array:
        """Return d of traits, shape (b, traits); what is not known of a spectrum counts as usual."""
        away = np.nan_to_num(traits - self.mean)
        return np.sqrt(np.einsum("bi,ij,bj->b", away, self.precision, away))


@dataclass(frozen=True)
class Recogniser:
    """What tells groups from channels."""

    groups: tuple[str, ...]
    network: Committee
    calibration: Array
    """a and b by pattern and by group, kind and stranger, shape (patterns, groups + 2, 2)."""
    familiar: Mapping[str, Familiar]
    """By pattern."""
    summary: Mapping[str, Any]
    """The card: what it was trained on, and how well it does."""

    def logits(self, channels: Array) -> Array:
        """Return calibrated logits of groups, kind and stranger, (b, groups + 2), of channels (b, 4, len(GRID))."""
        with torch.no_grad():
            raw = self.network(torch.as_tensor(channels, dtype=torch.float32)).numpy().astype(float)
        a, b = np.moveaxis(self.calibration[patterns_of(channels)], -1, 0)
        return raw * a + b

    def probabilities(self, channels: Array) -> Array:
        """Return the probability of each group, shape (b, groups)."""
        return probability(self.logits(channels)[:, : len(self.groups)])

    def shares(self, channels: Array) -> Array:
        """Return the shares that are assigned to each group, of channels; (b, kinds, groups, len(PLACES))."""
        with torch.no_grad():
            said = self.network.with_shares(torch.as_tensor(channels, dtype=torch.float32))[1]
        return probability(said.numpy().astype(float))

    def strangeness(self, channels: Array) -> float:
        """Return the larger of d and u over their limits for the channels of one sample, shape (4, len(GRID))."""
        known = self.familiar[PATTERNS[int(patterns_of(channels))]]
        away = known.distance(traits(self.network, channels[None]))[0] / known.limit
        return float(max(away, surprise(self.logits(channels[None])[0, -1]) / known.most))

    def looks_other(self, channels: Array) -> bool:
        """Return whether a spectrum, of the channels (4, len(GRID)), looks like one that is given as the other kind."""
        pattern = PATTERNS[int(patterns_of(channels))]
        return pattern != "both" and self.logits(channels[None])[0, len(self.groups)] > self.familiar[pattern].other


def traits(network: Committee, channels: Array) -> Array:
    """Return the traits of channels (b, 4, len(GRID)), shape (b, traits); NaN where a region was not measured."""
    with torch.no_grad():
        made = [network.features(torch.as_tensor(channels, dtype=torch.float32)).numpy().astype(float)]
    for k in range(0, channels.shape[1], 2):
        heights, measured = channels[:, k], channels[:, k + 1] > 0
        pairs = measured[:, 1:] & measured[:, :-1]
        rough = np.where(pairs, abs(np.diff(heights)), 0).sum(axis=1) / np.maximum(pairs.sum(axis=1), 1)
        made.append(rough[:, None])
        for low, high in pairwise(REGIONS):
            inside = measured & (low <= GRID) & (high > GRID)
            total, points = np.where(inside, heights, 0).sum(axis=1), inside.sum(axis=1)
            mean = np.divide(total, points, out=np.full(len(total), np.nan), where=points > 0)
            made.append(mean[:, None])
    return np.hstack(made)


def probability(logits: Array) -> Array:
    """Return 1 / (1 + exp(-z))."""
    return 1 / (1 + np.exp(-np.clip(logits, -50, 50)))


def surprise(logits: Array) -> Array:
    """Return u = √(-2 ln P) of logits of strangers, P = 1 / (1 + exp(z))."""
    return np.sqrt(2 * np.logaddexp(0.0, logits))


def patterns_of(channels: Array) -> Array:
    """Return the places in `PATTERNS` of what samples have spectra of; channels are (..., 4, len(GRID))."""
    infrared, raman = np.moveaxis(missing(channels), -1, 0)
    return np.where(infrared, 1, np.where(raman, 0, 2))


def write_recogniser(path: Path, made: Recogniser) -> None:
    """Write a recogniser, its weights in half precision."""
    familiar = {
        name: {"mean": torch.tensor(each.mean).half()}
        | _packed(each.precision)
        | {"limit": each.limit, "most": each.most, "other": each.other}
        for name, each in made.familiar.items()
    }
    content = {
        "format": FORMAT,
        "version": __version__,
        "groups": list(made.groups),
        "points": len(GRID),
        "shape": asdict(made.network.shape),
        "members": len(made.network.networks),
        "weights": {name: tensor.half() for name, tensor in made.network.state_dict().items()},
        "calibration": torch.tensor(made.calibration).float(),
        "familiar": familiar,
        "summary": dict(made.summary),
    }
    write_content(path, content)


def _packed(precision: Array) -> dict[str, torch.Tensor]:
    """Return a symmetric matrix P as √P_ii and, in half precision, the P_ij / √(P_ii P_jj) of i < j."""
    scale = np.sqrt(np.diag(precision))
    upper = (precision / np.outer(scale, scale))[np.triu_indices(len(scale), 1)]
    return {"scale": torch.tensor(scale).float(), "upper": torch.tensor(upper).half()}


def _unpacked(packed: Mapping[str, torch.Tensor]) -> Array:
    """Return the matrix of `_packed`."""
    scale = packed["scale"].double().numpy()
    matrix = np.eye(len(scale))
    matrix[np.triu_indices(len(scale), 1)] = packed["upper"].double().numpy()
    return (matrix + np.triu(matrix, 1).T) * np.outer(scale, scale)


def read_recogniser(name: str | Path) -> Recogniser:
    """Return the recogniser of a file, or the bundled one: ``groups``.

    Raises
    ------
    ModelError
        If there is none, or the file is damaged or something else.
    """
    path = bundled(Path(name))
    if not path.exists():
        raise ModelError(f"{path} does not exist; with the package comes groups")
    content = read_content(path, FORMAT)
    try:
        stored: dict[str, Any] = content["shape"]
        shape = Shape(**stored)
        network = Committee([Network(shape) for _ in range(content["members"])])
        network.load_state_dict({key: tensor.float() for key, tensor in content["weights"].items()})
        familiar = {
            pattern: Familiar(
                each["mean"].double().numpy(),
                _unpacked(each),
                float(each["limit"]),
                float(each["most"]),
                float(each["other"]),
            )
            for pattern, each in content["familiar"].items()
        }
        groups, calibration = tuple(content["groups"]), content["calibration"].double().numpy()
        right = len(groups) == shape.groups and content["points"] == len(GRID) and set(familiar) == set(PATTERNS)
        if not right or calibration.shape != (len(PATTERNS), len(groups) + FURTHER, 2):
            raise ModelError(f"{path} is a damaged model file: its parts do not fit together")
        return Recogniser(groups, network.eval(), calibration, familiar, content["summary"])
    except (KeyError, TypeError, AttributeError, RuntimeError, ValueError) as error:
        raise ModelError(f"{path} is a damaged model file: {error}") from error
