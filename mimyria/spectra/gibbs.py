"""The liquid of a slab: where its surfaces are, after Gibbs, and its refractive index in the infrared.

    z_G = M/(2 A ρ)          with the mass M in the cell, its area A, and the density ρ in the middle of the slab

is the height over the middle at which a slab of that density everywhere would end: Gibbs's dividing surface.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mimyria.errors import SpectrumError
from mimyria.frame import AXES, Array
from mimyria.optical.dielectric import optical_constants
from mimyria.rates.faces import axis_of, face_area
from mimyria.rates.places import molecule_heights, slab_normal
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.quantum import correction_ratio
from mimyria.spectra.sampling import Sampling, power_spectra
from mimyria.targets import APT
from mimyria.units import infrared_prefactor


def half_thickness(series: Sequence[ResponseSeries]) -> float:
    """Return √(3 ⟨h²⟩), Å, over the mass of the slab: half of the thickness if its density is the same everywhere."""
    return float(np.sqrt(3 * _mean(series, lambda height: height**2) / _mean(series, np.ones_like)))


def gibbs_height(series: Sequence[ResponseSeries]) -> float:
    """Return z_G in Å; the middle of the slab, whose density counts, is half of its thickness.

    Raises
    ------
    SpectrumError
        If the rates are not those of molecules, or there are none in the middle.
    """
    middle = half_thickness(series) / 2
    inside = _mean(series, lambda height: abs(height) < middle)
    if not inside > 0:
        raise SpectrumError("the slab has no molecules in its middle, so its surface is unknown: --depth-from middle")
    return middle * _mean(series, np.ones_like) / inside


def _mean(series: Sequence[ResponseSeries], of: Callable[[Array], Array]) -> float:
    """Return the mean over frames of Σ m f(h) over the molecules, per area."""
    sums = [
        float((of(molecule_heights(run, frames)) @ np.asarray(run.molecule_mass)).sum())
        / face_area(run.cell, axis_of(run.normal))
        for run in series
        for frames in run.chunks(0, len(run))
    ]
    return sum(sums) / sum(map(len, series))


def liquid_index(series: Sequence[ResponseSeries], conditions: Conditions, sampling: Sampling) -> Array:
    """Return n + iκ, shape (n,), of the liquid from dM/dt in the plane, where the field is the same everywhere.

    n(ω) α(ω) = 1/(4 ε0 c V k_B T) · ∫ ⟨Ṁ_x(0) Ṁ_x(t) + Ṁ_y(0) Ṁ_y(t)⟩ e^{-iωt} dt          V = 2 z_G A

    with Kramers-Kronig (`optical_constants`); NaN below half of the resolution.

    Raises
    ------
    SpectrumError
        If ε∞ is not given, or see `gibbs_height`.
    """
    if conditions.epsilon_infinity is None:
        raise SpectrumError("--light infrared_index=own needs --epsilon-infinity, 1.78 for water")
    thickness = 2 * gibbs_height(series)
    plane = [axis for axis in range(3) if AXES[axis] != slab_normal(series[0])]

    def flat(run: ResponseSeries, frames: slice) -> Array:
        volume = thickness * face_area(run.cell, axis_of(run.normal))
        return run.rates[APT.name][frames].sum(axis=1, keepdims=True)[..., plane] / np.sqrt(volume)

    of_all = [replace(run, groups=("all",)) for run in series]
    wavenumber, shapes = power_spectra(of_all, flat, sampling)
    ratio = correction_ratio(wavenumber, conditions.temperature, conditions.correction)
    n_alpha = 1.5 * infrared_prefactor(1.0, conditions.temperature) * ratio * shapes[0, 0, 0]
    optical = optical_constants(wavenumber, n_alpha, conditions.epsilon_infinity)
    return np.where(wavenumber < sampling.resolution / 2, np.nan, optical["n"] + 1j * optical["kappa"])
