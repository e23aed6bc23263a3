"""What `autotrain --dry-run` says: numbers of frames, runs, networks, and what they cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polarizable
import pytest
import yaml

from conftest import Run
from mimyria.autotrain.plan import EPOCHS, SECONDS_PER_ATOM, SECONDS_PER_STEP_AND_ATOM, plan
from mimyria.autotrain.settings import AutotrainSettings
from mimyria.errors import ConfigError
from mimyria.formats import write_frames
from mimyria.memory import write_json

ATOMS, FRAMES, PROBE = 24, 200, 100


@pytest.fixture(scope="module")
def trajectory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "md.xyz"
    write_frames(path, polarizable.run(ATOMS // 3, FRAMES, 4.0))
    return path


def planned(trajectory: Path, folder: Path, **changes: Any) -> list[str]:
    given: dict[str, Any] = {
        "trajectories": [trajectory],
        "probe": PROBE,
        "selection": {"test": 5, "first": 7, "batch": 11},
        "limits": {"labels": 40, "cycles": 3},
        "train": {"committee": 4},
    }
    return plan(AutotrainSettings(**given | changes), folder).splitlines()


def test_frames_and_labels(trajectory: Path, tmp_path: Path) -> None:
    frames, labels, runs, *_ = planned(trajectory, tmp_path)
    assert frames == "1 trajectories, 200 frames of 24 atoms, of which 178 may be trained on"
    assert labels == "test set: 5 frames; first cycle: 7; every other: 11 (random); at most 29"  # 7 + 2·11
    assert runs == "labels: 14 runs each"
    assert planned(trajectory, tmp_path, limits={"labels": 25})[1].endswith("at most 25")
    assert planned(trajectory, tmp_path, targets=["apt"])[2] == "labels: 8 runs each"


def test_seconds_of_a_label_are_those_measured(trajectory: Path, tmp_path: Path) -> None:
    for name, seconds in (("test", 100.0), ("cycle-01", 300.0)):
        (tmp_path / name).mkdir()
        write_json(tmp_path / name / "labels.json", {"selected": 5})
        write_json(tmp_path / name / "times.json", {"label": seconds})
    assert planned(trajectory, tmp_path)[2] == "labels: 14 runs each, 40 s a label so far"


@pytest.mark.parametrize("targets", [["apt"], ["apt", "pgt"]])
def test_costs(trajectory: Path, tmp_path: Path, targets: list[str]) -> None:
    minutes = len(targets) * 4 * EPOCHS * ATOMS * SECONDS_PER_STEP_AND_ATOM / 60
    _, _, _, training, spectra, _ = planned(trajectory, tmp_path, targets=targets)
    assert training == (
        f"training: {len(targets)} times 4 networks, about {7 * minutes:.0f} core minutes in the first and "
        f"{11 * minutes:.0f} more in each further a cycle"
    )
    cost = len(targets) * 4 * PROBE * ATOMS * SECONDS_PER_ATOM / 60
    assert spectra == (
        f"spectra: 100 frames a cycle, about {cost:.0f} core minutes; at the end all 200 frames, about {2 * cost:.0f}"
    )
    shorter = {"train": {"time_limit": 1.5}, "spectrum": {"stride": 4}, "convergence": {"high": 1000}}
    limited = planned(trajectory, tmp_path, targets=targets, **shorter)
    assert limited[3] == f"training: {len(targets)} times 1 networks, {1.5 * len(targets):g} core minutes a cycle"
    assert limited[4].startswith("spectra: 25 frames a cycle")


def test_when_it_stops(trajectory: Path, tmp_path: Path) -> None:
    last = planned(trajectory, tmp_path, convergence={"score": 0.02, "patience": 3})[-1]
    assert last.startswith("stops when every spectrum changes by a score below 0.02")
    assert last.endswith("in 3 cycles in a row")


def test_a_stride_that_aliases_what_is_compared_is_refused(trajectory: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"stride 2 ends the spectra of .*md.xyz at 2085 cm⁻¹.* is 4000"):
        planned(trajectory, tmp_path, spectrum={"stride": 2})
    assert planned(trajectory, tmp_path, spectrum={"stride": 2}, convergence={"high": 2000})


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A loop over two trajectories of 140 and 60 frames of 24 atoms."""
    for name, frames in (("a.xyz", 140), ("b.xyz", 60)):
        write_frames(tmp_path / name, polarizable.run(8, frames, 2.0))
    content = {
        "trajectories": ["a.xyz", "b.xyz"],
        "probe": 100,
        "selection": {"method": "committee", "test": 4, "first": 5, "batch": 7},
        "limits": {"cycles": 3},
        "train": {"committee": 3, "epochs": 1000},
    }
    path = tmp_path / "loop.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_a_dry_run_says_what_would_be_done(run: Run, settings: Path, tmp_path: Path) -> None:
    status, text, error = run("autotrain", settings, "--folder", tmp_path / "loop", "--dry-run")
    assert status == 0, error
    lines = text.splitlines()
    assert lines[0].startswith("2 trajectories, 200 frames of 24 atoms, of which ")
    assert "test set: 4 frames; first cycle: 5; every other: 7 (committee); at most 19" in text
    assert "labels: 14 runs each\n" in text
    # 2 targets of 3 networks, 1000 epochs, 24 atoms at 0.2 ms a step and atom: 0.48 minutes a label
    assert "training: 2 times 3 networks, about 2 core minutes in the first and 3 more in each further a cycle" in text
    # 160 frames of 24 atoms by 6 networks at 0.12 ms: 2.8 s
    assert "spectra: 160 frames a cycle, about 0 core minutes; at the end all 200 frames" in text
    assert not (tmp_path / "loop").exists()


def test_trainings_of_so_many_steps_or_from_a_start(trajectory: Path, tmp_path: Path) -> None:
    """A step takes 0.2 ms an atom, for each of 2 targets; from a start 20 epochs are the default."""
    minute = 60 / (2 * 3 * ATOMS * 2e-4)  # steps of each of three networks
    steps = planned(trajectory, tmp_path, train={"steps": round(5 * minute), "committee": 3})[3]
    assert steps == "training: 2 times 3 networks, about 5 core minutes a cycle"
    selection = {"test": 5, "first": round(minute / 20), "batch": round(3 * minute / 20)}
    begun = planned(trajectory, tmp_path, train={"start": "water", "committee": 3}, selection=selection)[3]
    assert "about 1 core minutes in the first and 3 more" in begun
