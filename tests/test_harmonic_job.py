"""The jobs of a Hessian: nothing that is finished is computed again, whatever stopped the rest."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from here import Here
from test_hessian import FREE, wanted

from contracts import WATER
from mimyria.errors import LabelError, RunFailed
from mimyria.execute import Executor, LocalExecutor
from mimyria.harmonic import job
from mimyria.harmonic.calculators import Calculator, choose_calculator
from mimyria.harmonic.hessian import compute_hessian

HERE = Here()
OFF = np.random.default_rng(0).normal(0, 0.1, (3, 3))

COUNTED = '''
from pathlib import Path
import numpy as np
from ase.calculators.calculator import Calculator, all_changes


class Counted(Calculator):
    """Springs between all atoms; notes every call, and fails, or gives NaN, at some of them."""

    implemented_properties = ["energy", "forces"]

    def __init__(self, notes, fail=(), nan=(), **kwargs):
        super().__init__(**kwargs)
        self.notes, self.fail, self.nan = Path(notes), fail, nan

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        with self.notes.open("a") as stream:
            stream.write(" ".join(map(str, self.atoms.positions.ravel())) + chr(10))
        count = len(self.notes.read_text().splitlines())
        if count in self.fail:
            raise RuntimeError("the program stopped")
        rest = np.array({rest})
        forces, energy = np.zeros_like(rest), 0.0
        for i in range(len(rest)):
            for j in range(len(rest)):
                if i != j:
                    bond = self.atoms.positions[i] - self.atoms.positions[j]
                    length = np.linalg.norm(bond)
                    stretch = length - np.linalg.norm(rest[i] - rest[j])
                    forces[i] -= 20 * stretch * bond / length
                    energy += 5 * stretch**2
        if count in self.nan:
            forces[1, 2] = np.nan
        self.results = {"energy": energy, "forces": forces}
'''.replace("{rest}", repr(WATER.positions.tolist()))


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that notes the calls of the calculator ``counted_springs:Counted`` in the working directory."""
    (tmp_path / "counted_springs.py").write_text(COUNTED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "notes"


def springs(notes: Path, **settings: str) -> Calculator:
    return choose_calculator("counted_springs:Counted", {"notes": str(notes), **settings}, None, None)


def test_nothing_is_computed_twice(counted: Path, tmp_path: Path) -> None:
    def compute(work: str, executor: Executor = HERE) -> np.ndarray:
        return compute_hessian(WATER, FREE, wanted(springs(counted)), tmp_path / work, executor, 2).hessian

    whole = compute("a")
    assert len(counted.read_text().splitlines()) == 19
    (folder,) = (tmp_path / "a").iterdir()
    for name in ("0001y+", "0002z-"):
        (folder / f"{name}.npz").unlink()
    (folder / "0000x+.npz").write_bytes(b"cut")  # by a machine that went down
    np.testing.assert_array_equal(compute("a"), whole)
    assert len(counted.read_text().splitlines()) == 22
    np.testing.assert_array_equal(compute("b", LocalExecutor(2)), whole)  # another folder, and processes: all of it
    assert len(counted.read_text().splitlines()) == 41


def test_a_calculator_is_another_when_its_code_or_its_weights_change(
    counted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it writes, such as its notes, does not count."""
    monkeypatch.delitem(sys.modules, "counted_springs", raising=False)  # that of another test
    counted.write_text("")
    weights, code = tmp_path / "net.model", tmp_path / "counted_springs.py"
    weights.write_text("1")
    known = springs(counted, fail=str(weights)).identity
    counted.write_text("a line\n")
    assert springs(counted, fail=str(weights)).identity == known
    weights.write_text("2")
    other = springs(counted, fail=str(weights)).identity
    assert other != known
    code.write_text(COUNTED.replace("forces[i] -= 20", "forces[i] -= 30"))
    assert springs(counted, fail=str(weights)).identity != other


def test_what_fails_is_told_and_the_rest_is_kept(counted: Path, tmp_path: Path) -> None:
    calculator = springs(counted, fail="[9]")
    with pytest.raises(RunFailed, match=r"1 of 1 jobs failed: .*the program stopped \(RuntimeError\); see .*run.log"):
        compute_hessian(WATER, FREE, wanted(calculator), tmp_path / "a", Here(), 1)
    assert len(counted.read_text().splitlines()) == 9
    compute_hessian(WATER, FREE, wanted(calculator), tmp_path / "a", Here(), 1)
    assert len(counted.read_text().splitlines()) == 20  # the one that failed, once more


def test_forces_that_are_no_numbers(counted: Path, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="the structure: the force on atom 1 is not a finite number"):
        compute_hessian(WATER, FREE, wanted(springs(counted, nan="[1]")), tmp_path / "a", Here(), 1)
    with pytest.raises(RunFailed, match=r"displaced, 000\d[xyz][+-]: the force on atom 1 is not a finite number"):
        compute_hessian(WATER, FREE, wanted(springs(counted, nan="[6]")), tmp_path / "b", Here(), 1)


def test_a_relaxation_that_was_stopped_goes_on_where_it_was(counted: Path, tmp_path: Path) -> None:
    stretched = replace(WATER, positions=WATER.positions + OFF)
    calculator = springs(counted, fail="[4]")
    what = wanted(calculator, fmax=1e-4)
    with pytest.raises(RunFailed, match="the program stopped"):
        compute_hessian(stretched, FREE, what, tmp_path / "a", Here(), 1)
    point = compute_hessian(stretched, FREE, what, tmp_path / "a", Here(), 1)
    calls = [np.array(line.split(), dtype=float) for line in counted.read_text().splitlines()]
    np.testing.assert_array_equal(calls[4], calls[2])  # the last step that was kept, not the start
    for one, other in ((0, 1), (0, 2), (1, 2)):
        lengths = [np.linalg.norm(each[one] - each[other]) for each in (point.frame.positions, WATER.positions)]
        assert lengths[0] == pytest.approx(lengths[1], abs=1e-4)


def test_there_is_not_always_a_minimum(counted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "MOST_STEPS", 2)
    forces = springs(counted).forces(WATER, 0, tmp_path)
    with pytest.raises(LabelError, match="no minimum found in 2 steps"):
        job._relaxed(forces, replace(WATER, positions=WATER.positions + OFF), FREE, tmp_path, 1e-9)
