"""Wrong trajectories on their way to spectra: restarts, gaps, interruptions, wrapped positions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import DATA, moving_charges
from mimyria.errors import Interrupted, TrajectoryError
from mimyria.formats import read_frames, write_frames
from mimyria.pipeline import make_spectra
from mimyria.rates import contraction, response
from mimyria.rates.series import ResponseSeries, read_series
from mimyria.rates.usable_segments import find_usable_segments
from mimyria.settings import SpectrumSettings
from mimyria.trajectory import Trajectory

TIMESTEP = 2.0

Make = Callable[..., list[ResponseSeries]]


@pytest.fixture(scope="module")
def run() -> list[Any]:
    """Point charges that swing, each at its own pace: no two frames have the same rate."""
    frames, charges = moving_charges(240, TIMESTEP)
    frequency = 0.1 + 0.3 * np.random.default_rng(3).random((len(charges), 1))
    first: Any = frames[0]
    swinging = []
    for frame in frames:
        phase = frequency * frame.time
        positions = first.positions + first.velocities / frequency * np.sin(phase)
        swinging.append(replace(frame, positions=positions, velocities=first.velocities * np.cos(phase)))
    return swinging


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write frames as one trajectory, or several, and return the series made of them."""

    def write_and_make(*trajectories: list[Any], folder: str = "out", **settings: Any) -> list[ResponseSeries]:
        paths = []
        for number, frames in enumerate(trajectories):
            paths.append(tmp_path / f"{folder}-{number}.xyz")
            write_frames(paths[-1], frames)
        make_spectra(paths, tmp_path / folder, SpectrumSettings(apt="frames", temperature=300.0, **settings))
        return read_series(tmp_path / folder / "series.h5")

    return write_and_make


def same(ours: list[ResponseSeries], theirs: list[ResponseSeries]) -> None:
    """Every number is the same, in every bit."""
    for one, other in zip(ours, theirs, strict=True):
        assert (len(one), one.timestep) == (len(other), other.timestep)
        np.testing.assert_array_equal(one.rates["apt"][:], other.rates["apt"][:])
        np.testing.assert_array_equal(one.velocity_correlation, other.velocity_correlation)
        np.testing.assert_array_equal(one.volume, other.volume)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("with_velocities", [True, False])
def test_a_restart_changes_nothing(make: Make, run: list[Any], stride: int, with_velocities: bool) -> None:
    if not with_velocities:
        run = [replace(frame, velocities=None) for frame in run]
    clean = make(run, folder="clean", stride=stride)
    same(make(run[:151] + run[140:], folder="restart", stride=stride), clean)
    doubled = [frame for frame in run for _ in range(2)]
    same(make(doubled, folder="doubled", stride=stride), clean)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("with_velocities", [True, False])
def test_a_gap_splits(make: Make, run: list[Any], stride: int, with_velocities: bool) -> None:
    if not with_velocities:
        run = [replace(frame, velocities=None) for frame in run]
    two = make(run[:100], run[115:], folder="two", stride=stride)
    same(make(run[:100] + run[115:], folder="gap", stride=stride), two)


def test_stored_frames_are_what_frames_counts(make: Make, run: list[Any]) -> None:
    stored = run[:151] + run[140:]
    same(make(stored, folder="a", frames=(100, 200)), make(run[100:189], folder="b"))
    same(make(stored, folder="c", frames=(160, None)), make(run[149:], folder="d"))


@pytest.mark.parametrize("pressed_at", [30, 90, 200])
def test_an_interruption_changes_no_bit(
    make: Make, run: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pressed_at: int
) -> None:
    """In the first segment, at the restart in it, and in the second segment."""
    wrong = run[:101] + run[90:140] + run[150:]
    whole = make(wrong, folder="whole")
    monkeypatch.setattr(response, "SECONDS_PER_PART", 0.0)
    monkeypatch.setattr(contraction, "FRAMES_AT_ONCE", 1)
    rates, calls = contraction.rates_of_groups, iter(range(1000))

    def pressed(*arguments: np.ndarray) -> np.ndarray:
        if next(calls) == pressed_at:
            raise KeyboardInterrupt
        return rates(*arguments)

    monkeypatch.setattr(contraction, "rates_of_groups", pressed)
    with pytest.raises(Interrupted):
        make(wrong, folder="stopped")
    monkeypatch.setattr(contraction, "rates_of_groups", rates)
    make_spectra(
        [tmp_path / "stopped-0.xyz"],
        tmp_path / "stopped",
        SpectrumSettings(apt="frames", temperature=300.0),
        resume=True,
    )
    same(read_series(tmp_path / "stopped" / "series.h5"), whole)


def test_a_branch_that_was_abandoned_later_is_not_gone_on_with(
    make: Make, run: list[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is computed, killed before its end is written, goes on from an old checkpoint, and is computed again."""
    branch = [replace(frame, velocities=0.9 * frame.velocities) for frame in run[100:150]]
    with monkeypatch.context() as patch:
        patch.setattr("mimyria.pipeline.write_series", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            make(run[:100] + branch)
    again = make(run[:100] + branch + run[100:])
    assert "holds an unfinished run with other settings" in caplog.text
    same(again, make(run, folder="clean"))


def test_a_trajectory_that_has_grown_is_resumed_and_one_that_has_changed_is_not(
    make: Make, run: list[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole file of the first pass is the beginning of the later ones; of finished rates the same is true."""

    def make_half(*trajectories: list[Any], folder: str) -> None:
        with monkeypatch.context() as patch:
            patch.setattr("mimyria.pipeline.write_series", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                make(*trajectories, folder=folder)

    clean = make(run, folder="clean")
    make_half(run[:160], folder="grown")
    with caplog.at_level(logging.INFO, "mimyria"):
        same(make(run, folder="grown"), clean)
    assert "resuming after 160 frames" in caplog.text
    assert not (tmp_path / "grown" / "series-1.h5").exists()
    same(make(run[:200], folder="grown"), make(run[:200], folder="shorter"))
    assert (tmp_path / "grown" / "series-1.h5").exists()
    make(run, folder="shorter")
    assert not (tmp_path / "shorter" / "series-1.h5").exists()
    other = [replace(frame, velocities=0.9 * frame.velocities) for frame in run]
    make_half(other[:160], folder="changed")
    same(make(run, folder="changed"), clean)
    assert "changed/unfinished/0000 holds an unfinished run with other settings" in caplog.text


def test_short_pieces_are_left_out(run: list[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_frames(tmp_path / "a.xyz", run[:150] + run[160:170] + run[180:])

    def lengths(resolution: float | None, timestep: float = 2.0, window: str = "gaussian") -> list[int | None]:
        trajectory = Trajectory(tmp_path / "a.xyz", timestep=timestep)
        caplog.clear()
        settings = SpectrumSettings(stride=1, resolution=resolution, window=window)
        return [segment.n_frames for segment in find_usable_segments(trajectory, settings)]

    # the window of 500 cm⁻¹ is 2323 fs/25 = 93 fs, that of 2000 cm⁻¹ 23 fs: 20 fs are too short for either
    assert lengths(500.0) == [150, 60]
    assert "a.xyz: 1 of 3 segments are left out, 20 fs in all: each is shorter than the 96 fs" in caplog.text
    assert lengths(2200.0) == [150, 60]
    assert lengths(2200.0, window="hann") == [150, 10, 60]  # ends 1.4 times earlier
    assert lengths(3000.0) == [150, 10, 60]
    assert "left out" not in caplog.text
    # 4.6 ps are wanted for 20 cm⁻¹, which none has: segments half as long as the longest
    assert lengths(None) == [150]
    assert "2 of 3 segments are left out, 140 fs in all: each is shorter than the 150 fs" in caplog.text
    assert lengths(None, timestep=40.0) == [150]  # 6 ps, 0.4 ps, 2.4 ps
    assert lengths(20.0, timestep=40.0) == [150, 60]


def test_tensors_between_the_frames_of_the_stride_are_not_needed(
    make: Make, run: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """With all of them, what is aliased is measured along both trajectories."""
    every_third = [frame if k % 3 == 0 else replace(frame, tensors={}) for k, frame in enumerate(run)]
    with caplog.at_level(logging.INFO, "mimyria"):
        some = make(every_third, every_third, stride=3)
        assert "is aliased below it" not in caplog.text
        same(some, make(run, run, stride=3, folder="all"))
    assert caplog.text.count("is aliased below it") == 2


def test_a_range_after_the_end(run: list[Any], tmp_path: Path) -> None:
    write_frames(tmp_path / "a.xyz", run[:10])
    with pytest.raises(TrajectoryError, match=r"a\.xyz: it ends before frame 10"):
        Trajectory(tmp_path / "a.xyz").segments(10)


def test_swapped_atoms_are_told(make: Make, run: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    """Of one element, so that nothing else shows it."""
    order = np.arange(32)
    order[[0, 4]] = [4, 0]
    swapped = [
        frame if frame.time < 200 else replace(frame, positions=frame.positions[order], velocities=frame.velocities)
        for frame in run
    ]
    make(swapped)
    (text,) = (record.getMessage() for record in caplog.records if "jump" in record.getMessage())
    assert "frame 100: 2 of 32 atoms jump, atom 0 by" in text
    with pytest.raises(TrajectoryError, match=r"frame 100: 2 of 32 atoms jump.*; no velocities can be made"):
        make([replace(frame, velocities=None) for frame in swapped], folder="differences")


@pytest.mark.parametrize("with_velocities", [True, False])
def test_wrapped_and_unwrapped_positions_give_the_same(make: Make, tmp_path: Path, with_velocities: bool) -> None:
    """Atoms that the run carried over a face, and whole molecules put cells away; the bundled models predict."""
    frames: list[Any] = list(islice(read_frames(DATA / "water32.extxyz.xz"), 12))
    if not with_velocities:
        frames = [replace(frame, velocities=None) for frame in frames]
    away = np.random.default_rng(1).integers(-2, 3, (96, 3))
    wrapped, unwrapped = [], []
    for frame in frames:
        cell, shift = frame.cell, np.array([0.0, 0.0, 0.3 * (frame.time or 0.0) / 4.0])
        inside = (frame.positions + shift) @ np.linalg.inv(cell) % 1.0 @ cell
        wrapped.append(replace(frame, positions=inside))
        unwrapped.append(replace(frame, positions=frame.positions + shift + away @ cell))
    series = []
    for name, version in (("wrapped", wrapped), ("unwrapped", unwrapped)):
        write_frames(tmp_path / f"{name}.xyz", version)
        settings = SpectrumSettings(apt="water", temperature=300.0, stride=1)
        make_spectra([tmp_path / f"{name}.xyz"], tmp_path / name, settings)
        series += read_series(tmp_path / name / "series.h5")
    one, other = (each.rates["apt"][:] for each in series)
    assert abs(one).max() > 0
    np.testing.assert_allclose(one, other, atol=1e-4 * abs(one).max())  # single precision


def test_the_volume_of_every_frame_is_kept(make: Make, run: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    breathing = [replace(frame, cell=frame.cell * (1 + 0.004 * np.sin(0.01 * frame.time))) for frame in run]
    (series,) = make(breathing)
    np.testing.assert_allclose(series.volume, [frame.volume for frame in breathing], rtol=1e-8)
    assert "the volume varies by 2.4 %" in caplog.text


def test_the_cell_of_the_flag_and_that_of_the_file(
    make: Make, run: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    (series,) = make(run, cell=(13.0, 13.0, 13.0))
    assert "--cell overrides the cell in the file, 12 0 0 0 12 0 0 0 12" in caplog.text
    np.testing.assert_allclose(series.volume, 13.0**3)
