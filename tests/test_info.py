"""What `info` says of trajectories, series, folders and models."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
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
    assert "has no diffuse functions" in said
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


def test_tables_and_results_of_ours_that_are_no_spectra(run: Run, tmp_path: Path) -> None:
    history = tmp_path / "apt.history.csv"
    history.write_text("member,epoch,held_out\n1,1,0.5\n1,2,0.25\n", encoding="utf-8")
    facts = json.loads(run("info", history, "--json")[1])
    assert (facts["epochs"], facts["last_row"]["held_out"]) == (2, "0.25")
    modes = tmp_path / "modes.csv"
    modes.write_text("# mimyria 0.1.0: modes\nmode,wavenumber_cm-1,assignment\n0,1539.5,bend 100 %\n", encoding="utf-8")
    assert json.loads(run("info", modes, "--json")[1])["modes"] == 1
    bands = tmp_path / "bands.json"
    bands.write_text(
        '{"ir": [{"column": "n_alpha_cm-1", "low": 2800.0, "centre": {"value": 3370.4, "error": 14.6}, "width": '
        '{"value": null, "error": null}}]}',
        encoding="utf-8",
    )
    (band,) = json.loads(run("info", bands, "--json")[1])["ir"]
    assert (band["centre"], band["low"], band["width"]) == ("3370.4 ± 15", 2800.0, None)
    bands.write_text(bands.read_text(encoding="utf-8")[:60], encoding="utf-8")
    status, _, errors = run("info", bands)
    assert status == 2
    assert "bands.json is damaged" in errors


def test_files_of_others_with_our_names_are_not_ours(run: Run, tmp_path: Path) -> None:
    for name, text in {
        "static.json": '{"a": {"value": "abc", "error": null}}',
        "bands.json": '{"value": 1.0, "error": 0.1}',
        "modes.csv": "mode," + 200_000 * "x" + "\n",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        status, _, errors = run("info", tmp_path / name)
        assert status == 2
        assert name in errors
        assert "Error" not in errors
    history = tmp_path / "h.csv"
    history.write_text("cycle,state\n1,running\n\n", encoding="utf-8")
    assert json.loads(run("info", history, "--json")[1])["last_row"] == {"cycle": "1", "state": "running"}


def test_positions_that_are_no_numbers(run: Run, labels: list[Frame], tmp_path: Path) -> None:
    """Said by `info`, and refused where labels are imported."""
    positions = labels[1].positions.copy()
    positions[4, 1] = np.nan
    write_frames(tmp_path / "labels.xyz", [labels[0], replace(labels[1], positions=positions)])
    status, said, errors = run("info", tmp_path / "labels.xyz")
    assert status == 0, errors
    assert "not_finite: in 1 of 2 frames; frame 1: the position of atom 4 is [" in said
    status, _, errors = run("label", "--import", tmp_path / "labels.xyz", "--out", tmp_path / "out.xyz")
    assert status == 2
    assert "labels.xyz, frame 1: the position of atom 4 is [" in errors
    assert not (tmp_path / "out.xyz").exists()


def test_frames_of_several_compositions_and_charges(run: Run) -> None:
    status, said, _ = run("info", DATA / "sulfate_labels.extxyz.xz")
    assert status == 0
    assert "compositions: H64 Na2 O36 S1 in 56 frames; H64 O36 S1 in 8 frames" in said
    assert "total_charge_e: +0 in 56 frames; -2 in 8 frames" in said
    assert "field: 0.002 E_h/(e a0) in 49 frames; 0.004 E_h/(e a0) in 15 frames" in said
    assert "volumes_A3: [970.299, 994.012]" in said
    alike = run("info", DATA / "water32_labels_production.extxyz.xz")[1]
    assert "total_charge_e" not in alike
    assert "volumes_A3" not in alike
    assert re.search(r"^field: [0-9.]+ E_h/\(e a0\)$", alike, re.MULTILINE)
