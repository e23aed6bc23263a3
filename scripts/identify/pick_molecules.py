"""Choose the molecules whose lines are computed, with rdkit and qm9pack.

    python pick_molecules.py --out molecules.jsonl --listed molecules.txt.xz
    python pick_molecules.py --out molecules.jsonl --moses MOLSETS.whl --first 5000

The first takes the molecules of the bundled model, each a line of the list: its set, its number there, its SMILES.
They were drawn before some patterns of groups were changed; `further.txt.xz` and `small.txt.xz` list more. The second
draws others, of four sets in turns, so that any beginning of the file is balanced:

- simple: hydrocarbon rests, each with one of some forty common groups, and pairs of groups on a ring or a chain
- qm9: of the 134 000 molecules of QM9 (H C N O F, up to nine heavy atoms; package qm9pack, MIT), in random order, every
  one with a group that fewer than a tenth of those taken before have, and one in twenty of the others; with their
  geometries and B3LYP/6-31G(2df,p) frequencies
- fragments: what BRICS cuts leave of the molecules of MOSES (package molsets, MIT: `--moses` is its wheel; drug-like,
  S, Cl and Br too), with H at the cuts, 4 to 12 heavy atoms
- larger: whole molecules of MOSES with 13 to 18 heavy atoms, for tests alone

A row has a SMILES, its Murcko scaffold, the groups, elements, the positions of one conformer (Å) and, of QM9, the
frequencies (cm⁻¹). The first 1000 rows are the same however many are asked for.
"""

from __future__ import annotations

import argparse
import gzip
import json
import lzma
import random
import re
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from rdkit import Chem, RDLogger
from rdkit.Chem import BRICS, AllChem
from rdkit.Chem.Scaffolds import MurckoScaffold

from mimyria.identify.patterns import GROUPS
from mimyria.memory import whole

sys.path.append(str(Path(__file__).parents[1]))
from qm9 import elements_in, numbers_in, stored_in_qm9

RESTS: tuple[str, ...] = (
    "C({})",
    "CC({})",
    "CCC({})",
    "CCCC({})",
    "CCCCCC({})",
    "CC({})C",
    "CC({})(C)C",
    "CC(C)C({})",
    "CCC({})C",
)
RESTS += ("C1({})CC1", "C1({})CCC1", "C1({})CCCC1", "C1({})CCCCC1", "C=C({})", "C=CC({})", "CC=C({})", "C#CC({})")
RESTS += ("c1({})ccccc1", "c1ccccc1C({})", "c1ccccc1CC({})", "c1({})ccc(C)cc1", "c1({})cccc(C)c1", "c1ccccc1C=C({})")
RESTS += ("c1({})ccncc1", "c1({})cccnc1", "c1({})ccco1", "c1({})cccs1", "C1({})CCOC1", "C1({})CCNCC1", "COC({})")
ENDS: tuple[str, ...] = (
    "O",
    "N",
    "NC",
    "N(C)C",
    "C#N",
    "C=O",
    "C(=O)C",
    "C(=O)CC",
    "C(=O)O",
    "C(=O)OC",
    "C(=O)OCC",
    "OC(=O)C",
)
ENDS += ("C(=O)N", "C(=O)NC", "C(=O)N(C)C", "NC(=O)C", "[N+](=O)[O-]", "F", "Cl", "Br", "C(F)(F)F", "S", "SC")
ENDS += ("S(=O)(=O)C", "S(=O)(=O)N", "S(=O)C", "C#C", "C#CC", "OC", "OCC", "C=C", "C(C)=C", "C1CO1", "C(=O)Cl", "C=NO")
ENDS += ("C=NC", "N=C=O", "ON", "CO", "CN")
PAIRS: tuple[str, ...] = ("O", "N", "C#N", "C=O", "C(=O)C", "C(=O)O", "C(=O)OC", "C(=O)N", "[N+](=O)[O-]")
PAIRS += ("F", "Cl", "Br", "OC", "S", "C#C", "C")
CARRIERS = "c1({})ccc({})cc1", "c1({})c({})cccc1", "C({})C({})", "C({})CC({})"
ELEMENTS = {"H", "C", "N", "O", "F", "S", "Cl", "Br"}
ENOUGH = 0.1
"""Share of the molecules of QM9 taken before that have a group, from which on it is not rare."""
ANY = 0.05
"""Share of the molecules of QM9 without a rare group that are taken. With none, the drawing would end when no group is
rare."""
COLUMNS = "Index", "SMILES", "Elements", "XYZ_Ang", "Harmonic_Freq_cmi"


def patterns() -> dict[str, Chem.Mol]:
    """Return the patterns of the groups."""
    return {name: Chem.MolFromSmarts(pattern) for name, pattern in GROUPS.items()}


def groups_of(molecule: Chem.Mol, known: dict[str, Chem.Mol]) -> list[str]:
    """Return the names of the groups that a molecule has, of those with their patterns."""
    return [name for name, pattern in known.items() if molecule.HasSubstructMatch(pattern)]


def simple() -> list[str]:
    """Return the SMILES of simple molecules."""
    smiles = [rest.format(end) for rest in RESTS for end in ENDS]
    smiles += [each.format(a, b) for k, a in enumerate(PAIRS) for b in PAIRS[k:] for each in CARRIERS]
    smiles += [rest.format("[H]") for rest in RESTS]
    random.shuffle(smiles)
    return smiles


def neutral(smiles: str, *, separated: bool = True) -> Chem.Mol | None:
    """Return a molecule, None for an ion, several molecules or, unless ``separated``, one with charges within it."""
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or Chem.GetFormalCharge(molecule) or "." in smiles or ("+" in smiles and not separated):
        return None
    return molecule


def row_of_qm9(molecule: Chem.Mol, elements: str, positions: str, frequencies: str) -> dict[str, Any]:
    """Return the row of a molecule of QM9."""
    return {
        "smiles": Chem.MolToSmiles(molecule),
        "symbols": elements_in(elements),
        "positions": [[round(x, 4) for x in row] for row in numbers_in(positions)],
        "b3lyp": sorted(numbers_in(frequencies)),
    }


def from_qm9(known: dict[str, Chem.Mol]) -> Iterator[dict[str, Any]]:
    """Yield rows of QM9, shuffled; a rare group counts."""
    stored = stored_in_qm9(*COLUMNS)
    random.shuffle(stored)
    counts: Counter[str] = Counter()
    taken = 0
    for number, smiles, *fields in stored:
        molecule = neutral(smiles, separated=False)
        if molecule is None:
            continue
        groups = groups_of(molecule, known)
        if random.random() > ANY and not any(counts[name] < ENOUGH * taken for name in groups):
            continue
        counts.update(groups)
        taken += 1
        yield {"id": f"qm9-{number}"} | row_of_qm9(molecule, *fields)


def moses(wheel: Path) -> list[str]:
    """Return the SMILES of MOSES."""
    with zipfile.ZipFile(wheel) as archive:
        text = gzip.decompress(archive.read("moses/dataset/data/train.csv.gz")).decode()
    smiles = [line.split(",")[0] for line in text.splitlines()[1:]]
    random.shuffle(smiles)
    return smiles


def fragments(smiles: Iterable[str]) -> Iterator[str]:
    """Yield fragments of molecules."""
    for drug in smiles:
        for piece in sorted(BRICS.BRICSDecompose(Chem.MolFromSmiles(drug), minFragmentSize=3)):  # a set has no order
            bare = Chem.MolFromSmiles(re.sub(r"\[\d+\*\]", "[H]", piece))
            if bare is not None and 4 <= bare.GetNumHeavyAtoms() <= 12:
                yield Chem.MolToSmiles(bare)


def conformer(text: str) -> dict[str, Any] | None:
    """Return the SMILES, elements and positions of a molecule; None for an ion, other elements, or where it fails.

    Its atoms are in the order of its canonical SMILES, however it was written.
    """
    molecule = neutral(text)
    if molecule is None:
        return None
    smiles = Chem.MolToSmiles(molecule)
    full = Chem.AddHs(Chem.MolFromSmiles(smiles))
    if not {atom.GetSymbol() for atom in full.GetAtoms()} <= ELEMENTS:
        return None
    if AllChem.EmbedMolecule(full, randomSeed=7) or AllChem.MMFFOptimizeMolecule(full, maxIters=2000) < 0:
        return None
    return {
        "smiles": smiles,
        "symbols": [atom.GetSymbol() for atom in full.GetAtoms()],
        "positions": [[round(x, 4) for x in row] for row in full.GetConformer().GetPositions().tolist()],
    }


def embedded(name: str, smiles: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield rows with a conformer of each molecule."""
    for number, text in enumerate(smiles):
        row = conformer(text)
        if row is not None:
            yield {"id": f"{name}-{number}"} | row


def drawn(wheel: Path, known: dict[str, Chem.Mol]) -> Iterator[dict[str, Any]]:
    """Yield rows of the four sets, in turns, until all are at their end."""
    random.seed(20)
    drugs, seen = moses(wheel), set[str]()
    large = (one for one in drugs if 13 <= Chem.MolFromSmiles(one).GetNumHeavyAtoms() <= 18)
    streams: dict[str, Iterator[dict[str, Any]]] = {
        "simple": embedded("simple", simple()),
        "qm9": from_qm9(known),
        "fragments": embedded("fragments", fragments(drugs)),
        "larger": embedded("larger", large),
    }
    turn = 0
    while streams:
        turn += 1
        for name in list(streams):
            if name == "larger" and turn % 10:
                continue
            row = next((row for row in streams[name] if row["smiles"] not in seen), None)
            if row is None:
                del streams[name]
                continue
            seen.add(row["smiles"])
            yield row | {"set": name}


def listed(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a list of molecules; end the program at a line that says no molecule."""
    stored = {number: fields for number, *fields in stored_in_qm9(*COLUMNS)}
    with lzma.open(path, "rt", encoding="utf-8") as stream:
        for place, line in enumerate(map(str.strip, stream), 1):
            here = f"{path}, line {place}: {line}"
            try:
                name, number, smiles = line.split()
            except ValueError:
                raise SystemExit(f"{here}: not a set, a number and a SMILES") from None
            if name == "qm9" and number not in stored:
                raise SystemExit(f"{here}: QM9 has no such molecule")
            if name == "qm9":
                own, *fields = stored[number]
                molecule = neutral(own, separated=False)
                row = None if molecule is None else row_of_qm9(molecule, *fields)
            else:
                row = conformer(smiles)
            if row is None:
                raise SystemExit(f"{here}: no conformer is found")
            if name == "qm9" and row["smiles"] != Chem.CanonSmiles(smiles):
                raise SystemExit(f"{here}: QM9 has {row['smiles']} there")
            yield {"id": f"{name}-{number}"} | row | {"set": name}


def main() -> None:
    """Write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--listed", type=Path, help="A list of molecules, whose rows are made.")
    chosen.add_argument("--moses", type=Path, help="The wheel of molsets; molecules are drawn.")
    parser.add_argument("--first", type=int, help="So many rows.")
    given = parser.parse_args()
    if given.moses and given.first is None:
        parser.error("--moses needs --first: QM9 and MOSES have a million molecules")
    if not (given.listed or given.moses).is_file():
        parser.error(f"{given.listed or given.moses} does not exist")
    RDLogger.DisableLog("rdApp.*")
    known = patterns()
    rows = listed(given.listed) if given.listed else drawn(given.moses, known)
    counts: Counter[str] = Counter()
    with whole(given.out) as unfinished, unfinished.open("w", encoding="utf-8") as stream:
        for row in islice(rows, given.first):
            molecule = Chem.MolFromSmiles(row["smiles"])
            row["groups"] = groups_of(molecule, known)
            row["scaffold"] = MurckoScaffold.MurckoScaffoldSmiles(mol=molecule)
            counts[row["set"]] += 1
            stream.write(json.dumps(row) + "\n")
    print(dict(counts))


if __name__ == "__main__":
    main()
