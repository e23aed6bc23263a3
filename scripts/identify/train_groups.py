"""Train the network: `python train_groups.py lines.jsonl --out groups.mym`, minutes on one core.

With --start a model of the same groups is trained further, at the highest rate --rate.

Scaffolds that the network is tested on are not among those it is trained on; benzene and the like, more than one in
twenty of the molecules, are trained on. Molecules without a ring are shared out by themselves. Seven tenths train, one
tenth calibrates, two tenths and the set `larger` are left for `benchmarks/identify.py`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem

from mimyria.frame import Array
from mimyria.identify.molecules import Molecule
from mimyria.identify.patterns import GROUPS
from mimyria.identify.recogniser import read_recogniser, write_recogniser
from mimyria.identify.teaching import Fit, train

FEWEST = 8
"""Molecules to train on with a group, and without."""
LARGE = 0.05
SCALE = 0.965
"""Measured wavenumbers over those of B3LYP/6-31G(2df,p)."""
PLACES: tuple[int, ...] = (90, 200, 300, 400, 500, 600, 700, 800, 910, 1000, 1100, 1200, 1300, 1400, 1480)
PLACES += (1600, 1700, 1800, 2280, 2400, 2750, 2800, 2870, 2940, 3000, 3100, 3200, 3400)
GFN2: tuple[float, ...] = (1.084, 1.035, 0.997, 0.992, 1.003, 0.997, 0.985, 0.954, 0.95, 0.964, 0.986, 0.999, 1.003)
GFN2 += (0.988, 0.977, 0.991, 0.975, 0.988, 0.948, 0.948, 1.013, 1.008, 1.003, 0.995, 0.989, 0.994, 0.991, 0.995)
"""Wavenumbers, and what those of GFN2-xTB near them are multiplied with: medians of the above over them, by regions, of
483 molecules of QM9. They remain 24 cm⁻¹ (root mean square) apart."""
STRETCHES = {"O-H": 1.042, "N-H": 1.005, "S-H": 1.06, "C-Cl": 1.07, "C-Br": 1.05}
"""The same of stretches. GFN2-xTB has those of hydrogen at 3520, 3440 and 2435 cm⁻¹, O-H and N-H next to one another;
that of S-H is from 2580 cm⁻¹, where thiols have it. That of C-Cl is the median of measured over calculated ones of
chloromethane, ethyl chloride, dichloromethane and chloroform, that of C-Br the one of bromomethane."""
ANHARMONIC = {"O-H": 0.961, "N-H": 0.96, "≡C-H": 0.95, "C-H": 0.96, "C≡N": 0.954, "C≡C": 0.954, "C=O": 0.951}
"""Measured fundamentals over wavenumbers of B3LYP/6-31G(2df,p), means of water, ammonia, methane, ethane, acetylene,
propyne, HCN, acetonitrile, methanol, ethanol, formaldehyde, acetaldehyde, acetone, glyoxal, formamide (tables such as
T. Shimanouchi's, NSRDS-NBS 39, 1972). Others have `SCALE`, and so has C=O of esters and
acids, which is 0.969 in methyl acetate."""
CARBOXYL = {"ester", "carboxylic acid"}
INFRARED = {"O-H": 3.5, "amide": 4.1, "amine": 0.22, "N-H": 5.4, "C=O": 0.77, "O-C=O": 0.77, "C≡N": 0.088}
INFRARED |= {"C-Cl": 2.6, "C-Br": 1.8}
"""Infrared intensities of B3LYP/def2-SVPD over those of GFN2-xTB (`compare_intensities.py`), of N-H by `nitrogen`
(of N-H that is of neither amides nor amines azoles and sulfonamides were measured), none where there are several kinds:
geometric means of 8, 5, 10, 9, 6 (C=O) and 2 (C≡N) bonds, which scatter by factors of 1.5, 1.2, 3.6, 1.5, 1.1 and 1.1;
of C-Cl and C-Br of two bonds each, as GFN2-xTB has next to nothing for the bond in most alkyl halides, whose modes
get their intensity elsewhere. Those of C-H scatter by 2.5, about 0.7, and stay."""
AMIDE = Chem.MolFromSmarts("[#7;!H0]C=O")
AMINE = Chem.MolFromSmarts("[NX3;!H0;!$(N~[!$([CX4])])]")
"""Nitrogens with hydrogen; those of amines have saturated carbon alone beside them."""
AROMATIC = {"benzene ring", "heteroaromatic ring"}
HYDROGEN, ACETYLENE = 2700.0, 3330.0
SULPHUR, CARBONYL, TRIPLE = (2415.0, 2550.0), (1690.0, 1950.0), (2000.0, 2500.0)
CHLORINE, BROMINE = (560.0, 730.0), (500.0, 620.0)
"""cm⁻¹, of GFN2-xTB: stretches of hydrogen are above the first and those of ≡C-H above the second; between are those of
S-H, C=O, triple bonds, C-Cl and C-Br, in a molecule that has them."""


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of molecules whose lines were computed; a last one that is cut is left out."""
    text = path.read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
    return [row for row in rows if "failed" not in row]


def shared_out(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows to ``train``, ``hold`` out and ``test``, and those that are ``larger``."""
    parts: dict[str, list[dict[str, Any]]] = {"train": [], "hold": [], "test": [], "larger": []}
    counts = Counter(row["scaffold"] for row in rows)
    for row in rows:
        scaffold = row["scaffold"]
        common = scaffold and counts[scaffold] > LARGE * len(rows)
        digest = hashlib.sha256((scaffold or row["smiles"]).encode()).digest()[0] / 256
        drawn = "train" if common or digest < 0.7 else "hold" if digest < 0.8 else "test"
        if common:  # those that calibrate and test have some too, not the scaffold's own novelty
            share = hashlib.sha256(row["smiles"].encode()).digest()[0] / 256
            drawn = "hold" if share < 0.1 else "train"
        parts["larger" if row["set"] == "larger" else drawn].append(row)
    return parts


def stretches(row: dict[str, Any]) -> dict[str, Array]:
    """Return which of the modes of a row are stretches, by bond, shape (modes,) each."""
    found, hydroxyl, polar = (np.array(row[name]) for name in ("wavenumbers", "hydroxyl", "polar"))
    high = found > HYDROGEN

    def has(*groups: str) -> bool:
        return bool(set(groups) & set(row["groups"]))

    def between(limits: tuple[float, float]) -> Array:
        return (limits[0] < found) & (found < limits[1])

    made = {"O-H": high & (hydroxyl > 0.5), "N-H": high & (polar - hydroxyl > 0.5)}
    made["≡C-H"] = (found > ACETYLENE) & (polar < 0.5) & has("C≡C")
    made["C-H"] = high & ~(made["O-H"] | made["N-H"] | made["≡C-H"])
    triple = between(TRIPLE)
    made["C≡N"] = triple & has("nitrile") & (not has("C≡C"))
    made["C≡C"] = triple & has("C≡C")
    made["C=O"] = between(CARBONYL) & has("C=O") & (not has(*CARBOXYL))
    made["O-C=O"] = between(CARBONYL) & has(*CARBOXYL)
    made["S-H"] = between(SULPHUR) & has("S-H")
    made["C-Cl"] = between(CHLORINE) & has("C-Cl") & (not has(*AROMATIC))
    made["C-Br"] = between(BROMINE) & has("C-Br") & (not has(*AROMATIC))
    return made


def nitrogen(smiles: str) -> str:
    """Return what the nitrogens with hydrogen are: ``amide``, aliphatic ``amine``, another ``N-H``, or ``mixed``."""
    molecule = Chem.MolFromSmiles(smiles)
    of_amides = {atoms[0] for atoms in molecule.GetSubstructMatches(AMIDE)}
    of_amines = {atoms[0] for atoms in molecule.GetSubstructMatches(AMINE)}
    kinds = {
        "amide" if atom.GetIdx() in of_amides else "amine" if atom.GetIdx() in of_amines else "N-H"
        for atom in molecule.GetAtoms()
        if atom.GetAtomicNum() == 7 and atom.GetTotalNumHs()
    }
    return kinds.pop() if len(kinds) == 1 else "mixed"


def corrected(row: dict[str, Any]) -> Array:
    """Return the wavenumbers of a row, cm⁻¹, as those of B3LYP times `SCALE`, each by what moves, shape (modes,).

    Those of S-H, C-Cl and C-Br are as measured.
    """
    found = np.array(row["wavenumbers"])
    factor = np.interp(found, PLACES, GFN2)
    for name, those in stretches(row).items():
        if name in STRETCHES:
            factor[those] = STRETCHES[name]
    return found * factor


def molecule_of(row: dict[str, Any], groups: tuple[str, ...], frequencies: str = "b3lyp") -> Molecule:
    """Return the molecule of a row; ``frequencies`` chooses QM9's own, in the same order, where all are there."""
    wavenumbers = corrected(row)
    if frequencies == "b3lyp" and len(row.get("b3lyp", ())) == len(wavenumbers):
        wavenumbers[np.argsort(wavenumbers)] = SCALE * np.sort(row["b3lyp"])
    intensity = np.array(row["ir"])
    for name, those in stretches(row).items():
        wavenumbers[those] *= ANHARMONIC.get(name, SCALE) / SCALE
        intensity[those] *= INFRARED.get(nitrogen(row["smiles"]) if name == "N-H" else name, 1.0)
    lines: dict[str, Array] = {"infrared": intensity, "raman": np.array(row["raman"])}
    has = np.array([name in row["groups"] for name in groups])
    acid = "carboxylic acid" in row["groups"]
    shares = np.array([row["shares"].get(name, np.zeros(len(wavenumbers))) for name in groups])
    hydroxyl = np.array(row["hydroxyl"])
    return Molecule(wavenumbers, lines, np.array(row["polar"]), has, acid, row["smiles"], hydroxyl, shares)


def main() -> None:
    """Train, and write the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--start", type=Path, help="A model of the same groups, whose weights are trained further.")
    parser.add_argument("--rate", type=float, default=Fit.rate, help="The highest learning rate.")
    parser.add_argument("--qm9", choices=("b3lyp", "gfn2"), default="b3lyp", help="Frequencies of molecules of QM9.")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rows = read_rows(given.lines)
    parts = shared_out(rows)
    counts = Counter(name for row in parts["train"] for name in row["groups"])
    most = len(parts["train"]) - FEWEST
    groups = tuple(name for name in GROUPS if FEWEST <= counts[name] <= most)
    sets = {part: [molecule_of(row, groups, given.qm9) for row in parts[part]] for part in parts}
    start = read_recogniser(given.start) if given.start else None
    if start and start.groups != groups:
        raise SystemExit(f"{given.start} has other groups than the molecules")
    begun = time.monotonic()
    summary = {
        "trained on": f"{len(sets['train'])} molecules of H C N O F S Cl Br with up to twelve heavy atoms",
        "lines": "harmonic, GFN2-xTB, with corrected intensities and wavenumbers of stretches"
        + ("; of QM9 with B3LYP/6-31G(2df,p) wavenumbers" if given.qm9 == "b3lyp" else ""),
        **({"begun from": f"a model of {start.summary['trained on']}"} if start else {}),
        "calibrated on": f"{len(sets['hold'])} molecules",
        "molecules with a group": {name: counts[name] for name in groups},
        "left out": ", ".join(name for name in GROUPS if name not in groups) + f": fewer than {FEWEST} molecules",
    }
    how = Fit(epochs=given.epochs, rate=given.rate)
    made = train(sets["train"], sets["hold"], groups, how, summary=summary, start=start.network if start else None)
    write_recogniser(given.out, made)
    print(f"{len(groups)} groups, {time.monotonic() - begun:.0f} s, {given.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
