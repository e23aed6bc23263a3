"""Cells from lengths and angles, from numbers, and from CP2K's file of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts import TIMESTEP, TRICLINIC, made_up_run, write_cp2k, write_ipi
from mimyria.errors import ConfigError, TrajectoryError
from mimyria.files.cells import cell_matrix, cell_of_angles
from mimyria.settings import SpectrumSettings
from mimyria.trajectory import Trajectory, open_trajectories


def test_vectors_have_the_lengths_and_angles() -> None:
    numbers = [7.0, 8.0, 9.0, 70.0, 80.0, 110.0]
    cell = cell_of_angles(numbers)
    lengths = np.linalg.norm(cell, axis=1)
    cosines = [cell[i] @ cell[j] / (lengths[i] * lengths[j]) for i, j in ((1, 2), (0, 2), (0, 1))]
    np.testing.assert_allclose([*lengths, *np.degrees(np.arccos(cosines))], numbers)
    np.testing.assert_array_equal(cell[np.triu_indices(3, 1)], 0)
    assert np.linalg.det(cell) > 0


def test_a_right_angle_is_exact() -> None:
    np.testing.assert_array_equal(cell_of_angles([7, 8, 9, 90, 90, 90]), np.diag([7.0, 8, 9]))


@pytest.mark.parametrize(
    "numbers", [(9, 9, 9, 90, 90, 200), (9, 9, 9, 20, 90, 150), (9, 0, 9, 90, 90, 90), (9, 9, float("nan"), 90, 90, 90)]
)
def test_an_impossible_cell_is_refused(numbers: Any) -> None:
    with pytest.raises(TrajectoryError, match="are not the lengths and angles"):
        cell_of_angles(numbers)


def test_three_six_or_nine_numbers() -> None:
    np.testing.assert_array_equal(cell_matrix([7, 8, 9]), np.diag([7.0, 8, 9]))
    np.testing.assert_array_equal(cell_matrix([7, 8, 9, 70, 80, 110]), cell_of_angles([7, 8, 9, 70, 80, 110]))
    np.testing.assert_array_equal(cell_matrix(np.arange(9) ** 2), (np.arange(9) ** 2).reshape(3, 3))
    with pytest.raises(TrajectoryError, match="--cell takes three lengths, with or without angles, or nine"):
        cell_matrix([9, 9])
    with pytest.raises(TrajectoryError, match="--cell 9 9 0 has no volume"):
        cell_matrix([9, 9, 0])


RUN = [replace(frame, cell=TRICLINIC * (1 + 0.003 * k)) for k, frame in enumerate(made_up_run())]


def cell_file(path: Path, run: list[Any], form: str = "{step:8d} {time:12.3f} {cell} {volume:20.10f}") -> Path:
    lines = ["#   Step   Time [fs]       Ax [Angstrom] ...      Volume [Angstrom^3]"]
    for frame in run:
        cell = " ".join(f"{x:19.10f}" for x in frame.cell.ravel())
        lines.append(form.format(step=round(2 * frame.time), time=frame.time, cell=cell, volume=frame.volume))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    """Two files of CP2K without a cell."""
    write_cp2k(tmp_path / "pos.xyz", RUN, "positions")
    write_cp2k(tmp_path / "vel.xyz", RUN, "velocities")
    return {"path": tmp_path / "pos.xyz", "velocities": tmp_path / "vel.xyz"}


@pytest.mark.parametrize("as_text", [False, True])
def test_every_frame_has_the_cell_of_its_time(tmp_path: Path, files: dict[str, Any], as_text: bool) -> None:
    """More cells than frames, in any order; a restart writes some again, after others."""
    wrong = [replace(frame, cell=2 * frame.cell) for frame in RUN[2:4]]
    between = [replace(frame, time=frame.time + 1) for frame in wrong]
    path = cell_file(tmp_path / "run-1.cell", [*RUN[:2], *wrong, *between, *RUN[2:]])
    trajectory = Trajectory(**files, cell=str(path) if as_text else path)
    for ours, theirs in zip(trajectory.frames(), RUN, strict=True):
        np.testing.assert_allclose(ours.cell, theirs.cell, atol=1e-9)
        assert ours.periodic.all()
    (frame,) = trajectory.frames(3, 4)
    np.testing.assert_allclose(frame.cell, RUN[3].cell, atol=1e-9)


def test_frames_that_count_steps_have_the_cell_of_their_step(tmp_path: Path) -> None:
    write_ipi(tmp_path / "pos.xyz", RUN, "positions")
    path = cell_file(tmp_path / "a.cell", [replace(frame, time=4 * frame.time) for frame in RUN])
    trajectory = Trajectory(tmp_path / "pos.xyz", cell=path, timestep=TIMESTEP)
    for ours, theirs in zip(trajectory.frames(), RUN[1:-1], strict=True):
        np.testing.assert_allclose(ours.cell, theirs.cell, atol=1e-9)


def test_a_frame_without_a_cell_is_named(tmp_path: Path, files: dict[str, Any]) -> None:
    short = Trajectory(**files, cell=cell_file(tmp_path / "short.cell", RUN[:5]))
    with pytest.raises(
        TrajectoryError, match=r"frame 5: \S*short.cell has no cell for time 10 fs, but 5 from 0 to 8 fs; .*--frames"
    ):
        list(short.frames())
    assert len(list(short.frames(0, 5))) == 5
    rare = Trajectory(**files, cell=cell_file(tmp_path / "rare.cell", RUN[::2]))
    with pytest.raises(TrajectoryError, match=r"frame 1: .* has no cell for time 2 fs, but 4 from 0 to 12 fs"):
        list(rare.frames())
    (tmp_path / "plain.xyz").write_text("1\n\nH 1 2 3\n")
    with pytest.raises(TrajectoryError, match="frame 0: states neither time nor step, by which"):
        Trajectory(tmp_path / "plain.xyz", cell=tmp_path / "rare.cell", timestep=1.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "takes numbers, or a .cell file of CP2K: lines of step, time"),
        (b"# Step\n", "takes numbers, or a .cell file"),
        (b"0 0.0 9 0 0 0 9 0 0 0\n", "takes numbers, or a .cell file"),
        (b"0 0.0 9 0 0 0 9 0 0 0 9 729\n4 2.0 9 0 0\n", "takes numbers, or a .cell file"),
        (b"%BLOCK LATTICE_CART\n9 0 0\n", "takes numbers, or a .cell file"),
        (b"\xff\xfe\x00", "takes numbers, or a .cell file"),
        (b"0 0.0 0 0 0 0 9 0 0 0 9 0\n", "frame 0: no cell, or one without volume"),
        (b"0 0.0 nan 0 0 0 9 0 0 0 9 0\n", "takes numbers, or a .cell file"),
    ],
)
def test_a_file_that_is_none_of_cells(
    tmp_path: Path, files: dict[str, Any], content: bytes | None, message: str
) -> None:
    path = tmp_path / "a.cell"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TrajectoryError, match=message):
        Trajectory(**files, cell=path)


def test_cells_belong_to_one_trajectory(tmp_path: Path, files: dict[str, Any]) -> None:
    reading = SpectrumSettings(cell=cell_file(tmp_path / "a.cell", RUN))
    with pytest.raises(ConfigError, match=r"a\.cell holds the cells of one trajectory, but 2 are given"):
        open_trajectories([files["path"]] * 2, reading)


def test_cells_are_no_trajectory(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TrajectoryError, match=r"\.cell: holds the cells of a run of CP2K, .*--cell"):
        Trajectory(cell_file(tmp_path / "run-1.cell", RUN))
    assert capfd.readouterr() == ("", "")
