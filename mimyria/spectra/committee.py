"""The spread of a spectrum over the networks of a committee."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mimyria.frame import Array
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.sampling import Sampling, Signal, power_spectra

SPREAD = "standard deviation over the networks of the committee"


def committee_spread(
    series: Sequence[ResponseSeries],
    target: str,
    sampling: Sampling,
    make: Callable[[Sequence[Array]], dict[str, Array]],
    signals: Sequence[Signal],
) -> dict[str, Array]:
    """Return the standard deviation over the spectra of all networks, as columns ``NAME_spread``.

    Nothing is returned unless all series have the rates of the same number of networks, at least two.

    Parameters
    ----------
    series, sampling
        As in `power_spectra`.
    target
        Name of the target.
    make
        Makes the columns from the line shapes (n,) of the signals.
    signals
        Applied to series whose rates are those of one network.
    """
    n_networks = {one.member_rates[target].shape[1] if target in one.member_rates else 0 for one in series}
    if len(n_networks) != 1 or max(n_networks) < 2:
        return {}
    without_blocks = replace(sampling, block_frames=0)  # no error bars for each network
    spectra = []
    for index in range(max(n_networks)):
        of_network = [replace(one, groups=("all",), rates={target: _Member(one, target, index)}) for one in series]
        spectra.append(make([power_spectra(of_network, s, without_blocks)[1].sum(axis=(0, 1)) for s in signals]))
    return {f"{name}_spread": np.std([one[name] for one in spectra], axis=0, ddof=1) for name in spectra[0]}


class _Member:
    """The rates of one network, in the shape of the rates of a single group."""

    def __init__(self, one: ResponseSeries, target: str, index: int) -> None:
        self._rates, self._index = one.member_rates[target], index
        self.shape = (self._rates.shape[0], 1, *self._rates.shape[2:])

    def __getitem__(self, frames: slice, /) -> Array:
        return self._rates[frames][:, self._index, None]
