"""The history of a training: one line an epoch, as CSV and as a picture."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

History = Sequence[Sequence[dict[str, float]]]
"""The lines of every member; see ``Fit.epoch``."""


def history_of(out: Path) -> Path:
    """Return where the history of a model file lies."""
    return out.with_name(out.stem + ".history.csv")


def write_history(path: Path, members: History) -> None:
    """Write one line an epoch, whole or not at all; errors are relative to the scale of the labels."""
    text = StringIO()
    writer = csv.DictWriter(text, ["member", *members[0][0]], lineterminator="\n")
    writer.writeheader()
    for number, lines in enumerate(members, 1):
        writer.writerows({"member": number} | {key: f"{value:.6g}" for key, value in line.items()} for line in lines)
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_text(text.getvalue(), encoding="utf-8")
    os.replace(unfinished, path)


def read_history(path: Path) -> list[list[dict[str, float]]]:
    """Return the lines of every member from a file of `write_history`."""
    members: dict[str, list[dict[str, float]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            members.setdefault(row.pop("member"), []).append({key: float(value) for key, value in row.items()})
    return list(members.values())


def plot_history(path: Path, members: History, title: str) -> None:
    """Write the learning curve: errors over the steps, training and held out."""
    from matplotlib.figure import Figure  # matplotlib is slow to import and rarely wanted here

    figure = Figure(figsize=(5.0, 3.4), layout="constrained")
    axes = figure.subplots()
    for number, lines in enumerate(members):
        steps = [line["steps"] for line in lines]
        for key, colour, label in (("training", "0.6", "training"), ("held_out", "tab:blue", "held out")):
            values = [100 * line.get(key, math.nan) for line in lines]
            if any(map(math.isfinite, values)):
                axes.plot(steps, values, color=colour, lw=1, label=label if number == 0 else None)
    axes.set(xlabel="steps", ylabel="RMSE / scale of the labels / %", yscale="log", title=title)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=200)
