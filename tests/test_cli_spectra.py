"""The words of `spectrum` and `compare`: what is read from files of settings, what is written, what is refused."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from conftest import Run, refused
from mimyria.spectra.spectrum import read_spectrum


def test_difference_of_two_spectra(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("wavenumber_cm-1,VV,VV_error\n0,5,3\n10,7,3\n20,9,3\n")
    (tmp_path / "b.csv").write_text("wavenumber_cm-1,VV,VV_error\n0,1,2\n20,2,2\n")
    command = ["compare", tmp_path / "a.csv", tmp_path / "b.csv"]
    status, text, error = run(*command, "--difference", tmp_path / "d.csv", "--scale", 2)
    assert status == 0, error
    assert "similarity" in text
    table = read_spectrum(tmp_path / "d.csv")
    np.testing.assert_allclose(table.columns["VV"], [3, 4, 5])
    np.testing.assert_allclose(table.columns["VV_error"], 5)
    assert "b.csv" in (tmp_path / "d.csv").read_text(encoding="utf-8")
    refused(run(*command, "--difference", tmp_path / "a.csv"), "is one of the two spectra")


def test_flags_from_yaml_and_flags_that_win(run: Run, charges: Path, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("apt: frames\nresolution: 90\ntemperature: 310\n")
    status, _, error = run(
        "spectrum", charges, "--config", tmp_path / "c.yaml", "--out", tmp_path / "o", "--temperature", 305
    )
    assert status == 0, error
    settings = yaml.safe_load((tmp_path / "o" / "settings.yaml").read_text(encoding="utf-8"))
    assert settings["resolution"] == 90.0
    assert settings["temperature"] == 305


def test_settings_can_be_given_back(run: Run, charges: Path, tmp_path: Path) -> None:
    options = ["--apt", "frames", "--frames", "20:220", "--cell", "12 12 12", "--stride", 1, "--temperature", 305]
    options += ["--epsilon-infinity", 2.1, "--correction", "standard"]
    run("spectrum", charges, *options, "--out", tmp_path / "a")
    status, _, error = run("spectrum", "--config", tmp_path / "a" / "settings.yaml", "--out", tmp_path / "b")
    assert status == 0, error
    assert (tmp_path / "a" / "ir.csv").read_text() == (tmp_path / "b" / "ir.csv").read_text()
    settings = yaml.safe_load((tmp_path / "b" / "settings.yaml").read_text(encoding="utf-8"))
    assert settings["used"]["frames"] == [200]
    assert {"n", "kappa", "alpha_error", "reflectivity"} <= set(read_spectrum(tmp_path / "b" / "ir.csv").columns)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("apt: frames\nresolution: 90\napt: x\n", "is not valid YAML: apt is given twice, first in line"),
        ("on: 3\n", "unknown setting 'on'"),
        ("5: 3\n", "unknown setting '5'"),
    ],
)
def test_names_in_yaml_are_as_they_are_written(run: Run, charges: Path, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    refused(run("spectrum", charges, "--config", tmp_path / "c.yaml", "--out", tmp_path / "o"), words)
    (tmp_path / "c.yaml").write_text(f"trajectories: [{charges}]\n{text}")
    refused(run("autotrain", tmp_path / "c.yaml", "--folder", tmp_path / "o", "--dry-run"), words)


def test_a_trajectory_is_given_once(run: Run, charges: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.extxyz"
    link.symlink_to(charges)
    refused(run("spectrum", charges, link, "--apt", "frames", "--out", tmp_path / "o"), "is given 2 times")


def test_a_level_without_networks_is_refused(run: Run, charges: Path, tmp_path: Path) -> None:
    command = ("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o", "--level", "PBE")
    refused(run(*command), "--level PBE is of networks")


@pytest.mark.parametrize("timestep", ["0", "-1", "nan"])
def test_wrong_timestep(run: Run, charges: Path, tmp_path: Path, timestep: str) -> None:
    refused(run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o", "--timestep", timestep), "--timestep")


def test_model_of_the_wrong_target(run: Run, models: Path, water: Path, tmp_path: Path) -> None:
    refused(
        run("spectrum", water, "--apt", models / "pgt.mym", "--out", tmp_path / "o"),
        "pgt.mym holds a model of the polarizability gradient tensor", "give it to --pgt",
    )  # fmt: skip
