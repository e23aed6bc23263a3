"""Correlation functions of long series, exactly and in constant memory, whole and in blocks.

    C_AB(τ) = Σ_k ⟨A_k(t) B_k(t+τ)⟩_t

Every pair of frames up to the longest lag counts once (unbiased: divided by the number of pairs).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import scipy

from mimyria.errors import SpectrumError
from mimyria.frame import Array

COMPONENTS_AT_ONCE = 256
BYTES_KEPT = 1 << 24
"""Of the transforms of a step, for the next one."""
SHORTEST_STEP, USUAL_STEP = 128, 1024
"""Frames of one transform: shorter steps cost more calls, longer ones more memory."""
GROWING_BLOCKS = 20
"""Automatic blocking keeps at least so many blocks of a long series, and less than twice as many."""


class Correlator:
    """Correlates a series A_g(t)·A_h(t+τ) for all pairs of groups g, h, chunk by chunk as it arrives.

    The series is split into steps, each zero-padded and transformed. A step contributes the pairs with t+τ in it
    and t in it or in the step before, whose transform gets the phase of its shift:

        P_gh(ω) = Σ_k [A_gk(ω) + e^{iωs} A'_gk(ω)]* A_hk(ω),        A' the step before, s frames earlier

    The P of all steps of a block are summed, and transformed back only once, at the end. Two steps of the series are
    kept, but not all of their transforms, which take twice the memory: the velocities of a hundred thousand atoms are
    gigabytes.

    Parameters
    ----------
    lags
        Number of lags τ = 0, 1, ... kept.
    block
        Frames of a block, at least ``lags``; None for about ``lags`` at first, doubled as the series grows.
    first
        Correlate only so many groups with all; None for all with all.
    """

    def __init__(self, lags: int, block: int | None = None, first: int | None = None) -> None:
        if lags < 1:
            raise SpectrumError(f"a correlation function needs at least one lag, not {lags}")
        if block is not None and block < lags:
            raise SpectrumError(f"blocks of {block} frames are shorter than {lags} lags")
        self.lags, self._growing, self._first = lags, block is None, first
        self._steps = 1 if block is None else max(1, block // max(lags, USUAL_STEP))  # of a block
        self._step = max(lags, SHORTEST_STEP) if block is None else block // self._steps
        self._now: Array | None = None  # the step that is being filled, of which there are so many frames
        self._n_pending = 0
        self._n_steps = 0
        self._last: Array | None = None  # the step before
        self._transforms: list[Array] = []  # of the first components of the step before
        self._powers: list[Array] = []

    @property
    def block(self) -> int:
        """Frames of a block; with automatic blocking, a series shorter than one step is a single block."""
        return self._n_pending if self._growing and not self._n_steps else self._steps * self._step

    @cached_property
    def _length(self) -> int:
        """Points of a transform: twice a step holds all lags of its pairs without wrap-around."""
        return scipy.fft.next_fast_len(2 * self._step, real=True)

    @cached_property
    def _shift(self) -> Array:
        """The phase e^{iωs} of a step, shape (ω, 1, 1)."""
        return np.exp(2j * np.pi * self._step / self._length * np.arange(self._length // 2 + 1))[:, None, None]

    def add(self, chunk: Array) -> None:
        """Append frames, shape (t, groups, components)."""
        while len(chunk):
            if self._now is None:
                self._now = np.empty((self._step, *chunk.shape[1:]), chunk.dtype)
            taken, chunk = np.split(chunk, [self._step - self._n_pending])
            self._now[self._n_pending : self._n_pending + len(taken)] = taken
            self._n_pending += len(taken)
            if self._n_pending < self._step:
                return
            power, self._transforms = self._power(self._now)
            self._last, self._now, self._n_pending = self._now, self._last, 0
            if self._n_steps % self._steps:
                self._powers[-1] += power
            else:
                self._powers.append(power)
            self._n_steps += 1
            if self._growing and self._n_steps == 2 * GROWING_BLOCKS * self._steps:
                # Blocks twice as long, half as many: the number stays bounded, and blocks become independent.
                self._powers = [a + b for a, b in zip(self._powers[::2], self._powers[1::2], strict=True)]
                self._steps *= 2

    def result(self) -> Array:
        """Return C_gh(τ), mean of both time orders, shape (groups, groups, lags); NaN at lags without a pair.

        With ``first`` the first axis counts the first groups only, here and below.
        """
        rest = None if self._now is None or not self._n_pending else self._now[: self._n_pending]
        powers = self._powers if rest is None else [*self._powers, self._power(rest)[0]]
        if not powers:
            raise SpectrumError("the series has no frames")
        return self._mean(np.sum(powers, axis=0), 0, self._n_steps * self._step + self._n_pending)

    def blocks(self) -> Array:
        """Return C_gh(τ) of the pairs that end in each complete block, shape (blocks, groups, groups, lags)."""
        complete = self._powers[: self._n_steps // self._steps]
        if not complete:
            return self.result()[None][: int(self._growing)]
        return np.array([self._mean(power, k * self.block, (k + 1) * self.block) for k, power in enumerate(complete)])

    def _mean(self, power: Array, start: int, stop: int) -> Array:
        """Return the mean over the pairs that end in the frames start to stop."""
        sums = scipy.fft.irfft(power, n=self._length, axis=0)[: self.lags]
        pairs = stop - np.maximum(start, np.arange(self.lags))
        return sums.transpose(1, 2, 0) / np.where(pairs > 0, pairs, np.nan)

    def _power(self, step: Array) -> tuple[Array, list[Array]]:
        """Return P(ω) of a step, mean of both time orders, (frequencies, groups, groups); and transforms to keep."""
        _, groups, components = step.shape
        frequencies = len(self._shift)
        first = self._first or groups
        forward: Array = np.zeros((frequencies, first, groups), dtype=complex)
        backward = forward.copy() if first < groups else forward.transpose(0, 2, 1)
        of_last, kept = iter(self._transforms), list[Array]()
        # A few components at a time: `both` of all atoms at once may not fit into memory.
        for k in range(0, components, COMPONENTS_AT_ONCE):
            part = (..., slice(k, k + COMPONENTS_AT_ONCE))
            now = both = scipy.fft.rfft(step[part], n=self._length, axis=0)
            if self._last is not None:
                if (last := next(of_last, None)) is None:
                    last = scipy.fft.rfft(self._last[part], n=self._length, axis=0)
                both = now + self._shift.astype(now.dtype) * last
            if k == COMPONENTS_AT_ONCE * len(kept) and (len(kept) + 1) * now.nbytes <= BYTES_KEPT:
                kept.append(now)
            forward += np.matmul(both[:, :first].conj(), now.transpose(0, 2, 1))
            if first < groups:
                backward += np.matmul(now[:, :first], both.conj().transpose(0, 2, 1))
        return (forward + backward) / 2, kept


def correlation(series: Array, lags: int) -> Array:
    """Return `Correlator.result` of a series (t, groups, components) in memory, shape (groups, groups, lags)."""
    correlator = Correlator(lags)
    correlator.add(series)
    return correlator.result()
