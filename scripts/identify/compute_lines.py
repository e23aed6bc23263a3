"""Compute the lines of molecules with GFN2-xTB: `python compute_lines.py molecules.jsonl lines.jsonl [--first 1000]`.

Relaxation, Hessian by differences of forces (0.001 a0; wavenumbers 3 cm⁻¹, rms, from those by central ones), forces in
13 electric fields: half a second a molecule of sixteen atoms. A row of the result has wavenumbers (cm⁻¹), infrared
intensities (km/mol), Raman activities (Å⁴/u) and the shares of the kinetic energy of hydrogen on O or N (`polar`), of
that on O alone (`hydroxyl`) and of the atoms of each group (`shares`); of QM9 the B3LYP frequencies too. Rows that are
there are not repeated, so that it may be stopped and started again. Run it with OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDetermineBonds
from rows import rows_to_go_on
from scipy.optimize import minimize
from tblite import library
from tblite.interface import Calculator

from mimyria.elements import numbers_of
from mimyria.frame import Array, Frame
from mimyria.harmonic.lines import Lines, lines_of
from mimyria.harmonic.modes import Modes, normal_modes
from mimyria.identify.patterns import GROUPS
from mimyria.labels.fields import fit_response, stencil
from mimyria.units import BOHR, HARTREE

STEP = 0.001
"""a0"""
FIELD = 2e-3
LARGEST = 5e-4
"""E_h/a0; of the forces after the relaxation."""
BOND = 1.25
"""Å; hydrogen nearer than this to O or N is bound to it."""
WHOLE_RING = "heteroaromatic ring"
"""Group of whose aromatic rings all atoms count, not those of the pattern alone."""
WITH_HYDROGEN = {"aldehyde", "methoxy", "CH3", "CH2", "=CH2", "=C-H", "C=C", "C≡C", "benzene ring", WHOLE_RING}
"""Groups to which hydrogen on their carbon belongs."""
ACCURACY = {"relaxation": 1.0, "hessian": 0.01, "field": 1e-3}
"""Of the program, whose own is 1."""


def gradients(numbers: Array, accuracy: float, field: Array | None = None) -> Callable[[Array], tuple[float, Array]]:
    """Return energy (E_h) and gradient (E_h/a0) as a function of the positions (a0), each from the density before."""
    calculator: Any = None
    result: Any = None

    def calculate(positions: Array) -> tuple[float, Array]:
        nonlocal calculator, result
        positions = positions.reshape(-1, 3)
        if calculator is None:
            calculator = Calculator("GFN2-xTB", numbers, positions)
            calculator.set("verbosity", 0)
            calculator.set("accuracy", accuracy)
            if field is not None:
                calculator.add("electric-field", library.ffi.cast("double*", field.ctypes.data))
        calculator.update(positions)
        result = calculator.singlepoint(result)
        return float(result.get("energy")), result.get("gradient").ravel()

    return calculate


def atoms_of_groups(row: dict[str, Any]) -> dict[str, list[int]]:
    """Return the atoms of each group of a molecule, with the hydrogens on them but for those on carbon in most groups.

    They are numbered as the positions are, whose order need not be that of the SMILES.
    """
    known = Chem.AddHs(Chem.MolFromSmiles(row["smiles"]))
    drawn = Chem.RWMol(known)
    for atom in drawn.GetAtoms():
        atom.SetIsAromatic(False)
        atom.SetFormalCharge(0)
    for bond in drawn.GetBonds():
        bond.SetBondType(Chem.BondType.SINGLE)
    # rdkit reads no exponents
    lines = zip(row["symbols"], row["positions"], strict=True)
    xyz = [f"{symbol} {x:.5f} {y:.5f} {z:.5f}" for symbol, (x, y, z) in lines]
    placed = Chem.MolFromXYZBlock("\n".join([str(len(xyz)), "", *xyz]))
    rdDetermineBonds.DetermineConnectivity(placed)
    place = placed.GetSubstructMatch(drawn)
    if not place:
        raise RuntimeError("the bonds of the geometry are not those of the SMILES")
    found = {}
    for name in row["groups"]:
        atoms = {a for match in known.GetSubstructMatches(Chem.MolFromSmarts(GROUPS[name])) for a in match}
        if name == WHOLE_RING:
            rings = [set(ring) for ring in known.GetRingInfo().AtomRings() if atoms & set(ring)]
            atoms |= {a for ring in rings if all(known.GetAtomWithIdx(b).GetIsAromatic() for b in ring) for a in ring}
        if name == "nitro":  # of which the pattern matches nitrogen alone
            atoms |= {
                near.GetIdx()
                for a in atoms
                for near in known.GetAtomWithIdx(a).GetNeighbors()
                if near.GetAtomicNum() == 8
            }
        for atom in [known.GetAtomWithIdx(a) for a in atoms]:
            if name in WITH_HYDROGEN or atom.GetAtomicNum() != 6:
                atoms |= {near.GetIdx() for near in atom.GetNeighbors() if near.GetAtomicNum() == 1}
        found[name] = sorted(place[a] for a in atoms)
    return found


def compute(row: dict[str, Any]) -> dict[str, Any]:
    """Return the lines of a molecule; raise RuntimeError where the program or the relaxation fails."""
    groups = atoms_of_groups(row)
    numbers = numbers_of(row["symbols"])
    rough, force = (gradients(numbers, ACCURACY[name]) for name in ("relaxation", "hessian"))
    start = np.array(row["positions"]).ravel() / BOHR
    near: Any = minimize(rough, start, jac=True, method="BFGS", options={"gtol": 3e-4})
    begin: Any = {"gtol": 1e-4, "hess_inv0": (near.hess_inv + near.hess_inv.T) / 2}
    found = minimize(force, near.x, jac=True, method="BFGS", options=begin)
    if abs(found.jac).max() > LARGEST:
        raise RuntimeError(f"gradient of {abs(found.jac).max():.1g} after the relaxation")
    there = force(found.x)[1]
    hessian = np.array([(force(found.x + step)[1] - there) / STEP for step in STEP * np.eye(found.x.size)])
    fields = np.ascontiguousarray(stencil(2, FIELD))
    inside = [-gradients(numbers, ACCURACY["field"], field)(found.x)[1].reshape(-1, 3) for field in fields]
    positions = found.x.reshape(-1, 3) * BOHR
    frame = Frame(numbers, positions, np.zeros((3, 3)), np.zeros(3, dtype=bool))
    fit = fit_response(fields, np.array(inside))
    modes = normal_modes(frame, hessian * HARTREE / BOHR**2)
    return {
        **{name: row[name] for name in ("id", "smiles", "set", "scaffold", "groups", "b3lyp") if name in row},
        **described(frame, modes, lines_of(modes, fit.tensors), groups),
    }


def described(frame: Frame, modes: Modes, lines: Lines, groups: dict[str, list[int]]) -> dict[str, Any]:
    """Return what a row says of the modes of a molecule, of which the atoms of each group are known."""
    numbers, positions = frame.numbers, frame.positions
    distance = np.linalg.norm(positions[:, None] - positions, axis=2)
    energy = (modes.vectors**2).sum(axis=2)
    shares = {}
    for name, partners in (("polar", (7, 8)), ("hydroxyl", (8,))):
        bound = (numbers == 1) & (distance[:, np.isin(numbers, partners)] < BOND).any(axis=1)
        shares[name] = np.round(energy[:, bound].sum(axis=1), 2).tolist()
    assert lines.intensity is not None  # as the tensors are there
    assert lines.activity is not None
    return {
        "wavenumbers": np.round(modes.wavenumbers, 1).tolist(),
        "ir": np.round(lines.intensity, 2).tolist(),
        "raman": np.round(lines.activity, 2).tolist(),
        **shares,
        "shares": {name: np.round(energy[:, atoms].sum(axis=1), 2).tolist() for name, atoms in groups.items()},
    }


def main() -> None:
    """Compute what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("molecules", type=Path)
    parser.add_argument("lines", type=Path)
    parser.add_argument("--first", type=int, help="So many rows of the molecules.")
    parser.add_argument("--most-atoms", type=int, default=99, help="Larger molecules are left for later.")
    given = parser.parse_args()
    done = {row["id"] for row in rows_to_go_on(given.lines)}
    with given.molecules.open(encoding="utf-8") as stream, given.lines.open("a", encoding="utf-8") as out:
        for number, line in enumerate(stream):
            if number == given.first:
                break
            row = json.loads(line)
            if row["id"] in done or len(row["symbols"]) > given.most_atoms:
                continue
            try:
                made = compute(row)
            except RuntimeError as error:
                made = {"id": row["id"], "smiles": row["smiles"], "failed": " ".join(str(error).split())}
            out.write(json.dumps(made) + "\n")
            out.flush()


if __name__ == "__main__":
    main()
