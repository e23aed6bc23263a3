"""Draw the molecules: well-known ones, then some of QM9 and of its relatives with S, P and Cl, and their geometries.

    python draw.py --number 4000 --out molecules.extxyz          (needs rdkit and qm9pack)

Every first few of the list are of all kinds. `basic.smi` comes first; after it follow in turn a molecule of QM9 unlike
all before it (MaxMin of Morgan fingerprints), one at random, one in which S, P or Cl stands for an O, N, F or a methyl
group, and one of a usual core with usual substituents, which QM9 has too few of. At the end stand those of
`larger.smi`, on which nothing is ever trained, and then those of `bromine.smi`, shared out by scaffold as the others
are. The header of each frame says

    smiles, scaffold, groups    and which side it is on: train, held-out (one scaffold in six), larger

Molecules of one scaffold are on one side: that of Bemis and Murcko, or of a molecule without rings its skeleton of
heavy atoms. The digest of a scaffold decides, so a longer list has the same sides; those of `basic.smi` are for
training.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import numpy as np
from rdkit import Chem, RDLogger, SimDivFilters
from rdkit.Chem import AllChem, rdFingerprintGenerator
from rdkit.Chem.Scaffolds import MurckoScaffold

sys.path.append(str(Path(__file__).parents[1]))
from qm9 import elements_in, numbers_in, stored_in_qm9

HERE = Path(__file__).parent
HELD_OUT = 6
"""One scaffold in so many is held out."""
MOST = 9
"""Heavy atoms, as in QM9."""
SWAPS = {  # what is replaced, by which element
    "S": "[OX2,$([OX1]=[#6])]",
    "P": "[NX3;!$(N~[#7,#8]);!$(NC=[O,N]);!a]",
    "Cl": "[F,$([CX4H3]),$([OX2H1][#6])]",
}
CORES = (
    *8 * ("c1ccccc1",),
    *("c1ccccc1", "c1ccncc1", "c1ccoc1", "c1ccsc1", "c1cc[nH]c1", "c1c[nH]cn1", "c1cncnc1", "c1cnccn1", "c1cscn1"),
    *("c1ccnnc1", "c1cn[nH]c1", "C", "CC", "CCC", "CC(C)C", "CCCC", "C=C", "CC=C", "C#C", "C1CC1", "C1CCC1", "C1CCCC1"),
    *("C1CCCCC1", "C1CCOC1", "C1CCNC1", "C1CCSC1", "COC", "CSC", "CNC", "CPC", "C1COCCO1", "C1CCNCC1", "C1CCSCC1"),
)
"""Molecules whose hydrogens are replaced; QM9 has hardly any benzene."""
SUBSTITUENTS = (
    *("F", "Cl", "O", "S", "N", "P", "C", "OC", "SC", "NC", "N(C)C", "P(C)C", "C#N", "C#C", "C=C", "C=O", "C(=O)O"),
    *("C(=O)N", "C(=O)C", "C(=O)OC", "C(=O)Cl", "C(=O)NC", "OC(=O)C", "NC(=O)C", "[N+](=O)[O-]", "C(F)(F)F", "C(Cl)Cl"),
    *("S(=O)C", "S(=O)(=O)C", "S(=O)(=O)N", "S(=O)(=O)O", "S(=O)(=O)Cl", "P(=O)(O)O", "P(=O)(C)C", "OP(=O)(O)O", "PC"),
    *(
        "N=C=O",
        "N=C=S",
        "C(=S)N",
        "SC#N",
        "N=[N+]=[N-]",
        "NO",
        "C=NO",
        "NN",
        "OC=O",
        "C(C)(C)C",
        "SS",
        "OO",
        "CO",
        "CN",
    ),
)
"""As SMILES of what stands for a hydrogen."""

GROUPS = {
    "alkane": "[CX4;!$(C~[!#6;!#1])][CX4;!$(C~[!#6;!#1])]",
    "alkene": "[CX3]=[CX3]",
    "alkyne": "[CX2]#[CX2]",
    "arene": "c1ccccc1",
    "heteroarene": "[n,o,s]",
    "alcohol": "[CX4][OX2H]",
    "phenol": "c[OX2H]",
    "ether": "[OX2]([#6;!$(C=[O,S,N])])[#6;!$(C=[O,S,N])]",
    "aldehyde": "[CX3H1,CX3H2;!$(C[O,N,S])]=O",
    "ketone": "[#6][CX3](=O)[#6]",
    "acid": "C(=O)[OX2H]",
    "ester": "C(=O)[OX2][#6]",
    "amide": "C(=O)[NX3]",
    "amine": "[NX3;!$(N[C,S,P]=[O,S,N]);!$(N~[!#6;!#1])]",
    "imine": "[CX3]=[NX2]",
    "nitrile": "[CX2]#[NX1]",
    "nitro": "[N+](=O)[O-]",
    "azide or isocyanate": "N=[C,N+]=[O,S,N-]",
    "fluoride": "[#6]F",
    "chloride": "[#6]Cl",
    "thiol": "[#6][SX2H]",
    "sulfide": "[#6;!$(C=[O,S,N])][SX2][#6;!$(C=[O,S,N])]",
    "thiocarbonyl": "[#6]=[SX1]",
    "sulfoxide or sulfone": "[#6][S;X3,X4]=O",
    "phosphine": "[PX3]",
    "phosphoryl": "[PX4]=O",
}


def groups_of(molecule: Chem.Mol) -> str:
    """Return the functional groups of a molecule."""
    found = [name for name, smarts in GROUPS.items() if molecule.HasSubstructMatch(Chem.MolFromSmarts(smarts))]
    return ",".join(found) or "none"


def scaffold_of(molecule: Chem.Mol) -> str:
    """Return the SMILES of the scaffold."""
    core = MurckoScaffold.GetScaffoldForMol(molecule)
    if core.GetNumAtoms() == 0:
        core = MurckoScaffold.MakeScaffoldGeneric(Chem.RemoveHs(molecule))
    return str(Chem.MolToSmiles(core, isomericSmiles=False))


def stored(random: np.random.Generator, number: int) -> list[tuple[str, np.ndarray]]:
    """Return molecules of QM9 drawn at random: SMILES, and positions in Å with the elements, shape (n, 4)."""
    rows = stored_in_qm9("SMILES", "Elements", "XYZ_Ang")
    table = Chem.GetPeriodicTable()
    found = []
    for k in random.permutation(len(rows))[:number]:
        smiles, elements, positions = rows[k]
        numbers = [table.GetAtomicNumber(symbol) for symbol in elements_in(elements)]
        found.append((smiles, np.column_stack([numbers, numbers_in(positions)])))
    return found


def relatives(smiles: str, random: np.random.Generator) -> str | None:
    """Return the SMILES of a molecule with one atom replaced by S, P or Cl; None where none can be."""
    molecule = Chem.MolFromSmiles(smiles)
    for symbol in random.permutation(list(SWAPS)):
        places = [match[0] for match in molecule.GetSubstructMatches(Chem.MolFromSmarts(SWAPS[symbol]))]
        if not places:
            continue
        changed = Chem.RWMol(molecule)
        changed.ReplaceAtom(int(random.choice(places)), Chem.Atom(str(symbol)))
        try:
            Chem.SanitizeMol(changed)
        except Chem.MolSanitizeException:
            continue
        return str(Chem.MolToSmiles(changed))
    return None


def substituted(random: np.random.Generator) -> str | None:
    """Return the SMILES of a core with one or two substituents; None if it is too large, or they meet badly."""
    molecule = Chem.MolFromSmiles(str(random.choice(CORES)))
    for substituent in random.choice(SUBSTITUENTS, size=random.integers(1, 3)):
        places = [atom.GetIdx() for atom in molecule.GetAtoms() if atom.GetTotalNumHs() and atom.GetSymbol() == "C"]
        if not places:
            return None
        joined = Chem.RWMol(Chem.CombineMols(molecule, Chem.MolFromSmiles(substituent)))
        joined.AddBond(int(random.choice(places)), molecule.GetNumAtoms(), Chem.BondType.SINGLE)
        try:
            Chem.SanitizeMol(joined)
        except Chem.MolSanitizeException:
            return None
        molecule = joined
    return str(Chem.MolToSmiles(molecule)) if molecule.GetNumHeavyAtoms() <= MOST else None


def embedded(smiles: str, seed: int) -> np.ndarray | None:
    """Return a geometry by distance geometry and MMFF94, elements and positions, shape (n, 4); None if it fails."""
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
    numbers = [atom.GetAtomicNum() for atom in molecule.GetAtoms()]
    if len(numbers) > 1 and AllChem.EmbedMolecule(molecule, randomSeed=seed + 1):
        return None
    if AllChem.MMFFHasAllMoleculeParams(molecule):
        AllChem.MMFFOptimizeMolecule(molecule, maxIters=2000)
    return np.column_stack([numbers, molecule.GetConformer().GetPositions()])


def diverse(smiles: list[str], number: int, seed: int) -> list[int]:
    """Return molecules each of which is as unlike as can be to the ones before it."""
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)
    prints = [generator.GetFingerprint(Chem.MolFromSmiles(text)) for text in smiles]
    return list(SimDivFilters.MaxMinPicker().LazyBitVectorPick(prints, len(prints), number, seed=seed))


def listed(path: Path) -> list[str]:
    """Return the SMILES of a file."""
    return [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def chosen(number: int, seed: int) -> Iterator[tuple[str, np.ndarray | None]]:
    """Yield SMILES, and the geometry where QM9 has one, in the order of the list."""
    random = np.random.default_rng(seed)
    share = number // 4 + 1
    drawn = [
        (smiles, places)
        for smiles, places in stored(random, max(6 * share, 9000))
        if (molecule := Chem.MolFromSmiles(smiles)) is not None and Chem.GetFormalCharge(molecule) == 0
        if not any(atom.GetFormalCharge() for atom in molecule.GetAtoms())
    ]
    picked = diverse([smiles for smiles, _ in drawn], share, seed)
    left = [k for k in range(len(drawn)) if k not in set(picked)]
    usual, parents = left[:share], left[share:]
    changed = [other for k in parents if (other := relatives(drawn[k][0], random)) is not None]
    built = dict.fromkeys(text for _ in range(8 * share) if (text := substituted(random)) is not None)
    yield from ((smiles, None) for smiles in listed(HERE / "basic.smi"))
    for unlike, typical, *others in zip_longest(picked, usual, changed[:share], list(built)[: 2 * share]):
        yield from (drawn[k] for k in (unlike, typical) if k is not None)
        yield from ((text, None) for text in others if text is not None)


def line_of(atom: np.ndarray) -> str:
    """Return an atom as extxyz has it."""
    symbol = Chem.GetPeriodicTable().GetElementSymbol(int(atom[0]))
    return f"{symbol} " + " ".join(f"{value:.8f}" for value in atom[1:])


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=4000, help="molecules, without the larger ones")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    RDLogger.DisableLog("rdApp.*")
    known = {scaffold_of(Chem.MolFromSmiles(smiles)) for smiles in listed(HERE / "basic.smi")}
    seen: set[str] = set()
    frames: list[str] = []
    larger, last = ([(smiles, None) for smiles in listed(HERE / name)] for name in ("larger.smi", "bromine.smi"))
    sources = (("", chosen(given.number, given.seed), given.number), ("larger", larger, None), ("", last, None))
    for kind, source, most in sources:
        for smiles, geometry in source:
            molecule = Chem.MolFromSmiles(smiles)
            name = Chem.MolToSmiles(molecule)
            if name in seen or len(frames) == most or Chem.GetFormalCharge(molecule):
                continue
            places = embedded(smiles, given.seed) if geometry is None else geometry
            if places is None:
                continue
            seen.add(name)
            scaffold = scaffold_of(molecule)
            digest = int(hashlib.sha256(scaffold.encode()).hexdigest()[:8], 16)
            side = kind or ("held-out" if scaffold not in known and digest % HELD_OUT == 0 else "train")
            header = f'Properties=species:S:1:pos:R:3 pbc="F F F" smiles="{name}" scaffold="{scaffold}" side={side} '
            header += f'groups="{groups_of(molecule)}"'
            frames.append("\n".join([str(len(places)), header, *map(line_of, places)]) + "\n")
    given.out.write_text("".join(frames), encoding="utf-8")
    print(f"{given.out}: {len(frames)} molecules")


if __name__ == "__main__":
    main()
