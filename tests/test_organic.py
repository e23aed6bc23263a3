"""Labels of organic molecules and the benchmark of their spectra: what geometries are drawn from, and the scores."""

from __future__ import annotations

import gc
import warnings
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from ase import units
from scripts_of import script

from mimyria.engines.engine import Task
from mimyria.engines.registry import make_engine
from mimyria.errors import LabelError
from mimyria.formats import read_frames, write_frames
from mimyria.frame import Frame
from mimyria.harmonic.modes import normal_modes
from mimyria.memory import locked
from mimyria.molecules import find_bonds


@pytest.fixture
def make() -> ModuleType:
    return script("scripts/molecules/make.py")


@pytest.fixture
def organic() -> ModuleType:
    return script("benchmarks/organic.py")


@pytest.mark.parametrize("temperature", [200.0, 3000.0])
def test_bonds_are_drawn_from_the_quantum_distribution(make: ModuleType, temperature: float) -> None:
    """Of two atoms on a spring: ⟨x²⟩ = ħ/(2μω) coth(ħω/2k_BT), all in eV, Å and u."""
    frame = Frame(np.array([8, 1]), np.array([[0, 0, 0], [0, 0, 0.97]]), np.zeros((3, 3)), np.zeros(3, dtype=bool))
    spring = 48.0
    hessian = np.zeros((6, 6))
    hessian[np.ix_([2, 5], [2, 5])] = spring * np.array([[1, -1], [-1, 1]])
    modes, random = normal_modes(frame, hessian), np.random.default_rng(0)
    drawn = [make.distorted(frame, modes, temperature, random) for _ in range(4000)]
    lengths = np.array([np.ptp(one.positions[:, 2]) for one in drawn])
    quantum = modes.wavenumbers[0] * units.invcm  # ħω
    expected = quantum / (2 * spring) / np.tanh(quantum / (2 * units.kB * temperature))  # ħ/(2μω) = ħω/2k
    assert lengths.var() == pytest.approx(expected, rel=0.08)  # 2.2 % is the standard error
    assert lengths.mean() == pytest.approx(0.97, abs=5 * np.sqrt(expected / 4000))


def test_held_out_molecules_come_between_those_for_training(make: ModuleType) -> None:
    turns = list(make.in_turn([0, 1, 2, 3, 5, 6], [4, 7, 8], [9]))
    assert turns == [0, 1, 2, 3, 4, 5, 6, 7, 9]


def test_the_end_of_the_list_comes_early(make: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "FIRST", 2)
    assert make.order_of(["train", "held-out", "train", "train", "larger", "train"]) == [0, 1, 4, 5, 2, 3]
    assert make.order_of(["train"]) == [0]


def test_pyscf_prints_into_the_log_of_its_job(make: ModuleType, tmp_path: Path) -> None:
    """Of the second job too, though it was imported in the first, whose log is closed."""
    pytest.importorskip("pyscf.gto")
    engine = make_engine("pyscf", {"functional": "hf", "basis": "sto-3g"})
    for _ in range(2):
        with StringIO() as text, redirect_stdout(text), warnings.catch_warnings(action="ignore"):
            engine.calculation(Task(frame=carbon_monoxide(), folder=tmp_path))(0, np.zeros(3))
            gc.collect()
            assert "converged SCF energy" in text.getvalue()


def test_kept_integrals_give_the_same_forces(make: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And are computed once: in the first field again, for its tables have another origin; PySCF is left as it was."""
    moleintor = pytest.importorskip("pyscf.gto.moleintor")
    compute, computed = moleintor.getints3c, []

    def counted(*given: Any) -> Any:
        computed.append(given[0])
        return compute(*given)

    def forces() -> list[Any]:
        calculate = make.DEAR.calculation(Task(frame=carbon_monoxide(), folder=tmp_path))
        found = []
        with warnings.catch_warnings(action="ignore"):  # PySCF leaves files to the garbage collector
            for k, strength in enumerate((0.0, 0.002, -0.002)):
                found.append(calculate(k, np.array([0, 0, strength])).forces)
                number.append(len(computed))
            gc.collect()
        return found

    number: list[int] = []
    usual = forces()
    monkeypatch.setattr(moleintor, "getints3c", counted)
    number.clear()
    with make.kept_integrals():
        kept = forces()
    assert number[2] == number[1] > number[0] > 0
    assert np.allclose(usual, kept, atol=1e-9)
    assert abs(usual[1] - usual[0]).max() > 1e-4
    with pytest.raises(ValueError, match="one"), make.kept_integrals():
        raise ValueError("one")
    assert moleintor.getints3c is counted


def test_a_molecule_is_one_process_s_work_and_a_failure_is_written_down(
    make: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    made: list[int] = []
    monkeypatch.setattr(make, "make_cheap", lambda _, number, __: made.append(number))
    with locked(tmp_path / "work" / "00007-cheap.lock"):
        assert not make.tried("cheap", 7, tmp_path, carbon_monoxide())
    assert make.tried("cheap", 7, tmp_path, carbon_monoxide())
    assert made == [7]
    assert not list((tmp_path / "work").iterdir())

    def fails(*_: Any) -> None:
        raise LabelError("no minimum")

    monkeypatch.setattr(make, "make_cheap", fails)
    assert make.tried("cheap", 8, tmp_path, carbon_monoxide())
    assert (tmp_path / "00008.cheap.failed").read_text() == "no minimum\n"
    assert not make.tried("cheap", 8, tmp_path, carbon_monoxide())


@pytest.mark.parametrize("side", ["train", "held-out"])
def test_half_of_the_molecules_for_training_are_distorted(
    make: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, side: str
) -> None:
    minimum = replace(carbon_monoxide(), info={"geometry": "minimum", "side": side})
    moved = replace(minimum, info={"geometry": "300 K", "side": side})
    monkeypatch.setattr(make, "labelled", lambda frames, *_: list(frames.values()))
    chosen = []
    for number in range(40):
        (tmp_path / "work" / f"{number:05d}-dear").mkdir(parents=True)
        write_frames(tmp_path / f"{number:05d}.cheap.extxyz", [minimum, moved])
        make.make_dear(number, tmp_path)
        (frame,) = read_frames(tmp_path / f"{number:05d}.dear.extxyz")
        chosen.append(frame.info["geometry"])
    assert 10 < chosen.count("minimum") < 30 if side == "train" else chosen == 40 * ["minimum"]


def carbon_monoxide() -> Frame:
    return Frame(np.array([6, 8]), np.array([[0, 0, 0], [0, 0, 1.13]]), np.zeros((3, 3)), np.zeros(3, dtype=bool))


def test_scores_of_spectra(organic: ModuleType) -> None:
    """Alike are one; no line in common is next to nothing; and intensities twice as large do not count."""
    modes = normal_modes(
        carbon_monoxide(),
        np.kron(np.array([[1, -1], [-1, 1]]), np.diag([0, 0, 116.0])),
    )
    first = organic.spectrum(modes, np.array([1.0]), 10.0)
    moved = np.roll(first, 800)
    assert first.sum() == pytest.approx(1.0, abs=0.01)  # a line of the area one, but for its wings
    for score in (organic.pearson, organic.information_similarity):
        assert score(first, 2 * first) == pytest.approx(1.0)
        assert score(first, moved) < 0.2
        assert score(first, moved) == pytest.approx(score(moved, first))
    assert organic.stretches(carbon_monoxide(), modes) == {"O-H": [], "C=O": [0]}


def test_another_conformer_is_found_by_turning_single_bonds(tmp_path: Path) -> None:
    """Of butane the gauche one from the anti one; distances within what turns stay, and rigid molecules have none."""
    conformers = script("scripts/molecules/conformers.py")
    build = pytest.importorskip("ase.build")

    def of(name: str) -> Frame:
        atoms = build.molecule(name)
        return Frame(atoms.numbers, atoms.positions, np.zeros((3, 3)), np.zeros(3, dtype=bool))

    for name in ("C2H4", "C6H6", "H2O", "C2H2"):
        assert not list(conformers.turned(of(name)))
    butane = of("trans-butane")
    turns = list(conformers.turned(butane))
    assert len(turns) == 6  # three bonds, either way
    for turn in turns:
        assert np.array_equal(find_bonds(turn)[0], find_bonds(butane)[0])
        assert turn.positions[0] == pytest.approx(butane.positions[0])
    pytest.importorskip("tblite")
    found = conformers.another_conformer(butane, tmp_path / "work")
    chain = [0, 1, 2, 3]
    assert dihedral(butane.positions[chain]) == pytest.approx(180, abs=1)
    assert dihedral(found.positions[chain]) == pytest.approx(65, abs=8)


def dihedral(positions: np.ndarray) -> float:
    """Return the angle between the planes of four atoms, 0 to 180 degrees."""
    first, middle, last = np.diff(positions, axis=0)
    one, other = np.cross(first, middle), np.cross(middle, last)
    return float(np.degrees(np.arccos(np.clip(one @ other / np.linalg.norm(one) / np.linalg.norm(other), -1, 1))))
