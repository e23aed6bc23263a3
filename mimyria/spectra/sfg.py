"""Vibrational sum-frequency spectra of the faces of a slab: the surface susceptibility χ⁽²⁾, in m²/V.

A field E_c of the infrared changes the polarizability, from which the visible light is scattered. Classical linear
response to -M·E(t), fields ∝ e^{-iωt}, gives

    χ_abc(ω) = 1/(ε0 A k_B T) · ∫_0^∞ ⟨α_ab(t) dM_c/dt(0)⟩ e^{iωt} dt

and by parts, as ⟨α_ab dM_c/dt⟩ = 0 at equal times (one is even under time reversal, the other odd),

    χ_abc(ω) = 1/(ε0 A k_B T) · (i/ω) ∫_0^∞ K(t) e^{iωt} dt          K(t) = ⟨dα_ab/dt(t) dM_c/dt(0)⟩

Both rates are odd, so K(t) = K(-t): both time orders are averaged, and with S + iD = 2 ∫_0^∞ K e^{iωt} dt

    Im χ = S/(2ω ε0 A k_B T)          Re χ = -D/(2ω ε0 A k_B T)

For one harmonic vibration Im χ = π α' M'/(2ω0 ε0 A) · δ(ω - ω0), derivatives by its mass-weighted coordinate: exact in
quantum mechanics too. Im χ_abc is positive where α_ab and M_c grow together. An O-H bond that points along +z does so
for xxz and zzz when it is stretched: it is positive on the face +z where H points out of the slab, negative where it
points in.

The susceptibility relates amplitudes, P(ω_vis + ω_IR) = ε0 χ E_vis E_IR, P per area; with E(t) = Σ_n E(ω_n) e^{-iω_n t}
and both orders of the two fields counted, as in R. W. Boyd, Nonlinear Optics, it is twice the one used there. The
fields are those that the tensors answer (docs/slabs.md), without Fresnel factors; those of `fresnel` make χ_eff of it.
No constant background of the electrons is in it. A. Morita and J. T. Hynes, J. Phys. Chem. B 106, 673 (2002); T. Ohto
et al., J. Chem. Phys. 143, 124702 (2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from mimyria.errors import ConfigError, SpectrumError
from mimyria.frame import AXES, Array
from mimyria.optical.fresnel import EFFECTIVE, GEOMETRIES, effective, light_header
from mimyria.rates.faces import axis_of, face_area, face_weights
from mimyria.rates.places import molecule_heights, require_molecules, slab_normal, sums_over_near
from mimyria.rates.series import ResponseSeries
from mimyria.rates.window import sine_shape
from mimyria.settings.of_slab import OWN, Light, read_light
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.gibbs import liquid_index
from mimyria.spectra.quantum import correction_header, correction_ratio
from mimyria.spectra.sampling import Sampling, power_spectra
from mimyria.spectra.spectrum import Spectrum, read_spectrum
from mimyria.targets import APT, PGT
from mimyria.units import LIGHT_SPEED, sum_frequency_prefactor

UNITS = {"im": "m²/V", "re": "m²/V", "abs2": "m⁴/V²"}


def sum_frequency(series: Sequence[ResponseSeries], conditions: Conditions, sampling: Sampling) -> Spectrum:
    """Return Im χ, Re χ and |χ|² of the faces, for the components that an isotropic surface has.

    The rates of a face g are those of its molecules, so its spectrum is K_gg. The cross terms of the faces cancel if
    the middle of the slab is symmetric; they would only add noise, and are contained in ``[both]`` alone.
    The groups of the series must be those of `split_faces`.
    """
    n = slab_normal(series[0])
    p, q = (axis for axis in AXES if axis != n)
    measured = {"ssp": [f"{p}{p}{n}", f"{q}{q}{n}"], "sps": [f"{p}{n}{p}", f"{q}{n}{q}"], 3 * n: [3 * n]}
    single = {name: [name] for name in measured["ssp"] + measured["sps"]}
    faces = {  # weights of S_gh
        "": np.array([[0.5, 0], [0, -0.5]]),
        f"[+{n}]": np.array([[1.0, 0], [0, 0]]),
        f"[-{n}]": np.array([[0, 0], [0, 1.0]]),
        "[both]": np.ones((2, 2)),
    }
    every = [name for names in measured.values() for name in names]
    wavenumber, spectra = components(series, every, sampling, conditions.pair_cutoff)
    lines: dict[str, Array] = {}
    for face, weights in faces.items():
        for name, parts in (measured if face else measured | single).items():
            shapes = np.mean([spectra[abc] for abc in parts], axis=0)
            chi = susceptibility(wavenumber, np.einsum("gh,bghn->bn", weights, shapes), conditions)
            lines |= {f"{name}_im{face}": chi.imag, f"{name}_re{face}": chi.real}
            if face != "[both]":
                lines[f"{name}_abs2{face}"] = abs(chi) ** 2
    light = read_light(conditions.light) if conditions.light else None
    if light is not None:
        chi_of = {
            at: lines[f"{name}_re"] + 1j * lines[f"{name}_im"]
            for at, name in zip(("ssp", "sps", "zzz"), measured, strict=True)
        }
        index = read_infrared_index(light, wavenumber)
        index = liquid_index(series, conditions, sampling) if index is None else index
        for geometry, chi in effective(wavenumber, chi_of, light, index).items():
            lines |= {f"{EFFECTIVE}{geometry}_im": chi.imag, f"{EFFECTIVE}{geometry}_re": chi.real}
            lines[f"{EFFECTIVE}{geometry}_abs2"] = abs(chi) ** 2
    areas = [face_area(run.cell, AXES.index(n)) for run in series]
    header = {
        "χ_abc": "1/(ε0 A kB T) (i/ω) ∫_0^∞ <dα_ab/dt(t) dM_c/dt(0)> exp(iωt) dt, m²/V; fields exp(-iωt)",
        "_im, _re, _abs2": "Im χ, Re χ, |χ|² (m⁴/V², freed of its noise); Im χ > 0 where α_ab and M_c grow together",
        "ssp": "({} + {})/2".format(*measured["ssp"]),
        "sps": "({} + {})/2".format(*measured["sps"]),
        "ppp": f"a mixture of {3 * n} with ssp and sps by the Fresnel factors and angles of the experiment",
        f"[+{n}], [-{n}]": f"one face, the upper and the lower, axis {n} up in both",
        "without brackets": f"mean of both faces, each with its own {n} outwards: ([+{n}] - [-{n}])/2",
        "[both]": "the whole slab: zero where its faces are alike",
        **({} if conditions.pair_cutoff is None else {"pairs": pairs_in_words(conditions.pair_cutoff)}),
        "field": "α answers the field of its labels: of a periodic cell the mean E over it (Berry phase), of molecules "
        f"in vacuum that outside; along {n} E = E_outside [(1 - f) + f/ε], f the filled part of the cell (1 for bulk "
        f"liquid); across {n} all are the same. M answers the mean with tin-foil boundary. See docs/slabs.md",
        **({} if light is None else light_header(light)),
        **correction_header(conditions.correction),
        "temperature": f"{conditions.temperature:.2f} K",
        "area": f"{np.average(areas, weights=[len(run) for run in series]):.3f} Å²",
    }
    lit = () if light is None else [f"{EFFECTIVE}{geometry}" for geometry in GEOMETRIES]
    units = {f"{name}_{part}": unit for name in (*measured, *single, *lit) for part, unit in UNITS.items()}
    squares = [name for name in lines if "_abs2" in name]
    return sampling.spectrum("sfg", wavenumber, lines, header, units, unbiased=squares)


def components(
    series: Sequence[ResponseSeries], names: Sequence[str], sampling: Sampling, cutoff: float | None = None
) -> tuple[Array, dict[str, Array]]:
    """Return wavenumbers (n,) and, by name, S_gh per area of dα_ab/dt of the face g and dM_c/dt of the face h.

    A name gives the axes abc, such as ``xxz``; S_gh has the shape (1 + replicates, 2, 2, n), e³ a0² E_h⁻¹ Å⁻¹ fs⁻¹.
    With a cutoff (Å) only near pairs of molecules count, see `near_rates`.
    """
    tensors, moments = list(dict.fromkeys(name[:2] for name in names)), list(dict.fromkeys(name[2] for name in names))
    signal = partial(face_rates, tensors, moments)
    if cutoff is not None:
        for run in series:
            require_molecules(run, f"--pair-cutoff {cutoff:g}")
        signal = partial(near_rates, tensors, moments, cutoff)
    groups = tuple(f"{what} {face}" for what in (*tensors, *moments) for face in range(2))
    of_faces = [replace(run, groups=groups, normal=slab_normal(run)) for run in series]
    wavenumber, shapes = power_spectra(of_faces, signal, sampling)
    faces = shapes.reshape(len(shapes), len(groups) // 2, 2, len(groups) // 2, 2, -1)
    place = {what: k for k, what in enumerate((*tensors, *moments))}
    return wavenumber, {name: faces[:, place[name[:2]], :, place[name[2]]] for name in names}


def face_rates(tensors: Sequence[str], moments: Sequence[str], run: ResponseSeries, frames: slice) -> Array:
    """Return dα_ab/dt of the tensors ab, then dM_c/dt of the moments c, of both faces, over √A; (t, groups, 1)."""
    rates = chosen_rates(tensors, moments, run, frames)
    if run.molecule_mass is not None:
        rates = np.einsum("twm,ftm->twf", rates, face_weights(molecule_heights(run, frames)))
    return rates.reshape(len(rates), -1, 1)


def near_rates(
    tensors: Sequence[str], moments: Sequence[str], cutoff: float, run: ResponseSeries, frames: slice
) -> Array:
    """Return rates as `face_rates`, of single molecules, those of the dipoles summed over all near ones.

    With the weights w_g of a face, and N_mn(t) = 1 for molecules whose distance at t is within the cutoff, else 0,

        K_gh(τ) = Σ_mn ⟨w_g(m) dα_m/dt(t+τ) · N_mn(t) w_h(n) dM_n/dt(t)⟩ = Σ_m ⟨A_gm(t+τ) B_hm(t)⟩

        A_gm = w_g(m) dα_m/dt        B_hm = Σ_n N_mn w_h(n) dM_n/dt

    so that the sum over pairs becomes one over molecules, whose rates are the components of the signal. Pairs are
    chosen at the time of the dipole. Shape (t, groups, molecules), in single precision.
    """
    rates = chosen_rates(tensors, moments, run, frames)
    each = np.einsum("twm,ftm->twfm", rates, face_weights(molecule_heights(run, frames)))
    first = len(tensors)
    each[:, first:] = sums_over_near(run, frames, each[:, first:], cutoff)
    return each.reshape(len(each), -1, each.shape[-1]).astype(np.float32)  # of molecules: half of the memory


def chosen_rates(tensors: Sequence[str], moments: Sequence[str], run: ResponseSeries, frames: slice) -> Array:
    """Return dα_ab/dt of the tensors ab, then dM_c/dt of the moments c, over √A; shape (t, components, groups)."""
    alpha, moment = run.rates[PGT.name][frames], run.rates[APT.name][frames]
    chosen = [alpha[..., AXES.index(ab[0]), AXES.index(ab[1])] for ab in tensors]
    chosen += [moment[..., AXES.index(c)] for c in moments]
    return np.stack(chosen, axis=1) / np.sqrt(face_area(run.cell, axis_of(slab_normal(run))))


def pairs_in_words(cutoff: float) -> str:
    """Return what a cutoff (Å) of the pairs means, for a header."""
    if not cutoff:
        return "each molecule with itself alone (--pair-cutoff 0)"
    return f"of molecules whose centres of mass are at most {cutoff:g} Å apart when the dipole is taken (--pair-cutoff)"


def susceptibility(wavenumber: Array, shapes: Array, conditions: Conditions) -> Array:
    """Return χ = 1/(ε0 A k_B T) · (-D + iS)/(2ω) in m²/V, complex, from S per area (..., n); NaN at ν = 0.

    The formula contains the harmonic quantum correction; another one is applied to S.
    """
    shapes = shapes * correction_ratio(wavenumber, conditions.temperature, conditions.correction)
    angular = 2 * np.pi * LIGHT_SPEED * np.where(wavenumber > 0, wavenumber, np.nan)
    return sum_frequency_prefactor(1.0, conditions.temperature) / (2 * angular) * (1j * shapes - sine_shape(shapes))


def read_infrared_index(light: Light, wavenumber: Array | None = None) -> Array | None:
    """Return n + iκ of the liquid at wavenumbers, NaN outside of its file; None if it is the run's own.

    Raises
    ------
    ConfigError
        If the file is not there, or has no column ``n`` with numbers.
    """
    if light.infrared_index == OWN:
        return None
    if not isinstance(light.infrared_index, Path):
        return np.asarray(light.infrared_index)
    what = f"--light infrared_index={light.infrared_index}"
    try:
        table = read_spectrum(light.infrared_index)
    except SpectrumError as error:
        raise ConfigError(f"{what}: takes a number, own, or a file with columns n and kappa: {error}") from None
    if "n" not in table.columns:
        raise ConfigError(
            f"{what}: has no column n, only {', '.join(list(table.columns)[1:])}; ir.csv of a run with "
            "--epsilon-infinity has n and kappa"
        )
    index = table.columns["n"] + 1j * table.columns.get("kappa", np.zeros(len(table.wavenumber)))
    known = np.isfinite(index)
    if not known.any():
        raise ConfigError(f"{what}: its column n, or kappa, holds no number")
    if wavenumber is None:
        return index
    return np.interp(wavenumber, table.wavenumber[known], index[known], left=np.nan, right=np.nan)
