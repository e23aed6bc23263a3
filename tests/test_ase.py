"""The calculator of ASE gives the tensors of the models."""

from pathlib import Path

import numpy as np
from ase import Atoms

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
