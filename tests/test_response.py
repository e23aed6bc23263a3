"""Rates, groups, and passes over a trajectory that can be stopped."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy import constants

from conftest import interrupted, moving_charges
from mimyria.elements import masses_of
from mimyria.errors import SpectrumError
from mimyria.frame import Frame
from mimyria.memory import Identity
from mimyria.rates import response
from mimyria.rates.checkpoint import PartStore
from mimyria.rates.groups import Grouping
from mimyria.rates.response import FRAMES_AT_ONCE, rate, response_series
from mimyria.rates.series import ResponseSeries, is_series, read_series, write_series
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import infrared
from mimyria.spectra.sampling import sampling
from mimyria.spectra.vdos import vibrational_density
from mimyria.trajectory.kinetics import kinetic_temperature, without_drift

SETTINGS, OTHER = Identity({"groups": ["species"]}), Identity({"groups": ["molecules"]})
NUMBERS = moving_charges(1, 1.0)[0][0].numbers


def series_of(frames: Iterable[Frame], folder: Path, again: Iterable[Frame] = ()) -> ResponseSeries:
    return response_series(
        iter(again),
        frames,
        targets=("apt",),
        grouping=Grouping.by_species(NUMBERS),
        timestep=1.0,
        lags=30,
        store=PartStore(folder, SETTINGS),
    )


@pytest.mark.parametrize("order", [1, 2, 3])
def test_rate_is_the_sum_of_tensor_times_velocity(order: int) -> None:
    rng = np.random.default_rng(0)
    tensor, velocities = rng.normal(size=(4, *[3] * (order + 1))), rng.normal(size=(4, 3))
    members = np.array([[1.0, 0, 1, 0], [0, 1, 0, 1]])
    expected = np.zeros((2, *[3] * order))
    for n in range(4):
        for x in range(3):
            expected[n % 2] += tensor[n, ..., x] * velocities[n, x]
    np.testing.assert_allclose(rate(tensor, velocities, members), expected, atol=1e-12)


def test_rate_of_point_charges(tmp_path: Path) -> None:
    frames, charges = moving_charges(20, 1.0)
    series = series_of(frames, tmp_path)
    assert frames[0].velocities is not None
    np.testing.assert_allclose(series.rates["apt"][:].sum(axis=1), np.tile(charges @ frames[0].velocities, (20, 1)))
    assert series.groups == ("H", "O", "Na", "Cl")
    # T = Σ m v² / ((3n - 3) k_B), by hand
    kinetic = (masses_of(NUMBERS) * (frames[0].velocities ** 2).sum(axis=1)).sum() * constants.atomic_mass * 1e10
    assert series.temperature[0] == pytest.approx(kinetic / ((3 * 32 - 3) * constants.k))


def test_constant_velocity_of_the_whole_changes_nothing(tmp_path: Path) -> None:
    frames, _ = moving_charges(10, 1.0)
    moved = [Frame(f.numbers, f.positions, f.cell, f.periodic, f.velocities + 0.05, f.time, f.tensors) for f in frames]  # type: ignore[operator]
    still, drifting = series_of(frames, tmp_path / "a"), series_of(moved, tmp_path / "b")
    np.testing.assert_allclose(drifting.rates["apt"][:], still.rates["apt"][:], atol=1e-12)
    np.testing.assert_allclose(drifting.velocity_correlation[:, :10], still.velocity_correlation[:, :10], rtol=1e-4)


def test_drift_and_temperature() -> None:
    masses = masses_of(np.array([1, 8, 17]))
    velocities = without_drift(np.random.default_rng(0).normal(size=(3, 3)) * 0.01, masses)
    np.testing.assert_allclose(masses @ velocities, 0, atol=1e-12)
    assert kinetic_temperature(2 * velocities, masses) == pytest.approx(4 * kinetic_temperature(velocities, masses))


def test_masses_of_the_file_are_used(tmp_path: Path) -> None:
    frames, _ = moving_charges(3, 1.0)
    heavy = [replace(frame, masses=2 * masses_of(NUMBERS)) for frame in frames]
    light, doubled = series_of(frames, tmp_path / "a"), series_of(heavy, tmp_path / "b")
    np.testing.assert_allclose(doubled.temperature, 2 * light.temperature)


def test_a_rate_that_is_not_a_number_names_its_frame(tmp_path: Path) -> None:
    frames, _ = moving_charges(3, 1.0)
    frames[2] = replace(frames[2], tensors={"apt": np.full((32, 3, 3), np.nan)})
    with pytest.raises(SpectrumError, match="frame at 2 fs: the APT gives a rate that is not a number"):
        series_of(frames, tmp_path)


def test_groups_are_partitions() -> None:
    frame = Frame(np.array([8, 1, 1, 16, 8]), np.zeros((5, 3)), np.eye(3), np.ones(3, dtype=bool))
    species = Grouping.by_species(frame.numbers)
    assert species.names == ("O", "H", "S")
    np.testing.assert_array_equal(species.weights(frame).sum(axis=0), np.ones(5))
    np.testing.assert_array_equal(Grouping.whole(frame.numbers).weights(frame), np.ones((1, 5)))


def test_a_stopped_pass_goes_on_where_it_stopped(tmp_path: Path) -> None:
    frames, _ = moving_charges(300, 1.0)
    whole = series_of(frames, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        series_of(interrupted(iter(frames), 170), tmp_path / "parts")
    assert PartStore(tmp_path / "parts", SETTINGS).n_frames == 170
    resumed = series_of(frames[170:], tmp_path / "parts", again=frames[:170])
    np.testing.assert_array_equal(resumed.rates["apt"][:], whole.rates["apt"][:])
    np.testing.assert_allclose(resumed.velocity_correlation, whole.velocity_correlation, rtol=1e-5)
    assert resumed.velocity_block_frames == whole.velocity_block_frames
    assert len(resumed.velocity_blocks) == 300 // whole.velocity_block_frames
    np.testing.assert_allclose(resumed.velocity_blocks, whole.velocity_blocks, rtol=1e-5)


def test_parts_of_other_settings_are_removed_or_insisted_on(tmp_path: Path) -> None:
    series_of(moving_charges(5, 1.0)[0], tmp_path / "p")
    with pytest.raises(
        SpectrumError, match=r"made with other settings: groups was \['species'\], now it is \['molecules'\]$"
    ):
        PartStore(tmp_path / "p", OTHER, insist=True)
    assert PartStore(tmp_path / "p", SETTINGS).n_frames == 5
    assert PartStore(tmp_path / "p", OTHER).n_frames == 0
    with pytest.raises(SpectrumError, match="is not there"):
        PartStore(tmp_path / "q", SETTINGS, insist=True)


def test_parts_of_an_earlier_version_are_not_mixed_in(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    series_of(moving_charges(5, 1.0)[0], tmp_path / "p")
    (tmp_path / "p" / "identity.json").rename(tmp_path / "p" / "settings.txt")
    with pytest.raises(SpectrumError, match="made by another version"):
        PartStore(tmp_path / "p", SETTINGS, insist=True)
    assert PartStore(tmp_path / "p", SETTINGS).n_frames == 0
    assert "it is removed" in caplog.text
    assert not (tmp_path / "p" / "settings.txt").exists()


def test_frames_before_one_that_fails_are_kept(tmp_path: Path) -> None:
    frames, _ = moving_charges(60, 1.0)
    frames[50] = replace(frames[50], tensors={"apt": np.full((32, 3, 3), np.inf)})
    with pytest.raises(SpectrumError, match="frame at 50 fs"):
        series_of(frames, tmp_path)
    assert PartStore(tmp_path, SETTINGS).n_frames == 50 - 50 % FRAMES_AT_ONCE


def test_parts_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response, "ROWS_PER_PART", 2)
    series = series_of(moving_charges(5 * FRAMES_AT_ONCE + 3, 1.0)[0], tmp_path)
    assert PartStore(tmp_path, SETTINGS).lengths == [2 * FRAMES_AT_ONCE, 2 * FRAMES_AT_ONCE, FRAMES_AT_ONCE + 3]
    assert len(series) == 5 * FRAMES_AT_ONCE + 3


def test_a_half_written_part_does_not_count(tmp_path: Path) -> None:
    series_of(moving_charges(5, 1.0)[0], tmp_path / "p")
    (tmp_path / "p" / ".000001.npz.part").write_bytes(b"half")
    assert PartStore(tmp_path / "p", SETTINGS).n_frames == 5


def test_no_frames_and_no_velocities_are_refused(tmp_path: Path) -> None:
    frames, _ = moving_charges(2, 1.0)
    with pytest.raises(SpectrumError, match="no frames"):
        series_of([], tmp_path / "a")
    bare = Frame(frames[0].numbers, frames[0].positions, frames[0].cell, frames[0].periodic, tensors=frames[0].tensors)
    with pytest.raises(SpectrumError, match="no velocities"):
        series_of([bare], tmp_path / "b")


def test_series_file_round_trip(tmp_path: Path) -> None:
    one = series_of(moving_charges(40, 1.0)[0], tmp_path / "p")
    write_series(tmp_path / "series.h5", [one, one])
    again = read_series(tmp_path / "series.h5")
    assert len(again) == 2
    for name, value in vars(again[1]).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, getattr(one, name))
        elif name == "counts":
            assert all(np.array_equal(value[group], one.counts[group]) for group in one.group_names)
        elif name != "rates":
            assert value == getattr(one, name)
    np.testing.assert_array_equal(again[0].rates["apt"][:], one.rates["apt"][:])
    assert is_series(tmp_path / "series.h5")


def test_species_temperatures_share_out_the_whole(tmp_path: Path) -> None:
    """Σ f_s T_s = (3n - 3) T."""
    frames, _ = moving_charges(3, 1.0)
    series = series_of(frames, tmp_path)
    masses = masses_of(NUMBERS)
    members = Grouping.by_species(NUMBERS).weights(frames[0])
    freedom = 3 * (members.sum(axis=1) - members @ masses / masses.sum())
    assert series.species_temperature is not None
    assert freedom.sum() == pytest.approx(3 * 32 - 3)
    np.testing.assert_allclose(series.species_temperature @ freedom, (3 * 32 - 3) * series.temperature, rtol=1e-5)


def test_series_of_earlier_versions_are_read(tmp_path: Path) -> None:
    write_series(tmp_path / "series.h5", [series_of(moving_charges(40, 1.0)[0], tmp_path / "p")])
    with h5py.File(tmp_path / "series.h5", "a") as file:
        for name in ("species_temperature", "cell", "count", "velocity_blocks"):
            del file[f"trajectory_0000/{name}"]
        for name in ("molecular", "origin"):
            del file["trajectory_0000"].attrs[name]
    series = read_series(tmp_path / "series.h5")
    assert series[0].species_temperature is None
    how = sampling(series, None, None)
    assert {"n_alpha[H,O]", "n_alpha_error"} <= set(infrared(series, Conditions(300.0), how).columns)
    assert np.isnan(vibrational_density(series, Conditions(300.0), how).columns["vdos_error"]).all()


def test_other_files_are_not_series(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    (tmp_path / "text.h5").write_text("nothing")
    assert not is_series(tmp_path / "other.h5")
    assert not is_series(tmp_path / "text.h5")
    with pytest.raises(SpectrumError, match="not a series"):
        read_series(tmp_path / "other.h5")
    with pytest.raises(SpectrumError, match="cannot be read as a series"):
        read_series(tmp_path / "text.h5")
    with pytest.raises(SpectrumError, match="does not exist"):
        read_series(tmp_path / "absent.h5")
