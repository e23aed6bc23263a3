"""`MotionCorrelation`: correlation functions of the velocities of motions, auto and cross terms, as they come."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np

from mimyria.frame import Array
from mimyria.rates.correlation import Correlator
from mimyria.rates.groups import Grouping


class MotionCorrelation:
    """Correlates Σ_n m_n v^A_n(0)·v^B_n(τ) of the parts A, B of the velocities.

    Only motions of the same molecules have common atoms, and terms that are not zero. Numbers are kept with single
    precision: three for each atom and each motion of it.

    Parameters
    ----------
    grouping
        With ``parts``.
    weights
        The atoms of each group, shape (groups, n).
    masses
        u, shape (n,).
    lags
        Number of lags τ = 0, 1, ... kept.
    block
        See `Correlator`.
    """

    def __init__(self, grouping: Grouping, weights: Array, masses: Array, lags: int, block: int | None = None) -> None:
        self._names, self._roots = grouping.names, np.sqrt(masses)[:, None]
        _, kinds = np.unique(weights, axis=0, return_inverse=True)
        self._groups = [np.flatnonzero(kinds == kind) for kind in np.unique(kinds)]
        self._atoms = [np.flatnonzero(weights[groups[0]]) for groups in self._groups]
        self._correlators = [Correlator(lags, block) for _ in self._groups]

    def add(self, parts: Array) -> None:
        """Append frames, shape (t, groups, n, 3), Å/fs."""
        for groups, atoms, correlator in zip(self._groups, self._atoms, self._correlators, strict=True):
            weighted = parts[:, groups][:, :, atoms] * self._roots[atoms]
            correlator.add(weighted.astype(np.float32).reshape(*weighted.shape[:2], -1))

    def result(self) -> tuple[tuple[str, ...], Array, Array]:
        """Return the pairs "A,B", their correlation functions (pairs, lags), A-B and B-A together, and those of blocks.

        In u (Å/fs)². The last, of the shape (blocks, pairs, lags), are those of consecutive blocks.
        """
        terms: dict[str, Array] = {}
        for groups, correlator in zip(self._groups, self._correlators, strict=True):
            both = np.concatenate([correlator.result()[None], correlator.blocks()])
            for (a, one), (b, other) in combinations_with_replacement(enumerate(groups), 2):
                # Molecules whose atoms have another order may have their motions in another order, too.
                pair = ",".join(sorted((self._names[one], self._names[other]), key=self._names.index))
                terms[pair] = terms.get(pair, 0.0) + both[:, a, b] * (1 if a == b else 2)
        stacked = np.stack(list(terms.values()), axis=1)
        return tuple(terms), stacked[0], stacked[1:]
