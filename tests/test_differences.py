"""Velocities from differences of positions: the known factor, across the faces of a cell."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts import atoms_of, made_up_run
from mimyria.errors import TrajectoryError
from mimyria.formats import write_frames
from mimyria.frame import Frame
from mimyria.trajectory import Trajectory
from mimyria.trajectory.differences import attenuation, central_differences, minimum_image
from mimyria.units import LIGHT_SPEED


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("step", [1, 2, 5])
def test_differences_are_the_velocities_times_the_known_factor(tmp_path: Path, wrapped: bool, step: int) -> None:
    wavenumber, interval = 3500.0, 1.5
    omega = 2 * np.pi * LIGHT_SPEED * wavenumber
    run = made_up_run(40)
    atoms, amplitude = atoms_of(run[0]), 0.1 * np.random.default_rng(5).normal(size=(6, 3))
    centre = np.array([0.0, 0.01, 4.0])  # at a face of the cell
    frames: list[Any] = []
    truth = []
    for index, frame in enumerate(run):
        phase = omega * index * interval
        atoms.positions = centre + amplitude * np.sin(phase)
        if wrapped:
            atoms.wrap()
        truth.append(amplitude * omega * np.cos(phase))
        frames.append(replace(frame, positions=atoms.positions.copy(), velocities=None, time=None))
    write_frames(tmp_path / "a.xyz", frames)
    trajectory = Trajectory(tmp_path / "a.xyz", timestep=interval)
    made: list[Any] = list(trajectory.frames(step=step))
    factor = np.sin(omega * interval) / (omega * interval)
    assert attenuation(wavenumber, interval) == pytest.approx(factor)
    assert [frame.time for frame in made] == [index * interval for index in range(0, 39, step) if index]
    for frame in made:
        np.testing.assert_allclose(frame.velocities, factor * truth[round(frame.time / interval)], atol=1e-7)


def test_the_loss_by_differences_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_frames(tmp_path / "a.xyz", [replace(frame, velocities=None) for frame in made_up_run()])
    trajectory = Trajectory(tmp_path / "a.xyz")
    list(trajectory.frames())
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"{attenuation(3500.0, 2.0):.3f}" in record.getMessage()


def test_the_minimum_image_in_a_cell_of_60_degrees() -> None:
    """Short vectors, moved by whole lattice vectors, come back; across a face that does not repeat they stay."""
    random = np.random.default_rng(0)
    short = random.uniform(-1.0, 1.0, (200, 3))
    shifts = random.integers(-3, 4, (200, 3))
    (frame,) = made_up_run(1)
    np.testing.assert_allclose(minimum_image(short + shifts @ frame.cell, frame), short, atol=1e-12)
    slab = replace(frame, periodic=np.array([True, True, False]))
    np.testing.assert_allclose(
        minimum_image(short + shifts @ frame.cell, slab), short + shifts * [0, 0, 1] @ frame.cell, atol=1e-12
    )


def stored_frames(read: list[int], fails: int, *, missing: int = -1) -> Callable[..., Iterator[tuple[int, Frame]]]:
    """Twelve frames, less a missing one, that take down what is read of them; from one on they are damaged."""

    def stored(indices: Iterable[int]) -> Iterator[tuple[int, Frame]]:
        for index in indices:
            if index == fails:
                raise TrajectoryError("damaged")
            if index < 12 and index != missing:
                read.append(index)
                yield index, run[index]
            elif index >= 12:
                return

    run = made_up_run(12)
    return stored


@pytest.mark.parametrize("part", [(0, None, 1), (0, 9, 1), (2, 9, 3), (5, 6, 1), (1, None, 4), (0, 30, 2), (3, 3, 1)])
def test_neighbours_are_read_and_no_other_frame(part: tuple[int, int | None, int]) -> None:
    read: list[int] = []
    made = central_differences(stored_frames(read, 100), *part, 2.0)
    wanted = range(12)[slice(*part)]
    assert [index for index, _ in made] == [index for index in wanted if 0 < index < 11]
    assert read == sorted({near for index in wanted if index for near in (index - 1, index, index + 1) if near < 12})


def test_no_difference_spans_a_missing_frame() -> None:
    made = central_differences(stored_frames([], 100, missing=6), 0, None, 1, 2.0)
    assert [index for index, _ in made] == [1, 2, 3, 4, 8, 9, 10]


def test_a_damaged_neighbour_beyond_the_range_is_the_end() -> None:
    made = central_differences(stored_frames([], 8), 0, 8, 1, 2.0)
    assert [index for index, _ in made] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(("fails", "stop"), [(8, 9), (8, 11), (8, None), (7, 8), (0, 8), (0, None)])
def test_a_damaged_frame_within_the_range_is_an_error(fails: int, stop: int | None) -> None:
    with pytest.raises(TrajectoryError, match="damaged"):
        list(central_differences(stored_frames([], fails), int(not fails), stop, 1, 2.0))
