"""What a step of the loop would refuse after hours of labelling is told before: by the dry run, and by the loop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_loop import MadeUp, settings, steps
from test_loop_given import write_labels

from mimyria.autotrain.plan import plan
from mimyria.autotrain.settings import AutotrainSettings
from mimyria.errors import ConfigError, SpectrumError
from mimyria.loop import autotrain

__all__ = ["settings", "steps"]


@pytest.mark.parametrize("what", ["labels", "first", "test", "validation", "resolution"])
def test_it_is_told_before_anything_is_labelled(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path, what: str
) -> None:
    given = write_labels(tmp_path / "have.extxyz", 3, ("apt",))
    changes: dict[str, Any] = {
        "labels": {"labels": (given,)},
        "validation": {"train": {"committee": 3, "validation": str(given)}},
        "resolution": {"spectrum": {"resolution": 2}},
    }
    if what in ("first", "test"):
        changes[what] = {"selection": replace(settings.selection, **{what: given})}
    wrong = replace(settings, **changes[what])
    words = "have.extxyz, frame 0 has no label of pgt" if what != "resolution" else "2 cm⁻¹ needs a longer trajectory"
    for asked in (plan, autotrain):
        with pytest.raises((ConfigError, SpectrumError), match=words):
            asked(wrong, tmp_path / "loop")
    assert not steps.done
    assert not (tmp_path / "loop").exists()
