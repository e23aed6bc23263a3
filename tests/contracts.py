"""Contracts: what every implementation behind a seam must do, written once; a test class inherits one for each."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import ase
import numpy as np
import pytest

from mimyria.elements import symbols_of
from mimyria.frame import Frame
from mimyria.trajectory import Trajectory
from mimyria.units import VELOCITY

TIMESTEP = 2.0
TRICLINIC = np.array([[9.0, 0.0, 0.0], [1.5, 8.0, 0.0], [-1.0, 2.0, 10.0]])


def made_up_run(n_frames: int = 7, cell: Any = TRICLINIC) -> list[Any]:
    """Return two molecules in free flight: the velocities are known, and central differences of it are exact."""
    random = np.random.default_rng(7)
    positions = random.uniform(0.3, 0.7, (6, 3)) @ cell
    velocities = random.normal(0.0, 0.02, (6, 3))
    return [
        Frame(
            numbers=np.array([8, 1, 1, 17, 1, 1]),
            positions=positions + velocities * TIMESTEP * index,
            cell=cell,
            periodic=np.ones(3, dtype=bool),
            velocities=velocities,
            time=TIMESTEP * index,
        )
        for index in range(n_frames)
    ]


def labelled(n_frames: int = 2) -> list[Any]:
    """Return frames with tensors that are visibly not symmetric, a masked atom, and every kind of header entry."""
    random = np.random.default_rng(3)
    frames = []
    for frame in made_up_run(n_frames):
        pgt = random.normal(size=(len(frame), 3, 3, 3))
        tensors = {"apt": random.normal(size=(len(frame), 3, 3)), "pgt": pgt + pgt.swapaxes(1, 2)}
        tensors["apt"][2] = tensors["pgt"][2] = np.nan
        info = {
            "total_charge": -1.0,
            "md_frame": 12,
            "good": True,
            "engine": 'CP2K 2023.1 "PBE"',
            "alpha": np.arange(9) / 7,
            "spins": np.array([1, 2]),
            "flags": np.array([True, False]),
            "matrix": np.array([[1.5, 2.0], [3.0, 4.0]]),
        }
        frames.append(replace(frame, tensors=tensors, info=info, periodic=np.array([True, True, False])))
    return frames


def atoms_of(frame: Any) -> ase.Atoms:
    atoms = ase.Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.periodic)
    if frame.velocities is not None:
        atoms.set_velocities(frame.velocities / VELOCITY["ase"])
    return atoms


def write_cp2k(path: Path, run: list[Any], what: str) -> None:
    with path.open("w") as file:
        for index, frame in enumerate(run):
            file.write(f"{len(frame):8d}\n i = {index:8d}, time = {frame.time:12.3f}, E = {-1.5:20.10f}\n")
            values = frame.positions if what == "positions" else frame.velocities / VELOCITY["au"]
            for symbol, row in zip(symbols_of(frame.numbers), values, strict=True):
                file.write(f"{symbol:>3s}" + "".join(f"{x:20.12f}" for x in row) + "\n")


class ReaderContract:
    """What a trajectory format must give back; a subclass writes the made-up run and says how exact the format is."""

    cell = TRICLINIC
    exact_to = 1e-8
    """Å, and half as many Å/fs."""
    differenced = False

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        """Write the run into the folder; return the arguments with which `Trajectory` reads it."""
        raise NotImplementedError

    @pytest.fixture
    def run(self) -> list[Any]:
        return made_up_run(cell=self.cell)

    @pytest.fixture
    def arguments(self, tmp_path: Path, run: list[Any]) -> dict[str, Any]:
        return self.write(tmp_path, run)

    def kept(self, run: list[Any]) -> list[Any]:
        return run[1:-1] if self.differenced else run

    def agree(self, read: Any, written: list[Any]) -> None:
        for ours, theirs in zip_longest(read, written):
            np.testing.assert_array_equal(ours.numbers, theirs.numbers)
            np.testing.assert_allclose(ours.positions, theirs.positions, atol=self.exact_to)
            np.testing.assert_allclose(ours.velocities, theirs.velocities, atol=self.exact_to / 2)
            np.testing.assert_allclose(ours.cell, theirs.cell, atol=self.exact_to)
            assert ours.time == pytest.approx(theirs.time)
            assert ours.periodic.all()
            assert {ours.positions.dtype, ours.velocities.dtype, ours.cell.dtype} == {np.dtype(float)}

    def test_what_was_written_is_read(self, arguments: dict[str, Any], run: list[Any]) -> None:
        trajectory = Trajectory(**arguments)
        assert trajectory.timestep == pytest.approx(TIMESTEP)
        assert trajectory.n_frames in (None, len(run))
        assert trajectory.differenced == self.differenced
        self.agree(trajectory.frames(), self.kept(run))

    @pytest.mark.parametrize(
        "part", [(0, None, 2), (1, None, 3), (2, 5, 1), (0, 7, 4), (3, 4, 1), (5, 100, 1), (9, None, 1)]
    )
    def test_a_part_is_the_slice(self, arguments: dict[str, Any], run: list[Any], part: Any) -> None:
        wanted = run[slice(*part)]
        if self.differenced:
            wanted = [frame for frame in wanted if 0 < frame.time < run[-1].time]
        self.agree(Trajectory(**arguments).frames(*part), wanted)

    def test_the_fraction_read_grows_to_one(self, arguments: dict[str, Any]) -> None:
        trajectory = Trajectory(**arguments)
        fractions: list[Any] = [trajectory.fraction_read for _ in trajectory.frames()]
        if trajectory.fraction_read is None:
            assert set(fractions) == {None}
        else:
            assert fractions == sorted(fractions)
            assert fractions[-1] == trajectory.fraction_read == 1.0

    def test_two_are_read_at_once(self, arguments: dict[str, Any]) -> None:
        one, two = Trajectory(**arguments), Trajectory(**arguments)
        for a, b, c in zip(one.frames(), two.frames(), one.frames(), strict=True):
            np.testing.assert_array_equal(a.positions, b.positions)
            np.testing.assert_array_equal(a.positions, c.positions)
