"""The job of a configuration: one small program that computes its runs one after the other.

    python -m mimyria.labels.points        (in the folder of the configuration)

A finished run is a file, ``run_03.npz``, which appears whole and is never computed again. The program holds a lock as
long as it, or a program that it started, lives: after a kill the next start waits for what still runs.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mimyria.errors import LabelError
from mimyria.execute import Job
from mimyria.frame import Array, Frame
from mimyria.labels.engine import Run

TASK, CONFIGURATION, RUNNING = "task.json", "configuration.npz", "running.lock"
FAILED, UNFINISHED = 1, 75
"""Exit status: the program could not compute a run; or the machine was not able to (sysexits' EX_TEMPFAIL)."""


@dataclass(frozen=True)
class Task:
    """What there is to compute.

    Parameters
    ----------
    folder
        Of the configuration.
    numbers
        Atomic numbers, shape (n,).
    positions
        Å, shape (n, 3).
    charge
        e.
    attempt
        See ``Engine.write``.
    held
        File descriptors of the lock, for the programs that are started.
    """

    folder: Path
    numbers: Array
    positions: Array
    charge: int
    attempt: int
    held: tuple[int, ...] = ()


class Calculation(Protocol):
    """Computes runs of one configuration, one after the other; what one has learnt may help the next."""

    def __call__(self, index: int, field: Array) -> Run:
        """Return a run, by its number and field (E_h/(e a0), shape (3,)); raise LabelError if it does not converge."""
        ...


def write_task(
    folder: Path, module: str, settings: dict[str, Any], frame: Frame, fields: Array, charge: int, attempt: int
) -> Job:
    """Write what the program needs to know; return the job that runs it.

    Parameters
    ----------
    folder
        Of the configuration.
    module
        Holds ``calculation(task, **settings) -> Calculation``.
    settings
        Plain values.
    frame, fields, charge, attempt
        See ``Engine.write``.
    """
    np.savez(folder / CONFIGURATION, numbers=frame.numbers, positions=frame.positions, fields=fields)
    task = {"module": module, "settings": settings, "charge": charge, "attempt": attempt}
    (folder / TASK).write_text(json.dumps(task), encoding="utf-8")
    return Job(folder, (sys.executable, "-m", "mimyria.labels.points"))


def run_task(folder: Path) -> None:
    """Compute the runs that are not there yet."""
    with (folder / RUNNING).open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stated = json.loads((folder / TASK).read_text(encoding="utf-8"))
        with np.load(folder / CONFIGURATION) as configuration:
            numbers, positions, fields = (configuration[name] for name in ("numbers", "positions", "fields"))
        task = Task(folder, numbers, positions, stated["charge"], stated["attempt"], (lock.fileno(),))
        missing = [index for index in range(len(fields)) if not _path(folder, index).exists()]
        if not missing:
            return
        calculate: Calculation = import_module(stated["module"]).calculation(task, **stated["settings"])
        for index in missing:
            begin = time.monotonic()
            try:
                run = calculate(index, fields[index])
            except LabelError as error:
                raise LabelError(f"run {index} of {len(fields)}: {error}") from error
            _write_run(_path(folder, index), run, time.monotonic() - begin)


def _write_run(path: Path, run: Run, seconds: float) -> None:
    unfinished = path.with_name("unfinished.npz")
    np.savez(unfinished, **(asdict(run) | {"seconds": seconds}))
    os.replace(unfinished, path)


def read_runs(folder: Path, n_atoms: int, n_runs: int) -> list[Run]:
    """Return the finished runs; raise LabelError that says which one is missing, not finite, or of another version."""
    runs = []
    for index in range(n_runs):
        try:
            with np.load(_path(folder, index)) as stored:
                run = Run(**{name: stored[name] if stored[name].ndim else stored[name].item() for name in stored})
        except FileNotFoundError:
            raise LabelError(f"run {index} of {n_runs} did not finish") from None
        if run.forces.shape != (n_atoms, 3) or not np.isfinite(run.forces).all():
            raise LabelError(f"run {index} has forces of shape {run.forces.shape}, or not numbers")
        runs.append(run)
    programs = sorted({run.program for run in runs})
    if len(programs) > 1:
        raise LabelError(f"the runs in {folder} come from {' and '.join(programs)}; delete it to compute all anew")
    return runs


def run_folder(folder: Path, index: int) -> Path:
    """Return where a program may put the files of one run."""
    return folder / f"run_{index:02d}"


def _path(folder: Path, index: int) -> Path:
    return folder / f"run_{index:02d}.npz"


def main() -> int:
    """Run the task of the working directory; the last line of output says what went wrong."""
    try:
        run_task(Path.cwd())
    except LabelError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return UNFINISHED
    return 0


if __name__ == "__main__":
    sys.exit(main())
