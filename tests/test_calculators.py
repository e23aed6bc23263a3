"""Calculators by name: engines, those of ASE, and those of the user's own modules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contracts import WATER
from mimyria.errors import ConfigError, LabelError
from mimyria.harmonic.calculators import choose_calculator, choose_engine


def test_an_engine_and_the_same_program_in_ase_agree(tmp_path: Path) -> None:
    pytest.importorskip("tblite")
    ours = choose_calculator("tblite", {}, None, None)
    theirs = choose_calculator("tblite.ase:TBLite", {"method": "GFN2-xTB", "verbosity": "0"}, None, None)
    assert ours.words == "tblite GFN2-xTB"
    assert theirs.words == "tblite.ase:TBLite of ASE (method=GFN2-xTB, verbosity=0)"
    for charge in (0, 2):
        (forces, energy), (others, other) = (each.forces(WATER, charge, tmp_path)(WATER) for each in (ours, theirs))
        np.testing.assert_allclose(forces, others, atol=2e-4)
        assert energy == pytest.approx(other, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nonsense", "takes cp2k, pyscf, tblite, a calculator of ASE"),
        ("no_such_module:Thing", "no_such_module is not installed"),
        ("ase.calculators.emt:NoSuch", "ase.calculators.emt has no NoSuch"),
        ("ase.units:Bohr", "Bohr of ase.units is no class and no function"),
        ("xtb", "xtb.* is not installed"),
    ],
)
def test_unknown_calculators_are_refused(name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        choose_calculator(name, {}, None, None)


def test_a_module_that_fails_when_it_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_calculator.py").write_text("raise RuntimeError('no GPU\\nhere')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="broken_calculator:Any: no GPU here"):
        choose_calculator("broken_calculator:Any", {}, None, None)


def test_settings_go_to_the_engine_that_has_them() -> None:
    engine = choose_engine("pyscf", {"method": "GFN1-xTB", "basis": "sto-3g"}, None, None)
    assert engine.identity["basis"] == "sto-3g"
    with pytest.raises(ConfigError, match="has no setting 'bassis'"):
        choose_engine("pyscf", {"bassis": "sto-3g"}, None, None)


def test_wrong_arguments_of_a_calculator(tmp_path: Path) -> None:
    calculator = choose_calculator("ase.calculators.lj:LennardJones", {"sigma": "wide"}, None, None)
    with pytest.raises(LabelError, match="lj:LennardJones"):
        calculator.forces(WATER, 0, tmp_path)(WATER)
    forces = choose_calculator("emt", {}, None, None).forces(WATER, 0, tmp_path)
    with pytest.raises(LabelError, match=r"emt: .*Kr"):
        forces(replace(WATER, numbers=np.array([36, 36, 36])))
