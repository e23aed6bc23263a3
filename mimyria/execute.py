"""`Job`, a command in a folder, and `Executor`, something that runs such commands: this machine, or a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import suppress
from dataclasses import dataclass, field, fields
from importlib.util import find_spec
from itertools import chain, islice
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any, Protocol

from mimyria.config import read_settings
from mimyria.errors import ConfigError

LOG = "run.log"
SECONDS_BETWEEN_LOOKS = 0.05
GRACE = 5.0
"""Seconds that a job has to end when it is told to."""
HANDED_OVER = 256
"""Jobs that a cluster has at once; each keeps a file open, and what is not handed over another process may take."""
PARENT = "MIMYRIA_PARENT"
"""In the environment of a process, who started it: commands of this program end when that one is killed."""
NOT_FOUND, LOST = 127, 75
"""Exit status: the program is not there; the machine did not let it end (sysexits' EX_TEMPFAIL)."""


@dataclass(frozen=True)
class Job:
    """A command that runs in a folder and leaves its results there.

    Parameters
    ----------
    folder
        Where it runs; its output goes to ``run.log`` there.
    command
        Program and arguments.
    held
        Open files that a process on this machine keeps open, such as locks.
    """

    folder: Path
    command: tuple[str, ...]
    held: tuple[int, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Parameters
    ----------
    job
        Which one.
    status
        Exit status; negative for a signal.
    """

    job: Job
    status: int


def last_line(log: Path, otherwise: str = "it said nothing") -> str:
    """Return the last line that a job said, which is the reason where it failed."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1].removeprefix("mimyria: ") if lines else otherwise


class Executor(Protocol):
    """Runs jobs; one more is one class with this method, and a line in `EXECUTORS`."""

    def run(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """Yield the outcome of each job as it ends, in any order; stop all that run when the caller stops."""
        ...


def cores_here() -> int:
    """Return how many cores of this machine a process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def start(job: Job, cores: int, *, own_group: bool = True) -> subprocess.Popen[bytes]:
    """Start a job.

    Parameters
    ----------
    job
        What to start.
    cores
        How many it may use; stated to its libraries as OMP_NUM_THREADS.
    own_group
        In a process group of its own, so that all that it starts can be ended, and Ctrl-C is ours.
    """
    environment = os.environ | {"OMP_NUM_THREADS": str(cores), PARENT: str(os.getpid())}
    with (job.folder / LOG).open("wb") as log:
        return subprocess.Popen(
            job.command, cwd=job.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=own_group, pass_fds=job.held,
        )  # fmt: skip


def stop(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """End processes and all that they have started, at first kindly, and wait until they are gone."""
    stopped = list(processes)
    for process in stopped:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, SIGTERM)
    end = time.monotonic() + GRACE
    for process in stopped:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(end - time.monotonic(), 0))
    for process in stopped:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, SIGKILL)
        process.wait()


@dataclass(frozen=True)
class LocalExecutor:
    """Runs a bounded number of jobs at a time as processes of this machine.

    Parameters
    ----------
    workers
        How many jobs run at once.
    cores
        How many cores each may use.
    """

    workers: int = 1
    cores: int = 1

    def __post_init__(self) -> None:
        """Raise ConfigError for numbers that are none."""
        _require_positive("workers", self.workers)
        _require_positive("cores", self.cores)

    def run(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """Yield the outcomes; jobs are taken from the iterable when there is room for them."""
        waiting = iter(jobs)
        running: dict[Job, subprocess.Popen[bytes]] = {}
        more = True
        try:
            while more or running:
                while more and len(running) < self.workers:
                    job = next(waiting, None)
                    if job is None:
                        more = False
                        break
                    try:
                        running[job] = start(job, self.cores)
                    except FileNotFoundError as error:
                        (job.folder / LOG).write_text(f"{error}\n", encoding="utf-8")
                        yield Outcome(job, NOT_FOUND)
                ended = {job: process.returncode for job, process in running.items() if process.poll() is not None}
                for job, status in ended.items():
                    del running[job]
                    yield Outcome(job, status)
                if not ended:
                    time.sleep(SECONDS_BETWEEN_LOOKS)
        finally:
            stop(running.values())


@dataclass(frozen=True)
class ParslExecutor:
    """Runs jobs on a cluster, through the batch system that Parsl knows.

    Parameters
    ----------
    provider
        Class of ``parsl.providers``: SlurmProvider, PBSProProvider, LocalProvider, ...
    options
        Its arguments, as Parsl names them; ``launcher`` is the name of a class of ``parsl.launchers``. The programs of
        this environment are found on the nodes without a ``worker_init``, if the file system is shared.
    parsl
        Arguments of Parsl's HighThroughputExecutor, such as ``max_workers_per_node``.
    cores
        How many cores each job may use.
    retries
        How often a job is started again when its node or its time was taken away; it goes on where it was.
    run_dir
        Folder for what Parsl writes.
    """

    provider: str = "LocalProvider"
    options: Mapping[str, Any] = field(default_factory=dict)
    parsl: Mapping[str, Any] = field(default_factory=dict)
    cores: int = 1
    retries: int = 2
    run_dir: Path = Path("parsl")

    def __post_init__(self) -> None:
        """Raise ConfigError for a number that is none."""
        _require_positive("cores", self.cores)

    def run(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """Yield the outcomes; Parsl asks the cluster for what the jobs handed over so far need."""
        waiting = iter(jobs)
        first = next(waiting, None)
        if first is None:
            return
        from parsl import DataFlowKernel, python_app

        kernel = DataFlowKernel(self._configuration())
        running: dict[Any, Job] = {}
        try:
            run_there = python_app(run_job, data_flow_kernel=kernel)
            waiting = chain([first], waiting)
            while True:
                for job in islice(waiting, HANDED_OVER - len(running)):
                    running[run_there(str(job.folder.resolve()), job.command, self.cores)] = job
                if not running:
                    return
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    job = running.pop(future)
                    if (error := future.exception()) is not None:
                        with (job.folder / LOG).open("a", encoding="utf-8") as log:
                            log.write(f"{type(error).__name__}: {' '.join(str(error).split())}\n")
                    yield Outcome(job, LOST if error is not None else future.result())
        finally:
            kernel.cleanup()

    def _configuration(self) -> Any:
        """Return Parsl's configuration; raise ConfigError for a name or argument that it does not know."""
        from parsl import launchers, providers
        from parsl.config import Config
        from parsl.executors import HighThroughputExecutor

        programs = Path(sys.executable).parent  # of this environment, on a file system that the nodes share
        options = dict(self.options)
        options["worker_init"] = f"export PATH={programs}:$PATH\n{options.get('worker_init', '')}"
        launch = {"interchange_launch_cmd": [sys.executable, str(programs / "interchange.py")], **self.parsl}
        try:
            if "launcher" in options:
                options["launcher"] = _named(launchers, options["launcher"], "launcher")()
            provider = _named(providers, self.provider, "provider")(**options)
            pool = HighThroughputExecutor(label="mimyria", provider=provider, **launch)
        except TypeError as error:
            raise ConfigError(f"Parsl does not take this profile: {error}") from error
        return Config(
            executors=[pool], retries=self.retries, run_dir=str(self.run_dir), initialize_logging=False,
            strategy="simple", usage_tracking=0,
        )  # fmt: skip


def _require_positive(name: str, value: Any) -> None:
    if not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} takes a positive whole number, not {value!r}")


def _named(module: Any, name: str, kind: str) -> Any:
    found = getattr(module, name, None)
    if found is None:
        known = sorted(one for one in module.__all__ if one.endswith(kind.capitalize()))
        raise ConfigError(f"Parsl has no {kind} {name!r}; it has {', '.join(known)}")
    return found


def run_job(folder: str, command: tuple[str, ...], cores: int) -> int:
    """Run a job where this is called, and return its exit status; Parsl calls it on a node of the cluster."""
    from pathlib import Path  # on that node, nothing of this module is there but what it imports itself

    from mimyria.execute import LOG, NOT_FOUND, Job, start

    try:  # in the group of Parsl's worker, with which the batch system ends it
        return start(Job(Path(folder), tuple(command)), cores, own_group=False).wait()
    except FileNotFoundError as error:
        (Path(folder) / LOG).write_text(f"{error}\n", encoding="utf-8")
        return NOT_FOUND


EXECUTORS: dict[str, type[Any]] = {"local": LocalExecutor, "parsl": ParslExecutor}
"""By the name used in profiles."""


def make_executor(name: str, here: Mapping[str, int], folder: Path) -> Executor:
    """Return the executor that is named, or that a profile describes.

    Parameters
    ----------
    name
        ``local``, or the YAML profile of a cluster.
    here
        ``workers`` and ``cores`` on this machine, if they are told.
    folder
        For what the executor itself writes.
    """
    if name == "local":
        return LocalExecutor(**here)
    path = Path(name)
    if here:
        raise ConfigError(f"--{next(iter(here))} is for this machine; {path} says itself how many jobs run at once")
    known = {one: {setting.name for setting in fields(kind)} for one, kind in EXECUTORS.items()}
    profile = read_settings(path, {"executor"}.union(*known.values()), plural={"options", "parsl"})
    kind = str(profile.pop("executor", None))
    if kind not in known:
        raise ConfigError(f"{path} needs a line `executor: {' or '.join(known)}`")
    if surplus := sorted(set(profile) - known[kind]):
        has = ", ".join(sorted(known[kind]))
        raise ConfigError(f"{path}: executor {kind} has no setting {surplus[0]!r}; it has {has}")
    if kind == "parsl":
        if find_spec("parsl") is None:
            raise ConfigError(f"{path} needs Parsl, which is not installed; `pip install 'mimyria[hpc]'` adds it")
        profile.setdefault("run_dir", folder / "parsl")
    executor: Executor = EXECUTORS[kind](**profile)
    return executor
