"""What `info` says of trajectories, series, folders and models."""

import json
from pathlib import Path

import pytest

from conftest import DATA, Run


def test_info_on_trajectories_series_and_folders(run: Run, charges: Path, tmp_path: Path) -> None:
    run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "out")
    status, text, _ = run("info", charges, "--json")
    facts = json.loads(text)
    assert facts["frames"] == 300
    assert facts["timestep_fs"] == 4.0
    assert facts["temperature_of_first_frame_K"] == pytest.approx(300, abs=0.1)
    status, text, _ = run("info", tmp_path / "out" / "series.h5")
    assert "targets: ['apt']" in text
    status, text, _ = run("info", tmp_path / "out")
    assert status == 0
    assert "temperature" in text


def test_the_card_of_the_bundled_models(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, said, errors = run("info", "water")
    assert status == 0, errors
    assert "valid_for" in said
    status, _, errors = run("evaluate", "water", DATA / "water32_labels.extxyz.xz")
    assert status == 2
    assert "choose water_apt or water_pgt" in errors
