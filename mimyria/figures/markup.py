"""The HTML elements of the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mimyria.figures.charts import CHART_HEIGHT


@dataclass(frozen=True)
class Section:
    """A section of the page: HTML, and figures by the ``id`` of the element in it that each goes into."""

    text: str
    figures: Mapping[str, Any] = field(default_factory=dict)


NOTHING = Section('<p class="quiet">Nothing yet.</p>')


def place(name: str, height: int = CHART_HEIGHT) -> str:
    """Return the element of a figure, as high as that will be, so that a page does not jump when it is reloaded."""
    return f'<div id="{name}" style="min-height: {height}px; overflow-x: auto"></div>'


def key(lines: Iterable[tuple[str, str, str]]) -> str:
    """Return what label, colour and dash of lines mean, once for all charts of a row."""
    mark = '<span><i style="border-color: {}; border-top-style: {}"></i>{}</span>'
    return f'<p class="key">{"".join(mark.format(color, dash, label) for label, color, dash in lines)}</p>'


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], words: int = 0) -> str:
    """Return a table with cells of HTML; so many of the last columns hold words, not numbers."""
    numbers = len(columns) - words

    def line(cells: Sequence[str], tag: str) -> str:
        marked = (f"<{tag}{'' if k < numbers else ' class=words'}>{cell}</{tag}>" for k, cell in enumerate(cells))
        return f"<tr>{''.join(marked)}</tr>"

    body = "".join(line(cells, "td") for cells in rows)
    return f'<div class="scroll"><table>{line(columns, "th")}{body}</table></div>'


def number(value: float, digits: int = 3) -> str:
    """Return a number in so many digits; a dash for what is not known."""
    if not np.isfinite(value):
        return "–"
    return f"{value:.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"
