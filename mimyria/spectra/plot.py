"""One figure of what was computed: infrared, polarised Raman, density of states, with error bands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mimyria.spectra.spectrum import Spectrum

HIGHEST = 4200.0
"""cm⁻¹; no fundamental of an ordinary liquid lies above."""
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
}
BLUE, RED, GREY, GREEN = "#1f5a99", "#b5402f", "#777777", "#3c7d4a"


def plot_spectra(
    path: Path,
    spectra: Mapping[str, Spectrum],
    *,
    title: str = "",
    marks: Mapping[str, list[tuple[float, float]]] | None = None,
) -> None:
    """Write one panel for each spectrum, in the format that the file name asks for.

    Parameters
    ----------
    path
        ``.png``, ``.pdf`` or ``.svg``.
    spectra
        By kind: ``ir``, ``raman``, ``vdos``.
    title
        Stands above the first panel.
    marks
        By kind, points to set beside the curve: (wavenumber, value in the unit of the file).
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 0.5 + 2.3 * len(spectra)), layout="constrained")
        panels = figure.subplots(len(spectra), 1, squeeze=False)[:, 0]
        for axes, (kind, spectrum) in zip(panels, spectra.items(), strict=True):
            PANELS[kind](axes, spectrum)
            if marks and kind in marks:
                x, y = np.array(marks[kind]).T
                axes.plot(x, y / axes_scale(kind), "v", color=GREY, ms=5, label="experiment, band maxima")
            axes.axhline(0, color=GREY, lw=0.5)
            axes.set_xlim(0, min(HIGHEST, float(spectrum.wavenumber[-1])))
            axes.set_xlabel("wavenumber / cm⁻¹")
            axes.legend(loc="best", fontsize=8)
        panels[0].set_title(title, fontsize=10)
        figure.savefig(path, dpi=200)


def axes_scale(kind: str) -> float:
    """Return what one unit of the axis is in the unit of the file."""
    return 1000.0 if kind == "ir" else 1.0


def _curve(axes: Axes, spectrum: Spectrum, name: str, error: str, color: str, label: str, scale: float = 1.0) -> None:
    x, y = spectrum.wavenumber, spectrum.columns[name] / scale
    axes.plot(x, y, color=color, label=label)
    if error in spectrum.columns:
        band = spectrum.columns[error] / scale
        axes.fill_between(x, y - band, y + band, color=color, alpha=0.25, lw=0)


def _infrared(axes: Axes, spectrum: Spectrum) -> None:
    _curve(axes, spectrum, "n_alpha_cm-1", "n_alpha_error", BLUE, "infrared", axes_scale("ir"))
    axes.set_ylabel("n·α / 10³ cm⁻¹")


def _raman(axes: Axes, spectrum: Spectrum) -> None:
    scale = float(np.nanmax(spectrum.columns["VV"]))
    _curve(axes, spectrum, "VV", "VV_error", BLUE, "Raman VV", scale)
    _curve(axes, spectrum, "VH", "VH_error", RED, "Raman VH", scale)
    axes.set_ylabel("line shape / max. VV")
    ratio = axes.twinx()
    ratio.plot(spectrum.wavenumber, spectrum.columns["depolarisation_ratio"], color=GREY, lw=0.7)
    ratio.set_ylim(0, 1)
    ratio.set_ylabel("depolarisation ratio", color=GREY)
    ratio.spines["right"].set_visible(True)


def _vdos(axes: Axes, spectrum: Spectrum) -> None:
    _curve(axes, spectrum, "vdos", "", GREEN, "density of states")
    colors = [BLUE, RED, GREY]
    parts = [name for name in spectrum.columns if name.startswith("vdos[")]
    for k, name in enumerate(parts if len(parts) > 1 else []):
        _curve(axes, spectrum, name, "", colors[k % len(colors)], name[5:-1])
    axes.set_ylabel("modes / cm⁻¹")


PANELS: dict[str, Callable[[Axes, Spectrum], None]] = {"ir": _infrared, "raman": _raman, "vdos": _vdos}


def _sum_frequency(axes: Axes, spectrum: Spectrum) -> None:
    for name, color in (("ssp", BLUE), ("sps", RED)):
        _curve(axes, spectrum, f"{name}_im", f"{name}_im_error", color, f"Im χ⁽²⁾ {name}", 1e-22)
    axes.set_ylabel("Im χ⁽²⁾ / 10⁻²² m² V⁻¹")


PANELS["sfg"] = _sum_frequency
