"""The history of a training as CSV, one line an epoch, and where it and the checkpoint lie."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from mimyria.memory import write_text

History = Sequence[Sequence[dict[str, float]]]
"""The lines of every network of a committee; see ``Fit.epoch``."""


def history_of(out: Path) -> Path:
    """Return where the history of a model file lies."""
    return out.with_name(out.stem + ".history.csv")


def checkpoint_of(out: Path) -> Path:
    """Return where the checkpoint of a model file lies until the training ends."""
    return out.with_name(out.name + ".checkpoint")


def write_history(path: Path, members: History) -> None:
    """Write one line an epoch; errors are relative to the scale of the labels, those of gradients to their size."""
    text = StringIO()
    # lines of an earlier version lack columns
    writer = csv.DictWriter(text, ["member", *members[-1][-1]], restval="nan", lineterminator="\n")
    writer.writeheader()
    for number, lines in enumerate(members, 1):
        writer.writerows({"member": number} | {key: f"{value:.6g}" for key, value in line.items()} for line in lines)
    write_text(path, text.getvalue())


def read_history(path: Path) -> list[list[dict[str, float]]]:
    """Return what `write_history` has written."""
    members: dict[str, list[dict[str, float]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            members.setdefault(row.pop("member"), []).append({key: float(value) for key, value in row.items()})
    return list(members.values())
