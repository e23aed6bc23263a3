"""An engine for tests: forces of a known Taylor expansion, every run counted in a file, failing as told."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.engines.engine import Calculation, Configuration, Engine, FieldRun, Task
from mimyria.errors import LabelError
from mimyria.frame import Array


def exact(n_atoms: int) -> tuple[Array, Array, Array]:
    """Return forces, APT and PGT (field units, per a0) that add up to what they must."""
    random = np.random.default_rng(1)
    forces, apt, pgt = (random.normal(size=(n_atoms, *[3] * order)) for order in (1, 2, 3))
    pgt = pgt + pgt.swapaxes(1, 2)
    return forces, apt - apt.mean(axis=0), pgt - pgt.mean(axis=0)


@dataclass(frozen=True)
class Counting(Engine):
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

    def check(self, configuration: Configuration) -> None:
        if configuration.charge:
            raise LabelError("no ions")

    def calculation(self, task: Task) -> Calculation:
        sys.stderr.write("begun\n")
        forces, apt, pgt = exact(len(task.frame))

        def calculate(index: int, field: Array) -> FieldRun:
            if index == self.disk_full:
                raise OSError(28, "No space left on device")
            if index == self.bad_run and task.attempt < self.until:
                raise LabelError("no self-consistency")
            time.sleep(self.pause)
            with Path(self.ledger).open("a", encoding="utf-8") as file:
                file.write(f"{task.folder.parent.name} {index} {task.attempt}\n")
            if self.level == "nan":
                return FieldRun(forces=forces * np.nan, energy=-1.0, dipole=np.zeros(3), steps=7, program="counting 1")
            answer = np.einsum("nax,a->nx", apt, field) + 0.5 * np.einsum("nabx,a,b->nx", pgt, field, field)
            if self.level == "noisy":
                answer = answer + 1e-7 * np.random.default_rng(index).normal(size=answer.shape)
            return FieldRun(forces=forces + answer, energy=-1.0, dipole=np.zeros(3), steps=7, program="counting 1")

        return calculate
