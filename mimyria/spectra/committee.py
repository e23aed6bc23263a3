"""The spread of a spectrum over the networks of a committee."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mimyria.frame import Array
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.replicates import Replicates
from mimyria.spectra.sampling import Sampling, Signal, power_spectra
from mimyria.spectra.spectrum import column_name

SPREAD = "standard deviation over the networks of the committee"


def committee_spread(
    series: Sequence[ResponseSeries],
    target: str,
    sampling: Sampling,
    make: Callable[[Sequence[Array]], dict[str, Array]],
    signals: Sequence[Signal],
) -> dict[str, Array]:
    """Return the standard deviation over the spectra of all networks, as columns ``NAME_spread``.

    Nothing is returned unless all series have the rates of ``target`` by the same number of networks, at least two.
    ``make`` returns the columns of one network from the line shapes (n,) of its ``signals``.
    """
    n_networks = {run.member_rates[target].shape[1] if target in run.member_rates else 0 for run in series}
    if len(n_networks) != 1 or max(n_networks) < 2:
        return {}
    without_blocks = replace(sampling, block_frames=0, replicates=Replicates())  # no error bars for each network
    spectra = []
    for index in range(max(n_networks)):
        of_network = [replace(run, groups=("all",), rates={target: _Member(run, target, index)}) for run in series]
        spectra.append(make([power_spectra(of_network, signal, without_blocks)[1][0, 0, 0] for signal in signals]))
    return {
        column_name(name, "spread"): np.std([made[name] for made in spectra], axis=0, ddof=1) for name in spectra[0]
    }


class _Member:
    """The rates of one network, in the shape of the rates of a single group."""

    def __init__(self, run: ResponseSeries, target: str, index: int) -> None:
        self._rates, self._index = run.member_rates[target], index
        self.shape = (self._rates.shape[0], 1, *self._rates.shape[2:])

    def __getitem__(self, frames: slice, /) -> Array:
        return self._rates[frames][:, self._index, None]
