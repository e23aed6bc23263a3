"""The folder of a loop keeps to the settings and trajectories that it was begun with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loops import read
from mimyria.autotrain.folder import RunFolder
from mimyria.errors import ConfigError


def test_a_folder_keeps_its_settings(tmp_path: Path) -> None:
    (tmp_path / "md.xyz").write_text("trajectory")
    settings = read(tmp_path, "trajectories: [md.xyz]")
    RunFolder(tmp_path / "run", settings)
    may = settings.model_copy(update={"limits": replace_section(settings.limits, labels=7), "label": {"workers": 2}})
    RunFolder(tmp_path / "run", may)
    with pytest.raises(ConfigError, match=r"other settings \(probe was 2000, now it is 300\)"):
        RunFolder(tmp_path / "run", settings.model_copy(update={"probe": 300}))
    with pytest.raises(ConfigError, match=r"train epochs was not set, now it is 5"):
        RunFolder(tmp_path / "run", settings.model_copy(update={"train": {"committee": 3, "epochs": 5}}))
    (tmp_path / "md.xyz").write_text("trajectory and more")
    RunFolder(tmp_path / "run", may)  # it may grow
    (tmp_path / "md.xyz").write_text("trajektory and more")
    with pytest.raises(ConfigError, match="has changed since"):
        RunFolder(tmp_path / "run", may)


def replace_section(section: Any, **changes: Any) -> Any:
    return section.model_copy(update=changes)
