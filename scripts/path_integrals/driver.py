"""Forces of machine-learned potentials for i-PI, computed inside i-PI (``ffdirect``) or by its driver over a socket.

All beads of a step are one call of `nep4.c` (`nep.py`) or `symmetry_functions.c` (`nnp.py`). Cells are upright.

    i-pi-py_driver -m custom -P driver.py -u -a nep -o model=nep.txt,structure=start.xyz
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from ipi.pes.dummy import Dummy_driver

sys.path.append(str(Path(__file__).parent))  # i-PI loads this file by its path
from nep import BOHR, HARTREE
from nnp import potential_of

__DRIVER_NAME__ = "mlp"
__DRIVER_CLASS__ = "Driver"


class Driver(Dummy_driver):  # type: ignore[misc]
    """The potential as i-PI wants it.

    Parameters
    ----------
    model
        The file of a NEP potential, ``nep.txt``, or the folder of a neural network (``input.nn`` and others), or
        several of them with ``+`` between, whose sum is meant.
    structure
        An xyz file of the atoms, for the order of their elements.
    """

    def __init__(self, model: str, structure: str, *args: Any, **kwargs: Any) -> None:
        lines = Path(structure).read_text(encoding="utf-8").splitlines()
        elements = [line.split()[0] for line in lines[2 : 2 + int(lines[0])]]
        self.potentials = [potential_of(Path(part), elements) for part in model.split("+")]
        super().__init__(*args, **kwargs)

    def compute_structure(self, cell: Any, pos: Any) -> Any:
        """Return energy, forces, virial (atomic units) and an empty remark of one structure."""
        return self.compute([cell], [pos])[0]

    def compute(self, cell: Any, pos: Any) -> Any:
        """Return the same of a list of structures."""
        if not isinstance(cell, list):
            return self.compute_structure(cell, pos)
        positions = np.array([np.asarray(one).reshape(-1, 3) for one in pos]) * BOHR
        edges = np.array([np.diag(np.asarray(one).reshape(3, 3)) for one in cell]) * BOHR
        parts = [potential(positions, edges) for potential in self.potentials]
        energies, forces, virials = (np.sum(values, axis=0) for values in zip(*parts, strict=True))
        forces *= BOHR / HARTREE
        return [(e, f, v, "") for e, f, v in zip(energies / HARTREE, forces, virials / HARTREE, strict=True)]
