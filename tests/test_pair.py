"""Positions and velocities in two files: which of them is which, their unit, and whether they belong together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts import TIMESTEP, made_up_run, write_cp2k, write_ipi, write_tinker
from dialects import cp2k_extxyz_pair, momenta, positions, velocities, water, xyz
from mimyria.errors import TrajectoryError
from mimyria.trajectory import Trajectory
from mimyria.units import VELOCITY

RUN = made_up_run()
CELL: dict[str, Any] = {"cell": RUN[0].cell}


@pytest.fixture
def cp2k(tmp_path: Path) -> dict[str, Path]:
    write_cp2k(tmp_path / "run-pos-1.xyz", RUN, "positions")
    write_cp2k(tmp_path / "run-vel-1.xyz", RUN, "velocities")
    return {"path": tmp_path / "run-pos-1.xyz", "velocities": tmp_path / "run-vel-1.xyz"}


def agree(trajectory: Trajectory, run: list[Any]) -> None:
    for ours, theirs in zip(trajectory.frames(), run, strict=True):
        np.testing.assert_allclose(ours.positions, theirs.positions, atol=2e-5)
        np.testing.assert_allclose(ours.velocities, theirs.velocities, atol=1e-7)


def test_the_comment_of_cp2k_tells_the_unit_of_its_velocities(tmp_path: Path, cp2k: dict[str, Path]) -> None:
    trajectory = Trajectory(**cp2k, **CELL)
    assert (trajectory.velocity_unit, trajectory.unit_is_fixed) == ("au", False)
    agree(trajectory, RUN)
    # CP2K can be told another one, which only the user knows.
    (first,) = Trajectory(**cp2k, **CELL, velocity_unit="A/ps").frames(0, 1)
    np.testing.assert_allclose(first.velocities, RUN[0].velocities / VELOCITY["au"] * 1e-3, atol=1e-12)
    agree(Trajectory(**cp2k_extxyz_pair(tmp_path, water())), water())


@pytest.mark.parametrize("after", [True, False])
def test_entries_of_cp2k_come_in_any_order(tmp_path: Path, after: bool) -> None:
    files = cp2k_extxyz_pair(tmp_path, water())
    for path in files.values():
        lines = path.read_text().split("\n")
        for k, line in enumerate(lines):
            if line.startswith("Lattice"):
                at = line.index("Step=")
                lines[k] = f"{line[at:]} {line[:at]}" if after else line.replace('pbc="T T T" ', "") + ' pbc="T T T"'
        path.write_text("\n".join(lines))
    agree(Trajectory(**files), water())


def test_path_integrals_of_cp2k_count_steps(cp2k: dict[str, Path]) -> None:
    """Their comments have no time, and those of the centroid's velocities two energies."""
    for path, energies in ((cp2k["path"], "E ="), (cp2k["velocities"], "E_trm =  0.1, E_vir =")):
        lines = path.read_text().splitlines()
        lines[1::8] = [f" i = {5 * k:8d}, {energies} {-1.5:20.10f}" for k in range(len(RUN))]
        path.write_text("\n".join(lines) + "\n")
    with pytest.raises(TrajectoryError, match="give --timestep FS"):
        Trajectory(**cp2k, **CELL)
    trajectory = Trajectory(**cp2k, **CELL, timestep=TIMESTEP)
    assert trajectory.velocity_unit == "au"
    agree(trajectory, RUN)
    cp2k["velocities"].write_text("\n".join([*lines[:8], *lines[16:]]) + "\n")
    with pytest.raises(TrajectoryError, match="frame 1: steps 5 and 10; both files must hold the same frames"):
        list(Trajectory(**cp2k, **CELL, timestep=TIMESTEP).frames())


def test_atoms_of_both_files_are_named_by_kind(cp2k: dict[str, Path]) -> None:
    for path in cp2k.values():
        path.write_text(path.read_text().replace("  O ", " OW ").replace("  H ", " HW1"))
    with pytest.raises(TrajectoryError, match="give --species OW=O --species HW1=H"):
        Trajectory(**cp2k, **CELL)
    agree(Trajectory(**cp2k, **CELL, species={"OW": "O", "HW1": "H"}), RUN)


def test_momenta_of_ase_have_its_unit(tmp_path: Path) -> None:
    run = water()
    files = xyz(tmp_path / "x.xyz", run, {"pos": positions})
    files["velocities"] = xyz(tmp_path / "p.xyz", run, {"momenta": momenta})["path"]
    agree(Trajectory(**files), run)
    with pytest.raises(TrajectoryError, match=r"p\.xyz: .*leave --velocity-unit au out, it is ase"):
        Trajectory(**files, velocity_unit="au")


def test_the_unit_of_other_programs_is_asked_for(tmp_path: Path) -> None:
    run = water()
    files = xyz(tmp_path / "x.xyz", run, {"pos": positions})
    files["velocities"] = xyz(tmp_path / "v.xyz", run, {"pos": velocities})["path"]
    with pytest.raises(
        TrajectoryError, match=r"v\.xyz: the file does not state the unit of its velocities; give --vel"
    ):
        Trajectory(**files)
    agree(Trajectory(**files, velocity_unit="A/fs"), run)


def test_the_files_may_be_in_different_dialects(tmp_path: Path) -> None:
    write_tinker(tmp_path / "a.arc", RUN)
    write_ipi(tmp_path / "v.xyz", RUN, "velocities", "angstrom")
    trajectory = Trajectory(tmp_path / "a.arc", velocities=tmp_path / "v.xyz", timestep=TIMESTEP)
    agree(trajectory, RUN)


def test_a_file_that_is_none_of_velocities(tmp_path: Path, cp2k: dict[str, Path]) -> None:
    with pytest.raises(TrajectoryError, match=r"run-pos-1\.xyz, frame 0: holds the same numbers as .*positions; give"):
        Trajectory(cp2k["path"], velocities=cp2k["path"], **CELL)
    forces = xyz(tmp_path / "f.xyz", RUN, {"force": positions}, comment=lambda frame: f"time={frame.time}")["path"]
    with pytest.raises(TrajectoryError, match=r"f\.xyz: holds species, force, no velocities"):
        Trajectory(cp2k["path"], velocities=forces, **CELL)
    with pytest.raises(TrajectoryError, match=r"f\.xyz, frame 0: holds forces, no positions"):
        Trajectory(forces)
    moving = xyz(tmp_path / "v.xyz", RUN, {"velo": velocities})["path"]
    with pytest.raises(
        TrajectoryError, match="holds velocities, no positions; give the file of positions, and this as"
    ):
        Trajectory(moving)
