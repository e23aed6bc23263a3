"""Compute the lines of molecules at their minima: `python compute_lines.py molecules.jsonl minima lines.jsonl`.

Modes are those of the Hessians that `compute_minima.py` stored, by GFN2-xTB; intensities are of the tensors that the
bundled networks `molecules` predict (PBE0/def2-svpd), or other models (`--apt`, `--pgt`). A row of the result has
wavenumbers (cm⁻¹), infrared intensities (km/mol), Raman activities (Å⁴/u) and the shares of the kinetic energy of
hydrogen on O or N (`polar`), of that on O alone (`hydroxyl`), of the atoms of each group (`shares`) and of bonds of
carbon to Cl and Br (`stretching`); of QM9 the B3LYP frequencies too. Molecules without a minimum are left out, and
those whose bonds are not those of their SMILES there.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from compute_minima import stored_of
from rdkit import Chem
from rdkit.Chem import rdDetermineBonds

from mimyria.elements import numbers_of
from mimyria.frame import Array, Frame
from mimyria.harmonic.lines import lines_of
from mimyria.harmonic.modes import Modes, normal_modes
from mimyria.identify.patterns import GROUPS
from mimyria.memory import whole
from mimyria.model.files import read_model
from mimyria.model.predict import predict_all
from mimyria.molecules import find_bonds
from mimyria.targets import APT, PGT

BOND = 1.25
"""Å; hydrogen nearer than this to O or N is bound to it."""
WHOLE_RING = "heteroaromatic ring"
"""Group of whose aromatic rings all atoms count, not those of the pattern alone."""
WITH_HYDROGEN = {"aldehyde", "methoxy", "CH3", "CH2", "=CH2", "=C-H", "C=C", "C≡C", "benzene ring", WHOLE_RING}
"""Groups to which hydrogen on their carbon belongs."""
HALIDES = {17: "Cl", 35: "Br"}
KEPT = ("id", "smiles", "set", "scaffold", "groups", "b3lyp")
"""Of the rows of the molecules."""


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


def read_minimum(row: dict[str, Any], stored: Path) -> tuple[Frame, Array]:
    """Return structure and Hessian (eV/Å²) of a molecule, as `compute_minima.py` stored them."""
    with np.load(stored) as made:
        positions, hessian = made["positions"], made["hessian"].astype(float)
    return Frame(numbers_of(row["symbols"]), positions, np.zeros((3, 3)), np.zeros(3, dtype=bool)), hessian


def moving(frame: Frame, modes: Modes, groups: dict[str, list[int]]) -> dict[str, Any]:
    """Return what a row states of the kinetic energy: shares of the atoms of groups, and of two kinds of hydrogen."""
    distance = np.linalg.norm(frame.positions[:, None] - frame.positions, axis=2)
    energy = (modes.vectors**2).sum(axis=2)
    made: dict[str, Any] = {}
    for name, partners in (("polar", (7, 8)), ("hydroxyl", (8,))):
        near = (distance[:, np.isin(frame.numbers, partners)] < BOND).any(axis=1)
        made[name] = rounded(energy[:, near & (frame.numbers == 1)].sum(axis=1), 2)
    made["shares"] = {name: rounded(energy[:, atoms].sum(axis=1), 2) for name, atoms in groups.items()}
    return made | {"stretching": stretching(frame, modes)}


def stretching(frame: Frame, modes: Modes) -> dict[str, list[float]]:
    """Return the part of the kinetic energy of each mode in which bonds of carbon to Cl or Br change their lengths.

        s_k = r_kᵀ G⁻¹ r_k          r_kb = (x_ak - x_ck)·n_b          G = B M⁻¹ Bᵀ          (E. B. Wilson, 1939)

    r are the changes of the lengths, B their derivatives by the positions, M the masses. Bonds of carbons with one
    halogen (``C-Cl``) are apart from those of carbons with several (``CCl2``).
    """
    bonds: dict[str, list[Array]] = {}
    i, j, vectors = find_bonds(frame)
    for carbon, halogen, vector in zip(i, j, vectors, strict=True):
        if frame.numbers[carbon] == 6 and (name := HALIDES.get(int(frame.numbers[halogen]))):
            several = np.isin(frame.numbers[j[i == carbon]], list(HALIDES)).sum() > 1
            row = np.zeros((len(frame), 3))
            row[halogen] = vector / np.linalg.norm(vector)
            row[carbon] = -row[halogen]
            bonds.setdefault(f"C{name}2" if several else f"C-{name}", []).append(row)
    made = {}
    for name, rows in bonds.items():
        lengths = np.array(rows)
        metric = np.einsum("anx,n,bnx->ab", lengths, 1 / modes.masses, lengths)
        changes = np.einsum("knx,bnx->kb", modes.displacements, lengths)
        made[name] = rounded(np.einsum("ka,ab,kb->k", changes, np.linalg.inv(metric), changes), 2)
    return made


def lines_by(modes: Modes, tensors: dict[str, Array]) -> dict[str, list[float]]:
    """Return wavenumbers, infrared intensities and Raman activities of modes."""
    lines = lines_of(modes, tensors)
    assert lines.intensity is not None  # as both tensors are there
    assert lines.activity is not None
    return {
        "wavenumbers": rounded(modes.wavenumbers, 1),
        "ir": rounded(lines.intensity, 2),
        "raman": rounded(lines.activity, 2),
    }


def rounded(values: Array, digits: int) -> list[float]:
    """Return values as a row has them."""
    return list(np.round(values, digits).tolist())


def main() -> None:
    """Write the lines of all molecules whose minima are there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("molecules", type=Path)
    parser.add_argument("minima", type=Path)
    parser.add_argument("lines", type=Path)
    parser.add_argument("--apt", default="molecules", help="Model of the polar tensors.")
    parser.add_argument("--pgt", default="molecules", help="Model of the polarizability gradients.")
    given = parser.parse_args()
    models = [read_model(name, target.name) for target, name in ((APT, given.apt), (PGT, given.pgt))]
    rows, frames, missing, failed = [], [], 0, []
    for number, text in enumerate(given.molecules.read_text(encoding="utf-8").splitlines()):
        row = json.loads(text)
        stored = stored_of(row, number, given.minima)
        if stored is None:
            missing += 1
        elif stored.suffix == ".failed":
            failed.append(row["smiles"])
        else:
            frame, hessian = read_minimum(row, stored)
            try:
                rows.append((row, hessian, atoms_of_groups(row | {"positions": frame.positions})))
                frames.append(frame)
            except RuntimeError:  # it is another molecule
                failed.append(row["smiles"])
    with whole(given.lines) as unfinished, unfinished.open("w", encoding="utf-8") as out:
        for (row, hessian, groups), frame in zip(rows, predict_all(models, frames), strict=True):
            modes = normal_modes(frame, hessian)
            made = {name: row[name] for name in KEPT if name in row}
            out.write(json.dumps(made | lines_by(modes, frame.tensors) | moving(frame, modes, groups)) + "\n")
    print(f"{given.lines}: {len(rows)} molecules; not computed yet: {missing}; left out: {', '.join(failed) or 'none'}")


if __name__ == "__main__":
    main()
