"""H5MD: with units and without, species as numbers, names or types, fixed cells and clocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ase.io
import h5py
import numpy as np
import pytest
from binary_files import h5md

from contracts import TIMESTEP, atoms_of
from dialects import water
from mimyria.errors import TrajectoryError
from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.trajectory import Trajectory

NUMBERS = [8, 1, 1, 8, 1, 1]


@pytest.fixture
def run() -> list[Frame]:
    return water(n_frames=5)


@pytest.mark.parametrize(
    ("species", "said"),
    [
        (NUMBERS, {}),
        ([b"O", b"H", b"H"] * 2, {}),
        ([1, 2, 2] * 2, {"species": {"1": "O", "2": "H"}}),
    ],
    ids=["numbers", "names", "types"],
)
def test_species(tmp_path: Path, run: list[Frame], species: Any, said: dict[str, Any]) -> None:
    frames = list(Trajectory(h5md(tmp_path / "a.h5md", run, species=species, fixed_box=True), **said).frames())
    for ours, theirs in zip(frames, run, strict=True):
        np.testing.assert_array_equal(ours.numbers, NUMBERS)
        np.testing.assert_allclose(ours.positions, theirs.positions)
        np.testing.assert_allclose(ours.velocities, theirs.velocities)
        np.testing.assert_allclose(ours.cell, theirs.cell)
        assert ours.time == pytest.approx(theirs.time)


def test_an_enumeration_names_its_species(tmp_path: Path, run: list[Frame]) -> None:
    path = h5md(tmp_path / "a.h5md", run)
    with h5py.File(path, "a") as file:
        kind = h5py.enum_dtype({"O": 4, "H": 7}, basetype="i4")
        file["particles/all"].create_dataset("species", data=np.where(np.array(NUMBERS) == 1, 7, 4), dtype=kind)
    assert list(Trajectory(path).numbers) == NUMBERS


def test_other_units_and_clocks(tmp_path: Path, run: list[Frame]) -> None:
    path = h5md(tmp_path / "a.h5md", run, species=NUMBERS)
    with h5py.File(path, "a") as file:
        group = file["particles/all"]
        for name, unit, factor in (("position", "nm", 0.1), ("velocity", "nm ps-1", 100.0), ("box/edges", "nm", 0.1)):
            group[name]["value"][...] = group[name]["value"][...] * factor
            group[name]["value"].attrs["unit"] = unit
        for name in ("time", "step"):
            del group["position"][name]
        group["position"]["time"], group["position"]["step"] = TIMESTEP / 1e3, 4
        group["position"]["time"].attrs["unit"] = "ps"
        group["position"]["time"].attrs["offset"] = 0.1
    frames = list(Trajectory(path).frames())
    assert [frame.time for frame in frames] == pytest.approx([100 + TIMESTEP * k for k in range(5)])
    np.testing.assert_allclose(frames[3].positions, run[3].positions)
    np.testing.assert_allclose(frames[3].velocities, run[3].velocities)  # type: ignore[arg-type]
    np.testing.assert_allclose(frames[3].cell, run[3].cell)


def test_species_of_programs_with_types_are_no_atomic_numbers(tmp_path: Path, run: list[Frame]) -> None:
    path = h5md(tmp_path / "a.h5md", run, species=np.where(np.array(NUMBERS) == 1, 8, 1))
    with h5py.File(path, "a") as file:
        file.create_group("h5md/creator").attrs["name"] = "lammps"
        file["particles/all/box"].attrs["boundary"] = "periodic"
    with pytest.raises(TrajectoryError, match=r"atoms are named 1, 8, by type; give --species 1=ELEMENT --species 8="):
        list(read_frames(path))
    frame = next(read_frames(path, species={"1": "O", "8": "H"}))
    assert (frame.numbers.tolist(), frame.periodic.tolist()) == (NUMBERS, [True] * 3)


def test_what_is_not_said_is_asked_for(tmp_path: Path, run: list[Frame]) -> None:
    ase.io.write(tmp_path / "top.pdb", atoms_of(run[0]))
    path = h5md(tmp_path / "a.h5", run, units=False)
    given: Any = {"topology": tmp_path / "top.pdb", "velocity_unit": "A/fs", "timestep": TIMESTEP}
    np.testing.assert_allclose(next(Trajectory(path, **given).frames()).velocities, run[0].velocities)  # type: ignore[arg-type]
    for name, message in (
        ("topology", r"a\.h5: names no atoms; give --topology"),
        ("velocity_unit", r"a\.h5: .*give --velocity-unit"),
        ("timestep", r"a\.h5: .*give --timestep FS"),
    ):
        with pytest.raises(TrajectoryError, match=message):
            Trajectory(path, **{key: value for key, value in given.items() if key != name})


def test_wrong_files_are_told(tmp_path: Path, run: list[Frame]) -> None:
    path = h5md(tmp_path / "a.h5md", run, species=NUMBERS)
    whole = path.read_bytes()
    for damage, message in (
        (lambda file: file.move("particles/all", "other"), "no group of particles with positions"),
        (lambda file: file.copy("particles/all", "particles/second"), "2 groups of particles"),
        (
            lambda file: file["particles/all/position/value"].attrs.modify("unit", "sigma"),
            "'sigma', which is not known",
        ),
        (lambda file: file["particles/all"].move("position", "r"), "holds no positions"),
    ):
        path.write_bytes(whole)
        with h5py.File(path, "a") as file:
            damage(file)
        with pytest.raises(TrajectoryError, match=message) as error:
            list(read_frames(path))
        assert str(path) in str(error.value)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TrajectoryError, match="cut, or no H5MD file"):
        list(read_frames(path))
