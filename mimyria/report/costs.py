"""What a loop has cost: hours that passed, and core-hours of labels, trainings and predictions.

Core-hours are measured seconds times the cores that the settings give to a job; a GPU counts as a core.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy import constants

from mimyria.autotrain.folder import read_times
from mimyria.autotrain.settings import AutotrainSettings
from mimyria.config import read_yaml
from mimyria.execute import cores_here
from mimyria.targets import TARGETS
from mimyria.training.history import history_of, read_history

HOUR = constants.hour
RANKS = re.compile(r"(?<!\S)(?:-np?|--ntasks|--np)[ =]+(\d+)")
"""How `mpirun` and `srun` are told a number of processes."""


@dataclass(frozen=True)
class Cost:
    """What one part of a loop has cost.

    Parameters
    ----------
    labels
        Frames labelled.
    hours
        That passed in each step.
    label_core_hours, training_core_hours, prediction_core_hours
        Of the calculations behind the labels, the trainings of all members, and the passes along trajectories and over
        the test set.
    """

    labels: int
    hours: Mapping[str, float]
    label_core_hours: float
    training_core_hours: float
    prediction_core_hours: float

    @property
    def core_hours(self) -> float:
        """Of everything."""
        return self.label_core_hours + self.training_core_hours + self.prediction_core_hours

    @classmethod
    def together(cls, costs: Sequence[Cost]) -> Cost:
        """Return the sum."""
        steps = dict.fromkeys(step for one in costs for step in one.hours)
        return cls(
            labels=sum(one.labels for one in costs),
            hours={step: sum(one.hours.get(step, 0.0) for one in costs) for step in steps},
            label_core_hours=sum(one.label_core_hours for one in costs),
            training_core_hours=sum(one.training_core_hours for one in costs),
            prediction_core_hours=sum(one.prediction_core_hours for one in costs),
        )


def cost_of(folder: Path, settings: AutotrainSettings, headers: Sequence[Mapping[str, Any]]) -> Cost:
    """Return what one folder of a loop has cost.

    Parameters
    ----------
    folder
        Of a cycle, of the test set, or of the final spectra.
    settings
        Of the loop.
    headers
        Of its labels.
    """
    hours = {step: seconds / HOUR for step, seconds in read_times(folder).items()}
    labelling = sum(float(header.get("seconds", 0)) for header in headers) / HOUR
    training = sum(_training_seconds(history_of(folder / f"{name}.mym")) for name in TARGETS) / HOUR
    return Cost(
        labels=len(headers),
        hours=hours,
        label_core_hours=labelling * label_cores(settings),
        training_core_hours=training * _cores(settings.executors.train),
        prediction_core_hours=hours.get("spectrum", 0) * _all_cores(settings.executors.spectrum)
        + hours.get("evaluate", 0),
    )


def _training_seconds(history: Path) -> float:
    """Return the seconds of all members together, from the last line of each."""
    members = read_history(history) if history.exists() else []
    return sum(lines[-1].get("seconds", 0.0) for lines in members)


def label_cores(settings: AutotrainSettings) -> int:
    """Return the cores of one calculation: threads, times the processes that its command starts."""
    flags = settings.label
    threads = int(flags.get("cores") or _cores(str(flags.get("executor", "local"))))
    ranks = RANKS.search(str(flags.get("command", "")))
    return threads * (int(ranks[1]) if ranks else 1)


def _all_cores(executor: str) -> int:
    """Return the cores of a pass along trajectories, which takes all that there are on this machine."""
    return cores_here() if executor == "local" else _cores(executor)


def _cores(executor: str) -> int:
    """Return the cores that an executor gives to a job."""
    return 1 if executor == "local" else int(read_yaml(Path(executor)).get("cores", 1))
