"""Choose the molecules whose lines are computed, with rdkit and qm9pack.

    python pick_molecules.py --out molecules.jsonl --listed molecules.txt.xz
    python pick_molecules.py --out molecules.jsonl --moses MOLSETS.whl --first 1000

The first takes those of the bundled model, a line of the list each: its set, its number there and its SMILES. The
second draws others. Four sets, in turns, so that any beginning of the file is balanced:

- simple: hydrocarbon rests, each with one of some forty common groups, and pairs of groups on a ring or a chain
- qm9: of the 134 000 molecules of QM9 (H C N O F, up to nine heavy atoms; package qm9pack, MIT), so that groups that
  are rare there are not rare here, and some others; with their geometries and B3LYP/6-31G(2df,p) frequencies
- fragments: what BRICS cuts leave of the molecules of MOSES (package molsets, MIT: `--moses` is its wheel; drug-like,
  S, Cl and Br too), with H at the cuts, 4 to 12 heavy atoms
- larger: whole molecules of MOSES with 13 to 18 heavy atoms, for tests alone

A row has a SMILES, its Murcko scaffold, the groups, elements, the positions of one conformer (Å) and, of QM9, the
frequencies (cm⁻¹). The first 1000 rows are the same however many are asked for.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import lzma
import random
import re
import runpy
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rdkit import Chem, RDLogger
from rdkit.Chem import BRICS, AllChem
from rdkit.Chem.Scaffolds import MurckoScaffold

GROUPS_FILE = Path(__file__).parents[2] / "mimyria" / "identify" / "patterns.py"
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
"""Share of the molecules of QM9 with a group, from which on it is not rare."""
ANY = 0.05
"""Share of the molecules of QM9 without rare groups that are taken: never none, or the first that find no group rare
would be the last."""


def patterns() -> dict[str, Chem.Mol]:
    """Return the patterns of the groups; the package itself, with numpy and torch, is not needed here."""
    groups = runpy.run_path(str(GROUPS_FILE))["GROUPS"]
    return {name: Chem.MolFromSmarts(pattern) for name, pattern in groups.items()}


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


def stored_in_qm9() -> list[tuple[str, ...]]:
    """Return the molecules of QM9: index, SMILES, elements, positions and frequencies, as they are written there."""
    csv.field_size_limit(10**9)
    spec = find_spec("qm9pack")
    if spec is None or spec.origin is None:
        raise SystemExit("qm9pack is not installed")
    columns = "Index", "SMILES", "Elements", "XYZ_Ang", "Harmonic_Freq_cmi"
    rows: list[tuple[str, ...]] = []
    for part in (1, 2, 3):
        with (Path(spec.origin).parent / "data" / f"qm9_part{part}.csv").open(encoding="utf-8") as stream:
            rows += [tuple(row[name] for name in columns) for row in csv.DictReader(stream)]
    return rows


def row_of_qm9(stored: tuple[str, ...]) -> dict[str, Any] | None:
    """Return the row of a molecule of QM9; None for an ion, and where some numbers are cut or written as 1.2*^-5."""
    index, smiles, elements, positions, frequencies = stored
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or Chem.GetFormalCharge(molecule) or "+" in smiles or "." in smiles:
        return None
    try:
        places, wavenumbers = json.loads(positions), json.loads(frequencies)
    except json.JSONDecodeError:
        return None
    return {
        "id": f"qm9-{index}",
        "smiles": Chem.MolToSmiles(molecule),
        "symbols": re.findall("[A-Z][a-z]?", elements),
        "positions": [[round(x, 4) for x in row] for row in places],
        "b3lyp": sorted(wavenumbers),
    }


def from_qm9(known: dict[str, Chem.Mol]) -> Iterator[dict[str, Any]]:
    """Yield rows of QM9, shuffled; a rare group counts."""
    stored = stored_in_qm9()
    random.shuffle(stored)
    counts: Counter[str] = Counter()
    taken = 0
    for row in filter(None, map(row_of_qm9, stored)):
        groups = groups_of(Chem.MolFromSmiles(row["smiles"]), known)
        if random.random() > ANY and not any(counts[name] < ENOUGH * taken for name in groups):
            continue
        counts.update(groups)
        taken += 1
        yield row


def moses(wheel: Path) -> list[str]:
    """Return the SMILES of MOSES."""
    with zipfile.ZipFile(wheel) as archive:
        text = gzip.decompress(archive.read("moses/dataset/data/train.csv.gz")).decode()
    smiles = [line.split(",")[0] for line in text.splitlines()[1:]]
    random.shuffle(smiles)
    return smiles


def fragments(smiles: Iterable[str]) -> Iterator[str]:
    """Yield fragments of molecules."""
    for whole in smiles:
        for piece in sorted(BRICS.BRICSDecompose(Chem.MolFromSmiles(whole), minFragmentSize=3)):  # a set has no order
            bare = Chem.MolFromSmiles(re.sub(r"\[\d+\*\]", "[H]", piece))
            if bare is not None and 4 <= bare.GetNumHeavyAtoms() <= 12:
                yield Chem.MolToSmiles(bare)


def conformer(smiles: str) -> dict[str, Any] | None:
    """Return the SMILES, elements and positions of a molecule; None for an ion, other elements, or where it fails."""
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or Chem.GetFormalCharge(molecule) or "." in smiles:
        return None
    full = Chem.AddHs(molecule)
    if not {atom.GetSymbol() for atom in full.GetAtoms()} <= ELEMENTS:
        return None
    if AllChem.EmbedMolecule(full, randomSeed=7) or AllChem.MMFFOptimizeMolecule(full, maxIters=2000) < 0:
        return None
    return {
        "smiles": Chem.MolToSmiles(molecule),
        "symbols": [atom.GetSymbol() for atom in full.GetAtoms()],
        "positions": [[round(x, 4) for x in row] for row in full.GetConformer().GetPositions().tolist()],
    }


def embedded(name: str, smiles: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield rows with a conformer of each molecule."""
    for number, text in enumerate(smiles):
        row = conformer(text)
        if row is not None:
            yield {"id": f"{name}-{number}"} | row


def drawn(wheel: Path, number: int, known: dict[str, Chem.Mol]) -> Iterator[dict[str, Any]]:
    """Yield so many rows of the four sets, in turns."""
    random.seed(20)
    drugs, seen = moses(wheel), set[str]()
    large = (one for one in drugs if 13 <= Chem.MolFromSmiles(one).GetNumHeavyAtoms() <= 18)
    streams: dict[str, Iterator[dict[str, Any]]] = {
        "simple": embedded("simple", simple()),
        "qm9": from_qm9(known),
        "fragments": embedded("fragment", fragments(drugs)),
        "larger": embedded("larger", large),
    }
    turn = 0
    while len(seen) < number:
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
    """Yield the rows of a list of molecules; end the program where one of them cannot be made."""
    with lzma.open(path, "rt", encoding="utf-8") as stream:
        lines = [line.split() for line in stream]
    wanted = {number for name, number, _ in lines if name == "qm9"}
    stored = {row[0]: row for row in stored_in_qm9() if row[0] in wanted}
    for name, number, smiles in lines:
        row = row_of_qm9(stored[number]) if name == "qm9" else conformer(smiles)
        if row is None:
            raise SystemExit(f"{path}: {smiles} of {name} cannot be made with this version of rdkit or qm9pack")
        yield {"id": f"{name}-{number}"} | row | {"set": name}


def main() -> None:
    """Write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--listed", type=Path, help="A list of molecules.")
    chosen.add_argument("--moses", type=Path, help="The wheel of molsets, to draw molecules.")
    parser.add_argument("--first", type=int, default=6200, help="Draw so many.")
    given = parser.parse_args()
    RDLogger.DisableLog("rdApp.*")
    known = patterns()
    rows = listed(given.listed) if given.listed else drawn(given.moses, given.first, known)
    counts: Counter[str] = Counter()
    with given.out.open("w", encoding="utf-8") as stream:
        for row in rows:
            molecule = Chem.MolFromSmiles(row["smiles"])
            row["groups"] = groups_of(molecule, known)
            row["scaffold"] = MurckoScaffold.MurckoScaffoldSmiles(mol=molecule)
            counts[row["set"]] += 1
            stream.write(json.dumps(row) + "\n")
            stream.flush()
    print(dict(counts))


if __name__ == "__main__":
    main()
