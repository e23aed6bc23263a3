"""`report.html`: one page on a loop, live while it runs: where it stands and why, what came out, what it cost."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from html import escape

import numpy as np

from mimyria import __version__
from mimyria.autotrain.folder import HISTORY, SETTINGS, RunFolder
from mimyria.autotrain.history import Cycle
from mimyria.autotrain.settings import AutotrainSettings
from mimyria.autotrain.steps import DOING
from mimyria.figures.document import write_document
from mimyria.figures.markup import NOTHING, Part, number, table
from mimyria.report.costs import Cost, cost_of, label_cores
from mimyria.report.results import errors, labels, learning, similarities, spectra
from mimyria.report.status import (
    NAMES,
    SETTLED,
    UNKNOWN,
    Standing,
    explanation,
    headline,
    last_words,
    verdict,
    warnings,
)

log = logging.getLogger("mimyria")

REPORT = "report.html"
SECONDS_BETWEEN_LOOKS, SECONDS_OF_REST = 30, 60
"""The page loads itself anew so often while the loop runs, but not sooner after its reader has moved the mouse."""

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


def write_report(
    folder: RunFolder,
    cycles: Sequence[Cycle],
    settings: AutotrainSettings,
    reason: str,
    *,
    now: str = "",
    stopped: str = "",
) -> None:
    """Write ``report.html``; whatever goes wrong with it is only warned of.

    Parameters
    ----------
    folder, settings
        Of the loop.
    cycles
        Finished ones.
    reason
        To make no more cycles; empty to go on.
    now
        What is being done.
    stopped
        Why nothing is done any more, though there is more to do.
    """
    standing = Standing(folder, tuple(cycles), settings, reason, now, stopped)
    try:
        parts = {title: _part(make, standing) for title, make in PARTS.items()}
        body = "\n".join(f"<h2>{title}</h2>\n{part.text}" if title else part.text for title, part in parts.items())
        figures = {place: one for part in parts.values() for place, one in part.figures.items()}
        files = [folder.path / name for name in (SETTINGS, HISTORY)]
        texts = {file.name: file.read_text(encoding="utf-8") for file in files if file.exists()}
        head = HEAD + (LIVE if standing.state == "running" else "")
        write_document(folder.path / REPORT, f"mimyria autotrain: {folder.path.name}", body, figures, texts, head=head)
    except Exception as error:  # the loop goes on without a page
        log.warning(f"{folder.path / REPORT} could not be written: {type(error).__name__}: {error}")


def _part(make: Callable[[Standing], Part], standing: Standing) -> Part:
    """Return a part of the page, or in its place what went wrong with it."""
    try:
        return make(standing)
    except Exception as error:
        return Part(f'<p class="wrong">This could not be shown: {escape(f"{type(error).__name__}: {error}")}</p>')


def summary(standing: Standing) -> Part:
    """Return the state, the numbers that matter most, and what the decision rests on."""
    said = [escape(explanation(standing)), *(f"<code>{escape(line)}</code>" for line in last_words(standing))]
    said.append(f'<span class="quiet">{time.strftime("%Y-%m-%d %H:%M:%S %Z")}, mimyria {__version__}</span>')
    tiles = {"cycles": str(len(standing.cycles)), "labels": str(standing.labels)}
    for name, one in standing.settling.items():
        if np.isfinite(one.change):
            tiles[f"similarity of {NAMES[name]}"] = f"{100 * (1 - one.change):.1f} %"
    shown = "".join(f"<div><b>{value}</b>{name}</div>" for name, value in tiles.items())
    return Part(
        f'<div class="state {standing.state}"><b>{escape(headline(standing))}</b><br>{"<br>".join(said)}</div>'
        f'<div class="tiles">{shown}</div>{_decision(standing)}'
    )


def _decision(standing: Standing) -> str:
    """Return what the last cycle says of every spectrum."""
    if not standing.settling:
        return ""
    rule, rows = standing.settings.convergence, []
    for name, one in standing.settling.items():
        said = verdict(one, rule.score)
        mark = "good" if said == SETTLED else "quiet" if said == UNKNOWN else "wrong"
        numbers = map(number, (one.change, one.spread, one.floor, one.allowed(rule.score)))
        rows.append([NAMES[name], *numbers, f'<span class="{mark}">{said}</span>'])
    columns = ["last cycle", "change", "networks differ by", "statistical floor", "allowed", "verdict"]
    return table(columns, rows, words=1) + (
        f'<p class="quiet">Scores Σ|A−B|/Σ|A+B| between {rule.low:g} and {rule.high:g} cm⁻¹: of the spectra of the '
        "last two cycles; of two networks of the committee, on average; of two measurements as long as all of the "
        f"trajectories, on average. Allowed is the floor, or {rule.score:g} where the floor is lower.</p>"
    )


def remarks(standing: Standing) -> Part:
    """Return the warnings."""
    said = "".join(f"<li>{escape(text)}</li>" for text in warnings(standing))
    return Part(f"<ul>{said}</ul>" if said else '<p class="quiet">None.</p>')


def costs(standing: Standing) -> Part:
    """Return what each cycle has cost, and all together."""
    folder = standing.folder
    found = [(one.name, cost_of(one, standing.settings, standing.headers.get(one, []))) for one in
             (folder.test, *folder.cycles(), folder.final) if one.exists()]  # fmt: skip
    if not found:
        return NOTHING
    total = Cost.together([one for _, one in found])
    rows = [[name, *_cells(one)] for name, one in found]
    rows.append([f"<b>{cell}</b>" for cell in ["together", *_cells(total)]])
    columns = ["", "labels", *(f"{words}<br>hours" for words in DOING.values())]
    columns += [f"{words}<br>core-hours" for words in ("labels", "training", "prediction", "all")]
    each = f"{number(total.label_core_hours / total.labels)} core-hours a label. " if total.labels else ""
    note = (
        f"{each}Hours are those that passed. Core-hours are the seconds that the calculations, the trainings and the "
        f"passes took, times the cores that the settings give them ({label_cores(standing.settings)} for a label); a "
        "GPU counts as a core, and what failed is not counted."
    )
    return Part(table(columns, rows) + f'<p class="quiet">{note}</p>')


def _cells(cost: Cost) -> list[str]:
    hours = [cost.hours.get(step, 0.0) for step in DOING]
    core_hours = [cost.label_core_hours, cost.training_core_hours, cost.prediction_core_hours, cost.core_hours]
    return [str(cost.labels), *map(number, [*hours, *core_hours])]


def reproduction(standing: Standing) -> Part:
    """Return the settings, to copy."""
    path = standing.folder.path / SETTINGS
    if not path.exists():
        return NOTHING
    text = (
        f"<p>mimyria {__version__}; as <code>settings.yaml</code>, for "
        f"<code>mimyria autotrain settings.yaml --folder {escape(standing.folder.path.name)}</code>. "
        f'<a download="{SETTINGS}">download</a> <button id="copy">copy</button>'
    )
    if (standing.folder.path / HISTORY).exists():
        text += f'; the numbers of every cycle: <a download="{HISTORY}">{HISTORY}</a>'
    return Part(f'{text}</p><pre id="settings">{escape(path.read_text(encoding="utf-8"))}</pre>{COPY}')


PARTS: dict[str, Callable[[Standing], Part]] = {
    "": summary,
    "Warnings": remarks,
    "Spectra": spectra,
    "Similarity against number of labels": similarities,
    "Errors on the test set": errors,
    "Learning curves": learning,
    "Labels": labels,
    "Cost": costs,
    "Settings": reproduction,
}
"""From top to bottom, by their headings."""
