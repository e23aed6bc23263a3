"""Readers and writers of trajectories: one contract for all formats, round trips, real files, and every error."""

from __future__ import annotations

import logging
import subprocess
import sys
import tracemalloc
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest

from contracts import TIMESTEP, ReaderContract, atoms_of, labelled, made_up_run, write_cp2k
from mimyria.elements import masses_of, numbers_of, symbols_of
from mimyria.errors import TrajectoryError
from mimyria.formats import READERS, read_frames, write_frames
from mimyria.targets import PGT
from mimyria.trajectory import Trajectory
from mimyria.trajectory.differences import attenuation
from mimyria.units import BOLTZMANN, LIGHT_SPEED, MASS_VELOCITY_SQUARED, VELOCITY

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
    suffix = ".trr"


class TestNetCDF(ThroughMDAnalysis):
    suffix = ".nc"


class TestH5MD(ThroughMDAnalysis):
    suffix = ".h5md"

    def options(self) -> dict[str, Any]:
        return {"velocities": True, "timeunit": "ps", "lengthunit": "Angstrom", "velocityunit": "Angstrom/ps"}


class TestXTC(ThroughMDAnalysis):
    suffix = ".xtc"
    exact_to = 6e-3  # the format keeps 0.01 Å
    differenced = True


class TestDCD(ThroughMDAnalysis):
    suffix = ".dcd"
    differenced = True
    clock = repeats_show = False  # it counts its frames

    def options(self) -> dict[str, Any]:
        return {"dt": TIMESTEP / 1e3}


class TestLAMMPS(ReaderContract):
    reader = "mdanalysis"
    exact_to = 1e-5

    def write(self, folder: Path, run: list[Any]) -> dict[str, Any]:
        ase.io.write(folder / "top.pdb", atoms_of(run[0]))
        random = np.random.default_rng(1)
        (lx, _, _), (xy, ly, _), (xz, yz, lz) = self.cell
        with (folder / "run.lammpstrj").open("w") as file:
            for frame in run:
                file.write(f"ITEM: TIMESTEP\n{5 * frame.time:.0f}\nITEM: NUMBER OF ATOMS\n{len(frame)}\n")
                file.write("ITEM: BOX BOUNDS xy xz yz pp pp pp\n")
                file.write(f"{min(0, xy, xz, xy + xz)} {lx + max(0, xy, xz, xy + xz)} {xy}\n")
                file.write(f"{min(0, yz)} {ly + max(0, yz)} {xz}\n0 {lz} {yz}\nITEM: ATOMS id type x y z vx vy vz\n")
                for atom in random.permutation(len(frame)):
                    numbers = (*frame.positions[atom], *frame.velocities[atom] / VELOCITY["A/ps"])
                    file.write(f"{atom + 1} 1 " + " ".join(f"{x:.10f}" for x in numbers) + "\n")
        return {
            "path": folder / "run.lammpstrj",
            "topology": folder / "top.pdb",
            "velocity_unit": "A/ps",
            "timestep": TIMESTEP,
        }


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


def test_every_reader_is_under_contract() -> None:
    tested = {page.reader for page in globals().values() if isinstance(page, type) and issubclass(page, ReaderContract)}
    assert tested >= {reader.name for reader in READERS}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_frames(tmp_path / "a.xyz", labelled())
    ours: Any
    for ours, theirs in zip(read_frames(tmp_path / "a.xyz"), labelled(), strict=True):
        np.testing.assert_array_equal(ours.periodic, theirs.periodic)
        np.testing.assert_allclose(ours.velocities, theirs.velocities, rtol=1e-9)
        assert ours.time == theirs.time
        assert ours.info.keys() == theirs.info.keys()
        for key, value in theirs.info.items():
            np.testing.assert_array_equal(ours.info[key], value)
            assert np.asarray(ours.info[key]).dtype.kind == np.asarray(value).dtype.kind
        for name, tensors in theirs.tensors.items():
            np.testing.assert_allclose(ours.tensors[name], tensors, rtol=1e-9)


def test_ase_reads_what_is_written(tmp_path: Path) -> None:
    write_frames(tmp_path / "a.xyz", labelled())
    for atoms, frame in zip(ase.io.read(tmp_path / "a.xyz", index=":"), labelled(), strict=True):
        np.testing.assert_array_equal(atoms.numbers, frame.numbers)
        np.testing.assert_allclose(atoms.cell.array, frame.cell)
        np.testing.assert_array_equal(atoms.pbc, frame.periodic)
        np.testing.assert_allclose(atoms.arrays["vel"], frame.velocities, rtol=1e-9)
        np.testing.assert_allclose(atoms.arrays["pgt"].reshape(-1, 3, 3, 3), frame.tensors["pgt"], rtol=1e-9)
        assert atoms.info["apt_order"] == "field,displacement"
        assert atoms.info["pgt_unit"] == PGT.unit
        assert atoms.info["engine"] == frame.info["engine"]
        np.testing.assert_array_equal(atoms.info["alpha"], frame.info["alpha"])


@pytest.mark.parametrize("suffix", ["", ".zst", ".xz", ".gz"])
def test_frames_are_appended(tmp_path: Path, suffix: str) -> None:
    path, frames = tmp_path / f"a.xyz{suffix}", labelled(4)
    write_frames(path, frames[:1], append=True)
    write_frames(path, iter(frames[1:]), append=True)
    assert [frame.time for frame in read_frames(path)] == [frame.time for frame in frames]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def failing() -> Any:
        yield from labelled()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_frames(tmp_path / "a.xyz", failing())
    assert not list(tmp_path.iterdir())


def test_elements() -> None:
    assert symbols_of(numbers_of(["O", "Cl", "H"])) == ["O", "Cl", "H"]
    np.testing.assert_allclose(masses_of([8, 1]), [15.999, 1.008])
    with pytest.raises(TrajectoryError, match="'OW' is not a chemical symbol"):
        numbers_of(["O", "OW"])


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("step", [1, 2, 5])
def test_differences_are_the_velocities_times_the_known_factor(tmp_path: Path, wrapped: bool, step: int) -> None:
    wavenumber, interval = 3500.0, 1.5
    omega = 2 * np.pi * LIGHT_SPEED * wavenumber
    run = made_up_run(40)
    atoms, amplitude = atoms_of(run[0]), 0.1 * np.random.default_rng(5).normal(size=(6, 3))
    centre = np.array([0.0, 0.01, 4.0])  # at a face of the cell
    frames: list[Any] = []
    truth = []
    for index, frame in enumerate(run):
        phase = omega * index * interval
        atoms.positions = centre + amplitude * np.sin(phase)
        if wrapped:
            atoms.wrap()
        truth.append(amplitude * omega * np.cos(phase))
        frames.append(replace(frame, positions=atoms.positions.copy(), velocities=None, time=None))
    write_frames(tmp_path / "a.xyz", frames)
    trajectory = Trajectory(tmp_path / "a.xyz", timestep=interval)
    made: list[Any] = list(trajectory.frames(step=step))
    factor = np.sin(omega * interval) / (omega * interval)
    assert attenuation(wavenumber, interval) == pytest.approx(factor)
    assert [frame.time for frame in made] == [index * interval for index in range(0, 39, step) if index]
    for frame in made:
        np.testing.assert_allclose(frame.velocities, factor * truth[round(frame.time / interval)], atol=1e-7)


def test_the_loss_by_differences_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_frames(tmp_path / "a.xyz", [replace(frame, velocities=None) for frame in made_up_run()])
    trajectory = Trajectory(tmp_path / "a.xyz")
    list(trajectory.frames())
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"{attenuation(3500.0, 2.0):.3f}" in record.getMessage()


@needs_data
def test_cp2k_files_agree_with_extxyz() -> None:
    whole = Trajectory(DATA / "water32.extxyz.zst")
    files: dict[str, Any] = {
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
def test_trr_has_its_temperature(tmp_path: Path) -> None:
    (tmp_path / "water.trr").symlink_to(DATA / "water64.trr")  # MDAnalysis leaves an index beside the file
    trajectory = Trajectory(tmp_path / "water.trr", topology=DATA / "water64.pdb")
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
