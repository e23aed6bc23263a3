"""From a trajectory to spectra by the command `spectrum`: what works, and what is kept of earlier runs."""

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from conftest import Run, moving_charges, refused
from mimyria import pipeline
from mimyria.errors import ConfigError, SpectrumError
from mimyria.formats import read_frames, write_frames
from mimyria.frame import Frame
from mimyria.memory import locked
from mimyria.pipeline import make_spectra
from mimyria.spectra.spectrum import read_spectrum


@pytest.mark.pictures
def test_spectrum_from_tensors_in_the_frames(run: Run, charges: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, text, error = run("spectrum", charges, "--apt", "frames", "--out", out)
    assert status == 0, error
    assert "ir.csv, vdos.csv, spectra.png" in text
    assert "sum rule violated by" in error
    table = read_spectrum(out / "ir.csv")
    assert table.wavenumber[np.argmax(table.columns["n_alpha_cm-1"])] == 0  # free flight
    settings = yaml.safe_load((out / "settings.yaml").read_text(encoding="utf-8"))
    assert settings["used"]["temperature"] == pytest.approx(300, rel=1e-3)
    assert settings["used"]["frames"] == [300]


def test_spectrum_remade_from_series(run: Run, charges: Path, tmp_path: Path) -> None:
    run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "a", "--resolution", 80)
    status, _, error = run("spectrum", tmp_path / "a" / "series.h5", "--out", tmp_path / "b", "--resolution", 80)
    assert status == 0, error
    assert (tmp_path / "a" / "ir.csv").read_text() == (tmp_path / "b" / "ir.csv").read_text()
    settings = yaml.safe_load((tmp_path / "b" / "settings.yaml").read_text(encoding="utf-8"))
    assert settings["rates"][0]["sources"] == {"apt": "frames"}  # it still says what the rates were made from
    assert str(charges) in settings["rates"][0]["files"]
    assert not {"apt", "groups", "stride", "sum_rule"} & set(settings)
    status, text, _ = run("compare", tmp_path / "a" / "ir.csv", tmp_path / "b" / "ir.csv", "--json")
    assert status == 0
    assert json.loads(text)["similarity"] == 1.0


def test_spectrum_with_models(run: Run, models: Path, water: Path, tmp_path: Path) -> None:
    options = ["--apt", models / "apt.mym", "--pgt", models / "pgt.mym", "--laser", 532, "--groups", "none"]
    status, _, error = run("spectrum", water, *options, "--out", tmp_path / "out")
    assert status == 0, error
    table = read_spectrum(tmp_path / "out" / "raman.csv")
    assert {"VV", "VH", "depolarisation_ratio", "VV_error", "stokes_VV"} <= set(table.columns)
    assert "n_alpha[O,H]" not in read_spectrum(tmp_path / "out" / "ir.csv").columns


def test_a_constant_velocity_and_a_rotation_change_no_spectrum(run: Run, tmp_path: Path) -> None:
    from conftest import rotation, turned

    frames, _ = moving_charges(200, 4.0)
    matrix = rotation(2)
    drift = [
        Frame(f.numbers, f.positions, f.cell, f.periodic, f.velocities + 0.01, f.time, f.tensors)  # type: ignore[operator]
        for f in frames
    ]
    rotated = [
        Frame(g.numbers, g.positions, g.cell, g.periodic, g.velocities, f.time, f.tensors)
        for f, g in ((f, turned(f, matrix)) for f in frames)
    ]
    tables = []
    for name, version in (("a", frames), ("b", drift), ("c", rotated)):
        write_frames(tmp_path / f"{name}.extxyz", version)
        run("spectrum", tmp_path / f"{name}.extxyz", "--apt", "frames", "--out", tmp_path / name)
        tables.append(read_spectrum(tmp_path / name / "ir.csv").columns["n_alpha_cm-1"])
    for table in tables[1:]:
        np.testing.assert_allclose(table, tables[0], rtol=1e-5, atol=1e-5 * tables[0].max())


def test_an_implausible_temperature_is_warned_of(run: Run, charges: Path, tmp_path: Path) -> None:
    _, _, error = run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o", "--velocity-unit", "A/ps")
    assert "the velocities correspond to 0.0003 K; " in error
    assert "this would fit: --velocity-unit A/fs (300 K)" in error
    assert error.count("the velocities correspond to") == 1  # the first look says it, and nothing says it again
    _, _, error = run("spectrum", tmp_path / "o" / "series.h5", "--out", tmp_path / "p")
    assert "warning: the velocities correspond to 0.0003 K: a wrong unit of velocity or time (--velocity-unit" in error


def test_spectra_of_an_earlier_run_do_not_stay(run: Run, charges: Path, tmp_path: Path) -> None:
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "raman.csv").write_text("of an earlier run")
    run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o")
    assert not (tmp_path / "o" / "raman.csv").exists()


def test_a_wrong_unit_shows_in_the_temperature(run: Run, charges: Path, tmp_path: Path) -> None:
    options = ["--apt", "frames", "--temperature", 300, "--velocity-unit", "A/ps"]
    _, _, error = run("spectrum", charges, *options, "--out", tmp_path / "o")
    assert "the velocities correspond to 0.0003 K, not 300 K" in error
    assert error.count("the velocities correspond to") == 1
    assert "--velocity-unit" in error


def test_series_take_no_settings_that_are_settled(run: Run, charges: Path, tmp_path: Path) -> None:
    run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "a")
    series = tmp_path / "a" / "series.h5"
    refused(run("spectrum", series, "--out", tmp_path / "b", "--frames", "0:50"), "leave --frames out")
    refused(run("spectrum", series, "--out", tmp_path / "b", "--apt", "x.mym"), "leave --apt out")
    refused(run("spectrum", series, charges, "--apt", "frames", "--out", tmp_path / "b"), "series.h5", "one kind")
    status, _, error = run("spectrum", series, series, "--out", tmp_path / "b")
    assert status == 0, error
    assert "warning: runs 1, 2 hold the same frames, so that all errors are too small" in error


@pytest.mark.parametrize("flags", [("--resolution", 2), ("--resolution", 0.001), ("--blocks", 500), ("--stride", 60)])
def test_a_trajectory_that_is_too_short_is_told_before_the_pass(
    run: Run, charges: Path, tmp_path: Path, flags: tuple[str, float]
) -> None:
    result = run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o", *flags)
    refused(result, "longer trajectory" if flags[0] != "--blocks" else "ask for at most --blocks")
    assert "the rates are kept" not in result[2]
    assert not (tmp_path / "o").exists()


def test_rates_are_kept_when_the_spectrum_fails(
    run: Run, charges: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "divide", lambda *_: (0.0, 0, 0))
    result = run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o", "--resolution", 2)
    refused(result, "needs a longer trajectory", "the rates are kept", "series.h5")
    status, _, error = run("spectrum", tmp_path / "o" / "series.h5", "--out", tmp_path / "o")
    assert status == 0, error


def test_trajectories_of_different_systems(run: Run, charges: Path, water: Path, tmp_path: Path) -> None:
    refused(run("spectrum", charges, water, "--apt", "frames", "--out", tmp_path / "o"), "differ in their atoms")
    heavy = [replace(frame, masses=np.where(frame.numbers == 1, 2.014, 15.999)) for frame in read_frames(water)]
    write_frames(tmp_path / "heavy.xyz", heavy)
    both = run("spectrum", water, tmp_path / "heavy.xyz", "--kinds", "vdos", "--out", tmp_path / "o")
    refused(both, "differ in the mass of atom", "2.014 and 1.008 u; make their spectra separately")


def test_the_rates_of_another_run_are_kept(run: Run, charges: Path, tmp_path: Path) -> None:
    words = ("spectrum", charges, "--apt", "frames", "--plot-format", "png", "--out", tmp_path / "o")
    assert run(*words)[0] == 0
    before = (tmp_path / "o" / "series.h5").read_bytes()
    assert run(*words)[0] == 0  # the same again
    assert not list((tmp_path / "o").glob("series-*.h5"))
    status, _, error = run(*words, "--groups", "none")
    assert status == 0
    assert "holds the spectra of another run" in error
    assert (tmp_path / "o" / "series-1.h5").read_bytes() == before


def test_what_is_no_trajectory_is_named(tmp_path: Path) -> None:
    damaged = tmp_path / "series.h5"
    damaged.write_bytes(b"no HDF5")
    for paths, message in (
        ([], "no trajectory is given"),
        (["nowhere/series.h5"], "nowhere/series.h5: no such file"),
        ([damaged], "series.h5 cannot be read as a series"),
        ([tmp_path], "is a folder; give .*series.h5"),
    ):
        with pytest.raises((ConfigError, SpectrumError), match=message):
            make_spectra(paths, tmp_path / "out")
    with pytest.raises(ConfigError, match="settings takes SpectrumSettings, not 5"):
        make_spectra([damaged], tmp_path / "out", 5)  # type: ignore[arg-type]


def test_one_run_at_a_time_writes_into_a_folder(run: Run, charges: Path, tmp_path: Path) -> None:
    run("spectrum", charges, "--apt", "frames", "--plot-format", "png", "--out", tmp_path / "a")
    series = tmp_path / "a" / "series.h5"
    with locked(tmp_path / "b" / "unfinished" / "lock"):
        refused(run("spectrum", series, "--out", tmp_path / "b"), "another run is working in")
        refused(run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "b"), "another run is working in")
    assert not (tmp_path / "b" / "ir.csv").exists()
    assert run("spectrum", series, "--plot-format", "png", "--out", tmp_path / "b")[0] == 0
    assert not (tmp_path / "b" / "unfinished").exists()


def test_a_resolution_far_beyond_the_trajectory_is_refused_with_little_memory(
    run: Run, charges: Path, tmp_path: Path
) -> None:
    tracemalloc.start()
    result = run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o", "--resolution", 0.001)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    refused(result, "a resolution of 0.001 cm⁻¹ needs a longer trajectory")
    assert most < 3e8  # bytes; the window alone would have 10⁷ lags of every species
