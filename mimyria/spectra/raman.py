"""The polarised Raman spectra of an isotropic sample, named by geometry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mimyria.frame import Array
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.quantum import correction_header, over_harmonic
from mimyria.spectra.sampling import Sampling, lines, standard_error
from mimyria.spectra.series import ResponseSeries
from mimyria.spectra.spectrum import WAVENUMBER, Spectrum
from mimyria.spectra.terms import terms, terms_header
from mimyria.targets import PGT
from mimyria.units import LIGHT_SPEED, thermal_wavenumber

VISIBLE = 1e-3
"""A depolarisation ratio is given where VV exceeds this part of its maximum."""


def raman(series: Sequence[ResponseSeries], conditions: Conditions, how: Sampling) -> Spectrum:
    """Return the polarised Raman line shapes, named by geometry, with standard errors.

    ā' = Tr(dα/dt)/3        β' = dα/dt - ā'·1

    S_iso = ∫⟨ā'(0) ā'(t)⟩ e^{-iωt} dt        S_ani = ∫⟨Tr[β'(0) β'(t)]⟩ e^{-iωt} dt

    VV = S_iso + 2/15 S_ani        VH = 1/10 S_ani        unpolarised = VV + VH        ρ = VH/VV

    Parameters
    ----------
    series
        With rates of the PGT.
    conditions
        A laser adds ``stokes_*`` = (1 - ν/ν_L)⁴ / [ν (1 - e^{-hcν/kT})] · S, which is proportional to the intensity;
        empty (NaN) at ν = 0. The temperature enters these alone.
    how
        From `sampling`.
    """
    temperature, laser = conditions.temperature, conditions.laser
    wavenumber, isotropic, isotropic_blocks = lines(series, isotropic_rate, how)
    _, anisotropic, anisotropic_blocks = lines(series, anisotropic_rate, how)
    to_cm = LIGHT_SPEED  # ∫ dt becomes ∫ c dt
    shapes = _geometries(to_cm * isotropic.sum(axis=(0, 1)), to_cm * anisotropic.sum(axis=(0, 1)))
    errors = {
        name: standard_error(values)
        for name, values in _geometries(
            to_cm * isotropic_blocks.sum(axis=(1, 2)), to_cm * anisotropic_blocks.sum(axis=(1, 2))
        ).items()
    }
    dark = shapes["VV"] <= VISIBLE * np.nanmax(shapes["VV"])
    columns = {WAVENUMBER: wavenumber, **shapes, **{f"{name}_error": error for name, error in errors.items()}}
    for name in ("depolarisation_ratio", "depolarisation_ratio_error"):
        columns[name] = np.where(dark, np.nan, columns[name])
    header = {
        "VV": "S_iso + 2/15 S_ani, S = c ∫<x(0) x(t)> exp(-iωt) dt over both signs of t, x of dα/dt; a.u.² fs⁻² cm",
        "VH": "S_ani/10",
        "depolarisation_ratio": f"VH/VV, empty (nan) where VV is below {VISIBLE:g} of its maximum",
        "temperature": f"{temperature:.2f} K",
    }
    if laser is not None:
        factor = _stokes_factor(wavenumber, laser, temperature)
        factor *= over_harmonic(wavenumber, temperature, conditions.correction)
        for name in ("VV", "VH", "unpolarised"):
            columns[f"stokes_{name}"] = factor * shapes[name]
            columns[f"stokes_{name}_error"] = factor * errors[name]
        header["stokes_VV"] = f"(1 - ν/ν_L)⁴/[ν (1 - exp(-hcν/kT))]·VV, ν_L of {laser:g} nm; the unit of VV times cm"
        header |= correction_header(conditions.correction)
    for name, signal, lines_of, blocks_of in (
        ("isotropic", isotropic_rate, isotropic, isotropic_blocks),
        ("anisotropic", anisotropic_rate, anisotropic, anisotropic_blocks),
    ):
        each = f"{name}_per_molecule"
        columns |= terms(name, series, signal, how, lines_of, blocks_of, to_cm, (each, 1.0))
        header |= terms_header(series, name, each)
    return Spectrum("raman", columns, header | how.header())


def isotropic_rate(one: ResponseSeries, frames: slice) -> Array:
    """Return ā' = Tr(dα/dt)/3 of each group, shape (t, groups, 1)."""
    return np.trace(one.rates[PGT.name][frames], axis1=2, axis2=3)[..., None] / 3


def anisotropic_rate(one: ResponseSeries, frames: slice) -> Array:
    """Return β' = dα/dt - ā'·1 of each group, shape (t, groups, 9)."""
    rates = one.rates[PGT.name][frames]
    traceless = rates - isotropic_rate(one, frames)[..., None] * np.eye(3)
    return traceless.reshape(*rates.shape[:2], 9)


def _geometries(isotropic: Array, anisotropic: Array) -> dict[str, Array]:
    parallel, perpendicular = isotropic + 2 / 15 * anisotropic, anisotropic / 10
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = perpendicular / parallel
    return {
        "VV": parallel,
        "VH": perpendicular,
        "isotropic": isotropic,
        "anisotropic": anisotropic,
        "unpolarised": parallel + perpendicular,
        "depolarisation_ratio": ratio,
    }


def _stokes_factor(wavenumber: Array, laser: float, temperature: float) -> Array:
    """Return (1 - ν/ν_L)⁴ / [ν (1 - e^{-hcν/kT})] with ν in cm⁻¹ and the laser in nm; NaN at ν = 0."""
    laser_wavenumber = 1e7 / laser
    with np.errstate(divide="ignore", invalid="ignore"):
        occupation = -np.expm1(-wavenumber / thermal_wavenumber(temperature))
        factor = (1 - wavenumber / laser_wavenumber) ** 4 / (wavenumber * occupation)
    factor[wavenumber == 0] = np.nan
    return factor
