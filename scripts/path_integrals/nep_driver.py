"""Forces of a NEP potential for i-PI, computed inside i-PI (``ffdirect``) or by its driver over a socket.

All beads of a step are one call of `nep4.c` (`nep.py`). Cells are upright.

    i-pi-py_driver -m custom -P nep_driver.py -u -a nep -o model=nep.txt,structure=start.xyz
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from ipi.pes.dummy import Dummy_driver

sys.path.append(str(Path(__file__).parent))  # i-PI loads this file by its path
from nep import NEP

__DRIVER_NAME__ = "nep"
__DRIVER_CLASS__ = "NEPDriver"

BOHR = 0.529177210903
"""Å."""
HARTREE = 27.211386245988
"""eV."""


class NEPDriver(Dummy_driver):  # type: ignore[misc]
    """The potential as i-PI wants it.

    Parameters
    ----------
    model
        The file of the potential, ``nep.txt``.
    structure
        An xyz file of the atoms, for the order of their elements.
    """

    def __init__(self, model: str, structure: str, *args: Any, **kwargs: Any) -> None:
        lines = Path(structure).read_text(encoding="utf-8").splitlines()
        self.potential = NEP(model, [line.split()[0] for line in lines[2 : 2 + int(lines[0])]])
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
        energies, forces, virials = self.potential(positions, edges)
        forces *= BOHR / HARTREE
        return [(e, f, v, "") for e, f, v in zip(energies / HARTREE, forces, virials / HARTREE, strict=True)]
