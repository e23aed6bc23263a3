"""Which frames to label next: at random, or where a committee of networks disagrees, far from each other.

    d(t) = √( mean_k |A_k(t) - Ā(t)|² / mean_t |Ā(t)|² ),      A_k the rate dM/dt or dα/dt by network k

is how much the networks disagree at time t about what the spectrum is made of. Of the frames with the largest d, those
are taken that lie farthest apart, and from what is labelled already, in the space of their pair distances.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mimyria.frame import Array, Frame
from mimyria.neighbours import neighbour_pairs

CANDIDATES = 5
"""How many times more frames are looked at than are taken."""
REACH, SMEARING, POINTS = 6.0, 0.15, 48
"""Å, Å and number of points of the pair-distance histogram."""


def disagreement(rates: Sequence[Array]) -> Array:
    """Return d(t) of the targets together (the root of the sum of squares), shape (t,).

    Parameters
    ----------
    rates
        For each target, shape (t, members, ...).
    """
    total: Array = np.zeros(len(rates[0]))
    for one in rates:
        members = one.reshape(*one.shape[:2], -1)
        mean = members.mean(axis=1)
        away = np.square(members - mean[:, None]).sum(axis=2).mean(axis=1)
        total += away / np.square(mean).sum(axis=1).mean()
    return np.sqrt(total)


def descriptor(frame: Frame) -> Array:
    """Return the smeared histograms of pair distances; shape (pairs of species · points,).

    Each is divided by the number of atoms of the rarer of both species, so that a single ion counts like the water.
    """
    i, j, vectors = neighbour_pairs(frame, REACH)
    distances = np.linalg.norm(vectors, axis=1)
    grid = np.linspace(0.5, REACH, POINTS)
    kinds, species = np.unique(frame.numbers, return_inverse=True)
    parts = []
    for a in range(len(kinds)):
        for b in range(a, len(kinds)):
            found = distances[(species[i] == a) & (species[j] == b)]
            counts, _ = np.histogram(found, bins=256, range=(0, REACH))
            middle = (np.arange(256) + 0.5) * REACH / 256
            atoms = min(np.count_nonzero(species == a), np.count_nonzero(species == b))
            parts.append(np.exp(-0.5 * ((grid[:, None] - middle) / SMEARING) ** 2) @ (counts / atoms))
    return np.concatenate(parts)


def farthest_points(candidates: Array, there: Array, number: int) -> list[int]:
    """Return the indices of points, each the farthest from those chosen before and those that are there.

    Parameters
    ----------
    candidates
        Shape (n, d), the most wanted first: it begins where nothing is there.
    there
        Shape (m, d), may be empty.
    number
        How many to choose.
    """
    chosen: list[int] = []
    nearest = np.full(len(candidates), np.inf)
    for point in there:
        nearest = np.minimum(nearest, np.linalg.norm(candidates - point, axis=1))
    for _ in range(min(number, len(candidates))):
        index = int(np.argmax(nearest))
        chosen.append(index)
        nearest = np.minimum(nearest, np.linalg.norm(candidates - candidates[index], axis=1))
        nearest[chosen] = -1.0
    return chosen


def most_disputed(disputes: Array, free: Array, number: int) -> list[int]:
    """Return the candidates of a batch: the free frames with the largest disagreement, largest first.

    Parameters
    ----------
    disputes
        d(t), shape (t,).
    free
        Which frames may be taken, shape (t,), bool.
    number
        Of the batch; `CANDIDATES` times as many are returned, if there are.
    """
    order = np.argsort(-disputes, kind="stable")
    return [int(index) for index in order if free[index]][: CANDIDATES * number]
