"""`Status`: the state of a loop, in plain words with every number behind them, and what its user should know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.autotrain.convergence import COMPARED, CONVERGED, SpectrumChange, converged_in_a_row, title_of
from mimyria.autotrain.folder import RunFolder, read_provenance
from mimyria.autotrain.history import Cycle
from mimyria.autotrain.settings import AutotrainSettings, Convergence
from mimyria.execute import LOG
from mimyria.files.xyz import parse_header, split_time
from mimyria.labels.quality import summarise_quality

WARNING = "warning: "
"""Begins a line of a log."""
MOST_WARNINGS = 5
"""That are taken from one log."""


@dataclass(frozen=True)
class Status:
    """The state of a loop."""

    folder: RunFolder
    settings: AutotrainSettings
    cycles: Sequence[Cycle] = ()
    """Finished ones."""
    reason: str = ""
    """Why no cycle follows; empty while one does."""
    now: str = ""
    """The step that runs."""
    stopped: str = ""
    """Why nothing runs, though the loop is not finished."""

    @property
    def state(self) -> str:
        """``running``, ``stopped``, ``converged`` or ``limit``."""
        if self.stopped:
            return "stopped"
        if not self.reason or read_provenance(self.folder.final).get("networks") != self.cycles[-1].folder.name:
            return "running"
        return "converged" if self.reason == CONVERGED else "limit"

    @property
    def n_labels(self) -> int:
        """Labelled frames of all finished cycles."""
        return self.cycles[-1].n_labels if self.cycles else 0

    @property
    def changes(self) -> Mapping[str, SpectrumChange]:
        """How much each spectrum changed in the last cycle."""
        return self.cycles[-1].changes if self.cycles else {}

    @property
    def converged_cycles(self) -> int:
        """How many of the last cycles have converged, in a row."""
        return converged_in_a_row([cycle.changes for cycle in self.cycles], self.settings.convergence)

    @cached_property
    def headers(self) -> dict[Path, list[dict[str, Any]]]:
        """The headers of the labels in each folder."""
        files = [folder / "labels.extxyz" for folder in (self.folder.test, *self.folder.cycles())]
        return {path.parent: list(read_headers(path)) for path in files if path.exists()}


def read_headers(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the header of each frame, without reading its atoms."""
    with path.open(encoding="utf-8") as lines:
        for count in lines:
            yield parse_header(split_time(next(lines))[1]).info
            next(islice(lines, int(count) - 1, int(count)), None)


def headline(status: Status) -> str:
    """Return the state in a few words."""
    n_cycles = len(status.cycles)
    so_far = f"{n_cycles} cycle{'' if n_cycles == 1 else 's'} and {status.n_labels} labels"
    if status.state == "stopped":
        return f"Stopped after {so_far}"
    doing = f" ({status.now})" if status.now else ""
    if not status.reason:
        return f"Running{doing}"
    outcome = f"Not converged: the {status.reason} was reached after {so_far}"
    if status.reason == CONVERGED:
        outcome = f"Converged after {so_far}"
    return f"{outcome}; the final spectra are being made{doing}" if status.state == "running" else outcome


def explanation(status: Status) -> str:
    """Return why, and what comes next."""
    patience = status.settings.convergence.patience
    in_a_row = "in one cycle" if patience == 1 else f"in {patience} cycles in a row"
    wanted = f"every spectrum must converge {in_a_row} (so far: {status.converged_cycles})"
    if status.state == "stopped":
        return f"{status.stopped.rstrip('.')}. The same command resumes the loop; {wanted}."
    if status.reason == CONVERGED:
        return f"Every spectrum has converged {in_a_row}."
    limits = {name: value for name, value in asdict(status.settings.limits).items() if value is not None}
    ends = " or ".join(f"{value:g} {name}" for name, value in limits.items())
    text = f"To converge, {wanted}" + ("." if status.reason or not ends else f"; it ends in any case at {ends}.")
    if status.state == "running":
        text += " Updated every minute: if this is older, the loop was killed, and the same command resumes it."
    return text


def latest_output(status: Status) -> list[str]:
    """Return the last line in the log of each job of the step that runs: how far it is."""
    place, _, doing = status.now.partition(": ")
    logs = sorted(status.folder.path.glob(f"{place}/{doing}*/{LOG}")) if doing else []
    last = [lines[-1] for path in logs if (lines := _read_log(path))]
    return [line for line in last if not line.startswith("{")]  # results are shown elsewhere


def _read_log(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").strip().splitlines()


def verdict(change: SpectrumChange, rule: Convergence) -> str:
    """Return what the numbers of one spectrum mean."""
    return "; ".join(change.objections(rule)) or CONVERGED


def warnings(status: Status) -> list[str]:
    """Return what the user should know: of the decision, of the labels, and the warnings in the logs of the steps."""
    return [*_decision_warnings(status), *_label_warnings(status), *_log_warnings(status)]


def _decision_warnings(status: Status) -> Iterator[str]:
    score = status.settings.convergence.score
    changes = {title_of(name): change for name, change in status.changes.items()}
    if high := [f"{name} {change.floor:.3g}" for name, change in changes.items() if change.floor > score]:
        yield (
            f"the statistical floor of the final spectra ({', '.join(high)}) is above the score that is wanted "
            f"({score:g}), so that networks may differ by more; longer trajectories lower it"
        )
    if len(status.cycles) > 1 and (bare := [name for name, change in changes.items() if np.isnan(change.floor)]):
        yield f"no error bars ({', '.join(bare)}), so the statistical floor is not known; a longer probe gives them"
    totals = {title_of(name): change for name, change in status.changes.items() if name in COMPARED}
    if single := [name for name, change in totals.items() if np.isnan(change.spread)]:
        yield f"a single network ({', '.join(single)}) cannot estimate its own error; a committee can"
    if biased := [name for name, change in changes.items() if np.isnan(change.bias.value)]:
        yield f"the bias of {', '.join(biased)} on the test set is not known, and not part of the decision"
    wanted = [compared.title for compared in COMPARED.values() if compared.target in status.settings.targets]
    if changes and (missing := [name for name in wanted if name not in changes]):
        yield f"not made, and not part of the decision: {', '.join(missing)}"


def _label_warnings(status: Status) -> Iterator[str]:
    for folder, headers in status.headers.items():
        facts = summarise_quality(headers)
        yield from (f"labels of {folder.name}: {facts[name]}" for name in ("not_sensible", "advice") if name in facts)


def _log_warnings(status: Status) -> Iterator[str]:
    """Yield each warning once, with the first log that has it."""
    seen = set()
    for path in sorted(status.folder.path.glob(f"*/*/{LOG}")):
        if path.parents[1] == status.folder.work:  # of a single calculation
            continue
        texts = [line.removeprefix(WARNING) for line in _read_log(path) if line.startswith(WARNING)]
        for text in list(dict.fromkeys(texts))[:MOST_WARNINGS]:
            if text not in seen:
                yield f"{path.parent.relative_to(status.folder.path)}: {text}"
            seen.add(text)
