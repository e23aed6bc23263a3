"""The page of what was computed: one HTML file, to zoom, to read values off, to take data from."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from bokeh.layouts import gridplot
from bokeh.models import ColumnDataSource, DataRange1d, HoverTool, Range1d
from bokeh.models.annotations import Span
from bokeh.plotting import figure

from mimyria.figures.document import write_document
from mimyria.figures.panels import GREY, SHADES, Curve, Panel

PANEL_HEIGHT = 340
"""Pixels."""
BODY = """<p>{notes}</p>
<p>Drag to zoom, click a name in the legend to show or hide a curve, point at a curve to read it off.
Around a curve is the interval that holds the true value in 68 % of all cases. Point at the centre of a band for its
numbers.</p>
<div id="panels"></div>
{files}"""


def write_page(
    path: Path, panels: Sequence[Panel], files: Sequence[Path], *, title: str = "", notes: Sequence[str] = ()
) -> None:
    """Write the page: the panels from top to bottom, lines of notes above, and text files to download.

    Of a text file the ``#`` lines are shown, or the whole where it has none.
    """
    texts = {file.name: file.read_text(encoding="utf-8") for file in files}
    links = "\n".join(download(name, text) for name, text in texts.items())
    body = BODY.format(notes="<br>".join(map(escape, notes)), files=links)
    write_document(path, title or "mimyria", body, {"panels": figure_of(panels)}, texts)


def figure_of(panels: Sequence[Panel]) -> Any:
    """Return the panels as one figure, from top to bottom over one wavenumber axis."""
    wavenumbers = Range1d(start=0, end=max(panel.end for panel in panels))
    rows: list[list[Any]] = [[_figure(panel, wavenumbers)] for panel in panels]
    return gridplot(rows, sizing_mode="stretch_width", toolbar_location="right", toolbar_options={"logo": None})


def download(name: str, text: str) -> str:
    """Return a link that downloads a file, and below it the header of the file."""
    header = [line[2:] for line in text.splitlines() if line.startswith("# ")] or text.splitlines()
    shown = escape("\n".join(header))
    return f'<details><summary>{name} <a download="{name}">download</a></summary><pre>{shown}</pre></details>'


def _figure(panel: Panel, wavenumbers: Range1d) -> figure:
    plot = figure(
        height=int(PANEL_HEIGHT * panel.height) + 70,
        sizing_mode="stretch_width",
        min_border_left=75,
        title=panel.title,
        x_range=wavenumbers,
        x_axis_label="wavenumber / cm⁻¹",
        y_axis_label=panel.axis,
        tools="box_zoom,pan,xwheel_zoom,undo,reset,save",
        active_drag="box_zoom",
        active_scroll=None,
    )
    if panel.bands:
        _draw_bands(plot, panel)
    lines: list[Any] = [_draw(plot, curve, panel) for curve in panel.curves]
    plot.y_range = DataRange1d(renderers=lines, only_visible=True, range_padding=0.3)  # bands may run out of it
    plot.add_layout(Span(location=0, dimension="width", line_width=0.8))
    plot.add_layout(plot.legend[0], "above")
    plot.legend.update(click_policy="hide", orientation="horizontal", location="left", ncols=6)
    plot.legend.update(margin=0, padding=2, spacing=14, border_line_alpha=0)
    return plot


def _draw(plot: figure, curve: Curve, panel: Panel) -> Any:
    """Draw a curve with its band and what it tells where it is pointed at; return the curve itself."""
    data = {"x": curve.wavenumber, "y": curve.values}
    if curve.error is not None:
        data |= {"error": curve.error, "low": curve.values - curve.error, "high": curve.values + curve.error}
    source = ColumnDataSource({name: values.astype(np.float32) for name, values in data.items()})
    common: dict[str, Any] = {"source": source, "color": curve.color, "legend_label": curve.label}
    common["visible"] = not curve.hidden
    value = "@y{%.4g}"
    if curve.error is not None:
        plot.varea("x", "low", "high", fill_alpha=0.2, **common)
        value += " ± @error{%.2g}"
    line: Any
    if curve.role == "points":
        line = plot.scatter("x", "y", marker="inverted_triangle", size=9, **common)
    else:
        dash = "dashed" if curve.role in ("cross", "reference") else "solid"
        line = plot.line("x", "y", line_width=1.8 if curve.role == "whole" else 1.3, line_dash=dash, **common)
    tooltips = [("", curve.label), ("wavenumber", "@x{%.1f} cm⁻¹"), (panel.quantity, f"{value} {panel.unit}")]
    formats: Any = dict.fromkeys(("@x", "@y", "@error"), "printf")
    plot.add_tools(HoverTool(renderers=[line], tooltips=tooltips, formatters=formats, visible=False))
    return line


def _draw_bands(plot: figure, panel: Panel) -> None:
    """Shade the ranges of the bands, and mark their centres, which tell all that is measured of a band."""
    rows = [
        {
            "low": band.low,
            "high": band.high,
            "shade": SHADES[number % 2],
            "centre": band.centre.value,
            "left": band.centre.value - np.nan_to_num(band.centre.error),
            "right": band.centre.value + np.nan_to_num(band.centre.error),
            "y": 0.0,
            "range": f"{band.low:.0f} to {band.high:.0f} cm⁻¹",
            "integral": f"{band.integral.times(1 / panel.scale)} {panel.unit} cm⁻¹",
            **{name: f"{getattr(band, name)} cm⁻¹" for name in ("maximum", "width")},
            "place": f"{band.centre} cm⁻¹",
        }
        for number, band in enumerate(panel.bands)
    ]
    source = ColumnDataSource({name: [row[name] for row in rows] for name in rows[0]})
    common: dict[str, Any] = {"source": source, "legend_label": "bands"}
    plot.vstrip("low", "high", fill_color=GREY, fill_alpha="shade", line_alpha=0, **common)
    plot.segment("left", "y", "right", "y", line_color="black", line_width=3, **common)
    marks = plot.scatter("centre", "y", marker="diamond", size=9, color="black", **common)
    told = {"band": "range", "integral": "integral", "centre": "place", "maximum": "maximum", "width": "width"}
    tooltips = [(word, f"@{column}") for word, column in told.items()]
    plot.add_tools(HoverTool(renderers=[marks], tooltips=tooltips, visible=False))
