"""Topologies: what names and masses mean, and trajectories whose own names contradict them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from lammps_files import data, dump

from contracts import atoms_of
from dialects import MOVING, native, water, xyz
from mimyria.errors import TrajectoryError
from mimyria.files.source import Source
from mimyria.files.topology import Told, _is_plain, identify, symbol_by_mass
from mimyria.formats import read_frames, write_frames
from mimyria.frame import Frame
from mimyria.trajectory import Trajectory

GRO = "water\n    6\n" + "".join(
    f"{k // 3 + 1:5d}SOL  {name:>5s}{k + 1:5d}{0.1 * k:8.3f}{0.2:8.3f}{0.3:8.3f}\n"
    for k, name in enumerate(["OW", "HW1", "HW2"] * 2)
)


@pytest.fixture
def run() -> list[Frame]:
    return water(n_frames=4)


def test_masses_tell_elements_where_force_fields_round_them() -> None:
    for mass, symbol in ((1.0, "H"), (2.014, "D"), (3.016, "T"), (15.9994, "O"), (35.45, "Cl"), (207.2, "Pb")):
        assert symbol_by_mass(mass) == symbol
    for mass in (0.0, 0.4, 72.0, 13.02, 15.03, float("nan")):
        assert symbol_by_mass(mass) == ""


@pytest.mark.parametrize(
    ("names", "masses", "numbers"),
    [
        (["CA", "HG", "NA"], [12.011, 1.008, 14.007], [6, 1, 7]),
        (["Ca", "Hg", "Na"], [40.08, 200.6, 22.99], [20, 80, 11]),
        (["O", "D", "H"], None, [8, 1, 1]),
        (["O", "D", "H"], [15.9994, 2.014, 2.014], [8, 1, 1]),
        (["", "OH", "1"], [1.01, 15.999, 12.0], [1, 8, 6]),
    ],
)
def test_a_name_is_an_element_unless_its_mass_is_that_of_another(
    tmp_path: Path, names: list[str], masses: Any, numbers: list[int]
) -> None:
    (tmp_path / "a").touch()
    told = Told(3, [names], None if masses is None else np.array(masses))
    np.testing.assert_array_equal(identify(told, Source(tmp_path / "a"), "a").numbers, numbers)


def writers(folder: Path, run: list[Frame]) -> dict[str, Any]:
    """Return files of one run that name their atoms themselves."""
    ase.io.write(folder / "a.traj", [atoms_of(frame) for frame in run])
    ase.io.write(folder / "a.pdb", [atoms_of(frame) for frame in run])
    return {
        "extxyz": native(folder, run)["path"],
        "ase": folder / "a.traj",
        "pdb": folder / "a.pdb",
        "kinds": xyz(folder / "k.xyz", run, MOVING, species=lambda frame: ["OW", "HW1", "HW2"] * 2)["path"],
        "lammps": dump(folder / "run.dump", run, "id element x y z", origin=np.zeros(3)),
    }


def test_every_format_that_names_atoms_is_held_against_the_topology(tmp_path: Path, run: list[Frame]) -> None:
    files = writers(tmp_path, run)
    (tmp_path / "top.gro").write_text(GRO + "   1.0   1.0   1.0\n")
    ase.io.write(tmp_path / "wrong.pdb", atoms_of(run[0])[[0, 3, 1, 2, 4, 5]])
    ase.io.write(tmp_path / "few.pdb", atoms_of(run[0])[:3])
    for name, path in files.items():
        frame = next(iter(read_frames(path, topology=tmp_path / "top.gro")))
        np.testing.assert_array_equal(frame.numbers, run[0].numbers)
        np.testing.assert_allclose(frame.positions, run[0].positions, atol=1e-3)
        wrong = r"frame 0: atom 1 is (HW1|H), but O in .*wrong\.pdb" if name != "kinds" else r"wrong\.pdb"
        with pytest.raises(TrajectoryError, match=wrong):
            list(read_frames(path, topology=tmp_path / "wrong.pdb"))
        with pytest.raises(TrajectoryError, match=r"frame 0: 6 atoms, but 3 in .*few\.pdb"):
            list(read_frames(path, topology=tmp_path / "few.pdb"))


def test_names_of_a_topology_are_elements_by_species_too(tmp_path: Path, run: list[Frame]) -> None:
    path = xyz(tmp_path / "k.xyz", run, MOVING, species=lambda frame: ["A1", "B1", "B2"] * 2)["path"]
    topology = dump(tmp_path / "t.dump", run[:1], "id type x y z")
    said = {"1": "O", "2": "D"}
    frame = next(iter(read_frames(path, topology=topology, species=said)))
    np.testing.assert_array_equal(frame.numbers, run[0].numbers)
    np.testing.assert_allclose(frame.masses, [15.999, 2.014, 2.014] * 2, atol=1e-3)  # type: ignore[arg-type]
    with pytest.raises(TrajectoryError, match=r"t\.dump: atoms are named 1, 2, by type; give --species"):
        list(read_frames(path, topology=topology))


def test_any_trajectory_takes_a_data_file_as_topology(tmp_path: Path) -> None:
    """Also those that are read through MDAnalysis, which does not know most atom styles; isotopes keep their masses."""
    run = water(2.014, 4)
    topology = data(tmp_path / "w.data", run[0], "charge")
    ase.io.write(tmp_path / "a.pdb", [atoms_of(frame) for frame in run])
    for path in (tmp_path / "a.pdb", native(tmp_path, run)["path"]):
        frame = Trajectory(path, topology=topology, timestep=2.0)
        np.testing.assert_array_equal(frame.numbers, run[0].numbers)
    np.testing.assert_allclose(next(frame.frames()).masses, run[0].masses)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["t.extxyz", "t.xyz", "t.xyz.xz", "t.extxyz.gz"])
def test_an_extended_xyz_file_is_a_topology(tmp_path: Path, name: str) -> None:
    run = water(2.014, 4)
    write_frames(tmp_path / name, run[:1])
    topology = data(tmp_path / "w.data", run[0], "charge")
    dump = native(tmp_path, run)["path"]
    wanted = Trajectory(dump, topology=topology, timestep=2.0).numbers
    np.testing.assert_array_equal(Trajectory(dump, topology=tmp_path / name, timestep=2.0).numbers, wanted)


@pytest.mark.parametrize(("name", "element", "plain"), [("OW", "O", True), ("1HB", "H", True), ("CA", "C", False)])
def test_a_guess_is_plain_where_the_name_begins_with_it(name: str, element: str, plain: bool) -> None:
    assert _is_plain(name, element) == plain


def test_no_words_of_other_libraries(tmp_path: Path, run: list[Frame]) -> None:
    write_frames(tmp_path / "a.xyz", run)
    for name, content in (("a.pdb", "nothing"), ("a.psf", "PSF\n\nbroken"), ("a.tpr", "broken"), ("a.what", "x")):
        (tmp_path / name).write_text(content)
        with pytest.raises(TrajectoryError) as error:
            list(read_frames(tmp_path / "a.xyz", topology=tmp_path / name))
        assert "\n" not in str(error.value)
        assert "--topology" in str(error.value)
        assert not any(word in str(error.value) for word in ("MDAnalysis", "Universe", "kwarg", "format="))
    for name in ("b.trr", "b.xtc", "b.gro"):
        (tmp_path / name).write_text("broken\n")
        with pytest.raises(TrajectoryError) as error:
            list(read_frames(tmp_path / name, topology=tmp_path / "a.xyz"))
        assert "\n" not in str(error.value)
        assert not any(word in str(error.value) for word in ("MDAnalysis", "Universe", "kwarg", "format="))
