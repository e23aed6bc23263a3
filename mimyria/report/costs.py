"""The costs of a loop: hours that passed, and core-hours of labels, trainings and predictions.

Core-hours are measured seconds times the cores that the settings give to a job; a GPU counts as a core.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimyria.autotrain.folder import read_times
from mimyria.autotrain.settings import AutotrainSettings
from mimyria.config import read_yaml
from mimyria.execute import cores_here
from mimyria.targets import TARGETS
from mimyria.training.history import history_of, read_history

HOUR = 3600.0
GIVEN = {"test": "test", "cycle-01": "first"}
"""For which setting of the selection the labels of a folder may have been given."""
RANKS = re.compile(r"(?<!\S)(?:-np?|--ntasks|--np)[ =]+(\d+)")
"""How `mpirun` and `srun` are told a number of processes."""


@dataclass(frozen=True)
class Cost:
    """The cost of one folder of a loop, or of all."""

    labels: int
    """Frames labelled."""
    hours: Mapping[str, float]
    """That passed in each step."""
    label_core_hours: float
    training_core_hours: float
    """Of all networks of the committees."""
    prediction_core_hours: float
    """Of the passes along trajectories and over the test set."""

    @property
    def core_hours(self) -> float:
        """Of everything."""
        return self.label_core_hours + self.training_core_hours + self.prediction_core_hours

    @classmethod
    def sum(cls, costs: Sequence[Cost]) -> Cost:
        """Return the sum."""
        steps = dict.fromkeys(step for cost in costs for step in cost.hours)
        return cls(
            labels=sum(cost.labels for cost in costs),
            hours={step: sum(cost.hours.get(step, 0.0) for cost in costs) for step in steps},
            label_core_hours=sum(cost.label_core_hours for cost in costs),
            training_core_hours=sum(cost.training_core_hours for cost in costs),
            prediction_core_hours=sum(cost.prediction_core_hours for cost in costs),
        )


def cost_of(folder: Path, settings: AutotrainSettings, headers: Sequence[Mapping[str, Any]]) -> Cost:
    """Return the cost of a cycle, the test set, or the final spectra, from the folder and the headers of its labels."""
    hours = {step: seconds / HOUR for step, seconds in read_times(folder).items()}
    if GIVEN.get(folder.name) in settings.selection.given:
        headers = []  # labels that were there cost nothing
    labelling = sum(float(header.get("seconds", 0)) for header in headers) / HOUR
    histories = [path for name in TARGETS if (path := history_of(folder / f"{name}.mym")).exists()]
    networks = [rows for path in histories for rows in read_history(path)]
    training = sum(rows[-1].get("seconds", 0.0) for rows in networks) / HOUR
    executor = settings.executors.spectrum
    # A pass along trajectories takes all cores of this machine.
    prediction = hours.get("spectrum", 0) * (cores_here() if executor == "local" else _cores(executor))
    return Cost(
        labels=len(headers),
        hours=hours,
        label_core_hours=labelling * label_cores(settings),
        training_core_hours=training * _cores(settings.executors.train),
        prediction_core_hours=prediction + hours.get("evaluate", 0),
    )


def label_cores(settings: AutotrainSettings) -> int:
    """Return the cores of one calculation: threads, times the processes that its command starts."""
    flags = settings.label
    threads = int(flags.get("cores") or _cores(str(flags.get("executor", "local"))))
    ranks = RANKS.search(str(flags.get("command", "")))
    return threads * (int(ranks[1]) if ranks else 1)


def _cores(executor: str) -> int:
    """Return the cores that an executor gives to a job."""
    return 1 if executor == "local" else int(read_yaml(Path(executor)).get("cores", 1))
