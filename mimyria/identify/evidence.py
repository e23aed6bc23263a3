"""The bands of a spectrum, and how much each speaks for each group: what the network says with and without it.

A band is taken out by a straight line between its ends. Where two bands tell the same, taking out one changes little,
and where one alone tells nothing, adding it to nothing does; so that both are asked,

    w_gb = ½ [z_g(all) - z_g(all but b) + z_g(b alone) - z_g(none)]          z the calibrated logit of a group

which are the first and the last term of the Shapley value.
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
    everything = range(len(bands))
    kept = [everything, (), *([k for k in everything if k != b] for b in everything), *([b] for b in everything)]
    asked = np.array([_without(channels, [bands[k] for k in everything if k not in each]) for each in kept])
    logits = recogniser.logits(asked)[:, : len(recogniser.groups)].T
    whole, none = logits[:, :1], logits[:, 1:2]
    all_but, alone = logits[:, 2 : 2 + len(bands)], logits[:, 2 + len(bands) :]
    return (whole - all_but + alone - none) / 2


def _without(channels: Array, bands: list[Band]) -> Array:
    """Return the channels with bands replaced by straight lines between their ends."""
    made = channels.copy()
    for band in bands:
        row = 2 * KINDS.index(band.kind)
        inside = np.flatnonzero((band.low <= GRID) & (band.high >= GRID))
        low, high = max(inside[0] - 1, 0), min(inside[-1] + 1, len(GRID) - 1)
        heights = made[row] ** 2
        line = np.interp(np.arange(low, high + 1), [low, high], heights[[low, high]])
        made[row, low : high + 1] = np.sqrt(np.minimum(heights[low : high + 1], line))
    return made
