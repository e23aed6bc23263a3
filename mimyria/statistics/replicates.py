"""The jackknife: standard errors of spectra, and of whatever is made of them, from replicates that leave data out.

With x of all frames, x_i of the block i = 1 ... B and x̄ = Σ x_i / B, and x_(r) of all trajectories but one,

    leave one block out:  x_(i) = x - (x_i - x̄)/(B - 1)          leave one trajectory out:  x_(r)

are replicates; a function f of them has, over those of either kind, K of them with the mean f̄,

    σ² = (K - 1)/K Σ_k [f(x_(k)) - f̄]²          f without bias = K f(x) - (K - 1) f̄

(B. Efron and C. Stein, Ann. Statist. 9, 586 (1981)). For a linear function σ over blocks is the standard error of the
mean and there is no bias; of a square, the bias that is removed is its variance. Blocks of one trajectory miss
what differs from one trajectory to another, so of the two σ the larger is stated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mimyria.frame import Array
from mimyria.statistics.student import student


@dataclass(frozen=True)
class Replicates:
    """How many replicates of each kind follow the value of all frames, along the first axis of an array."""

    blocks: int = 0
    """Those without one block, none or at least two."""
    trajectories: int = 0
    """Those without one trajectory, or one group of them, none or at least two."""

    @property
    def freedoms(self) -> tuple[int, ...]:
        """The degrees of freedom of the error from each kind of replicates, of which the larger is stated."""
        return tuple(number - 1 for number in (self.blocks, self.trajectories) if number > 1)

    def error(self, values: Array) -> Array:
        """Return the standard error (...) of values (1 + blocks + trajectories, ...); NaN where none is known."""
        errors = [_error(of_kind) for of_kind in self._kinds(values)]
        return np.fmax.reduce(errors) if errors else np.full(values.shape[1:], np.nan)

    def interval(self, values: Array, deviations: float = 1.0) -> Array:
        """Return the half width (...) of the interval that holds the true value in 68 % of all cases: `error` times t.

        Student's t of K - 1 degrees of freedom, at the probability that one standard deviation has in a normal
        distribution, is 1.84 for two blocks, 1.14 for five, 1.06 for ten. Two ``deviations`` are 95 %.
        """
        widths = [_error(of_kind) * student(len(of_kind) - 1, deviations) for of_kind in self._kinds(values)]
        return np.fmax.reduce(widths) if widths else np.full(values.shape[1:], np.nan)

    def unbiased(self, values: Array) -> Array:
        """Return the value of all frames, shape (...), without the bias that is seen from the blocks."""
        kinds = self._kinds(values)
        if not kinds:
            return np.asarray(values[0])
        left, number = kinds[0], len(kinds[0])
        return np.asarray(number * values[0] - (number - 1) * left.mean(axis=0))

    def _kinds(self, values: Array) -> list[Array]:
        both = np.split(values[1:], [self.blocks])
        return [of_kind for of_kind in both if len(of_kind) > 1]


NO_REPLICATES = Replicates()
MOST_GROUPS = 100
"""More trajectories are left out in so many groups: one by one, time and memory would grow with their square."""


def left_out(number: int) -> list[list[int]]:
    """Return which of so many trajectories remain where each, or each of `MOST_GROUPS` groups of them, is left out."""
    groups = min(number, MOST_GROUPS)
    return [[k for k in range(number) if k % groups != group] for group in range(groups)] if number > 1 else []


def without_each(whole: Array, blocks: Array) -> Array:
    """Return x_(i), shape (blocks, ...), from x (...) and x_i (blocks, ...)."""
    return np.asarray(whole - (blocks - blocks.mean(axis=0)) / (len(blocks) - 1))


def _error(left: Array) -> Array:
    """Return σ from replicates of one kind, shape (K, ...)."""
    number = len(left)
    return np.asarray(np.sqrt((number - 1) / number * np.square(left - left.mean(axis=0)).sum(axis=0)))
