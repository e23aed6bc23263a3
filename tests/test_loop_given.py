"""A loop that begins with labels that exist: for the first cycle, for the test set, or for both."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polarizable
import pytest
from test_loop import MadeUp, settings, steps

from loops import history, read
from mimyria.autotrain.plan import plan
from mimyria.autotrain.settings import AutotrainSettings
from mimyria.errors import ConfigError
from mimyria.formats import read_frames, write_frames
from mimyria.loop import autotrain
from mimyria.memory import read_json

__all__ = ["settings", "steps"]


def write_labels(path: Path, number: int, names: Sequence[str] = ("apt", "pgt"), **header: object) -> Path:
    shapes = {"apt": (24, 3, 3), "pgt": (24, 3, 3, 3)}
    frames = [
        replace(frame, velocities=None, tensors={name: np.zeros(shapes[name]) for name in names}, info=dict(header))
        for frame in polarizable.run(8, number, 2.0)
    ]
    write_frames(path, frames)
    return path


def test_no_label_is_made_before_the_second_cycle(settings: AutotrainSettings, steps: MadeUp, tmp_path: Path) -> None:
    """And those that are there count: half as many as the second cycle has, they are compared with."""
    given = {
        "first": write_labels(tmp_path / "have.extxyz", 6, trajectory=0, trajectory_frame=3),
        "test": write_labels(tmp_path / "test.extxyz", 3),
    }
    settings = replace(settings, selection=replace(settings.selection, **given))
    assert "test set: 3 frames (labelled, " in plan(settings, tmp_path / "loop")
    autotrain(settings, tmp_path / "loop")
    rows = history(tmp_path / "loop")
    assert [int(row["labels"]) for row in rows[:2]] == [6, 11]
    assert steps.done.index("label labels.extxyz") > steps.done.index("spectrum cycle-01")
    assert not (tmp_path / "loop" / "cycle-01" / "selected.extxyz").exists()
    assert len(list(read_frames(tmp_path / "loop" / "test" / "labels.extxyz"))) == 3
    assert all(
        "trajectory" not in frame.info for frame in read_frames(tmp_path / "loop" / "cycle-01" / "labels.extxyz")
    )
    done = list(steps.done)
    autotrain(settings, tmp_path / "loop")  # nothing is done twice
    assert steps.done == done
    write_labels(given["first"], 7)
    with pytest.raises(ConfigError, match=r"have.extxyz has changed since"):
        autotrain(settings, tmp_path / "loop")


def test_a_file_for_one_of_both(settings: AutotrainSettings, steps: MadeUp, tmp_path: Path) -> None:
    given = write_labels(tmp_path / "test.extxyz", 3)
    autotrain(replace(settings, selection=replace(settings.selection, test=given)), tmp_path / "loop")
    assert read_json(tmp_path / "loop" / "cycle-01" / "labels.json")["selected"] == 5
    assert read_json(tmp_path / "loop" / "test" / "labels.json") == {"given": str(given), "labelled": 3}


@pytest.mark.parametrize(
    ("number", "header", "names", "message"),
    [
        (3, {}, ("apt",), r"have.extxyz, frame 0 has no label of pgt"),
        (1, {}, ("apt", "pgt"), r"have.extxyz holds 1 labelled frames: 2 at least"),
        (
            3,
            {"functional": "PBE"},
            ("apt", "pgt"),
            r"selection.first: .*have.extxyz is of the level PBE, the test set of",
        ),
    ],
)
def test_what_is_refused(
    settings: AutotrainSettings,
    steps: MadeUp,
    tmp_path: Path,
    number: int,
    header: dict[str, object],
    names: Sequence[str],
    message: str,
) -> None:
    given = write_labels(tmp_path / "have.extxyz", number, names, **header)
    with pytest.raises(ConfigError, match=message):
        autotrain(replace(settings, selection=replace(settings.selection, first=given)), tmp_path / "loop")


def test_labels_that_lack_an_element_are_refused_before_a_training(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path
) -> None:
    given = write_labels(tmp_path / "have.extxyz", 3)
    frames = [replace(frame, numbers=np.full(24, 10)) for frame in read_frames(given)]
    write_frames(given, frames)
    with pytest.raises(ConfigError, match=r"selection.first: .*have.extxyz holds no H, O, which the trajectories hold"):
        autotrain(replace(settings, selection=replace(settings.selection, first=given)), tmp_path / "loop")
    assert not any(step.startswith("train") for step in steps.done)


def test_files_beside_the_settings(tmp_path: Path) -> None:
    text = "trajectories: [md.xyz]\nselection: {first: have.extxyz, test: 12}\n"
    with pytest.raises(ConfigError, match=r"selection.first is .* a file of labels, but there is no .*have.extxyz"):
        read(tmp_path, text)
    (tmp_path / "have.extxyz").touch()
    found = read(tmp_path, text).selection
    assert found.first == tmp_path.resolve() / "have.extxyz"
    assert found.test == 12
    with pytest.raises(ConfigError, match=r"selection.first must be at least 2, not 1"):
        read(tmp_path, text.replace("have.extxyz", "1"))
