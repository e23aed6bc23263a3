"""The command line as a user meets it: what works, and one clear line for what does not."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from conftest import DATA, Run, interrupted, moving_charges
from contracts import WATER
from mimyria import tensor_pass as along
from mimyria.errors import ConfigError
from mimyria.execute import ParslExecutor, make_executor
from mimyria.formats import read_frames, write_frames
from mimyria.frame import Frame
from mimyria.labels.command import draw
from mimyria.model.files import write_model
from mimyria.model.model import ResponseModel
from mimyria.model.network import NetworkSettings
from mimyria.spectra.compare import read_table
from mimyria.units import LIGHT_SPEED


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an untrained water model of each target."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("apt", "pgt"):
        torch.manual_seed(0)
        write_model(folder / f"{name}.mym", ResponseModel(NetworkSettings(name, (1, 8), cutoff=4.0)), {})
    return folder


@pytest.fixture
def charges(tmp_path: Path) -> Path:
    """A trajectory of free charges with their APT in the frames."""
    path = tmp_path / "charges.extxyz"
    write_frames(path, moving_charges(300, 4.0)[0])
    return path


@pytest.fixture
def water(tmp_path: Path) -> Path:
    """Sixty frames of the sample."""
    path = tmp_path / "water.extxyz"
    frames = read_frames(DATA / "water32.extxyz.xz")
    write_frames(path, (frame for _, frame in zip(range(60), frames, strict=False)))
    return path


@contextmanager
def stopped_after(n_frames: int) -> Iterator[None]:
    """Ctrl-C comes when so many frames have been read."""
    counted = along._counted
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(along, "_counted", lambda *arguments: interrupted(counted(*arguments), n_frames))
        yield


# --- what works ---------------------------------------------------------------------------------


@pytest.mark.pictures
def test_spectrum_from_tensors_in_the_frames(run: Run, charges: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, text, error = run("spectrum", charges, "--apt", "frames", "--out", out)
    assert status == 0, error
    assert "ir.csv, vdos.csv, spectra.png" in text
    assert "sum over the atoms is off by" in error
    table = read_table(out / "ir.csv")
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
    assert settings["rates"][0]["sources"] == "{'apt': 'frames'}"  # it still says what the rates were made from
    assert str(charges) in settings["rates"][0]
    assert not {"apt", "groups", "stride", "sum_rule"} & set(settings)
    status, text, _ = run("compare", tmp_path / "a" / "ir.csv", tmp_path / "b" / "ir.csv", "--json")
    assert status == 0
    assert json.loads(text)["similarity"] == 1.0


def test_spectrum_with_models(run: Run, models: Path, water: Path, tmp_path: Path) -> None:
    options = ["--apt", models / "apt.mym", "--pgt", models / "pgt.mym", "--laser", 532, "--groups", "none"]
    status, _, error = run("spectrum", water, *options, "--out", tmp_path / "out")
    assert status == 0, error
    table = read_table(tmp_path / "out" / "raman.csv")
    assert {"VV", "VH", "depolarisation_ratio", "VV_error", "stokes_VV"} <= set(table.columns)
    assert "n_alpha[O,H]" not in read_table(tmp_path / "out" / "ir.csv").columns


def test_groups_by_flags_by_file_and_from_series(run: Run, charges: Path, tmp_path: Path) -> None:
    options = ["spectrum", charges, "--apt", "frames"]
    flags = ["--groups", "salt=element Na Cl", "--groups", "near=index 0:1"]
    status, _, error = run(*options, *flags, "--out", tmp_path / "a")
    assert status == 0, error
    table = read_table(tmp_path / "a" / "ir.csv")
    parts = [values for name, values in table.columns.items() if name.startswith("n_alpha[")]
    assert [name for name in table.columns if "[salt" in name] == [
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
    assert "n_alpha_intramolecular" in read_table(tmp_path / "c" / "ir.csv").columns
    _, text, _ = run("info", tmp_path / "a" / "series.h5", "--json")
    assert json.loads(text)["groups"] == {"salt": 16, "near": 2, "rest": 14}


def test_parts_with_other_groups_are_not_gone_on_with(run: Run, charges: Path, tmp_path: Path) -> None:
    options = ["spectrum", charges, "--apt", "frames", "--out", tmp_path / "o", "--groups"]
    with stopped_after(50):
        status, _, _ = run(*options, "salt=element Na Cl")
    assert status == 130
    refused(run(*options, "salt=element Na", "--resume"), "made with other settings", "element Na'", "element Na Cl'")
    status, _, error = run(*options, "salt=element Na Cl", "--resume")
    assert status == 0, error
    assert "going on after 50 frames" in error


def test_trajectories_that_begin_with_other_molecules(run: Run, charges: Path, tmp_path: Path) -> None:
    frames = list(read_frames(charges))
    write_frames(tmp_path / "b.extxyz", [replace(frame, positions=3.0 * frame.positions) for frame in frames])
    options = ["--apt", "frames", "--groups", "molecules", "--out", tmp_path / "o", "--cell", "36 36 36"]
    refused(run("spectrum", charges, tmp_path / "b.extxyz", *options), "begin with different groups")


def test_difference_of_two_spectra(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("wavenumber_cm-1,VV,VV_error\n0,5,3\n10,7,3\n20,9,3\n")
    (tmp_path / "b.csv").write_text("wavenumber_cm-1,VV,VV_error\n0,1,2\n20,2,2\n")
    command = ["compare", tmp_path / "a.csv", tmp_path / "b.csv"]
    status, text, error = run(*command, "--difference", tmp_path / "d.csv", "--scale", 2)
    assert status == 0, error
    assert "similarity" in text
    table = read_table(tmp_path / "d.csv")
    np.testing.assert_allclose(table.columns["VV"], [3, 4, 5])
    np.testing.assert_allclose(table.columns["VV_error"], 5)
    assert "b.csv" in (tmp_path / "d.csv").read_text(encoding="utf-8")
    refused(run(*command, "--difference", tmp_path / "a.csv"), "is one of the two spectra")


@pytest.mark.parametrize("with_velocities", [True, False])
def test_interrupted_spectrum_goes_on(
    run: Run, models: Path, water: Path, tmp_path: Path, with_velocities: bool
) -> None:
    if not with_velocities:
        write_frames(water, [replace(frame, velocities=None) for frame in read_frames(water)])
    options = ["--apt", models / "apt.mym", "--temperature", 300, "--stride", 2, "--timestep", 2]
    run("spectrum", water, *options, "--out", tmp_path / "whole")
    with stopped_after(12):
        status, _, error = run("spectrum", water, *options, "--out", tmp_path / "parts")
    assert status == 130
    assert "12 frames of" in error
    assert "run the same command again" in error
    status, _, error = run("spectrum", water, *options, "--out", tmp_path / "parts", "--resume")
    assert status == 0, error
    assert "going on after 12 frames" in error
    for name in ("ir.csv", "vdos.csv"):
        whole, parts = (read_table(tmp_path / folder / name) for folder in ("whole", "parts"))
        assert len(whole.wavenumber) == len(parts.wavenumber)
        for column, values in whole.columns.items():
            largest = np.max(abs(values), initial=0.0, where=np.isfinite(values))
            np.testing.assert_allclose(parts.columns[column], values, rtol=1e-4, atol=1e-5 * largest)


def test_train_evaluate_predict_info(run: Run, labels: list[Frame], tmp_path: Path) -> None:
    write_frames(tmp_path / "labels.extxyz", labels[:4])
    model = tmp_path / "apt.mym"
    status, text, error = run(
        "train", tmp_path / "labels.extxyz", "--target", "apt", "--out", model, "--epochs", 3, "--preset", "small"
    )
    assert status == 0, error
    assert "3 training frames, 3 epochs" in text
    status, text, _ = run("evaluate", model, tmp_path / "labels.extxyz", "--json", "--plot", tmp_path / "parity.png")
    report = json.loads(text)
    assert report["species"]["O"]["atoms"] == 4 * 32
    assert (tmp_path / "parity.png").exists()
    status, text, _ = run("evaluate", model, tmp_path / "labels.extxyz")
    assert "RMSE" in text
    status, _, _ = run("predict", model, tmp_path / "labels.extxyz", "--out", tmp_path / "p.extxyz")
    assert status == 0
    for frame in read_frames(tmp_path / "p.extxyz"):
        np.testing.assert_allclose(frame.tensors["apt"].sum(axis=0), 0, atol=1e-6)
    status, text, _ = run("info", model, "--json")
    assert json.loads(text)["training_frames"] == 3
    status, text, _ = run("info", tmp_path / "labels.extxyz")
    assert "composition: H64 O32" in text
    assert "apt: in 4 frames; the sum over the atoms is off by at most" in text


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


def test_flags_from_yaml_and_flags_that_win(run: Run, charges: Path, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("apt: frames\nresolution: 90\ntemperature: 310\n")
    status, _, error = run(
        "spectrum", charges, "--config", tmp_path / "c.yaml", "--out", tmp_path / "o", "--temperature", 305
    )
    assert status == 0, error
    settings = yaml.safe_load((tmp_path / "o" / "settings.yaml").read_text(encoding="utf-8"))
    assert settings["resolution"] == 90.0
    assert settings["temperature"] == 305


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
        tables.append(read_table(tmp_path / name / "ir.csv").columns["n_alpha_cm-1"])
    for table in tables[1:]:
        np.testing.assert_allclose(table, tables[0], rtol=1e-5, atol=1e-5 * tables[0].max())


def test_settings_can_be_given_back(run: Run, charges: Path, tmp_path: Path) -> None:
    options = ["--apt", "frames", "--frames", "20:220", "--cell", "12 12 12", "--stride", 1, "--temperature", 305]
    options += ["--epsilon-infinity", 2.1, "--correction", "standard"]
    run("spectrum", charges, *options, "--out", tmp_path / "a")
    status, _, error = run("spectrum", "--config", tmp_path / "a" / "settings.yaml", "--out", tmp_path / "b")
    assert status == 0, error
    assert (tmp_path / "a" / "ir.csv").read_text() == (tmp_path / "b" / "ir.csv").read_text()
    settings = yaml.safe_load((tmp_path / "b" / "settings.yaml").read_text(encoding="utf-8"))
    assert settings["used"]["frames"] == [200]
    assert {"n", "kappa", "alpha_error", "reflectivity"} <= set(read_table(tmp_path / "b" / "ir.csv").columns)


@pytest.mark.pictures
def test_references_are_laid_over_and_stand_in_the_settings(run: Run, charges: Path, tmp_path: Path) -> None:
    run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "a", "--plot-format", "png", "--temperature", 300)
    theirs = [f"{tmp_path / 'a' / 'ir.csv'},label=the same, again", f"vdos={tmp_path / 'a' / 'vdos.csv'}"]
    options = ["--plot-width", "single", "--plot-format", "png,html", "--title", "charges: free", "--temperature", 300]
    options += [word for text in theirs for word in ("--reference", text)]
    status, text, error = run("spectrum", charges, "--apt", "frames", *options, "--out", tmp_path / "b")
    assert status == 0, error
    assert "the same, again: similarity 1.000 with infrared (total)" in error
    assert "vdos: similarity 1.000 with density of states (total)" in error
    assert "spectra.png, spectra.html" in text
    assert {path.suffix for path in (tmp_path / "b").glob("spectra.*")} == {".png", ".html"}
    assert "similarity 1.000" in (tmp_path / "b" / "spectra.html").read_text(encoding="utf-8")
    status, _, error = run("spectrum", "--config", tmp_path / "b" / "settings.yaml", "--out", tmp_path / "c")
    assert status == 0, error
    assert "the same, again: similarity 1.000" in error
    settings = [yaml.safe_load((tmp_path / name / "settings.yaml").read_text(encoding="utf-8")) for name in "bc"]
    for name in ("reference", "plot_format", "plot_width", "title"):
        assert settings[0][name] == settings[1][name], name
    (tmp_path / "one.yaml").write_text(f"apt: frames\nreference: {theirs[1]}\nplot_format: svg\n", encoding="utf-8")
    status, _, error = run("spectrum", charges, "--config", tmp_path / "one.yaml", "--out", tmp_path / "d")
    assert status == 0, error
    assert "vdos: similarity" in error


def test_first_frame_and_charge_reach_the_result(run: Run, models: Path, water: Path, tmp_path: Path) -> None:
    frames = list(read_frames(water))
    write_frames(tmp_path / "later.extxyz", frames[20:])
    model = ["--apt", models / "apt.mym", "--temperature", 300]
    run("spectrum", water, *model, "--frames", "20:", "--out", tmp_path / "a")
    run("spectrum", tmp_path / "later.extxyz", *model, "--out", tmp_path / "b")
    run("spectrum", water, *model, "--frames", "20:", "--charge", 96, "--out", tmp_path / "c")
    one, other, charged = (read_table(tmp_path / name / "ir.csv").columns["n_alpha_cm-1"] for name in "abc")
    np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-6 * one.max())
    # a charge of one e for every atom adds Σ v to dM/dt: visible, for Σ v is not zero where Σ m v is
    assert abs(charged - one).max() > 1e-3 * one.max()


def test_a_shorter_range_after_an_interruption_is_kept_to(run: Run, charges: Path, tmp_path: Path) -> None:
    with stopped_after(200):
        run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o")
    status, _, error = run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o", "--frames", "0:100")
    assert status == 0, error
    assert "going on after 100 frames" in error
    settings = yaml.safe_load((tmp_path / "o" / "settings.yaml").read_text(encoding="utf-8"))
    assert settings["used"]["frames"] == [100]


def test_charge_of_the_header_is_used(run: Run, models: Path, water: Path, tmp_path: Path) -> None:
    frames = [replace(frame, info={"total_charge": -2.0}) for frame in list(read_frames(water))[:2]]
    write_frames(tmp_path / "ion.extxyz", frames)
    run("predict", models / "apt.mym", tmp_path / "ion.extxyz", "--out", tmp_path / "p.extxyz")
    for frame in read_frames(tmp_path / "p.extxyz"):
        np.testing.assert_allclose(frame.tensors["apt"].sum(axis=0), -2 * np.eye(3), atol=1e-6)


def test_an_implausible_temperature_is_warned_of(run: Run, charges: Path, tmp_path: Path) -> None:
    _, _, error = run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o", "--velocity-unit", "A/ps")
    assert "the velocities mean 0.0003 K; " in error
    assert "this would fit: --velocity-unit A/fs (300 K)" in error
    assert "warning: the velocities mean 0.0003 K, which points to a wrong unit" in error


def test_spectra_of_an_earlier_run_do_not_stay(run: Run, charges: Path, tmp_path: Path) -> None:
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "raman.csv").write_text("of an earlier run")
    run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o")
    assert not (tmp_path / "o" / "raman.csv").exists()


def test_a_coarse_stride_is_warned_of(run: Run, charges: Path, tmp_path: Path) -> None:
    _, _, error = run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o", "--stride", 3)
    assert "warning: what vibrates faster than 1390 cm⁻¹ folds back" in error


def test_what_folds_back_is_measured(run: Run, tmp_path: Path) -> None:
    """A charge on a spring of 3000 cm⁻¹, stored every 2 fs: a stride of three resolves 2780 cm⁻¹."""
    frames, _ = moving_charges(400, 2.0)
    omega = 2 * np.pi * LIGHT_SPEED * 3000.0
    swinging = [
        replace(f, velocities=f.velocities * np.cos(omega * f.time))  # type: ignore[operator]
        for f in frames
    ]
    write_frames(tmp_path / "a.extxyz", swinging)
    command = ["spectrum", tmp_path / "a.extxyz", "--apt", "frames", "--out", tmp_path / "o", "--temperature", 150]
    _, _, error = run(*command, "--stride", 3)
    assert "APT: 100 % of the power lies above 2780 cm⁻¹" in error
    _, _, error = run(*command, "--stride", 2)
    found = re.search(r"APT: (\S+) % of the power lies above 4170", error)
    assert found is not None
    assert float(found[1]) < 0.1


def test_a_wrong_unit_shows_in_the_temperature(run: Run, charges: Path, tmp_path: Path) -> None:
    options = ["--apt", "frames", "--temperature", 300, "--velocity-unit", "A/ps"]
    _, _, error = run("spectrum", charges, *options, "--out", tmp_path / "o")
    assert "warning: the velocities mean 0.0003 K, not 300 K" in error
    assert "--velocity-unit" in error


# --- what does not ------------------------------------------------------------------------------


def spoiled(path: Path, old: str, new: str, count: int = 1) -> Path:
    """The file with some text replaced."""
    text = path.read_text()
    assert old in text
    other = path.with_name("spoiled.extxyz")
    other.write_text(text.replace(old, new, count))
    return other


def refused(result: tuple[int, str, str], *words: str) -> None:
    status, _, error = result
    assert status == 2, error
    assert "Traceback" not in error
    for word in words:
        assert word in error


def test_series_take_no_settings_that_are_settled(run: Run, charges: Path, tmp_path: Path) -> None:
    run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "a")
    series = tmp_path / "a" / "series.h5"
    refused(run("spectrum", series, "--out", tmp_path / "b", "--frames", "0:50"), "leave --frames out")
    refused(run("spectrum", series, "--out", tmp_path / "b", "--apt", "x.mym"), "leave --apt out")
    refused(run("spectrum", series, charges, "--apt", "frames", "--out", tmp_path / "b"), "series.h5", "one kind")
    status, _, error = run("spectrum", series, series, "--out", tmp_path / "b")
    assert status == 0, error


def test_rates_are_kept_when_the_spectrum_fails(run: Run, charges: Path, tmp_path: Path) -> None:
    result = run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o", "--resolution", 2)
    refused(result, "needs a longer trajectory", "the rates are kept", "series.h5")
    status, _, error = run("spectrum", tmp_path / "o" / "series.h5", "--out", tmp_path / "o")
    assert status == 0, error


def test_trajectories_of_different_systems(run: Run, charges: Path, water: Path, tmp_path: Path) -> None:
    refused(run("spectrum", charges, water, "--apt", "frames", "--out", tmp_path / "o"), "do not hold the same atoms")


def test_trajectory_cut_in_the_middle_of_a_frame(run: Run, charges: Path, tmp_path: Path) -> None:
    text = charges.read_text()
    charges.write_text(text[: int(len(text) * 0.7)])
    out = tmp_path / "o"
    refused(run("spectrum", charges, "--apt", "frames", "--out", out), "charges.extxyz", "frame 2", "--frames 0:2")
    assert not out.exists()  # told before anything is computed
    stop = int(len(text) * 0.7 / (len(text) / 300))
    status, _, error = run("spectrum", charges, "--apt", "frames", "--out", out, "--frames", f"0:{stop}")
    assert status == 0, error


def test_nan_velocity(run: Run, charges: Path, tmp_path: Path) -> None:
    frames = list(read_frames(charges))
    assert frames[7].velocities is not None
    frames[7].velocities[3, 1] = np.nan
    write_frames(charges, frames)
    refused(run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o"), "frame 7", "atom 3", "velocity")


def test_unknown_species(run: Run, models: Path, charges: Path, tmp_path: Path) -> None:
    refused(
        run("spectrum", charges, "--apt", models / "apt.mym", "--out", tmp_path / "o"),
        "does not know Na, Cl", "trained on H, O",
    )  # fmt: skip


def test_missing_cell(run: Run, charges: Path, tmp_path: Path) -> None:
    text = "\n".join(
        line if not line.startswith("Lattice") else line[line.index("Properties") :].replace('pbc="T T T"', "")
        for line in charges.read_text().splitlines()
    )
    charges.write_text(text + "\n")
    refused(run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o"), "no cell", "--cell")
    status, _, error = run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o", "--cell", "12 12 12")
    assert status == 0, error


@pytest.mark.parametrize("timestep", ["0", "-1", "nan"])
def test_wrong_timestep(run: Run, charges: Path, tmp_path: Path, timestep: str) -> None:
    refused(run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o", "--timestep", timestep), "--timestep")


def test_model_of_the_wrong_target(run: Run, models: Path, water: Path, tmp_path: Path) -> None:
    refused(
        run("spectrum", water, "--apt", models / "pgt.mym", "--out", tmp_path / "o"),
        "pgt.mym holds a model of the polarizability gradient tensor", "give it to --pgt",
    )  # fmt: skip


def test_tensors_in_another_index_order(run: Run, charges: Path, tmp_path: Path) -> None:
    other = spoiled(charges, "apt_order=field,displacement", "apt_order=displacement,field", -1)
    result = run("spectrum", other, "--apt", "frames", "--out", tmp_path / "o")
    refused(result, "displacement,field", "--layout displacement,field")
    status, _, error = run(
        "spectrum", other, "--apt", "frames", "--out", tmp_path / "o", "--layout", "displacement,field"
    )
    assert status == 0, error


def test_tensors_that_are_not_there(run: Run, charges: Path, water: Path, tmp_path: Path) -> None:
    refused(
        run("spectrum", water, "--apt", "frames", "--out", tmp_path / "o"),
        "has no apt",
        "columns are: species, pos, vel",
    )
    refused(run("spectrum", charges, "--pgt", "frames", "--out", tmp_path / "o"), "has no pgt", "apt")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["spectrum", "absent.xyz", "--apt", "frames", "--out", "o"], ["absent.xyz", "no such file"]),
        (["spectrum", "W", "--out", "o"], ["give --apt or --pgt"]),
        (["spectrum", "W", "--apt", "absent.mym", "--out", "o"], ["absent.mym"]),
        (
            ["spectrum", "W", "--apt", "frames", "--out", "o", "--groups", "x"],
            ["molecules", "NAME=SELECTION, not 'x'"],
        ),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--stride", "0"], ["--stride takes auto"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--resolution", "-3"], ["--resolution must be positive"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--frames", "9:3"], ["--frames takes FIRST:LAST"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--cell", "1 2"], ["--cell takes 3 or 9 numbers"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--plot-format", "gif"], ["--plot-format takes png, pdf"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--plot-width", "3"], ["--plot-width takes single or"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--reference", "e.txt"], ["e.txt cannot be read"]),
        (
            ["spectrum", "W", "--apt", "frames", "--out", "o", "--reference", "raman=t.txt"],
            ["--reference raman=t.txt", "no raman spectrum is made"],
        ),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--sum-rule", "x"], ["--sum-rule takes project or none"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--velocity-unit", "knots"], ["knots", "A/fs"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--config", "c.yaml"], ["resolutoin", "mean resolution?"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--frames", "250"], ["--frames takes FIRST:LAST"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--temperature", "0"], ["temperature must be positive"]),
        (["spectrum", "W", "--apt", "frames", "--out", "o", "--correction", "x"], ["--correction takes harmonic, "]),
        (
            ["spectrum", "W", "--apt", "frames", "--out", "o", "--epsilon-infinity", "0.5"],
            ["must be at least 1"],
        ),
        (
            ["spectrum", "W", "--apt", "frames", "--out", "o", "--epsilon-infinity", "nan"],
            ["must be at least 1"],
        ),
        (["spectrum", "W", "--apt", "frames", "--out", "W/o"], ["water.extxyz"]),
        (
            ["spectrum", "W", "--apt", "frames", "--out", "o", "--config", "d.yaml"],
            ["--frames takes FIRST:LAST", "quotes"],
        ),
        (["train", "W", "--target", "apt", "--out", "m"], ["has no apt"]),
        (["predict", "m", "W", "--out", "W"], ["is the trajectory itself"]),
        (["evaluate", "m", "W", "--plot", "p.txt"], ["a picture is .png, .pdf or .svg"]),
        (["evaluate", "W", "W"], ["is damaged or not written by mimyria"]),
        (["compare", "W", "absent.csv"], ["water.extxyz"]),
        (["info", "absent"], ["absent does not exist"]),
        (["info", "."], ["no settings.yaml"]),
        (["spectrum", "--nonsense"], ["No such option"]),
    ],
)
def test_mistakes(
    run: Run, water: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_text("resolutoin: 5\n")
    (tmp_path / "d.yaml").write_text("frames: 10:50\n")
    (tmp_path / "t.txt").write_text("1 2\n3 4\n")
    refused(run(*[word.replace("W", str(water)) for word in arguments]), *words)


def test_training_with_everything(run: Run, tmp_path: Path, molecules: Path) -> None:
    labels, out = tmp_path / "labels.extxyz", tmp_path / "apt.mym"
    status, _, errors = run("label", molecules, "--engine", "tblite", "--out", labels, "--work", tmp_path / "work")
    assert status == 0, errors
    arguments = ("--committee", 2, "--weight", "O=2", "--weight", "2e=0.5", "--sum-rule", "project", "--epochs", 3)
    plot = tmp_path / "curve.png"
    status, _, errors = run("train", labels, "--target", "apt", "--out", out, "--plot", plot, *arguments)
    assert status == 0, errors
    assert plot.stat().st_size > 5000
    assert (tmp_path / "apt.history.csv").read_text().startswith("member,epoch,steps")
    predicted = tmp_path / "predicted.extxyz"
    status, _, errors = run("predict", out, molecules, "--out", predicted)
    assert status == 0, errors
    assert "the committee spreads" in errors
    assert "apt_spread:R:1" in predicted.read_text()
    picture = tmp_path / "calibration.png"
    status, said, errors = run("evaluate", out, labels, "--calibration", picture)
    assert status == 0, errors
    assert "1e" in said
    assert picture.stat().st_size > 5000
    for wrong, words in (("O", "--weight takes NAME=VALUE"), ("O=x", "takes a number"), ("C=2", "the labels have")):
        status, _, errors = run("train", labels, "--target", "apt", "--out", out, "--weight", wrong)
        assert status == 2
        assert words in errors


def test_the_card_of_the_bundled_models(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, said, errors = run("info", "water")
    assert status == 0, errors
    assert "valid_for" in said
    status, _, errors = run("evaluate", "water", DATA / "water32_labels.extxyz.xz")
    assert status == 2
    assert "water" in errors


@pytest.fixture
def molecules(tmp_path: Path) -> Path:
    """Three isolated waters, each a little different."""
    path = tmp_path / "water.xyz"
    frames = [replace(WATER, positions=WATER.positions * (1 + 0.01 * k)) for k in range(3)]
    write_frames(path, frames)
    return path


def test_labels_of_molecules_from_file_to_file(run: Run, tmp_path: Path, molecules: Path) -> None:
    out, work = tmp_path / "labels.extxyz", tmp_path / "work"
    arguments = ("label", molecules, "--engine", "tblite", "--out", out, "--work", work)
    status, said, errors = run(*arguments, "--sample", 2, "--sum-rule", "project")
    assert status == 0, errors
    assert "2 labelled frames, GFN2-xTB" in said
    first = list(read_frames(out))
    assert first[0].forces is not None
    assert "tblite" in first[0].info["engine"]
    assert abs(first[0].tensors["pgt"].sum(axis=0)).max() < 1e-8
    status, _, errors = run(*arguments)
    assert status == 0, errors
    assert len(list(read_frames(out))) == 3
    assert len(list(work.glob("*/*/label.npz"))) == 3
    status, said, _ = run("info", out)
    assert "qa_residual: median" in said
    assert "outliers: not told from fewer than 8 labels" in said
    status, _, errors = run(*arguments, "--field", "1e-3")
    assert status == 2
    assert "made with other settings: field was 0.002, now it is 0.001" in errors


def test_labels_by_displacements(run: Run, tmp_path: Path, molecules: Path) -> None:
    results = []
    for scheme in ("field", "displacement"):
        out = tmp_path / f"{scheme}.extxyz"
        arguments = ("--engine", "tblite", "--scheme", scheme, "--sample", 1, "--work", tmp_path / scheme)
        status, _, errors = run("label", molecules, "--out", out, *arguments)
        assert status == 0, errors
        results.append(next(read_frames(out)).tensors)
    np.testing.assert_allclose(results[0]["apt"], results[1]["apt"], atol=1e-4)
    np.testing.assert_allclose(results[0]["pgt"], results[1]["pgt"], atol=0.02)


def test_clusters_of_a_liquid(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "clusters.extxyz"
    arguments = ("--engine", "tblite", "--cluster", 2.5, "--centres", 2, "--sample", 1, "--epsilon", 1.78)
    status, _, errors = run(
        "label", DATA / "water32_labels.extxyz.xz", "--out", out, "--work", tmp_path / "work", *arguments
    )
    assert status == 0, errors
    (frame,) = read_frames(out)
    assert len(frame) == 96
    assert np.isfinite(frame.tensors["apt"]).all(axis=(1, 2)).sum() == 6
    _, said, _ = run("info", out)
    assert "6 of 96 atoms are labelled" in said
    assert "cluster_radius: 2.5" in said
    assert "cluster_epsilon: 1.78" in said
    assert frame.forces is None  # those of the cell are not the cluster's
    assert "alpha" not in frame.info
    assert (frame.info["source"], frame.info["source_frame"]) == ("water32_labels.extxyz.xz", draw(90, 1, 0)[0])


def test_import_turns_the_tensors(run: Run, tmp_path: Path) -> None:
    frame = next(read_frames(DATA / "water32_labels.extxyz.xz"))
    theirs = replace(frame, tensors={"apt": frame.tensors["apt"].swapaxes(1, 2)}, info={})
    path, out = tmp_path / "theirs.extxyz", tmp_path / "ours.extxyz"
    write_frames(path, [theirs])
    path.write_text(path.read_text().replace("apt_order=field,displacement", ""))
    status, _, errors = run("label", "--import", path, "--out", out)
    assert status == 2
    assert "give --layout" in errors
    status, said, errors = run("label", "--import", path, "--layout", "mimyria-field", "--out", out)
    assert status == 0, errors
    assert "apt in 1 frames" in said
    np.testing.assert_allclose(next(read_frames(out)).tensors["apt"], frame.tensors["apt"], atol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to label"),
        (("{molecules}", "--engine", "vasp"), "--engine takes cp2k, pyscf, tblite"),
        (("{molecules}", "--engine", "cp2k"), "CP2K needs --template"),
        (("{molecules}", "--engine", "tblite", "--sample", "9"), "from 1 to the 3 frames"),
        (("{molecules}", "--engine", "tblite", "--set", "method"), "--set takes NAME=VALUE"),
        (("{molecules}", "--engine", "tblite", "--set", "method=GFN9"), "tblite knows GFN2-xTB, GFN1-xTB"),
        (("{molecules}", "--engine", "pyscf", "--set", "functional=pbee"), "does not know functional=pbee"),
        (("{molecules}", "--engine", "tblite", "--workers", "0"), "workers takes a positive whole number"),
        (("{molecules}", "--engine", "tblite", "--executor", "x.yaml", "--workers", "2"), "for this machine"),
        (("{molecules}", "--engine", "tblite", "--epsilon", "1.78"), "they need --cluster"),
        (("{molecules}", "--engine", "tblite", "--cluster", "3", "--epsilon", "78"), "the static constant"),
        (("{molecules}", "--engine", "tblite", "--cluster", "3", "--sum-rule", "project"), "only the centres"),
        (("{molecules}", "--engine", "tblite", "--target", "apt", "--max-residual", "1e-6"), "leave no residual"),
        (("{molecules}", "--engine", "tblite", "--out", "{molecules}"), "give another --out"),
        (("--import", "{molecules}", "--out", "{molecules}"), "give another --out"),
        (("--import", "{molecules}"), "holds no tensors"),
        (("{molecules}", "--engine", "tblite", "--out", "labels.csv"), "written as .extxyz or .xyz"),
        (("--import", "{molecules}", "--sample", "2"), "takes every frame"),
        (("{molecules}", "--engine", "tblite", "--field", "10"), "not 10"),
        (("{molecules}", "--engine", "tblite", "--executor", "nowhere.yaml"), "nowhere.yaml cannot be read"),
        (("{molecules}", "--engine", "tblite", "--field", "0"), "E_h/(e a0)"),
        (("{molecules}", "--engine", "tblite", "--target", "dipole"), "--target takes apt or pgt"),
        (("{molecules}", "--engine", "tblite", "--scheme", "wannier"), "--scheme takes field or displacement"),
        (("missing.xyz", "--engine", "tblite"), "missing.xyz"),
    ],
)
def test_what_label_refuses(
    run: Run, tmp_path: Path, molecules: Path, arguments: tuple[str, ...], message: str
) -> None:
    given = [word.format(molecules=molecules) for word in arguments]
    before = molecules.read_bytes()
    out = [] if "--out" in given else ["--out", tmp_path / "out.extxyz"]
    status, _, errors = run("label", *given, "--work", tmp_path / "work", *out)
    assert status == 2
    assert molecules.read_bytes() == before
    assert message in errors
    assert not (tmp_path / "out.extxyz").exists()


@pytest.mark.filterwarnings("ignore")  # sockets that Parsl leaves open
@pytest.mark.parametrize("profile", sorted((Path(__file__).parents[1] / "configs" / "cluster").glob("*.yaml")))
def test_our_profiles_are_what_parsl_takes(profile: Path, tmp_path: Path) -> None:
    executor = make_executor(str(profile), {}, tmp_path)
    if isinstance(executor, ParslExecutor):
        assert executor._configuration().run_dir == str(tmp_path / "parsl")


def test_a_profile_with_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "profile.yaml"
    path.write_text("executor: local\nprovider: SlurmProvider\n")
    with pytest.raises(ConfigError, match="executor local has no setting 'provider'; it has cores, workers"):
        make_executor(str(path), {}, tmp_path)
    path.write_text("executor: parsl\nproviedr: SlurmProvider\n")
    with pytest.raises(ConfigError, match="did you mean provider"):
        make_executor(str(path), {}, tmp_path)


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
