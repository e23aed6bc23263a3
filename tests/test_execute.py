"""Executors: jobs in folders, on this machine and through the batch systems that Parsl knows."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from slurm import one_node_slurm, why_not

from conftest import moving_charges
from contracts import WATER, ExecutorContract
from mimyria import execute
from mimyria.engines.tblite import TBLite
from mimyria.errors import ConfigError
from mimyria.execute import LocalExecutor, ParslExecutor, make_executor
from mimyria.formats import write_frames
from mimyria.labels.label import label_frames
from mimyria.pipeline import make_spectra
from mimyria.settings import LabelSettings

POOL = {"address": "127.0.0.1", "max_workers_per_node": 1}


class TestLocal(ExecutorContract):
    @pytest.fixture
    def executor(self, tmp_path: Path) -> Any:
        return LocalExecutor(workers=2, cores=3)

    def test_no_more_than_the_workers_run_at_once(self, tmp_path: Path) -> None:
        program = (
            "import os, time; open('begin', 'w').write(str(time.time())); time.sleep(0.3);"
            "open('end', 'w').write(str(time.time()))"
        )
        jobs = self.jobs(tmp_path, *[program] * 5)
        assert sum(1 for _ in LocalExecutor(workers=2).run(jobs)) == 5
        spans = [[float((job.folder / name).read_text()) for name in ("begin", "end")] for job in jobs]
        assert max(sum(begin <= at < end for begin, end in spans) for at, _ in spans) == 2


@pytest.mark.filterwarnings("ignore")
class TestParslHere(ExecutorContract):
    @pytest.fixture
    def executor(self, tmp_path: Path) -> Any:
        options = {"init_blocks": 1, "min_blocks": 0, "max_blocks": 1}
        return ParslExecutor("LocalProvider", options, POOL, cores=3, run_dir=tmp_path / "parsl")

    @pytest.mark.parametrize(
        ("profile", "message"),
        [
            ({"provider": "SlrmProvider"}, "no provider 'SlrmProvider'; it has .*SlurmProvider"),
            ({"options": {"launcher": "Srun"}}, "no launcher 'Srun'; it has .*SrunLauncher"),
            ({"options": {"partitoin": "debug"}}, "rejects this profile: .*partitoin"),
        ],
    )
    def test_what_parsl_does_not_know(self, tmp_path: Path, profile: Any, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            list(ParslExecutor(**profile, run_dir=tmp_path).run(self.jobs(tmp_path, "pass")))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
class TestSlurm(ExecutorContract):
    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def slurm(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
        with one_node_slurm(tmp_path_factory.mktemp("slurm")):
            yield

    @pytest.fixture
    def executor(self, tmp_path: Path) -> Any:
        options = {
            "partition": "debug", "exclusive": False, "cores_per_node": 1, "nodes_per_block": 1, "init_blocks": 1,
            "min_blocks": 0, "max_blocks": 1, "walltime": "00:05:00",
        }  # fmt: skip
        return ParslExecutor("SlurmProvider", options, POOL, cores=1, run_dir=tmp_path / "parsl")

    def test_the_job_runs_under_slurm(self, tmp_path: Path, executor: Any) -> None:
        (job,) = self.jobs(tmp_path, "import os; print(os.environ['SLURM_JOB_ID'])")
        assert "SLURM_JOB_ID" not in os.environ
        (outcome,) = executor.run([job])
        assert outcome.status == 0
        assert int((job.folder / "run.log").read_text()) > 0

    def test_molecules_are_labelled_through_slurm(self, tmp_path: Path, executor: Any) -> None:
        frames = {str(k): replace(WATER, positions=WATER.positions * (1 + 0.01 * k)) for k in range(3)}
        done = label_frames(frames, TBLite(), executor, tmp_path / "work", LabelSettings())
        assert not done.failures
        assert all(frame.info["qa_apt_sum"] < 1e-6 for frame in done.frames.values())
        assert len(done.frames) == 3

    def test_trajectories_are_jobs_of_slurm(
        self, tmp_path: Path, executor: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        paths = [tmp_path / f"md-{seed}.xyz" for seed in range(2)]
        for seed, path in enumerate(paths):
            write_frames(path, moving_charges(60, 4.0, seed=seed)[0])
        monkeypatch.setattr("mimyria.pipeline.make_executor", lambda *_: executor)
        how: dict[str, Any] = {"apt": "frames", "plot_format": ("svg",)}
        pooled = make_spectra(paths, tmp_path / "jobs", executor="slurm.yaml", **how)
        alone = make_spectra(paths, tmp_path / "here", **how)
        np.testing.assert_array_equal(pooled["ir"].values(), alone["ir"].values())
        assert not (tmp_path / "jobs" / "unfinished").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed")
def test_what_parsl_starts_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    (tmp_path / "broker.py").write_text(
        "import os, time; open('new', 'w').write(str(os.getpid())); os.rename('new', 'begun'); time.sleep(60)"
    )
    command = "[sys.executable, '-c', AS_LONG_AS, str(os.getpid()), 'broker.py']"
    program = f"import os, subprocess, sys; from mimyria.execute import AS_LONG_AS; subprocess.run({command})"
    starting = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path)
    end = time.monotonic() + 60
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    starting.kill()
    starting.wait()
    broker = Path("/proc") / (tmp_path / "begun").read_text()
    while broker.exists() and "Z" not in (broker / "stat").read_text().split():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.filterwarnings("ignore")  # sockets that Parsl leaves open
@pytest.mark.parametrize("profile", sorted((Path(__file__).parents[1] / "configs" / "cluster").glob("*.yaml")))
def test_our_profiles_are_what_parsl_takes(profile: Path, tmp_path: Path) -> None:
    executor = make_executor(str(profile), {}, tmp_path)
    if profile.stem == "laptop":
        assert executor == LocalExecutor(workers=2, cores=1)
        return
    assert isinstance(executor, ParslExecutor)
    assert executor._configuration().run_dir == str(tmp_path / "parsl")


def test_cores_are_those_of_the_control_groups_and_of_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_CPUS_PER_TASK", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setattr(execute, "_quotas", lambda: iter(()))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert execute.cores_here() == 64
    monkeypatch.setattr(execute, "_quotas", lambda: iter((12, 48)))
    assert execute.cores_here() == 12
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "4")
    assert execute.cores_here() == 4


@pytest.mark.parametrize(("workers", "expected"), [(1, 8), (3, 2), (9, 1)])
def test_jobs_of_one_machine_share_its_cores(
    workers: int, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "cores_here", lambda: 8)
    (job,) = ExecutorContract.jobs(tmp_path, f"import os; print(os.environ['{execute.CORES}'])")
    list(LocalExecutor(workers).run([job]))
    assert (job.folder / execute.LOG).read_text() == f"{expected}\n"
    monkeypatch.undo()
    monkeypatch.setenv(execute.CORES, "1")  # as the job sees it, and those that it starts
    assert execute.cores_here() == 1


@pytest.mark.parametrize(("pinned", "expected"), [(False, 2), (True, 8)])
def test_jobs_of_one_node_share_its_cores(
    pinned: bool, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker of Parsl that is pinned sees its share alone."""
    monkeypatch.setattr(execute, "cores_here", lambda: 8)
    monkeypatch.setenv("PARSL_WORKER_COUNT", "4")
    program = f"import os; print(os.environ['{execute.CORES}'])"
    assert execute.run_job(str(tmp_path), (sys.executable, "-c", program), 1, None, pinned) == 0
    assert (tmp_path / execute.LOG).read_text() == f"{expected}\n"


def test_a_job_of_this_program_imports_nothing_from_where_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "random.py").write_text("raise SystemExit('not this one')")
    environment = os.environ | {"PYTHONPATH": str(Path(execute.__file__).parents[1])}
    done = subprocess.run(execute.program("--help"), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/user/mine", {"user/cpu.max": "800000 100000", "user/mine/cpu.max": "max 100000"}, [8]),
        ("0::/seen/from/outside", {"cpu.max": "150000 100000"}, [2]),
        (
            "1:memory:/a\n4:cpu,cpuacct:/a",
            {"cpu/a/cpu.cfs_quota_us": "300000", "cpu/a/cpu.cfs_period_us": "100000"},
            [3],
        ),
        ("4:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, []),
        ("0::/", {"cpu.max": "no number"}, []),
    ],
)
def test_quotas_of_control_groups(own: str, files: dict[str, str], expected: list[int], tmp_path: Path) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{content}\n")
    (tmp_path / "own").write_text(f"{own}\n")
    assert list(execute._quotas(tmp_path, tmp_path / "own")) == expected
    assert list(execute._quotas(tmp_path, tmp_path / "nowhere")) == []


def test_a_profile_with_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "profile.yaml"
    path.write_text("executor: local\nprovider: SlurmProvider\n")
    with pytest.raises(ConfigError, match="unknown setting 'provider'; known are cores, executor, workers"):
        make_executor(str(path), {}, tmp_path)
    path.write_text("executor: parsl\nproviedr: SlurmProvider\n")
    with pytest.raises(ConfigError, match="did you mean provider"):
        make_executor(str(path), {}, tmp_path)
