"""The job of a configuration: one small program that computes its runs one after the other.

    python -m mimyria.engines.job        (in the folder of the configuration)

A finished run is a file, ``run_03.npz``, written atomically and never replaced. The job holds a lock that the
programs it starts inherit: when the job alone is killed, the next one waits for the program that is still running.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile

import numpy as np

from mimyria.engines.engine import Configuration, Engine, FieldRun, Task, is_repeat
from mimyria.engines.registry import ENGINES, name_of
from mimyria.errors import Busy, ConfigError, LabelError, Unfinished
from mimyria.execute import Job
from mimyria.frame import Array, Frame
from mimyria.memory import locked, read_json, whole, write_json

TASK, CONFIGURATION, RUNNING = "task.json", "configuration.npz", "running.lock"
COMMAND: tuple[str, ...] = (sys.executable, "-m", "mimyria.engines.job")
UNREADABLE = (BadZipFile, EOFError, UnpicklingError, ValueError, KeyError, TypeError, FileNotFoundError)
"""What reading an npz file raises that is missing, or was truncated when a machine went down."""
FAILED, UNFINISHED = 65, Unfinished.exit_status
"""Exit status: the program could not compute a run (EX_DATAERR of sysexits); the machine could not (EX_TEMPFAIL)."""


def write_task(folder: Path, engine: Engine, configuration: Configuration, fields: Array) -> Job:
    """Write the engine, a configuration and its fields (E_h/(e a0), shape (runs, 3)) into a folder; return the job."""
    engine.write_inputs(folder, configuration, fields)
    frame = configuration.frame
    arrays = {"numbers": frame.numbers, "positions": frame.positions, "cell": frame.cell, "periodic": frame.periodic}
    write_npz(folder / CONFIGURATION, arrays | {"fields": fields})
    named = {"engine": name_of(engine), "settings": engine.job_settings}
    write_json(folder / TASK, named | {"charge": configuration.charge, "attempt": configuration.attempt})
    return Job(folder, COMMAND)


def is_running(folder: Path) -> bool:
    """Return whether a job, or a program that it started, works in a folder."""
    try:
        locked(folder / RUNNING).close()
    except Busy:
        return True
    return False


def run_task(folder: Path) -> None:
    """Compute the runs of a folder that are not finished yet."""
    try:
        lock = locked(folder / RUNNING)
    except Busy:
        sys.stderr.write(f"waiting for a process that still works in {folder}\n")
        lock = locked(folder / RUNNING, math.inf)
    with lock:
        stated = read_json(folder / TASK)
        with np.load(folder / CONFIGURATION) as arrays:
            frame = Frame(**{name: arrays[name] for name in ("numbers", "positions", "cell", "periodic")})
            fields = arrays["fields"]
        missing = [index for index in range(len(fields)) if read_npz(_path(folder, index)) is None]
        if not missing:
            return
        # A program inherits the lock: if this process alone is killed, nobody else starts in the folder beside it.
        inherited = (lock.fileno(),)
        task = Task(
            frame=frame,
            charge=stated["charge"],
            attempt=stated["attempt"],
            folder=folder,
            inherited=inherited,
            fields=fields,
        )
        calculate = ENGINES[stated["engine"]](**stated["settings"]).calculation(task)
        # A repeat starts from the end of the run before it, which another process, or version, may not have kept.
        again = [index - 1 for index in missing if is_repeat(index, fields[index]) and index - 1 not in missing]
        for index in sorted([*missing, *again]):
            begin = time.monotonic()
            try:
                run = calculate(index, fields[index])
            except LabelError as error:
                raise LabelError(f"run {index} of {len(fields)}: {error}") from error
            if run.forces.shape != (len(frame), 3) or not np.isfinite(run.forces).all():
                raise LabelError(f"run {index} of {len(fields)}: forces are not {len(frame)} × 3 finite numbers")
            if index in missing:
                write_npz(_path(folder, index), asdict(run) | {"seconds": time.monotonic() - begin})


def read_runs(folder: Path, n_runs: int) -> list[FieldRun]:
    """Return the finished runs; raise LabelError if one is missing, or if they come from different programs."""
    runs = []
    for index in range(n_runs):
        content = read_npz(_path(folder, index))
        if content is None:
            raise LabelError(f"run {index} of {n_runs} did not finish")
        runs.append(FieldRun(**content))
    programs = sorted({run.program for run in runs})
    if len(programs) > 1:
        raise LabelError(f"the runs in {folder} come from {' and '.join(programs)}; --retry computes all again")
    return runs


def has_runs(folder: Path) -> bool:
    """Return whether any run has been finished in a folder."""
    return any(folder.glob("run_*.npz"))


def forget_runs(folder: Path, n_runs: int) -> None:
    """Remove the runs if all are finished: then the reason why their label failed must lie in them."""
    paths = [_path(folder, index) for index in range(n_runs)]
    if all(path.exists() for path in paths):
        for path in paths:
            path.unlink()


def _path(folder: Path, index: int) -> Path:
    return folder / f"run_{index:02d}.npz"


def write_npz(path: Path, content: dict[str, Any]) -> None:
    """Write arrays, `whole`."""
    with whole(path) as unfinished, unfinished.open("wb") as stream:
        np.savez(stream, **content)


def read_npz(path: Path) -> dict[str, Any] | None:
    """Return the content of a file of `write_npz`, scalars as such; None if it is missing or damaged."""
    try:
        with path.open("rb") as file, np.load(file) as stored:
            return {name: stored[name] if stored[name].ndim else stored[name].item() for name in stored.files}
    except UNREADABLE:
        return None


def main() -> int:
    """Run the task of the working directory; the last line on stderr is the reason of a failure."""
    try:
        run_task(Path.cwd())
    except LabelError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    except (OSError, ConfigError) as error:  # a ConfigError comes from a file system without locks
        sys.stderr.write(f"{error}\n")
        return UNFINISHED
    return 0


if __name__ == "__main__":
    sys.exit(main())
