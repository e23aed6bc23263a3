"""What a committee of networks makes of a spectrum: each its own, and their spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mimyria.frame import Array
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.sampling import Sampling, Signal, power_spectra

SPREAD = "standard deviation over the networks of the committee, of the spectra that each of them makes"


def committee_spread(
    series: Sequence[ResponseSeries],
    target: str,
    sampling: Sampling,
    make: Callable[[Sequence[Array]], dict[str, Array]],
    signals: Sequence[Signal],
) -> dict[str, Array]:
    """Return the standard deviation over the networks of the spectra that each makes, as columns ``NAME_spread``.

    Parameters
    ----------
    series
        Nothing is returned where one lacks the networks' rates, or they are differently many.
    target
        Name of the target.
    sampling
        From `sampling`.
    make
        Of the line shapes (n,) of the signals, the columns.
    signals
        Of a series and frames, as if its rates were those of one network.
    """
    numbers = {one.member_rates[target].shape[1] if target in one.member_rates else 0 for one in series}
    if len(numbers) != 1 or (number := numbers.pop()) < 2:
        return {}
    alone = replace(sampling, block_frames=0)  # no error bars of each
    found = []
    for index in range(number):
        each = [replace(one, groups=("all",), rates={target: _Member(one, target, index)}) for one in series]
        found.append(make([power_spectra(each, signal, alone)[1].sum(axis=(0, 1)) for signal in signals]))
    return {f"{name}_spread": np.std([one[name] for one in found], axis=0, ddof=1) for name in found[0]}


class _Member:
    """The rates of one network, sliced as those of a group."""

    def __init__(self, one: ResponseSeries, target: str, index: int) -> None:
        self._rates, self._index = one.member_rates[target], index
        self.shape = (self._rates.shape[0], 1, *self._rates.shape[2:])

    def __getitem__(self, frames: slice, /) -> Array:
        return self._rates[frames][:, self._index, None]
