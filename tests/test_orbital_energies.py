"""The read-out of scalars of molecules: what one molecule has does not depend on those it is computed with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scripts_of import script

from mimyria.frame import Frame


def test_energies_are_of_each_molecule_alone() -> None:
    bench = script("benchmarks/orbital_energies.py")
    isolated = {"cell": np.zeros((3, 3)), "periodic": np.zeros(3, dtype=bool)}
    water = Frame(np.array([8, 1, 1]), np.array([[0.0, 0, 0.12], [0, 0.76, -0.46], [0, -0.76, -0.46]]), **isolated)
    fluoride = Frame(np.array([1, 9]), np.array([[0.0, 0, 0], [0, 0, 0.92]]), **isolated)
    torch.manual_seed(0)
    network = bench.EnergyNetwork()
    (both,) = bench.batches_of([(water, [-7.0, 1.0]), (fluoride, [-9.0, 2.0])])
    network.normalise([both])
    with torch.no_grad():
        together = network(both)
        for place, one in enumerate((water, fluoride)):
            turned = replace(one, positions=one.positions[:, [1, 2, 0]] + 3.0)
            for same in (one, turned):
                (alone,) = bench.batches_of([(same, [0.0, 0.0])])
                assert network(alone)[0].tolist() == pytest.approx(together[place].tolist(), abs=1e-4)
    assert (together[0] - together[1]).abs().min() > 1e-3
