"""The potential of the sulfate runs for ASE: NEP89, and a correction of the ion (`springs.py`, `surroundings.py`)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from surroundings import CUTOFF, LABELS, correct

sys.path.append(str(Path(__file__).parents[1] / "path_integrals"))
from nep import NEP

Array = np.ndarray[Any, Any]


def ions_of(atoms: Atoms) -> Array:
    """Return the atoms of each sulfate ion, S first, shape (ions, 5); raise SystemExit if one is broken."""
    oxygens, found = np.flatnonzero(atoms.numbers == 8), []
    for centre in np.flatnonzero(atoms.numbers == 16):
        away = atoms.get_distances(centre, oxygens, mic=True)
        if np.sort(away)[3] > 2.0:
            raise SystemExit(f"S-O of {np.sort(away)[3]:.2f} Å: the ion is broken")
        found.append([centre, *sorted(oxygens[np.argsort(away)[:4]])])
    return np.array(found)


def ion(atoms: Atoms) -> Array:
    """Return the atoms of the one sulfate ion, S first, shape (5,); raise SystemExit if it is broken, or not alone."""
    found = ions_of(atoms)
    if len(found) != 1:
        raise SystemExit(f"one sulfate ion is known here, not {len(found)}")
    return found[0]


def edge_of(atoms: Atoms) -> float:
    """Return the edge of a cubic cell, Å; raise SystemExit if it is none, or too small for the correction."""
    edge = float(atoms.cell[0, 0])
    if np.abs(atoms.cell.array - edge * np.eye(3)).max() > 1e-9 or edge < 2 * CUTOFF:
        raise SystemExit(f"the correction needs a cube of at least {2 * CUTOFF} Å")
    return edge


class Sulfate(Calculator):  # type: ignore[misc]
    """NEP89 plus Σ c_k E_k; the atoms are always the same.

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
        self.model = model
        self.nep: Any = None
        self.members = np.zeros((1, 5), dtype=int)
        read = json.loads(correction.read_text(encoding="utf-8"))["coefficients"] if correction else {}
        self.coefficients = np.array([read.get(label, 0.0) for label in LABELS if read])  # older ones have fewer kinds

    def evaluate(self, atoms: Atoms) -> tuple[float, Array]:
        """Return energy (eV) and forces (eV/Å)."""
        if self.nep is None:
            self.nep = NEP(self.model, atoms.get_chemical_symbols())
            self.members = ions_of(atoms)
        edge = edge_of(atoms)
        (energy,), (forces,), _ = self.nep(atoms.positions[None], np.full((1, 3), edge))
        if self.coefficients.size:
            more, pull = correct(self.coefficients, atoms.positions, atoms.numbers, edge, self.members)
            energy += more
            forces += pull
        return float(energy), forces

    def calculate(self, atoms: Any = None, properties: Any = ("energy",), system_changes: Any = all_changes) -> None:
        """Keep energy and forces, as ASE asks of a calculator."""
        super().calculate(atoms, properties, system_changes)
        self.results = dict(zip(self.implemented_properties, self.evaluate(atoms), strict=True))
