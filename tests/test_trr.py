"""TRR files as trajectories: double precision, other names, frames without some parts, files that change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from binary_files import trr

from contracts import atoms_of, made_up_run
from dialects import water
from mimyria.errors import TrajectoryError
from mimyria.formats import read_frames
from mimyria.formats.trr_file import open_trr
from mimyria.frame import Frame
from mimyria.trajectory import Trajectory


def parts_of(run: list[Frame], without: str = "", **others: Any) -> list[dict[str, Any]]:
    """Return what GROMACS stores of a run, in nm, nm/ps and ps."""
    return [
        {
            name: value
            for name, value in {
                "box": frame.cell / 10,
                "x": frame.positions / 10,
                "v": 100 * np.asarray(frame.velocities),
                "time": 1e-3 * (frame.time or 0.0),
            }.items()
            if name not in without.split()
        }
        | others
        for frame in run
    ]


@pytest.fixture
def run(tmp_path: Path) -> list[Frame]:
    run = made_up_run()
    ase.io.write(tmp_path / "top.pdb", atoms_of(run[0]))
    return run


@pytest.mark.parametrize("others", [{}, {"vir": np.ones((3, 3)), "pres": np.ones((3, 3)), "f": np.ones((6, 3))}])
def test_double_precision_is_exact(tmp_path: Path, run: list[Frame], others: dict[str, Any]) -> None:
    path = trr(tmp_path / "run.what", parts_of(run, **others), real="d")  # any name: it is told by its beginning
    trajectory = Trajectory(path, topology=tmp_path / "top.pdb")
    assert (trajectory.n_frames, trajectory.velocity_unit, trajectory.unit_is_fixed) == (len(run), "A/ps", True)
    for read, written in zip(trajectory.frames(), run, strict=True):
        np.testing.assert_allclose(read.positions, written.positions, rtol=1e-14)
        np.testing.assert_allclose(read.velocities, written.velocities, rtol=1e-14)
        np.testing.assert_allclose(read.cell, written.cell, rtol=1e-14)
        assert read.time == pytest.approx(written.time, rel=1e-14)
        assert read.positions.base is None  # who keeps a frame does not keep those that were read with it


def test_precision_may_change_from_frame_to_frame(tmp_path: Path, run: list[Frame]) -> None:
    parts = [part | {"real": "fd"[k % 2]} for k, part in enumerate(parts_of(run))]
    read = list(Trajectory(trr(tmp_path / "a.trr", parts), topology=tmp_path / "top.pdb").frames())
    np.testing.assert_allclose([f.positions for f in read], [f.positions for f in run], rtol=1e-6)


def test_a_cell_that_stays_is_the_very_same(tmp_path: Path, run: list[Frame]) -> None:
    run = [replace(frame, cell=frame.cell * (1 + 0.01 * (k // 3))) for k, frame in enumerate(run)]
    path = trr(tmp_path / "a.trr", parts_of(run))
    read = list(read_frames(path, topology=tmp_path / "top.pdb"))
    assert [read[k].cell is read[k + 1].cell for k in range(6)] == [True, True, False, True, True, False]
    np.testing.assert_allclose([frame.cell for frame in read], [frame.cell for frame in run], rtol=1e-6)


def test_without_a_box_a_cell_is_asked_for(tmp_path: Path, run: list[Frame]) -> None:
    for parts in (parts_of(run, "box"), parts_of(run, box=np.zeros((3, 3)))):
        path = trr(tmp_path / "a.trr", parts)
        with pytest.raises(TrajectoryError, match=r"a\.trr, frame 0: no cell, .*give --cell"):
            Trajectory(path, topology=tmp_path / "top.pdb")
        (first, *_) = read_frames(path, topology=tmp_path / "top.pdb")
        assert not first.periodic.any()
        assert len(list(Trajectory(path, topology=tmp_path / "top.pdb", cell=[9.0] * 3).frames())) == len(run)


def test_velocities_are_differences_where_there_are_none(tmp_path: Path) -> None:
    run = water(n_frames=9)
    ase.io.write(tmp_path / "top.pdb", atoms_of(run[0]))
    trajectory = Trajectory(trr(tmp_path / "a.trr", parts_of(run, "v"), real="d"), topology=tmp_path / "top.pdb")
    assert trajectory.differenced
    for read, written in zip(trajectory.frames(), run[1:-1], strict=True):
        np.testing.assert_allclose(read.velocities, written.velocities, rtol=0.2, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("x at every second", r"frame 1: no positions; store them as often as velocities and forces"),
        ("v at every second", r"of its first 7 frames only 0, 2, 4, 6 have velocities, not 1;"),
        ("v to frame 40", r"frame 41: no velocities, unlike frame 0; .*--frames"),
        ("another system", r"frame 3: 7 atoms, but frame 0 has 6; take the part with one system with --frames"),
        ("nan", r"frame 4: the position of atom 2 is \[.*nan.*\]: the run has failed"),
        ("inf", r"frame 4: the velocity of atom 2 is \[.*inf.*\]: the run has failed"),
    ],
)
def test_frames_that_cannot_be_used_are_named(tmp_path: Path, run: list[Frame], change: str, message: str) -> None:
    parts = parts_of(run * 6 if change == "v to frame 40" else run)
    for k, part in enumerate(parts):
        part["time"] = 2e-3 * k
        if change[0] in "xv" and (k % 2 if "second" in change else k > 40):
            del part[change[0]]
    if change == "another system":
        parts[3:] = [part | {"x": np.ones((7, 3)), "v": np.ones((7, 3))} for part in parts[3:]]
    if change in ("nan", "inf"):
        parts[4]["x" if change == "nan" else "v"][2, 1] = float(change)
    path = trr(tmp_path / "a.trr", parts)
    with pytest.raises(TrajectoryError, match=message):
        list(Trajectory(path, topology=tmp_path / "top.pdb").frames())


def test_massless_sites_are_left_out(tmp_path: Path, run: list[Frame]) -> None:
    text = (tmp_path / "top.pdb").read_text().splitlines()
    atoms = [line for line in text if line.startswith("ATOM")]
    sites = [line[:12] + " MW " + line[16:76] + "    " for line in atoms]
    (tmp_path / "top.pdb").write_text("\n".join(line for pair in zip(atoms, sites, strict=True) for line in pair))
    twice = [{**p, "x": p["x"].repeat(2, axis=0), "v": p["v"].repeat(2, axis=0)} for p in parts_of(run)]
    trajectory = Trajectory(trr(tmp_path / "a.trr", twice), topology=tmp_path / "top.pdb")
    for read, written in zip(trajectory.frames(), run, strict=True):
        np.testing.assert_allclose(read.positions, written.positions, rtol=1e-6)
        np.testing.assert_allclose(read.velocities, written.velocities, rtol=1e-6)
        np.testing.assert_array_equal(read.kept, 2 * np.arange(6))


def test_a_file_that_grows_is_read_to_its_end(tmp_path: Path, run: list[Frame]) -> None:
    trajectory = Trajectory(trr(tmp_path / "a.trr", parts_of(run[:5])), topology=tmp_path / "top.pdb")
    assert len(list(trajectory.frames())) == 5
    trr(tmp_path / "a.trr", parts_of(run))
    assert len(list(trajectory.frames())) == len(run)
    (tmp_path / "top.pdb").write_text("REMARK nothing\n")
    with pytest.raises(TrajectoryError, match=r"top\.pdb"):
        list(trajectory.frames())


def test_positions_and_velocities_may_be_in_two_files(tmp_path: Path, run: list[Frame]) -> None:
    given: Any = {
        "path": trr(tmp_path / "x.trr", parts_of(run, "v")),
        "velocities": trr(tmp_path / "v.trr", parts_of(run, "x box")),
        "topology": tmp_path / "top.pdb",
    }
    for read, written in zip(Trajectory(**given).frames(), run, strict=True):
        np.testing.assert_allclose(read.velocities, written.velocities, rtol=1e-6)
        np.testing.assert_allclose(read.positions, written.positions, rtol=1e-6)
    with pytest.raises(TrajectoryError, match=r"x\.trr, frame 0: holds no velocities"):
        Trajectory(**given | {"velocities": given["path"]})


@pytest.mark.parametrize("first", [0, 10_000_000, 50_000_000])
@pytest.mark.parametrize("before", [0.0, 12000.0])
@pytest.mark.parametrize("step", [0.0005, 0.002, 0.00048378])
def test_late_times_of_single_precision_are_told_by_the_steps(
    tmp_path: Path, run: list[Frame], first: int, before: float, step: float
) -> None:
    """After 20 ns they are rounded to 2 fs: the time between the frames would be wrong by percents."""
    steps = first + 4 * np.arange(252)
    times = before + step * steps
    parts = [part | {"step": s, "time": t} for part, s, t in zip(parts_of(run) * 36, steps, times, strict=True)]
    for real in "fd":
        trajectory = Trajectory(trr(tmp_path / "a.trr", parts, real=real), topology=tmp_path / "top.pdb")
        exact = real == "d" or before == 0
        assert trajectory.timestep == pytest.approx(4e3 * step, rel=1e-5 if exact else 3e-3)
        (segment,) = trajectory.segments()
        assert segment.n_frames == 252


def test_times_that_the_steps_do_not_tell_stay(tmp_path: Path, run: list[Frame]) -> None:
    """And are refused where they are so late that they do not tell the time between the frames either."""
    for late in (0.0, 20000.0):
        times = [late + 2e-3 * k for k in range(len(run))]
        # the steps of several runs, one after the other
        parts = [part | {"step": 10 * (k % 4), "time": times[k]} for k, part in enumerate(parts_of(run))]
        path = trr(tmp_path / "a.trr", parts)
        np.testing.assert_array_equal(open_trr(path).times, np.float32(times))
        given: dict[str, Any] = {"path": path, "topology": tmp_path / "top.pdb"}
        if late:
            with pytest.raises(
                TrajectoryError, match=r"at 20000 ps its times are rounded to 1\.95 fs, .*--timestep FS"
            ):
                Trajectory(**given)
            assert Trajectory(**given, timestep=2.0).timestep == 2
        else:
            assert Trajectory(**given).timestep == pytest.approx(2.0)
