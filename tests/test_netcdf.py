"""NetCDF: AMBER's scaled velocities, LAMMPS' ids and units, files of velocities alone, and files that are cut."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from binary_files import netcdf
from scipy.io import netcdf_file

from contracts import atoms_of
from dialects import water
from mimyria.elements import frame_masses
from mimyria.errors import TrajectoryError
from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.trajectory import Trajectory


@pytest.fixture
def run(tmp_path: Path) -> list[Frame]:
    run = water(n_frames=5)
    ase.io.write(tmp_path / "top.pdb", atoms_of(run[0]))
    return run


def agree(read: Any, written: list[Frame]) -> None:
    for ours, theirs in zip_longest(read, written):
        np.testing.assert_array_equal(ours.numbers, theirs.numbers)
        np.testing.assert_allclose(ours.positions, theirs.positions, atol=1e-6)
        np.testing.assert_allclose(ours.velocities, theirs.velocities, atol=1e-8)
        np.testing.assert_allclose(ours.cell, theirs.cell, atol=1e-10)
        assert ours.time == pytest.approx(theirs.time, rel=1e-6)


def test_scaled_velocities_of_amber(tmp_path: Path, run: list[Frame]) -> None:
    path = netcdf(tmp_path / "a.nc", run)
    agree(read_frames(path, topology=tmp_path / "top.pdb"), run)
    with pytest.raises(TrajectoryError, match="leave --velocity-unit au out"):
        list(read_frames(path, topology=tmp_path / "top.pdb", velocity_unit="au"))
    with pytest.raises(TrajectoryError, match=r"a\.nc: names no atoms; give --topology"):
        list(read_frames(path))


def test_lammps_names_types_and_masses(tmp_path: Path) -> None:
    run = water(2.014, 4)
    frames = list(read_frames(netcdf(tmp_path / "a.nc", run, lammps=True)))
    agree(frames, run)
    np.testing.assert_allclose(frame_masses(frames[0]), run[0].masses)


def test_velocities_alone_belong_to_a_file_of_positions(tmp_path: Path, run: list[Frame]) -> None:
    path = netcdf(tmp_path / "mdvel", run, what=("velocities",))
    with pytest.raises(TrajectoryError, match=r"mdvel: holds no positions; .*--velocities"):
        list(read_frames(path, topology=tmp_path / "top.pdb"))
    positions = netcdf(tmp_path / "a.nc", run, what=("coordinates",))
    with pytest.raises(TrajectoryError, match=r"a\.nc: holds no velocities"):
        Trajectory(positions, velocities=positions, topology=tmp_path / "top.pdb")


def test_units_that_are_not_said_or_not_known(tmp_path: Path, run: list[Frame]) -> None:
    path = netcdf(tmp_path / "a.nc", run)
    with netcdf_file(path, "a") as file:
        file.variables["velocities"].units = ""
        file.variables["time"].units = ""
    with pytest.raises(TrajectoryError, match=r"a\.nc: the file does not state the unit of its velocities"):
        list(read_frames(path, topology=tmp_path / "top.pdb"))
    with netcdf_file(path, "a") as file:
        file.variables["coordinates"].units = "lj"
    with pytest.raises(TrajectoryError, match="the unit of coordinates is 'lj', which is not known"):
        list(read_frames(path, topology=tmp_path / "top.pdb"))


def test_wrong_files_are_told(tmp_path: Path, run: list[Frame]) -> None:
    whole = netcdf(tmp_path / "a.nc", run).read_bytes()
    path = tmp_path / "b.nc"
    for content, message in (
        (whole[:-50], "cut: it is shorter than its header says; copy it again"),
        (whole[:40], "cut"),
        (b"\x89HDF\r\n\x1a\n", "HDF5 cannot open it"),
        (b"nothing", "HDF5 cannot open it"),
    ):
        path.write_bytes(content)
        with pytest.raises(TrajectoryError, match=message) as error:
            list(read_frames(path, topology=tmp_path / "top.pdb"))
        assert str(path) in str(error.value)
    with netcdf_file(path, "w") as file:
        file.createDimension("x", 1)
    with pytest.raises(TrajectoryError, match="neither coordinates nor velocities by AMBER's conventions"):
        list(read_frames(path, topology=tmp_path / "top.pdb"))
