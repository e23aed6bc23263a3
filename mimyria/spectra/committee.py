"""What a committee says of its own noise: the spread of its spectra, and the spectrum without the noise of a network.

With J_k = J + η_k of the networks k = 1 ... K, their noise η independent of J and of each other, and the cross spectra
S_kl = ∫⟨J_k(0)·J_l(t)⟩ e^{-iωt} dt,

    S_kk = S_J + S_η                    of one network: its noise adds to the intensity
    1/K² Σ_kl S_kl = S_J + S_η/K        of the mean of the networks, which makes the spectrum
    1/(K² - K) Σ_{k≠l} S_kl = S_J       of pairs of different networks: without the noise of any

The spread is the standard deviation of the S_kk. What all networks have in common, both do not see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mimyria.frame import Array
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.sampling import Sampling, Signal, power_spectra
from mimyria.spectra.spectrum import SPREAD, UNBIASED, column_name
from mimyria.statistics.replicates import Replicates

EXPLAINED = {
    SPREAD: "standard deviation over the networks of the committee",
    UNBIASED: "mean over all pairs of different networks of the committee, without the noise of each of them",
}


def committee_columns(
    series: Sequence[ResponseSeries],
    target: str,
    sampling: Sampling,
    make: Callable[[Sequence[Array]], dict[str, Array]],
    signals: Sequence[Signal],
) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the columns ``NAME_spread`` and ``NAME_unbiased``, and the header entries that explain them.

    Nothing is returned unless all series have the rates of ``target`` by the same number of networks, at least two.
    ``make`` returns the columns of one network from the line shapes (n,) of its ``signals``; it is linear.
    """
    n_networks = {run.member_rates[target].shape[1] if target in run.member_rates else 0 for run in series}
    if len(n_networks) != 1 or max(n_networks) < 2:
        return {}, {}
    number = max(n_networks)
    without_blocks = replace(sampling, block_frames=0, replicates=Replicates())  # no error bars for each network
    networks = tuple(map(str, range(number)))
    by_network = [replace(run, groups=networks, rates=run.member_rates) for run in series]
    pairs = [power_spectra(by_network, signal, without_blocks)[1][0] for signal in signals]  # (K, K, n) each
    each = [make([shapes[k, k] for shapes in pairs]) for k in range(number)]
    different = ~np.eye(number, dtype=bool)
    between = make([shapes[different].mean(axis=0) for shapes in pairs])
    columns = {column_name(name, SPREAD): np.std([made[name] for made in each], axis=0, ddof=1) for name in between}
    columns |= {column_name(name, UNBIASED): values for name, values in between.items()}
    explained = {", ".join(column_name(name, what) for name in between): text for what, text in EXPLAINED.items()}
    return columns, explained
