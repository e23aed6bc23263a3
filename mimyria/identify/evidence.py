"""The bands of a spectrum, and how much each speaks for each group: what the network says with and without it.

A band is taken out by a straight line between its ends,

    w_gb = z_g(all) - z_g(all but b)          z the calibrated logit of a group

What the network says of one band alone is not asked: it has learned that this is no spectrum of a molecule. Where two
bands tell the same, each counts less than it tells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks, peak_widths

from mimyria.frame import Array
from mimyria.identify.channels import GRID, KINDS, SPACING
from mimyria.identify.recogniser import Recogniser

FAINTEST = 0.02
"""Of the highest: what stands less above its surroundings is no band."""
FOOT = 0.8
"""Where the ends of a band are, as a part of its height from the top."""
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


def evidence(recogniser: Recogniser, channels: Array, bands: list[Band]) -> Array:
    """Return how much each band speaks for each group, shape (groups, bands), in units of the logit."""
    if not bands:
        return np.zeros((len(recogniser.groups), 0))
    asked = np.array([channels, *(_without(channels, band) for band in bands)])
    logits = recogniser.logits(asked)[:, : len(recogniser.groups)].T
    return logits[:, :1] - logits[:, 1:]


def _without(channels: Array, band: Band) -> Array:
    """Return the channels with a band replaced by a straight line between its ends."""
    made = channels.copy()
    row = 2 * KINDS.index(band.kind)
    inside = np.flatnonzero((band.low <= GRID) & (band.high >= GRID))
    low, high = max(inside[0] - 1, 0), min(inside[-1] + 1, len(GRID) - 1)
    heights = made[row] ** 2
    line = np.interp(np.arange(low, high + 1), [low, high], heights[[low, high]])
    made[row, low : high + 1] = np.sqrt(np.minimum(heights[low : high + 1], line))
    return made
