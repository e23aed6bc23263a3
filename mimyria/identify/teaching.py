"""Training: spectra made anew in every epoch, weights of the best epoch, calibration and familiarity on others."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from torch import nn

from mimyria.frame import Array
from mimyria.identify.channels import EVERY, KINDS, PLACES, channels
from mimyria.identify.convolutions import Committee, Network, Shape, rounded
from mimyria.identify.molecules import EXACT, USUAL, Molecule, Variation, assigned, mixture
from mimyria.identify.recogniser import PATTERNS, Familiar, Recogniser, probability, surprise, traits
from mimyria.identify.strangers import estranged

log = logging.getLogger("mimyria")

PRIOR = 0.5
"""Molecules whose weight holds a and b of the calibration near 1 and 0."""
UNLIKE = 0.995
"""Share of spectra that are within each of the limits of familiarity."""
SHRINK = 0.1
"""Share of its variance that is added to each trait, so that no combination of traits has next to none."""
LEAST_SPREAD = 1e-3
"""Of a trait, where a kind of spectrum is missing."""
BESIDE = 3.0
"""Weight of the other kind, and of strangers, over that of a group."""


@dataclass(frozen=True)
class Fit:
    """How a network is trained."""

    epochs: int = 40
    again: int = 3
    """Passes of an epoch through its spectra."""
    batch: int = 32
    rate: float = 2e-3
    decay: float = 1e-2
    """Of the weights."""
    given: tuple[float, float, float] = (0.4, 0.3, 0.3)
    """Shares of samples with infrared, Raman, both."""
    misplaced: float = 0.06
    """Share of samples whose only spectrum is given as the other kind."""
    mixed: float = 0.25
    """Share of samples of two molecules, while it is trained."""
    strange: float = 0.15
    """Share of samples that are strangers."""
    exact: float = 0.0
    """Share of samples that are `EXACT`."""
    sharing: float = 0.3
    """Weight of the shares beside the groups."""
    repeats: int = 4
    """Spectra of each held-out molecule and pattern that calibrate."""
    seed: int = 0
    variation: Variation = USUAL


@dataclass(frozen=True)
class Samples:
    """Channels, what is true of them, and of which pattern they are."""

    channels: Array
    """(b, 4, len(GRID))"""
    truth: Array
    """(b, groups + 2): of the groups, of being given as the other kind, of being a stranger."""
    weight: Array
    """Of each answer, (b, groups + 2); zero for what is not asked, as the groups of a stranger."""
    shares: Array
    """(b, kinds, groups, len(PLACES)); NaN where they are not known, in half precision as they are many."""

    def part(self, chosen: Array) -> Samples:
        """Return some of them."""
        return Samples(self.channels[chosen], self.truth[chosen], self.weight[chosen], self.shares[chosen])


def draw(molecules: Sequence[Molecule], random: np.random.Generator, how: Fit, patterns: Sequence[str] = ()) -> Samples:
    """Return a sample of each molecule, its pattern drawn, or one of those given in turn."""
    seen, truth, weight = [], [], []
    shares = np.full((len(molecules), len(KINDS), len(molecules[0].groups), len(PLACES)), np.nan, dtype=np.float16)
    for number, one in enumerate(molecules):
        molecule = one
        if random.uniform() < how.mixed:
            molecule = mixture(one, molecules[int(random.integers(len(molecules)))], random.uniform(0.25, 0.75))
        pattern = patterns[number % len(patterns)] if patterns else str(random.choice(PATTERNS, p=how.given))
        kinds = [kind for kind in KINDS if pattern in (kind, "both")]
        varied = EXACT if random.uniform() < how.exact else how.variation
        spectra, whose = assigned(molecule, random, varied, kinds)
        strange = random.uniform() < how.strange
        wrong = not strange and len(spectra) == 1 and random.uniform() < how.misplaced
        if strange:
            spectra = {kind: estranged(curve, random) for kind, curve in spectra.items()}
        if wrong:
            spectra = {KINDS[1 - KINDS.index(kind)]: curve for kind, curve in spectra.items()}
        if not (strange or wrong):
            for kind, each in whose.items():
                shares[number, KINDS.index(kind)] = each
        seen.append(channels(spectra))
        truth.append([*molecule.groups, wrong, strange])
        asked = [BESIDE * (len(spectra) == 1 and not strange), BESIDE * (not wrong)]
        weight.append([not (wrong or strange)] * len(molecule.groups) + asked)
    return Samples(np.array(seen, dtype=np.float32), np.array(truth, float), np.array(weight, float), shares)


def train(
    molecules: Sequence[Molecule],
    held_out: Sequence[Molecule],
    groups: Sequence[str],
    how: Fit,
    shape: Shape | None = None,
    summary: dict[str, Any] | None = None,
    start: Network | None = None,
) -> Recogniser:
    """Return a recogniser of one network, trained on molecules, and calibrated on those held out."""
    network = fit(molecules, held_out, how, shape or Shape(len(groups)), start)
    return calibrated(Committee([network]), molecules, held_out, groups, how, summary)


def fit(
    molecules: Sequence[Molecule], held_out: Sequence[Molecule], how: Fit, shape: Shape, start: Network | None = None
) -> Network:
    """Return a network trained on molecules, from the weights of ``start`` or from random ones.

    Molecules that are held out choose the epoch, by the loss of the groups alone.
    """
    alone = replace(how, mixed=0.0)
    random = np.random.default_rng(how.seed)
    torch.manual_seed(how.seed)
    network = Network(shape)
    if start is not None:
        network.load_state_dict(start.state_dict())
    steps = how.epochs * how.again * -(-len(molecules) // how.batch)
    optimiser = torch.optim.AdamW(network.parameters(), lr=how.rate, weight_decay=how.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, how.rate, total_steps=steps)
    checks = draw([one for one in held_out for _ in PATTERNS], random, alone, PATTERNS)
    best, kept = np.inf, network.state_dict()
    for epoch in range(how.epochs):
        network.train()
        begun, losses = time.monotonic(), []
        samples = draw(molecules, random, how)
        for part in [part for _ in range(how.again) for part in _batches(len(molecules), how.batch, random)]:
            said, whose = _loss(network, samples.part(part))
            loss = said + how.sharing * whose
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            losses.append((said.item(), whose.item()))
        network.eval()
        with torch.no_grad():
            held, held_shares = (each.item() for each in _loss(network, checks))
        if held < best:
            best, kept = held, {name: tensor.clone() for name, tensor in network.state_dict().items()}
        seconds = time.monotonic() - begun
        mean, of_shares = np.mean(losses, axis=0)
        log.info(
            f"epoch {epoch}: loss {mean:.4f}, held out {held:.4f}, of shares {of_shares:.4f}, {held_shares:.4f}, "
            f"{seconds:.1f} s"
        )
    network.load_state_dict(kept)
    return rounded(network)


def calibrated(
    network: Committee,
    molecules: Sequence[Molecule],
    held_out: Sequence[Molecule],
    groups: Sequence[str],
    how: Fit,
    summary: dict[str, Any] | None = None,
) -> Recogniser:
    """Return a recogniser of trained networks: calibrated on the molecules held out, familiar with those trained on."""
    alone, random = replace(how, mixed=0.0), np.random.default_rng([how.seed, len(network.networks)])
    pairs, familiar = [], {}
    molecules, held_out = (
        [replace(one, shares=None) for one in each] for each in (molecules, held_out)
    )  # not asked here
    for pattern in PATTERNS:
        again = draw([one for one in held_out for _ in range(how.repeats)], random, alone, (pattern,))
        with torch.no_grad():
            logits = network(torch.tensor(again.channels)).numpy().astype(float)
        answers = zip(logits.T, again.truth.T, again.weight.T, strict=True)
        pairs.append([calibrate(*each, 1 / how.repeats) for each in answers])
        familiar[pattern] = _familiar(network, molecules, held_out, pattern, np.array(pairs[-1][-2:]), random, how)
    return Recogniser(tuple(groups), network.eval(), np.array(pairs), familiar, summary or {})


def _batches(number: int, size: int, random: np.random.Generator) -> list[Array]:
    return np.array_split(random.permutation(number), -(-number // size))


def _loss(network: Network, samples: Samples) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean cross entropy of what is asked, and that of the shares, weighted by √(height) of the spectrum."""
    entropy = partial(nn.functional.binary_cross_entropy_with_logits, reduction="none")
    weight, channels = torch.tensor(samples.weight, dtype=torch.float32), torch.tensor(samples.channels)
    logits, shares = network.with_shares(channels)
    said = (entropy(logits, torch.tensor(samples.truth, dtype=torch.float32)) * weight).sum() / weight.sum()
    truth = torch.from_numpy(samples.shares).float()
    known = truth.isfinite()
    heights = channels[:, ::2, None, ::EVERY] * known
    whose = (entropy(shares, truth.where(known, 0)) * heights).sum() / heights.sum().clamp(min=1)
    return said, whose


def calibrate(logits: Array, truth: Array, weight: Array, scale: float) -> tuple[float, float]:
    """Return a and b of p = 1/(1 + exp(-(a z + b))) that make the truth most likely (J. Platt, 1999).

    ``scale`` is the weight of a sample, less than one where several are of one molecule; a prior of `PRIOR` molecules
    holds a near 1 and b near 0, so that a group of few molecules keeps what the network says.
    """

    def cost(pair: Array) -> float:
        p = probability(logits * pair[0] + pair[1]).clip(1e-12, 1 - 1e-12)
        entropy = -(weight * (truth * np.log(p) + (1 - truth) * np.log(1 - p))).sum() * scale
        return float(entropy + PRIOR * ((pair[0] - 1) ** 2 + pair[1] ** 2))

    found = minimize(cost, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.05, 5), (-10, 10)])
    return float(found.x[0]), float(found.x[1])


def _familiar(
    network: Committee,
    molecules: Sequence[Molecule],
    held_out: Sequence[Molecule],
    pattern: str,
    pairs: Array,
    random: np.random.Generator,
    how: Fit,
) -> Familiar:
    """Return mean and precision of the traits of spectra, and the limits of familiarity.

    ``pairs`` are a and b of the calibration of the kind and of strangers, (2, 2).
    """

    def seen(of: Sequence[Molecule], times: int) -> Array:
        many = [one for one in of for _ in range(times)]
        return draw(many, random, replace(how, misplaced=0.0, mixed=0.0, strange=0.0), (pattern,)).channels

    both = np.concatenate([seen(molecules, 1), seen(held_out, how.repeats)])
    everything = traits(network, both)
    trained = everything[: len(molecules)]
    known = np.isfinite(trained)
    mean = np.where(known, trained, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    away = np.where(known, trained - mean, 0)
    scale = np.maximum(away.std(axis=0), LEAST_SPREAD)
    correlation = np.cov((away / scale).T) + SHRINK * np.eye(len(mean))
    usual = Familiar(mean, np.linalg.inv(correlation) / np.outer(scale, scale), 1.0)
    with torch.no_grad():
        kind, strange = (network(torch.tensor(both))[:, -2:].numpy().astype(float) * pairs[:, 0] + pairs[:, 1]).T
    values = usual.distance(everything), surprise(strange), kind
    limit, most, other = (float(np.quantile(each, UNLIKE)) for each in values)
    return replace(usual, limit=limit, most=most, other=other)
