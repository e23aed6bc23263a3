"""Loops of autotrain: their settings from a text, and the history that they leave."""

from __future__ import annotations

import csv
from pathlib import Path

from mimyria.autotrain.settings import AutotrainSettings, read_autotrain


def read(tmp_path: Path, text: str) -> AutotrainSettings:
    """The settings that a file of this text gives."""
    path = tmp_path / "loop.yaml"
    path.write_text(text, encoding="utf-8")
    return read_autotrain(path)


def history(folder: Path) -> list[dict[str, str]]:
    """The rows of the history, without the times that steps took."""
    with (folder / "history.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return [{name: value for name, value in row.items() if not name.endswith("_seconds")} for row in rows]
