"""The bands of a spectrum, and their assignment: how much of each the network gives to each functional group.

In training it has seen the normal modes, and so which part of what stands at a wavenumber belongs to the atoms of a
group, s_g(ν) in `mimyria.identify.molecules`, zero where a molecule has not the group. So what it says is s_g p_g with
the probability p_g of the group, and the share of a band, if the group is there, is that over p_g at its centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks, peak_widths

from mimyria.frame import Array
from mimyria.identify.channels import GRID, KINDS, PLACES, SPACING
from mimyria.identify.recogniser import Recogniser

FAINTEST = 0.02
"""Of the highest: what stands less above its surroundings is no band."""
FOOT = 0.8
"""Where the ends of a band are, as a part of its height from the top."""
LEAST_LIKELY = 0.1
"""Probability of a group below which its shares are too faint to be told from nothing."""
MOST = 40
"""Bands of a spectrum that are looked at, the highest."""


@dataclass(frozen=True)
class Band:
    """A band of one of the spectra."""

    kind: str
    centre: float
    low: float
    high: float
    """cm⁻¹"""

    def overlaps(self, other: Band) -> bool:
        """Return whether some wavenumbers of a spectrum are in both."""
        return self.kind == other.kind and self.low < other.high and other.low < self.high


def find_bands(channels: Array) -> list[Band]:
    """Return the bands in the channels of a sample, shape (4, len(GRID))."""
    bands = []
    for k, kind in enumerate(KINDS):
        heights, measured = channels[2 * k] ** 2, channels[2 * k + 1] > 0
        peaks, facts = find_peaks(np.where(measured, heights, 0.0), prominence=FAINTEST)
        peaks = peaks[np.sort(np.argsort(facts["prominences"])[-MOST:])]
        _, _, left, right = peak_widths(np.where(measured, heights, 0.0), peaks, rel_height=FOOT)
        bands += [
            Band(kind, float(GRID[peak]), float(GRID[0] + SPACING * low), float(GRID[0] + SPACING * high))
            for peak, low, high in zip(peaks, left, right, strict=True)
        ]
    return bands


def shares(recogniser: Recogniser, channels: Array, bands: list[Band], likely: Array) -> Array:
    """Return the share of each band that is of each group if it is there, shape (groups, bands).

    ``likely`` are the probabilities of the groups, (groups,).
    """
    found = recogniser.shares(channels[None])[0]
    made = np.zeros((len(recogniser.groups), len(bands)))
    for number, band in enumerate(bands):
        made[:, number] = [np.interp(band.centre, PLACES, each) for each in found[KINDS.index(band.kind)]]
    return np.minimum(made / np.maximum(likely, LEAST_LIKELY)[:, None], 1.0)
