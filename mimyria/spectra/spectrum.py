"""`Spectrum`: infrared, Raman and vibrational density of states from response series, with error bars, as CSV.

Every function takes the series of one or more trajectories of the same system, pools their correlation functions, and
estimates the standard error from blocks. Formulas stand above the lines that compute them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mimyria import __version__
from mimyria.errors import SpectrumError
from mimyria.frame import Array
from mimyria.spectra.correlation import correlation, line_shape, window_lags, window_resolution
from mimyria.spectra.response import ResponseSeries
from mimyria.targets import APT, PGT
from mimyria.units import BOLTZMANN, LIGHT_SPEED, MASS_VELOCITY_SQUARED, infrared_prefactor, thermal_wavenumber

WAVENUMBER = "wavenumber_cm-1"
DEFAULT_RESOLUTION = 20.0
MOST_BLOCKS = 10
VISIBLE = 1e-3
"""A depolarisation ratio is given where VV exceeds this part of its maximum."""
DIFFERENCE_FLOOR = 0.1
"""Spectra from central differences end where the factor to be undone has fallen to this."""


@dataclass(frozen=True)
class Spectrum:
    """Intensities over wavenumber.

    Parameters
    ----------
    kind
        ``ir``, ``raman`` or ``vdos``.
    columns
        By name, each of shape (n,), the wavenumber (cm⁻¹) first.
    header
        What the columns are: units, formulas, settings.
    """

    kind: str
    columns: dict[str, Array]
    header: dict[str, str] = field(default_factory=dict)

    @property
    def wavenumber(self) -> Array:
        """cm⁻¹, shape (n,)."""
        return self.columns[WAVENUMBER]


@dataclass(frozen=True)
class Sampling:
    """How series become a spectrum: see `sampling`."""

    timestep: float
    resolution: float
    lags: int
    block_frames: int
    differenced: float

    def header(self, *, with_errors: bool = True) -> dict[str, str]:
        """What a file says about it."""
        stated = {
            "sampled every": f"{self.timestep:g} fs",
            "resolution": f"{self.resolution:g} cm-1 (FWHM of the Gaussian window's transform)",
        }
        if with_errors:
            blocks = f"blocks of {self.block_frames * self.timestep / 1000:.3g} ps" if self.block_frames else "none"
            stated["errors"] = f"standard error over {blocks}"
        if self.differenced:
            stated["velocities"] = (
                f"central differences over ±{self.differenced:g} fs; the factor [sin(ωδt)/(ωδt)]² is undone"
            )
        return stated


def sampling(series: Sequence[ResponseSeries], resolution: float | None, blocks: int | None) -> Sampling:
    """Return resolution, correlation length and blocks that the series allow.

    Parameters
    ----------
    series
        One a trajectory.
    resolution
        cm⁻¹; None for 20 cm⁻¹, or what half of the shortest trajectory resolves if that is coarser.
    blocks
        Number of blocks for the standard errors; None for as many as are independent, up to ten.

    Raises
    ------
    SpectrumError
        If the trajectories are too short for what is asked, or differ in their timestep.
    """
    if not series:
        raise SpectrumError("there is no trajectory to make a spectrum from")
    timestep, shortest = series[0].timestep, min(len(one) for one in series)
    for what, values in (
        ("are sampled at different intervals (fs)", [round(one.timestep, 6) for one in series]),
        ("have velocities made over different intervals (fs, 0 for true ones)", [one.differenced for one in series]),
        ("have different numbers of atoms", [one.n_atoms for one in series]),
        ("have different groups, or their atoms in another order", [",".join(one.groups) for one in series]),
        ("have different species, or their atoms in another order", [",".join(one.velocity_species) for one in series]),
    ):
        if len(set(values)) > 1:
            shown = " and ".join(str(value) for value in dict.fromkeys(values))
            raise SpectrumError(f"the trajectories {what}: {shown}; make spectra of each kind by itself")
    if shortest < 8:
        raise SpectrumError(f"{shortest} frames are too few for a spectrum")
    finest = float(np.ceil(10 * window_resolution(shortest, timestep)) / 10)
    if resolution is None:
        resolution = max(DEFAULT_RESOLUTION, float(np.ceil(window_resolution(shortest // 2, timestep))))
    if resolution < finest:
        raise SpectrumError(
            f"a resolution of {resolution:g} cm⁻¹ needs a longer trajectory: "
            f"{shortest} frames every {timestep:g} fs allow {finest:g} cm⁻¹"
        )
    lags = window_lags(resolution, timestep)
    n_frames = sum(len(one) for one in series)
    if blocks is None:
        blocks = min(MOST_BLOCKS, sum(len(one) // lags for one in series))
    if blocks > 1 and n_frames // blocks < lags:
        raise SpectrumError(
            f"{blocks} blocks of {n_frames // blocks} frames are shorter than the correlation window of {lags} frames; "
            f"ask for at most --blocks {max(n_frames // lags, 1)}, or a coarser --resolution"
        )
    return Sampling(timestep, resolution, lags, n_frames // blocks if blocks > 1 else 0, series[0].differenced)


def _lines(signals: Sequence[Array], how: Sampling) -> tuple[Array, Array, Array]:
    """Return wavenumbers (n,), line shapes S_gh (groups, groups, n) pooled over trajectories, and those of each block.

    Parameters
    ----------
    signals
        One a trajectory, shape (t, groups, components).
    how
        From `sampling`.
    """
    pairs = np.array([len(signal) - np.arange(how.lags) for signal in signals], dtype=float)
    pooled = sum(correlation(s, how.lags) * p for s, p in zip(signals, pairs, strict=True)) / pairs.sum(axis=0)
    size = how.block_frames
    blocks = [s[k : k + size] for s in signals for k in range(0, len(s) - size + 1, size)] if size else []
    wavenumber, total = _undifferenced(*line_shape(pooled, how.timestep, how.resolution), how)
    each = [_undifferenced(*line_shape(correlation(b, how.lags), how.timestep, how.resolution), how)[1] for b in blocks]
    return wavenumber, total, np.array(each).reshape(len(blocks), *total.shape)


def _undifferenced(wavenumber: Array, lines: Array, how: Sampling) -> tuple[Array, Array]:
    """Return both with the factor [sin(ωδt)/(ωδt)]² of central differences divided out, as far as it can be."""
    factor = np.sinc(2 * LIGHT_SPEED * wavenumber * how.differenced) ** 2  # np.sinc(x) = sin(πx)/(πx)
    end = int(np.argmax(factor < DIFFERENCE_FLOOR)) or len(factor)
    return wavenumber[:end], lines[..., :end] / factor[:end]


def _standard_error(blocks: Array) -> Array:
    """Return the standard error of the mean over the first axis; NaN with fewer than two blocks."""
    if len(blocks) < 2:
        return np.full(blocks.shape[1:], np.nan)
    return blocks.std(axis=0, ddof=1) / np.sqrt(len(blocks))


def infrared(series: Sequence[ResponseSeries], *, temperature: float, how: Sampling) -> Spectrum:
    """Return n(ν)·α(ν) in cm⁻¹, its standard error, ε'' and the parts of the groups.

    n(ω) α(ω) = 1/(6 ε0 c V k_B T) · ∫ ⟨dM/dt(0)·dM/dt(t)⟩ e^{-iωt} dt          ε''(ω) = n α c/ω

    from the classical fluctuation-dissipation theorem; it contains the harmonic quantum correction. A column
    ``n_alpha[A,B]`` holds the A-B and B-A terms together, so the parts add up to the whole.

    Parameters
    ----------
    series
        With rates of the APT.
    temperature
        K.
    how
        From `sampling`.
    """
    groups = series[0].groups
    signals = [one.rates[APT.name] / np.sqrt(one.volume.mean()) for one in series]
    wavenumber, lines, blocks = _lines(signals, how)
    prefactor = infrared_prefactor(1.0, temperature)  # V is in the signals, trajectories may differ in it
    with np.errstate(divide="ignore", invalid="ignore"):
        permittivity = prefactor * lines.sum(axis=(0, 1)) / (2 * np.pi * wavenumber)
    permittivity[wavenumber == 0] = np.nan
    columns = {
        WAVENUMBER: wavenumber,
        "n_alpha_cm-1": prefactor * lines.sum(axis=(0, 1)),
        "n_alpha_error": prefactor * _standard_error(blocks.sum(axis=(1, 2))),
        "epsilon_imag": permittivity,
    }
    if len(groups) > 1:
        for a, first in enumerate(groups):
            for b, second in enumerate(groups[a:], start=a):
                columns[f"n_alpha[{first},{second}]"] = prefactor * lines[a, b] * (1 if a == b else 2)
    header = {
        "n_alpha_cm-1": "n·α = 1/(6 ε0 c V kB T) ∫<dM/dt(0)·dM/dt(t)> exp(-iωt) dt, absolute, natural logarithm",
        "epsilon_imag": "ε'' = n·α·c/ω",
        "temperature": f"{temperature:.2f} K",
        "volume": f"{np.mean([one.volume.mean() for one in series]):.3f} Å³",
    }
    return Spectrum("ir", columns, header | how.header())


def raman(
    series: Sequence[ResponseSeries], *, temperature: float, how: Sampling, laser: float | None = None
) -> Spectrum:
    """Return the polarised Raman line shapes, named by geometry, with standard errors.

    ā' = Tr(dα/dt)/3        β' = dα/dt - ā'·1

    S_iso = ∫⟨ā'(0) ā'(t)⟩ e^{-iωt} dt        S_ani = ∫⟨Tr[β'(0) β'(t)]⟩ e^{-iωt} dt

    VV = S_iso + 2/15 S_ani        VH = 1/10 S_ani        unpolarised = VV + VH        ρ = VH/VV

    Parameters
    ----------
    series
        With rates of the PGT.
    temperature
        K; enters the Stokes intensities alone.
    how
        From `sampling`.
    laser
        Wavelength in nm; adds ``stokes_*`` = (1 - ν/ν_L)⁴ / [ν (1 - e^{-hcν/kT})] · S, which is proportional to the
        intensity; empty (NaN) at ν = 0.
    """
    rates = [one.rates[PGT.name].sum(axis=1) for one in series]
    means = [np.trace(one, axis1=1, axis2=2) / 3 for one in rates]
    traceless = [one - mean[:, None, None] * np.eye(3) for one, mean in zip(rates, means, strict=True)]
    wavenumber, isotropic, isotropic_blocks = _lines([mean[:, None, None] for mean in means], how)
    _, anisotropic, anisotropic_blocks = _lines([beta.reshape(len(beta), 1, 9) for beta in traceless], how)
    to_cm = LIGHT_SPEED  # ∫ dt becomes ∫ c dt
    lines = _geometries(to_cm * isotropic[0, 0], to_cm * anisotropic[0, 0])
    errors = {
        name: _standard_error(values)
        for name, values in _geometries(to_cm * isotropic_blocks[:, 0, 0], to_cm * anisotropic_blocks[:, 0, 0]).items()
    }
    dark = lines["VV"] <= VISIBLE * np.nanmax(lines["VV"])
    columns = {WAVENUMBER: wavenumber, **lines, **{f"{name}_error": error for name, error in errors.items()}}
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
        for name in ("VV", "VH", "unpolarised"):
            columns[f"stokes_{name}"] = factor * lines[name]
            columns[f"stokes_{name}_error"] = factor * errors[name]
        header["stokes_VV"] = f"(1 - ν/ν_L)⁴/[ν (1 - exp(-hcν/kT))]·VV, ν_L of {laser:g} nm; the unit of VV times cm"
    return Spectrum("raman", columns, header | how.header())


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


def vibrational_density(series: Sequence[ResponseSeries], *, temperature: float, how: Sampling) -> Spectrum:
    """Return the vibrational density of states, in modes per cm⁻¹, whole and by species.

    g(ν) = 2c/(k_B T) · ∫ Σ_n m_n ⟨v_n(0)·v_n(t)⟩ e^{-iωt} dt          ∫_0^∞ g dν = 3N - 3 at equipartition

    Parameters
    ----------
    series
        Their stored velocity correlation limits the resolution.
    temperature
        K.
    how
        From `sampling`.
    """
    lags = min(how.lags, *(one.velocity_correlation.shape[1] for one in series))
    resolution = max(how.resolution, window_resolution(lags, how.timestep)) if lags < how.lags else how.resolution
    pairs = np.array([len(one) - np.arange(lags) for one in series], dtype=float)
    correlations = np.array([one.velocity_correlation[:, :lags] for one in series])
    pooled = (correlations * pairs[:, None]).sum(axis=0) / pairs.sum(axis=0)
    wavenumber, lines = _undifferenced(*line_shape(pooled, how.timestep, resolution), how)
    density = 2 * LIGHT_SPEED * MASS_VELOCITY_SQUARED / (BOLTZMANN * temperature) * lines
    columns = {WAVENUMBER: wavenumber, "vdos": density.sum(axis=0)}
    columns |= {f"vdos[{name}]": part for name, part in zip(series[0].velocity_species, density, strict=True)}
    header = {
        "vdos": "2c/(kB T) ∫ Σ m <v(0)·v(t)> exp(-iωt) dt, modes per cm-1; integrates to 3N - 3 at equipartition",
        "temperature": f"{temperature:.2f} K",
    }
    return Spectrum("vdos", columns, header | replace(how, resolution=resolution).header(with_errors=False))


KINDS: dict[str, Callable[..., Spectrum]] = {"ir": infrared, "raman": raman, "vdos": vibrational_density}
NEEDS = {"ir": APT.name, "raman": PGT.name, "vdos": None}
"""Which rate a kind of spectrum needs."""


def write_csv(path: Path, spectrum: Spectrum) -> None:
    """Write a spectrum: ``#`` header lines, a line of column names, rows."""
    lines = [
        f"# mimyria {__version__}: {spectrum.kind}",
        *(f"# {key}: {value}" for key, value in spectrum.header.items()),
    ]
    rows = np.column_stack(list(spectrum.columns.values()))
    unfinished = path.with_name(path.name + ".tmp")
    with unfinished.open("w", encoding="utf-8") as stream:
        stream.write("\n".join([*lines, ",".join(_quoted(spectrum.columns))]) + "\n")
        np.savetxt(stream, rows, delimiter=",", fmt="%.8g")
    os.replace(unfinished, path)


def _quoted(names: Iterable[str]) -> list[str]:
    return [f'"{name}"' if "," in name else name for name in names]
