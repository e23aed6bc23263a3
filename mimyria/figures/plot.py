"""The figure of what was computed, as a paper prints it: panels over one wavenumber axis, errors as bands."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mimyria.config import File
from mimyria.errors import ConfigError
from mimyria.figures.panels import GREY, HIGHEST, LOWEST_STOKES, OURS, SHADES, Curve, Panel, panels_of
from mimyria.figures.reference import lay_over, read_reference
from mimyria.memory import whole
from mimyria.spectra.spectrum import Spectrum

CENTIMETRE = 1 / 2.54
"""inch"""
SIZES = {"single": (8.6, 4.2), "double": (17.8, 4.8)}
"""Width of a journal's column, or of two, and height of a panel; cm."""
CAPTION = 0.45
"""cm; height of a line of text above the curves."""
LETTER, KEY = 0.15, 0.8
"""cm; width of a letter, about, and of what stands before a name in the legend."""
MOST_LEGEND = 0.4
"""Part of a panel's height that a legend of one column may take."""
YLABEL = 1.3
"""cm; width of the labels beside a panel."""

FINGERPRINT = 2500.0
"""cm⁻¹; above lie the stretches of hydrogen, which outshine what lies below."""
FAINT = 0.1
"""Bands below the fingerprint's end are magnified where they stay under this part of the strongest."""
FACTORS = (5, 10, 20, 50, 100)
MOST_PARTS = 3
"""More parts would hide their sum."""
MOST_ERROR = 0.3
"""A band of errors may widen the axis by this part of what the values need."""

STYLE: Any = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.0,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.2,
    "legend.columnspacing": 1.2,
    "legend.borderpad": 0.2,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.minor.visible": True,
    "pdf.fonttype": 42,  # text stays text
    "svg.hashsalt": "mimyria",  # the same names in the file each time
}
LINES: dict[str, dict[str, Any]] = {
    "whole": {},
    "part": {"linewidth": 0.7},
    "cross": {"linewidth": 0.7, "linestyle": "dashed"},
    "reference": {"linewidth": 0.9, "linestyle": "dashed"},
    "points": {"linestyle": "none", "marker": "v", "markersize": 3.5},
}
PARTS = ("solid", "dotted", "dashdot")
"""Of parts of one colour, one after the other."""
CENTRE: dict[str, Any] = {"marker": "d", "ms": 3, "color": "black", "elinewidth": 0.8, "capsize": 1.5, "zorder": 4}
"""The centre of a band, on the base line."""
DATELESS: dict[str, dict[str, Any]] = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}, ".png": {}}
"""So that the same spectra give the same file."""


def plot_spectra(paths: Iterable[Path], panels: Sequence[Panel], *, title: str = "", width: str = "double") -> None:
    """Write the figure, see `spectra_figure`, to ``.png``, ``.pdf`` or ``.svg`` files."""
    with mpl.rc_context(STYLE):
        figure = spectra_figure(panels, title, width)
        figure.draw_without_rendering()  # lays it out, once for all formats
        figure.set_layout_engine("none")
        save(figure, paths)


def save(figure: Figure, paths: Iterable[Path]) -> None:
    """Write a figure to ``.png``, ``.pdf`` or ``.svg`` files."""
    for path in paths:
        with whole(path) as unfinished:
            figure.savefig(unfinished, dpi=300, metadata=DATELESS[path.suffix], format=path.suffix[1:])


def stacked(number: int, height: float) -> tuple[Picture, list[Axes]]:
    """Return a figure as wide as two columns, and its panels of a height in cm over one wavenumber axis."""
    figure = Picture((17.8 * CENTIMETRE, (1.0 + height * number) * CENTIMETRE), layout="constrained")
    axes = list(figure.subplots(number, 1, sharex=True, squeeze=False)[:, 0])
    axes[-1].set(xlabel="wavenumber / cm⁻¹")
    return figure, axes


class Picture(Figure):
    """A figure that a notebook shows without any setting up; else ``savefig`` writes it."""

    def _repr_png_(self) -> bytes:
        png = BytesIO()
        self.savefig(png, format="png", dpi=150)
        return png.getvalue()


def draw_spectra(
    spectra: Mapping[str, Spectrum], reference: File | Iterable[File] = (), *, title: str = "", width: str = "double"
) -> Picture:
    """Return the figure of spectra, given by kind, laid out; see `spectra_figure` and `read_reference`."""
    if width not in SIZES:
        raise ConfigError(f"--plot-width takes {' or '.join(SIZES)}, not {width!r}")
    texts = [reference] if isinstance(reference, str | os.PathLike) else reference
    panels, _ = lay_over(panels_of(spectra), [read_reference(str(text)) for text in texts])
    with mpl.rc_context(STYLE):
        figure = spectra_figure(panels, title, width)
        figure.draw_without_rendering()
    return figure


def spectra_figure(panels: Sequence[Panel], title: str = "", width: str = "double") -> Picture:
    """Return the figure of panels, from top to bottom, with a title above; ``width`` is a name in `SIZES`."""
    across, down = SIZES[width]
    heights = [panel.height for panel in panels]
    figure = Picture((across * CENTIMETRE, (1.1 + down * sum(heights)) * CENTIMETRE), layout="constrained")
    column = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for letter, axes, panel in zip(ascii_lowercase, column, panels, strict=False):
        caption = f"({letter}) {panel.title}" if len(panels) > 1 else panel.title
        _draw(axes, panel, caption, (across, down * panel.height))
    column[-1].set(xlim=(0, max(panel.end for panel in panels)), xlabel="wavenumber / cm⁻¹")
    column[0].set_title(title)
    return figure


def _draw(axes: Axes, panel: Panel, caption: str, size: tuple[float, float]) -> None:
    """Draw a panel of a size in cm, with caption and legend above the curves, and faint bands magnified."""
    factor = magnification(panel)
    shown = [_magnify(curve, factor) for curve in _on_paper(panel)]
    parts: Counter[str] = Counter()  # drawn so far, by colour
    for curve in shown:
        look = dict(LINES[curve.role])
        if curve.role == "part":
            look["linestyle"] = PARTS[parts[curve.color] % len(PARTS)]
            parts[curve.color] += 1
        axes.plot(curve.wavenumber, curve.values, color=curve.color, label=curve.label, **look)
        if curve.error is not None:
            low, high = curve.values - curve.error, curve.values + curve.error
            axes.fill_between(curve.wavenumber, low, high, color=curve.color, alpha=0.2, lw=0)
    for number, band in enumerate(panel.bands):
        axes.axvspan(band.low, band.high, color=GREY, alpha=SHADES[number % 2], lw=0, zorder=0)
        error = None if np.isnan(band.centre.error) else [band.centre.error]
        axes.errorbar([band.centre.value], [0], xerr=error, **CENTRE)
    bottom, top = _span(shown)
    if factor > 1:
        axes.plot([FINGERPRINT] * 2, [0, top], color="black", lw=0.5, ls=(0, (1, 3)))
        axes.annotate(f"×{factor}", (FINGERPRINT, top), (-4, 0), textcoords="offset points", ha="right", va="top")
    axes.axhline(0, color="black", lw=0.4)
    axes.set_ylabel(panel.axis)
    axes.annotate(caption, (0, 1), (5, -4), xycoords="axes fraction", textcoords="offset points", va="top")
    rows = _legend(axes, caption, [curve.label for curve in shown], size) if len(shown) > 1 else 1
    above = min(rows * CAPTION / size[1], 0.5)
    axes.set_ylim(bottom - 0.04 * (top - bottom), top + above / (1 - above) * (top - bottom))


def _legend(axes: Axes, caption: str, labels: Sequence[str], size: tuple[float, float]) -> int:
    """Write the legend beside the caption, or below it where it does not fit; return the rows of both.

    It has one row, or one column, or, where a column would take too much of the panel, as many as there is room for.
    """
    widths = [KEY + LETTER * len(label) for label in labels]
    room = size[0] - YLABEL
    across, columns = sum(widths), len(labels)
    if across >= room:
        high = len(labels) * CAPTION > MOST_LEGEND * size[1]
        columns = max(1, int(room / max(widths))) if high else 1
        across = columns * max(widths)
    beside = LETTER * len(caption) + across < room
    anchor = (1, 1 if beside else 1 - CAPTION / size[1])
    axes.legend(loc="upper right", bbox_to_anchor=anchor, ncols=columns, borderaxespad=0.45)
    return math.ceil(len(labels) / columns) + (not beside)


def _on_paper(panel: Panel) -> list[Curve]:
    """Return the curves that are not hidden, and hidden parts where they are few and there is no reference."""
    roles = [curve.role for curve in panel.curves]
    few = sum(role in ("part", "cross") for role in roles) <= MOST_PARTS and set(roles) <= set(OURS)
    return [curve for curve in panel.curves if not curve.hidden or (few and curve.role in ("part", "cross"))]


def magnification(panel: Panel) -> int:
    """Return the round factor that lifts the bands below `FINGERPRINT` off the base line; 1 where they are seen."""
    wholes = [curve for curve in panel.curves if curve.role == "whole" and not curve.hidden]
    top = max(curve.highest() for curve in wholes)
    faint = max(curve.between(LOWEST_STOKES, FINGERPRINT).highest() for curve in wholes)
    if not 0 < faint < FAINT * top:
        return 1
    return max(factor for factor in FACTORS if factor * faint < 0.8 * top)


def _magnify(curve: Curve, factor: int) -> Curve:
    """Return the curve times a factor below `FINGERPRINT`, where a line has a gap."""
    factors = np.where(curve.wavenumber < FINGERPRINT, float(factor), 1.0)
    if factor > 1 and curve.role != "points":
        factors[:-1][np.diff(factors) != 0] = np.nan
    return curve.times(factors)


def _span(curves: Sequence[Curve]) -> tuple[float, float]:
    """Return the lowest and highest value to show: zero, every value, and the errors as far as `MOST_ERROR` allows."""
    curves = [curve.between(0, HIGHEST) for curve in curves]
    values = np.concatenate([[0.0], *(curve.values for curve in curves)])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = MOST_ERROR * (high - low)
    ends = [curve.values + sign * curve.error for curve in curves if curve.error is not None for sign in (-1, 1)]
    bands = np.concatenate([values, *ends])
    return max(float(np.nanmin(bands)), low - margin), min(float(np.nanmax(bands)), high + margin) or 1.0
