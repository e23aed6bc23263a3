"""Where a loop stands, in plain words with every number they rest on, and what its user should know besides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.autotrain.convergence import CONVERGED, Settling
from mimyria.autotrain.folder import RunFolder, made_of
from mimyria.autotrain.history import Cycle
from mimyria.autotrain.settings import AutotrainSettings
from mimyria.execute import LOG
from mimyria.formats.header import parse_header, split_time
from mimyria.labels.quality import summarise

NAMES = {"ir": "IR", "VV": "Raman VV", "VH": "Raman VH"}
"""Of the spectra that must settle."""
SETTLED, UNKNOWN = "settled", "nothing to compare with yet"
WARNING = "warning: "
"""Begins a line of a log."""
MOST_WARNINGS = 5
"""That are taken from one log."""


@dataclass(frozen=True)
class Standing:
    """What a report is made of.

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

    folder: RunFolder
    cycles: Sequence[Cycle]
    settings: AutotrainSettings
    reason: str = ""
    now: str = ""
    stopped: str = ""

    @property
    def state(self) -> str:
        """``running``, ``stopped``, ``converged`` or ``limit``."""
        if self.stopped:
            return "stopped"
        if not self.reason or made_of(self.folder.final).get("networks") != self.cycles[-1].folder.name:
            return "running"
        return "converged" if self.reason == CONVERGED else "limit"

    @property
    def labels(self) -> int:
        """Labelled frames of all finished cycles."""
        return self.cycles[-1].labels if self.cycles else 0

    @property
    def settling(self) -> Mapping[str, Settling]:
        """How much each spectrum moved in the last cycle."""
        return self.cycles[-1].settling if self.cycles else {}

    @property
    def settled_cycles(self) -> int:
        """How many of the last cycles have settled, in a row."""
        score = self.settings.convergence.score

        def settled(cycle: Cycle) -> bool:
            return bool(cycle.settling) and all(one.settled(score) for one in cycle.settling.values())

        return sum(1 for _ in takewhile(settled, reversed(self.cycles)))

    @cached_property
    def headers(self) -> dict[Path, list[dict[str, Any]]]:
        """What the headers of the labels in each folder say."""
        folders = [self.folder.test, *self.folder.cycles()]
        return {one: list(label_headers(one / "labels.extxyz")) for one in folders if (one / "labels.extxyz").exists()}


def label_headers(path: Path) -> Iterator[dict[str, Any]]:
    """Yield what the header of each frame says, without reading its atoms."""
    with path.open(encoding="utf-8") as lines:
        for count in lines:
            yield parse_header(split_time(next(lines))[1]).info
            next(islice(lines, int(count) - 1, int(count)), None)


def headline(standing: Standing) -> str:
    """Return the state in a few words."""
    so_far = f"{_counted(len(standing.cycles), 'cycle')} and {standing.labels} labels"
    outcome = f"Converged after {so_far}"
    if standing.reason != CONVERGED:
        outcome = f"Not converged: the {standing.reason} was reached after {so_far}"
    if standing.state == "stopped":
        return f"Stopped after {so_far}"
    if standing.state != "running":
        return outcome
    doing = f" ({standing.now})" if standing.now else ""
    return f"{outcome}; the final spectra are being made{doing}" if standing.reason else f"Running{doing}"


def explanation(standing: Standing) -> str:
    """Return why, and what comes next."""
    rule, settled = standing.settings.convergence, standing.settled_cycles
    wanted = f"every spectrum must settle {_in_a_row(rule.patience)} (so far: {settled})"
    if standing.state == "stopped":
        return f"{standing.stopped.rstrip('.')}. The same command goes on where it was; {wanted}."
    if standing.reason == CONVERGED:
        return f"Every spectrum has settled {_in_a_row(rule.patience)}."
    limits = {name: value for name, value in standing.settings.limits.model_dump().items() if value is not None}
    ends = " or ".join(f"{value:g} {name}" for name, value in limits.items())
    said = f"To converge, {wanted}" + ("." if standing.reason or not ends else f"; it ends in any case at {ends}.")
    alive = " Written anew every minute: if this is older, the loop was killed, and the same command goes on."
    return said + (alive if standing.state == "running" else "")


def last_words(standing: Standing) -> list[str]:
    """Return the last line of the log of each job of the step that runs: how far it is."""
    place, _, doing = standing.now.partition(": ")
    logs = sorted(standing.folder.path.glob(f"{place}/{doing}*/{LOG}")) if doing else []
    last = [lines[-1] for path in logs if (lines := _read(path))]
    return [line for line in last if not line.startswith("{")]  # results are shown elsewhere


def _logs(folder: RunFolder) -> list[Path]:
    """Return the logs of all steps; those of the calculations lie elsewhere."""
    return [path for path in sorted(folder.path.glob(f"*/*/{LOG}")) if path.parents[1] != folder.work]


def _read(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").strip().splitlines()


def verdict(one: Settling, score: float) -> str:
    """Return what the numbers of one spectrum say."""
    if np.isnan(one.change):
        return UNKNOWN
    allowed = one.allowed(score)
    beyond = {"changes too much": one.change, "networks differ too much": one.spread}
    return "; ".join(words for words, value in beyond.items() if value > allowed) or SETTLED


def warnings(standing: Standing) -> list[str]:
    """Return what the user should know: of the decision, of the labels, and what the steps warned of in their logs."""
    return [*_of_decision(standing), *_of_labels(standing), *_of_logs(standing)]


def _of_decision(standing: Standing) -> Iterator[str]:
    score = standing.settings.convergence.score
    moved = {NAMES[name]: one for name, one in standing.settling.items()}
    if high := [f"{name} {one.floor:.3g}" for name, one in moved.items() if one.floor > score]:
        yield (
            f"the statistical floor of the final spectra ({', '.join(high)}) is above the score that is wanted "
            f"({score:g}), so that larger changes count as none; longer trajectories lower it"
        )
    if len(standing.cycles) > 1 and (bare := [name for name, one in moved.items() if np.isnan(one.floor)]):
        yield f"no error bars ({', '.join(bare)}), so the statistical floor is not known; a longer probe gives them"
    if single := [name for name, one in moved.items() if np.isnan(one.spread)]:
        yield f"a single network ({', '.join(single)}) says nothing of its own doubt; a committee would"
    if moved and (missing := [name for name in NAMES.values() if name not in moved]):
        yield f"not made, and not part of the decision: {', '.join(missing)}"


def _of_labels(standing: Standing) -> Iterator[str]:
    for folder, headers in standing.headers.items():
        facts = summarise(headers)
        yield from (f"labels of {folder.name}: {facts[name]}" for name in ("not_sensible", "advice") if name in facts)


def _of_logs(standing: Standing) -> Iterator[str]:
    """Yield each warning once, with the first log that has it."""
    said = set()
    for path in _logs(standing.folder):
        found = [line.removeprefix(WARNING) for line in _read(path) if line.startswith(WARNING)]
        for text in list(dict.fromkeys(found))[:MOST_WARNINGS]:
            if text not in said:
                yield f"{path.parent.relative_to(standing.folder.path)}: {text}"
            said.add(text)


def _in_a_row(cycles: int) -> str:
    return "in one cycle" if cycles == 1 else f"in {cycles} cycles in a row"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
