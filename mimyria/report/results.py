"""The parts of the report that show what came out: spectra, similarities, errors, learning curves, labels."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.autotrain.convergence import COMPARED
from mimyria.autotrain.history import Cycle
from mimyria.autotrain.steps import LABELLED, parity_plot
from mimyria.figures.charts import Line, beside, chart, level, shades
from mimyria.figures.markup import NOTHING, Part, key, number, place, table
from mimyria.figures.page import figure_of
from mimyria.figures.panels import BLUE, GREEN, GREY, HIGHEST, ORANGE, PURPLE, VERMILION, Curve, Panel
from mimyria.labels.quality import FIGURES, outlying, summarise
from mimyria.memory import read_json
from mimyria.report.status import NAMES, Standing, verdict
from mimyria.spectra.spectrum import read_spectrum
from mimyria.targets import TARGETS
from mimyria.training.history import history_of, read_history

MOST_POINTS = 200
"""Of a learning curve on the page."""
LAST_NAMED = 3
"""Cycles that have a name of their own in a legend, beside the first."""
SCORES = {
    "change": ("to the cycle before", BLUE, "solid"),
    "spread": ("between networks", ORANGE, "solid"),
    "floor": ("statistical floor", GREEN, "dotted"),
}
"""How `Settling` is drawn: label, colour, dash."""
TARGET_COLORS = dict(zip(TARGETS, (BLUE, VERMILION, PURPLE), strict=False))
SPECIES_COLORS = (GREEN, ORANGE, PURPLE, GREY)
QUALITY = {name: meaning for name, meaning in FIGURES.items() if name.startswith("qa_")}
PANEL_HEIGHT, QUALITY_HEIGHT = 376, 190
"""Pixels: of a panel of spectra with its legend, of a chart of one figure of the labels."""


def spectra(standing: Standing) -> Part:
    """Return the spectra of all cycles, the last with its errors, and the final ones."""
    panels = [panel for name in COMPARED if (panel := _panel(standing, name)) is not None]
    if not panels:
        return NOTHING
    text = (
        "<p>Later cycles are darker. The blue band is the statistical error of the last one, the orange band the "
        "deviation of its networks from each other; the final spectrum, along all of the trajectories, is vermilion. "
        "Drag to zoom, click a name in the legend to show or hide a curve, point at a curve to read it off.</p>"
    )
    return Part(text + place("spectra", PANEL_HEIGHT * len(panels)), {"spectra": figure_of(panels)})


def _panel(standing: Standing, name: str) -> Panel | None:
    """Return one kind of spectrum of every cycle that made it."""
    file, column = COMPARED[name]
    made = [cycle for cycle in standing.cycles if (cycle.folder / file).exists()]
    if not made:
        return None
    paths = [cycle.folder / file for cycle in made]
    *before, last = (_curve(path, column, label) for path, label in zip(paths, _names(made), strict=True))
    colors = shades(len(made))
    curves = [Curve(one.label, one.wavenumber, one.values, color) for one, color in zip(before, colors, strict=False)]
    networks = _curve(paths[-1], column, "its networks", "spread")
    if networks.error is not None:
        curves.append(networks)
    curves.append(last)
    if (standing.folder.final / file).exists():
        curves.append(_curve(standing.folder.final / file, column, "final"))
    title, quantity, unit, scale = NAMES[name], "line shape", "max. of last", last.highest() or 1.0
    if name == "ir":
        quantity, unit, scale = "n·α", "10³ cm⁻¹", 1000.0
    return Panel(name, title, quantity, unit, tuple(one.times(1 / scale) for one in curves), scale, height=0.9)


def _names(cycles: Sequence[Cycle]) -> list[str]:
    """Return what the legend calls the cycles; of many those in the middle have one name."""
    names = [f"{cycle.words}, {cycle.labels} labels" for cycle in cycles]
    between = cycles[1:-LAST_NAMED]
    if len(between) > 1:
        names[1:-LAST_NAMED] = [f"cycles {between[0].number} to {between[-1].number}"] * len(between)
    return names


def _curve(path: Path, column: str, label: str, band: str = "error") -> Curve:
    """Return a spectrum with its error, or its spread over the committee, as a band."""
    found = read_spectrum(path)
    error = found.spread(column) if band == "spread" else found.error(column)
    color = {"spread": ORANGE}.get(band, VERMILION if label == "final" else shades(1)[0])
    return Curve(label, found.wavenumber, found.values(column), color, error).between(0, HIGHEST)


def similarities(standing: Standing) -> Part:
    """Return how alike the spectra of following cycles are over the number of labels, and all numbers."""
    score, cycles = standing.settings.convergence.score, standing.cycles
    labels = [cycle.labels for cycle in cycles]
    names = [name for name in NAMES if any(name in cycle.settling for cycle in cycles)]
    if not names:
        return NOTHING
    charts = []
    for name in names:
        lines = []
        for kind, (label, color, dash) in SCORES.items():
            scores = np.array([getattr(cycle.settling.get(name), kind, np.nan) for cycle in cycles])
            lines.append(Line(label, labels, 100 * (1 - scores), color, dash))
        lines.append(level("wanted", 100 * (1 - score), lines))
        charts.append(chart(NAMES[name], "labels", "similarity / %", lines, zero="x"))
    rows = [
        [cycle.words, str(cycle.labels), NAMES[name], *map(number, (one.change, one.spread, one.floor)),
         verdict(one, score)]
        for cycle in cycles for name, one in cycle.settling.items()
    ]  # fmt: skip
    columns = ["cycle", "labels", "spectrum", "change", "networks differ by", "statistical floor", "verdict"]
    numbers = f"<details><summary>all numbers</summary>{table(columns, rows, words=1)}</details>"
    keys = key([*SCORES.values(), ("wanted", GREY, "dashed")])
    return Part(keys + place("similarity") + numbers, {"similarity": beside(charts)})


def errors(standing: Standing) -> Part:
    """Return the errors on the test set over the number of labels, and the newest parity plots."""
    known = [cycle for cycle in standing.cycles if cycle.errors]
    names = [name for name in TARGETS if any(name in cycle.errors for cycle in known)]
    if not names:
        return NOTHING
    labels = [cycle.labels for cycle in known]
    species = dict.fromkeys(one for cycle in known for name in names for one in _at(cycle, name, "species") or ())
    tones = {one: SPECIES_COLORS[k % len(SPECIES_COLORS)] for k, one in enumerate(species)}

    def line(label: str, color: str, *path: str, dash: str = "solid", factor: float = 1.0) -> Line:
        found = [_at(cycle, *path) for cycle in known]
        values = factor * np.array([np.nan if one is None else one for one in found], dtype=float)
        return Line(label, labels, values, color, dash)

    relative = [line(name.upper(), TARGET_COLORS[name], name, "relative_rmse", factor=100) for name in names]
    charts = [chart("relative to the deviation of the labels", "labels", "RMSE / %", relative, zero="xy")]
    for name in names:
        lines = [line("all atoms", TARGET_COLORS[name], name, "rmse")]
        lines += [line(one, tone, name, "species", one, "rmse", dash="dashed") for one, tone in tones.items()]
        charts.append(chart(name.upper(), "labels", f"RMSE / {_unit(TARGETS[name].unit)}", lines, zero="xy"))
    keys = [*((name.upper(), TARGET_COLORS[name], "solid") for name in names)]
    keys += [(f"{one} alone", tone, "dashed") for one, tone in tones.items()]
    return Part(key(keys) + place("errors") + _parity(standing), {"errors": beside(charts)})


def _at(cycle: Cycle, *path: str) -> Any:
    """Return what the errors of a cycle say at a path of names, or None."""
    found: Any = cycle.errors
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _parity(standing: Standing) -> str:
    """Return the newest pictures of predictions over labels."""
    shown = []
    for name in TARGETS:
        paths = [parity_plot(cycle.folder, name) for cycle in standing.cycles]
        for path in [one for one in paths if one.exists()][-1:]:
            data = base64.b64encode(path.read_bytes()).decode()
            caption = f"{name.upper()} of the test set, {path.parent.name}"
            image = f'<img alt="predictions over labels: {caption}" src="data:image/png;base64,{data}">'
            shown.append(f"<figure><figcaption>{caption}</figcaption>{image}</figure>")
    return f'<div class="parity">{"".join(shown)}</div>' if shown else ""


def learning(standing: Standing) -> Part:
    """Return the learning curves of all trainings, those that run too."""
    folders = standing.folder.cycles()
    charts = []
    for name, target in TARGETS.items():
        lines = []
        for folder, color in zip(folders, shades(len(folders)), strict=True):
            path = history_of(folder / f"{name}.mym")
            for member, history in enumerate(read_history(path) if path.exists() else [], 1):
                rows = history[:: max(1, len(history) // MOST_POINTS)]
                steps = [row["steps"] for row in rows]
                for column, words, dash in (("held_out", "held out", "solid"), ("training", "training", "dotted")):
                    values = 100 * np.array([row.get(column, np.nan) for row in rows])
                    label = f"{folder.name}, network {member}, {words}"
                    lines.append(Line(label, steps, values, color, dash, marked=False, width=1.4))
        if lines:
            title = f"{name.upper()}: {target.title}"
            worst = max((float(max(line.y)) for line in lines if line.dash == "solid"), default=np.nan)
            axis = "RMSE / scale of the labels / %"
            charts.append(chart(title, "steps", axis, lines, log=True, top=1.3 * worst))
    if not charts:
        return NOTHING
    text = "<p>Solid: held-out labels; dotted: training. Later cycles are darker; every network has its own curve.</p>"
    return Part(text + place("learning"), {"learning": beside(charts)})


def labels(standing: Standing) -> Part:
    """Return the figures of the labels, the frames that stand out, and those that have no label."""
    if not standing.headers:
        return NOTHING
    rows = []
    engines: dict[str, None] = {}
    for folder, headers in standing.headers.items():
        facts = summarise(headers)
        engines[str(facts.get("engine", "")).split(" (")[0]] = None
        asked, reason = _asked(folder)
        failed = "–" if asked is None else str(asked - len(headers))
        rows.append([folder.name, str(len(headers)), failed, escape(reason), escape(facts.get("outliers", ""))])
    text = table(["set", "labelled", "failed", "reason", "frames that stand out"], rows, words=2)
    charts = [one for name in QUALITY if (one := _quality(standing, name)) is not None]
    if not charts:
        return Part(text)
    meanings = "; ".join(f"<code>{name}</code>: {escape(meaning)}" for name, meaning in QUALITY.items())
    text += (
        f'<p class="quiet">{escape(", ".join(filter(None, engines)))}. {meanings}. Test set grey, later cycles darker, '
        "frames that stand out vermilion.</p>"
    )
    return Part(text + place("quality", 2 * QUALITY_HEIGHT), {"quality": beside(charts, across=2)})


def _quality(standing: Standing, name: str) -> Any:
    """Return one figure of all labels, in the order in which they were made; None where no label has it."""
    lines, beyond = [], []
    colors = [GREY, *shades(len(standing.headers) - 1)]
    start = 0
    for (folder, headers), color in zip(standing.headers.items(), colors, strict=False):
        values = np.array([float(header.get(name, np.nan)) for header in headers])
        numbers = np.arange(start, start + len(values))
        start += len(values)
        if np.isfinite(values).any():
            far = outlying(values)
            lines.append(Line(folder.name, numbers, values, color, dash=""))
            beyond.append(Line(f"{folder.name}, stands out", numbers[far], values[far], VERMILION, dash=""))
    if not lines:
        return None
    unit = _unit(re.split(" that | between ", QUALITY[name])[0])
    return chart(name, "label", unit, [*lines, *beyond], log=True, height=QUALITY_HEIGHT)


def _unit(text: str) -> str:
    """Return a unit as one writes it by hand."""
    return text.replace("^2", "²").replace("Angstrom", "Å")


def _asked(folder: Path) -> tuple[int | None, str]:
    """Return how many frames were to be labelled, and why some have no label; None where it is not known yet."""
    stated = read_json(folder / LABELLED)
    return stated.get("selected"), str(stated.get("reason", ""))
