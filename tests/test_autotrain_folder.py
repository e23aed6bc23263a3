"""The folder of a loop keeps to the settings and trajectories that it was begun with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from loops import read
from mimyria.autotrain.folder import RunFolder
from mimyria.autotrain.settings import Limits
from mimyria.errors import ConfigError


def test_a_folder_keeps_its_settings(tmp_path: Path) -> None:
    (tmp_path / "md.xyz").write_text("trajectory")
    settings = read(tmp_path, "trajectories: [md.xyz]")
    RunFolder(tmp_path / "run", settings)
    may = replace(settings, limits=Limits(labels=7), label={"workers": 2})
    RunFolder(tmp_path / "run", may)
    with pytest.raises(ConfigError, match=r"other settings \(probe was 2000, now it is 300\)"):
        RunFolder(tmp_path / "run", replace(settings, probe=300))
    with pytest.raises(ConfigError, match=r"train epochs was not set, now it is 5"):
        RunFolder(tmp_path / "run", replace(settings, train={"committee": 3, "epochs": 5}))
    (tmp_path / "spectra").mkdir()
    (tmp_path / "spectra" / "settings.yaml").write_text("trajectory:\n- md.xyz\n")
    with pytest.raises(ConfigError, match=r"spectra holds what another command made: give another --folder"):
        RunFolder(tmp_path / "spectra", settings)
    (tmp_path / "md.xyz").write_text("trajectory and more")
    RunFolder(tmp_path / "run", may)  # it may grow
    (tmp_path / "md.xyz").write_text("trajektory and more")
    with pytest.raises(ConfigError, match="has changed since"):
        RunFolder(tmp_path / "run", may)
