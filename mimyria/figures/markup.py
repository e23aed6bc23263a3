"""Pieces of HTML that the parts of the report are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mimyria.figures.charts import CHART_HEIGHT

Key = tuple[str, str, str]
"""Label, colour and dash of lines."""


@dataclass(frozen=True)
class Part:
    """A part of the page.

    Parameters
    ----------
    text
        HTML.
    figures
        By the ``id`` of the element in the text that each goes into.
    """

    text: str
    figures: Mapping[str, Any] = field(default_factory=dict)


NOTHING = Part('<p class="quiet">Nothing yet.</p>')


def place(name: str, height: int = CHART_HEIGHT) -> str:
    """Return the element that a figure goes into, as high as it will be: a page loaded anew keeps its place."""
    return f'<div id="{name}" style="min-height: {height}px; overflow-x: auto"></div>'


def key(lines: Iterable[Key]) -> str:
    """Return what the colours of lines mean, once for all charts of a row."""
    spans = (
        f'<span><i style="border-color: {color}; border-top-style: {dash}"></i>{label}</span>'
        for label, color, dash in lines
    )
    return f'<p class="key">{"".join(spans)}</p>'


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], words: int = 0) -> str:
    """Return a table.

    Parameters
    ----------
    columns
        Their heads.
    rows
        Cells, HTML.
    words
        How many of the last columns hold words, not numbers.
    """
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
