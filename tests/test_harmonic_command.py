"""From structures to folders: GFN2-xTB's own program as the judge, several structures, warnings, resumption."""

from __future__ import annotations

import logging
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import ase
import ase.io
import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.vibrations.data import VibrationsData
from here import Here
from scipy import constants
from test_harmonic_modes import frame_of, sprung
from test_lines import bond_tensors

from contracts import WATER
from mimyria.errors import ConfigError, LabelError, RunFailed
from mimyria.formats import write_frames
from mimyria.frame import Frame
from mimyria.harmonic import command
from mimyria.harmonic.command import normal_modes
from mimyria.harmonic.hessian import Point
from mimyria.harmonic.output import Harmonic
from mimyria.units import ATOMIC_MASS

XTB = shutil.which("xtb")


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs run in this process."""
    monkeypatch.setattr("mimyria.harmonic.command.make_executor", lambda *_: Here())


def run(path: Path, out: Path, **settings: Any) -> Harmonic:
    settings = {"calculator": "tblite", "relax": True, "plot_format": ()} | settings
    (made,) = normal_modes(path, out, **settings).values()
    return made


@pytest.fixture(scope="module")
def water(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("tblite")
    path = tmp_path_factory.mktemp("structures") / "water.xyz"
    write_frames(path, [WATER])
    return path


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("harmonic") / "water"


def test_water(water: Path, out: Path) -> None:
    made = run(water, out)
    assert made.wavenumbers == pytest.approx([1539, 3643, 3651], abs=3)  # GFN2-xTB
    assert made.lines.intensity is not None
    assert made.assignment.words[0].startswith("bend")
    assert set(made.spectra) == {"ir", "raman"}
    assert made.header["level of pgt"] == "GFN2-xTB (tblite)"
    assert {path.name for path in out.iterdir()} == {
        *("calculations", "hessian.npy", "ir.csv", "raman.csv", "modes.csv", "settings.yaml"),
        *("structure.extxyz", "thermochemistry.csv"),
    }


def test_the_second_time_nothing_is_computed(water: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = run(water, out)
    monkeypatch.setattr(Here, "run", lambda self, jobs: iter([pytest.fail("computed again") for _ in jobs]))
    again = run(water, out)
    np.testing.assert_array_equal(again.wavenumbers, made.wavenumbers)
    heavy = run(water, out, isotope={"1": "D", "2": "D"})  # another isotope has the same Hessian
    np.testing.assert_allclose(heavy.wavenumbers / made.wavenumbers, [0.733, 0.727, 0.734], atol=0.01)
    with pytest.raises(BaseException, match="computed again"):
        run(water, out, step=0.005)


@pytest.mark.skipif(XTB is None, reason="xtb is not installed")
@pytest.mark.parametrize("name", ["H2O", "NH3", "H2CO"])
def test_xtb_gives_the_same(name: str, tmp_path: Path) -> None:
    """Wavenumbers within 0.3 cm⁻¹, intensities within 0.2 km/mol, at the same minimum."""
    pytest.importorskip("tblite")
    ase.io.write(tmp_path / "start.xyz", molecule(name))
    made = run(tmp_path / "start.xyz", tmp_path / "out", pgt=None, apt="tblite", fmax=1e-4)
    ase.io.write(tmp_path / "minimum.xyz", ase.Atoms(made.frame.numbers, made.frame.positions))
    subprocess.run([str(XTB), "minimum.xyz", "--hess", "--acc", "0.01"], cwd=tmp_path, capture_output=True, check=True)
    lines = (tmp_path / "vibspectrum").read_text().splitlines()
    theirs = np.array([line[20:].split()[:2] for line in lines if line[:6].strip().isdigit()], dtype=float)
    theirs = theirs[abs(theirs[:, 0]) > 0.1]
    np.testing.assert_allclose(made.wavenumbers, theirs[:, 0], atol=0.3)
    np.testing.assert_allclose(made.columns["ir_intensity_km_mol-1"], theirs[:, 1], atol=0.2)


def test_several_structures_have_a_folder_each(water: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hydroxide, broken = tmp_path / "hydroxide.extxyz", tmp_path / "broken.xyz"
    ion = replace(WATER, numbers=WATER.numbers[:2], positions=WATER.positions[:2], info={"total_charge": -1})
    write_frames(hydroxide, [ion])
    write_frames(broken, [replace(WATER, positions=WATER.positions * 0.1)])
    settings = {"calculator": "tblite", "relax": True, "apt": "tblite", "plot_format": ()}
    with pytest.raises(
        RunFailed, match=r"1 of 3 structures have no modes; .*broken\.xyz: atoms 0 and 1 are 0\.\d+ Å apart"
    ):
        normal_modes([water, broken, hydroxide], tmp_path / "out", **settings)  # type: ignore[arg-type]
    assert (tmp_path / "out" / "water" / "ir.csv").exists()
    assert (tmp_path / "out" / "hydroxide" / "modes.csv").exists()
    assert "broken.xyz: atoms 0 and 1" in caplog.text


def test_a_saddle_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Linear water: symmetry keeps it there, and both bends are imaginary."""
    pytest.importorskip("tblite")
    line = replace(WATER, positions=np.array([[0, 0, 0], [0, 0, 0.94], [0, 0, -0.94]]))
    write_frames(tmp_path / "line.xyz", [line])
    made = run(tmp_path / "line.xyz", tmp_path / "out", apt="tblite")
    assert (made.wavenumbers < 0).sum() == 2
    assert "2 imaginary modes, this is no minimum" in caplog.text
    assert "bend" in caplog.text
    assert "linear" in (tmp_path / "out" / "thermochemistry.csv").read_text()


def test_a_crystal(tmp_path: Path) -> None:
    """Copper with Born charges made up for the frame: n·α in absolute units, its sum the Hessian's own."""
    atoms = bulk("Cu", cubic=True)
    apt = np.einsum("n,ab->nab", [1.0, 1.0, -1.0, -1.0], np.eye(3))
    write_frames(
        tmp_path / "cu.extxyz",
        [Frame(atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc, tensors={"apt": apt})],
    )
    made = run(
        tmp_path / "cu.extxyz", tmp_path / "out", calculator="emt", relax=False, apt="frames", profile="gaussian"
    )
    spectrum = made.spectra["ir"]
    assert spectrum.unit("n_alpha_cm-1") == "cm-1"
    assert "LO-TO" in spectrum.header["n_alpha_cm-1"]
    # ∫ n·α dν = N/(12 ε0 c² V) Σ_n |P_n|²/m_n, with 12 of (e)²/m
    charge = constants.e**2 / (12 * constants.epsilon_0 * constants.c**2 * ATOMIC_MASS)
    expected = charge * 12 / 63.546 / (made.frame.volume * 1e-30) / 1e4
    assert np.trapezoid(spectrum.values(), spectrum.wavenumber) == pytest.approx(expected, rel=1e-3)
    assert (tmp_path / "out" / "thermochemistry.csv").read_text().count("helmholtz") == 2


def test_noisy_forces_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = command.compute_hessian

    def noisy(*arguments: Any) -> Point:
        point = exact(*arguments)
        return replace(point, hessian=point.hessian + np.random.default_rng(0).normal(0, 1.0, point.hessian.shape))

    pytest.importorskip("tblite")
    monkeypatch.setattr(command, "compute_hessian", noisy)
    write_frames(tmp_path / "water.xyz", [WATER])
    caplog.set_level(logging.WARNING, "mimyria")
    run(tmp_path / "water.xyz", tmp_path / "out", apt="tblite")
    assert "the forces are noisy" in caplog.text
    assert "translation and rotation have up to" in caplog.text


def test_what_is_not_given(water: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no structure is given"):
        normal_modes([], tmp_path / "out", calculator="tblite")
    with pytest.raises(ConfigError, match="give --calculator, such as tblite, or --hessian FILE"):
        normal_modes(water, tmp_path / "out")
    with pytest.raises(ConfigError, match="is a file; --out takes a folder"):
        normal_modes(water, water, calculator="tblite")


def test_a_relaxation_does_not_say_the_same_twice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("tblite")
    ion = molecule("OH")
    write_frames(tmp_path / "ion.xyz", [Frame(ion.numbers, ion.positions, np.zeros((3, 3)), np.zeros(3, dtype=bool))])
    run(tmp_path / "ion.xyz", tmp_path / "out", charge=-1, apt="molecules", pgt="none")
    assert caplog.text.count("these networks are for single neutral molecules") == 1


def given(tmp_path: Path, frame: Frame, hessian: np.ndarray) -> tuple[Path, dict[str, Any]]:
    """A structure, and the settings of its Hessian in a file."""
    write_frames(tmp_path / "w.xyz", [frame])
    np.save(tmp_path / "h.npy", hessian)
    return tmp_path / "w.xyz", {"hessian": tmp_path / "h.npy", "hessian_unit": "eV/A^2", "plot_format": ()}


def test_what_is_read_is_not_written_over(tmp_path: Path) -> None:
    """The structure, the Hessian and a reference in the folder of the results; other files may lie there."""
    water, settings = given(tmp_path, frame_of("H2O"), sprung(frame_of("H2O")))
    normal_modes(water, tmp_path, **settings)  # beside the structure
    for name in ("structure.extxyz", "hessian.npy"):
        (tmp_path / "out").mkdir(exist_ok=True)
        shutil.copy(tmp_path / name, tmp_path / "out" / name)
    inside = tmp_path / "out"
    before = [(inside / name).read_bytes() for name in ("structure.extxyz", "hessian.npy")]
    with pytest.raises(ConfigError, match=r"structure\.extxyz is an input, and would be written over"):
        normal_modes(inside / "structure.extxyz", inside, **settings, isotope={"1": "D"})
    with pytest.raises(ConfigError, match=r"hessian\.npy is an input, and would be written over"):
        normal_modes(water, inside, **settings | {"hessian": inside / "hessian.npy"})
    assert [(inside / name).read_bytes() for name in ("structure.extxyz", "hessian.npy")] == before
    (inside / "ir.csv").write_text("wavenumber,ir\n" + "".join(f"{k},1\n" for k in range(400, 4000, 10)))
    with pytest.raises(ConfigError, match=r"ir\.csv is a --reference, and would be written over"):
        normal_modes(water, inside, **settings, reference=(str(inside / "ir.csv"),))


def test_atoms_that_a_file_fixes_are_fixed(tmp_path: Path) -> None:
    """FixAtoms in a structure, and atoms that a Hessian leaves out; --fixed is what counts where it is given."""
    atoms = molecule("H2O")
    frame = frame_of("H2O")
    _, settings = given(tmp_path, frame, sprung(frame))
    atoms.set_constraint(ase.constraints.FixAtoms([0]))
    ase.io.write(tmp_path / "w.traj", atoms)
    ase.io.write(tmp_path / "w.extxyz", atoms)
    wanted = run(tmp_path / "w.xyz", tmp_path / "a", calculator=None, relax=False, fixed="index 0", **settings)
    assert len(wanted.wavenumbers) == 3  # six coordinates, less three rotations about the fixed atom
    for name in ("w.traj", "w.extxyz"):
        made = run(tmp_path / name, tmp_path / name[2:], calculator=None, relax=False, **settings)
        assert made.wavenumbers == pytest.approx(wanted.wavenumbers, abs=0.01)
        assert made.header["fixed atoms"] == "0"
        other = run(tmp_path / name, tmp_path / "b", calculator=None, relax=False, fixed="index 1", **settings)
        assert other.header["fixed atoms"] == "1"
        free = run(tmp_path / name, tmp_path / "b", calculator=None, relax=False, fixed="none", **settings)
        assert "fixed atoms" not in free.header
    atoms.set_constraint(ase.constraints.FixAtoms([0, 1, 2]))
    ase.io.write(tmp_path / "w.traj", atoms)
    with pytest.raises(ConfigError, match=r"all atoms are fixed by its file \(--fixed none frees them\)"):
        run(tmp_path / "w.traj", tmp_path / "b", calculator=None, relax=False, **settings)
    data = VibrationsData.from_2d(molecule("H2O"), sprung(frame)[3:, 3:], indices=[1, 2])
    data.write(tmp_path / "v.json")
    made = run(tmp_path / "v.json", tmp_path / "v", calculator=None, relax=False)
    assert made.wavenumbers == pytest.approx(wanted.wavenumbers, abs=0.01)


def test_what_a_file_says_wrong_of_a_molecule(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A mass of zero, tensors that do not add up to the charge, a Hessian in a larger unit than is said."""
    frame = frame_of("H2O")
    hessian = sprung(frame)
    path, settings = given(tmp_path, frame, hessian)
    run(path, tmp_path / "a", calculator=None, relax=False, **settings)
    assert not caplog.records
    np.save(tmp_path / "h.npy", hessian / 97.17)
    run(path, tmp_path / "a", calculator=None, relax=False, **settings)
    assert "is the Hessian in another unit?" in caplog.text
    caplog.clear()
    tensors = bond_tensors(frame)
    tensors["apt"][0] += 0.3 * np.eye(3)
    path, settings = given(tmp_path, replace(frame, tensors=tensors), hessian)
    run(path, tmp_path / "a", calculator=None, relax=False, apt="frames", **settings)
    assert "do not add up to the total charge of 0 e, by up to 0.3 e" in caplog.text
    atoms = molecule("H2O")
    atoms.set_masses([15.999, 0.0, 1.008])
    VibrationsData.from_2d(atoms, hessian).write(tmp_path / "v.json")
    with pytest.raises(LabelError, match="atom 1 has a mass of 0 u"):
        run(tmp_path / "v.json", tmp_path / "a", calculator=None, relax=False)


@pytest.mark.parametrize(("factor", "words"), [(1e3, r"of \S+ cm⁻¹, .* in another unit"), (0.0, "Hessian is zero")])
def test_hessians_that_no_structure_has(tmp_path: Path, factor: float, words: str) -> None:
    path, settings = given(tmp_path, frame_of("H2O"), factor * sprung(frame_of("H2O")))
    with pytest.raises(LabelError, match=words):
        normal_modes(path, tmp_path / "out", **settings)
