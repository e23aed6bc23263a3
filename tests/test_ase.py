"""The calculator of ASE gives the tensors of the models."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from mimyria.errors import TrajectoryError
from mimyria.frame import Frame
from mimyria.model.files import read_model
from mimyria.model.predict import predict
from mimyria.training.train import train
from networks import quick


def test_the_calculator_of_ase(labels: list[Frame], tmp_path: Path) -> None:
    from mimyria.ase import ResponseCalculator

    for name in ("apt", "pgt"):
        train(labels[:2], quick(name, epochs=1), tmp_path / f"{name}.mym")
    frame = labels[3]
    atoms = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.periodic)
    atoms.calc = ResponseCalculator(tmp_path / "apt.mym", tmp_path / "pgt.mym", device="cpu")
    charges = atoms.calc.get_property("born_effective_charges", atoms)
    gradient = atoms.calc.get_property("polarizability_gradient", atoms)
    for name, tensors in (("apt", charges), ("pgt", gradient)):
        (expected,) = predict(read_model(tmp_path / f"{name}.mym"), [frame])
        np.testing.assert_allclose(tensors, expected.tensors[name], atol=1e-12)
    atoms.positions[0] += 0.1
    assert abs(atoms.calc.get_property("born_effective_charges", atoms) - charges).max() > 1e-4


def test_the_charge_of_the_calculator_is_the_sum_of_its_tensors(models: Path) -> None:
    from mimyria.ase import ResponseCalculator

    atoms = molecule("H2O")

    def total() -> float:
        charges = atoms.calc.get_property("born_effective_charges", atoms).sum(axis=0)
        np.testing.assert_allclose(charges, charges[0, 0] * np.eye(3), atol=1e-6)
        return float(charges[0, 0])

    for charge in (0.0, -2.0):
        atoms.calc = ResponseCalculator(models / "apt.mym", charge=charge, device="cpu")
        assert total() == pytest.approx(charge, abs=1e-6)
    atoms.calc = ResponseCalculator(models / "apt.mym", device="cpu")
    assert total() == pytest.approx(0.0, abs=1e-6)
    atoms.info["charge"] = -1  # after a calculation: it is made anew
    assert total() == pytest.approx(-1.0, abs=1e-6)
    del atoms.info["charge"]
    atoms.set_initial_charges([-2.0, 0.5, 0.5])
    assert total() == pytest.approx(-1.0, abs=1e-6)
    atoms.info["net_charge"] = 2
    with pytest.raises(TrajectoryError, match="two total charges, net_charge=2 and the sum of initial_charges=-1;"):
        total()
    atoms = molecule("H2O")
    atoms.calc = ResponseCalculator(models / "apt.mym", project=False, device="cpu")
    assert abs(atoms.calc.get_property("born_effective_charges", atoms).sum(axis=0)).max() > 1e-4
