"""Selections count atoms as the file does, and know residues and topologies."""

from __future__ import annotations

from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
from lammps_files import data, dump

from dialects import water
from mimyria.elements import frame_masses
from mimyria.errors import TrajectoryError
from mimyria.files.universe import select, universe_of

SYMBOLS, MASSES = ["O", "H", "O", "H"], np.array([15.999, 1.008, 15.999, 2.014])
KEPT = np.array([0, 1, 3, 4])


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("element O", [0, 3]),
        ("index 3", [3]),
        ("bynum 4", [3]),
        ("prop mass > 2", [0, 3, 4]),
        ("same residue as index 4", [3, 4]),
    ],
)
def test_sites_keep_their_indices(text: str, indices: list[int]) -> None:
    universe = universe_of(SYMBOLS, MASSES, KEPT, residues=np.array([0, 0, 1, 1]))
    assert np.intersect1d(select(universe, text).ix, KEPT).tolist() == indices


def test_names_and_residues_are_those_of_the_topology(tmp_path: Path) -> None:
    atoms = ase.Atoms("OHXOH", positions=np.arange(15).reshape(5, 3))
    atoms.new_array("atomtypes", np.array(["OW", "HW", "MW", "OW", "HW"]))
    ase.io.write(tmp_path / "a.pdb", atoms)
    universe = universe_of(SYMBOLS, MASSES, KEPT, topology=tmp_path / "a.pdb")
    assert select(universe, "name OW").ix.tolist() == [0, 3]
    with pytest.raises(TrajectoryError, match="has 5 atoms, the trajectory 4"):
        universe_of(SYMBOLS, MASSES, topology=tmp_path / "a.pdb")
    with pytest.raises(TrajectoryError, match="has 5 atoms, the trajectory 7"):
        universe_of(SYMBOLS, MASSES, np.array([0, 1, 3, 6]), topology=tmp_path / "a.pdb")


def test_a_selection_that_is_none_is_one_line() -> None:
    with pytest.raises(TrajectoryError, match="MDAnalysis rejects the selection 'nonsense 3'") as error:
        select(universe_of(SYMBOLS, MASSES), "nonsense 3")
    assert "\n" not in str(error.value)


def test_a_data_file_of_lammps_names_types_and_molecules(tmp_path: Path) -> None:
    run = water(n_frames=1)[0]
    for style, molecules in (("full", {"resid 12": [3, 4, 5]}), ("charge", {"same residue as index 4": [3, 4, 5]})):
        topology = data(tmp_path / "w.data", run, style)
        universe = universe_of(
            ["O", "H", "H"] * 2, frame_masses(run), residues=np.array([0, 0, 0, 1, 1, 1]), topology=topology
        )
        for text, indices in {"type 2": [1, 2, 4, 5], "name O": [0, 3], "element H": [1, 2, 4, 5], **molecules}.items():
            np.testing.assert_array_equal(select(universe, text).ix, indices)
    with pytest.raises(TrajectoryError, match=r"w\.data has 6 atoms, the trajectory 3"):
        universe_of(["O", "H", "H"], np.ones(3), topology=topology)
    as_topology = dump(tmp_path / "a", [run], "id element x y z")
    universe = universe_of(["O", "H", "H"] * 2, frame_masses(run), topology=as_topology)
    np.testing.assert_array_equal(select(universe, "name O and prop mass > 15").ix, [0, 3])
