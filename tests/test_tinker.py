"""Files of Tinker: cells, names of its force fields, older files of velocities, and what is no file of Tinker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contracts import TIMESTEP, TRICLINIC, made_up_run, write_tinker
from mimyria.errors import TrajectoryError
from mimyria.files.source import Source
from mimyria.formats import read_frames
from mimyria.formats.readers import find_reader
from mimyria.trajectory import Trajectory

ROWS = "     1  O     0.5 1.5 2.5   1   2   3\n     2  H     0.1 0.2 0.3   2   1\n     3  HN    1.0 2.0 3.0  2  1\n"
CELL = "   9.000000   10.000000   11.000000   90.000000   90.000000   90.000000\n"


def arc(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize("title", ["     3", "     3  Water, 2 of them", "3\t"])
@pytest.mark.parametrize("cell", ["", CELL])
def test_a_title_and_a_cell_may_be_there(tmp_path: Path, title: str, cell: str) -> None:
    path = arc(tmp_path / "a.xyz", f"{title}\n{cell}{ROWS}" * 3)
    frames = list(read_frames(path, species={"HN": "H"}))
    assert len(frames) == 3
    for frame in frames:
        np.testing.assert_array_equal(frame.numbers, [8, 1, 1])
        np.testing.assert_array_equal(frame.positions[1], [0.1, 0.2, 0.3])
        np.testing.assert_allclose(frame.cell, np.diag([9.0, 10, 11]) if cell else np.zeros((3, 3)))
        assert frame.periodic.all() == bool(cell)


@pytest.mark.parametrize(
    ("name", "numbers"), [("Na+", 11), ("Cl-", 17), ("Mg+2", 12), ("Ca2+", 20), ("O", 8), ("Zn", 30), ("h", 1)]
)
def test_ions_are_elements(tmp_path: Path, name: str, numbers: int) -> None:
    (frame,) = read_frames(arc(tmp_path / "a.arc", f"1 x\n{CELL} 1 {name} 0.0 0.0 0.0 7\n"))
    assert frame.numbers == [numbers]


@pytest.mark.parametrize("name", ["CA", "HO", "CL", "HN", "OW"])
def test_names_of_a_force_field_are_asked_for(tmp_path: Path, name: str) -> None:
    """CA is an alpha carbon, and calcium as well; HO is hydrogen, and never holmium."""
    path = arc(tmp_path / "a.arc", f"1 x\n{CELL} 1 {name} 0.0 0.0 0.0 7\n")
    with pytest.raises(
        TrajectoryError, match=rf"the element of atom 0, named '{name}', is not known; give --species {name}"
    ):
        list(read_frames(path))
    (frame,) = read_frames(path, species={name: "C"})
    assert frame.numbers == [6]


def test_older_files_of_velocities_have_exponents_of_fortran(tmp_path: Path) -> None:
    path = arc(tmp_path / "a.arc", f"     2  title\n{CELL}" + "".join(ROWS.splitlines(keepends=True)[:2]))
    rows = "     1  O     0.100000D+01   -0.250000D+00    0.000000D+00\n     2  H    0.1D+02   0.1D-02   -0.3D+01\n"
    velocities = arc(tmp_path / "a.vel", f"     2  title\n{rows}")
    (frame,) = Trajectory(path, velocities=velocities, timestep=1.0).frames()
    np.testing.assert_allclose(frame.velocities, [[1e-3, -0.25e-3, 0], [1e-2, 1e-6, -3e-3]])
    with pytest.raises(TrajectoryError, match=r"a\.vel: .*leave --velocity-unit au out, it is A/ps"):
        Trajectory(path, velocities=velocities, timestep=1.0, velocity_unit="au")


def test_files_in_each_others_place(tmp_path: Path) -> None:
    write_tinker(tmp_path / "a.arc", made_up_run())
    write_tinker(tmp_path / "a.vel", made_up_run(), "velocities")
    with pytest.raises(
        TrajectoryError, match=r"a\.vel: holds velocities; give the \.arc file, and this one with --vel"
    ):
        Trajectory(tmp_path / "a.vel", timestep=TIMESTEP)
    with pytest.raises(TrajectoryError, match=r"a\.arc: holds positions; --velocities takes the \.vel file"):
        Trajectory(tmp_path / "a.arc", velocities=tmp_path / "a.arc", timestep=TIMESTEP)
    write_tinker(tmp_path / "b.xyz", made_up_run())
    with pytest.raises(TrajectoryError, match=r"b\.xyz, frame 0: holds the same numbers as .*a\.arc, positions"):
        Trajectory(tmp_path / "a.arc", velocities=tmp_path / "b.xyz", timestep=TIMESTEP)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (CELL, CELL.replace("9.0", "x"), "frame 1: the line after the title is not a cell"),
        (CELL, CELL.replace("10.000000   11", "10.000000   -11"), "frame 1: 9 10 -11 90 90 90 are not the lengths"),
        ("0.3 ", "what ", r"frame 1: line 9: 'what' is not a number"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    one = f"     3  title\n{CELL}{ROWS.replace('HN', 'H')}"
    path = arc(tmp_path / "a.arc", one + one.replace(old, new))
    with pytest.raises(TrajectoryError, match=message):
        list(read_frames(path))


def test_a_file_that_is_cut(tmp_path: Path) -> None:
    one = f"     3  title\n{CELL}{ROWS.replace('HN', 'H')}"
    path = arc(tmp_path / "a.arc", one * 2 + one[: len(one) // 2])
    with pytest.raises(TrajectoryError, match=r"cut in the middle of frame 2: .*`--frames 0:2`"):
        list(read_frames(path))


@pytest.mark.parametrize(
    "text",
    [
        "1\n1 H 0 0\nH 0.0 0.0 0.0\n",
        "2\n\nH 0.0 0.0 0.0\nO 1.0 1.0 1.0\n",
        "1\n 9.0 9.0 9.0 90.0 90.0 90.0\nO 0. 0. 0.\n",
    ],
)
def test_plain_xyz_is_not_of_tinker(tmp_path: Path, text: str) -> None:
    assert find_reader(Source(arc(tmp_path / "a.xyz", text))).name == "extxyz"


def test_the_cell_is_tinkers(tmp_path: Path) -> None:
    write_tinker(tmp_path / "a.arc", made_up_run(1))
    (frame,) = read_frames(tmp_path / "a.arc")
    np.testing.assert_allclose(frame.cell, TRICLINIC, atol=1e-7)
