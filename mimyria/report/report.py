"""`report.html`: one page on a loop, live while it runs: its state and why, its results, its costs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from html import escape

import numpy as np

from mimyria import __version__
from mimyria.autotrain.convergence import CONVERGED, UNKNOWN, title_of
from mimyria.autotrain.folder import HISTORY, SETTINGS
from mimyria.autotrain.steps import DOING
from mimyria.figures.document import write_document
from mimyria.figures.markup import NOTHING, Section, number, table
from mimyria.report.costs import Cost, cost_of, label_cores
from mimyria.report.results import (
    SCORE_TITLES,
    score_cells,
    show_errors,
    show_labels,
    show_learning,
    show_similarities,
    show_spectra,
)
from mimyria.report.status import Status, explanation, headline, latest_output, verdict, warnings

log = logging.getLogger("mimyria")

REPORT = "report.html"
SECONDS_BETWEEN_LOOKS, SECONDS_OF_REST = 30, 60
"""The page reloads itself so often while the loop runs, but not sooner after its reader has moved the mouse."""

HEAD = """<style>
h2 { font-size: 1.15em; margin: 2.2em 0 0.5em; border-bottom: 1px solid #ddd; padding-bottom: 0.2em; }
.state { border-left: 6px solid; padding: 0.6em 1em; background: #f7f7f7; }
.state b { font-size: 1.25em; }
.running { border-color: #0072b2; } .converged { border-color: #009e73; }
.limit { border-color: #e69f00; } .stopped { border-color: #d55e00; }
.tiles { display: flex; flex-wrap: wrap; gap: 0.7em; margin: 1em 0; }
.tiles div { flex: 1; min-width: 110px; background: #f7f7f7; padding: 0.5em 0.8em; }
.tiles b { display: block; font-size: 1.5em; font-weight: 600; }
table { border-collapse: collapse; margin: 0.8em 0; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 0.2em 0.9em 0.2em 0; border-bottom: 1px solid #eee; }
th { font-weight: 600; vertical-align: bottom; } th:first-child, td:first-child, .words { text-align: left; }
.scroll { overflow-x: auto; }
.quiet { color: #777; } .wrong { color: #b34700; } .good { color: #00775a; }
.key span { white-space: nowrap; margin-right: 1.2em; }
.key i { display: inline-block; width: 1.6em; border-top: 3px solid; margin-right: 0.4em; vertical-align: middle; }
.parity { display: flex; flex-wrap: wrap; gap: 1em; } .parity figure { margin: 0; flex: 1; min-width: 280px; }
.parity img { width: 100%; max-width: 420px; }
</style>"""
LIVE = f"""<noscript><meta http-equiv="refresh" content="{SECONDS_BETWEEN_LOOKS}"></noscript>
<script>
let touched = 0;
for (const kind of ["pointermove", "wheel", "keydown"]) addEventListener(kind, () => touched = Date.now());
setInterval(() => {{ if (Date.now() - touched > {1000 * SECONDS_OF_REST}) location.reload(); }},
  {1000 * SECONDS_BETWEEN_LOOKS});
</script>"""
COPY = """<script>
document.getElementById("copy").onclick = () =>
  navigator.clipboard.writeText(document.getElementById("settings").textContent);
</script>"""


def write_report(status: Status) -> None:
    """Write ``report.html`` into the folder of a loop; whatever goes wrong with it is only warned of."""
    path = status.folder.path
    try:
        sections = {title: _section(show, status) for title, show in SECTIONS.items()}
        body = "\n".join((f"<h2>{title}</h2>\n" if title else "") + section.text for title, section in sections.items())
        figures = {place: figure for section in sections.values() for place, figure in section.figures.items()}
        files = [path / name for name in (SETTINGS, HISTORY)]
        texts = {file.name: file.read_text(encoding="utf-8") for file in files if file.exists()}
        head = HEAD + (LIVE if status.state == "running" else "")
        write_document(path / REPORT, f"mimyria autotrain: {path.name}", body, figures, texts, head=head)
    except Exception as error:  # the page only shows the loop, and must never end it
        log.warning(f"{path / REPORT} could not be written: {type(error).__name__}: {error}")


def _section(show: Callable[[Status], Section], status: Status) -> Section:
    """Return a section of the page, or in its place what went wrong with it."""
    try:
        return show(status)
    except Exception as error:  # such as a file that is just being written: the other sections are shown
        return Section(f'<p class="wrong">This could not be shown: {escape(f"{type(error).__name__}: {error}")}</p>')


def show_summary(status: Status) -> Section:
    """Return the state, the numbers that matter most, and what the decision rests on."""
    lines = [escape(explanation(status)), *(f"<code>{escape(line)}</code>" for line in latest_output(status))]
    lines.append(f'<span class="quiet">{time.strftime("%Y-%m-%d %H:%M:%S %Z")}, mimyria {__version__}</span>')
    tiles = {"cycles": str(len(status.cycles)), "labels": str(status.n_labels)}
    for name, scores in status.changes.items():
        if np.isfinite(scores.change):
            tiles[f"similarity of {escape(title_of(name))}"] = f"{100 * (1 - scores.change):.1f} %"
    shown = "".join(f"<div><b>{value}</b>{name}</div>" for name, value in tiles.items())
    return Section(
        f'<div class="state {status.state}"><b>{escape(headline(status))}</b><br>{"<br>".join(lines)}</div>'
        f'<div class="tiles">{shown}</div>{_decision(status)}'
    )


def _decision(status: Status) -> str:
    """Return the scores of every spectrum in the last cycle, and what they mean."""
    if not status.changes:
        return ""
    rule, rows = status.settings.convergence, []
    for name, scores in status.changes.items():
        text = verdict(scores, rule)
        mark = {CONVERGED: "good", UNKNOWN: "quiet"}.get(text, "wrong")
        rows.append([*score_cells(name, scores), f'<span class="{mark}">{escape(text)}</span>'])
    return table(["last cycle", *SCORE_TITLES, "verdict"], rows, words=1) + (
        f'<p class="quiet">Scores Σ|A−B|/Σ|A+B| between {rule.low:g} and {rule.high:g} cm⁻¹: of the spectra of the '
        "last two cycles; of this one and the last with at most half as many labels; of two networks of the committee, "
        "on average; of two measurements as long as all of the trajectories, on average. Allowed are "
        f"{rule.score:g}, for networks the floor where it is higher; of integrals and biases "
        f"{100 * rule.intensity:g} %, or two standard errors. A bias is that of the integral predicted for the "
        "labels of the test set.</p>"
    )


def show_warnings(status: Status) -> Section:
    """Return the warnings."""
    items = "".join(f"<li>{escape(text)}</li>" for text in warnings(status))
    return Section(f"<ul>{items}</ul>" if items else '<p class="quiet">None.</p>')


def show_costs(status: Status) -> Section:
    """Return the costs of each cycle and their sum."""
    folders = [path for path in (status.folder.test, *status.folder.cycles(), status.folder.final) if path.exists()]
    if not folders:
        return NOTHING
    costs = [cost_of(path, status.settings, status.headers.get(path, [])) for path in folders]
    total = Cost.sum(costs)
    rows = [[path.name, *_cells(cost)] for path, cost in zip(folders, costs, strict=True)]
    rows.append([f"<b>{cell}</b>" for cell in ["together", *_cells(total)]])
    columns = ["", "labels", *(f"{step}<br>hours" for step in DOING.values())]
    columns += [f"{work}<br>core-hours" for work in ("labels", "training", "prediction", "all")]
    each = f"{number(total.label_core_hours / total.labels)} core-hours a label. " if total.labels else ""
    note = (
        f"{each}Hours are those that passed. Core-hours are the seconds that the calculations, the trainings and the "
        f"passes took, times the cores that the settings give them ({label_cores(status.settings)} for a label); a "
        "GPU counts as a core, and what failed is not counted."
    )
    return Section(table(columns, rows) + f'<p class="quiet">{note}</p>')


def _cells(cost: Cost) -> list[str]:
    hours = [cost.hours.get(step, 0.0) for step in DOING]
    core_hours = [cost.label_core_hours, cost.training_core_hours, cost.prediction_core_hours, cost.core_hours]
    return [str(cost.labels), *map(number, [*hours, *core_hours])]


def show_settings(status: Status) -> Section:
    """Return the settings, to copy."""
    folder = status.folder.path
    if not (folder / SETTINGS).exists():
        return NOTHING
    text = (
        f"<p>mimyria {__version__}; as <code>settings.yaml</code>, for "
        f"<code>mimyria autotrain settings.yaml --folder {escape(folder.name)}</code>. "
        f'<a download="{SETTINGS}">download</a> <button id="copy">copy</button>'
    )
    if (folder / HISTORY).exists():
        text += f'; the numbers of every cycle: <a download="{HISTORY}">{HISTORY}</a>'
    settings = escape((folder / SETTINGS).read_text(encoding="utf-8"))
    return Section(f'{text}</p><pre id="settings">{settings}</pre>{COPY}')


SECTIONS: dict[str, Callable[[Status], Section]] = {
    "": show_summary,
    "Warnings": show_warnings,
    "Spectra": show_spectra,
    "Similarity against number of labels": show_similarities,
    "Errors on the test set": show_errors,
    "Learning curves": show_learning,
    "Labels": show_labels,
    "Cost": show_costs,
    "Settings": show_settings,
}
"""From top to bottom, by their headings."""
