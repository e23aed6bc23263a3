"""Labelling: nothing is lost, nothing is computed twice, nothing is mixed, and what fails is named."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from counting import Counting, exact

from contracts import TRICLINIC, WATER, working_below
from mimyria.engines.job import RUNNING, is_running, read_npz, write_npz
from mimyria.errors import LabelError
from mimyria.execute import LocalExecutor
from mimyria.frame import Frame
from mimyria.labels import label as label_module
from mimyria.labels.label import label_frames
from mimyria.labels.quality import summarise_quality
from mimyria.memory import locked
from mimyria.settings import LabelSettings
from mimyria.targets import TARGETS
from mimyria.units import BOHR, HARTREE

pytestmark = pytest.mark.usefixtures("made_up_engines")
TESTS = Path(__file__).parent
FRAMES = {f"{k:05d}": replace(WATER, positions=WATER.positions + 0.01 * k) for k in range(3)}

PROGRAM = f"""
import sys
sys.modules["torch"] = None  # it would be imported where it is installed, which takes seconds
sys.path.insert(0, {str(TESTS)!r})
from pathlib import Path
from test_labels_label import FRAMES
from counting import Counting
from mimyria.execute import LocalExecutor
from mimyria.labels.label import label_frames
from mimyria.settings import LabelSettings
from program import register
register()
done = label_frames(FRAMES, Counting(sys.argv[2], pause=0.05), LocalExecutor(2), Path(sys.argv[1]), LabelSettings())
print(len(done.frames))
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger"
    path.touch()
    return path


def label(work: Path, ledger: Path, frames: dict[str, Frame] = FRAMES, **settings: Any) -> Any:
    names = {"pause", "bad_run", "until", "disk_full", "level"}
    engine = Counting(str(ledger), **{key: value for key, value in settings.items() if key in names})
    wanted = LabelSettings(**{key: value for key, value in settings.items() if key not in names})
    return label_frames(frames, engine, LocalExecutor(2), work, wanted)


def inside(work: Path, name: str = "00000") -> Path:
    """Return the folder of a configuration in which everything has the same fingerprint."""
    (folder,) = [path.parent for path in (work / name).glob("*/identity.json")]
    return folder


def counted(ledger: Path) -> Counter[str]:
    return Counter(line.rsplit(" ", 1)[0] for line in ledger.read_text().splitlines())


def test_the_tensors_are_those_of_the_engine(tmp_path: Path, ledger: Path) -> None:
    done = label(tmp_path / "work", ledger)
    assert list(done.frames) == list(FRAMES)
    forces, apt, pgt = exact(3)
    frame = done.frames["00001"]
    np.testing.assert_allclose(frame.tensors["apt"], apt, atol=1e-9)
    np.testing.assert_allclose(frame.tensors["pgt"], pgt / BOHR, atol=1e-6)
    np.testing.assert_array_equal(frame.positions, FRAMES["00001"].positions)
    assert frame.info["scf_steps"] == 14 * 7
    assert len(counted(ledger)) == 42
    np.testing.assert_allclose(frame.forces, forces * HARTREE / BOHR)


def test_nothing_is_computed_twice(tmp_path: Path, ledger: Path) -> None:
    label(tmp_path / "work", ledger)
    again = label(tmp_path / "work", ledger)
    assert len(again.frames) == 3
    assert set(counted(ledger).values()) == {1}


def test_the_apt_alone_takes_eight_runs(tmp_path: Path, ledger: Path) -> None:
    done = label(tmp_path / "work", ledger, target="apt")
    assert len(counted(ledger)) == 24
    assert set(done.frames["00000"].tensors) == {"apt"}


def start_program(work: Path, ledger: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(work), str(ledger)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


def wait_for(count: int, ledger: Path) -> None:
    end = time.monotonic() + 60
    while len(ledger.read_text().splitlines()) < count:
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("seed", range(3))
def test_after_a_kill_the_next_start_goes_on(tmp_path: Path, ledger: Path, seed: int) -> None:
    """Its jobs outlive a kill -9; the next start waits for them, and nothing is computed twice."""
    process = start_program(tmp_path / "work", ledger)
    wait_for(int(np.random.default_rng(seed).integers(1, 35)), ledger)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    done = label(tmp_path / "work", ledger)
    assert len(done.frames) == 3
    assert set(counted(ledger).values()) == {1}
    assert len(counted(ledger)) == 42


def test_after_a_kill_of_everything_only_the_run_at_hand_is_repeated(tmp_path: Path, ledger: Path) -> None:
    process = start_program(tmp_path / "work", ledger)
    wait_for(9, ledger)
    os.kill(process.pid, signal.SIGKILL)
    for job in working_below(tmp_path):
        os.kill(job, signal.SIGKILL)
    process.communicate()
    done = label(tmp_path / "work", ledger)
    assert len(done.frames) == 3
    assert len(counted(ledger)) == 42
    assert sum(counted(ledger).values()) <= 44


def test_two_at_once_do_not_collide(tmp_path: Path, ledger: Path) -> None:
    first, second = (start_program(tmp_path / "work", ledger) for _ in range(2))
    said = [process.communicate(timeout=60)[0].split() for process in (first, second)]
    assert said == [["3"], ["3"]]  # each waits for what the other works on
    assert set(counted(ledger).values()) == {1}
    assert len(counted(ledger)) == 42


@pytest.mark.parametrize(
    ("settings", "difference"),
    [
        ({"field": 1e-3}, "field was 0.002, now it is 0.001"),
        ({"level": "rough"}, "engine level was exact, now it is rough"),
        ({"target": "apt"}, "order was 2, now it is 1"),
    ],
)
def test_other_settings_are_refused(tmp_path: Path, ledger: Path, settings: dict[str, Any], difference: str) -> None:
    label(tmp_path / "work", ledger)
    with pytest.raises(LabelError, match=f"00000 was made with other settings: {difference}.*another --work"):
        label(tmp_path / "work", ledger, **settings)
    assert len(label(tmp_path / "work", ledger).frames) == 3


def test_another_configuration_is_refused(tmp_path: Path, ledger: Path) -> None:
    label(tmp_path / "work", ledger)
    moved = {name: replace(frame, positions=frame.positions * 1.001) for name, frame in FRAMES.items()}
    with pytest.raises(LabelError, match="it holds another configuration"):
        label(tmp_path / "work", ledger, moved)


def test_a_sheared_cell_that_an_earlier_version_computed_is_refused(tmp_path: Path, ledger: Path) -> None:
    """One that is reduced has the folder that it had."""
    straight = replace(WATER, cell=9 * np.eye(3), periodic=np.ones(3, dtype=bool))
    sheared = replace(straight, cell=np.array([[9.0, 0, 0], [9, 9, 0], [0, 0, 9]]))
    work = tmp_path / "work"
    label(work, ledger, {"0": sheared})
    folder = inside(work, "0")
    facts = json.loads((folder / "identity.json").read_text())
    np.testing.assert_allclose(np.linalg.norm(facts["configuration"]["cell"], axis=1), 9)
    facts["configuration"]["cell"] = sheared.cell.tolist()
    (folder / "identity.json").write_text(json.dumps(facts))
    folder.rename(folder.with_name("0123456789ab"))
    with pytest.raises(LabelError, match="its cell was computed as it is, not by the shortest vectors of its lattice"):
        label(work, ledger, {"0": sheared})
    label(work, ledger, {"1": straight})
    assert (
        json.loads((inside(work, "1") / "identity.json").read_text())["configuration"]["cell"] == straight.cell.tolist()
    )


def test_what_fails_is_named_and_the_rest_goes_on(tmp_path: Path, ledger: Path) -> None:
    close = replace(WATER, positions=np.array([[0.0, 0, 0], [0.1, 0, 0], [0, 0, 1.0]]))
    frames = FRAMES | {"00003": close}
    done = label(tmp_path / "work", ledger, frames)
    assert list(done.frames) == list(FRAMES)
    assert list(done.failures) == [tmp_path / "work" / "00003"]
    assert "atoms 0 and 1 are 0.10 Å apart" in done.failures[tmp_path / "work" / "00003"]


def test_atoms_overlap_across_a_cell_too(tmp_path: Path, ledger: Path) -> None:
    positions = np.array([[0.05, 3, 3], [5.95, 3, 3], [3, 3, 3.0]])
    crossing = replace(WATER, positions=positions, cell=6 * np.eye(3), periodic=np.ones(3, dtype=bool))
    done = label(tmp_path / "work", ledger, {"0": crossing})
    assert "atoms 0 and 1 are 0.10 Å apart" in done.failures[tmp_path / "work" / "0"]


def test_a_failure_is_tried_again_when_that_is_asked(tmp_path: Path, ledger: Path) -> None:
    work = tmp_path / "work"
    one = {"00000": FRAMES["00000"]}
    for _ in range(2):  # the second start does not try
        done = label(work, ledger, one, bad_run=5, until=2)
        assert "run 5 of 14: no self-consistency" in done.failures[work / "00000"]
        assert str(inside(work) / "run.log") in done.failures[work / "00000"]
        assert not done.ended
    assert not label(work, ledger, one, bad_run=5, until=2, retry=True).frames
    assert label(work, ledger, one, bad_run=5, until=2, retry=True).frames
    assert set(counted(ledger).values()) == {1}
    assert "00000 5 2" in ledger.read_text()


def test_a_mistake_that_is_mended_before_the_first_run_is_forgotten(tmp_path: Path, ledger: Path) -> None:
    assert not label(tmp_path / "work", ledger, bad_run=0, level="mistaken").frames
    assert len(label(tmp_path / "work", ledger).frames) == 3


def test_a_full_disk_is_no_failure_of_the_configuration(tmp_path: Path, ledger: Path) -> None:
    done = label(tmp_path / "work", ledger, disk_full=4)
    assert all("No space left" in reason for reason in done.failures.values())
    assert done.ended == set(done.failures)
    assert len(label(tmp_path / "work", ledger).frames) == 3
    assert set(counted(ledger).values()) == {1}


def test_a_residual_too_large_is_refused(tmp_path: Path, ledger: Path) -> None:
    done = label(tmp_path / "work", ledger, max_residual=1e-20)
    assert not done.frames
    assert all("the fit leaves" in reason for reason in done.failures.values())
    assert not done.ended
    assert len(label(tmp_path / "work", ledger).frames) == 3


def test_the_charge_comes_from_the_header(tmp_path: Path, ledger: Path) -> None:
    ion = replace(WATER, info={"total_charge": -1.0})
    assert "no ions" in label(tmp_path / "work", ledger, {"0": ion}).failures[tmp_path / "work" / "0"]
    assert label(tmp_path / "work", ledger, {"0": ion}, charge=0).frames
    fraction = replace(WATER, info={"charge": -0.6})
    with pytest.raises(LabelError, match=r"the total charge -0.6 e is not a whole number; .* give --charge"):
        label(tmp_path / "other", ledger, {"0": fraction})
    (neutral,) = label(tmp_path / "other", ledger, {"0": fraction}, charge=0).frames.values()
    assert {key: value for key, value in neutral.info.items() if "charge" in key} == {"total_charge": 0.0}


def test_runs_of_two_versions_are_not_mixed(tmp_path: Path, ledger: Path) -> None:
    label(tmp_path / "work", ledger)
    folder = inside(tmp_path / "work")
    content = read_npz(folder / "run_03.npz")
    assert content is not None
    write_npz(folder / "run_03.npz", content | {"program": "counting 2"})
    (folder / "label.npz").unlink()
    done = label(tmp_path / "work", ledger)
    assert "counting 1 and counting 2" in done.failures[folder.parent]
    assert len(label(tmp_path / "work", ledger, retry=True).frames) == 3  # computes all of it anew
    assert sum(counted(ledger).values()) == 42 + 14


def test_a_job_of_older_settings_that_still_runs_finishes_nothing_of_the_new_ones(tmp_path: Path, ledger: Path) -> None:
    work = tmp_path / "work"
    process = start_program(work, ledger)
    end = time.monotonic() + 60
    while not any(work.glob("*/*/task.json")):
        assert time.monotonic() < end
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)  # before a first run is finished, so nothing is refused
    process.communicate()
    if any(work.glob("*/*/run_*.npz")):
        pytest.skip("a run was finished too soon")
    done = label(work, ledger, field=3e-3)
    assert len(done.frames) == 3
    _, apt, _ = exact(3)
    for frame in done.frames.values():
        np.testing.assert_allclose(frame.tensors["apt"], apt, atol=1e-9)


def test_two_requests_at_once_keep_to_their_own(tmp_path: Path, ledger: Path) -> None:
    """The second begins before the first has a run, so nothing is refused; folders by fingerprint keep them apart."""
    work = tmp_path / "work"
    process = start_program(work, ledger)  # it is refused, or prints how many frames it has
    moved = {name: replace(frame, positions=frame.positions * 1.01) for name, frame in FRAMES.items()}
    with suppress(LabelError):  # refused if it comes too late
        done = label(work, ledger, moved, field=3e-3)
        for name, frame in done.frames.items():
            np.testing.assert_array_equal(frame.positions, moved[name].positions)
            assert frame.info["field"] == 3e-3
            np.testing.assert_allclose(frame.tensors["apt"], exact(3)[1], atol=1e-9)
    assert process.communicate(timeout=60)[0].split()[:1] in ([], ["3"])
    with suppress(LabelError):
        for name, frame in label(work, ledger).frames.items():
            np.testing.assert_array_equal(frame.positions, FRAMES[name].positions)
            assert frame.info["field"] == 2e-3


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut"], ids=["empty", "cut"])
def test_what_was_cut_when_a_machine_went_down_is_computed_again(tmp_path: Path, ledger: Path, content: bytes) -> None:
    label(tmp_path / "work", ledger)
    folder = inside(tmp_path / "work")
    (folder / "label.npz").write_bytes(content)
    (folder / "run_04.npz").write_bytes(content)
    assert len(label(tmp_path / "work", ledger).frames) == 3
    assert counted(ledger)["00000 4"] == 2
    assert sum(counted(ledger).values()) == 43


def test_forces_that_are_no_numbers_are_a_failure(tmp_path: Path, ledger: Path) -> None:
    done = label(tmp_path / "work", ledger, level="nan")
    assert all("are not 3 × 3 finite numbers" in reason for reason in done.failures.values())
    assert not any((tmp_path / "work").glob("*/*/run_*.npz"))


def test_few_files_are_open_at_once(tmp_path: Path, ledger: Path) -> None:
    frames = {f"{k:05d}": replace(WATER, positions=WATER.positions + 0.01 * k) for k in range(20)}
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 12, hard))
    try:
        done = label(tmp_path / "work", ledger, frames, target="apt")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(done.frames) == 20


def test_a_label_takes_nothing_over_from_an_older_one(tmp_path: Path, ledger: Path) -> None:
    old = {"alpha": np.ones(9), "qa_pgt_sum": 7.0, "cluster_centres": 3, "md_frame": 12}
    labelled = replace(WATER, info=old, forces=np.full((3, 3), 9.0), tensors={"pgt": np.ones((3, 3, 3, 3))})
    frame = label(tmp_path / "work", ledger, {"0": labelled}, target="apt").frames["0"]
    assert frame.info["md_frame"] == 12
    assert not {"qa_pgt_sum", "cluster_centres"} & set(frame.info)
    np.testing.assert_allclose(frame.forces, exact(3)[0] * HARTREE / BOHR)
    assert set(frame.tensors) == {"apt"}


def test_outliers_are_named() -> None:
    headers = [{"engine": "CP2K", "qa_residual": 1e-8 * (1 + 0.01 * k), "qa_apt_sum": 0.01} for k in range(20)]
    assert summarise_quality(headers)["outliers"] == "none"
    headers[7]["qa_residual"] = 1e-6
    headers[3]["qa_apt_sum"] = 0.3
    facts = summarise_quality(headers)
    assert facts["outliers"] == "frame 3: qa_apt_sum 0.3; frame 7: qa_residual 1e-06"
    assert "--sum-rule project" in facts["advice"]
    assert facts["engine"] == "CP2K (20 frames)"


def test_a_folder_of_an_earlier_version_is_resumed(tmp_path: Path, ledger: Path) -> None:
    """Its tasks named a module, and its configurations had no cell."""
    label(tmp_path / "work", ledger)
    folder = inside(tmp_path / "work")
    (folder / "label.npz").unlink()
    (folder / "run_05.npz").unlink()
    task = json.loads((folder / "task.json").read_text())
    task["module"] = f"mimyria.labels.{task.pop('engine')}"
    (folder / "task.json").write_text(json.dumps(task))
    with np.load(folder / "configuration.npz") as configuration:
        np.savez(folder / "configuration.npz", **{name: configuration[name] for name in ("numbers", "positions")})
    assert len(label(tmp_path / "work", ledger).frames) == 3
    assert counted(ledger) == Counter({f"{name} {index}": 1 for name in FRAMES for index in range(14)}) + Counter(
        {"00000 5": 1}
    )


def test_a_folder_of_thirteen_runs_goes_on_and_keeps_them(tmp_path: Path, ledger: Path) -> None:
    """Earlier versions had no repeat: what is finished is read, and what is not gets one, after the run before it."""
    label(tmp_path / "work", ledger)
    folders = [inside(tmp_path / "work", name) for name in FRAMES]
    for folder in folders:  # as such a version leaves them: labelled, all runs done, half of them done
        (folder / "run_13.npz").unlink()
        with np.load(folder / "configuration.npz") as stored:
            arrays = {name: stored[name] for name in stored.files}
        write_npz(folder / "configuration.npz", arrays | {"fields": arrays["fields"][:13]})
    finished = folders[0].joinpath("label.npz").read_bytes()
    for folder in folders[1:]:
        (folder / "label.npz").unlink()
    for index in range(7, 13):
        (folders[2] / f"run_{index:02d}.npz").unlink()
    kept = {path: path.stat().st_mtime_ns for folder in folders for path in folder.glob("run_*.npz")}
    ledger.write_text("")
    assert len(label(tmp_path / "work", ledger).frames) == 3
    assert counted(ledger) == Counter(["00001 12", "00001 13"] + [f"00002 {index}" for index in range(7, 14)])
    assert folders[0].joinpath("label.npz").read_bytes() == finished
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_the_error_of_a_label_is_in_its_header(tmp_path: Path, ledger: Path) -> None:
    for target, names in (("pgt", {"apt", "pgt"}), ("apt", {"apt"})):
        frame = label(tmp_path / target, ledger, level="noisy", target=target).frames["00000"]
        for name in names:
            exactly = exact(3)[TARGETS[name].order] * TARGETS[name].atomic_unit
            true = np.sqrt(((frame.tensors[name] - exactly) ** 2).mean())
            assert 1 / 3 < frame.info[f"qa_{name}_sigma"] / true < 3
        assert {key for key in frame.info if key.endswith("_sigma")} == {f"qa_{name}_sigma" for name in names}
    refused = label(tmp_path / "apt", ledger, level="noisy", target="apt", max_residual=1e-9)
    assert not refused.frames
    assert "above --max-residual 1e-09" in refused.failures[tmp_path / "apt" / "00000"]


def test_dipoles_are_brought_to_one_branch_of_the_cell() -> None:
    """Berry phases give them up to e times lattice vectors, here of a cell whose angles are 60°."""
    random = np.random.default_rng(0)
    dipoles = random.normal(size=3) + 0.1 * random.normal(size=(13, 3))
    quanta = random.integers(-2, 3, (13, 3))
    quanta[0] = 0
    np.testing.assert_allclose(label_module.on_one_branch(dipoles + quanta @ TRICLINIC, TRICLINIC), dipoles, atol=1e-12)


def test_the_job_of_a_start_that_was_killed_is_seen(tmp_path: Path) -> None:
    assert not is_running(tmp_path)
    with locked(tmp_path / RUNNING):
        assert is_running(tmp_path)
    assert not is_running(tmp_path)
