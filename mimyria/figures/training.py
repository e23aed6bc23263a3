"""Pictures of a training: learning curve, predicted against labelled, error of a committee over its spread."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mimyria.elements import symbols_of
from mimyria.memory import whole
from mimyria.training.evaluate import Comparison, calibration
from mimyria.training.history import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_parity(path: Path, pairs: Comparison) -> None:
    """Write predicted against labelled tensor elements, one colour a species."""
    from matplotlib.figure import Figure  # matplotlib is slow to import and rarely wanted here

    figure = Figure(figsize=(4.2, 4.2), layout="constrained")
    axes = figure.subplots()
    for number in np.unique(pairs.numbers).tolist():
        chosen = pairs.numbers == number
        symbol = symbols_of([number])[0]
        axes.plot(pairs.labels[chosen].ravel(), pairs.predictions[chosen].ravel(), ".", ms=2, label=symbol)
    ends = [np.nanmin(pairs.labels), np.nanmax(pairs.labels)]
    axes.plot(ends, ends, color="black", lw=0.7)
    axes.set_xlabel(f"label / {pairs.target.unit}")
    axes.set_ylabel(f"prediction / {pairs.target.unit}")
    axes.legend(frameon=False, markerscale=4)
    _save(figure, path)


def plot_calibration(path: Path, pairs: Comparison) -> None:
    """Write error over spread of groups of atoms: where they lie on a line through zero the spread can be trusted."""
    from matplotlib.figure import Figure

    unsure, wrong = calibration(pairs)
    figure = Figure(figsize=(4.2, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(unsure, wrong, "o", color="tab:blue")
    slope = float(np.sqrt(np.square(wrong).mean() / np.square(unsure).mean()))
    axes.plot([0, unsure.max()], [0, slope * unsure.max()], color="black", lw=0.7, label=f"error = {slope:.2g} spread")
    axes.set(
        xlabel=f"spread / {pairs.target.unit}", ylabel=f"error / {pairs.target.unit}", xlim=(0, None), ylim=(0, None)
    )
    axes.legend(frameon=False)
    _save(figure, path)


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
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    with whole(path) as unfinished:
        figure.savefig(unfinished, dpi=200, format=path.suffix[1:])
