"""`history.csv`: one line for each cycle, with every number that the decision to stop rests on."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimyria.autotrain.convergence import SpectrumChange
from mimyria.autotrain.folder import HISTORY, read_times
from mimyria.autotrain.settings import Convergence
from mimyria.memory import write_text


@dataclass(frozen=True)
class Cycle:
    """What is known after a cycle."""

    folder: Path
    n_labels: int
    """Labelled frames that its networks were trained on."""
    errors: Mapping[str, Any]
    """Of each network on the test set, as `mimyria evaluate --json` gives them."""
    changes: Mapping[str, SpectrumChange]
    """Of each spectrum from the cycle before."""

    @property
    def title(self) -> str:
        """Its name, as a sentence has it."""
        return f"cycle {self.number}"

    @property
    def number(self) -> int:
        """Counted from one."""
        return int(self.folder.name.split("-")[1])

    def row(self, rule: Convergence) -> dict[str, Any]:
        """Return the line of this cycle."""
        row: dict[str, Any] = {"cycle": self.number, "labels": self.n_labels}
        for name, report in self.errors.items():
            row |= {f"{name}_rmse": report["rmse"], f"{name}_relative_rmse": report["relative_rmse"]}
        for name, scores in self.changes.items():
            row |= {f"similarity_{name}": 1 - scores.change, f"change_{name}": scores.change}
            row |= {f"spread_{name}": scores.spread, f"floor_{name}": scores.floor}
            row |= {
                f"paired_{name}": scores.paired,
                f"half_{name}": scores.half,
                f"paired_half_{name}": scores.half_paired,
            }
            row |= {f"integral_{name}": scores.integral.value, f"integral_error_{name}": scores.integral.error}
            row |= {f"bias_{name}": scores.bias.value, f"bias_error_{name}": scores.bias.error}
            row |= {f"slope_{name}": 1 + scores.slope.value, f"slope_error_{name}": scores.slope.error}
            row |= {f"settled_{name}": scores.converged(rule), f"why_{name}": "; ".join(scores.objections(rule))}
        return row | {f"{step}_seconds": seconds for step, seconds in read_times(self.folder).items()}


def write_history(folder: Path, cycles: Sequence[Cycle], rule: Convergence, reason: str) -> None:
    """Write ``history.csv``; the state of the last cycle is the reason to stop, or ``running``."""
    rows = [cycle.row(rule) for cycle in cycles]
    names = list(dict.fromkeys(name for row in rows for name in row))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [*names, "state"], restval="")
    writer.writeheader()
    for k, row in enumerate(rows, 1):
        plain = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()}
        writer.writerow({**plain, "state": (reason or "running") if k == len(rows) else ""})
    write_text(folder / HISTORY, stream.getvalue())
