"""Forces of a NEP potential for i-PI, computed inside i-PI (``ffdirect``) or by its driver over a socket.

All beads of a step are one call of `nep4.c`, which is compiled when it is first needed (``cc``) and gives the energies
and forces of the package nep-adapters to 1e-12 eV and eV/Å, three times as fast. Cells are upright.

    i-pi-py_driver -m custom -P nep_driver.py -u -a nep -o model=nep.txt,structure=start.xyz
"""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from ipi.pes.dummy import Dummy_driver

__DRIVER_NAME__ = "nep"
__DRIVER_CLASS__ = "NEPDriver"

BOHR = 0.529177210903
"""Å."""
HARTREE = 27.211386245988
"""eV."""
SOURCE = Path(__file__).with_name("nep4.c")


def library() -> Any:
    """Return `nep4.c`, compiled for this machine."""
    built = SOURCE.with_suffix(".so")
    if not built.exists() or built.stat().st_mtime < SOURCE.stat().st_mtime:
        words = ["cc", "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC", "-o", str(built), str(SOURCE), "-lm"]
        subprocess.run(words, check=True)
    found = ctypes.CDLL(str(built))
    found.nep_new.restype = ctypes.c_void_p
    return found


def address(array: Any) -> Any:
    """Return the address of an array."""
    return array.ctypes.data_as(ctypes.c_void_p)


class NEP:
    """A potential, of many configurations of the same atoms.

    Parameters
    ----------
    path
        Its file, ``nep.txt``.
    elements
        Symbols of the atoms.
    """

    def __init__(self, path: str | Path, elements: list[str]) -> None:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        rows = {line.split()[0]: line.split()[1:] for line in lines[1:6]}
        kind, count, *names = lines[0].split()
        momenta = [int(word) for word in rows["l_max"]]
        if kind != "nep4" or any(momenta[2:]):
            raise ValueError(f"{path}: only nep4 without terms of five bodies is known here")
        cutoffs = np.array([float(word) for word in rows["cutoff"][:2]])
        radial, angular = (int(word) + 1 for word in rows["n_max"][:2])
        radial_basis, angular_basis = (int(word) + 1 for word in rows["basis_size"][:2])
        four, hidden = int(len(momenta) > 1 and momenta[1] == 2), int(rows["ANN"][0])
        head = np.array([count, radial, angular, radial_basis, angular_basis, momenta[0], four, hidden], dtype=np.int32)
        values = np.array(" ".join(lines[6:]).split(), dtype=float)
        n_types, dim = int(count), radial + angular * (momenta[0] + four)
        contraction = n_types**2 * (radial * radial_basis + angular * angular_basis)
        expected = n_types * hidden * (dim + 2) + 1 + contraction + dim
        if len(values) != expected:
            raise ValueError(f"{path} holds {len(values)} numbers, not {expected}")
        self.cutoff = float(cutoffs.max())
        self.library = library()
        self.model = ctypes.c_void_p(self.library.nep_new(address(head), address(cutoffs), address(values)))
        if not self.model:
            raise ValueError(f"{path} is larger than nep4.c allows")
        self.types = np.array([names.index(element) for element in elements], dtype=np.int32)

    def __call__(self, positions: Any, edges: Any) -> tuple[Any, Any, Any]:
        """Return energies (eV), forces (eV/Å) and virials (eV) of positions (count, n, 3) and edges (count, 3), Å."""
        positions, edges = np.ascontiguousarray(positions, dtype=float), np.ascontiguousarray(edges, dtype=float)
        if edges.min() <= self.cutoff:
            raise ValueError(f"every edge of the cell has to exceed the cutoff of {self.cutoff} Å")
        count, n_atoms, _ = positions.shape
        energies, forces, virials = np.empty(count), np.empty_like(positions), np.empty((count, 3, 3))
        arrays = (self.types, edges, positions, energies, forces, virials)
        self.library.nep_many(self.model, count, n_atoms, *(address(array) for array in arrays))
        return energies, forces, virials


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
