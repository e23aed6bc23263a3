"""Which frames to label next: at random, or where a committee of networks disagrees, far from each other.

    d(t) = √( mean_k |A_k(t) - Ā(t)|² / mean_t |Ā(t)|² ),      A_k the rate dM/dt or dα/dt by network k

is how much the networks disagree at time t about what the spectrum is made of. Of the frames with the largest d, those
are taken that lie farthest apart, and from what is labelled already, in the space of their pair distances.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np

from mimyria.frame import Array, Frame
from mimyria.neighbours import neighbour_pairs

CANDIDATES = 5
"""How many times more frames are looked at than are taken."""
REACH, SMEARING, POINTS = 6.0, 0.15, 48
"""Å, Å and number of points of the pair-distance histogram."""


def disagreement(rates: Sequence[Array]) -> Array:
    """Return d(t), shape (t,), the root of its squares summed over targets; their rates are (t, networks, ...)."""
    total: Array = np.zeros(len(rates[0]))
    for target_rates in rates:
        networks = target_rates.reshape(*target_rates.shape[:2], -1)
        mean = networks.mean(axis=1)
        deviation = np.square(networks - mean[:, None]).sum(axis=2).mean(axis=1)
        total += deviation / np.square(mean).sum(axis=1).mean()
    return np.sqrt(total)


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
