"""Pictures of a training: learning curve, predicted against labelled, error of a committee over its spread."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mimyria.elements import symbols_of
from mimyria.memory import make_folder, whole
from mimyria.training.evaluate import Comparison, calibration_curve
from mimyria.training.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes


CURVES = (
    ("training", "0.6", "training"),
    ("gradients", "tab:orange", "gradients, training"),
    ("held_out", "tab:blue", "held out"),
)
"""Columns of a history, their colours and names."""


def plot_parity(path: Path, pairs: Comparison) -> None:
    """Write predicted against labelled tensor elements, one colour a species."""
    with _picture(path, 4.2, 4.2) as axes:
        for number in np.unique(pairs.numbers):
            chosen, (symbol,) = pairs.numbers == number, symbols_of([number])
            axes.plot(pairs.labels[chosen].ravel(), pairs.predictions[chosen].ravel(), ".", ms=2, label=symbol)
        ends = [np.nanmin(pairs.labels), np.nanmax(pairs.labels)]
        axes.plot(ends, ends, color="black", lw=0.7)
        axes.set(xlabel=f"label / {pairs.target.unit}", ylabel=f"prediction / {pairs.target.unit}")
        axes.legend(frameon=False, markerscale=4)


def plot_calibration(path: Path, pairs: Comparison) -> None:
    """Write error over spread of groups of atoms: where they lie on a line through zero the spread can be trusted."""
    spreads, errors = calibration_curve(pairs)
    slope = float(np.sqrt(np.square(errors).mean() / np.square(spreads).mean()))
    ends, unit = np.array([0, spreads.max()]), pairs.target.unit
    with _picture(path, 4.2, 4.2) as axes:
        axes.plot(spreads, errors, "o", color="tab:blue")
        axes.plot(ends, slope * ends, color="black", lw=0.7, label=f"error = {slope:.2g} spread")
        axes.set(xlabel=f"spread / {unit}", ylabel=f"error / {unit}", xlim=(0, None), ylim=(0, None))
        axes.legend(frameon=False)


def plot_history(path: Path, members: History, title: str) -> None:
    """Write the learning curve: errors over the steps, of training and held-out frames, and of gradients if learnt."""
    with _picture(path, 5.0, 3.4) as axes:
        for number, lines in enumerate(members):
            steps = [line["steps"] for line in lines]
            for key, colour, label in CURVES:
                values = [100 * line.get(key, math.nan) for line in lines]
                if any(map(math.isfinite, values)):
                    axes.plot(steps, values, color=colour, lw=1, label=label if number == 0 else None)
        axes.set(xlabel="steps", ylabel="RMSE / scale of the labels / %", yscale="log", title=title)
        axes.legend(frameon=False)


@contextmanager
def _picture(path: Path, width: float, height: float) -> Iterator[Axes]:
    """Yield axes to draw in, and write the picture; sizes in inches."""
    from matplotlib.figure import Figure  # slow to import and rarely wanted here

    figure = Figure(figsize=(width, height), layout="constrained")
    yield figure.subplots()
    make_folder(path.parent)
    with whole(path) as unfinished:
        figure.savefig(unfinished, dpi=200, format=path.suffix[1:])
