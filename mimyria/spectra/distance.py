"""Intermolecular terms by distance: what pairs of molecules contribute that are so far apart.

With the rates J_m of molecules, whose centres of mass are r_mn apart, shells a ≤ r < b split the intermolecular terms,

    C_ab(τ) = Σ_m Σ_{n≠m} ⟨J_m(t) J_n(t+τ)⟩ over the pairs with a ≤ r_mn < b
            = Σ_m ⟨J_m(t) K_m(t+τ)⟩          K_m = Σ_{n≠m, a ≤ r_mn < b} J_n

r_mn is that at the time of J_n and, as both time orders are averaged, as often the later as the earlier one. The second
form takes one correlation for each shell, not one for each pair, so that memory grows with molecules times shells. What
lies beyond the largest radius is the rest of the intermolecular terms, so that all shells and the intramolecular terms
add up to the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import scipy

from mimyria.errors import SpectrumError
from mimyria.frame import Array, Frame
from mimyria.neighbours import neighbour_pairs
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.sampling import Sampling, Signal, cross_spectra


def distance_terms(
    name: str,
    series: Sequence[ResponseSeries],
    signal: Signal,
    sampling: Sampling,
    radii: Sequence[float],
    factor: Array | float,
    terms: Mapping[str, Array],
) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the intermolecular terms of every shell, as lines, and the header entry that explains them.

    Parameters
    ----------
    name
        Of the columns: ``n_alpha_intermolecular[0-3.5]``.
    series, signal, sampling
        The arguments of `power_spectra`, of rates of single molecules.
    radii
        Å, ascending, that end the shells.
    factor
        Converts line shapes to the unit of the columns.
    terms
        From `group_terms`, of which the intermolecular ones are split.

    Raises
    ------
    SpectrumError
        If the centres of the molecules are not known, or a radius reaches beyond half of the cell.
    """
    column = f"{name}_intermolecular"
    if column not in terms or any(run.centres is None for run in series):
        raise SpectrumError(
            "--pair-radii needs rates of single molecules and their places: run `mimyria spectrum --groups molecules` "
            "on the trajectory (a series.h5 of an earlier version lacks the places)"
        )

    def with_shells(run: ResponseSeries, frames: slice) -> Array:
        rates = signal(run, frames)
        signals = np.stack([rates, *neighbour_sums(run, frames, rates, radii)], axis=1)
        return signals.reshape(*signals.shape[:2], -1).astype(np.float32)

    shells = factor * cross_spectra(series, with_shells, sampling, first=1)[1][:, 0, 1:]
    edges = [f"{radius:g}" for radius in (0, *radii)]
    lines = {f"{column}[{low}-{high}]": shells[:, k] for k, (low, high) in enumerate(pairwise(edges))}
    lines[f"{column}[{edges[-1]}-]"] = terms[column] - shells.sum(axis=1)
    return lines, {f"{column}[a-b]": "terms of pairs of molecules whose centres of mass are a to b Å apart"}


def neighbour_sums(run: ResponseSeries, frames: slice, rates: Array, radii: Sequence[float]) -> Array:
    """Return the K_m of some frames, shape (shells, t, molecules, ...), from rates (t, molecules, ...).

    The radii (Å) are ascending; the first shell begins at zero.
    """
    sums = np.zeros((len(radii), *rates.shape))
    both = (
        ()
        if run.centres is None or run.cells is None
        else zip(run.centres[frames].astype(float), run.cells[frames], strict=True)
    )
    for t, (centres, cell) in enumerate(both):
        check_reach(cell, radii[-1])
        places = Frame(np.ones(len(centres), dtype=int), centres, cell, cell.any(axis=1))
        i, j, vectors = neighbour_pairs(places, radii[-1])
        shell = np.searchsorted(radii, np.linalg.norm(vectors, axis=1), side="right")
        flat = rates[t].reshape(len(centres), -1)
        for k in range(len(radii)):
            inside = shell == k
            pairs = scipy.sparse.csr_array((np.ones(inside.sum()), (i[inside], j[inside])), shape=(len(centres),) * 2)
            sums[k, t] = (pairs @ flat).reshape(rates.shape[1:])
    return sums


def check_reach(cell: Array, radius: float) -> None:
    """Raise SpectrumError if a radius (Å) reaches beyond half of the distance between the planes of a cell.

    Cell vectors are rows, (3, 3), zero where nothing repeats. Further away, a molecule is paired with several images.
    """
    repeats = cell.any(axis=1)
    reach = float(np.min(0.5 / np.linalg.norm(np.linalg.pinv(cell)[:, repeats], axis=0), initial=np.inf))
    if radius > reach:
        raise SpectrumError(
            f"--pair-radii {radius:g} reaches beyond half of the cell, {reach:.4g} Å, where a molecule meets its images"
        )
