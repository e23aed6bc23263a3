"""What is read through MDAnalysis: AMBER's text files, and names of force fields in files that name their atoms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ase.io
import MDAnalysis
import numpy as np
import pytest
from binary_files import AKMA, netcdf

from contracts import TIMESTEP, atoms_of
from dialects import water
from mimyria.errors import TrajectoryError
from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.trajectory import Trajectory


def amber_text(path: Path, values: Any) -> Path:
    """Write AMBER's text format, a title and ten numbers a line with three decimals, values of shape (frames, n, 3)."""
    lines = ["title"]
    for frame in values:
        words = [f"{x:8.3f}" for x in np.ravel(frame)]
        lines += ["".join(words[k : k + 10]) for k in range(0, len(words), 10)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def run(tmp_path: Path) -> list[Frame]:
    run = water(n_frames=4)
    ase.io.write(tmp_path / "top.pdb", atoms_of(run[0]))
    return run


def test_velocities_in_text_are_in_the_unit_of_amber(tmp_path: Path, run: list[Frame]) -> None:
    given: Any = {
        "path": netcdf(tmp_path / "a.nc", run, what=("coordinates",)),
        "velocities": amber_text(tmp_path / "a.mdvel", [np.asarray(frame.velocities) * AKMA for frame in run]),
        "topology": tmp_path / "top.pdb",
    }
    for read, written in zip(Trajectory(**given).frames(), run, strict=True):
        np.testing.assert_allclose(read.velocities, written.velocities, atol=0.6e-3 / AKMA)
    with pytest.raises(TrajectoryError, match="leave --velocity-unit au out"):
        Trajectory(**given, velocity_unit="au")


def test_positions_in_text_need_a_topology_a_cell_and_a_time(tmp_path: Path, run: list[Frame]) -> None:
    path = amber_text(tmp_path / "a.mdcrd", [frame.positions for frame in run])
    with pytest.raises(TrajectoryError, match=r"a\.mdcrd: names no atoms; give --topology"):
        Trajectory(path)
    given: Any = {"topology": tmp_path / "top.pdb", "cell": [9.0] * 3, "timestep": TIMESTEP}
    read = list(Trajectory(path, **given).frames())
    np.testing.assert_allclose(read[0].positions, run[1].positions, atol=6e-4)


def test_names_of_force_fields_are_elements_where_they_are_clear(tmp_path: Path, run: list[Frame]) -> None:
    def gro(names: list[str]) -> Path:
        rows = [
            f"    1SOL  {name:>5s}{k + 1:5d}" + "".join(f"{x / 10:8.3f}" for x in row)
            for k, (name, row) in enumerate(zip(names, run[0].positions, strict=True))
        ]
        path = tmp_path / "a.gro"
        path.write_text("\n".join(["water", f"{len(rows):5d}", *rows, "   0.9   0.9   0.9"]) + "\n")
        return path

    (frame,) = read_frames(gro(["OW", "HW1", "HW2"] * 2))
    np.testing.assert_array_equal(frame.numbers, run[0].numbers)
    (frame,) = read_frames(gro(["QQ", "HW1", "MW"] * 2), species={"QQ": "O"})
    np.testing.assert_array_equal(frame.numbers, [8, 1, 8, 1])
    np.testing.assert_array_equal(frame.kept, [0, 1, 3, 4])
    with pytest.raises(TrajectoryError, match=r"a\.gro.*named 'QQ', is not known; give --species QQ=ELEMENT"):
        list(read_frames(gro(["QQ", "HW1", "HW2"] * 2)))


def test_a_file_of_another_kind_is_told_without_opening_it(tmp_path: Path, run: list[Frame]) -> None:
    for name in ("a.trr", "a.xtc"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        with pytest.raises(TrajectoryError, match=f"{name}: is no {name[2:].upper()} file"):
            Trajectory(tmp_path / name, topology=tmp_path / "top.pdb")


def test_a_cell_that_changes_is_followed(tmp_path: Path, run: list[Frame]) -> None:
    """A barostat that changes it at every other frame only."""
    universe = MDAnalysis.Universe.empty(len(run[0]), trajectory=True, velocities=True)
    lengths = [9.0, 9.0, 9.1, 9.1, 9.05]
    with MDAnalysis.Writer(str(tmp_path / "a.trr"), n_atoms=len(run[0])) as writer:
        for index, length in enumerate(lengths):
            universe.atoms.positions, universe.dimensions = run[0].positions, [length, 9, 9, 90, 90, 90]
            universe.trajectory.ts.time = 1e-3 * TIMESTEP * index
            writer.write(universe.atoms)
    read = list(Trajectory(tmp_path / "a.trr", topology=tmp_path / "top.pdb").frames())
    np.testing.assert_allclose([frame.cell[0, 0] for frame in read], lengths, rtol=1e-6)
    assert [read[k].cell is read[k + 1].cell for k in range(4)] == [True, False, True, False]
