"""The sections of the report that show results: spectra, similarities, errors, learning curves, labels."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from mimyria.autotrain.convergence import COMPARED, Relative, SpectrumChange, title_of
from mimyria.autotrain.history import Cycle
from mimyria.autotrain.steps import LABELLED, parity_plot
from mimyria.figures.charts import Line, chart, lay_out, level, shades
from mimyria.figures.markup import NOTHING, Section, key, number, place, table
from mimyria.figures.page import figure_of
from mimyria.figures.panels import BLUE, GREEN, GREY, HIGHEST, ORANGE, PURPLE, VERMILION, Curve, Panel
from mimyria.labels.quality import FIGURES, is_outlier, summarise_quality
from mimyria.memory import read_json
from mimyria.report.status import Status, verdict
from mimyria.spectra.spectrum import read_spectrum
from mimyria.targets import TARGETS
from mimyria.training.history import history_of, read_history

MOST_POINTS = 200
"""Of a learning curve on the page."""
LAST_NAMED = 3
"""Cycles that have a name of their own in a legend, beside the first."""
SCORES = {
    "change": ("to the cycle before", BLUE, "solid"),
    "half": ("to half as many labels", PURPLE, "solid"),
    "spread": ("between networks", ORANGE, "solid"),
    "floor": ("statistical floor", GREEN, "dotted"),
}
"""How a `SpectrumChange` is drawn: label, colour, dash."""
SCORE_TITLES = (
    *("change", "since half", "networks differ by", "statistical floor"),
    *("integral since half", "bias on the test set"),
)
TARGET_COLORS = dict(zip(TARGETS, (BLUE, VERMILION, PURPLE), strict=False))
SPECIES_COLORS = (GREEN, ORANGE, PURPLE, GREY)
QUALITY = {name: meaning for name, meaning in FIGURES.items() if name.startswith("qa_")}
PANEL_HEIGHT, QUALITY_HEIGHT = 376, 190
"""Pixels: of a panel of spectra with its legend, of a chart of one figure of the labels."""


def show_spectra(status: Status) -> Section:
    """Return the spectra of all cycles, the last with its errors, and the final ones."""
    panels = [panel for name in COMPARED if (panel := _panel(status, name)) is not None]
    if not panels:
        return NOTHING
    text = (
        "<p>Later cycles are darker. The blue band is the statistical error of the last one, the orange band the "
        "deviation of its networks from each other; the final spectrum, along all of the trajectories, is vermilion. "
        "Drag to zoom, click a name in the legend to show or hide a curve, point at a curve to read it off.</p>"
    )
    return Section(text + place("spectra", PANEL_HEIGHT * len(panels)), {"spectra": figure_of(panels)})


def _panel(status: Status, name: str) -> Panel | None:
    """Return one kind of spectrum of every cycle that made it."""
    _, file, column, _ = COMPARED[name]
    made = [cycle for cycle in status.cycles if (cycle.folder / file).exists()]
    if not made:
        return None
    spectra = [read_spectrum(cycle.folder / file) for cycle in made]
    labels = _legend(made)
    curves = [
        Curve(label, spectrum.wavenumber, spectrum.values(column), color)
        for label, spectrum, color in zip(labels[:-1], spectra, shades(len(made)), strict=False)
    ]
    wavenumber, values, error = spectra[-1].curve(column)
    if (spread := spectra[-1].spread(column)) is not None:
        curves.append(Curve("its networks", wavenumber, values, ORANGE, spread))
    last = Curve(labels[-1], wavenumber, values, shades(1)[0], error).between(0, HIGHEST)
    curves.append(last)
    if (final := status.folder.final / file).exists():
        wavenumber, values, error = read_spectrum(final).curve(column)
        curves.append(Curve("final", wavenumber, values, VERMILION, error))
    quantity, unit, scale = "line shape", "max. of last", last.highest() or 1.0
    if name == "ir":
        quantity, unit, scale = "n·α", "10³ cm⁻¹", 1000.0
    scaled = tuple(curve.between(0, HIGHEST).times(1 / scale) for curve in curves)
    return Panel(name, title_of(name), quantity, unit, scaled, scale, height=0.9)


def _legend(cycles: Sequence[Cycle]) -> list[str]:
    """Return the labels of the cycles; of many those in the middle have one label."""
    labels = [f"{cycle.title}, {cycle.n_labels} labels" for cycle in cycles]
    between = cycles[1:-LAST_NAMED]
    if len(between) > 1:
        labels[1:-LAST_NAMED] = [f"cycles {between[0].number} to {between[-1].number}"] * len(between)
    return labels


def score_cells(name: str, scores: SpectrumChange) -> list[str]:
    """Return the name of a spectrum, and its scores under the `SCORE_TITLES`."""
    numbers = map(number, (scores.change, scores.half, scores.spread, scores.floor))
    return [escape(title_of(name)), *numbers, str(scores.integral), str(scores.bias)]


def show_similarities(status: Status) -> Section:
    """Return the similarity of the spectra of successive cycles over the number of labels, and all numbers."""
    rule, cycles = status.settings.convergence, status.cycles
    n_labels = [cycle.n_labels for cycle in cycles]
    names = list(dict.fromkeys(name for cycle in cycles for name in cycle.changes))
    if not names:
        return NOTHING
    charts = []
    for name in names:
        lines = []
        for kind, (label, color, dash) in SCORES.items():
            scores = np.array([getattr(cycle.changes.get(name), kind, np.nan) for cycle in cycles])
            lines.append(Line(label, n_labels, 100 * (1 - scores), color, dash))
        lines.append(level("wanted", 100 * (1 - rule.score), lines))
        charts.append(chart(title_of(name), "labels", "similarity / %", lines, zero="x"))
    rows = []
    for cycle in cycles:
        for name, each in cycle.changes.items():
            rows.append([cycle.title, str(cycle.n_labels), *score_cells(name, each), escape(verdict(each, rule))])
    columns = ["cycle", "labels", "spectrum", *SCORE_TITLES, "verdict"]
    details = f"<details><summary>all numbers</summary>{table(columns, rows, words=1)}</details>"
    keys = key([*SCORES.values(), ("wanted", GREY, "dashed")])
    return Section(keys + place("similarity") + details, {"similarity": lay_out(charts)})


def show_errors(status: Status) -> Section:
    """Return the errors on the test set over the number of labels, and the newest parity plots."""
    tested = [cycle for cycle in status.cycles if cycle.errors]
    names = [name for name in TARGETS if any(name in cycle.errors for cycle in tested)]
    if not names:
        return NOTHING
    n_labels = [cycle.n_labels for cycle in tested]
    species = dict.fromkeys(s for cycle in tested for name in names for s in _lookup(cycle, name, "species") or ())
    colors = {symbol: SPECIES_COLORS[k % len(SPECIES_COLORS)] for k, symbol in enumerate(species)}

    def line(label: str, color: str, *path: str, dash: str = "solid", factor: float = 1.0) -> Line:
        values = np.array([_lookup(cycle, *path) for cycle in tested], dtype=float)  # None becomes NaN
        return Line(label, n_labels, factor * values, color, dash)

    relative = [line(name.upper(), TARGET_COLORS[name], name, "relative_rmse", factor=100) for name in names]
    charts = [chart("relative to the deviation of the labels", "labels", "RMSE / %", relative, zero="xy")]
    for name in names:
        lines = [line("all atoms", TARGET_COLORS[name], name, "rmse")]
        lines += [line(s, color, name, "species", s, "rmse", dash="dashed") for s, color in colors.items()]
        charts.append(chart(name.upper(), "labels", f"RMSE / {_unit(TARGETS[name].unit)}", lines, zero="xy"))
    keys = [(name.upper(), TARGET_COLORS[name], "solid") for name in names]
    keys += [(f"{symbol} alone", color, "dashed") for symbol, color in colors.items()]
    return Section(key(keys) + place("errors") + _biases(tested[-1]) + _parity(status), {"errors": lay_out(charts)})


def _biases(cycle: Cycle) -> str:
    """Return the biases of intensities on the test set, by target and part, and of species and groups."""
    found = {(name, part): row for name in TARGETS for part, row in (_lookup(cycle, name, "intensities") or {}).items()}
    kinds = [(kind, one) for kind in ("species", "groups") for row in found.values() for one in row.get(kind, {})]
    columns = list(dict.fromkeys(kinds))
    rows = [
        [name.upper(), part, _bias(row), *(_bias(row.get(kind, {}).get(one)) for kind, one in columns)]
        for (name, part), row in found.items()
    ]
    if not rows:
        return ""
    title = f"<p>Bias of the integrals that the networks of {cycle.title} predict for the labels of the test set.</p>"
    return title + table(["", "", "all atoms", *(escape(one) for _, one in columns)], rows)


def _bias(row: Mapping[str, Any] | None) -> str:
    """Return a bias with its error."""
    return "–" if not row else str(Relative(row["bias"], np.nan if row["bias_error"] is None else row["bias_error"]))


def _lookup(cycle: Cycle, *path: str) -> Any:
    """Return the value at a path of names in the errors of a cycle, or None."""
    value: Any = cycle.errors
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _parity(status: Status) -> str:
    """Return the newest pictures of predictions over labels."""
    shown = []
    for name in TARGETS:
        paths = [path for cycle in status.cycles if (path := parity_plot(cycle.folder, name)).exists()]
        for path in paths[-1:]:
            data = base64.b64encode(path.read_bytes()).decode()
            caption = f"{name.upper()} of the test set, {path.parent.name}"
            image = f'<img alt="predictions over labels: {caption}" src="data:image/png;base64,{data}">'
            shown.append(f"<figure><figcaption>{caption}</figcaption>{image}</figure>")
    return f'<div class="parity">{"".join(shown)}</div>' if shown else ""


def show_learning(status: Status) -> Section:
    """Return the learning curves of all trainings, also of those that run."""
    folders = status.folder.cycles()
    charts = []
    for name, target in TARGETS.items():
        lines = []
        for folder, color in zip(folders, shades(len(folders)), strict=True):
            path = history_of(folder / f"{name}.mym")
            for network, history in enumerate(read_history(path) if path.exists() else [], 1):
                rows = history[:: max(1, len(history) // MOST_POINTS)]
                steps = [row["steps"] for row in rows]
                for column, label, dash in (("held_out", "held out", "solid"), ("training", "training", "dotted")):
                    values = 100 * np.array([row.get(column, np.nan) for row in rows])
                    label = f"{folder.name}, network {network}, {label}"
                    lines.append(Line(label, steps, values, color, dash, marked=False, width=1.4))
        if lines:
            worst = max((float(max(line.y)) for line in lines if line.dash == "solid"), default=np.nan)
            title, axis = f"{name.upper()}: {target.title}", "RMSE / scale of the labels / %"
            charts.append(chart(title, "steps", axis, lines, log=True, top=1.3 * worst))
    if not charts:
        return NOTHING
    text = "<p>Solid: held-out labels; dotted: training. Later cycles are darker; every network has its own curve.</p>"
    return Section(text + place("learning"), {"learning": lay_out(charts)})


def show_labels(status: Status) -> Section:
    """Return the figures of the labels, the frames that stand out, and those that have no label."""
    if not status.headers:
        return NOTHING
    rows = []
    engines: dict[str, None] = {}
    for folder, headers in status.headers.items():
        facts, labelled = summarise_quality(headers), read_json(folder / LABELLED)
        engines[str(facts.get("engine", "")).split(" (")[0]] = None
        failed = str(labelled["selected"] - len(headers)) if "selected" in labelled else "–"
        texts = (str(labelled.get("reason", "")), facts.get("outliers", ""))
        rows.append([folder.name, str(len(headers)), failed, *map(escape, texts)])
    text = table(["set", "labelled", "failed", "reason", "frames that stand out"], rows, words=2)
    charts = [made for name in QUALITY if (made := _quality(status, name)) is not None]
    if not charts:
        return Section(text)
    meanings = "; ".join(f"<code>{name}</code>: {escape(meaning)}" for name, meaning in QUALITY.items())
    text += (
        f'<p class="quiet">{escape(", ".join(filter(None, engines)))}. {meanings}. Test set grey, later cycles darker, '
        "frames that stand out vermilion.</p>"
    )
    return Section(text + place("quality", 2 * QUALITY_HEIGHT), {"quality": lay_out(charts, across=2)})


def _quality(status: Status, name: str) -> Any:
    """Return one figure of all labels, in the order in which they were made; None where no label has it."""
    lines, outliers = [], []
    colors = [GREY, *shades(len(status.headers) - 1)]
    start = 0
    for (folder, headers), color in zip(status.headers.items(), colors, strict=False):
        values = np.array([float(header.get(name, np.nan)) for header in headers])
        numbers = np.arange(start, start + len(values))
        start += len(values)
        if np.isfinite(values).any():
            far = is_outlier(values)
            lines.append(Line(folder.name, numbers, values, color, dash=""))
            outliers.append(Line(f"{folder.name}, stands out", numbers[far], values[far], VERMILION, dash=""))
    if not lines:
        return None
    unit = _unit(re.split(" that | between | by which ", QUALITY[name])[0])
    return chart(name, "label", unit, [*lines, *outliers], log=True, height=QUALITY_HEIGHT)


def _unit(text: str) -> str:
    """Return a unit as one writes it by hand."""
    return text.replace("^2", "²").replace("Angstrom", "Å")
