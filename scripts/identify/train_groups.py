"""Train the network: `python train_groups.py lines.jsonl --out groups.mym`, minutes on one core.

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

from mimyria.frame import Array
from mimyria.identify.molecules import Molecule
from mimyria.identify.patterns import GROUPS
from mimyria.identify.recogniser import write_recogniser
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
STRETCHES = {"O-H": 1.042, "N-H": 1.005, "S-H": 1.06}
"""The same of stretches of hydrogen, which GFN2-xTB has at 3520, 3440 and 2435 cm⁻¹, O-H and N-H next to one another;
that of S-H is from 2580 cm⁻¹, where thiols have it."""
HYDROGEN, SULPHUR = 2700.0, (2415.0, 2550.0)
"""cm⁻¹, of GFN2-xTB: stretches of O-H and N-H are above, those of S-H, in a molecule that has one, between."""


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


def corrected(row: dict[str, Any]) -> Array:
    """Return the wavenumbers of a row as they would be measured, each by what moves in it, shape (modes,)."""
    found = np.array(row["wavenumbers"])
    hydroxyl = np.array(row["hydroxyl"])
    shares = {"O-H": hydroxyl, "N-H": np.array(row["polar"]) - hydroxyl}
    stretch = {name: (share > 0.5) & (found > HYDROGEN) for name, share in shares.items()}
    low, high = SULPHUR
    stretch["S-H"] = (low < found) & (found < high) & ("S-H" in row["groups"])
    factor = np.interp(found, PLACES, GFN2)
    for name, those in stretch.items():
        factor[those] = STRETCHES[name]
    return found * factor


def molecule_of(row: dict[str, Any], groups: tuple[str, ...], frequencies: str = "b3lyp") -> Molecule:
    """Return the molecule of a row; ``frequencies`` chooses QM9's own, in the same order, where all are there."""
    wavenumbers = corrected(row)
    if frequencies == "b3lyp" and len(row.get("b3lyp", ())) == len(wavenumbers):
        wavenumbers[np.argsort(wavenumbers)] = SCALE * np.sort(row["b3lyp"])
    lines: dict[str, Array] = {"infrared": np.array(row["ir"]), "raman": np.array(row["raman"])}
    has = np.array([name in row["groups"] for name in groups])
    acid = "carboxylic acid" in row["groups"]
    return Molecule(wavenumbers, lines, np.array(row["polar"]), has, acid, row["smiles"], np.array(row["hydroxyl"]))


def main() -> None:
    """Train, and write the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--qm9", choices=("b3lyp", "gfn2"), default="b3lyp", help="Frequencies of molecules of QM9.")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rows = read_rows(given.lines)
    parts = shared_out(rows)
    counts = Counter(name for row in parts["train"] for name in row["groups"])
    most = len(parts["train"]) - FEWEST
    groups = tuple(name for name in GROUPS if FEWEST <= counts[name] <= most)
    sets = {part: [molecule_of(row, groups, given.qm9) for row in parts[part]] for part in parts}
    begun = time.monotonic()
    summary = {
        "trained on": f"{len(sets['train'])} molecules of H C N O F S Cl Br with up to twelve heavy atoms",
        "lines": "harmonic, GFN2-xTB"
        + ("; of QM9 with B3LYP/6-31G(2df,p) wavenumbers" if given.qm9 == "b3lyp" else ""),
        "calibrated on": f"{len(sets['hold'])} molecules",
        "molecules with a group": {name: counts[name] for name in groups},
        "left out": ", ".join(name for name in GROUPS if name not in groups) + f": fewer than {FEWEST} molecules",
    }
    made = train(sets["train"], sets["hold"], groups, Fit(epochs=given.epochs), summary=summary)
    write_recogniser(given.out, made)
    print(f"{len(groups)} groups, {time.monotonic() - begun:.0f} s, {given.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
