"""Raman scattering in absolute units: the differential cross section, per volume or per molecule.

With the polarizability volume α of what scatters, ν_s = ν_L - ν of the scattered light, G the spectral density of α,

    d²σ/dΩ dν = (2π ν_s)⁴ G(ν),    G(ν) = c ∫⟨α(0) α(t)⟩ e^{-iωt} dt = Q(x)/(2πcν)² · S(ν)

where S is the line shape of dα/dt and Q the quantum correction of the Stokes side, harmonic x/(1 - e^{-x}) with
x = hcν/k_BT. The integral over the band of one harmonic vibration is (2πν_s)⁴ α'² ħ/(2μω (1 - e^{-x})), as it must be
(D. A. Long, The Raman Effect, 2002; G. Placzek 1934). It is scattered power over incident irradiance; for counted
photons divide by 1 - ν/ν_L.

Tensors of periodic cells are responses to the macroscopic field, so that the local field is in them. The cross section
in a medium of index n is n_s/n_L, about one, times this. Those of isolated molecules become those in a liquid by L⁴,
L = (n² + 2)/3 (G. Eckhardt and W. G. Wagner, J. Mol. Spectrosc. 19, 407 (1966)), which ``--local-field`` applies.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mimyria.frame import Array
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.quantum import quantum_factor
from mimyria.spectra.terms import mean_counts
from mimyria.units import ANGSTROM, BOHR, LIGHT_SPEED, thermal_wavenumber

CROSS_SECTION = "cross_section"
PER_VOLUME, PER_MOLECULE = "sr-1", "cm² sr⁻¹ cm"
"""Units: cm² sr⁻¹ in a wavenumber interval of one cm⁻¹, of a cm³ or of a molecule."""


def cross_section_scale(
    wavenumber: Array, series: Sequence[ResponseSeries], conditions: Conditions
) -> tuple[Array, str, str]:
    """Return the factor from line shapes S to the cross section, what it is, and its unit; NaN at ν = 0.

    Line shapes are in a.u.² fs⁻² cm, of the whole cell. It is per molecule where these are counted and asked for
    (``--per molecule``), else per volume. The laser of the conditions must be given.
    """
    of_cell, meaning = cross_section_of_all(wavenumber, conditions)
    if conditions.per == "molecule" and series[0].molecular:
        count = sum(mean_counts(series).values())
        meaning += f"of one of {count:.6g} molecules, in an interval of 1 cm⁻¹"
        return of_cell / count, meaning, PER_MOLECULE
    density = np.average([1 / run.volume.mean() for run in series], weights=[len(run) for run in series])
    return of_cell * float(density) / ANGSTROM**3, meaning + "of 1 cm³, in an interval of 1 cm⁻¹", PER_VOLUME


def cross_section_of_all(wavenumber: Array, conditions: Conditions) -> tuple[Array, str]:
    """Return the factor from line shapes S to the cross section, cm² sr⁻¹ cm, of all that scatters, and what it is."""
    assert conditions.laser is not None
    shift = np.where(wavenumber > 0, wavenumber, np.nan)
    scattered = np.clip(1e7 / conditions.laser - shift, 0, None)
    quantum = quantum_factor(shift / thermal_wavenumber(conditions.temperature), conditions.correction)
    of_cell = (2 * np.pi * scattered) ** 4 * quantum / (2 * np.pi * LIGHT_SPEED * shift) ** 2 * (BOHR * ANGSTROM) ** 6
    local = 1.0 if conditions.local_field is None else ((conditions.local_field**2 + 2) / 3) ** 4
    field = "tensors as they are" if conditions.local_field is None else f"times L⁴ = {local:.4g}"
    meaning = f"d²σ/dΩ dν = (2πν_s)⁴ Q(x)/(2πcν)²·S, laser of {conditions.laser:g} nm, {field}; "
    return of_cell * local, meaning
