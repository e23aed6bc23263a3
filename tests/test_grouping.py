"""Groups from the flags, from a file, and from rates that are there."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from conftest import Run, refused
from mimyria.formats import read_frames, write_frames
from mimyria.spectra.spectrum import read_spectrum


def test_groups_by_flags_by_file_and_from_series(run: Run, charges: Path, tmp_path: Path) -> None:
    options = ["spectrum", charges, "--apt", "frames"]
    flags = ["--groups", "salt=element Na Cl", "--groups", "near=index 0:1"]
    status, _, error = run(*options, *flags, "--out", tmp_path / "a")
    assert status == 0, error
    table = read_spectrum(tmp_path / "a" / "ir.csv")
    parts = [values for name, values in table.columns.items() if name.startswith("n_alpha[") and name[-1] == "]"]
    assert [name for name in table.columns if "[salt" in name and name[-1] == "]"] == [
        f"n_alpha[salt,{other}]" for other in ("salt", "near", "rest")
    ]
    np.testing.assert_allclose(sum(parts), table.columns["n_alpha_cm-1"], rtol=1e-6, atol=1e-6 * abs(parts[0]).max())
    assert "mean number of atoms: salt 16, near 2, rest 14" in (tmp_path / "a" / "ir.csv").read_text(encoding="utf-8")
    for name, groups in (("b", '["salt=element Na Cl", near=index 0:1]'), ("c", "molecules")):
        (tmp_path / f"{name}.yaml").write_text(f"groups: {groups}\n")
        status, _, error = run(*options, "--config", tmp_path / f"{name}.yaml", "--out", tmp_path / name)
        assert status == 0, error
    run("spectrum", "--config", tmp_path / "a" / "settings.yaml", "--out", tmp_path / "d")
    run("spectrum", tmp_path / "a" / "series.h5", "--out", tmp_path / "e")
    for name in "bde":
        assert (tmp_path / name / "ir.csv").read_text() == (tmp_path / "a" / "ir.csv").read_text()
    assert "n_alpha_intramolecular" in read_spectrum(tmp_path / "c" / "ir.csv").columns
    _, text, _ = run("info", tmp_path / "a" / "series.h5", "--json")
    assert json.loads(text)["groups"] == {"salt": 16, "near": 2, "rest": 14}


def test_trajectories_that_begin_with_other_molecules(run: Run, charges: Path, tmp_path: Path) -> None:
    frames = list(read_frames(charges))
    write_frames(tmp_path / "b.extxyz", [replace(frame, positions=3.0 * frame.positions) for frame in frames])
    options = ["--apt", "frames", "--groups", "molecules", "--out", tmp_path / "o", "--cell", "36 36 36"]
    refused(run("spectrum", charges, tmp_path / "b.extxyz", *options), "have different groups")
