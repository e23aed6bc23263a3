"""The picture of a spectrum with the bands of each functional group marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import matplotlib as mpl
import numpy as np

from mimyria.figures.panels import BLUE, GROUP_COLORS
from mimyria.figures.plot import STYLE, save, stacked
from mimyria.frame import Array

ROW = 0.07
"""Of the height of the panel: a row of marks."""
WIDE = 90
"""Letters of a line of the title that fit over the panel."""


@dataclass(frozen=True)
class Marked:
    """A spectrum and its marks."""

    kind: str
    wavenumber: Array
    values: Array
    """(n,) each."""
    marks: Sequence[tuple[str, Sequence[tuple[float, float, float]]]]
    """Label and bands (low, centre, high; cm⁻¹) of each group."""


def plot_groups(paths: Sequence[Path], panels: Sequence[Marked], title: str = "", notes: Sequence[str] = ()) -> None:
    """Write the picture to ``.png``, ``.pdf`` or ``.svg`` files: a row of marks above the curve for each group."""
    rows = max(len(panel.marks) for panel in panels)
    with mpl.rc_context(STYLE):
        figure, columns = stacked(len(panels), 4.5 + 0.35 * rows)
        for axes, panel in zip(columns, panels, strict=True):
            span = float(np.ptp(panel.values)) or 1.0
            values = (panel.values - panel.values.min()) / span
            axes.plot(panel.wavenumber, values, color=BLUE)
            for k, (label, bands) in enumerate(panel.marks):
                color, height = GROUP_COLORS[k % len(GROUP_COLORS)], 1 + ROW * (k + 1)
                for low, centre, high in bands:
                    axes.plot([low, high], [height] * 2, color=color, lw=2.5, solid_capstyle="butt")
                    axes.plot([centre] * 2, [0, height], color=color, lw=0.5, ls=(0, (1, 3)))
                axes.annotate(
                    label,
                    (1, height),
                    (4, 0),
                    ("axes fraction", "data"),
                    "offset points",
                    color=color,
                    va="center",
                    size=7,
                )
            axes.set(ylim=(-0.03, 1 + ROW * (len(panel.marks) + 1)), yticks=[])
            axes.set_ylabel({"infrared": "absorption", "raman": "Raman intensity"}[panel.kind])
        low = min(panel.wavenumber[0] for panel in panels)
        high = max(panel.wavenumber[-1] for panel in panels)
        columns[-1].set_xlim(low, min(high, 4000))
        columns[0].set_title("\n".join(line for text in (title, *notes) for line in wrap(text, WIDE)))
        save(figure, paths)
