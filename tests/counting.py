"""An engine for tests: forces of a known Taylor expansion, every run counted in a file, failing as told."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.engines.engine import Run
from mimyria.engines.job import Calculation, Task, read_runs, write_task
from mimyria.errors import LabelError
from mimyria.execute import Job
from mimyria.frame import Array, Frame


def exact(n_atoms: int) -> tuple[Array, Array, Array]:
    """Return forces, APT and PGT (field units, per a0) that add up to what they must."""
    random = np.random.default_rng(1)
    forces, apt, pgt = (random.normal(size=(n_atoms, *[3] * order)) for order in (1, 2, 3))
    pgt = pgt + pgt.swapaxes(1, 2)
    return forces, apt - apt.mean(axis=0), pgt - pgt.mean(axis=0)


@dataclass(frozen=True)
class Counting:
    """The engine.

    Parameters
    ----------
    ledger
        File to which every computed run adds its folder and number.
    pause
        Seconds that a run takes.
    bad_run, until
        The run that does not converge, as long as the attempt is before ``until``.
    disk_full
        The run at which the machine has no more room.
    """

    ledger: str
    pause: float = 0.0
    bad_run: int = -1
    until: int = 99
    disk_full: int = -1
    level: str = "exact"

    @property
    def identity(self) -> dict[str, Any]:
        return {"engine": "counting", "level": self.level}

    @property
    def summary(self) -> str:
        return self.level

    def prepare(self, field: float, order: int) -> None:
        """Nothing can be wrong."""

    def check(self, frame: Frame, charge: int) -> None:
        if charge:
            raise LabelError("no ions")

    def write(self, folder: Path, frame: Frame, fields: Array, charge: int, attempt: int) -> Job:
        return write_task(folder, "counting", asdict(self), frame, fields, charge, attempt)

    def read(self, folder: Path, n_atoms: int, n_runs: int) -> list[Run]:
        return read_runs(folder, n_atoms, n_runs)


def calculation(
    task: Task, *, ledger: str, pause: float, bad_run: int, until: int, disk_full: int, level: str
) -> Calculation:
    sys.stderr.write("begun\n")
    forces, apt, pgt = exact(len(task.numbers))

    def calculate(index: int, field: Array) -> Run:
        if index == disk_full:
            raise OSError(28, "No space left on device")
        if index == bad_run and task.attempt < until:
            raise LabelError("no self-consistency")
        time.sleep(pause)
        with Path(ledger).open("a", encoding="utf-8") as file:
            file.write(f"{task.folder.parent.name} {index} {task.attempt}\n")
        if level == "nan":
            return Run(forces * np.nan, -1.0, np.zeros(3), 7, "counting 1")
        answer = np.einsum("nax,a->nx", apt, field) + 0.5 * np.einsum("nabx,a,b->nx", pgt, field, field)
        return Run(forces + answer, -1.0, np.zeros(3), 7, "counting 1")

    return calculate
