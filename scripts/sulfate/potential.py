"""The potential of the sulfate runs for ASE: NEP89, and a correction of the springs of the ion (`springs.py`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.geometry import find_mic
from nep_adapters.ase import NepAseCalculator
from springs import basis

Array = np.ndarray[Any, Any]


def ions(atoms: Atoms) -> Array:
    """Return the atoms of every sulfate ion, S first, shape (ions, 5); raise SystemExit if one is not whole."""
    oxygens = np.flatnonzero(atoms.numbers == 8)
    found = []
    for centre in np.flatnonzero(atoms.numbers == 16):
        away = atoms.get_distances(centre, oxygens, mic=True)
        near = oxygens[np.argsort(away)[:4]]
        if np.sort(away)[3] > 2.0:
            raise SystemExit(f"S-O of {np.sort(away)[3]:.2f} Å at atom {centre}: the ion is broken")
        found.append([centre, *sorted(near)])
    return np.array(found)


def whole(atoms: Atoms, members: Array) -> Array:
    """Return the positions of one ion without periodic jumps, shape (5, 3), Å."""
    centre = atoms.positions[members[0]]
    return np.vstack([centre, centre + find_mic(atoms.positions[members[1:]] - centre, atoms.cell, pbc=True)[0]])


class Sulfate(Calculator):  # type: ignore[misc]
    """NEP89 plus Σ c_k B_k of every ion.

    Parameters
    ----------
    model
        ``nep89.txt``.
    correction
        ``correction.json`` of `distil.py`; None for NEP89 alone.
    """

    implemented_properties = ("energy", "forces")

    def __init__(self, model: Path, correction: Path | None = None) -> None:
        super().__init__()
        self.nep = NepAseCalculator(str(model))
        read = json.loads(correction.read_text(encoding="utf-8")) if correction else {}
        self.coefficients = np.array(list(read.get("coefficients", {}).values()))
        self.members: Array | None = None

    def calculate(self, atoms: Any = None, properties: Any = ("energy",), system_changes: Any = all_changes) -> None:
        """Set energy (eV) and forces (eV/Å)."""
        super().calculate(atoms, properties, system_changes)
        plain = atoms.copy()
        plain.calc = self.nep
        energy, forces = plain.get_potential_energy(), plain.get_forces().copy()
        if self.coefficients.size:
            if self.members is None:
                self.members = ions(atoms)
            for members in self.members:
                values, pulls = basis(whole(atoms, members))
                energy += self.coefficients @ values
                forces[members] += np.einsum("k,knx->nx", self.coefficients, pulls)
        self.results = {"energy": float(energy), "forces": forces}
