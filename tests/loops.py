"""Loops of autotrain: their settings from a text, and the history that they leave."""

from __future__ import annotations

import csv
from pathlib import Path

from mimyria.autotrain.settings import STEPS, AutotrainSettings, read_autotrain
from mimyria.cli import app


def flags() -> dict[str, list[str]]:
    """The flags of each command that is a step of the loop."""
    from typer.main import get_command

    commands = get_command(app).commands  # type: ignore[attr-defined]
    return {step: [parameter.name or "" for parameter in commands[step].params] for step in STEPS}


def read(tmp_path: Path, text: str) -> AutotrainSettings:
    """The settings that a file of this text gives."""
    path = tmp_path / "loop.yaml"
    path.write_text(text, encoding="utf-8")
    return read_autotrain(path, flags())


def history(folder: Path) -> list[dict[str, str]]:
    """The rows of the history, without the times that steps took."""
    with (folder / "history.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return [{name: value for name, value in row.items() if not name.endswith("_seconds")} for row in rows]
