"""Train the network: `python train_groups.py lines.jsonl --out groups.mym`, some 20 minutes of one core.

With --start a model of the same groups is trained further, at the highest rate --rate. With --join, models trained
apart, with another --seed each, become one committee, which is calibrated and not trained.

Scaffolds that the network is tested on are not among those it is trained on; benzene and the like, more than one in
twenty of the molecules, are trained on. Molecules without a ring are shared out by themselves. Seven tenths train, one
tenth calibrates, two tenths and the set `larger` are left for `benchmarks/identify.py`. With `--split molecules` it is
as published networks were trained and tested: those of up to eight heavy atoms, shared out at random, and all that are
larger for another test.
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

from corrections import Factors, fit_factors, molecule_of
from pick_molecules import groups_of, patterns
from rdkit import Chem

from mimyria.identify.convolutions import Committee
from mimyria.identify.molecules import Molecule
from mimyria.identify.patterns import GROUPS
from mimyria.identify.recogniser import read_recogniser, write_recogniser
from mimyria.identify.teaching import Fit, calibrated, train

FEWEST = 8
"""Molecules to train on with a group, and without."""
LARGE = 0.05
SPLITS = "scaffolds", "molecules"
SMALL = 8
"""Heavy atoms of the largest molecules that are trained on and tested, where molecules are shared out."""
ALKANES, AGAIN = {"CH3", "CH2"}, 4
"""Molecules with no other group are few, have few bands, and look like Raman spectra; they are trained on so often."""


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the rows of molecules; end the program if they are not as they are made now."""
    made = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if any("stretching" not in row for row in made):
        raise SystemExit(f"{path} is not as compute_lines.py writes it now: compute the lines anew")
    known = patterns()
    for row in made:
        if row["groups"] != groups_of(Chem.MolFromSmiles(row["smiles"]), known):
            raise SystemExit(
                f"{path}: the groups of {row['smiles']} are not those of mimyria/identify/patterns.py: pick the "
                "molecules anew, and compute their minima and lines into another folder and file"
            )
    return made


def shared_out(rows: list[dict[str, Any]], split: str = "scaffolds") -> dict[str, list[dict[str, Any]]]:
    """Return the rows to ``train``, ``hold`` out and ``test``, and those that are ``larger``, by one of `SPLITS`."""
    parts: dict[str, list[dict[str, Any]]] = {"train": [], "hold": [], "test": [], "larger": []}
    counts = Counter(row["scaffold"] for row in rows)
    for row in rows:
        scaffold = row["scaffold"] if split == "scaffolds" else ""
        common = scaffold and counts[scaffold] > LARGE * len(rows)
        digest = hashlib.sha256((scaffold or row["smiles"]).encode()).digest()[0] / 256
        drawn = "train" if common or digest < 0.7 else "hold" if digest < 0.8 else "test"
        if common:  # those that calibrate and test have some too, not the scaffold's own novelty
            share = hashlib.sha256(row["smiles"].encode()).digest()[0] / 256
            drawn = "hold" if share < 0.1 else "train"
        if split == "scaffolds":
            larger = row["set"] == "larger"
        else:
            larger = Chem.MolFromSmiles(row["smiles"]).GetNumHeavyAtoms() > SMALL
        parts["larger" if larger else drawn].append(row)
    return parts


def molecules_of(
    rows: list[dict[str, Any]], groups: tuple[str, ...], factors: Factors, frequencies: str = "b3lyp"
) -> list[Molecule]:
    """Return the molecules of rows; see `molecule_of`."""
    return [molecule_of(row, groups, factors, frequencies) for row in rows]


def factors_for(rows: list[dict[str, Any]], path: Path) -> Factors:
    """Return the factors of wavenumbers that fit best the rows to train on, read from a file."""
    try:
        return fit_factors(rows)
    except ValueError as error:
        raise SystemExit(f"{path}: {error}") from None


def main() -> None:
    """Train, and write the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=75)
    earlier_ones = parser.add_mutually_exclusive_group()
    earlier_ones.add_argument(
        "--start", type=Path, help="A model of the same groups, whose weights are trained further."
    )
    earlier_ones.add_argument(
        "--join", type=Path, nargs="+", help="Models of the same groups that become one committee."
    )
    parser.add_argument("--rate", type=float, default=Fit.rate, help="The highest learning rate.")
    parser.add_argument("--exact", type=float, default=Fit.exact, help="Share of spectra that are as computed.")
    parser.add_argument("--seed", type=int, default=Fit.seed, help="Of weights and spectra.")
    parser.add_argument("--qm9", choices=("b3lyp", "gfn2"), default="b3lyp", help="Frequencies of molecules of QM9.")
    parser.add_argument("--split", choices=SPLITS, default=SPLITS[0], help="What no two parts have in common.")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rows = read_lines(given.lines)
    parts = shared_out(rows, given.split)
    counts = Counter(name for row in parts["train"] for name in row["groups"])
    most = len(parts["train"]) - FEWEST
    groups = tuple(name for name in GROUPS if FEWEST <= counts[name] <= most)
    left_out = [name for name in GROUPS if name not in groups]
    factors = factors_for(parts["train"], given.lines)
    sets = {part: molecules_of(parts[part], groups, factors, given.qm9) for part in parts}
    earlier = {path: read_recogniser(path) for path in (given.join or ([given.start] if given.start else []))}
    for path, one in earlier.items():
        if one.groups != groups:
            raise SystemExit(f"{path} has other groups than the molecules")
    networks = [member for one in earlier.values() for member in one.network.networks]
    if given.start and len(networks) > 1:
        raise SystemExit(f"{given.start} is a committee: give one of the models that it was joined of")
    begun = time.monotonic()
    summary = {
        "trained on": f"{len(sets['train'])} molecules of H C N O F S Cl Br with up to "
        + f"{'twelve' if given.split == 'scaffolds' else 'eight'} heavy atoms",
        "lines": "harmonic, GFN2-xTB, wavenumbers corrected; intensities of learned tensors"
        + ("; of QM9 with B3LYP/6-31G(2df,p) wavenumbers" if given.qm9 == "b3lyp" else ""),
        **({"begun from": f"a model of {earlier[given.start].summary['trained on']}"} if given.start else {}),
        **({"committee": f"of {len(networks)} networks"} if given.join else {}),
        "calibrated on": f"{len(sets['hold'])} molecules",
        "molecules with a group": {name: counts[name] for name in groups},
        **({"left out": f"{', '.join(left_out)}: fewer than {FEWEST} molecules"} if left_out else {}),
    }
    how = Fit(epochs=given.epochs, rate=given.rate, exact=given.exact, seed=given.seed)
    alkanes = [one for one, row in zip(sets["train"], parts["train"], strict=True) if set(row["groups"]) <= ALKANES]
    shown = sets["train"] + (AGAIN - 1) * alkanes
    if given.join:
        made = calibrated(Committee(networks), shown, sets["hold"], groups, how, summary)
    else:
        start = networks[0] if networks else None
        made = train(shown, sets["hold"], groups, how, summary=summary, start=start)
    write_recogniser(given.out, made)
    print(f"{len(groups)} groups, {time.monotonic() - begun:.0f} s, {given.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
