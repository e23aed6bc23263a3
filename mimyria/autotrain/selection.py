"""Which frames to label next: at random, or where a committee of networks disagrees, far from each other.

    d(t)² = Σ_targets Σ_g s_g(t)² / ⟨s_g²⟩_t          s_g(t) = max_{n in g} √( Σ_k |T_k[n] - T̄[n]|² / (K - 1) )

with the tensors T_k[n] of atom n by network k. The groups g are those that the user has named, or else the species: an
atom in an environment that is rare stands out in its group, where a sum over all atoms would drown it. Of the frames
with the largest d, those are taken that lie farthest apart, and from what is labelled already, in the space of their
pair distances.

Series of earlier versions hold no s_g, but the rates A_k = Σ_n T_k[n]·v_n, dM/dt or dα/dt, whose disagreement is

    d(t)² = Σ_targets mean_k |A_k(t) - Ā(t)|² / mean_t |Ā(t)|²
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement

import numpy as np

from mimyria.frame import Array, Frame
from mimyria.neighbours import neighbour_pairs
from mimyria.rates.series import ResponseSeries

CANDIDATES = 5
"""How many times more frames are looked at than are taken."""
REACH, SMEARING, POINTS = 6.0, 0.15, 48
"""Å, Å and number of points of the pair-distance histogram."""


def local_disagreement(spreads: Sequence[Array]) -> Array:
    """Return d(t), shape (t,), from s_g(t) of each target, (t, groups); a group never disputed is none."""
    total: Array = np.zeros(len(spreads[0]))
    for of_target in spreads:
        squares = np.square(of_target)
        usual = squares.mean(axis=0)
        total += (squares[:, usual > 0] / usual[usual > 0]).sum(axis=1)
    return np.sqrt(total)


def disagreement_of_rates(rates: Sequence[Array]) -> Array:
    """Return d(t), shape (t,), from the rates of each target, (t, networks, ...)."""
    total: Array = np.zeros(len(rates[0]))
    for target_rates in rates:
        networks = target_rates.reshape(*target_rates.shape[:2], -1)
        mean = networks.mean(axis=1)
        deviation = np.square(networks - mean[:, None]).sum(axis=2).mean(axis=1)
        total += deviation / np.square(mean).sum(axis=1).mean()
    return np.sqrt(total)


def disagreement(runs: Sequence[ResponseSeries], named: Callable[[Sequence[str]], Sequence[str]]) -> Array:
    """Return d(t) of all frames of some runs, one after the other, shape (t,).

    ``named`` returns those among the names of their groups that count; of none, all count.
    """
    if not all(run.member_spreads for run in runs):
        return np.concatenate(
            [disagreement_of_rates([rates[:] for rates in run.member_rates.values()]) for run in runs]
        )
    names = runs[0].group_names
    counted = np.isin(names, named(names) or names)
    targets = runs[0].member_spreads
    return local_disagreement(
        [np.concatenate([run.member_spreads[name][:] for run in runs])[:, counted] for name in targets]
    )


def descriptor(frame: Frame) -> Array:
    """Return the smeared histograms of pair distances; shape (pairs of species · points,).

    Each is divided by the number of atoms of the rarer of both species, so that a single ion counts like the water.
    """
    i, j, vectors = neighbour_pairs(frame, REACH)
    distances = np.linalg.norm(vectors, axis=1)
    grid = np.linspace(0.5, REACH, POINTS)
    middle = (np.arange(256) + 0.5) * REACH / 256
    smearing = np.exp(-0.5 * ((grid[:, None] - middle) / SMEARING) ** 2)
    histograms = []
    for a, b in combinations_with_replacement(np.unique(frame.numbers), 2):
        chosen = distances[(frame.numbers[i] == a) & (frame.numbers[j] == b)]
        counts, _ = np.histogram(chosen, bins=256, range=(0, REACH))
        atoms = min(np.count_nonzero(frame.numbers == a), np.count_nonzero(frame.numbers == b))
        histograms.append(smearing @ (counts / atoms))
    return np.concatenate(histograms)


def farthest_points(candidates: Array, known: Array, number: int) -> list[int]:
    """Return the indices of so many candidates, each the farthest from those chosen before and from known points.

    The candidates have shape (n, d), and begin with the one that is chosen if no point is known; known, (m, d).
    """
    chosen: list[int] = []
    nearest = np.full(len(candidates), np.inf)
    for point in known:
        nearest = np.minimum(nearest, np.linalg.norm(candidates - point, axis=1))
    for _ in range(min(number, len(candidates))):
        index = int(np.argmax(nearest))
        chosen.append(index)
        nearest = np.minimum(nearest, np.linalg.norm(candidates - candidates[index], axis=1))
        nearest[chosen] = -1.0
    return chosen


def most_disputed(disputes: Array, free: Array, number: int) -> list[int]:
    """Return `CANDIDATES` times as many frames as a batch has: the free ones with the largest disagreement first.

    The disagreements d(t), and which frames are free, have shape (t,).
    """
    order = np.argsort(-disputes, kind="stable")
    return [int(index) for index in order if free[index]][: CANDIDATES * number]
