"""The total charge of a frame: one number, whatever its key, from any format, and written under one key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ase
import ase.io
import numpy as np
import pytest

from mimyria.errors import TrajectoryError
from mimyria.formats import read_frames, write_frames
from mimyria.frame import CHARGE, Frame, stated_charge, with_charge

KEYS = ("total_charge", "charge", "net_charge", "tot_charge", "Charge", "TotalCharge", "total-charge", "CHARGE")
SULFATE = "SOOOO"
FORMAL = [2.0, -1.0, -1.0, -1.0, -1.0]


def sulfate(**info: Any) -> ase.Atoms:
    atoms = ase.Atoms(SULFATE, positions=1.5 * np.arange(15).reshape(5, 3))
    atoms.info.update(info)
    return atoms


def read(folder: Path, atoms: ase.Atoms, name: str) -> Frame:
    ase.io.write(folder / name, atoms)
    (frame,) = read_frames(folder / name)
    return frame


@pytest.mark.parametrize("name", ["a.xyz", "a.traj"])
@pytest.mark.parametrize("key", KEYS)
def test_every_key_means_the_same_and_one_is_written(tmp_path: Path, name: str, key: str) -> None:
    frame = read(tmp_path, sulfate(**{key: -2}), name)
    assert frame.total_charge == -2
    write_frames(tmp_path / "again.xyz", [frame])
    assert (tmp_path / "again.xyz").read_text().lower().count("charge") == 1
    (again,) = read_frames(tmp_path / "again.xyz")
    assert again.info[CHARGE] == -2


@pytest.mark.parametrize("name", ["a.xyz", "a.traj"])
def test_initial_charges_of_ase(tmp_path: Path, name: str) -> None:
    atoms = sulfate()
    atoms.set_initial_charges(FORMAL)
    assert read(tmp_path, atoms, name).info[CHARGE] == -2
    atoms.info["charge"] = -2.0
    assert read(tmp_path, atoms, name).info[CHARGE] == -2
    atoms.info["charge"] = -1
    with pytest.raises(TrajectoryError, match=r"a\.\w+, frame 0: two total charges, charge=-1 and the sum of initial"):
        read(tmp_path, atoms, name)
    for partial in (np.zeros(5), np.array([1.0, -0.4, -0.4, -0.4, -0.4])):  # none, and those of a scaled force field
        atoms.set_initial_charges(partial)
        assert read(tmp_path, atoms, name).info[CHARGE] == -1
        assert CHARGE not in read(tmp_path, sulfate_with(partial), name).info


def sulfate_with(charges: Any) -> ase.Atoms:
    atoms = sulfate()
    atoms.set_initial_charges(charges)
    return atoms


def test_two_that_differ_and_no_number_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrajectoryError, match=r"a.xyz, frame 0: two total charges, charge=-2 and net_charge=-1; leave"):
        read(tmp_path, sulfate(charge=-2, net_charge=-1), "a.xyz")
    for wrong in ("two", "-2e", [1, -2], np.nan, True):
        with pytest.raises(TrajectoryError, match=r"a.xyz, frame 0: the total charge charge=.* is not a number"):
            read(tmp_path, sulfate(charge=wrong), "a.xyz")


def test_charges_of_every_atom_are_no_total_charge(tmp_path: Path) -> None:
    frame = read(tmp_path, sulfate(charge=np.array(FORMAL)), "a.xyz")
    assert CHARGE not in frame.info
    np.testing.assert_array_equal(frame.info["charge"], FORMAL)
    assert with_charge(frame.info, -2, 5).keys() == {"charge", CHARGE}
    assert stated_charge({"charge": np.array([1.0])}, 1) == 1


def test_frames_of_python_state_it_too() -> None:
    frame = Frame(np.array([8]), np.zeros((1, 3)), np.eye(3), np.ones(3, dtype=bool), info={"net_charge": "-1"})
    assert frame.total_charge == -1
    assert with_charge({"a": 1, "charge": 2, CHARGE: 3, "b": 2}, 4, 3) == {"a": 1, CHARGE: 4.0, "b": 2}
    assert list(with_charge({"a": 1, CHARGE: 3, "b": 2}, 4, 3)) == ["a", CHARGE, "b"]
    assert with_charge({"charge": 2}, None, 3) == {"charge": 2}
