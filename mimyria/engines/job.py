"""The job of a configuration: one small program that computes its runs one after the other.

    python -m mimyria.engines.job        (in the folder of the configuration)

A finished run is a file, ``run_03.npz``, which appears whole and is never computed again. The program holds a lock as
long as it, or a program that it started, lives: after a kill the next start waits for what still runs.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from mimyria.engines.engine import Configuration, Engine, Run, Task
from mimyria.engines.folder import read_npz, write_npz
from mimyria.engines.registry import ENGINES, name_of
from mimyria.errors import Busy, ConfigError, LabelError
from mimyria.execute import Job
from mimyria.frame import Array, Frame
from mimyria.memory import locked, read_json, write_json

TASK, CONFIGURATION, RUNNING = "task.json", "configuration.npz", "running.lock"
COMMAND: tuple[str, ...] = (sys.executable, "-m", "mimyria.engines.job")
FAILED, UNFINISHED = 65, 75
"""Exit status: the program could not compute a run (EX_DATAERR of sysexits); the machine could not (EX_TEMPFAIL)."""


def write_task(folder: Path, engine: Engine, configuration: Configuration, fields: Array) -> Job:
    """Write what the job of a configuration needs to know into a folder; return the job.

    Parameters
    ----------
    folder
        Of the configuration.
    engine
        In ``ENGINES``.
    configuration
        What is computed.
    fields
        E_h/(e a0), shape (runs, 3).
    """
    engine.write_inputs(folder, configuration, fields)
    frame = configuration.frame
    arrays = {"numbers": frame.numbers, "positions": frame.positions, "cell": frame.cell, "periodic": frame.periodic}
    write_npz(folder / CONFIGURATION, arrays | {"fields": fields})
    named = {"engine": name_of(engine), "settings": engine.job_settings}
    write_json(folder / TASK, named | {"charge": configuration.charge, "attempt": configuration.attempt})
    return Job(folder, COMMAND)


def run_task(folder: Path) -> None:
    """Compute the runs that are not there yet."""
    try:
        held = locked(folder / RUNNING)
    except Busy:
        sys.stderr.write(f"waiting for a process that still works in {folder}\n")
        held = locked(folder / RUNNING, math.inf)
    with held as running:
        stated = read_json(folder / TASK)
        with np.load(folder / CONFIGURATION) as arrays:
            frame = Frame(**{name: arrays[name] for name in ("numbers", "positions", "cell", "periodic")})
            fields = arrays["fields"]
        missing = [index for index in range(len(fields)) if read_npz(_path(folder, index)) is None]
        if not missing:
            return
        held_by = (running.fileno(),)
        task = Task(frame=frame, charge=stated["charge"], attempt=stated["attempt"], folder=folder, held=held_by)
        calculate = ENGINES[stated["engine"]](**stated["settings"]).calculation(task)
        for index in missing:
            begin = time.monotonic()
            try:
                run = calculate(index, fields[index])
            except LabelError as error:
                raise LabelError(f"run {index} of {len(fields)}: {error}") from error
            if run.forces.shape != (len(frame), 3) or not np.isfinite(run.forces).all():
                raise LabelError(f"run {index} of {len(fields)}: forces of shape {run.forces.shape}, or not numbers")
            write_npz(_path(folder, index), asdict(run) | {"seconds": time.monotonic() - begin})


def read_runs(folder: Path, n_runs: int) -> list[Run]:
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


def _path(folder: Path, index: int) -> Path:
    return folder / f"run_{index:02d}.npz"


def main() -> int:
    """Run the task of the working directory; the last line of output says what went wrong."""
    try:
        run_task(Path.cwd())
    except LabelError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    except (OSError, ConfigError) as error:  # of a file system without locks
        sys.stderr.write(f"{error}\n")
        return UNFINISHED
    return 0


if __name__ == "__main__":
    sys.exit(main())
