"""Correlation functions of long series, exactly and in constant memory.

    C_AB(τ) = Σ_k ⟨A_k(t) B_k(t+τ)⟩_t

Every pair of frames up to the longest lag counts once (unbiased: divided by the number of pairs).
"""

from __future__ import annotations

import numpy as np
from scipy import fft

from mimyria.errors import SpectrumError
from mimyria.frame import Array

COMPONENTS_AT_ONCE = 256


class Correlator:
    """Sums A_g(t)·A_h(t+τ) for all pairs of groups g, h while the series comes in, chunk by chunk.

    The series is cut into blocks; each block is correlated by FFT with itself and the ``lags`` frames that follow it.
    The products of the transforms are added up before the one inverse transform at the end.

    Parameters
    ----------
    lags
        Number of lags τ = 0, 1, ... kept.
    """

    def __init__(self, lags: int) -> None:
        if lags < 1:
            raise SpectrumError(f"a correlation function needs at least one lag, not {lags}")
        self.lags = lags
        self._block = max(lags, 1024)
        self._reach = self._block + lags - 1
        self._length = fft.next_fast_len(self._block + lags, real=True)
        self._pending: list[Array] = []
        self._n_pending = 0
        self._n_frames = 0
        self._power: Array = np.zeros((1, 1, 1))

    def add(self, chunk: Array) -> None:
        """Append frames, shape (t, groups, components)."""
        self._pending.append(chunk)
        self._n_pending += len(chunk)
        self._n_frames += len(chunk)
        if self._n_pending < self._reach:
            return
        frames = np.concatenate(self._pending)
        while len(frames) >= self._reach:
            self._power = self._power + self._product(frames[: self._block], frames[: self._reach])
            frames = frames[self._block :]
        self._pending, self._n_pending = [frames.copy()], len(frames)

    def result(self) -> Array:
        """Return C_gh(τ), shape (groups, groups, lags); NaN at lags that no pair of frames has.

        C_gh is the mean of both time orders, so it is symmetric in g and h.
        """
        if not self._n_frames:
            raise SpectrumError("the series has no frames")
        power = self._power
        rest = np.concatenate(self._pending)
        for start in range(0, len(rest), self._block):
            power = power + self._product(rest[start : start + self._block], rest[start : start + self._reach])
        sums = fft.irfft(power, n=self._length, axis=0)[: self.lags]
        pairs = self._n_frames - np.arange(self.lags)
        mean = sums.transpose(1, 2, 0) / np.where(pairs > 0, pairs, np.nan)
        return 0.5 * (mean + mean.transpose(1, 0, 2))

    def _product(self, first: Array, following: Array) -> Array:
        """Return Σ_k conj(A_gk(ω)) B_hk(ω) of a block and what follows it, shape (frequencies, groups, groups).

        A few components k at a time: the transforms of all of them may be larger than the memory.
        """
        total: Array = np.zeros((self._length // 2 + 1, first.shape[1], first.shape[1]), dtype=complex)
        for k in range(0, first.shape[2], COMPONENTS_AT_ONCE):
            part = slice(k, k + COMPONENTS_AT_ONCE)
            a = fft.rfft(first[:, :, part], n=self._length, axis=0)
            b = fft.rfft(following[:, :, part], n=self._length, axis=0)
            total += np.matmul(a.conj(), b.transpose(0, 2, 1))
        return total


def correlation(series: Array, lags: int) -> Array:
    """Return C_gh(τ) of a series held in memory.

    Parameters
    ----------
    series
        Shape (t, groups, components).
    lags
        Number of lags; NaN at lags that no pair of frames has.

    Returns
    -------
    Array
        Shape (groups, groups, lags).
    """
    correlator = Correlator(lags)
    correlator.add(series)
    return correlator.result()
