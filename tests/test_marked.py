"""The picture of marked bands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from mimyria.figures import marked


def test_a_long_note_is_not_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Figure] = []
    monkeypatch.setattr(marked, "save", lambda figure, paths: kept.append(figure))
    nu = np.linspace(400.0, 4000.0, 100)
    panel = marked.Marked("infrared", nu, np.exp(-(((nu - 1700) / 50) ** 2)), [("C=O 0.96", [(1650, 1700, 1750)])])
    note = (
        f"{'folder/' * 10}s.jdx: unlike anything that was trained on, by twice the distance of all but one in a hundred"
    )
    marked.plot_groups([tmp_path / "a.png"], [panel], "Acetone", [note])
    (figure,) = kept
    figure.draw_without_rendering()
    title = figure.axes[0].title
    box = title.get_window_extent()
    assert title.get_text().startswith("Acetone\n")
    assert title.get_text().replace("\n", " ").endswith("one in a hundred")
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width
    assert box.y1 <= figure.bbox.height
