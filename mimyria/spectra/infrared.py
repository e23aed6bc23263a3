"""The infrared spectrum: n·α in absolute units, ε'', and the terms of groups of atoms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mimyria.errors import SpectrumError
from mimyria.frame import AXES, Array
from mimyria.optical.dielectric import epsilon_imag, optical_constants, optical_header
from mimyria.optical.directions import RATIOS, directional, layer_lines
from mimyria.optical.directions import UNITS as OF_DIRECTIONS
from mimyria.optical.instruments import SHOWN, Instruments
from mimyria.rates.faces import face_area
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.committee import committee_columns
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.quantum import correction_header, correction_ratio
from mimyria.spectra.sampling import Sampling, component_spectra, power_spectra
from mimyria.spectra.spectrum import Spectrum
from mimyria.spectra.terms import group_terms, mean_counts
from mimyria.targets import APT
from mimyria.units import ANGSTROM, CONDUCTIVITY, LITRE_PER_MOLE, infrared_prefactor

MOLAR = "n_alpha_molar"
PER_MOLECULE, PER_AREA = "n_alpha_per_molecule", "n_alpha_per_area"
UNITS = {
    **{"n_alpha": "cm-1", MOLAR: "L mol-1 cm-1", PER_MOLECULE: "L mol-1 cm-1", PER_AREA: "1", "alpha": "cm-1"},
    **dict.fromkeys(("epsilon_imag", "epsilon_real", "n", "kappa", "reflectivity", "loss_function"), "1"),
    **dict.fromkeys(SHOWN, "1"),
    **OF_DIRECTIONS,
    "sigma": "S m-1",
}


def infrared(series: Sequence[ResponseSeries], conditions: Conditions, sampling: Sampling) -> Spectrum:
    """Return n(ν)·α(ν) in cm⁻¹, its standard error, ε'', σ' (S/m) and the terms of the groups.

    n(ω) α(ω) = 1/(6 ε0 c V k_B T) · ∫ ⟨dM/dt(0)·dM/dt(t)⟩ e^{-iωt} dt          ε''(ω) = n α c/ω          σ' = ε0 c n α

    The classical fluctuation-dissipation theorem contains the harmonic quantum correction; another one is a factor
    (`correction_ratio`). The molar terms of `group_terms` are n·α of one mole of molecules per litre, L mol⁻¹ cm⁻¹.
    With ε∞ come the `optical_constants` and their standard errors. A slow relaxation, such as the Debye process of a
    polar liquid, is not resolved below half of the resolution: ε', ε'' and σ' there, and what is made of them, are NaN.
    """
    temperature, infinity = conditions.temperature, conditions.epsilon_infinity
    instruments = Instruments(conditions.atr, conditions.reflection, conditions.film)
    wavenumber, shapes = power_spectra(series, dipole_rate, sampling)
    prefactor = infrared_prefactor(1.0, temperature)  # V is in the signal, as it may differ between trajectories
    factor = prefactor * correction_ratio(wavenumber, temperature, conditions.correction)
    n_alpha = factor * shapes.sum(axis=(1, 2))
    density = np.average([1 / run.volume.mean() for run in series], weights=[len(run) for run in series])
    volume = 1 / float(density)  # harmonic mean, which undoes the 1/V in `dipole_rate`
    lines = {"n_alpha_cm-1": n_alpha, "epsilon_imag": epsilon_imag(wavenumber, n_alpha)}
    lines["sigma"] = CONDUCTIVITY * n_alpha
    if infinity is not None:
        lines |= optical_constants(wavenumber, n_alpha, infinity)
        lines |= instruments.lines(wavenumber, lines["n"], lines["kappa"])
    along, axis = np.empty(0), conditions.directions
    of_layer: dict[str, str] = {}
    if axis is not None:  # each component takes a third of 1/(6 ε0 c V k_B T)
        along = 3 * factor * component_spectra(series, dipole_rate, sampling)
    if axis is not None and conditions.layer is not None and infinity is not None:
        height = volume / _mean_area(series, axis)
        layer, of_layer = layer_lines(wavenumber, along, axis, conditions.layer, height, infinity)
        lines |= layer
    for name in set(lines) - {"n_alpha_cm-1"}:
        lines[name] = np.where(wavenumber < sampling.resolution / 2, np.nan, lines[name])
    committee, of_committee = committee_columns(
        series, APT.name, sampling, lambda shapes: {"n_alpha": factor * shapes[0]}, [dipole_rate]
    )
    header = {
        "n_alpha_cm-1": "n·α = 1/(6 ε0 c V kB T) ∫<dM/dt(0)·dM/dt(t)> exp(-iωt) dt, absolute, natural logarithm",
        "epsilon_imag": "ε'' = n·α·c/ω; empty (nan) below half of the resolution, as all that is made of ε",
        "sigma": "σ' = ε0 c n·α, real part of the conductivity; empty like ε''",
        **of_committee,
        "temperature": f"{temperature:.2f} K",
        "volume": f"{volume:.3f} Å³",
    }
    each = (MOLAR, volume * LITRE_PER_MOLE, "L mol-1 cm-1, natural logarithm")
    radii = conditions.pair_radii
    terms, explained = group_terms("n_alpha", series, dipole_rate, sampling, shapes, factor, each, radii)
    lines |= terms
    share = None
    if conditions.per != "cell":
        name, size, header[name] = _share(series, conditions.per, volume)
        lines[name], share = n_alpha * size, (name, size)
    if axis is not None:
        oriented, of_axis = directional(along, axis, share)
        lines |= oriented
        header |= of_axis | of_layer
    header |= explained | correction_header(conditions.correction)
    if infinity is not None:
        header |= optical_header(infinity) | instruments.header()
    return sampling.spectrum("ir", wavenumber, lines, header, UNITS, unbiased=RATIOS, more=committee)


def _share(series: Sequence[ResponseSeries], per: str, volume: float) -> tuple[str, float, str]:
    """Return the name of the column of n·α per molecule or area, its factor, and what it is.

    n·α·V is what all that is in the cell absorbs, whatever its volume V. The N molecules of the cell share it, or the
    area A of a layer in vacuum, whose n·α·V/A is the natural absorbance of a passage through it.

    Raises
    ------
    SpectrumError
        If the number of molecules is not known, or two cell vectors are not in the plane of the layer.
    """
    if per == "molecule":
        if not series[0].molecular:
            raise SpectrumError("--per molecule needs their number, which --groups molecules, or a shell, counts")
        count = sum(mean_counts(series).values())
        meaning = f"n·α·V/N of the {count:.6g} molecules of the cell together, L mol-1 cm-1, natural logarithm"
        return PER_MOLECULE, volume * LITRE_PER_MOLE / count, meaning
    axis = per[-1]
    area = _mean_area(series, axis)
    meaning = (
        f"n·α·V/A with the area A = {area:.3f} Å² across {axis}: natural absorbance of a passage through the layer, "
        "mean over all directions of the field; the empty part of the cell does not count"
    )
    return PER_AREA, volume / area * ANGSTROM, meaning


def _mean_area(series: Sequence[ResponseSeries], axis: str) -> float:
    """Return the mean area (Å²) of the cells across an axis, as the mean volume; raise SpectrumError as `face_area`."""
    areas = [face_area(run.cell, AXES.index(axis)) for run in series]
    return 1 / float(np.average([1 / each for each in areas], weights=[len(run) for run in series]))


def dipole_rate(run: ResponseSeries, frames: slice) -> Array:
    """Return dM/dt of each group over √V, shape (t, groups, 3)."""
    return run.rates[APT.name][frames] / np.sqrt(run.volume.mean())
