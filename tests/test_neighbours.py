"""Pairs of neighbours against those of ASE, in molecules, slabs, and cells that are oblique, tiny or long."""

from collections import Counter

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.neighborlist import neighbor_list

from mimyria.frame import Frame
from mimyria.neighbours import neighbour_pairs


def pairs_of(i: np.ndarray, j: np.ndarray, vectors: np.ndarray) -> Counter[tuple[float, ...]]:
    return Counter((int(a), int(b), *np.round(v + 1e-9, 5)) for a, b, v in zip(i, j, vectors, strict=True))


TRICLINIC = Atoms("NaCl", [[0, 0, 0], [1.1, 1.3, 0.9]], cell=[[3, 0, 0], [1.2, 2.8, 0], [-0.7, 0.9, 3.1]], pbc=True)
TINY = bulk("Cu", "fcc", a=2.2)
SLAB = Atoms("OH2", [[0, 0, 0.1], [0.9, 0, 0], [0, 0.9, 0]], cell=[3.5, 3.0, 9.0], pbc=[True, True, False])
FAR = Atoms("H3", [[0, 0, 0], [900, 0, 700], [900, 1, 700]])
LONG = Atoms("CO", [[0, 0, 0], [0, 0, 1.1]], cell=[[20, 0, 0], [15, 2.1, 0], [0, 0, 30]], pbc=True)


@pytest.mark.parametrize("atoms", [molecule("CH3CH2OH"), TRICLINIC, TINY, SLAB, LONG, FAR, Atoms("Ar")])
@pytest.mark.parametrize("cutoff", [1.5, 5.0])
def test_neighbours_are_those_of_ase(atoms: Atoms, cutoff: float) -> None:
    frame = Frame(atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc)
    assert pairs_of(*neighbour_pairs(frame, cutoff)) == pairs_of(*neighbor_list("ijD", atoms, cutoff))
