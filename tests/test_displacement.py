"""Tensors from displaced atoms: dipoles of a known APT, up to e times the vectors of a cell of 60°."""

from dataclasses import replace

import numpy as np

from contracts import made_up_run
from mimyria.labels.displacement import displace, displacement_tensors


def test_dipoles_of_a_cell_are_known_up_to_its_vectors() -> None:
    (frame,) = made_up_run(1)
    random = np.random.default_rng(1)
    apt = random.normal(size=(len(frame), 3, 3))
    info = {"total_charge": 0.0, "field": 2e-3, "engine": "made up", "mimyria": "1", "seconds": 1.0}
    labels = {}
    for name, other in displace(frame).items():
        dipole = np.einsum("nac,nc->a", apt, other.positions - frame.positions)
        dipole += random.integers(-2, 3, 3) @ frame.cell
        labels[name] = replace(frame, info=info | {"dipole": dipole})
    made = displacement_tensors(frame, labels, 1)
    np.testing.assert_allclose(made.tensors["apt"], apt, atol=1e-9)
    assert made.info["seconds"] == 6 * len(frame)
    assert made.info["qa_apt_sum"] > 0.1  # a sum rule that random tensors do not obey
    molecule = replace(frame, cell=np.zeros((3, 3)), periodic=np.zeros(3, dtype=bool))
    charged = {name: replace(one, info=one.info | {"dipole": np.zeros(3)}) for name, one in labels.items()}
    assert not displacement_tensors(molecule, charged, 1).tensors["apt"].any()
