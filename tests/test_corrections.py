"""By what the lines of molecules that groups are learned from are corrected: each stretch by its own factor."""

from __future__ import annotations

import re
from collections import Counter
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scripts_of import script

from mimyria.identify.patterns import GROUPS as PATTERNS
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.raman import intensity_scales

GROUPS = ("O-H", "C=O")
ROW: dict[str, Any] = {  # glycolamide's, more or less
    "smiles": "NC(=O)CO",
    "groups": ["O-H", "C=O", "amide", "N-H", "NH2"],
    "wavenumbers": [500.0, 1000.0, 1750.0, 3000.0, 3440.0, 3520.0],
    "ir": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    "raman": [1.0] * 6,
    "polar": [0.1, 0.2, 0.0, 0.0, 1.0, 1.0],
    "hydroxyl": [0.1, 0.2, 0.0, 0.0, 0.0, 1.0],
    "shares": {"O-H": [0.0, 0.2, 0.0, 0.0, 0.0, 1.0], "C=O": [0.1, 0.0, 0.9, 0.0, 0.0, 0.0], "amide": [0.5] * 6},
}


@pytest.fixture
def corrections() -> ModuleType:
    return script("scripts/identify/corrections.py")


def planted(corrections: ModuleType, rows: int) -> list[dict[str, Any]]:
    """Return rows whose factor of wavenumbers is 0.99, times 1.03 for what is C=O alone and 0.98 for hydrogen on O."""
    random = np.random.default_rng(1)
    made = []
    for _ in range(rows):
        found, share, hydroxyl = random.uniform(150, 3700, 40), random.uniform(0, 1, 40), random.uniform(0, 1, 40)
        wanted = found * 0.99 * 1.03**share * 0.98**hydroxyl / corrections.SCALE
        made.append(
            {
                "wavenumbers": found.tolist(),
                "shares": {"C=O": share.tolist()},
                "polar": [0.0] * 40,
                "hydroxyl": hydroxyl.tolist(),
                "b3lyp": wanted.tolist(),
            }
        )
    return made


@pytest.fixture
def factors(corrections: ModuleType) -> Any:
    return corrections.fit_factors(planted(corrections, 100))


def test_a_stretch_is_of_one_bond(corrections: ModuleType) -> None:
    def bonds(row: dict[str, Any]) -> dict[str, list[int]]:
        found = corrections.stretches(row)
        return {name: np.flatnonzero(modes).tolist() for name, modes in found.items() if modes.any()}

    assert bonds(ROW) == {"O-H": [5], "N-H": [4], "C-H": [3], "C=O": [2]}
    shares = ROW["shares"] | {"ester": [0.0, 0.0, 0.9, 0.0, 0.0, 0.0]}
    assert bonds(ROW | {"shares": shares})["O-C=O"] == [2]  # the carbonyl of an ester
    beside = ROW["shares"] | {"ester": [0.9, 0.9, 0.1, 0.0, 0.0, 0.0]}
    assert bonds(ROW | {"shares": beside})["C=O"] == [2]  # another one, in a molecule with an ester
    lower = [500.0, 1000.0, 1620.0, 3000.0, 3440.0, 3520.0]  # conjugated
    assert bonds(ROW | {"wavenumbers": lower})["C=O"] == [2]
    assert bonds(ROW | {"shares": {"C=N": [0.0, 0.0, 0.9, 0.0, 0.0, 0.0]}})["C=N"] == [2]
    nitro = bonds(ROW | {"shares": {"nitro": [0.9] * 6}, "wavenumbers": [500.0, 1350.0, *lower[2:]]})
    assert (nitro["N=O"], nitro["symmetric N=O"]) == ([2], [1])
    sulfone = {"shares": {"SO2": [0.0, 0.9, 0.0, 0.0, 0.0, 0.0]}}
    assert bonds(ROW | sulfone | {"wavenumbers": [500.0, 1120.0, *lower[2:]]})["S=O"] == [1]
    assert "S=O" not in bonds(ROW | sulfone | {"wavenumbers": [500.0, 1020.0, *lower[2:]]})  # a bend of S-H


def test_factors_are_of_what_moves(corrections: ModuleType, factors: Any) -> None:
    (row,) = planted(corrections, 1)
    share, hydroxyl = np.array(row["shares"]["C=O"]), np.array(row["hydroxyl"])
    assert factors(row) == pytest.approx(0.99 * 1.03**share * 0.98**hydroxyl, rel=8e-3)
    unknown = row | {
        "shares": {"nitrile": [1.0] * 40},
        "hydroxyl": [0.0] * 40,
    }  # a group that no molecule of the fit has
    assert factors(unknown) == pytest.approx(np.full(40, 0.99), rel=8e-3)


def test_factors_are_not_those_of_modes_that_are_out_of_order(corrections: ModuleType, factors: Any) -> None:
    rows = planted(corrections, 100)
    for row in rows[::2]:
        row["b3lyp"] = [1.5 * wavenumber for wavenumber in row["b3lyp"]]
    assert corrections.fit_factors(rows)(rows[0]) == pytest.approx(factors(rows[0]), rel=5e-3)
    saddle = planted(corrections, 1)[0] | {"wavenumbers": [-100.0, *rows[0]["wavenumbers"][1:]]}
    assert corrections.frequencies_of(saddle) is None  # whose modes are in another order
    with pytest.raises(ValueError, match="no row has frequencies of B3LYP"):
        corrections.fit_factors([ROW, saddle])


def test_each_line_is_multiplied_by_the_factor_of_what_moves(corrections: ModuleType, factors: Any) -> None:
    molecule = corrections.molecule_of(ROW, GROUPS, {"N-H": "amide"}, factors)
    scale, near = corrections.SCALE, factors(ROW)
    factor = molecule.wavenumbers / ROW["wavenumbers"]
    assert factor[:2] == pytest.approx(near[:2])
    assert factor[2] == pytest.approx(near[2] * corrections.ANHARMONIC["C=O"] / scale)
    assert factor[5] == pytest.approx(near[5] * corrections.ANHARMONIC["O-H"] / scale)
    infrared = corrections.INFRARED
    stronger = [1, 1, infrared["C=O"], 1, infrared["amide"], infrared["O-H"]]
    assert molecule.lines["infrared"] / ROW["ir"] == pytest.approx(stronger)
    at_500, at_1000 = (
        np.interp(x, list(corrections.OTHERS), np.log(list(corrections.OTHERS.values()))) for x in (500, 1000)
    )
    raman = [np.exp(at_500), np.exp(at_1000), corrections.RAMAN["C=O"], 1, 1, 1]
    assert molecule.lines["raman"] / ROW["raman"] == pytest.approx(raman * corrections.stokes(molecule.wavenumbers))
    mixed = corrections.molecule_of(ROW, GROUPS, {"N-H": "mixed"}, factors)
    assert mixed.lines["infrared"][4] == ROW["ir"][4]


def test_lines_of_rings_and_double_bonds_have_their_own_factors(corrections: ModuleType) -> None:
    """Whatever share of a mode is the ring's, so far its factor lies between that of others and that of rings."""
    ring = ROW | {
        "groups": ["benzene ring", "=C-H"],
        "wavenumbers": [690.0, 800.0, 1050.0, 1440.0, 3090.0, 3000.0],
        "polar": [0.0] * 6,
        "hydroxyl": [0.0] * 6,
        "shares": {"benzene ring": [1.0, 1.0, 0.5, 0.0, 1.0, 0.0], "=C-H": [1.0, 0.3, 0.5, 0.0, 1.0, 0.0]},
    }
    found = corrections.stretches(ring) | corrections.wags(ring)
    named = {name: np.flatnonzero(modes).tolist() for name, modes in found.items() if modes.any()}
    assert named == {"ring wag": [0], "=C-H": [4], "C-H": [5]}  # not the ring's own breathing at 800
    infrared, raman = corrections.INFRARED, corrections.raman_factors(ring)
    wanted = [infrared["ring wag"], 1, 1, 1, infrared["=C-H"], 1]
    assert corrections.infrared_factors(ring, {}) == pytest.approx(wanted)
    assert raman[0] == corrections.RAMAN["ring wag"]
    assert raman[1] > 3 * raman[0]
    assert raman[2] == pytest.approx(np.sqrt(corrections.RINGS[1050] * corrections.OTHERS[1050]))
    assert raman[3:] == pytest.approx([corrections.OTHERS[1440], corrections.RAMAN["=C-H"], 1])
    alone = ring | {"groups": ["=C-H"], "shares": {"=C-H": [1.0] * 6}}
    assert np.flatnonzero(corrections.wags(alone)["wag"]).tolist() == [0, 1]


def test_triple_bonds_and_thiols_in_one_molecule_are_told_apart(corrections: ModuleType) -> None:
    row = ROW | {
        "groups": ["nitrile", "C≡C", "S-H"],
        "wavenumbers": [500.0, 1000.0, 2400.0, 2450.0, 2280.0, 3520.0],
        "shares": {"nitrile": [0.0, 0.0, 0.95, 0.1, 0.1, 0.0], "C≡C": [0.0, 0.0, 0.1, 0.0, 0.9, 0.0]},
    }
    found = corrections.stretches(row)
    named = {name: np.flatnonzero(modes).tolist() for name, modes in found.items() if modes.any()}
    assert (named["C≡N"], named["C≡C"], named["S-H"]) == ([2], [4], [3])


def test_raman_lines_are_as_strong_as_spectrometers_show_them(corrections: ModuleType) -> None:
    """The factor is that of the spectra of trajectories."""
    wavenumbers = np.array([100.0, 600.0, 1500.0, 3400.0])
    conditions = Conditions(temperature=corrections.TEMPERATURE, laser=corrections.LASER)
    wanted, _ = intensity_scales(wavenumbers, conditions)["stokes"]
    found = corrections.stokes(wavenumbers)
    assert found / found[0] == pytest.approx(wanted / wanted[0])
    assert corrections.stokes(np.array([-300.0, 10.0])) == pytest.approx(corrections.stokes(np.array([50.0, 50.0])))


def test_stretches_that_no_fit_has_are_as_measured(corrections: ModuleType, factors: Any) -> None:
    thiol = ROW | {"groups": ["S-H"], "wavenumbers": [500.0, 1000.0, 2435.0, 3000.0, 3440.0, 3520.0]}
    factor = corrections.corrected(thiol, factors) / thiol["wavenumbers"]
    assert factor[2] == pytest.approx(corrections.STRETCHES["S-H"])


def test_frequencies_of_another_method_are_taken_in_their_order(corrections: ModuleType, factors: Any) -> None:
    swapped = ROW | {"wavenumbers": [1000.0, 500.0, 1750.0, 3000.0, 3440.0, 3520.0]}
    b3lyp = [510.0, 1040.0, 1800.0, 3100.0, 3600.0, 3800.0]
    molecule = corrections.molecule_of(swapped | {"b3lyp": b3lyp}, GROUPS, {"N-H": "amide"}, factors)
    assert molecule.wavenumbers[:2] == pytest.approx(corrections.SCALE * np.array([1040.0, 510.0]))
    cut = corrections.molecule_of(swapped | {"b3lyp": b3lyp[:5]}, GROUPS, {"N-H": "amide"}, factors)  # not of all modes
    assert cut.wavenumbers[:2] == pytest.approx(corrections.corrected(swapped, factors)[:2])


def test_groups_that_a_molecule_has_not_share_nothing(corrections: ModuleType, factors: Any) -> None:
    molecule = corrections.molecule_of(ROW, ("O-H", "nitrile"), {"N-H": "amide"}, factors)
    assert molecule.groups.tolist() == [True, False]
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
        ("CC=N", "imine"),
        ("CC(=N)N", "mixed"),
        ("N=C=O", "N-H"),
        ("CC#N", "mixed"),
    ],
)
def test_the_kind_of_a_nitrogen(smiles: str, kind: str) -> None:
    pytest.importorskip("rdkit")
    assert script("scripts/identify/train_groups.py").nitrogen(smiles) == kind


@pytest.mark.parametrize(
    ("smiles", "kind"),
    [("CC=NO", "C=N-O"), ("OCC=NO", "C=N-O"), ("CC=NOC", "C=N-O"), ("CC=NC", "C=N"), ("OC=NC", "C=N")],
)
def test_the_kind_of_an_imine(smiles: str, kind: str) -> None:
    pytest.importorskip("rdkit")
    assert script("scripts/identify/train_groups.py").kinds_of(smiles)["C=N"] == kind


@pytest.mark.parametrize(
    ("smiles", "has", "has_not"),
    [
        ("O=c1cccc[nH]1", "C=O amide N-H", "ketone"),  # pyridone
        ("O=c1cccco1", "C=O ester", "ketone amide"),
        ("O=c1ccocc1", "C=O ketone", "ester"),
        ("c1ccncc1", "heteroaromatic ring", "C=O C=C C=N"),
        ("c1ccccc1", "benzene ring", "C=C"),
        ("CN=c1cc[nH]cc1", "C=N", "C=O"),
    ],
)
def test_groups_of_rings_that_are_called_aromatic(smiles: str, has: str, has_not: str) -> None:
    chem = pytest.importorskip("rdkit.Chem")
    molecule = chem.MolFromSmiles(smiles)
    found = {name for name, pattern in PATTERNS.items() if molecule.HasSubstructMatch(chem.MolFromSmarts(pattern))}
    assert all(name in found for name in re.split(" (?!ring)", has))
    assert not found & set(has_not.split())


def test_atoms_of_groups() -> None:
    pytest.importorskip("rdkit")
    pytest.importorskip("tblite")
    find = script("scripts/identify/compute_lines.py").atoms_of_groups
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
def test_elements_of_the_atoms_of_a_group(smiles: str, group: str, numbers: dict[str, int]) -> None:
    pytest.importorskip("tblite")
    row = embedded(smiles, [group])
    atoms = script("scripts/identify/compute_lines.py").atoms_of_groups(row)[group]
    assert Counter(row["symbols"][atom] for atom in atoms) == numbers
