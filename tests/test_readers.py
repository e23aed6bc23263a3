"""Readers of trajectories: one contract for all formats, and real files."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import ase.io
import numpy as np
import pytest
from lammps_files import ORIGIN, dump, restricted

from contracts import (
    TIMESTEP,
    TRICLINIC,
    ReaderContract,
    atoms_of,
    made_up_run,
    write_cp,
    write_cp2k,
    write_cpmd,
    write_dftb,
    write_gro,
    write_ipi,
    write_tinker,
)
from mimyria.elements import masses_of, symbols_of
from mimyria.errors import TrajectoryError
from mimyria.formats import READERS, read_frames, write_frames
from mimyria.trajectory import Trajectory
from mimyria.units import BOLTZMANN, MASS_VELOCITY_SQUARED, VELOCITY

DATA = Path(__file__).parents[2] / "shared/data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="shared/data is not here")


class TestExtxyz(ReaderContract):
    reader = "extxyz"
    suffix = ".extxyz"

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        write_frames(folder / f"run{self.suffix}", run)
        return {"path": folder / f"run{self.suffix}"}


class TestZst(TestExtxyz):
    suffix = ".xyz.zst"


class TestXz(TestExtxyz):
    suffix = ".extxyz.xz"


class TestGz(TestExtxyz):
    suffix = ".extxyz.gz"


class TestExtxyzOfASE(ReaderContract):
    reader = "extxyz"
    exact_to = 1e-7
    clock = False

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        ase.io.write(folder / "run.xyz", [atoms_of(frame) for frame in run], format="extxyz")
        return {"path": folder / "run.xyz", "timestep": TIMESTEP}


class TestExtxyzWithoutVelocities(ReaderContract):
    reader = "extxyz"
    differenced = True

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        write_frames(folder / "run.xyz", [replace(frame, velocities=None) for frame in run])
        return {"path": folder / "run.xyz"}


class TestPair(ReaderContract):
    reader = "pair"

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        write_cp2k(folder / "pos.xyz", run, "positions")
        write_cp2k(folder / "vel.xyz", run, "velocities")
        return {
            "path": folder / "pos.xyz",
            "velocities": folder / "vel.xyz",
            "velocity_unit": "au",
            "cell": self.cell.ravel(),
        }


class TestIPI(ReaderContract):
    reader = "pair"
    exact_to = 2e-5  # the lengths of the cell have five decimals
    quantities = ("positions", "velocities")
    unit = "atomic_unit"

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        for quantity in self.quantities:
            write_ipi(folder / f"{quantity}.xyz", run, quantity, self.unit)
        positions, velocities = (folder / f"{quantity}.xyz" for quantity in self.quantities)
        return {"path": positions, "velocities": velocities, "timestep": TIMESTEP}


class TestIPIinAngstrom(TestIPI):
    quantities = ("x_centroid", "v_centroid")
    unit = "angstrom"


class TestIPIthroughASE(TestIPI):
    quantities = ("x_centroid", "v_centroid")
    unit = "ase"


class TestIPIPositions(TestIPI):
    reader = "ipi"
    differenced = True

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        write_ipi(folder / "sim.pos_0.xyz", run, "positions")
        return {"path": folder / "sim.pos_0.xyz", "timestep": TIMESTEP}


class TestDFTB(ReaderContract):
    reader = "dftb"
    exact_to = 2e-8

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        write_dftb(folder / "geo_end.xyz", run)
        return {"path": folder / "geo_end.xyz", "cell": self.cell.ravel(), "timestep": TIMESTEP}


class TestTinker(ReaderContract):
    reader = "pair"
    clock = False
    exact_to = 1e-7

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        write_tinker(folder / "water.arc", run)
        write_tinker(folder / "water.vel", run, "velocities")
        return {"path": folder / "water.arc", "velocities": folder / "water.vel", "timestep": TIMESTEP}


class TestTinkerPositions(TestTinker):
    reader = "tinker"
    differenced = True

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        write_tinker(folder / "water.xyz", run)
        return {"path": folder / "water.xyz", "timestep": TIMESTEP}


class TestGro(ReaderContract):
    reader = "gro"
    exact_to = 1e-6

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        write_gro(folder / "md.gro", run)
        return {"path": folder / "md.gro"}


class TestGroPositions(TestGro):
    differenced = True

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        write_gro(folder / "md.gro", run, decimals=9, velocities=False)
        return {"path": folder / "md.gro"}


class TestCPMD(ReaderContract):
    reader = "cpmd"

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        ase.io.write(folder / "top.pdb", atoms_of(run[0]))
        write_cpmd(folder / "TRAJECTORY", run)
        given = {"topology": folder / "top.pdb", "cell": self.cell.ravel(), "timestep": TIMESTEP}
        return {"path": folder / "TRAJECTORY", **given}


class TestCP(ReaderContract):
    reader = "pair"

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        ase.io.write(folder / "top.pdb", atoms_of(run[0]))
        write_cp(folder / "water.pos", run)
        write_cp(folder / "water.vel", run, "velocities")
        given = {"topology": folder / "top.pdb", "velocities": folder / "water.vel", "cell": self.cell.ravel()}
        return {"path": folder / "water.pos", **given}


class TestCPPositions(TestCP):
    reader = "cp"
    differenced = True

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        return {name: value for name, value in super().write(folder, run).items() if name != "velocities"}


class TestASETrajectory(ReaderContract):
    reader = "ase"
    clock = False

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        ase.io.write(folder / "run.traj", [atoms_of(frame) for frame in run])
        return {"path": folder / "run.traj", "timestep": TIMESTEP}


class ThroughMDAnalysis(ReaderContract):
    reader = "mdanalysis"
    exact_to = 1e-5
    suffix = ""

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        import MDAnalysis
        from MDAnalysis.lib.mdamath import triclinic_box

        ase.io.write(folder / "top.pdb", atoms_of(run[0]))
        universe = MDAnalysis.Universe.empty(len(run[0]), trajectory=True, velocities=True)
        now = universe.trajectory.ts
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with MDAnalysis.Writer(str(folder / f"run{self.suffix}"), len(run[0]), **self.options()) as writer:
                for index, frame in enumerate(run):
                    now.positions, now.velocities = frame.positions, frame.velocities / VELOCITY["A/ps"]
                    now.dimensions, now.time, now.frame = triclinic_box(*frame.cell), frame.time / 1e3, index
                    now.data["step"] = index
                    writer.write(universe.atoms)
        return {"path": folder / f"run{self.suffix}", "topology": folder / "top.pdb"}

    def options(self) -> dict[str, Any]:
        return {"velocities": True}


class TestTRR(ThroughMDAnalysis):
    reader = "trr"
    suffix = ".trr"


class TestNetCDF(ThroughMDAnalysis):
    reader = "netcdf"
    suffix = ".nc"


class TestH5MD(ThroughMDAnalysis):
    reader = "h5md"
    suffix = ".h5md"

    def options(self) -> dict[str, Any]:
        return {"velocities": True, "timeunit": "ps", "lengthunit": "Angstrom", "velocityunit": "Angstrom/ps"}


class TestXTC(ThroughMDAnalysis):
    suffix = ".xtc"
    exact_to = 6e-3  # the format keeps 0.01 Å
    differenced = True


class TestDCD(ThroughMDAnalysis):
    reader = "dcd"
    suffix = ".dcd"
    differenced = True
    clock = repeats_show = False  # it counts its frames

    def options(self) -> dict[str, Any]:
        return {"dt": TIMESTEP / 1e3}


class TestLAMMPS(ReaderContract):
    """Its own units and times, in an orthogonal cell, and a name that tells nothing."""

    reader = "lammps"
    cell = np.diag([9.0, 8.0, 10.0])
    name = "dump.water"
    form: ClassVar[dict[str, Any]] = {"style": "orthogonal"}
    said: ClassVar[dict[str, Any]] = {}

    def agree(self, read: Any, written: list[Any]) -> None:
        def moved() -> Iterator[Any]:
            for frame in read:
                shifts = np.rint((frame.positions - written[0].positions - ORIGIN) @ np.linalg.inv(self.cell))
                yield replace(frame, positions=frame.positions - ORIGIN - shifts @ self.cell)

        super().agree(moved(), written)

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        return {"path": dump(folder / self.name, run, **self.form), **self.said}


class TestLAMMPSRestricted(TestLAMMPS):
    cell = restricted(TRICLINIC)
    name = "run.txt"
    form: ClassVar[dict[str, Any]] = {"columns": "id mass xu yu zu ix iy iz vx vy vz", "units": "real"}


class TestLAMMPSGeneral(TestLAMMPS):
    cell = TRICLINIC[:, [2, 0, 1]]
    name = "run.lammpstrj"
    form: ClassVar[dict[str, Any]] = {"columns": "id type element xs ys zs vx vy vz", "style": "general"}


class TestLAMMPSYaml(TestLAMMPS):
    cell = restricted(TRICLINIC)
    name = "run.yaml"
    form: ClassVar[dict[str, Any]] = {"columns": "id element xsu ysu zsu vx vy vz", "yaml": True, "units": "nano"}


class TestLAMMPSWithoutUnits(TestLAMMPS):
    """Types, and nothing said: the oldest and most frequent kind."""

    form: ClassVar[dict[str, Any]] = {"columns": "id type x y z vx vy vz", "style": "orthogonal", "stated": False}
    said: ClassVar[dict[str, Any]] = {
        "velocity_unit": "A/ps",
        "timestep": TIMESTEP,
        "species": {"1": "O", "2": "H", "3": "Cl"},
    }


class TestLAMMPSWithoutVelocities(TestLAMMPS):
    form: ClassVar[dict[str, Any]] = {"columns": "id element x y z", "style": "orthogonal"}
    differenced = True


class TestOUTCAR(ReaderContract):
    """ASE reads it, we the Born charges."""

    reader = "outcar"
    differenced = True
    clock = False

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        symbols = symbols_of(run[0].numbers)
        kinds = [symbol for k, symbol in enumerate(symbols) if not k or symbols[k - 1] != symbol]
        counts = "".join(f"{n:4d}" for n in (1, 2, 1, 2))
        text = " vasp.6.3.0 20Jan22 (build)\n" + "".join(f" POTCAR:    PAW_PBE {kind} 1Jan2000\n" for kind in kinds * 2)
        text += "".join(f"   VRHFIN ={kind}: s\n" for kind in kinds) + "   ISPIN  =      1    spin polarized?\n"
        text += f"   number of dos      NEDOS =    301   number of ions     NIONS =      {len(symbols)}\n"
        text += f"   ions per type =           {counts}\n"
        for frame in run:
            text += (
                "----- Iteration      1(   1)  -----\n      direct lattice vectors      reciprocal lattice vectors\n"
            )
            text += "".join(" ".join(f"{x:.10f}" for x in (*row, 0, 0, 0)) + "\n" for row in frame.cell)
            text += f"\n POSITION{'TOTAL-FORCE (eV/Angst)':>61}\n ---\n"
            text += "".join(" ".join(f"{x:.10f}" for x in (*row, 0, 0, 0)) + "\n" for row in frame.positions)
            text += " ---\n    total drift:  0.0 0.0 0.0\n\n  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)\n  ---\n"
            text += "  free  energy   TOTEN  =  -1.0 eV\n\n  energy  without entropy=  -1.0  energy(sigma->0) =  -1.0\n"
        (folder / "OUTCAR").write_text(text)
        return {"path": folder / "OUTCAR", "timestep": TIMESTEP}


OF_ONE_STRUCTURE = {"born", "phonopy", "espresso", "abinit"}
"""Readers of tensors that a program has computed for one structure; each has its page of tests."""


def test_every_reader_is_under_contract() -> None:
    tested = {page.reader for page in globals().values() if isinstance(page, type) and issubclass(page, ReaderContract)}
    assert tested | OF_ONE_STRUCTURE >= {reader.name for reader in READERS}


@needs_data
def test_cp2k_files_agree_with_extxyz() -> None:
    whole = Trajectory(DATA / "water32.extxyz.zst")
    files: ClassVar[dict[str, Any]] = {
        "path": DATA / "water32-pos-1.xyz",
        "velocities": DATA / "water32-vel-1.xyz",
        "velocity_unit": "au",
    }
    pair = Trajectory(**files, cell=[9.855] * 3)
    ours: Any
    theirs: Any
    for ours, theirs in zip(pair.frames(), whole.frames(0, 300), strict=True):
        np.testing.assert_array_equal(ours.numbers, theirs.numbers)
        np.testing.assert_allclose(ours.positions, theirs.positions, atol=6e-6)
        np.testing.assert_allclose(ours.velocities, theirs.velocities, atol=6e-8)
        np.testing.assert_allclose(ours.cell, theirs.cell)
        assert ours.time == theirs.time
    with pytest.raises(TrajectoryError, match="frame 0: no cell"):
        Trajectory(**files)


@needs_data
def test_trr_has_its_temperature() -> None:
    trajectory = Trajectory(DATA / "water64.trr", topology=DATA / "water64.pdb")
    assert (trajectory.n_frames, trajectory.timestep, trajectory.differenced) == (10000, 2.0, False)
    masses = masses_of(trajectory.numbers)[:, None]
    frames: Any = trajectory.frames(step=50)
    twice_kinetic = [float((masses * frame.velocities**2).sum()) for frame in frames]
    freedom = 3 * len(trajectory.numbers) - 3
    assert np.mean(twice_kinetic) * MASS_VELOCITY_SQUARED / (freedom * BOLTZMANN) == pytest.approx(303, abs=3)


@needs_data
def test_labels_of_cp2k_are_read() -> None:
    frames = list(read_frames(DATA / "cp2k_water32.extxyz"))
    assert len(frames) == 50
    for frame in frames:
        assert frame.tensors["apt"].shape == (96, 3, 3)
        assert frame.tensors["pgt"].shape == (96, 3, 3, 3)
        assert isinstance(frame.info["md_frame"], int)
    largest = max(abs(frame.tensors["apt"].sum(axis=0)).max() for frame in frames)
    assert largest < 0.05  # Σ P = 0 for a neutral cell, to the egg-box of the grid


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    peaks = []
    for length in (50, 2000):
        write_frames(tmp_path / "a.xyz.zst", iter(made_up_run(1) * length), append=False)
        trajectory = Trajectory(tmp_path / "a.xyz.zst", timestep=1.0)
        tracemalloc.start()
        for _ in trajectory.frames():
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 50_000


def test_the_import_is_light() -> None:
    modules = "('ase', 'MDAnalysis', 'zstandard', 'torch', 'matplotlib')"
    code = f"import sys, mimyria.pipeline; print([m for m in {modules} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
