"""Neural-network potentials of Behler and Parrinello by `symmetry_functions.c`, from the files of RuNNer and n2p2.

Symmetry functions of types 2 and 3, cutoff of type 2 (tanh³), centred and scaled, two hidden layers of tanh; upright
cells. Energies and forces are those of CP2K (``METHOD NNP``) to its last digits, ten times as fast.
"""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import Any

import numpy as np
from nep import BOHR, HARTREE, NEP, address, atomic_numbers, library

REQUIRED = {
    "cutoff_type": ["2"],
    "scale_symmetry_functions": [],
    "center_symmetry_functions": [],
    "global_hidden_layers_short": ["2"],
    "global_activation_short": ["t", "t", "l"],
}


def potential_of(path: Path, elements: list[str]) -> NEP | NNP:
    """Return the potential of a file (NEP) or a folder (neural network)."""
    return NNP(path, elements) if path.is_dir() else NEP(path, elements)


class NNP:
    """A potential, of many configurations of the same atoms.

    Parameters
    ----------
    folder
        Holds ``input.nn``, ``scaling.data`` and ``weights.001.data`` etc., one of them for each element.
    elements
        Symbols of the atoms.
    """

    def __init__(self, folder: str | Path, elements: list[str]) -> None:
        folder = Path(folder)
        rows = [
            re.split("[#!]", line)[0].split() for line in (folder / "input.nn").read_text(encoding="utf-8").splitlines()
        ]
        settings = {row[0]: row[1:] for row in rows if row and row[0] != "symfunction_short"}
        for name, value in REQUIRED.items():
            if settings.get(name) != value:
                raise ValueError(f"{folder}/input.nn: only '{' '.join([name, *value])}' is known here")
        names = sorted(settings["elements"], key=lambda name: atomic_numbers([name])[0])
        functions = [row[1:] for row in rows if row and row[0] == "symfunction_short"]
        if any(row[1] not in ("2", "3") or (row[1] == "3" and float(row[6]) % 1) for row in functions):
            raise ValueError(f"{folder}/input.nn: only types 2, and 3 with a whole zeta, are known here")
        cutoffs = {float(row[-1]) for row in functions}
        if len(cutoffs) != 1:
            raise ValueError(f"{folder}/input.nn: only one cutoff is known here, not {sorted(cutoffs)}")
        (cutoff,) = cutoffs
        self.cutoff = cutoff * BOHR
        ranges = [row.split() for row in (folder / "scaling.data").read_text(encoding="utf-8").splitlines()]
        hidden = [int(word) for word in settings["global_nodes_short"]]
        self.library = library("symmetry_functions.c")
        self.library.nnp_new.restype = ctypes.c_void_p
        self.counts: list[int] = []
        self.model = ctypes.c_void_p(self.library.nnp_new(len(names), ctypes.c_double(cutoff)))
        for kind, name in enumerate(names):
            radial = sorted(
                (float(f[3]), float(f[4]), names.index(f[2])) for f in functions if f[0] == name and f[1] == "2"
            )
            angular = sorted(
                (float(f[4]), float(f[6]), float(f[5]), sorted((names.index(f[2]), names.index(f[3]))))
                for f in functions
                if f[0] == name and f[1] == "3"
            )
            pairs = sorted({tuple(row[3]) for row in angular})
            which = [pairs.index(tuple(row[3])) for row in angular]
            etas = [
                sorted({row[0] for of, row in zip(which, angular, strict=True) if of == g}) for g in range(len(pairs))
            ]
            degree = [
                int(max(row[1] for of, row in zip(which, angular, strict=True) if of == g)) for g in range(len(pairs))
            ]
            whole = [row[2] for row in radial]
            for group, row in zip(which, angular, strict=True):
                whole += [group, etas[group].index(row[0]), int(row[1])]
            for group, pair in enumerate(pairs):
                whole += [*pair, len(etas[group]), degree[group]]
            scale = np.array([row[2:5] for row in ranges if len(row) == 5 and row[0] == str(kind + 1)], dtype=float)
            if len(scale) != len(radial) + len(angular):
                raise ValueError(
                    f"{folder}/scaling.data: {len(scale)} functions of {name}, not {len(radial) + len(angular)}"
                )
            real = [value for row in radial for value in row[:2]] + [row[2] for row in angular]
            real += [value for group in etas for value in group]
            real += [*scale[:, 2], *1 / (scale[:, 1] - scale[:, 0])]
            self.counts.append(len(scale))
            weights = np.loadtxt(folder / f"weights.{atomic_numbers([name])[0]:03d}.data", usecols=0)
            counts = np.array([len(radial), len(angular), len(pairs), *hidden], dtype=np.int32)
            layers = (len(scale) + 1) * hidden[0] + (hidden[0] + 1) * hidden[1] + hidden[1] + 1
            if len(weights) != layers:
                raise ValueError(f"{folder}: {len(weights)} weights of {name}, not {layers}")
            arrays = np.array(whole, dtype=np.int32), np.array(real, dtype=float), np.ascontiguousarray(weights)
            if self.library.nnp_element(self.model, kind, address(counts), *(address(array) for array in arrays)):
                raise ValueError(f"{folder} is larger than symmetry_functions.c allows")
        self.types = np.array([names.index(element) for element in elements], dtype=np.int32)

    def __call__(self, positions: Any, edges: Any) -> tuple[Any, Any, Any]:
        """Return energies (eV), forces (eV/Å) and virials (eV) of positions (count, n, 3) and edges (count, 3), Å."""
        positions, edges = self._checked(positions, edges)
        count, n_atoms, _ = positions.shape
        energies, forces, virials = np.empty(count), np.empty_like(positions), np.empty((count, 3, 3))
        arrays = (self.types, edges, positions, energies, forces, virials)
        if self.library.nnp_many(self.model, count, n_atoms, *(address(array) for array in arrays)):
            raise ValueError("an atom has more neighbours than symmetry_functions.c allows")
        return energies * HARTREE, forces * (HARTREE / BOHR), virials * HARTREE

    def functions(self, positions: Any, edges: Any) -> tuple[Any, Any]:
        """Return symmetry functions of each atom, (n, most), and -∂/∂R of them, (n, most, n, 3), 1/Å, of (n, 3), Å."""
        positions, edges = self._checked(positions, edges)
        n_atoms, most = len(positions), max(self.counts)
        values, pulls = np.empty((n_atoms, most)), np.empty((n_atoms, most, n_atoms, 3), dtype=np.float32)
        arrays = (self.types, edges, positions, values, pulls)
        if self.library.nnp_functions(self.model, n_atoms, most, *(address(array) for array in arrays)):
            raise ValueError("an atom has more neighbours than symmetry_functions.c allows")
        return values, pulls / np.float32(BOHR)

    def _checked(self, positions: Any, edges: Any) -> tuple[Any, Any]:
        if np.min(edges) <= self.cutoff:
            raise ValueError(f"every edge of the cell has to exceed the cutoff of {self.cutoff} Å")
        return np.ascontiguousarray(positions, dtype=float) / BOHR, np.ascontiguousarray(edges, dtype=float) / BOHR
