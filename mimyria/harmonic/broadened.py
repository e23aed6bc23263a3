"""Spectra of harmonic lines, on the scales that spectra of trajectories have.

In classical equilibrium ⟨Q̇_k²⟩ = k_BT, so along an endless harmonic trajectory the spectra of `mimyria.spectra` are
lines δ(ν - ν_k), with the areas

    n·α           N_k/(12 ε0 c² V) |∂M/∂Q_k|²          that is A_k/V, A_k per molecule
    S_iso, S_ani  k_BT/2 · a'_k², k_BT/2 · Tr β'_kβ'_k

Each area is taken to the other scales of intensity by the factor at its own ν_k, and then spread over the profile,
whose integral is one. Imaginary modes, and those of less than 1 cm⁻¹, have no line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mimyria.frame import Array, Frame
from mimyria.harmonic.lines import Lines
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.cross_section import (
    CROSS_SECTION,
    PER_MOLECULE,
    PER_VOLUME,
    cross_section_of_all,
)
from mimyria.spectra.infrared import PER_MOLECULE as MOLAR
from mimyria.spectra.infrared import UNITS
from mimyria.spectra.quantum import correction_header, correction_ratio
from mimyria.spectra.raman import INTENSITY, LINE_SHAPE, VISIBLE, average_raman, intensity_scales
from mimyria.spectra.spectrum import WAVENUMBER, Spectrum
from mimyria.units import (
    ANGSTROM,
    BOLTZMANN,
    LIGHT_SPEED,
    LITRE_PER_MOLE,
    MASS_VELOCITY_SQUARED,
    infrared_prefactor,
)

DECADIC = "epsilon_decadic"
"""Column of the molar absorption coefficient as spectrometers give it, n·α over ln 10."""
LOWEST, HIGHEST = 1.0, 4200.0
"""cm⁻¹; the lowest line, and where the axis ends unless there is a higher one."""
POINTS = 10
"""Of the axis in the width of a line."""

PROFILES: dict[str, Callable[[Array, float], Array]] = {
    "lorentzian": lambda x, width: width / (2 * np.pi) / (x**2 + width**2 / 4),
    "gaussian": lambda x, width: np.exp(-4 * np.log(2) * (x / width) ** 2) * np.sqrt(4 * np.log(2) / np.pi) / width,
}
"""Lines of the full width at half maximum, cm⁻¹, and the area one, by name."""


def broadened(
    frame: Frame, wavenumbers: Array, lines: Lines, conditions: Conditions, profile: str, width: float
) -> dict[str, Spectrum]:
    """Return the spectra by kind, ``ir`` and ``raman``, as far as there are tensors.

    Parameters
    ----------
    frame
        The structure: of a molecule the spectra are those of one molecule, of a cell those of its volume.
    wavenumbers
        Of the modes, cm⁻¹, shape (modes,), scaled as they shall be shown.
    lines
        Of the same modes.
    conditions
        Temperature, laser, local field, quantum correction.
    profile, width
        Name in `PROFILES`, and full width at half maximum, cm⁻¹.
    """
    seen = wavenumbers > LOWEST
    places = wavenumbers[seen]
    end = max(HIGHEST, float(places.max(initial=0.0)) + 20 * width)
    axis = np.arange(0.0, end, width / POINTS)
    shapes = PROFILES[profile](axis - places[:, None], width)
    header = {"lines": f"{profile}, full width at half maximum {width:g} cm⁻¹, of {len(places)} harmonic modes"}
    header |= {"temperature": f"{conditions.temperature:.2f} K"}
    volume = frame.volume if frame.periodic.all() else None
    spectra = {}
    thermal = BOLTZMANN * conditions.temperature / MASS_VELOCITY_SQUARED  # u Å²/fs²
    if lines.dipole is not None:
        squares = (lines.dipole[seen] ** 2).sum(axis=1)
        # ∫⟨Ṁ(0)·Ṁ(t)⟩ e^{-iωt} dt = π k_BT |∂M/∂Q|² δ(ω - ω_k), and δ(ω - ω_k) = δ(ν - ν_k)/2πc
        areas = infrared_prefactor(1.0, conditions.temperature) * thermal * squares / (2 * LIGHT_SPEED)
        areas = areas * correction_ratio(places, conditions.temperature, conditions.correction)
        spectra["ir"] = _infrared(axis, areas @ shapes, volume, header | correction_header(conditions.correction))
    if lines.polarizability is not None:
        parts = [thermal / 2 * part[seen] for part in (lines.isotropic, lines.anisotropic)]
        spectra["raman"] = _raman(axis, places, shapes, parts, volume, conditions, header)
    return spectra


def _infrared(axis: Array, n_alpha: Array, volume: float | None, header: dict[str, str]) -> Spectrum:
    """Return the infrared spectrum from n·α times the volume, cm⁻¹ Å³."""
    if volume is not None:
        columns = {"n_alpha_cm-1": n_alpha / volume}
        said = {"n_alpha_cm-1": "n·α of the crystal, absolute, natural logarithm; Γ point, LO-TO splitting left out"}
        said["volume"] = f"{volume:.3f} Å³"
    else:
        molar = n_alpha * LITRE_PER_MOLE
        columns = {MOLAR: molar, DECADIC: molar / np.log(10)}
        said = {MOLAR: "molar absorption coefficient, natural logarithm", DECADIC: "the same, decadic logarithm"}
    units = {"n_alpha": UNITS["n_alpha"]} if volume is not None else dict.fromkeys((MOLAR, DECADIC), UNITS[MOLAR])
    return Spectrum("ir", {WAVENUMBER: axis} | columns, said | header, units)


def _raman(
    axis: Array,
    places: Array,
    shapes: Array,
    parts: Sequence[Array],
    volume: float | None,
    conditions: Conditions,
    header: dict[str, str],
) -> Spectrum:
    """Return the Raman spectrum from the areas of the isotropic and the anisotropic line shapes, a.u.² fs⁻²."""
    areas = average_raman(*parts)
    columns = {name: area @ shapes for name, area in areas.items()}
    units = dict.fromkeys(columns, LINE_SHAPE)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = columns["VH"] / columns["VV"]
    visible = columns["VV"] > VISIBLE * columns["VV"].max(initial=0.0)
    columns["depolarisation_ratio"], units["depolarisation_ratio"] = np.where(visible, ratio, np.nan), "1"
    scales = {name: (factor, said, INTENSITY) for name, (factor, said) in intensity_scales(places, conditions).items()}
    if conditions.laser is not None:
        factor, said = cross_section_of_all(places, conditions)
        per, of, unit = (
            (1.0, "of one molecule", PER_MOLECULE)
            if volume is None
            else (1 / (volume * ANGSTROM**3), "of 1 cm³", PER_VOLUME)
        )
        scales[CROSS_SECTION] = factor * per, f"{said}{of}, in an interval of 1 cm⁻¹", unit
    said_of_scales = {f"{scale}_*": said for scale, (_, said, _) in scales.items()}
    for scale, (factor, _, unit) in scales.items():
        columns |= {f"{scale}_{name}": (factor * areas[name]) @ shapes for name in ("VV", "VH", "unpolarised")}
        units |= {f"{scale}_{name}": unit for name in ("VV", "VH", "unpolarised")}
    explained = {
        "line shape S": "of dα/dt, area k_BT/2·a'² (isotropic) and k_BT/2·Tr β'β' (anisotropic) of each mode",
        "VV": "S_iso + 2/15 S_ani, averaged over all orientations",
        "VH": "S_ani/10",
        "depolarisation_ratio": f"VH/VV, empty (nan) where VV is below {VISIBLE:g} of its maximum",
    }
    said_of_scales |= correction_header(conditions.correction, ", ".join(said_of_scales))
    return Spectrum("raman", {WAVENUMBER: axis} | columns, explained | said_of_scales | header, units)
