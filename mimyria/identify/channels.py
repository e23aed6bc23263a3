"""What the network sees of a spectrum: its shape on one grid of wavenumbers, and where it was measured.

Each kind of spectrum, infrared and Raman, has two channels,

    √((y - min y) / (max y - min y))        1 where it was measured, else 0

so that faint bands count, and neither units nor path lengths do; a kind that is missing is zero in both.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mimyria.frame import Array

KINDS = ("infrared", "raman")
LOWEST, HIGHEST, SPACING = 300.0, 4000.0, 5.0
"""cm⁻¹"""
GRID: Array = np.arange(LOWEST, HIGHEST + SPACING / 2, SPACING)
EVERY = 4
PLACES: Array = GRID[::EVERY]
"""cm⁻¹; where the network assigns what stands there to groups."""
WIDEST_GAP = 40.0
"""cm⁻¹; points further apart have nothing measured between them."""

Curve = tuple[Array, Array]
"""Wavenumbers (cm⁻¹, ascending) and intensities, (n,) each."""


def channels(spectra: Mapping[str, Curve]) -> Array:
    """Return the channels of the spectra of one sample, by their kinds, shape (4, len(GRID))."""
    made = np.zeros((2 * len(KINDS), len(GRID)))
    for k, kind in enumerate(KINDS):
        if kind in spectra:
            made[2 * k : 2 * k + 2] = _of_one(*spectra[kind])
    return made


def missing(seen: Array) -> Array:
    """Return which kinds are missing, shape (..., kinds), of channels of the shape (..., 4, len(GRID))."""
    return seen[..., 1::2, :].sum(axis=-1) == 0


def shape_of(values: Array, measured: Array) -> Array:
    """Return √((y - min y) / (max y - min y)) along the last axis, zero where nothing was measured."""
    low = np.where(measured, values, np.inf).min(axis=-1, keepdims=True)
    high = np.where(measured, values, -np.inf).max(axis=-1, keepdims=True)
    span = np.where(high > low, high - low, 1.0)
    return np.where(measured, np.sqrt(np.clip((values - low) / span, 0.0, 1.0)), 0.0)


def on_grid(wavenumber: Array, values: Array) -> tuple[Array, Array]:
    """Return the means of a curve around the points of the grid, and which of them were measured, (len(GRID),) each.

    The curve is straight between its points, so that the mean over a spacing is a difference of its integral.
    """
    integral = np.concatenate([[0.0], np.cumsum(np.diff(wavenumber) * (values[1:] + values[:-1]) / 2)])
    edges = np.clip(np.append(GRID - SPACING / 2, GRID[-1] + SPACING / 2), wavenumber[0], wavenumber[-1])
    # Between two points the integral of a straight line is a parabola, which interpolation would cut off.
    place = np.clip(np.searchsorted(wavenumber, edges, side="right") - 1, 0, len(wavenumber) - 2)
    left, width = wavenumber[place], wavenumber[place + 1] - wavenumber[place]
    part = np.divide(edges - left, width, out=np.zeros_like(width), where=width > 0)
    area = part * width * (values[place] + part * (values[place + 1] - values[place]) / 2)
    covered = np.diff(edges)
    means = np.divide(np.diff(integral[place] + area), covered, out=np.zeros(len(GRID)), where=covered > 0)
    middle = np.clip(np.searchsorted(wavenumber, GRID), 1, len(wavenumber) - 1)
    gap = wavenumber[middle] - wavenumber[middle - 1]
    return means, (covered >= SPACING / 2) & (gap <= WIDEST_GAP)


def _of_one(wavenumber: Array, values: Array) -> Array:
    means, measured = on_grid(wavenumber, values)
    return np.stack([shape_of(means, measured), measured.astype(float)])
