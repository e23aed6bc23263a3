"""Each trajectory as a job: the spectra are those of one process, whatever fails, is stopped, killed or has grown."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from rings import ring, write_beads

from conftest import moving_charges
from mimyria.errors import Interrupted, MimyriaError, RunFailed, SpectrumError
from mimyria.execute import LOG, Job, Outcome
from mimyria.formats import write_frames
from mimyria.passes import run_pass
from mimyria.pipeline import make_spectra

TIMESTEP = 2.0


@dataclass
class Here:
    """Runs jobs in this process, the last one first: results must not depend on who ends when."""

    ran: list[str] = field(default_factory=list)
    """The trajectory of every job."""
    pressed_after: int | None = None
    """Ctrl-C after so many jobs."""

    def run(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        for number, job in enumerate(reversed(list(jobs))):
            if number == self.pressed_after:
                raise KeyboardInterrupt
            *_, command, folder = job.command
            assert command == "rates"
            self.ran.append(job.folder.name)
            handler = logging.FileHandler(job.folder / LOG, "w")
            handler.setFormatter(logging.Formatter("%(message)s"))
            logging.getLogger("mimyria").addHandler(handler)
            try:
                run_pass(Path(folder))
                status = 0
            except MimyriaError as error:
                (job.folder / LOG).write_text(f"mimyria: {error}\n")
                status = error.exit_status
            finally:
                logging.getLogger("mimyria").removeHandler(handler)
                handler.close()
            yield Outcome(job, status)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    executor = Here()
    monkeypatch.setattr("mimyria.pipeline.make_executor", lambda *_: executor)
    return executor


def swinging(n_frames: int, seed: int = 0, timestep: float = TIMESTEP, slowest: float = 0.1) -> list[Any]:
    """Point charges that swing, each at its own pace (rad/fs)."""
    frames, charges = moving_charges(n_frames, timestep)
    frequency = slowest + 0.3 * np.random.default_rng(seed).random((len(charges), 1))
    first: Any = frames[0]
    return [
        replace(
            frame,
            positions=first.positions + first.velocities / frequency * np.sin(frequency * frame.time),
            velocities=first.velocities * np.cos(frequency * frame.time),
        )
        for frame in frames
    ]


HOW: dict[str, Any] = {"apt": "frames", "temperature": 300.0, "plot_format": ("svg",)}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three trajectories of different length, the second with a gap, and the spectra of one process: the folder."""
    folder = tmp_path_factory.mktemp("alone")
    for k in range(3):
        frames = swinging(200 + 20 * k, k)
        write_frames(folder / f"md-{k}.xyz", frames[:100] + frames[115:] if k == 1 else frames)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make_spectra(sorted(Path().glob("*.xyz")), "here", **HOW)
    return folder


@pytest.fixture
def runs(alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The trajectories in a folder of this test; paths are relative, as users write them."""
    shutil.copytree(alone, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return sorted(Path().glob("*.xyz"))


def many(paths: Iterable[Path], out: str, **settings: Any) -> Any:
    return make_spectra(paths, out, **(HOW | {"executor": "local"} | settings))


def same(ours: str, theirs: str) -> None:
    """Every number in the series and every byte of the tables is the same."""

    def contents(out: str) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def visit(name: str, item: Any) -> None:
            found[name] = {key: np.array(value).tolist() for key, value in item.attrs.items()}
            if isinstance(item, h5py.Dataset):
                found[f"{name} values"] = item[()].tobytes()

        with h5py.File(Path(out) / "series.h5") as file:
            file.visititems(visit)
        return found

    assert contents(ours) == contents(theirs)
    tables = sorted(path.name for path in Path(theirs).glob("*.csv"))
    assert tables
    for table in tables:
        assert (Path(ours) / table).read_bytes() == (Path(theirs) / table).read_bytes()
    assert not (Path(ours) / "unfinished").exists()


def test_the_spectra_are_those_of_one_process(here: Here, runs: list[Path]) -> None:
    many(runs, "jobs")
    assert here.ran == ["0003", "0001", "0000"]  # both segments of the second are one job
    same("jobs", "here")


def test_a_stride_that_one_trajectory_needs_is_that_of_all(here: Here, tmp_path: Path) -> None:
    for k, fastest in enumerate(
        (0.2, 1.2)
    ):  # rad/fs: the second is aliased at every sixth frame, and not at every third
        write_frames(tmp_path / f"{k}.xyz", swinging(400, k, 0.6, fastest))
    paths = [tmp_path / f"{k}.xyz" for k in range(2)]
    make_spectra(paths, tmp_path / "here", **HOW)
    many(paths, str(tmp_path / "jobs"))
    same(str(tmp_path / "jobs"), str(tmp_path / "here"))
    assert here.ran == ["0001", "0000", "0000"]


def test_what_failed_is_named_and_the_rest_is_kept(here: Here, runs: list[Path]) -> None:
    frames = swinging(240, 2)
    broken = replace(frames[150], tensors={"apt": np.full((32, 3, 3), np.nan)})
    write_frames(runs[2], [*frames[:150], broken, *frames[151:]])
    with pytest.raises(RunFailed) as caught:
        many(runs, "jobs")
    assert str(caught.value) == (
        "1 of 3 trajectories have no rates: md-2.xyz (jobs/unfinished/0003/run.log): frame at 300 fs: the apt of atom "
        "0 is not a number; the rates of the others are kept, so that the same command computes only these"
    )
    write_frames(runs[2], frames)
    here.ran.clear()
    many(runs, "jobs")
    assert here.ran == ["0003"]
    same("jobs", "here")


def test_stopped_and_run_again_nothing_is_done_twice(here: Here, runs: list[Path]) -> None:
    here.pressed_after = 2
    with pytest.raises(Interrupted, match="stopped; 2 of 3 trajectories are finished; run the same command again"):
        many(runs, "jobs")
    here.pressed_after = None
    here.ran.clear()
    many(runs, "jobs", resume=True)
    assert here.ran == ["0000"]
    same("jobs", "here")


def test_either_goes_on_with_what_the_other_left(
    here: Here, runs: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    here.pressed_after = 2
    with pytest.raises(Interrupted):
        many(runs, "jobs")
    with caplog.at_level(logging.INFO, "mimyria"):
        make_spectra(runs, "jobs", **HOW)
    assert "md-2.xyz: resuming after 240 frames" in caplog.text
    same("jobs", "here")


def test_other_settings_begin_anew_or_are_refused(
    here: Here, runs: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SpectrumError, match="cannot resume: there is no unfinished run in jobs/unfinished"):
        many(runs, "jobs", resume=True)
    here.pressed_after = 2
    with pytest.raises(Interrupted):
        many(runs, "jobs")
    here.pressed_after = None
    here.ran.clear()
    with pytest.raises(SpectrumError, match=r"made with other settings: groups was .*species.*, now it is .*none"):
        many(runs, "jobs", groups="none", resume=True)
    assert not here.ran
    many(runs, "jobs", groups="none")
    assert caplog.text.count("holds an unfinished run with other settings: ") == 3
    make_spectra(runs, "here", **HOW, groups="none")
    same("jobs", "here")


def test_of_a_trajectory_that_has_grown_the_new_frames_are_computed(
    here: Here, runs: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    here.pressed_after = 2
    with pytest.raises(Interrupted):
        many(runs, "jobs")
    write_frames(runs[2], swinging(300, 2))
    here.pressed_after = None
    here.ran.clear()
    with caplog.at_level(logging.INFO, "mimyria"):
        many(runs, "jobs")
    assert here.ran == ["0003", "0000"]
    assert "md-2.xyz: resuming after 240 frames" in caplog.text
    make_spectra(runs, "here", **HOW)
    same("jobs", "here")


def test_what_all_must_share_is_checked_before_the_first_job(here: Here, runs: list[Path], tmp_path: Path) -> None:
    frames, _ = moving_charges(200, TIMESTEP)
    other = [replace(frame, numbers=frame.numbers[::-1]) for frame in frames]
    slower = [replace(frame, time=2 * frame.time) for frame in frames]
    without = [replace(frame, tensors={}) for frame in frames]
    wrong: list[tuple[list[Any], dict[str, Any], str]] = [
        (other, {}, "differ in their atoms, or their order"),
        (slower, {}, "would be sampled every 2 and 4 fs"),
        (swinging(200), {"apt": "nowhere.mym"}, "nowhere.mym does not exist"),
        (
            swinging(200),
            {"moving_window": 0.3},
            r"must fit into a trajectory twice, half overlapping: the longest has 0.4",
        ),
    ]
    for content, settings, words in wrong:
        write_frames("last.xyz", content)
        with pytest.raises(MimyriaError, match=words):
            many([runs[0], Path("last.xyz")] if content is not without else [Path("last.xyz")], "jobs", **settings)
    write_frames("last.xyz", without)
    with pytest.raises(MimyriaError, match="frame at 0 fs has no apt"):
        many([Path("last.xyz")], "jobs")
    assert not here.ran


def test_warnings_of_jobs_are_repeated(here: Here, runs: list[Path], caplog: pytest.LogCaptureFixture) -> None:
    run = here.run

    def telling(jobs: Iterable[Job]) -> Iterator[Outcome]:
        for outcome in run(jobs):
            name = outcome.job.folder.name
            with (outcome.job.folder / LOG).open("a") as log:
                log.write(f"warning: rare in {name}\nwarning: everywhere\n")
            yield outcome

    here.run = telling  # type: ignore[method-assign]
    many(runs, "jobs")
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert said.count("everywhere") == 1
    assert [words for words in said if words.startswith("rare")] == ["rare in 0000", "rare in 0001"]
    assert "there are 1 more warnings of this kind, of other trajectories" in said
    assert len([words for words in said if "the time jumps" in words]) == 1


def test_beads_are_one_job(here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pattern = write_beads(Path(), [of[:50] + of[70:] for of in ring(3, 120)])
    many([], "jobs", beads=pattern, resolution=500)
    assert here.ran == ["0000"]
    make_spectra([], "here", **HOW, beads=pattern, resolution=500)
    same("jobs", "here")


TESTS = Path(__file__).parent


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed")
def test_killed_it_goes_on_where_it_was(runs: list[Path], tmp_path: Path) -> None:
    Path("one.yaml").write_text("executor: local\nworkers: 1\n")
    words = [*map(str, runs[::2]), "--apt", "frames", "--temperature", "300", "--plot-format", "svg", "--out", "jobs"]
    command = [sys.executable, "-m", "mimyria", "spectrum", *words, "--executor", "one.yaml"]
    environment = os.environ | {"PYTHONPATH": str(TESTS.parent)}
    killed = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    first = tmp_path / "jobs" / "unfinished" / "0000" / "series.h5"
    end = time.monotonic() + 200
    while not first.exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "of 2 trajectories are finished" in again.stderr
    make_spectra(runs[::2], "both", **HOW)
    same("jobs", "both")
