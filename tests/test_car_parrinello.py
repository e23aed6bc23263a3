"""CPMD and cp.x: what is no file of theirs, and what is wrong in one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts import TIMESTEP, TRICLINIC, atoms_of, made_up_run, write_cp, write_cpmd
from mimyria.errors import TrajectoryError
from mimyria.files.source import Source
from mimyria.formats.readers import find_reader
from mimyria.trajectory import Trajectory

RUN = made_up_run()


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    atoms_of(RUN[0]).write(tmp_path / "top.xyz", format="xyz")
    return {"topology": tmp_path / "top.xyz", "cell": TRICLINIC, "timestep": TIMESTEP}


def test_forces_beside_the_velocities(tmp_path: Path, given: dict[str, Any]) -> None:
    write_cpmd(tmp_path / "FTRAJECTORY", RUN, forces=True)
    for ours, theirs in zip(Trajectory(tmp_path / "FTRAJECTORY", **given).frames(), RUN, strict=True):
        np.testing.assert_allclose(ours.positions, theirs.positions, atol=1e-9)
        np.testing.assert_allclose(ours.velocities, theirs.velocities, atol=1e-9)


def test_the_atoms_are_asked_for(tmp_path: Path, given: dict[str, Any]) -> None:
    write_cpmd(tmp_path / "TRAJECTORY", RUN)
    write_cp(tmp_path / "a.pos", RUN)
    for name in ("TRAJECTORY", "a.pos"):
        with pytest.raises(TrajectoryError, match=f"{name}: names no atoms; give --topology FILE"):
            Trajectory(tmp_path / name, cell=TRICLINIC, timestep=TIMESTEP)
    (tmp_path / "top.xyz").write_text("2\n\nO 0 0 0\nH 0 0 1\n")
    with pytest.raises(
        TrajectoryError, match=r"TRAJECTORY: 6 atoms, but 2 in .*top\.xyz; give the topology of this run"
    ):
        Trajectory(tmp_path / "TRAJECTORY", **given)


def test_the_unit_of_cpmd_is_certain(tmp_path: Path, given: dict[str, Any]) -> None:
    write_cpmd(tmp_path / "TRAJECTORY", RUN)
    with pytest.raises(TrajectoryError, match="leave --velocity-unit A/fs out, it is au"):
        Trajectory(tmp_path / "TRAJECTORY", velocity_unit="A/fs", **given)


def test_a_file_that_is_cut_or_has_lost_a_line(tmp_path: Path, given: dict[str, Any]) -> None:
    path = tmp_path / "TRAJECTORY"
    write_cpmd(path, RUN)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-2]))
    with pytest.raises(TrajectoryError, match=r"cut in the middle of frame 6: .* `--frames 0:6`"):
        list(Trajectory(path, **given).frames())
    assert len(list(Trajectory(path, **given).frames(0, 6))) == 6
    path.write_text("".join(lines)[:-30])
    with pytest.raises(TrajectoryError, match=r"cut in the middle of frame 6"):
        list(Trajectory(path, **given).frames())
    path.write_text("".join([*lines[:8], *lines[9:]]))
    with pytest.raises(TrajectoryError, match="frame 1: lines of several steps; an atom is missing"):
        list(Trajectory(path, **given).frames())


def test_files_of_cp_that_are_cut_or_shifted(tmp_path: Path, given: dict[str, Any]) -> None:
    path = tmp_path / "a.pos"
    write_cp(path, RUN)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-2]))
    with pytest.raises(TrajectoryError, match=r"cut in the middle of frame 6: .* `--frames 0:6`"):
        list(Trajectory(path, **given).frames())
    path.write_text("".join([*lines[:14], *lines[13:]]))
    with pytest.raises(TrajectoryError, match=r"a\.pos, line 15: '.*' is no step and time"):
        list(Trajectory(path, **given).frames())
    write_cp(tmp_path / "a.vel", RUN, "velocities")
    with pytest.raises(
        TrajectoryError, match=r"a\.vel: holds velocities; give the \.pos file, and this one with --vel"
    ):
        Trajectory(tmp_path / "a.vel", **given)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TRAJECTORY", "1 0.1 0.2 0.3 0.4 0.5\n1 0.1 0.2 0.3 0.4 0.5\n"),
        ("TRAJECTORY", "H 0.1 0.2 0.3 0.4 0.5 0.6\n"),
        ("a.pos", "3\nwater\nO 0.1 0.2 0.3\n"),
        ("a.dat", "10 0.1\n 0.1 0.2 0.3\n"),
    ],
)
def test_other_tables_are_not_theirs(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert find_reader(Source(tmp_path / name)).name not in ("cpmd", "cp")
