"""Blocking: whether the blocks behind the standard errors are independent, and how much too small these are if not.

With the deviations d_i(ν) of the blocks i = 1 ... B from their mean, weighted as they are over the spectrum,

    r = B/(B - 1) · [Σ_ν Σ_i d_i d_{i+1} / Σ_ν Σ_i d_i² + 1/B]         σ_r = 1/√(B n)

is the correlation of neighbouring blocks, free of the bias that the common mean gives it, and its standard error for n
independent points, n = (Σ_ν s²)²/Σ_ν s⁴ over the points in one resolution, s² = Σ_i d_i². If the correlation falls
geometrically with the distance, errors are too small by √[(1 + r)/(1 - r)]: longer blocks would give larger ones.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np

from mimyria.frame import Array
from mimyria.spectra.spectrum import Spectrum

log = logging.getLogger("mimyria")

STANDARD_ERRORS = 2.5
LEAST_FACTOR = 1.15
"""A warning needs both: a correlation beyond so many standard errors, and errors too small by more than this."""


def check_blocks(spectra: Mapping[str, Spectrum], resolution: float) -> None:
    """Warn where the blocks of a spectrum are correlated; the resolution, cm⁻¹, is the width of a sharp line."""
    for kind, spectrum in spectra.items():
        lines, blocks = next(iter(spectrum.lines.values())), spectrum.replicates.blocks
        if blocks < 4:
            continue
        r, error = block_correlation(lines, blocks, resolution / spectrum.wavenumber[1])
        if is_correlated(r, error):
            log.warning(
                f"{kind}: neighbouring blocks are correlated ({r:.2f} ± {error:.2f}), so its standard errors are about "
                f"{missing_factor(r):.1f} times too small: lines narrower than the resolution, or slow motion, need "
                f"longer blocks; halve their number, {blocks}, with --blocks"
            )


def is_correlated(r: float, error: float) -> bool:
    """Return whether a correlation of blocks and its standard error are worth a warning."""
    return r > STANDARD_ERRORS * error and missing_factor(r) > LEAST_FACTOR


def missing_factor(r: float) -> float:
    """Return √[(1 + r)/(1 - r)], by which errors are too small."""
    return float(np.sqrt((1 + r) / (1 - r))) if 0 < r < 1 else 1.0


def block_correlation(lines: Array, blocks: int, points: float) -> tuple[float, float]:
    """Return r and σ_r from a line with its replicates, (1 + replicates, n), with so many points in one resolution."""
    left = lines[1 : 1 + blocks]
    deviations = np.nan_to_num(left - left.mean(axis=0))  # of a replicate, which are those of its block over -(B - 1)
    squares = np.square(deviations).sum(axis=0)
    if not squares.any():
        return 0.0, float("inf")
    neighbours = (deviations[:-1] * deviations[1:]).sum()
    independent = squares.sum() ** 2 / np.square(squares).sum() / max(points, 1.0)
    r = blocks / (blocks - 1) * (neighbours / squares.sum() + 1 / blocks)
    return float(r), float(1 / np.sqrt(blocks * max(independent, 1.0)))
