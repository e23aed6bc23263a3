"""NEP potentials of the fourth version by `nep4.c`, which is compiled when it is first needed (``cc``).

Energies and forces are those of the package nep-adapters to 1e-12 eV and eV/Å, three times as fast. Cells are upright.
"""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

BOHR = 0.529177210903
"""Å."""
HARTREE = 27.211386245988
"""eV."""


def library(name: str) -> Any:
    """Return a source of this folder compiled for this machine."""
    source = Path(__file__).with_name(name)
    built = source.with_suffix(".so")
    if not built.exists() or built.stat().st_mtime < source.stat().st_mtime:
        words = ["cc", "-O3", "-march=native", "-ffast-math", "-fopenmp-simd", "-shared", "-fPIC"]
        subprocess.run([*words, "-o", str(built), str(source), "-lm"], check=True)
    return ctypes.CDLL(str(built))


def address(array: Any) -> Any:
    """Return the address of an array."""
    return array.ctypes.data_as(ctypes.c_void_p)


def atomic_numbers(elements: list[str]) -> list[int]:
    """Return the atomic numbers of elements."""
    from ase.data import atomic_numbers

    return [atomic_numbers[element] for element in elements]


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
        kind, count, *names = lines[0].split()
        if kind not in ("nep4", "nep4_zbl"):
            raise ValueError(f"{path}: only nep4 and nep4_zbl are known here, not {kind}")
        first = 6 if kind == "nep4" else 7
        rows = {line.split()[0]: line.split()[1:] for line in lines[1:first]}
        momenta = [int(word) for word in rows["l_max"]] + [0, 0]
        repulsion = [float(word) for word in rows.get("zbl", "00")]
        if len(repulsion) > 2 or repulsion[1] < repulsion[0]:
            raise ValueError(f"{path}: a repulsion other than that of two distances is not known here")
        cutoffs = np.array([*(float(word) for word in rows["cutoff"][:2]), *repulsion])
        radial, angular = (int(word) + 1 for word in rows["n_max"][:2])
        radial_basis, angular_basis = (int(word) + 1 for word in rows["basis_size"][:2])
        four, five, hidden = int(momenta[1] == 2), int(momenta[2] == 1), int(rows["ANN"][0])
        values = np.array(" ".join(lines[first:]).split(), dtype=float)
        n_types, dim = int(count), radial + angular * (momenta[0] + four + five)
        contraction = radial * radial_basis + angular * angular_basis
        parts = np.cumsum([n_types * hidden * (dim + 2), 1, n_types**2 * contraction, dim])
        if len(values) != parts[-1]:
            raise ValueError(f"{path} holds {len(values)} numbers, not {parts[-1]}")
        networks, bias, coefficients, scale = np.split(values, parts[:-1])
        present = sorted({names.index(element) for element in elements})
        networks = networks.reshape(n_types, -1)[present]
        coefficients = coefficients.reshape(contraction, n_types, n_types)[:, present][:, :, present]
        values = np.concatenate([networks.ravel(), bias, coefficients.ravel(), scale])
        sizes = [len(present), radial, angular, radial_basis, angular_basis, momenta[0], four, five, hidden]
        numbers = atomic_numbers([names[kind] for kind in present]) if repulsion[1] else [0] * len(present)
        head = np.array([*sizes, *numbers], dtype=np.int32)
        self.cutoff = float(cutoffs.max())
        self.library = library("nep4.c")
        self.library.nep_new.restype = ctypes.c_void_p
        self.model = ctypes.c_void_p(self.library.nep_new(address(head), address(cutoffs), address(values)))
        if not self.model:
            raise ValueError(f"{path} is larger than nep4.c allows")
        self.types = np.array([present.index(names.index(element)) for element in elements], dtype=np.int32)

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
