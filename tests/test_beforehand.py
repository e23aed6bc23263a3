"""What a step of the loop would refuse after hours of labelling is told before: by the dry run, and by the loop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_loop import MadeUp, settings, steps
from test_loop_given import write_labels

from mimyria.autotrain.folder import RunFolder
from mimyria.autotrain.plan import plan
from mimyria.autotrain.settings import AutotrainSettings
from mimyria.errors import ConfigError, SpectrumError
from mimyria.loop import Loop, autotrain

__all__ = ["settings", "steps"]

ION = str(Path(__file__).parents[1] / "configs" / "cp2k" / "sulfate-ion.inp")


@pytest.mark.parametrize("what", ["labels", "first", "test", "validation", "few", "resolution"])
def test_it_is_told_before_anything_is_labelled(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path, what: str
) -> None:
    given = write_labels(tmp_path / "have.extxyz", 3, ("apt",))
    changes: dict[str, Any] = {
        "labels": {"labels": (given,)},
        "validation": {"train": {"committee": 3, "validation": str(given)}},
        "resolution": {"spectrum": {"resolution": 2}},
    }
    if what == "few":
        changes[what] = {"selection": replace(settings.selection, first=write_labels(given, 1))}
    if what in ("first", "test"):
        changes[what] = {"selection": replace(settings.selection, **{what: given})}
    wrong = replace(settings, **changes[what])
    words = {"resolution": "2 cm⁻¹ needs a longer trajectory", "few": "have.extxyz holds 1 labelled frames: 2 at least"}
    for asked in (plan, autotrain):
        with pytest.raises(
            (ConfigError, SpectrumError), match=words.get(what, "have.extxyz, frame 0 has no label of pgt")
        ):
            asked(wrong, tmp_path / "loop")
    assert not steps.done
    assert not (tmp_path / "loop").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"spectrum": {"groups": ["w=byres elemnt H"]}}, "spectrum: .*elemnt"),
        ({"spectrum": {"groups": ["s=byres element S"]}}, "spectrum: the selection 'byres element S' holds no"),
        ({"train": {"committee": 3, "weight": {"Xx": 4}}}, "train.weight Xx: the trajectories and labels have H, O"),
        (
            {"train": {"committee": 3, "weight": {"2e": 4}}},
            "train.weight 2e: pgt has the irreps 1o, 2o, 3o, and a weight",
        ),
        (
            {"train": {"committee": 3, "weight": {"9e": 4}}},
            "train.weight 9e: apt has the irreps 0e, 1e, 2e, and a weight",
        ),
        ({"train": {"committee": 3, "start": "absent.mym"}}, r"absent\.mym (does not exist|cannot be read)"),
        (
            {"label": {"charge": -2}},
            "a total charge of -2 e, spectra of \\+0 e: give the same charge under `label` and",
        ),
        ({"label": {"engine": "cp2k", "template": ION}}, "label: .*sulfate-ion.inp: no atom is of &KIND O1"),
        (
            {"label": {"engine": "cp2k", "template": ION, "set": {"kinds": "O1=elment O"}}},
            "label: --set kinds: .*rejects the selection 'elment O'",
        ),
        ({"selection": {"test": 20000}}, "selection.test: 20000 frames are to be drawn"),
    ],
)
def test_what_a_later_step_would_refuse_is_told_before(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    if "selection" in changes:
        changes = {"selection": replace(settings.selection, **changes["selection"])}
    for asked in (plan, autotrain):
        with pytest.raises(ConfigError, match=words):
            asked(replace(settings, **changes), tmp_path / "loop")
    assert not steps.done


def test_the_dry_run_refuses_a_folder_of_other_settings(settings: AutotrainSettings, tmp_path: Path) -> None:
    RunFolder(tmp_path / "loop", settings)
    plan(settings, tmp_path / "loop")
    with pytest.raises(ConfigError, match=r"was begun with other settings \(probe"):
        plan(replace(settings, probe=settings.probe + 1), tmp_path / "loop")


def test_what_is_said_of_a_trajectory_is_said_once(
    settings: AutotrainSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is opened once for the checks and for the loop."""
    stretched = replace(settings, spectrum={"timestep": 3.0})
    plan(stretched, tmp_path / "loop")
    assert caplog.text.count("--timestep overrides") == 1
    Loop(stretched, RunFolder(tmp_path / "loop", stretched))
    assert caplog.text.count("--timestep overrides") == 2
