"""Polarised Raman spectra, named by geometry, of isotropic and of oriented samples, on three scales of intensity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

import numpy as np

from mimyria.frame import Array
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.committee import committee_columns
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.cross_section import CROSS_SECTION, cross_section_scale
from mimyria.spectra.porto import polarisations
from mimyria.spectra.quantum import correction_header, correction_ratio, quantum_factor
from mimyria.spectra.sampling import Sampling, Signal, power_spectra
from mimyria.spectra.spectrum import Spectrum
from mimyria.spectra.terms import group_terms
from mimyria.targets import PGT
from mimyria.units import LIGHT_SPEED, thermal_wavenumber

LINE_SHAPE, INTENSITY = "a.u.² fs⁻² cm", "a.u.² fs⁻² cm²"
"""Units of S, and of intensities on the other scales; a.u. of the tensor times Å."""
VISIBLE = 1e-3
"""The depolarisation ratio is given where VV exceeds this fraction of its maximum."""


def raman(series: Sequence[ResponseSeries], conditions: Conditions, sampling: Sampling) -> Spectrum:
    """Return the polarised Raman line shapes, named by geometry, with standard errors.

    ā' = Tr(dα/dt)/3        β' = dα/dt - ā'·1

    S_iso = ∫⟨ā'(0) ā'(t)⟩ e^{-iωt} dt        S_ani = ∫⟨Tr[β'(0) β'(t)]⟩ e^{-iωt} dt

    VV = S_iso + 2/15 S_ani        VH = 1/10 S_ani        unpolarised = VV + VH        ρ = VH/VV

    describe an isotropic sample, or the powder of an oriented one. Porto's notation describes the sample as it is
    oriented in the trajectory:

    k_i(ab)k_s = ∫⟨dα_ab/dt(0) dα_ab/dt(t)⟩ e^{-iωt} dt

    in the limit of zero wave vector without the long-range field, that is, without LO-TO splitting. Every intensity is
    given on several scales, see `intensity_scales`; only Stokes and anti-Stokes ones depend on the temperature.
    """
    explained = {
        "line shape S": "c ∫<x(0) x(t)> exp(-iωt) dt over both signs of t, x of dα/dt; a.u.² fs⁻² cm; ∝ ν·Im χ",
        "VV": "S_iso + 2/15 S_ani, of an isotropic sample or a powder",
        "VH": "S_ani/10",
        "depolarisation_ratio": f"VH/VV, empty (nan) where VV is below {VISIBLE:g} of its maximum; its bias is removed",
    }
    if conditions.porto:
        explained["k_i(ab)k_s"] = "S of dα_ab/dt, axes of the trajectory"
    parts = {"isotropic": isotropic_rate, "anisotropic": anisotropic_rate}
    oriented = {geometry: partial(component_rate, *polarisations(geometry)) for geometry in conditions.porto}
    return scattering("raman", series, conditions, sampling, PGT.name, parts, average_raman, explained, oriented)


def average_raman(isotropic: Array, anisotropic: Array) -> dict[str, Array]:
    """Return the line shapes of every geometry, averaged over all orientations, from those of the two parts."""
    parallel, perpendicular = isotropic + 2 / 15 * anisotropic, anisotropic / 10
    parts = {"isotropic": isotropic, "anisotropic": anisotropic}
    return {"VV": parallel, "VH": perpendicular, **parts, "unpolarised": parallel + perpendicular}


def scattering(
    kind: str,
    series: Sequence[ResponseSeries],
    conditions: Conditions,
    sampling: Sampling,
    target: str,
    parts: Mapping[str, Signal],
    average: Callable[[Array, Array], dict[str, Array]],
    explained: Mapping[str, str],
    oriented: Mapping[str, Signal] = MappingProxyType({}),
    photons: int = 1,
) -> Spectrum:
    """Return line shapes, depolarisation ratio, intensities on every scale, and terms of groups, with standard errors.

    Parameters
    ----------
    kind
        Of the spectrum.
    series, conditions, sampling
        Runs of the same system; temperature, laser and corrections; resolution, window and blocks.
    target
        Name of the target whose rates scatter.
    parts
        Signals, by name, of the two parts of the tensor that rotations do not mix.
    average
        Returns the line shapes of an isotropic sample from those of the parts: first of the parallel, then of the
        crossed geometry; those that are no parts get intensities.
    explained
        The header entries about the geometries.
    oriented
        Signals of geometries of an oriented sample, by name.
    photons
        Of the laser, in one scattered photon.
    """
    found = {name: power_spectra(series, signal, sampling) for name, signal in {**parts, **oriented}.items()}
    wavenumber = next(iter(found.values()))[0]
    totals = {name: LIGHT_SPEED * shapes.sum(axis=(1, 2)) for name, (_, shapes) in found.items()}  # ∫ dt to ∫ c dt
    lines = average(*(totals[name] for name in parts))
    (_, parallel), (crossed_name, crossed), *_ = lines.items()
    scaled = [*(name for name in lines if name not in parts), *oriented]
    with np.errstate(divide="ignore", invalid="ignore"):
        visible = parallel[0] > VISIBLE * np.nanmax(parallel[0])
        lines["depolarisation_ratio"] = np.where(visible, crossed / parallel, np.nan)
    lines |= {name: totals[name] for name in oriented}
    units = dict.fromkeys(lines, LINE_SHAPE) | {"depolarisation_ratio": "1"}
    scales = {
        scale: (factor, stated, INTENSITY)
        for scale, (factor, stated) in intensity_scales(wavenumber, conditions, photons).items()
    }
    if conditions.laser is not None and photons == 1:
        scales[CROSS_SECTION] = cross_section_scale(wavenumber, series, conditions)
    for scale, (factor, _, unit) in scales.items():
        lines |= {f"{scale}_{name}": factor * lines[name] for name in scaled}
        units |= {f"{scale}_{name}": unit for name in scaled}

    def polarised(of_parts: Sequence[Array]) -> dict[str, Array]:
        averages = average(*(LIGHT_SPEED * shape for shape in of_parts))
        return {name: averages[name] for name in ("VV", crossed_name)}

    committee, of_committee = committee_columns(series, target, sampling, polarised, list(parts.values()))
    header = {
        **explained,
        **of_committee,
        **{f"{scale}_*": stated for scale, (_, stated, _) in scales.items()},
        **correction_header(conditions.correction, ", ".join(f"{scale}_*" for scale in scales)),
    }
    for name, signal in parts.items():
        each = f"{name}_per_molecule"
        of_one = (each, 1.0, "unit of S")
        terms, sizes = group_terms(
            name, series, signal, sampling, found[name][1], LIGHT_SPEED, of_one, conditions.pair_radii
        )
        lines, header = lines | terms, header | sizes
        units[each] = LINE_SHAPE
    header["temperature"] = f"{conditions.temperature:.2f} K"
    return sampling.spectrum(kind, wavenumber, lines, header, units, unbiased=["depolarisation_ratio"], more=committee)


def intensity_scales(wavenumber: Array, conditions: Conditions, photons: int = 1) -> dict[str, tuple[Array, str]]:
    """Return by name the factors that convert line shapes to other scales of intensity, and the formulas.

    With x = hcν/k_BT, ν_L of the laser and S the line shape of the rates, ν² times that of α or β itself,

    stokes      I_S  = (1 - ν/ν_L)⁴ Q(x)/x · S/ν = (1 - ν/ν_L)⁴ / [ν (1 - e^{-x})] · S
    antistokes  I_aS = (1 + ν/ν_L)⁴ Q(-x)/x · S/ν = (1 + ν/ν_L)⁴ / [ν (e^x - 1)] · S          on the same scale
    reduced     (1 - e^{-x}) (1 - ν/ν_L)^{-4} · I_S = S/ν           ∝ Im χ(ν), whatever the laser and temperature

    `reduced` is corrected for the frequency of the light and the Bose-Einstein population. In the literature, reduced
    also names R(ν) = ν·Im χ(ν) (R. Shuker and R. W. Gammon, Phys. Rev. Lett. 25, 222 (1970)), which is S itself: the
    columns without a prefix.

    The second forms hold for the harmonic quantum correction Q; another Q multiplies `reduced` by `correction_ratio`.
    Intensities are proportional to power; divide by 1 - ν/ν_L (Stokes) or 1 + ν/ν_L for counted photons. All are NaN at
    ν = 0, and the Stokes intensity is zero beyond ν_L. Without a laser there is only `reduced`.
    Light that takes two ``photons`` of the laser, hyper-Raman, has its ν_L twice where the laser is.
    """
    shift = np.where(wavenumber > 0, wavenumber, np.nan)
    reduced = correction_ratio(shift, conditions.temperature, conditions.correction) / shift
    scales = {"reduced": (reduced, "S/ν ∝ Im χ, Bose- and frequency-corrected Stokes; unit of S times cm")}
    if conditions.laser is not None:
        light, x = photons * 1e7 / conditions.laser, shift / thermal_wavenumber(conditions.temperature)
        stokes = np.clip(1 - shift / light, 0, None) ** 4 * quantum_factor(x, conditions.correction) / (x * shift)
        antistokes = (1 + shift / light) ** 4 * quantum_factor(-x, conditions.correction) / (x * shift)
        of_laser = f"{conditions.laser:g} nm" if photons == 1 else f"{photons} photons of {conditions.laser:g} nm"
        laser = f"ν_L of {of_laser}; unit of S times cm"
        scales["stokes"] = (stokes, f"(1 - ν/ν_L)⁴/[ν (1 - exp(-hcν/kT))]·S, {laser}")
        scales["antistokes"] = (antistokes, f"(1 + ν/ν_L)⁴/[ν (exp(hcν/kT) - 1)]·S, its x is -hcν/kT, {laser}")
    return scales


def isotropic_rate(run: ResponseSeries, frames: slice) -> Array:
    """Return ā' = Tr(dα/dt)/3 of each group, shape (t, groups, 1)."""
    return np.trace(run.rates[PGT.name][frames], axis1=2, axis2=3)[..., None] / 3


def anisotropic_rate(run: ResponseSeries, frames: slice) -> Array:
    """Return β' = dα/dt - ā'·1 of each group, shape (t, groups, 9)."""
    rates = run.rates[PGT.name][frames]
    traceless = rates - isotropic_rate(run, frames)[..., None] * np.eye(3)
    return traceless.reshape(*rates.shape[:2], 9)


def component_rate(a: int, b: int, run: ResponseSeries, frames: slice) -> Array:
    """Return dα_ab/dt of each group, shape (t, groups, 1)."""
    return run.rates[PGT.name][frames][:, :, a, b, None]
