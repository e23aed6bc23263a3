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


def test_what_is_said_of_a_trajectory_is_said_once(
    settings: AutotrainSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is opened once for the checks and for the loop."""
    stretched = replace(settings, spectrum={"timestep": 3.0})
    plan(stretched, tmp_path / "loop")
    assert caplog.text.count("--timestep overrides") == 1
    Loop(stretched, RunFolder(tmp_path / "loop", stretched))
    assert caplog.text.count("--timestep overrides") == 2
