"""The vibrational density of states, whole and by species."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mimyria.spectra.conditions import Conditions
from mimyria.spectra.sampling import Sampling
from mimyria.spectra.series import ResponseSeries
from mimyria.spectra.spectrum import WAVENUMBER, Spectrum
from mimyria.spectra.window import window_resolution
from mimyria.units import BOLTZMANN, LIGHT_SPEED, MASS_VELOCITY_SQUARED


def vibrational_density(series: Sequence[ResponseSeries], conditions: Conditions, how: Sampling) -> Spectrum:
    """Return the vibrational density of states, in modes per cm⁻¹, whole and by species.

    g(ν) = 2c/(k_B T) · ∫ Σ_n m_n ⟨v_n(0)·v_n(t)⟩ e^{-iωt} dt          ∫_0^∞ g dν = 3N - 3 at equipartition

    Parameters
    ----------
    series
        Their stored velocity correlation limits the resolution.
    conditions
        The temperature.
    how
        From `sampling`.
    """
    lags = min(how.lags, *(one.velocity_correlation.shape[1] for one in series))
    if lags < how.lags:
        how = replace(how, resolution=max(how.resolution, window_resolution(lags, how.timestep, how.window)))
    pairs = np.array([len(one) - np.arange(lags) for one in series], dtype=float)
    correlations = np.array([one.velocity_correlation[:, :lags] for one in series])
    pooled = (correlations * pairs[:, None]).sum(axis=0) / pairs.sum(axis=0)
    wavenumber, shapes = how.transform(pooled)
    density = 2 * LIGHT_SPEED * MASS_VELOCITY_SQUARED / (BOLTZMANN * conditions.temperature) * shapes
    columns = {WAVENUMBER: wavenumber, "vdos": density.sum(axis=0)}
    columns |= {f"vdos[{name}]": part for name, part in zip(series[0].velocity_species, density, strict=True)}
    header = {
        "vdos": "2c/(kB T) ∫ Σ m <v(0)·v(t)> exp(-iωt) dt, modes per cm-1; integrates to 3N - 3 at equipartition",
        "temperature": f"{conditions.temperature:.2f} K",
    }
    return Spectrum("vdos", columns, header | how.header(with_errors=False))
