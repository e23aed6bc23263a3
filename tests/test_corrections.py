"""By what the lines of molecules that groups are learned from are corrected: each stretch by its own factor."""

from __future__ import annotations

import importlib
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts" / "identify"
GROUPS = ("O-H", "C=O")
ROW: dict[str, Any] = {  # glycolamide's, more or less
    "smiles": "NC(=O)CO",
    "groups": ["O-H", "C=O", "amide", "N-H", "NH2"],
    "wavenumbers": [500.0, 1000.0, 1750.0, 3000.0, 3440.0, 3520.0],
    "ir": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    "raman": [1.0] * 6,
    "polar": [0.1, 0.2, 0.0, 0.0, 1.0, 1.0],
    "hydroxyl": [0.1, 0.2, 0.0, 0.0, 0.0, 1.0],
    "shares": {"O-H": [0.0, 0.2, 0.0, 0.0, 0.0, 1.0], "amide": [0.5] * 6},
}


def loaded(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPTS)
    return importlib.import_module(name)


@pytest.fixture
def corrections(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return loaded("corrections", monkeypatch)


def test_a_stretch_is_of_one_bond(corrections: ModuleType) -> None:
    found = corrections.stretches(ROW)
    those = {name: np.flatnonzero(modes).tolist() for name, modes in found.items() if modes.any()}
    assert those == {"O-H": [5], "N-H": [4], "C-H": [3], "C=O": [2]}
    acid = ROW | {"groups": ["O-H", "C=O", "carboxylic acid"]}
    assert corrections.stretches(acid)["O-C=O"].tolist() == [False, False, True, False, False, False]


def test_each_line_is_multiplied_by_the_factor_of_what_moves(corrections: ModuleType) -> None:
    molecule = corrections.molecule_of(ROW, GROUPS, "amide")
    scale, near = corrections.SCALE, np.interp(ROW["wavenumbers"], corrections.WAVENUMBERS, corrections.GFN2)
    factor = molecule.wavenumbers / ROW["wavenumbers"]
    assert factor[:2] == pytest.approx(near[:2])
    assert factor[2] == pytest.approx(near[2] * corrections.ANHARMONIC["C=O"] / scale)
    assert factor[5] == pytest.approx(corrections.STRETCHES["O-H"] * corrections.ANHARMONIC["O-H"] / scale)
    infrared = corrections.INFRARED
    stronger = [1, 1, infrared["C=O"], 1, infrared["amide"], infrared["O-H"]]
    assert molecule.lines["infrared"] / ROW["ir"] == pytest.approx(stronger)
    assert molecule.lines["raman"] == pytest.approx(ROW["raman"])
    mixed = corrections.molecule_of(ROW, GROUPS, "mixed")
    assert mixed.lines["infrared"][4] == ROW["ir"][4]


def test_frequencies_of_another_method_are_taken_in_their_order(corrections: ModuleType) -> None:
    swapped = ROW | {"wavenumbers": [1000.0, 500.0, 1750.0, 3000.0, 3440.0, 3520.0]}
    b3lyp = [510.0, 1040.0, 1800.0, 3100.0, 3600.0, 3800.0]
    molecule = corrections.molecule_of(swapped | {"b3lyp": b3lyp}, GROUPS, "amide")
    assert molecule.wavenumbers[:2] == pytest.approx(corrections.SCALE * np.array([1040.0, 510.0]))
    cut = corrections.molecule_of(swapped | {"b3lyp": b3lyp[:5]}, GROUPS, "amide")  # not of all modes
    assert cut.wavenumbers[:2] == pytest.approx(corrections.corrected(swapped)[:2])


def test_groups_that_a_molecule_has_not_share_nothing(corrections: ModuleType) -> None:
    molecule = corrections.molecule_of(ROW, GROUPS, "amide")
    assert molecule.groups.tolist() == [True, True]
    np.testing.assert_array_equal(molecule.shares, [ROW["shares"]["O-H"], [0.0] * 6])


@pytest.mark.parametrize(
    ("smiles", "kind"),
    [
        ("CC(=O)NC", "amide"),
        ("CCN", "amine"),
        ("c1cc[nH]c1", "N-H"),
        ("NS(=O)(=O)C", "N-H"),
        ("NCC(=O)NC", "mixed"),
        ("C=CNC", "N-H"),
        ("CC#N", "mixed"),
    ],
)
def test_the_kind_of_a_nitrogen(monkeypatch: pytest.MonkeyPatch, smiles: str, kind: str) -> None:
    pytest.importorskip("rdkit")
    assert loaded("train_groups", monkeypatch).nitrogen(smiles) == kind


def test_atoms_of_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rdkit")
    pytest.importorskip("tblite")
    find = loaded("compute_lines", monkeypatch).atoms_of_groups
    # Methanol, its atoms in another order than that of the SMILES.
    symbols = ["H", "O", "C", "H", "H", "H"]
    positions = [[1.8, -0.9, 0], [1.4, 0, 0], [0, 0, 0], [-0.4, 1.0, 0], [-0.4, -0.5, 0.9], [-0.4, -0.5, -0.9]]
    row = {"smiles": "CO", "symbols": symbols, "positions": positions, "groups": ["O-H", "alcohol", "CH3"]}
    assert find(row) == {"O-H": [0, 1], "alcohol": [0, 1, 2], "CH3": [2, 3, 4, 5]}
    ether = {"smiles": "COC", "groups": []}
    assert find(embedded("COC", []) | ether) == {}
    with pytest.raises(RuntimeError, match="bonds"):  # of the isomer
        find(embedded("CCO", []) | ether)


def embedded(smiles: str, groups: list[str]) -> dict[str, Any]:
    chem = pytest.importorskip("rdkit.Chem")
    AllChem = pytest.importorskip("rdkit.Chem.AllChem")  # noqa: N806
    full = chem.AddHs(chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(full, randomSeed=7)
    symbols = [atom.GetSymbol() for atom in full.GetAtoms()]
    return {
        "smiles": smiles,
        "symbols": symbols,
        "positions": full.GetConformer().GetPositions().tolist(),
        "groups": groups,
    }


@pytest.mark.parametrize(
    ("smiles", "group", "numbers"),
    [
        ("c1ccccc1[N+](=O)[O-]", "nitro", {"N": 1, "O": 2}),
        ("c1ccccc1[N+](=O)[O-]", "benzene ring", {"C": 6, "H": 5}),
        ("CCc1nc2n(n1)CCCC2N", "heteroaromatic ring", {"C": 2, "N": 3}),  # not the saturated ring beside it
        ("CC(C)=O", "ketone", {"C": 3, "O": 1}),  # without hydrogen of its methyl groups
    ],
)
def test_elements_of_the_atoms_of_a_group(
    monkeypatch: pytest.MonkeyPatch, smiles: str, group: str, numbers: dict[str, int]
) -> None:
    pytest.importorskip("tblite")
    row = embedded(smiles, [group])
    atoms = loaded("compute_lines", monkeypatch).atoms_of_groups(row)[group]
    assert Counter(row["symbols"][atom] for atom in atoms) == numbers
