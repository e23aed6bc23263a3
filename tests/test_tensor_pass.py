"""The pass of tensors along a trajectory: interrupted and resumed, by strides, and stopped by frames that are wrong."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from conftest import Run, interrupted, moving_charges, refused
from mimyria import tensor_pass as along
from mimyria.formats import read_frames, write_frames
from mimyria.rates.series import ResponseSeries, read_series
from mimyria.spectra.spectrum import read_spectrum
from mimyria.units import LIGHT_SPEED
from working import processes_at_once


@contextmanager
def stopped_after(n_frames: int) -> Iterator[None]:
    """Ctrl-C comes when so many frames have been read."""
    counted = along._counted
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(along, "_counted", lambda *arguments: interrupted(counted(*arguments), n_frames))
        yield


def test_parts_with_other_groups_are_not_gone_on_with(run: Run, charges: Path, tmp_path: Path) -> None:
    options = ["spectrum", charges, "--apt", "frames", "--out", tmp_path / "o", "--groups"]
    with stopped_after(50):
        status, _, _ = run(*options, "salt=element Na Cl")
    assert status == 130
    refused(run(*options, "salt=element Na", "--resume"), "made with other settings", "element Na'", "element Na Cl'")
    status, _, error = run(*options, "salt=element Na Cl", "--resume")
    assert status == 0, error
    assert "resuming after 50 frames" in error


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
    assert "resuming after 12 frames" in error
    for name in ("ir.csv", "vdos.csv"):
        whole, parts = (read_spectrum(tmp_path / folder / name) for folder in ("whole", "parts"))
        assert len(whole.wavenumber) == len(parts.wavenumber)
        for column, values in whole.columns.items():
            largest = np.max(abs(values), initial=0.0, where=np.isfinite(values))
            np.testing.assert_allclose(parts.columns[column], values, rtol=1e-4, atol=1e-5 * largest)


def test_processes_make_the_same_series_to_the_last_bit(run: Run, models: Path, water: Path, tmp_path: Path) -> None:
    """Two of them, stopped, and gone on with by three; and one."""
    options = ["--apt", models / "apt.mym", "--temperature", 300, "--groups", "motions"]
    status, _, error = run("spectrum", water, *options, "--workers", 1, "--out", tmp_path / "one")
    assert status == 0, error
    with processes_at_once():
        with stopped_after(12):
            status, _, error = run("spectrum", water, *options, "--workers", 2, "--out", tmp_path / "some")
        assert status == 130
        assert "12 frames of" in error
        status, _, error = run("spectrum", water, *options, "--workers", 3, "--out", tmp_path / "some", "--resume")
    assert status == 0, error
    assert "resuming after 12 frames" in error
    (one,), (some,) = (read_series(tmp_path / name / "series.h5") for name in ("one", "some"))
    for field in fields(ResponseSeries):
        both = [getattr(series, field.name) for series in (one, some)]
        whole = [value if isinstance(value, Mapping) else {"": value} for value in both]
        for name, values in whole[0].items():
            if isinstance(values, np.ndarray) or hasattr(values, "shape"):
                assert values[:].tobytes() == whole[1][name][:].tobytes(), (field.name, name)


def test_a_lost_atom_is_told_alike_by_one_and_by_several_processes(
    run: Run, models: Path, water: Path, tmp_path: Path
) -> None:
    frames = list(read_frames(water))
    velocities = np.asarray(frames[17].velocities).copy()
    velocities[3, 1] = np.nan
    write_frames(water, [*frames[:17], replace(frames[17], velocities=velocities), *frames[18:]])
    told = []
    with processes_at_once():
        for number in (1, 2):
            options = ["--apt", models / "apt.mym", "--workers", number, "--out", tmp_path / str(number)]
            told.append(run("spectrum", water, *options))
    refused(told[0], "frame 17", "atom 3", "velocity")
    assert told[0][2].splitlines()[-1] == told[1][2].splitlines()[-1]


def test_first_frame_and_charge_reach_the_result(run: Run, models: Path, water: Path, tmp_path: Path) -> None:
    frames = list(read_frames(water))
    write_frames(tmp_path / "later.extxyz", frames[20:])
    model = ["--apt", models / "apt.mym", "--temperature", 300]
    run("spectrum", water, *model, "--frames", "20:", "--out", tmp_path / "a")
    run("spectrum", tmp_path / "later.extxyz", *model, "--out", tmp_path / "b")
    run("spectrum", water, *model, "--frames", "20:", "--charge", 96, "--out", tmp_path / "c")
    one, other, charged = (read_spectrum(tmp_path / name / "ir.csv").columns["n_alpha_cm-1"] for name in "abc")
    np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-6 * one.max())
    # a charge of one e for every atom adds Σ v to dM/dt: visible, for Σ v is not zero where Σ m v is
    assert abs(charged - one).max() > 1e-3 * one.max()


def test_a_shorter_range_after_an_interruption_is_kept_to(run: Run, charges: Path, tmp_path: Path) -> None:
    with stopped_after(200):
        run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o")
    status, _, error = run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o", "--frames", "0:100")
    assert status == 0, error
    assert "resuming after 100 frames" in error
    settings = yaml.safe_load((tmp_path / "o" / "settings.yaml").read_text(encoding="utf-8"))
    assert settings["used"]["frames"] == [100]


def test_a_coarse_stride_is_warned_of(run: Run, charges: Path, tmp_path: Path) -> None:
    _, _, error = run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "o", "--stride", 3)
    assert "warning: vibrations above 1390 cm⁻¹ are aliased" in error


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


@pytest.mark.parametrize(("share", "stride"), [(0.0005, 4), (0.02, 2)])
def test_an_automatic_stride_is_halved_until_little_is_aliased(
    run: Run, tmp_path: Path, share: float, stride: int
) -> None:
    """Charges that swing at 1500 cm⁻¹, and with a share of the power at 9000 cm⁻¹, stored every 0.9 fs."""
    frames, _ = moving_charges(700, 0.9)
    slow, fast = (2 * np.pi * LIGHT_SPEED * place for place in (1500.0, 9000.0))
    swinging = [
        replace(
            f,
            velocities=f.velocities  # type: ignore[operator]
            * (np.sqrt(1 - share) * np.cos(slow * f.time) + np.sqrt(share) * np.cos(fast * f.time)),
        )
        for f in frames
    ]
    write_frames(tmp_path / "a.extxyz", swinging)
    command = ["spectrum", tmp_path / "a.extxyz", "--apt", "frames", "--temperature", 150]
    status, _, error = run(*command, "--out", tmp_path / "o")
    assert status == 0, error
    settings = yaml.safe_load((tmp_path / "o" / "settings.yaml").read_text(encoding="utf-8"))
    assert settings["used"]["timestep"] == pytest.approx(0.9 * stride)
    assert "take a smaller one" not in error
    _, _, error = run(*command, "--out", tmp_path / "p", "--stride", 4)
    assert ("a.extxyz: --stride 4 aliases 2 % of the power" in error) == (share > 0.01)


def test_a_stride_that_was_settled_is_taken_over(run: Run, tmp_path: Path) -> None:
    frames, _ = moving_charges(700, 0.9)
    fast = 2 * np.pi * LIGHT_SPEED * 9000.0
    swinging = [replace(f, velocities=f.velocities * np.cos(fast * f.time)) for f in frames]  # type: ignore[operator]
    write_frames(tmp_path / "a.extxyz", swinging)
    command = ["spectrum", tmp_path / "a.extxyz", "--apt", "frames", "--temperature", 150, "--out", tmp_path / "o"]
    with stopped_after(200):
        run(*command)
    status, _, error = run(*command)
    assert status == 0, error
    assert "resuming after" in error
    assert "is aliased below it" not in error


def spoiled(path: Path, old: str, new: str, count: int = 1) -> Path:
    """The file with some text replaced."""
    text = path.read_text()
    assert old in text
    other = path.with_name("spoiled.extxyz")
    other.write_text(text.replace(old, new, count))
    return other


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


def test_the_level_of_theory_is_chosen_and_said(run: Run, water: Path, tmp_path: Path) -> None:
    import torch

    from mimyria.level import Level
    from mimyria.model.files import write_model
    from mimyria.model.model import PRESETS, ResponseModel

    torch.manual_seed(0)
    levels = (Level("a", "PBE", "small"), Level("b", "PBE", "large"))
    model = ResponseModel(replace(PRESETS["small"]["apt"], species=(1, 8), cutoff=3.0), levels=levels)
    write_model(tmp_path / "m.mym", model, {})
    asked = ("spectrum", water, "--apt", tmp_path / "m.mym", "--frames", ":20", "--out", tmp_path / "o")
    _, _, said = run(*asked)
    assert "predicts at the level PBE/large (b); --level chooses another of PBE/small (a) and PBE/large (b)" in said
    first = read_spectrum(tmp_path / "o" / "ir.csv")
    assert first.header["level of apt"] == "PBE/large (b)"
    run(*asked, "--level", "small")  # made anew: the rates are others
    second = read_spectrum(tmp_path / "o" / "ir.csv")
    assert second.header["level of apt"] == "PBE/small (a)"
    assert abs(second.values() - first.values()).max() > 1e-3 * abs(first.values()).max()
    assert (tmp_path / "o" / "series-1.h5").exists()
    refused(run(*asked, "--level", "RPBE"), "--level RPBE means no level of theory of")
    alone = ResponseModel(replace(PRESETS["small"]["pgt"], species=(1, 8), cutoff=3.0), levels=(Level("c", "PBE0"),))
    write_model(tmp_path / "pgt.mym", alone, {})  # has no choice, and keeps its level
    run(*asked, "--pgt", tmp_path / "pgt.mym", "--level", "small")
    both = read_spectrum(tmp_path / "o" / "raman.csv").header
    assert (both["level of apt"], both["level of pgt"]) == ("PBE/small (a)", "PBE0 (c)")
    refused(run(*asked, "--pgt", tmp_path / "pgt.mym", "--level", "PBE0"), "--level PBE0 means no level of theory of")
