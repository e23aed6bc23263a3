"""Rates of tensors and velocities, and passes over a trajectory that can be stopped."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import constants

from conftest import interrupted, moving_charges
from ensembles import SETTINGS, made_series, series_of
from mimyria.elements import masses_of
from mimyria.errors import SpectrumError
from mimyria.frame import Frame
from mimyria.rates import response
from mimyria.rates.checkpoint import PartStore
from mimyria.rates.contraction import FRAMES_AT_ONCE, rate
from mimyria.rates.groups import Grouping

NUMBERS = moving_charges(1, 1.0)[0][0].numbers


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
    single = [values.astype(np.float32) for values in (tensor, velocities, members)]
    np.testing.assert_allclose(rate(*single), expected, atol=1e-5)


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


def test_no_frames_and_no_velocities_are_refused(tmp_path: Path) -> None:
    frames, _ = moving_charges(2, 1.0)
    with pytest.raises(SpectrumError, match="no frames"):
        series_of([], tmp_path / "a")
    bare = Frame(frames[0].numbers, frames[0].positions, frames[0].cell, frames[0].periodic, tensors=frames[0].tensors)
    with pytest.raises(SpectrumError, match="no velocities"):
        series_of([bare], tmp_path / "b")


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


def test_a_series_says_what_it_holds() -> None:
    series = made_series({"apt": np.zeros((50, 3))}, 4.0)
    assert repr(series) == "<ResponseSeries: 50 frames every 4 fs, 3 atoms, rates of apt in all, 300.0 K>"
