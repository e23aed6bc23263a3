"""The vibrational density of states, total and by species."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mimyria.frame import Array
from mimyria.rates.series import ResponseSeries
from mimyria.rates.window import window_resolution
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.sampling import Sampling, replicated
from mimyria.spectra.spectrum import Spectrum
from mimyria.statistics.replicates import Replicates
from mimyria.units import BOLTZMANN, LIGHT_SPEED, MASS_VELOCITY_SQUARED


def vibrational_density(series: Sequence[ResponseSeries], conditions: Conditions, sampling: Sampling) -> Spectrum:
    """Return the vibrational density of states, in modes per cm⁻¹, total and by species, with standard errors.

    g(ν) = 2c/(k_B T) · ∫ Σ_n m_n ⟨v_n(0)·v_n(t)⟩ e^{-iωt} dt          ∫_0^∞ g dν = f at equipartition

    f counts the degrees of freedom, 3N - 3 without constraints. The velocity correlation stored with the series limits
    the resolution, and its blocks those of the standard errors.
    """
    lags = min(sampling.lags, *(run.velocity_correlation.shape[1] for run in series))
    if lags < sampling.lags:
        coarser = window_resolution(lags, sampling.timestep, sampling.window)
        sampling = replace(sampling, resolution=max(sampling.resolution, coarser))
    blocks, sampling = _blocks(series, lags, sampling)
    each = [_with_motions(run.velocity_correlation, run.motion_correlation)[:, :lags] for run in series]
    wavenumber, shapes = sampling.transform(replicated(series, each, blocks))
    shapes *= 2 * LIGHT_SPEED * MASS_VELOCITY_SQUARED / (BOLTZMANN * conditions.temperature)
    species, pairs = series[0].velocity_species, series[0].motion_pairs
    lines = {"vdos": shapes[:, : len(species)].sum(axis=1)}
    lines |= {f"vdos[{name}]": shapes[:, k] for k, name in enumerate([*species, *pairs])}
    header = {
        **({"vdos[A,B]": "terms of motions, A-B and B-A together; with A-A they add up to vdos"} if pairs else {}),
        "vdos": "2c/(kB T) ∫ Σ m <v(0)·v(t)> exp(-iωt) dt, modes per cm-1; integrates to the degrees of freedom "
        "at equipartition",
        "temperature": f"{conditions.temperature:.2f} K",
    }
    return sampling.spectrum("vdos", wavenumber, lines, header, {"vdos": "modes per cm-1"})


def _with_motions(of_species: Array, of_pairs: Array | None) -> Array:
    """Return correlations (..., species, lags), followed by those of motions (..., pairs, lags), where there are."""
    return of_species if of_pairs is None else np.concatenate([of_species, of_pairs], axis=-2)


def _blocks(series: Sequence[ResponseSeries], lags: int, sampling: Sampling) -> tuple[list[Array], Sampling]:
    """Return the velocity correlation of each block, shape (1, species, lags), and the sampling with these blocks.

    Stored blocks are joined, within a trajectory, to about the length that the sampling asks for.
    """
    blocks: list[Array] = []
    frames = 0
    for run in series if sampling.block_frames else ():
        of_run = _with_motions(run.velocity_blocks, run.motion_blocks)
        stored = len(of_run)
        joined = max(1, min(round(sampling.block_frames / run.velocity_block_frames), stored))
        for start in range(0, stored - joined + 1, joined):
            blocks.append(of_run[start : start + joined, :, :lags].mean(axis=0, keepdims=True))
            frames += joined * run.velocity_block_frames
    # The scatter of a single block is unknown: no error bars.
    if len(blocks) < 2:
        return [], replace(sampling, block_frames=0, replicates=Replicates())
    replicates = replace(sampling.replicates, blocks=len(blocks))
    return blocks, replace(sampling, block_frames=frames // len(blocks), replicates=replicates)
