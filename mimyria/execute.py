"""`Job`, a command in a folder, and `Executor`, which runs jobs on this machine or on a cluster."""

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

from mimyria.config import read_settings, read_yaml
from mimyria.errors import ConfigError, Unfinished

LOG = "run.log"
POLL_INTERVAL, GRACE_PERIOD = 0.05, 5.0
"""Seconds between looks at running jobs, and between SIGTERM and SIGKILL."""
MOST_SUBMITTED = 256
"""Most jobs submitted to a cluster at once. Each holds a lock file open; the rest stay free for other processes."""
PARENT = "MIMYRIA_PARENT"
"""Environment variable with the process that started this one: commands of this program exit when it is killed."""
CORES = "MIMYRIA_CORES"
"""Environment variable with the most cores that a job may use: its share, where others run beside it."""
AS_LONG_AS = """
import runpy, sys
from mimyria.process import end_with_parent
end_with_parent(int(sys.argv[1]))
runpy.run_path(sys.argv[2], run_name="__main__")
"""
"""A program, with the number of the process that starts it and a file: it runs the file as long as that process runs.

Parsl's own broker of jobs outlives a process that is killed, and holds its nodes until their time runs out.
"""
NOT_FOUND, LOST = 127, Unfinished.exit_status
"""Exit status if the program is not found, and if the machine ended the job (EX_TEMPFAIL of sysexits)."""


@dataclass(frozen=True)
class Job:
    """A command, program and arguments, that runs in a folder and leaves its results there, its output in `LOG`."""

    folder: Path
    command: tuple[str, ...]
    held: tuple[int, ...] = ()
    """Open files that the process inherits on this machine: a lock stays held until the last process has ended."""
    directory: Path | None = None
    """Where the command runs, if not in its folder: relative paths in it then mean what they mean to the user."""


@dataclass(frozen=True)
class Outcome:
    """A finished job and its exit status, negative for a signal."""

    job: Job
    status: int


def program(*words: object) -> tuple[str, ...]:
    """Return a command line of this program for a job, which imports no file of the folder that it is started in."""
    # A package that is not installed is found where the command is given, in its clone.
    alone = () if Path.cwd() == Path(__file__).parents[1] else ("-P",)
    return (sys.executable, *alone, "-m", "mimyria", *map(str, words))


def last_line(log: Path, otherwise: str = "without a message") -> str:
    """Return the last line of the output of a job, which is the reason where it failed."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1].removeprefix("mimyria: ") if lines else otherwise


class Executor(Protocol):
    """Runs jobs; a new executor is one class with this method, and one line in `EXECUTORS`."""

    def run(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """Yield the outcome of each job as it ends, in any order; stop running jobs when the caller stops."""
        ...


def cores_here() -> int:
    """Return how many cores of this machine the process may use.

    Those that the system schedules it on, but no more than the quota of its control groups, as containers have one,
    than Slurm has given to the task, and than the share of a job. OMP_NUM_THREADS is of the threads of one process, and
    says nothing here.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    told = (os.environ.get(name, "") for name in ("SLURM_CPUS_PER_TASK", CORES))
    return max(1, min([allowed, *_quotas(), *(int(number) for number in told if number.isdecimal())]))


def _quotas(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> Iterator[int]:
    """Yield the cores, rounded up, that each control group of this process with a limit may use, of both versions."""
    with suppress(OSError):
        for line in own.read_text(encoding="utf-8").splitlines():
            _, controllers, place = line.split(":", 2)
            if controllers and "cpu" not in controllers.split(","):
                continue
            group = (root / "cpu" if controllers else root) / place.lstrip("/")
            # A limit of any group above holds too; in a container its own group is the top that can be seen.
            for each in (group, *group.parents):
                with suppress(OSError, ValueError):
                    if controllers:
                        quota, period = ((each / f"cpu.cfs_{which}_us").read_text() for which in ("quota", "period"))
                    else:
                        quota, period = (each / "cpu.max").read_text().split()
                    if quota.strip() != "max" and int(quota) > 0:
                        yield -(-int(quota) // int(period))


def start(job: Job, cores: int, beside: int = 1, *, own_group: bool = True) -> subprocess.Popen[bytes]:
    """Start a job with OMP_NUM_THREADS set to ``cores``, one of so many ``beside`` each other on this machine.

    In its own process group, all descendants of the job can be stopped, and Ctrl-C does not reach it by itself.
    """
    # PARENT lets a job notice that this process was killed with SIGKILL, which leaves no chance to stop it.
    told = {"OMP_NUM_THREADS": cores, PARENT: os.getpid(), CORES: max(cores_here() // beside, 1)}
    environment = os.environ | {name: str(number) for name, number in told.items()}
    with (job.folder / LOG).open("wb") as log:
        return subprocess.Popen(
            job.command, cwd=job.directory or job.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, start_new_session=own_group, pass_fds=job.held,
        )  # fmt: skip


def stop(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """Stop processes with all their descendants, by SIGTERM and then SIGKILL, and wait until they are gone."""
    stopped = list(processes)
    for process in stopped:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, SIGTERM)
    end = time.monotonic() + GRACE_PERIOD  # for all together: they end side by side
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
    """Runs up to ``workers`` jobs at a time as processes on this machine, with ``cores`` cores each."""

    workers: int = 1
    cores: int = 1

    def __post_init__(self) -> None:
        """Raise ConfigError unless both are positive whole numbers."""
        _require_positive("workers", self.workers)
        _require_positive("cores", self.cores)

    def run(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """Yield the outcomes; a job is taken from the iterable only when it can start."""
        waiting = iter(jobs)
        running: dict[Job, subprocess.Popen[bytes]] = {}
        more = True
        try:
            while more or running:
                while more and len(running) < self.workers:
                    # No earlier: a job may come with a lock, as of a frame to label, that others could have meanwhile.
                    job = next(waiting, None)
                    if job is None:
                        more = False
                        break
                    try:
                        running[job] = start(job, self.cores, self.workers)
                    except FileNotFoundError as error:
                        (job.folder / LOG).write_text(f"{error}\n", encoding="utf-8")
                        yield Outcome(job, NOT_FOUND)
                ended = {job: process.returncode for job, process in running.items() if process.poll() is not None}
                for job, status in ended.items():
                    del running[job]
                    yield Outcome(job, status)
                if not ended:
                    time.sleep(POLL_INTERVAL)
        finally:
            stop(running.values())


@dataclass(frozen=True)
class ParslExecutor:
    """Runs jobs on a cluster, through any batch system that Parsl supports."""

    provider: str = "LocalProvider"
    """Class of ``parsl.providers``: SlurmProvider, PBSProProvider, LocalProvider, ..."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the provider, as Parsl names them; ``launcher`` is the name of a class of ``parsl.launchers``."""
    parsl: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of Parsl's HighThroughputExecutor, such as ``max_workers_per_node``."""
    cores: int = 1
    """Of each job."""
    retries: int = 2
    """How often a job is started again, and resumes, after its node failed or its time ran out."""
    run_dir: Path = Path("parsl")
    """Of the files of Parsl."""

    def __post_init__(self) -> None:
        """Raise ConfigError unless ``cores`` is a positive whole number."""
        _require_positive("cores", self.cores)

    def run(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """Yield the outcomes; Parsl requests nodes for the jobs submitted so far."""
        waiting = iter(jobs)
        first = next(waiting, None)
        if first is None:
            return
        from parsl import DataFlowKernel, python_app

        kernel = DataFlowKernel(self._configuration())
        running: dict[Any, Job] = {}
        try:
            submit = python_app(run_job, data_flow_kernel=kernel)
            pinned = self.parsl.get("cpu_affinity", "none") != "none"
            waiting = chain([first], waiting)
            while True:
                for job in islice(waiting, MOST_SUBMITTED - len(running)):
                    there = None if job.directory is None else str(job.directory.resolve())
                    running[submit(str(job.folder.resolve()), job.command, self.cores, there, pinned)] = job
                if not running:
                    return
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    job = running.pop(future)
                    # The machine's failure, not the job's: its own log stays, and the reason is appended.
                    if (error := future.exception()) is not None:
                        with (job.folder / LOG).open("a", encoding="utf-8") as log:
                            log.write(f"{type(error).__name__}: {' '.join(str(error).split())}\n")
                    yield Outcome(job, LOST if error is not None else future.result())
        finally:
            kernel.cleanup()

    def _configuration(self) -> Any:
        """Return the configuration of Parsl; raise ConfigError for an unknown name or argument."""
        from parsl import launchers, providers
        from parsl.config import Config
        from parsl.executors import HighThroughputExecutor

        programs = Path(sys.executable).parent  # of this environment, on the shared file system
        options = dict(self.options)
        options["worker_init"] = f"export PATH={programs}:$PATH\n{options.get('worker_init', '')}"
        interchange = [sys.executable, "-c", AS_LONG_AS, str(os.getpid()), str(programs / "interchange.py")]
        launch = {"interchange_launch_cmd": interchange, **self.parsl}
        try:
            if "launcher" in options:
                options["launcher"] = _get_class(launchers, options["launcher"], "launcher")()
            provider = _get_class(providers, self.provider, "provider")(**options)
            pool = HighThroughputExecutor(label="mimyria", provider=provider, **launch)
        except TypeError as error:
            raise ConfigError(f"Parsl rejects this profile: {error}; correct it") from error
        return Config(
            executors=[pool], retries=self.retries, run_dir=str(self.run_dir), initialize_logging=False,
            strategy="simple", usage_tracking=0,
        )  # fmt: skip


def _require_positive(name: str, value: Any) -> None:
    if not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} takes a positive whole number, not {value!r}")


def _get_class(module: Any, name: str, kind: str) -> Any:
    if not hasattr(module, name):
        known = sorted(known for known in module.__all__ if known.endswith(kind.capitalize()))
        raise ConfigError(f"Parsl has no {kind} {name!r}; it has {', '.join(known)}")
    return getattr(module, name)


def run_job(folder: str, command: tuple[str, ...], cores: int, directory: str | None, pinned: bool) -> int:
    """Run a job and return its exit status; Parsl calls this on a node of the cluster.

    Where its workers are ``pinned``, each sees its own cores alone, else those of all that the node has.
    """
    import os  # Parsl sends the function alone, without the imports of this module
    from pathlib import Path

    from mimyria.execute import LOG, NOT_FOUND, Job, start

    job = Job(Path(folder), tuple(command), directory=Path(directory or folder))
    beside = 1 if pinned else int(os.environ.get("PARSL_WORKER_COUNT", "1"))
    try:  # in the process group of Parsl's worker, so that the batch system stops both
        return start(job, cores, beside, own_group=False).wait()
    except FileNotFoundError as error:
        (Path(folder) / LOG).write_text(f"{error}\n", encoding="utf-8")
        return NOT_FOUND


EXECUTORS: dict[str, type[Any]] = {"local": LocalExecutor, "parsl": ParslExecutor}
"""By the name in profiles."""


def make_executor(name: str, here: Mapping[str, int], folder: Path) -> Executor:
    """Return the executor ``local``, with ``workers`` and ``cores`` of this machine, or that of a YAML profile.

    Its own files go into a folder. Raise ConfigError for a profile that names no executor, or a setting that its
    executor does not have.
    """
    if name == "local":
        return LocalExecutor(**here)
    path = Path(name)
    if not path.is_file():
        raise ConfigError(f"--executor takes local or the YAML file of a profile (see docs/clusters.md), not {name!r}")
    if here:
        raise ConfigError(
            f"--{next(iter(here))} is for this machine; leave it out, {path} sets how many jobs run at once"
        )
    kind = str(read_yaml(path).get("executor"))
    if kind not in EXECUTORS:
        raise ConfigError(f"{path} needs a line `executor: {' or '.join(EXECUTORS)}`")
    profile = read_settings(path, ["executor", *(setting.name for setting in fields(EXECUTORS[kind]))])
    del profile["executor"]
    if kind == "parsl":
        if find_spec("parsl") is None:
            raise ConfigError(f"{path} needs Parsl, which is not installed; `pip install 'mimyria[hpc]'` adds it")
        profile.setdefault("run_dir", folder / "parsl")
    executor: Executor = EXECUTORS[kind](**profile)
    return executor
