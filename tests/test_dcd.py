"""DCD: the unit of its time step by program, cells in three forms, velocities in a second file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from binary_files import AKMA, TITLES, dcd

from contracts import TIMESTEP, atoms_of
from dialects import water
from mimyria.errors import TrajectoryError
from mimyria.formats.dcd import cell_of
from mimyria.frame import Frame
from mimyria.trajectory import Trajectory
from mimyria.units import VELOCITY

STEP = 0.5
EVERY = round(TIMESTEP / STEP)


@pytest.fixture
def run(tmp_path: Path) -> list[Frame]:
    run = water(n_frames=8)
    ase.io.write(tmp_path / "top.pdb", atoms_of(run[0]))
    return run


def trajectory(folder: Path, run: list[Frame], **form: Any) -> Trajectory:
    form = {"interval": EVERY} | form
    given = {name: form.pop(name) for name in ("timestep", "cell") if name in form}
    path = dcd(folder / "run.dcd", [frame.positions for frame in run], form.pop("box", run[0].cell), **form)
    return Trajectory(path, topology=folder / "top.pdb", **given)


@pytest.mark.parametrize(
    ("program", "delta"),
    [("NAMD", STEP / AKMA), ("OpenMM", STEP / AKMA), ("CP2K", STEP), ("LAMMPS", STEP), ("LAMMPS", STEP / 1e3)],
)
def test_the_title_tells_the_unit_of_time(tmp_path: Path, run: list[Frame], program: str, delta: float) -> None:
    found = trajectory(tmp_path, run, title=TITLES[program], delta=delta, first=EVERY)
    assert found.timestep == pytest.approx(TIMESTEP, rel=1e-6)
    assert found.n_frames == len(run)


def test_charmm_is_told_by_its_version(tmp_path: Path, run: list[Frame]) -> None:
    cell = np.array([[8.0, 0.5, 0.2], [0.5, 7.0, -0.3], [0.2, -0.3, 9.0]])
    form: Any = {"title": "* HEAVY WATER", "version": 41, "angles": "matrix", "box": cell, "delta": STEP / AKMA}
    found = trajectory(tmp_path, run, **form)
    assert found.timestep == pytest.approx(TIMESTEP, rel=1e-6)
    np.testing.assert_allclose(next(found.frames()).cell, cell)


@pytest.mark.parametrize(
    "form",
    [
        {"title": TITLES["VMD"], "delta": 1.0},
        {"title": TITLES["VMD"], "delta": STEP / AKMA},
        {"title": "made by a program nobody knows", "delta": STEP},
        {"title": TITLES["NAMD"], "delta": STEP},
        {"title": TITLES["CP2K"], "delta": STEP / AKMA / 4},
        {"title": TITLES["NAMD"], "delta": 0.0},
    ],
    ids=lambda form: f"{form['title'][:12]} {form['delta']:.3g}",
)
def test_a_time_that_the_atoms_contradict_is_asked_for(tmp_path: Path, run: list[Frame], form: dict[str, Any]) -> None:
    """A meaningless number, fs where AKMA are the rule, and the other way round."""
    with pytest.raises(TrajectoryError, match=r"run\.dcd: .*the time between its frames; give --timestep FS"):
        trajectory(tmp_path, run, **form)
    assert trajectory(tmp_path, run, timestep=TIMESTEP, **form).timestep == TIMESTEP


def test_atoms_put_back_into_a_cell_that_is_not_stored_do_not_mislead(tmp_path: Path, run: list[Frame]) -> None:
    jumping = np.arange(6)[:, None] == 3
    moved = [
        replace(frame, positions=frame.positions + jumping * np.array([9.0 * (k % 2), 0, 0]))
        for k, frame in enumerate(run)
    ]
    found = trajectory(tmp_path, moved, box=None, delta=STEP / AKMA, cell=[9.0] * 3)
    assert found.timestep == pytest.approx(TIMESTEP, rel=1e-6)


def test_a_cell_is_the_same_in_every_form() -> None:
    cell = np.array([[9.0, 0, 0], [1.0, 8.0, 0], [-0.5, 0.7, 10.0]])
    a, b, c = np.linalg.norm(cell, axis=1)
    cosines = np.array([cell[1] @ cell[0] / (a * b), cell[2] @ cell[0] / (a * c), cell[2] @ cell[1] / (b * c)])
    for version, (gamma, beta, alpha) in ((24, cosines), (24, np.degrees(np.arccos(cosines)))):
        np.testing.assert_allclose(cell_of(np.array([a, gamma, b, beta, alpha, c]), version), cell, atol=1e-12)
    gamma, beta, alpha = np.degrees(np.arccos(cosines))
    np.testing.assert_allclose(cell_of(np.array([a, gamma, b, beta, alpha, c]), 41), cell, atol=1e-12)
    for version in (0, 24, 41):
        np.testing.assert_array_equal(cell_of(np.array([9.0, 0, 8, 0, 0, 7]), version), np.diag([9.0, 8, 7]))
        assert not cell_of(np.zeros(6), version).any()


def test_a_cut_file_is_told(tmp_path: Path, run: list[Frame]) -> None:
    form: Any = {"title": TITLES["CP2K"], "delta": STEP}
    whole = trajectory(tmp_path, run, **form).path.read_bytes()
    path = tmp_path / "cut.dcd"
    frame_size = 56 + 3 * 32
    for missing, message in (
        (10, r"cut in the middle of frame 7: 8 frames announced, 7 complete; .*--frames 0:7"),
        (frame_size, r"cut in the middle of frame 7: 8 frames announced, 7 complete"),
        (3 * frame_size + 1, r"cut in the middle of frame 4: .*--frames 0:4"),
    ):
        path.write_bytes(whole[:-missing])
        with pytest.raises(TrajectoryError, match=message):
            list(Trajectory(path, topology=tmp_path / "top.pdb").frames())
        assert len(list(Trajectory(path, topology=tmp_path / "top.pdb").frames(0, 3))) == 2  # without the first
    unknown = trajectory(tmp_path, run, announced=0, **form).path.read_bytes()
    path.write_bytes(unknown)
    assert len(list(Trajectory(path, topology=tmp_path / "top.pdb").frames())) == 6
    path.write_bytes(unknown[:-10])
    with pytest.raises(TrajectoryError, match="cut in the middle of frame 7"):
        list(Trajectory(path, topology=tmp_path / "top.pdb").frames())


def test_velocities_in_a_second_file(tmp_path: Path, run: list[Frame]) -> None:
    """CHARMM and NAMD have AKMA units; CP2K whatever was asked for."""
    form: Any = {"delta": STEP / AKMA, "interval": EVERY}
    positions = dcd(tmp_path / "run.dcd", [frame.positions for frame in run], run[0].cell, **form)
    given: Any = {"topology": tmp_path / "top.pdb", "velocities": tmp_path / "vel.dcd"}
    for scale, said, more in (
        (AKMA, {}, {"word": b"CORD"}),
        (AKMA, {}, {"word": b"VELD", "title": "* CHARMM", "version": 41}),
        (1e3, {"velocity_unit": "A/ps"}, {"word": b"VEL ", "title": TITLES["CP2K"].replace("CORD", "VEL ")}),
        (1 / VELOCITY["au"], {}, {"word": b"VEL ", "title": TITLES["CP2K"].replace("CORD", "VEL ")}),
        (1e3, {"velocity_unit": "A/ps"}, {"word": b"VEL ", "title": "of an unknown program"}),
    ):
        dcd(tmp_path / "vel.dcd", [np.asarray(frame.velocities) * scale for frame in run], **{**form, **more})
        for read, written in zip(Trajectory(positions, **given, **said).frames(), run, strict=True):
            np.testing.assert_allclose(read.velocities, written.velocities, rtol=1e-5, atol=1e-8)
    with pytest.raises(TrajectoryError, match=r"vel\.dcd: .*give --velocity-unit, one of .*\(CP2K: au\)"):
        Trajectory(positions, **given)
    with pytest.raises(TrajectoryError, match=r"vel\.dcd: holds velocities; .*--velocities"):
        Trajectory(tmp_path / "vel.dcd", topology=tmp_path / "top.pdb")
    dcd(tmp_path / "vel.dcd", [np.asarray(frame.velocities) for frame in run], first=EVERY, **form)
    with pytest.raises(TrajectoryError, match="both files must hold the same frames"):
        Trajectory(positions, **given)


def test_a_cell_that_is_none_is_told(tmp_path: Path, run: list[Frame]) -> None:
    whole = trajectory(tmp_path, run, title=TITLES["CP2K"], delta=STEP).path.read_bytes()
    path = tmp_path / "b.dcd"
    six = np.array([9.0, 0, 8, 0, 0, 7]).tobytes()
    start = len(whole) - len(run) * (56 + 3 * 32) + 4
    assert len(whole[start : start + 48]) == len(six)
    path.write_bytes(whole[:start] + np.array([9.0, 120, 8, 300, 90, 7]).tobytes() + whole[start + 48 :])
    with pytest.raises(TrajectoryError, match=r"b\.dcd, frame 0: .* are not the lengths and angles"):
        Trajectory(path, topology=tmp_path / "top.pdb")
