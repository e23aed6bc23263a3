"""Difference of two runs in one command: columns, errors, scale by molecules, isosbestic points."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import Run, refused
from ensembles import made_series, noise
from mimyria.errors import ConfigError
from mimyria.rates.series import write_series
from mimyria.spectra.run_difference import difference_of_runs, isosbestic_points
from mimyria.spectra.spectrum import read_spectrum


def test_isosbestic_points_are_significant_zeros() -> None:
    nu = np.arange(0.0, 1000.0, 2.0)
    difference = np.cos(2 * np.pi * nu / 800)  # zero at 200, 600
    one, two = isosbestic_points(nu, difference, np.full(len(nu), 0.05))
    assert (one.value, two.value) == pytest.approx((200, 600), abs=1)
    assert one.error == pytest.approx(0.05 / (2 * np.pi / 800), rel=0.05)
    assert isosbestic_points(nu, difference, np.full(len(nu), 0.5)) == []


def test_two_folders(run: Run, tmp_path: Path) -> None:
    """Twice the oscillators in the same volume: per molecule the second counts twice."""
    for name, number, seed in (("a", 8, 1), ("b", 4, 2)):
        runs = []
        for k in range(2):
            rates = noise(2000, 3 * number, 1500.0, 80.0, 4.0, seed + 10 * k).reshape(2000, number, 3)
            series = made_series({"apt": rates[:, 0], "pgt": rates[:, 0, :, None] * np.eye(3)}, 4.0)
            stored = {"apt": rates, "pgt": rates[..., None] * np.eye(3)}
            counts = {"H2O": np.full(2000, float(number))}
            runs.append(replace(series, groups=("H2O",) * number, rates=stored, counts=counts, molecular=True))
        write_series(tmp_path / f"{name}.h5", runs)
        options = ["--resolution", "60", "--temperature", "300", "--out", tmp_path / name]
        status, _, error = run("spectrum", tmp_path / f"{name}.h5", *options)
        assert status == 0, error
    both = ["compare", tmp_path / "a", tmp_path / "b", "--difference"]
    status, text, error = run(*both, tmp_path / "d.csv")
    assert status == 0, error
    assert "isosbestic points: none" in text
    table = read_spectrum(tmp_path / "d.csv")
    a, b = (read_spectrum(tmp_path / name / "ir.csv") for name in "ab")
    np.testing.assert_allclose(table.values("n_alpha_cm-1"), a.values() - b.values(), rtol=1e-4, atol=1)
    expected = np.hypot(a.columns["n_alpha_error"], b.columns["n_alpha_error"])
    np.testing.assert_allclose(table.error("n_alpha_cm-1"), expected, rtol=1e-4)
    assert {"VV", "VH", "vdos"} <= set(table.quantities)
    assert (tmp_path / "d.png").stat().st_size > 5000
    assert run(*both, tmp_path / "e.csv", "--per", "H2O")[0] == 0
    scaled = read_spectrum(tmp_path / "e.csv")
    for name, kind in (("n_alpha_cm-1", "ir"), ("VV", "raman")):
        first, second = (read_spectrum(tmp_path / folder / f"{kind}.csv").values(name) for folder in "ab")
        np.testing.assert_allclose(scaled.values(name), first - 2 * second, rtol=1e-4, atol=1e-6 * abs(first).max())
    counted = "has no number of such molecules: it counted H2O; make both runs with --groups molecules"
    refused(run(*both, tmp_path / "f.csv", "--per", "SO4"), "--per SO4: ", counted)
    refused(run(*both, tmp_path / "f.txt"), ".csv")
    refused(run(*both, tmp_path / "f.csv", "--column", "VV"), "--column is for two files")
    refused(run(*both, tmp_path / "f.csv", "--json"), "--json is for two files")
    for scale in (0.0, np.inf, np.nan):
        with pytest.raises(ConfigError, match="--scale takes a number above 0"):
            difference_of_runs(tmp_path / "a", tmp_path / "b", scale=scale)
    with pytest.raises(ConfigError, match="--range takes two wavenumbers"):
        difference_of_runs(tmp_path / "a", tmp_path / "b", range=(900.0, 300.0))
    refused(run("compare", tmp_path / "a", tmp_path / "b"), "--difference FILE.csv")
    refused(run("compare", tmp_path / "a" / "ir.csv", tmp_path / "b" / "ir.csv", "--per", "H2O"), "two folders")
