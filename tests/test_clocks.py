"""Times of single precision late in a run: the steps tell them in every format that stores some, or --timestep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import ase.io
import h5py
import numpy as np
import pytest
from binary_files import h5md, netcdf, trr
from MDAnalysis.lib.formats.libmdaxdr import XTCFile

from contracts import atoms_of
from dialects import water
from mimyria.errors import TrajectoryError
from mimyria.files.clocks import unrounded
from mimyria.frame import Frame
from mimyria.trajectory import Trajectory

FS = 2.0
LATE = 70e6
"""fs; ps of single precision are rounded to 7.8 fs there."""


def write(kind: str, path: Path, run: list[Frame], steps: Any) -> Path:
    """Write frames with the times that they have, in single precision, and with steps where the format has some."""
    if kind == "trr":
        names = ("box", "x", "v", "time", "step")
        rows = [(f.cell / 10, f.positions / 10, 100 * np.asarray(f.velocities), 1e-3 * (f.time or 0)) for f in run]
        return trr(
            path, [dict(zip(names, [*row, int(step)], strict=True)) for row, step in zip(rows, steps, strict=True)]
        )
    if kind == "xtc":
        with XTCFile(str(path), "w") as file:
            for frame, step in zip(run, steps, strict=True):
                file.write(frame.positions / 10, frame.cell / 10, int(step), 1e-3 * (frame.time or 0), 1000)
        return path
    if kind == "nc":
        return netcdf(path, run)
    h5md(path, run)
    with h5py.File(path, "r+") as file:
        for name in ("position", "velocity"):
            element = file["particles/all"][name]
            for what, values in (("time", np.float32(1e-3 * element["time"][()])), ("step", np.array(steps))):
                del element[what]
                element[what] = values
            element["time"].attrs["unit"] = "ps"
    return path


@pytest.fixture(scope="module")
def molecules() -> list[Frame]:
    return water(n_frames=8)


@pytest.mark.parametrize("first", [0.0, LATE])
@pytest.mark.parametrize("kind", ["trr", "xtc", "nc", "h5"])
def test_late_times_are_told_by_the_steps_or_by_many_frames(
    tmp_path: Path, molecules: list[Frame], kind: str, first: float
) -> None:
    ase.io.write(tmp_path / "top.pdb", atoms_of(molecules[0]))
    run = [replace(molecules[k % 8], time=first + FS * k) for k in range(1400)]
    path = write(kind, tmp_path / f"a.{kind}", run, round(2 * first) + 4 * np.arange(1400))
    trajectory = Trajectory(path, topology=tmp_path / "top.pdb")
    assert trajectory.timestep == pytest.approx(FS, rel=3e-3 if kind == "nc" else 1e-6)
    (segment,) = trajectory.segments()
    assert segment.n_frames == 1400
    assert segment.timestep == pytest.approx(trajectory.timestep, rel=1e-6)


@pytest.mark.parametrize("kind", ["trr", "xtc", "nc", "h5", "gro"])
def test_rounding_is_named_before_beads(tmp_path: Path, molecules: list[Frame], kind: str) -> None:
    """Where successive frames show one time because it is rounded, and the steps of several runs do not tell it."""
    ase.io.write(tmp_path / "top.pdb", atoms_of(molecules[0]))
    run = [replace(frame, time=LATE + FS * k) for k, frame in enumerate(molecules)]
    path = tmp_path / f"a.{kind}"
    if kind == "gro":
        rows = "".join(f"    1SOL  {'OHH'[k % 3]:>5}{k + 1:5d}" + "{:8.3f}{:8.3f}{:8.3f}\n" for k in range(len(run[0])))
        path.write_text(
            "".join(
                f"water t= {np.float32((f.time or 0) / 1e3):.5f}\n{len(f)}\n{rows.format(*f.positions.ravel() / 10)}"
                f"{'  0.900  0.900  0.900'}\n"
                for f in run
            )
        )
        given: Any = {"path": path}
    else:
        given = {"path": write(kind, path, run, 10 * (np.arange(8) % 3)), "topology": tmp_path / "top.pdb"}
    with pytest.raises(TrajectoryError, match=rf"a\.{kind}: at 70000 ps its times are rounded to 7\.81 fs.*--timestep"):
        Trajectory(**given)
    (segment,) = Trajectory(**given, timestep=FS).segments()
    assert (segment.n_frames, segment.timestep) == (8, FS)


def test_few_rounded_times_are_no_measure_of_a_time_step() -> None:
    few, many = (np.float32(70000 + 2.5e-3 * np.arange(n)) for n in (9, 2000))
    np.testing.assert_array_equal(unrounded(few, np.arange(9)), few)
    np.testing.assert_allclose(np.diff(unrounded(many, np.arange(2000))), 2.5e-3, rtol=3e-3)
    broken = np.float32(np.concatenate([many, many[-1] + 5 + 2.5e-3 * np.arange(9)]))
    np.testing.assert_array_equal(unrounded(broken, np.arange(2009)), broken)
    np.testing.assert_array_equal(unrounded(np.array([0.0, np.nan]), np.arange(2)), [0.0, np.nan])
    assert unrounded(np.zeros(0), np.zeros(0)).shape == (0,)
