"""The Hessian by finite differences, against other programs, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.vibrations import Infrared
from here import Here

from contracts import WATER
from mimyria.engines.registry import ENGINES
from mimyria.errors import LabelError
from mimyria.execute import LocalExecutor
from mimyria.frame import Frame
from mimyria.harmonic.calculators import Calculator, choose_calculator
from mimyria.harmonic.hessian import Point, Wanted, compute_hessian
from mimyria.harmonic.lines import lines_of
from mimyria.harmonic.modes import normal_modes
from mimyria.labels.displacement import displace
from mimyria.labels.label import label_frames
from mimyria.settings import LabelSettings
from mimyria.units import BOHR, HARTREE

FREE = np.zeros(3, dtype=bool)


def wanted(calculator: Calculator, *, fmax: float | None = None, charge: int = 0) -> Wanted:
    return Wanted(calculator, charge, step=0.0025, fmax=fmax, largest_force=0.1)


def compute(frame: Frame, work: Path, what: Wanted, fixed: np.ndarray = FREE) -> Point:
    return compute_hessian(frame, fixed, what, work, Here(), 1)


@pytest.fixture(scope="module")
def relaxed(tmp_path_factory: pytest.TempPathFactory) -> Point:
    """Water at the minimum of GFN2-xTB."""
    pytest.importorskip("tblite")
    tblite = choose_calculator("tblite", {}, None, None)
    return compute(WATER, tmp_path_factory.mktemp("relaxed"), wanted(tblite, fmax=1e-3))


def test_the_minimum(relaxed: Point) -> None:
    assert relaxed.frame.forces is not None
    assert abs(relaxed.frame.forces).max() < 1e-3
    np.testing.assert_allclose(relaxed.hessian, relaxed.hessian.T, atol=0.02)
    np.testing.assert_allclose(relaxed.hessian.reshape(9, 3, 3).sum(axis=1), 0, atol=0.02)  # no force on a whole


def test_infrared_of_ase_gives_the_same(relaxed: Point, tmp_path: Path) -> None:
    tblite = pytest.importorskip("tblite.ase")
    atoms = Atoms(WATER.numbers, relaxed.frame.positions)
    atoms.calc = tblite.TBLite(method="GFN2-xTB", verbosity=0, accuracy=1e-3)
    theirs = Infrared(atoms, name=str(tmp_path / "ir"), delta=0.0025)
    theirs.run()
    theirs.read()
    modes = normal_modes(relaxed.frame, relaxed.hessian)
    np.testing.assert_allclose(modes.wavenumbers, np.real(theirs.get_frequencies()[6:]), atol=1.0)  # not projected
    labelled = label_frames(
        {"0": relaxed.frame}, ENGINES["tblite"](), Here(), tmp_path, LabelSettings(target="apt")
    ).frames["0"]
    lines = lines_of(modes, labelled.tensors)
    debye = 42.2561  # km/mol per D²/(Å² u), ASE's unit of intensity
    assert lines.intensity is not None
    np.testing.assert_allclose(lines.intensity, debye * theirs.intensities[6:], atol=0.2)


def test_the_analytic_hessian_of_pyscf(tmp_path: Path) -> None:
    gto, dft = pytest.importorskip("pyscf.gto"), pytest.importorskip("pyscf.dft")
    names = {"functional": "svwn", "basis": "sto-3g", "grid": "2"}
    fluoride = Frame(np.array([9, 1]), np.array([[0, 0, 0], [0.1, 0.2, 0.9]]), np.zeros((3, 3)), FREE)
    what = replace(wanted(choose_calculator("pyscf", names, None, None)), largest_force=10.0)
    point = compute_hessian(fluoride, np.zeros(2, dtype=bool), what, tmp_path, LocalExecutor(1), 1)
    molecule = gto.M(atom=list(zip("FH", fluoride.positions.tolist(), strict=True)), basis="sto-3g", verbose=0)
    solver = dft.RKS(molecule, xc="svwn").set(conv_tol=1e-11)
    solver.grids.level = 3
    solver._chkfile.close()
    solver.chkfile = None
    solver.kernel()
    theirs = solver.Hessian().kernel().transpose(0, 2, 1, 3).reshape(6, 6) * HARTREE / BOHR**2
    np.testing.assert_allclose(point.hessian, theirs, atol=0.1)  # of 75 eV/Å²; they leave out how grids move


def test_fixed_atoms_are_not_displaced(relaxed: Point, tmp_path: Path) -> None:
    tblite = choose_calculator("tblite", {}, None, None)
    fixed = np.array([True, False, False])
    point = compute(relaxed.frame, tmp_path, wanted(tblite), fixed)
    assert len(list(tmp_path.rglob("000*.npz"))) == 12
    np.testing.assert_allclose(point.hessian[3:, 3:], relaxed.hessian[3:, 3:], atol=1e-4)
    assert not point.hessian[:3].any()
    assert len(displace(relaxed.frame, 0.0025, [1, 2])) == 12


def test_structures_that_are_refused(tmp_path: Path) -> None:
    tblite = choose_calculator("tblite", {}, None, None)
    stretched = replace(WATER, positions=WATER.positions * 1.2)
    with pytest.raises(LabelError, match=r"no minimum: the force on atom \d is .* eV/Å; relax it with --relax"):
        compute(stretched, tmp_path, wanted(tblite))
    close = replace(WATER, positions=WATER.positions * 0.1)
    with pytest.raises(LabelError, match=r"atoms 0 and 1 are 0\.\d+ Å apart"):
        compute(close, tmp_path, wanted(tblite))
    broken = replace(WATER, positions=np.where(np.eye(3), np.nan, WATER.positions))
    with pytest.raises(LabelError, match="atom 0 has no finite position"):
        compute(broken, tmp_path, wanted(tblite))
    with pytest.raises(LabelError, match="9 electrons"):
        compute(WATER, tmp_path, wanted(tblite, charge=1))
    boxed = replace(WATER, cell=9 * np.eye(3), periodic=np.ones(3, dtype=bool))
    with pytest.raises(LabelError, match="isolated molecules alone"):
        compute(boxed, tmp_path, wanted(tblite))


def test_a_crystal(tmp_path: Path) -> None:
    """Copper by the effective medium theory, a face-centred cube of four: three optical branches of X at Γ."""
    atoms = bulk("Cu", cubic=True)
    frame = Frame(atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc)
    point = compute(frame, tmp_path, wanted(choose_calculator("emt", {}, None, None)), np.zeros(4, dtype=bool))
    modes = normal_modes(point.frame, point.hessian)
    assert len(modes.wavenumbers) == 9
    assert abs(modes.rigid).max() < 1
    # X has a transverse pair, and a longitudinal one; each of the three stars appears once
    np.testing.assert_allclose(modes.wavenumbers[:6], modes.wavenumbers[0], rtol=1e-3)
    np.testing.assert_allclose(modes.wavenumbers[6:], modes.wavenumbers[-1], rtol=1e-3)
    assert 100 < modes.wavenumbers[0] < modes.wavenumbers[-1] < 300
