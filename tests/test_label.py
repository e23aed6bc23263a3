"""Labelling: nothing is lost, nothing is computed twice, nothing is mixed, and what fails is named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from counting import Counting, exact

from contracts import WATER
from mimyria.errors import LabelError
from mimyria.execute import LocalExecutor
from mimyria.frame import Frame
from mimyria.labels.label import LabelSettings, label_frames
from mimyria.labels.quality import summarise
from mimyria.units import BOHR

TESTS = Path(__file__).parent
FRAMES = {f"{k:05d}": replace(WATER, positions=WATER.positions + 0.01 * k) for k in range(3)}

PROGRAM = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from pathlib import Path
from test_label import FRAMES
from counting import Counting
from mimyria.execute import LocalExecutor
from mimyria.labels.label import LabelSettings, label_frames
done = label_frames(FRAMES, Counting(sys.argv[2], pause=0.05), LocalExecutor(2), Path(sys.argv[1]), LabelSettings())
print(len(done.frames), len(done.busy))
"""


@pytest.fixture(autouse=True)
def tests_are_found_by_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(TESTS))


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
    assert frame.info["scf_steps"] == 13 * 7
    assert len(counted(ledger)) == 39
    assert forces.shape == np.shape(frame.forces)


def test_nothing_is_computed_twice(tmp_path: Path, ledger: Path) -> None:
    label(tmp_path / "work", ledger)
    again = label(tmp_path / "work", ledger)
    assert len(again.frames) == 3
    assert set(counted(ledger).values()) == {1}


def test_the_apt_alone_takes_seven_runs(tmp_path: Path, ledger: Path) -> None:
    done = label(tmp_path / "work", ledger, order=1)
    assert len(counted(ledger)) == 21
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
    assert len(counted(ledger)) == 39


def test_after_a_kill_of_everything_only_the_run_at_hand_is_repeated(tmp_path: Path, ledger: Path) -> None:
    process = start_program(tmp_path / "work", ledger)
    wait_for(9, ledger)
    subprocess.run(["pkill", "-9", "-f", "mimyria.labels.points"], check=False)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    done = label(tmp_path / "work", ledger)
    assert len(done.frames) == 3
    assert len(counted(ledger)) == 39
    assert sum(counted(ledger).values()) <= 41


def test_two_at_once_do_not_collide(tmp_path: Path, ledger: Path) -> None:
    first, second = (start_program(tmp_path / "work", ledger) for _ in range(2))
    said = [process.communicate(timeout=60)[0].split() for process in (first, second)]
    assert sum(int(words[0]) for words in said) >= 3
    assert set(counted(ledger).values()) == {1}
    assert len(counted(ledger)) == 39


@pytest.mark.parametrize(
    ("settings", "difference"),
    [
        ({"field": 2e-3}, "field was 0.001, now it is 0.002"),
        ({"level": "rough"}, "engine level was exact, now it is rough"),
        ({"order": 1}, "order was 2, now it is 1"),
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


def test_what_fails_is_named_and_the_rest_goes_on(tmp_path: Path, ledger: Path) -> None:
    close = replace(WATER, positions=np.array([[0.0, 0, 0], [0.1, 0, 0], [0, 0, 1.0]]))
    frames = FRAMES | {"00003": close}
    done = label(tmp_path / "work", ledger, frames)
    assert list(done.frames) == list(FRAMES)
    assert done.failures == {tmp_path / "work" / "00003": "atoms 1 and 2 are 0.10 Å apart"}


def test_atoms_overlap_across_a_cell_too(tmp_path: Path, ledger: Path) -> None:
    positions = np.array([[0.05, 3, 3], [5.95, 3, 3], [3, 3, 3.0]])
    crossing = replace(WATER, positions=positions, cell=6 * np.eye(3), periodic=np.ones(3, dtype=bool))
    done = label(tmp_path / "work", ledger, {"0": crossing})
    assert "atoms 1 and 2 are 0.10 Å apart" in done.failures[tmp_path / "work" / "0"]


def test_a_failure_is_tried_again_when_that_is_asked(tmp_path: Path, ledger: Path) -> None:
    work = tmp_path / "work"
    one = {"00000": FRAMES["00000"]}
    for _ in range(2):  # the second start does not try
        done = label(work, ledger, one, bad_run=5, until=2)
        assert "run 5 of 13: no self-consistency" in done.failures[work / "00000"]
        assert str(work / "00000" / "run.log") in done.failures[work / "00000"]
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
    assert len(label(tmp_path / "work", ledger).frames) == 3
    assert set(counted(ledger).values()) == {1}


def test_a_residual_too_large_is_refused(tmp_path: Path, ledger: Path) -> None:
    done = label(tmp_path / "work", ledger, max_residual=1e-20)
    assert not done.frames
    assert all("the fit leaves" in reason for reason in done.failures.values())
    assert len(label(tmp_path / "work", ledger).frames) == 3


def test_the_charge_comes_from_the_header(tmp_path: Path, ledger: Path) -> None:
    ion = replace(WATER, info={"total_charge": -1.0})
    assert "no ions" in label(tmp_path / "work", ledger, {"0": ion}).failures[tmp_path / "work" / "0"]
    assert label(tmp_path / "work", ledger, {"0": ion}, charge=0).frames


def test_runs_of_two_versions_are_not_mixed(tmp_path: Path, ledger: Path) -> None:
    label(tmp_path / "work", ledger)
    folder = tmp_path / "work" / "00000"
    with np.load(folder / "run_03.npz") as stored:
        content = {name: stored[name] for name in stored.files}
    np.savez(folder / "run_03.npz", **(content | {"program": np.array("counting 2")}))
    (folder / "label.npz").unlink()
    done = label(tmp_path / "work", ledger)
    assert "counting 1 and counting 2" in done.failures[folder]


def test_outliers_are_named() -> None:
    headers = [{"engine": "CP2K", "qa_residual": 1e-8 * (1 + 0.01 * k), "qa_apt_sum": 0.01} for k in range(20)]
    assert summarise(headers)["outliers"] == "none"
    headers[7]["qa_residual"] = 1e-6
    headers[3]["qa_apt_sum"] = 0.3
    facts = summarise(headers)
    assert facts["outliers"] == "frame 3: qa_apt_sum 0.3; frame 7: qa_residual 1e-06"
    assert "--sum-rule project" in facts["advice"]
    assert facts["engine"] == "CP2K (20 frames)"
