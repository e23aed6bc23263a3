"""What `info` says of trajectories, series, folders and models."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import DATA, Run
from mimyria.formats import write_frames
from mimyria.frame import Frame
from mimyria.level import Level


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
    assert "give water_apt or water_pgt" in errors


def test_levels_of_labels_and_models(run: Run, labels: list[Frame], tmp_path: Path) -> None:
    status, said, errors = run("info", DATA / "water32_labels.extxyz.xz")
    assert status == 0, errors
    assert "PBE/DZVP-GTH (CP2K, 280/40 Ry, NN50/NN50_SMOOTH) (90 frames)" in said
    assert "the basis has no diffuse functions" in said
    assert "epsilon_infinity: mean 1.5" in said
    assert "field: 0.002 E_h/(e a0)" in said
    newer = Level("CP2K", "PBE", "DZVP-GTH-DIFFUSE", "280/30 Ry").header | {"epsilon_infinity": 1.754}
    write_frames(tmp_path / "labels.xyz", [replace(labels[0], info=newer), replace(labels[1], info={"md_frame": 1})])
    facts = json.loads(run("info", tmp_path / "labels.xyz", "--json")[1])
    assert facts["level"] == "PBE/DZVP-GTH-DIFFUSE (CP2K, 280/30 Ry) (1 frames); unknown (1 frames)"
    assert facts["epsilon_infinity"].startswith("mean 1.754")
    assert "warning" not in facts
    run(
        "train",
        tmp_path / "labels.xyz",
        "--target",
        "pgt",
        "--preset",
        "small",
        "--epochs",
        1,
        "--out",
        tmp_path / "m.mym",
    )
    facts = json.loads(run("info", tmp_path / "m.mym", "--json")[1])
    assert facts["levels"] == [
        {"level": "PBE/DZVP-GTH-DIFFUSE (CP2K, 280/30 Ry)", "frames": 1, "epsilon_infinity": 1.754, "diffuse": True},
        {"level": "unknown", "frames": 1},
    ]
