"""Checks at the end of a run: the integral of the infrared spectrum, and equipartition between the species."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from mimyria.frame import Array
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import dipole_rate
from mimyria.spectra.quantum import correction_ratio
from mimyria.spectra.sampling import standard_error
from mimyria.spectra.spectrum import Spectrum
from mimyria.units import LIGHT_SPEED, infrared_prefactor

log = logging.getLogger("mimyria")

INTEGRAL_TOLERANCE = 0.02
TEMPERATURE_TOLERANCE, STANDARD_ERRORS = 0.1, 3.0
"""Two species may differ by this fraction of their mean temperature, plus so many standard errors."""
BLOCKS = 5
"""Of each trajectory, for the standard error of a temperature."""


def check_integral(series: Sequence[ResponseSeries], spectrum: Spectrum, conditions: Conditions) -> None:
    """Log ∫ n·α dν of the infrared spectrum and from ⟨|dM/dt|²⟩; warn if they differ.

    They are equal by construction, apart from the quantum correction, which is divided out, and from velocities by
    central differences, whose attenuation is corrected in the spectrum and not in the rates.
    """
    harmonic = correction_ratio(spectrum.wavenumber, conditions.temperature, conditions.correction)
    found = float(np.trapezoid(spectrum.columns["n_alpha_cm-1"] / harmonic, spectrum.wavenumber))
    expected = integral_of_rates(series, conditions.temperature)
    log.info(f"∫ n·α dν: {found:.5g} cm⁻² in the spectrum, {expected:.5g} cm⁻² from <|dM/dt|²>")
    if not abs(found - expected) <= INTEGRAL_TOLERANCE * expected:
        log.warning(
            f"the integral of the infrared spectrum is {100 * (found / expected - 1):+.1f} % off that of the rates: "
            "differences of positions attenuate fast vibrations, which the spectrum corrects only in part; "
            "store velocities, or positions more often"
        )


def integral_of_rates(series: Sequence[ResponseSeries], temperature: float) -> float:
    """Return ∫_0^∞ n·α dν = 1/(6 ε0 c V k_B T) · ⟨|dM/dt|²⟩/(2c) in cm⁻², from the rates alone."""
    parts = [dipole_rate(run, frames).sum(axis=1) for run in series for frames in run.chunks(0, len(run))]
    mean = sum(float(np.square(part).sum()) for part in parts) / sum(map(len, parts))
    return infrared_prefactor(1.0, temperature) * mean / (2 * LIGHT_SPEED)


def check_equipartition(series: Sequence[ResponseSeries]) -> None:
    """Log the kinetic temperature of each species; warn if two differ significantly."""
    names = series[0].velocity_species
    frames = [run.species_temperature for run in series if run.species_temperature is not None]
    if len(names) < 2 or len(frames) < len(series) or series[0].differenced:
        return
    temperature, error = species_temperatures(frames)
    shown = [f"{name} {t:.1f} ± {e:.1f} K" for name, t, e in zip(names, temperature, error, strict=True)]
    log.info(f"temperature by species: {', '.join(shown)}")
    for a, b in combinations(range(len(names)), 2):
        allowed = TEMPERATURE_TOLERANCE * temperature[[a, b]].mean() + STANDARD_ERRORS * np.hypot(error[a], error[b])
        if abs(temperature[a] - temperature[b]) > allowed:
            log.warning(
                f"no equipartition: {shown[a]}, {shown[b]}; check for wrong masses (D for H), a thermostat that does "
                "not act on all atoms, fixed atoms or bonds, and too short a run"
            )


def species_temperatures(frames: Sequence[Array]) -> tuple[Array, Array]:
    """Return the mean temperature and its standard error, K, each (species,), from those of frames, (t, species)."""
    # Few long blocks, as vibrations exchange energy slowly: in liquid water within picoseconds.
    blocks = [block.mean(axis=0) for of_run in frames for block in np.array_split(of_run, BLOCKS)]
    return np.concatenate(frames).mean(axis=0), standard_error(np.array(blocks))
