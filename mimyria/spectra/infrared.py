"""The infrared spectrum: n·α in absolute units, ε'', and the parts of groups of atoms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mimyria.frame import Array
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.sampling import Sampling, lines, standard_error
from mimyria.spectra.series import ResponseSeries
from mimyria.spectra.spectrum import WAVENUMBER, Spectrum
from mimyria.spectra.terms import terms, terms_header
from mimyria.targets import APT
from mimyria.units import LITRE_PER_MOLE, infrared_prefactor

MOLAR = "n_alpha_molar"


def infrared(series: Sequence[ResponseSeries], conditions: Conditions, how: Sampling) -> Spectrum:
    """Return n(ν)·α(ν) in cm⁻¹, its standard error, ε'' and the parts of the groups.

    n(ω) α(ω) = 1/(6 ε0 c V k_B T) · ∫ ⟨dM/dt(0)·dM/dt(t)⟩ e^{-iωt} dt          ε''(ω) = n α c/ω

    from the classical fluctuation-dissipation theorem; it contains the harmonic quantum correction. The parts are
    those of `terms`; n·α of one mole of molecules in a litre is called molar, L mol⁻¹ cm⁻¹.

    Parameters
    ----------
    series
        With rates of the APT.
    conditions
        The temperature.
    how
        From `sampling`.
    """
    temperature = conditions.temperature
    wavenumber, shapes, blocks = lines(series, dipole_rate, how)
    prefactor = infrared_prefactor(1.0, temperature)  # V is in the signals, trajectories may differ in it
    with np.errstate(divide="ignore", invalid="ignore"):
        permittivity = prefactor * shapes.sum(axis=(0, 1)) / (2 * np.pi * wavenumber)
    permittivity[wavenumber == 0] = np.nan
    columns = {
        WAVENUMBER: wavenumber,
        "n_alpha_cm-1": prefactor * shapes.sum(axis=(0, 1)),
        "n_alpha_error": prefactor * standard_error(blocks.sum(axis=(1, 2))),
        "epsilon_imag": permittivity,
    }
    volume = float(np.mean([one.volume.mean() for one in series]))
    columns |= terms("n_alpha", series, dipole_rate, how, shapes, blocks, prefactor, (MOLAR, volume * LITRE_PER_MOLE))
    header = {
        "n_alpha_cm-1": "n·α = 1/(6 ε0 c V kB T) ∫<dM/dt(0)·dM/dt(t)> exp(-iωt) dt, absolute, natural logarithm",
        "epsilon_imag": "ε'' = n·α·c/ω",
        "temperature": f"{temperature:.2f} K",
        "volume": f"{volume:.3f} Å³",
    }
    return Spectrum("ir", columns, header | terms_header(series, "n_alpha", MOLAR) | how.header())


def dipole_rate(one: ResponseSeries, frames: slice) -> Array:
    """Return dM/dt of each group over √V, shape (t, groups, 3)."""
    return one.rates[APT.name][frames] / np.sqrt(one.volume.mean())
