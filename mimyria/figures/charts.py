"""The charts of the report: small ones side by side, each of a few lines or points that tell their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from bokeh.layouts import column, row
from bokeh.models import ColumnDataSource, DataRange1d, HoverTool, MultiLine, Scatter
from bokeh.plotting import figure

from mimyria.figures.panels import GREY
from mimyria.frame import Array

CHART_HEIGHT = 270
"""Pixels."""
FIRST_SHADE, LAST_SHADE = (176, 212, 236), (8, 48, 107)
"""Red, green and blue of the first cycle and of the last."""


@dataclass(frozen=True)
class Line:
    """One line of a chart."""

    label: str
    x: Sequence[float] | Array
    """Shape (n,)."""
    y: Sequence[float] | Array
    """Shape (n,); what is not finite has no point."""
    color: str
    """``#rrggbb``."""
    dash: str = "solid"
    """``solid``, ``dashed`` or ``dotted``; empty for points alone."""
    marked: bool = True
    """Whether each value has a point."""
    width: float = 1.8
    """Pixels."""


def chart(
    title: str,
    x_axis: str,
    y_axis: str,
    lines: Sequence[Line],
    *,
    log: bool = False,
    zero: str = "",
    top: float = np.nan,
    height: int = CHART_HEIGHT,
) -> Any:
    """Return a chart.

    Parameters
    ----------
    title, x_axis, y_axis
        Words.
    lines
        The first is drawn first.
    log
        Whether the vertical axis is logarithmic; values that are not positive are left out.
    zero
        Axes that begin at zero: out of ``xy``.
    top
        Where the vertical axis ends, whatever lies beyond.
    height
        Pixels.
    """
    x_range, y_range = DataRange1d(range_padding=0.06), DataRange1d(range_padding=0.12)
    if "x" in zero:
        x_range.start = 0
    if "y" in zero:
        y_range.start = 0
    if np.isfinite(top):
        y_range.end = top
    plot = figure(
        title=title, x_axis_label=x_axis, y_axis_label=y_axis, y_axis_type="log" if log else "linear",
        x_range=x_range, y_range=y_range,
        height=height, min_width=240, sizing_mode="stretch_width", tools="", toolbar_location=None,
    )  # fmt: skip
    _draw_lines(plot, [line for line in lines if line.dash], log)
    _draw_points(plot, [line for line in lines if line.marked], log)
    for axis in plot.axis:
        axis.update(axis_label_text_font_style="normal", minor_tick_line_color=None)
    plot.update(outline_line_color=None)
    for grid in plot.grid:
        grid.update(grid_line_alpha=0.5)
    return plot


def _draw_lines(plot: Any, lines: Sequence[Line], log: bool) -> None:
    """Draw all lines as one object of Bokeh: it takes as long for a hundred as for one."""
    if not lines:
        return
    values = [_drawable(line, log) for line in lines]
    data: dict[str, Any] = {"xs": [x for x, _ in values], "ys": [y for _, y in values]}
    data |= {name: [getattr(line, name) for line in lines] for name in ("label", "color", "dash", "width")}
    glyph = MultiLine(xs="xs", ys="ys", line_color="color", line_dash="dash", line_width="width")
    _add_hover(plot, plot.add_glyph(ColumnDataSource(data), glyph), "$snap_x", "$snap_y")


def _draw_points(plot: Any, lines: Sequence[Line], log: bool) -> None:
    """Draw all points as one object."""
    if not lines:
        return
    xs, ys = zip(*(_drawable(line, log) for line in lines), strict=True)
    counts = [len(x) for x in xs]
    data: dict[str, Any] = {"x": np.concatenate(xs), "y": np.concatenate(ys)}
    data |= {name: np.repeat([getattr(line, name) for line in lines], counts).tolist() for name in ("label", "color")}
    size = 6 if any(line.dash for line in lines) else 4
    glyph = Scatter(x="x", y="y", size=size, fill_color="color", line_color="color")
    _add_hover(plot, plot.add_glyph(ColumnDataSource(data), glyph), "@x", "@y")


def _drawable(line: Line, log: bool) -> tuple[Array, Array]:
    """Return the values that have a place on the chart."""
    x, y = np.asarray(line.x, dtype=np.float32), np.asarray(line.y, dtype=np.float32)
    kept = np.isfinite(y) & (y > 0) if log else np.isfinite(y)
    return x[kept], y[kept]


def _add_hover(plot: Any, drawn: Any, x: str, y: str) -> None:
    """Let what is drawn tell its values where it is pointed at."""
    tooltips = [("", "@label"), (plot.xaxis.axis_label, x + "{%.6g}"), (plot.yaxis.axis_label, y + "{%.3g}")]
    formats: Any = dict.fromkeys((x, y), "printf")
    plot.add_tools(HoverTool(renderers=[drawn], tooltips=tooltips, formatters=formats))


def level(label: str, value: float, lines: Sequence[Line]) -> Line:
    """Return a line at one height, from zero to the end of others."""
    end = max((float(np.max(line.x)) for line in lines if len(line.x)), default=1.0)
    return Line(label, [0.0, end], [value, value], GREY, "dashed", marked=False, width=1.2)


def lay_out(charts: Sequence[Any], across: int = 0) -> Any:
    """Return charts side by side, all in one row or so many across."""
    across = across or len(charts)
    rows = [row(*charts[k : k + across], sizing_mode="stretch_width") for k in range(0, len(charts), across)]
    return column(*rows, sizing_mode="stretch_width")


def shades(number: int) -> list[str]:
    """Return so many shades of one colour, ``#rrggbb``, from light to dark; of one alone the dark one."""
    first, last = np.array(FIRST_SHADE), np.array(LAST_SHADE)
    mixed = [last + (first - last) * k / max(number - 1, 1) for k in reversed(range(number))]
    return ["#" + "".join(f"{round(float(part)):02x}" for part in color) for color in mixed]
