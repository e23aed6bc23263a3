"""Polarised Raman spectra, named by geometry, of isotropic and of oriented samples, on three scales of intensity."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from mimyria.frame import Array
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.committee import SPREAD, committee_spread
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.porto import polarisations
from mimyria.spectra.quantum import correction_header, over_harmonic, quantum_factor
from mimyria.spectra.sampling import Sampling, power_spectra, standard_error
from mimyria.spectra.spectrum import WAVENUMBER, Spectrum
from mimyria.spectra.terms import group_terms, group_terms_header
from mimyria.targets import PGT
from mimyria.units import LIGHT_SPEED, thermal_wavenumber

LINE_SHAPE, INTENSITY = "a.u.² fs⁻² cm", "a.u.² fs⁻² cm²"
"""Units of S, and of intensities on the other scales; a.u. of the PGT times Å."""
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
    wavenumber, isotropic, isotropic_blocks = power_spectra(series, isotropic_rate, sampling)
    _, anisotropic, anisotropic_blocks = power_spectra(series, anisotropic_rate, sampling)
    to_cm = LIGHT_SPEED  # ∫ dt becomes ∫ c dt
    both, each = (0, 1), (1, 2)  # axes of the groups in line shapes, and in those of blocks
    shapes = _geometries(to_cm * isotropic.sum(both), to_cm * anisotropic.sum(both))
    blocks = _geometries(to_cm * isotropic_blocks.sum(each), to_cm * anisotropic_blocks.sum(each))
    for geometry in conditions.porto:
        _, shape, shape_blocks = power_spectra(series, partial(component_rate, *polarisations(geometry)), sampling)
        shapes[geometry], blocks[geometry] = to_cm * shape.sum(both), to_cm * shape_blocks.sum(each)
    scales, scaled = intensity_scales(wavenumber, conditions), ("VV", "VH", "unpolarised", *conditions.porto)
    columns = geometry_columns(wavenumber, shapes, blocks, scales, scaled)
    columns |= committee_spread(series, PGT.name, sampling, _both_polarisations, [isotropic_rate, anisotropic_rate])
    for name, signal, of_groups, of_blocks in (
        ("isotropic", isotropic_rate, isotropic, isotropic_blocks),
        ("anisotropic", anisotropic_rate, anisotropic, anisotropic_blocks),
    ):
        columns |= group_terms(
            name, series, signal, sampling, of_groups, of_blocks, to_cm, (f"{name}_per_molecule", 1.0)
        )
    geometries = {"k_i(ab)k_s": "S of dα_ab/dt, axes of the trajectory"} if conditions.porto else {}
    header = {
        "line shape S": "c ∫<x(0) x(t)> exp(-iωt) dt over both signs of t, x of dα/dt; a.u.² fs⁻² cm; ∝ ν·Im χ",
        "VV": "S_iso + 2/15 S_ani, of an isotropic sample or a powder",
        "VH": "S_ani/10",
        "depolarisation_ratio": f"VH/VV, empty (nan) where VV is below {VISIBLE:g} of its maximum",
        **({"VV_spread, VH_spread": SPREAD} if "VV_spread" in columns else {}),
        **geometries,
        **{f"{scale}_*": stated for scale, (_, stated) in scales.items()},
        **correction_header(conditions.correction, ", ".join(f"{scale}_*" for scale in scales)),
        **group_terms_header(series, "isotropic", "isotropic_per_molecule", "unit of S"),
        **group_terms_header(series, "anisotropic", "anisotropic_per_molecule", "unit of S"),
        "temperature": f"{conditions.temperature:.2f} K",
    }
    units = dict.fromkeys(shapes, LINE_SHAPE) | {"depolarisation_ratio": "1"}
    units |= {f"{name}_per_molecule": LINE_SHAPE for name in ("isotropic", "anisotropic")}
    units |= {f"{scale}_{name}": INTENSITY for scale in scales for name in scaled}
    return Spectrum("raman", columns, header | sampling.header(), units)


def geometry_columns(
    wavenumber: Array,
    shapes: dict[str, Array],
    blocks: dict[str, Array],
    scales: dict[str, tuple[Array, str]],
    scaled: Sequence[str],
) -> dict[str, Array]:
    """Return line shapes with standard errors, the ratio where VV is bright, and intensities on every scale.

    Parameters
    ----------
    wavenumber
        cm⁻¹, shape (n,).
    shapes, blocks
        By name, shape (n,) and (blocks, n); the ``depolarisation_ratio`` is among them.
    scales
        From `intensity_scales`.
    scaled
        Names of the geometries that have intensities.
    """
    errors = {name: standard_error(values) for name, values in blocks.items()}
    dark = shapes["VV"] <= VISIBLE * np.nanmax(shapes["VV"])
    columns = {WAVENUMBER: wavenumber, **shapes, **{f"{name}_error": error for name, error in errors.items()}}
    for name in ("depolarisation_ratio", "depolarisation_ratio_error"):
        columns[name] = np.where(dark, np.nan, columns[name])
    for scale, (factor, _) in scales.items():
        for name in scaled:
            columns[f"{scale}_{name}"] = factor * shapes[name]
            columns[f"{scale}_{name}_error"] = factor * errors[name]
    return columns


def intensity_scales(wavenumber: Array, conditions: Conditions, photons: int = 1) -> dict[str, tuple[Array, str]]:
    """Return by name the factors that convert line shapes to other scales of intensity, and the formulas.

    With x = hcν/k_BT, ν_L of the laser and S the line shape of the rates, ν² times that of α or β itself,

    stokes      I_S  = (1 - ν/ν_L)⁴ Q(x)/x · S/ν = (1 - ν/ν_L)⁴ / [ν (1 - e^{-x})] · S
    antistokes  I_aS = (1 + ν/ν_L)⁴ Q(-x)/x · S/ν = (1 + ν/ν_L)⁴ / [ν (e^x - 1)] · S          on the same scale
    reduced     (1 - e^{-x}) (1 - ν/ν_L)^{-4} · I_S = S/ν           ∝ Im χ(ν), whatever the laser and temperature

    `reduced` is corrected for the frequency of the light and the Bose-Einstein population. In the literature, reduced
    also names R(ν) = ν·Im χ(ν) (R. Shuker and R. W. Gammon, Phys. Rev. Lett. 25, 222 (1970)), which is S itself: the
    columns without a prefix.

    The second forms hold for the harmonic quantum correction Q; another Q multiplies `reduced` by `over_harmonic`.
    Intensities are proportional to power; divide by 1 - ν/ν_L (Stokes) or 1 + ν/ν_L for counted photons. All are NaN at
    ν = 0, and the Stokes intensity is zero beyond ν_L. Without a laser there is only `reduced`.
    Light that takes two ``photons`` of the laser, hyper-Raman, has its ν_L twice where the laser is.
    """
    shift = np.where(wavenumber > 0, wavenumber, np.nan)
    reduced = over_harmonic(shift, conditions.temperature, conditions.correction) / shift
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


def isotropic_rate(one: ResponseSeries, frames: slice) -> Array:
    """Return ā' = Tr(dα/dt)/3 of each group, shape (t, groups, 1)."""
    return np.trace(one.rates[PGT.name][frames], axis1=2, axis2=3)[..., None] / 3


def anisotropic_rate(one: ResponseSeries, frames: slice) -> Array:
    """Return β' = dα/dt - ā'·1 of each group, shape (t, groups, 9)."""
    rates = one.rates[PGT.name][frames]
    traceless = rates - isotropic_rate(one, frames)[..., None] * np.eye(3)
    return traceless.reshape(*rates.shape[:2], 9)


def component_rate(a: int, b: int, one: ResponseSeries, frames: slice) -> Array:
    """Return dα_ab/dt of each group, shape (t, groups, 1)."""
    return one.rates[PGT.name][frames][:, :, a, b, None]


def _both_polarisations(shapes: Sequence[Array]) -> dict[str, Array]:
    geometries = _geometries(LIGHT_SPEED * shapes[0], LIGHT_SPEED * shapes[1])
    return {name: geometries[name] for name in ("VV", "VH")}


def _geometries(isotropic: Array, anisotropic: Array) -> dict[str, Array]:
    parallel, perpendicular = isotropic + 2 / 15 * anisotropic, anisotropic / 10
    return {
        "VV": parallel,
        "VH": perpendicular,
        "isotropic": isotropic,
        "anisotropic": anisotropic,
        "unpolarised": parallel + perpendicular,
        "depolarisation_ratio": scattering_ratio(perpendicular, parallel),
    }


def scattering_ratio(crossed: Array, parallel: Array) -> Array:
    """Return the depolarisation ratio, infinite or NaN where nothing is scattered."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(crossed / parallel)
