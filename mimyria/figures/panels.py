"""What a picture of spectra shows, on paper and on a page: panels, and their curves with labels, units and colours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from mimyria.frame import Array
from mimyria.optical.instruments import ATR, FILM, REFLECTANCE
from mimyria.spectra.bands import Band
from mimyria.spectra.spectrum import Spectrum, column_name

HIGHEST = 4200.0
"""cm⁻¹; no fundamental of an ordinary liquid lies above."""
LOWEST_STOKES = 50.0
"""cm⁻¹; below, 1/ν² lifts out of all proportion what the window spreads from ν = 0."""

BLUE, VERMILION, GREEN, PURPLE, ORANGE, GREY = "#0072b2", "#d55e00", "#009e73", "#a3548c", "#e69f00", "#777777"
SKY = "#56b4e9"
"""Distinct for the colour-blind too, after Okabe and Ito."""
GROUP_COLORS = (VERMILION, GREEN, PURPLE, ORANGE, SKY)
SHADES = (0.06, 0.12)
"""How dark the ranges of neighbouring bands are, in turns."""
OURS = ("whole", "part", "cross")
"""Roles of curves that were computed here."""


@dataclass(frozen=True)
class Curve:
    """One curve of a panel; its arrays have shape (n,)."""

    label: str
    wavenumber: Array
    """cm⁻¹, ascending."""
    values: Array
    """In the unit of the panel."""
    color: str
    """``#rrggbb``."""
    error: Array | None = None
    """Half width of the interval that holds the true values in 68 % of all cases."""
    role: str = "whole"
    """``whole``; ``part`` of the whole; ``cross`` term of two parts; from elsewhere ``reference`` or ``points``."""
    hidden: bool = False
    """Shown on a page when asked for."""

    def times(self, factor: float | Array) -> Curve:
        """Return the curve with its values multiplied, all alike or each by its own."""
        error = None if self.error is None else np.abs(factor) * self.error
        return replace(self, values=factor * self.values, error=error)

    def between(self, low: float, high: float) -> Curve:
        """Return the part of the curve in a range, cm⁻¹, both ends in."""
        inside = (self.wavenumber >= low) & (self.wavenumber <= high)
        error = None if self.error is None else self.error[inside]
        return replace(self, wavenumber=self.wavenumber[inside], values=self.values[inside], error=error)

    def highest(self) -> float:
        """Return the largest value; zero where none is positive."""
        return float(np.max(self.values, initial=0.0, where=np.isfinite(self.values)))


@dataclass(frozen=True)
class Panel:
    """Curves over one wavenumber axis."""

    kind: str
    """The spectrum's name in ``KINDS``."""
    title: str
    quantity: str
    unit: str
    """Of the values; empty for pure numbers."""
    curves: tuple[Curve, ...]
    """The first stands for the panel."""
    scale: float = 1.0
    """The unit of the values, in the unit of the text file."""
    arbitrary: bool = False
    """Whether that has no meaning elsewhere, so that a reference is scaled."""
    height: float = 1.0
    """Relative to other panels."""
    bands: tuple[Band, ...] = ()
    """Of the first curve, in the unit of the text file."""

    @property
    def axis(self) -> str:
        """Quantity and unit, as an axis names them."""
        return f"{self.quantity} / {self.unit}" if self.unit else self.quantity

    @property
    def end(self) -> float:
        """Where the wavenumber axis ends, cm⁻¹."""
        return min(HIGHEST, float(self.curves[0].wavenumber[-1]))


def panels_of(spectra: Mapping[str, Spectrum]) -> list[Panel]:
    """Return the panels that show the spectra, given by kind."""
    return [panel for kind, spectrum in spectra.items() for panel in PANELS.get(kind, _plain)(spectrum)]


def _curve(
    spectrum: Spectrum, name: str, label: str, color: str, role: str = "whole", *, hidden: bool = False
) -> Curve:
    """Return a column, with its interval if it has one."""
    error = spectrum.interval(name)
    if error is not None and not np.isfinite(error).any():
        error = None
    return Curve(label, spectrum.wavenumber, spectrum.values(name), color, error, role, hidden)


def _contributions(spectrum: Spectrum, name: str, prefix: str = "") -> list[Curve]:
    """Return what groups or single molecules contribute to a column, with a prefix to their labels."""
    contributions = spectrum.contributions(name)
    groups = list(dict.fromkeys(first for first, _ in contributions))
    curves = []
    for (first, second), values in contributions.items():
        label, color, role = f"{first} with {second}", GREY, "cross"
        if first == second:
            label, color, role = first, _group_color(groups.index(first)), "part"
        curves.append(Curve(prefix + label, spectrum.wavenumber, values, color, role=role, hidden=True))
    for label, color in (("intramolecular", ORANGE), ("intermolecular", PURPLE)):
        column = column_name(name, label)
        if column in spectrum.columns:
            curves.append(_curve(spectrum, column, prefix + label, color, "part", hidden=True))
    return curves


def _infrared(spectrum: Spectrum) -> list[Panel]:
    """Return n·α with its parts, and the refractive index where it was asked for."""
    name, quantity, unit = "n_alpha_cm-1", "n·α", "10³ cm⁻¹"
    if name not in spectrum.columns:
        name, quantity, unit = "n_alpha_per_molecule", "n·α/c", "10³ L mol⁻¹ cm⁻¹"
    curves = [_curve(spectrum, name, "total", BLUE), *_contributions(spectrum, name)]
    panels = [_panel("ir", "infrared", quantity, unit, curves, 1000.0, spectrum.bands(name))]
    for title, quantity, shown in (
        ("refractive index", "n, κ", {"n": ("n", BLUE), "kappa": ("κ", VERMILION)}),
        ("as a spectrometer shows it", "absorbance", {ATR: ("ATR", BLUE), FILM: ("film", VERMILION)}),
        ("reflection of a surface", "R", {REFLECTANCE: (REFLECTANCE, BLUE)}),
    ):
        seen = [_curve(spectrum, name, *as_what) for name, as_what in shown.items() if name in spectrum.columns]
        if seen:
            panels.append(_panel("ir", title, quantity, "", seen))
    return panels


def _scattering(title: str, crossed: str, spectrum: Spectrum) -> list[Panel]:
    """Return line shapes, or Stokes intensities where there are some, and the depolarisation ratio."""
    prefix, quantity = "", "line shape"
    if "stokes_VV" in spectrum.columns:
        prefix, quantity = "stokes_", "Stokes intensity"
        above = spectrum.wavenumber >= LOWEST_STOKES
        parts = [{k: v[..., above] for k, v in given.items()} for given in (spectrum.columns, spectrum.lines)]
        spectrum = replace(spectrum, columns=parts[0], lines=parts[1])
    colors = {"VV": BLUE, crossed: VERMILION, "unpolarised": GREEN, "isotropic": PURPLE, "anisotropic": ORANGE}
    colors |= {"dipolar": PURPLE, "octupolar": ORANGE}
    curves = [
        _curve(spectrum, f"{prefix}{name}", name, color, hidden=name not in ("VV", crossed))
        for name, color in colors.items()
        if f"{prefix}{name}" in spectrum.columns
    ]
    for name in colors if not prefix else ():
        curves += _contributions(spectrum, name, f"{name} ") if name in spectrum.columns else []
    scale, bands = curves[0].highest() or 1.0, spectrum.bands(f"{prefix}VV")
    lines = _panel(spectrum.kind, title, quantity, "max. VV", curves, scale, bands)
    label = f"{crossed}/VV"
    ratio = (_curve(spectrum, "depolarisation_ratio", label, BLUE),)
    depolarisation = Panel(spectrum.kind, "depolarisation ratio", label, "", ratio, height=0.5)
    return [replace(lines, arbitrary=True), depolarisation]


def _density(spectrum: Spectrum) -> list[Panel]:
    curves = [_curve(spectrum, "vdos", "total", BLUE)]
    terms = list(spectrum.contributions())
    # Of motions, where there are, the auto terms; else the species.
    motions = {pair[0]: f"vdos[{pair[0]},{pair[0]}]" for pair in terms if len(pair) == 2 and pair[0] == pair[1]}
    parts = motions or {name: f"vdos[{name}]" for (name,) in terms}
    for index, (name, column) in enumerate(parts.items() if len(parts) > 1 else ()):
        curves.append(_curve(spectrum, column, name, _group_color(index), "part"))
    return [_panel("vdos", "density of states", "g", "modes per cm⁻¹", curves, bands=spectrum.bands("vdos"))]


def _sum_frequency(spectrum: Spectrum) -> list[Panel]:
    """Return Im χ⁽²⁾ of the faces for the components an isotropic surface has."""
    colors = (BLUE, VERMILION, GREEN, PURPLE, ORANGE)
    names = [name for name in spectrum.columns if name.endswith("_im") and not name.startswith("effective_")]
    shown = ("ssp", names[2][:3] if len(names) > 2 else "ppp")
    curves = [
        _curve(spectrum, name, name[:-3], colors[index % len(colors)], hidden=name[:-3] not in shown)
        for index, name in enumerate(names)
    ]
    panels = [_panel_of_power("sfg", "sum frequency", "Im χ⁽²⁾", "m²/V", curves)]
    seen = [name for name in spectrum.columns if re.fullmatch(r"effective_..._abs2", name)]
    if seen:
        lit = [_curve(spectrum, name, name[10:13], colors[k], hidden=k > 0) for k, name in enumerate(seen)]
        panels.append(_panel_of_power("sfg", "as a spectrometer shows it", "|χ_eff|²", "m⁴/V²", lit))
    return panels


def _layers(spectrum: Spectrum) -> list[Panel]:
    """Return Im χ⁽²⁾ ssp and n·α of all layers, and of the first that are not empty; the others when asked for."""
    panels = []
    for name, title, quantity, unit in (
        ("ssp_im", "sum frequency by depth", "Im χ⁽²⁾ ssp", "m²/V"),
        ("n_alpha", "infrared by depth", "n·α", "cm⁻¹"),
    ):
        whole = _curve(spectrum, name, "total", BLUE)
        shown = {depth: np.nan_to_num(spectrum.values(f"{name}[{depth}]")) for (depth,) in spectrum.contributions(name)}
        filled = [depth for depth, values in shown.items() if values.any()]
        layers = [
            _curve(spectrum, f"{name}[{depth}]", f"{depth} Å", _group_color(k), "part", hidden=k >= len(GROUP_COLORS))
            for k, depth in enumerate(filled)
        ]
        panels.append(_panel_of_power("depth", title, quantity, unit, [whole, *layers]))
    return panels


def _plain(spectrum: Spectrum) -> list[Panel]:
    name = list(spectrum.columns)[1]
    return [_panel(spectrum.kind, spectrum.kind, name, "", [_curve(spectrum, name, name, BLUE)])]


def _panel(
    kind: str,
    title: str,
    quantity: str,
    unit: str,
    curves: Sequence[Curve],
    scale: float = 1.0,
    bands: Sequence[Band] = (),
) -> Panel:
    """Return a panel of curves that are in the unit of the text file, as are the bands of the first."""
    shown = tuple(curve.times(1 / scale) for curve in curves)
    return Panel(kind, title, quantity, unit, shown, scale, bands=tuple(bands))


def _panel_of_power(kind: str, title: str, quantity: str, unit: str, curves: Sequence[Curve]) -> Panel:
    """Return a panel in the power of ten of the unit that its tallest whole curve has."""
    tallest = max(float(np.nanmax(abs(curve.values))) for curve in curves if curve.role == "whole")
    power = int(np.floor(np.log10(tallest))) if tallest else 0
    raised = "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return _panel(kind, title, quantity, f"{raised} {unit}", curves, 10.0**power)


def _group_color(index: int) -> str:
    return GROUP_COLORS[index % len(GROUP_COLORS)]


PANELS: dict[str, Callable[[Spectrum], list[Panel]]] = {
    "ir": _infrared,
    "raman": partial(_scattering, "Raman", "VH"),
    "vdos": _density,
    "sfg": _sum_frequency,
    "depth": _layers,
    "hyper_raman": partial(_scattering, "hyper-Raman", "HV"),
}
"""Functions of a spectrum, by kind; of any other kind the first column is shown."""
