"""The job of a configuration: one small program that computes its runs one after the other.

    python -m mimyria.engines.job        (in the folder of the configuration)

A finished run is a file, ``run_03.npz``, which appears whole and is never computed again. The program holds a lock as
long as it, or a program that it started, lives: after a kill the next start waits for what still runs.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mimyria.engines.engine import Run
from mimyria.engines.folder import lock, read_npz, write_json, write_npz
from mimyria.errors import LabelError
from mimyria.execute import Job
from mimyria.frame import Array, Frame

TASK, CONFIGURATION, RUNNING = "task.json", "configuration.npz", "running.lock"
FAILED, UNFINISHED = 65, 75
"""Exit status: the program could not compute a run (EX_DATAERR of sysexits); the machine could not (EX_TEMPFAIL)."""


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
    configuration = {"numbers": frame.numbers, "positions": frame.positions, "fields": fields}
    write_npz(folder / CONFIGURATION, configuration)
    write_json(folder / TASK, {"module": module, "settings": settings, "charge": charge, "attempt": attempt})
    return Job(folder, (sys.executable, "-m", "mimyria.engines.job"))


def run_task(folder: Path) -> None:
    """Compute the runs that are not there yet."""
    held = lock(folder / RUNNING)
    if held is None:
        sys.stderr.write(f"waiting for a process that still works in {folder}\n")
        held = lock(folder / RUNNING, wait=True)
    with held as running:  # type: ignore[union-attr]  # a lock that is waited for is there
        stated = json.loads((folder / TASK).read_text(encoding="utf-8"))
        with np.load(folder / CONFIGURATION) as configuration:
            numbers, positions, fields = (configuration[name] for name in ("numbers", "positions", "fields"))
        task = Task(folder, numbers, positions, stated["charge"], stated["attempt"], (running.fileno(),))
        missing = [index for index in range(len(fields)) if read_npz(_path(folder, index)) is None]
        if not missing:
            return
        calculate: Calculation = import_module(stated["module"]).calculation(task, **stated["settings"])
        for index in missing:
            begin = time.monotonic()
            try:
                run = calculate(index, fields[index])
            except LabelError as error:
                raise LabelError(f"run {index} of {len(fields)}: {error}") from error
            if run.forces.shape != (len(numbers), 3) or not np.isfinite(run.forces).all():
                raise LabelError(f"run {index} of {len(fields)}: forces of shape {run.forces.shape}, or not numbers")
            write_npz(_path(folder, index), asdict(run) | {"seconds": time.monotonic() - begin})


def read_runs(folder: Path, n_atoms: int, n_runs: int) -> list[Run]:
    """Return the finished runs; raise LabelError that says which one is missing, or of another version."""
    runs = []
    for index in range(n_runs):
        content = read_npz(_path(folder, index))
        if content is None:
            raise LabelError(f"run {index} of {n_runs} did not finish")
        runs.append(Run(**content))
    programs = sorted({run.program for run in runs})
    if len(programs) > 1:
        raise LabelError(f"the runs in {folder} come from {' and '.join(programs)}; --retry computes all anew")
    return runs


def has_runs(folder: Path) -> bool:
    """Return whether any run has been finished in a folder."""
    return any(folder.glob("run_*.npz"))


def forget_runs(folder: Path, n_runs: int) -> None:
    """Remove the runs if all are there: what made the label fail must lie in them."""
    paths = [_path(folder, index) for index in range(n_runs)]
    if all(path.exists() for path in paths):
        for path in paths:
            path.unlink()


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
