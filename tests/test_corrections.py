"""By what wavenumbers of molecules that groups are learned from are corrected: each stretch by its own factor."""

from __future__ import annotations

import json
import lzma
import re
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scripts_of import ROOT, script

from mimyria.frame import Frame
from mimyria.harmonic.lines import lines_of
from mimyria.harmonic.modes import normal_modes
from mimyria.identify.patterns import GROUPS as PATTERNS
from mimyria.identify.recogniser import read_recogniser
from mimyria.model.files import read_model
from mimyria.model.predict import predict_all
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
    "stretching": {},
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
                "stretching": {},
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
    assert "C=O" not in bonds(ROW | {"shares": shares})  # the carbonyl of an ester
    beside = ROW["shares"] | {"ester": [0.9, 0.9, 0.1, 0.0, 0.0, 0.0]}
    assert bonds(ROW | {"shares": beside})["C=O"] == [2]  # another one, in a molecule with an ester
    lower = [500.0, 1000.0, 1620.0, 3000.0, 3440.0, 3520.0]  # conjugated
    assert bonds(ROW | {"wavenumbers": lower})["C=O"] == [2]
    nitro = bonds(ROW | {"shares": {"nitro": [0.9] * 6}, "wavenumbers": [500.0, 1350.0, *lower[2:]]})
    assert nitro["N=O"] == [2]
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
    molecule = corrections.molecule_of(ROW, GROUPS, factors)
    scale, near = corrections.SCALE, factors(ROW)
    factor = molecule.wavenumbers / ROW["wavenumbers"]
    assert factor[:2] == pytest.approx(near[:2] * corrections.BENDS / scale)
    assert factor[2] == pytest.approx(near[2] * corrections.ANHARMONIC["C=O"] / scale)
    assert factor[5] == pytest.approx(near[5] * corrections.ANHARMONIC["O-H"] / scale)
    assert molecule.lines["infrared"].tolist() == ROW["ir"]
    assert molecule.lines["raman"] / ROW["raman"] == pytest.approx(corrections.stokes(molecule.wavenumbers))


def test_a_stretch_in_the_fingerprint_has_its_own_factor(corrections: ModuleType, factors: Any) -> None:
    """That of SO2 is as measured, whatever bends have; between bends and the rest the factor changes without a step."""
    places = [500.0, 1120.0, *ROW["wavenumbers"][2:]]
    sulfone = ROW | {"shares": {"SO2": [0.0, 0.9, 0.0, 0.0, 0.0, 0.0]}, "wavenumbers": places}
    molecule = corrections.molecule_of(sulfone, GROUPS, factors)
    assert molecule.wavenumbers[1] == pytest.approx(1120 * corrections.STRETCHES["S=O"])
    low, high = corrections.FINGERPRINT
    middle = {"b3lyp": [x / corrections.SCALE for x in (500.0, low, (low + high) / 2, high, 2300.0, 2600.0)]}
    bends = ROW | middle | {"shares": {}, "wavenumbers": [500.0, low, (low + high) / 2, high, 2300.0, 2600.0]}
    found = corrections.molecule_of(bends, GROUPS, factors)
    scale, ends = corrections.SCALE, corrections.BENDS
    wanted = [ends, ends, (ends + scale) / 2, scale, scale, scale]
    assert found.wavenumbers * scale / bends["wavenumbers"] == pytest.approx(wanted)


def test_bonds_to_halogens_are_those_that_stretch(corrections: ModuleType, factors: Any) -> None:
    """The mode is the bond's that moves most, and no mode of a triple bond beside it is."""
    chloride = ROW | {
        "wavenumbers": [550.0, 700.0, 2250.0, 3000.0, 3440.0, 3520.0],
        "stretching": {"C-Cl": [0.3, 0.7, 0.5, 0.0, 0.0, 0.0], "CBr2": [0.6, 0.1, 0.5, 0.0, 0.0, 0.0]},
    }
    found = corrections.stretches(chloride)
    assert [np.flatnonzero(found[name]).tolist() for name in ("C-Cl", "CBr2")] == [[1], [0]]
    molecule = corrections.molecule_of(chloride, GROUPS, factors)
    factor = [corrections.STRETCHES[name] for name in ("CBr2", "C-Cl")]
    assert molecule.wavenumbers[:2] == pytest.approx(np.multiply([550, 700], factor))


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
    molecule = corrections.molecule_of(swapped | {"b3lyp": b3lyp}, GROUPS, factors)
    assert molecule.wavenumbers[:2] == pytest.approx(corrections.BENDS * np.array([1040.0, 510.0]))
    cut = corrections.molecule_of(swapped | {"b3lyp": b3lyp[:5]}, GROUPS, factors)  # not of all modes
    bends = corrections.BENDS / corrections.SCALE
    assert cut.wavenumbers[:2] == pytest.approx(corrections.corrected(swapped, factors)[:2] * bends)


def test_groups_that_a_molecule_has_not_share_nothing(corrections: ModuleType, factors: Any) -> None:
    molecule = corrections.molecule_of(ROW, ("O-H", "nitrile"), factors)
    assert molecule.groups.tolist() == [True, False]
    np.testing.assert_array_equal(molecule.shares, [ROW["shares"]["O-H"], [0.0] * 6])


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


def test_molecules_are_drawn_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of QM9: where no group is rare any more, others are still taken."""
    chem = pytest.importorskip("rdkit.Chem")
    pick = script("scripts/identify/pick_molecules.py")
    stored = [(str(k), "CCC", "['C', 'C', 'C']", "[[0, 0, 0]]", "[100.0]") for k in range(2000)]
    monkeypatch.setattr(pick, "stored_in_qm9", lambda *_: list(stored))
    pick.random.seed(1)
    rows = list(pick.from_qm9({name: chem.MolFromSmarts(pattern) for name, pattern in PATTERNS.items()}))
    assert 50 < len(rows) < 200
    assert len({row["id"] for row in rows}) == len(rows)


def test_molecules_of_a_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the groups of today; what cannot be made is named, and so is a molecule of QM9 that is another there."""
    pytest.importorskip("rdkit")
    pick = script("scripts/identify/pick_molecules.py")
    monkeypatch.setattr(pick, "stored_in_qm9", lambda *_: [("7", "CCO", "['C', 'C', 'O']", "[[0, 0, 0]]", "[2., 1.0]")])
    names, out = tmp_path / "list.txt.xz", tmp_path / "out.jsonl"
    with lzma.open(names, "wt", encoding="utf-8") as stream:
        stream.write("simple 0 CC=O\nqm9 7 CCO\n")
    monkeypatch.setattr("sys.argv", ["pick_molecules.py", "--out", str(out), "--listed", str(names)])
    pick.main()
    first, second = (json.loads(line) for line in out.read_text(encoding="utf-8").splitlines())
    assert (first["id"], first["set"], first["groups"]) == ("simple-0", "simple", ["C=O", "aldehyde", "CH3"])
    assert len(first["positions"]) == 7
    assert (second["id"], second["b3lyp"], second["groups"]) == ("qm9-7", [1.0, 2.0], ["O-H", "alcohol", "CH3", "CH2"])
    for line, said in {
        "simple 0 C[Si](C)C": "simple 0 C[Si](C)C: no conformer is found",
        "qm9 7 CC": "qm9 7 CC: QM9 has CCO there",
        "qm9 8 CC": "qm9 8 CC: QM9 has no such molecule",
        "qm9 8": "qm9 8: not a set, a number and a SMILES",
    }.items():
        with lzma.open(names, "wt", encoding="utf-8") as stream:
            stream.write(f"simple 0 CC=O\n{line}\n")
        with pytest.raises(SystemExit, match=re.escape(f"{names}, line 2: {said}")):
            pick.main()
        assert len(out.read_text(encoding="utf-8").splitlines()) == 2  # as it was
    monkeypatch.setattr("sys.argv", ["pick_molecules.py", "--out", str(out), "--listed", str(tmp_path / "none")])
    with pytest.raises(SystemExit):
        pick.main()
    assert "none does not exist" in capsys.readouterr().err


def test_the_list_is_of_the_bundled_model() -> None:
    with lzma.open(ROOT / "scripts" / "identify" / "molecules.txt.xz", "rt", encoding="utf-8") as stream:
        lines = [line.split() for line in stream]
    assert len({smiles for _, _, smiles in lines}) == len(lines)
    assert {name for name, _, _ in lines} == {"simple", "qm9", "fragments", "larger"}
    trained = read_recogniser("groups").summary["trained on"]
    text = (ROOT / "docs" / "identify.md").read_text(encoding="utf-8")
    numbers = re.search(r"trained on (\d+) molecules, calibrated on (\d+) and tested on (\d+) and (\d+)", text)
    assert numbers is not None
    assert trained.startswith(f"{numbers[1]} molecules")
    assert sum(map(int, numbers.groups())) == len(lines)


def test_atoms_of_groups() -> None:
    pytest.importorskip("rdkit")
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


def test_shares_of_bonds_to_halogens() -> None:
    """Of two atoms, and of three on a line, the stretches have all the energy; which carbon has several counts."""
    pytest.importorskip("rdkit")
    find = script("scripts/identify/compute_lines.py").stretching
    bromide = still([6, 35], [[0.0, 0, 0], [0, 0, 1.94]])
    along = np.zeros((6, 6))
    along[np.ix_([2, 5], [2, 5])] = [[30.0, -30.0], [-30.0, 30.0]]
    assert find(bromide, normal_modes(bromide, along)) == {"C-Br": [1.0]}
    linear = still([17, 6, 17], [[0.0, 0, -1.7], [0, 0, 0], [0, 0, 1.7]])
    springs = np.diag([1.0, 1, 30, 2, 2, 60, 1, 1, 30])  # of the ends to the middle, along z stiff
    for end in (0, 2):
        for axis, constant in enumerate((1.0, 1.0, 30.0)):
            springs[3 * end + axis, 3 + axis] = springs[3 + axis, 3 * end + axis] = -constant
    found = find(linear, normal_modes(linear, springs))
    assert found == {"CCl2": [0.0, 0.0, 1.0, 1.0]}  # two bends, two stretches, though these share the carbon


def still(numbers: list[int], positions: list[list[float]]) -> Frame:
    return Frame(np.array(numbers), np.array(positions), np.zeros((3, 3)), np.zeros(3, dtype=bool))


def molecule(smiles: str, symbols: str, positions: list[list[float]]) -> str:
    return json.dumps({"id": smiles, "smiles": smiles, "symbols": [*symbols], "positions": positions, "groups": []})


def test_minima_are_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is not tried again, and a folder of other molecules is refused."""
    pytest.importorskip("tblite")
    minima = script("scripts/identify/compute_minima.py")
    rows, folder = tmp_path / "molecules.jsonl", tmp_path / "minima"
    water = molecule("O", "OHH", [[0.0, 0, 0], [0.8, 0.6, 0], [-0.8, 0.6, 0]])
    rows.write_text(water + "\n" + molecule("[H][H]", "HH", [[0.0, 0, 0], [0, 0, 0]]) + "\n", encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["compute_minima.py", str(rows), str(folder)])
    minima.main()
    assert sorted(path.name for path in folder.iterdir()) == ["00000.npz", "00001.failed"]
    before = [path.stat().st_mtime_ns for path in folder.iterdir()]
    minima.main()
    assert [path.stat().st_mtime_ns for path in folder.iterdir()] == before
    with np.load(folder / "00000.npz") as made:
        bonds = np.linalg.norm(made["positions"][1:] - made["positions"][0], axis=1)
        frame = still([8, 1, 1], made["positions"].tolist())
        wavenumbers = normal_modes(frame, made["hessian"].astype(float)).wavenumbers
    assert bonds == pytest.approx(0.96, abs=0.01)
    assert wavenumbers == pytest.approx([1539, 3643, 3652], abs=20)  # GFN2-xTB, by `xtb --hess`
    rows.write_text(molecule("C", "CHHHH", [[0.0, 0, 0]] * 5) + "\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="is of O, and row 0 of the molecules is C"):
        minima.main()


def test_lines_are_of_the_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, corrections: ModuleType) -> None:
    """A row has what a recogniser learns from, and says nothing of molecules without a minimum."""
    pytest.importorskip("rdkit")
    lines = script("scripts/identify/compute_lines.py")
    rows, folder, out = tmp_path / "molecules.jsonl", tmp_path / "minima", tmp_path / "lines.jsonl"
    folder.mkdir()
    places = [[0.0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]]
    rows.write_text("".join(molecule(smiles, "OHH", places) + "\n" for smiles in ("O", "[OH]", "[O]")))
    np.savez(folder / "00000.npz", smiles="O", positions=places, hessian=np.diag(np.arange(1.0, 10.0)))
    (folder / "00001.failed").write_text("[OH] no\n", encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["compute_lines.py", str(rows), str(folder), str(out)])
    lines.main()
    (row,) = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    modes = normal_modes(still([8, 1, 1], places), np.diag(np.arange(1.0, 10.0)))
    (frame,) = predict_all([read_model("molecules", name) for name in ("apt", "pgt")], [still([8, 1, 1], places)])
    wanted = lines_of(modes, frame.tensors)
    assert wanted.intensity is not None
    assert wanted.activity is not None
    assert row["ir"] == pytest.approx(wanted.intensity, abs=0.01)
    assert row["raman"] == pytest.approx(wanted.activity, abs=0.01)
    assert row["polar"] == row["hydroxyl"]
    assert row["polar"] == pytest.approx((modes.vectors[:, 1:] ** 2).sum(axis=(1, 2)), abs=0.01)
    assert row["stretching"] == {}


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
    row = embedded(smiles, [group])
    atoms = script("scripts/identify/compute_lines.py").atoms_of_groups(row)[group]
    assert Counter(row["symbols"][atom] for atom in atoms) == numbers


def test_molecules_are_shared_out_by_scaffold_or_at_random() -> None:
    """No scaffold is on two sides, or no molecule, where those of up to eight heavy atoms are drawn at random."""
    pytest.importorskip("rdkit")
    train_groups = script("scripts/identify/train_groups.py")
    rings = [f"C1CC1{'C' * k}{end}" for k in range(1, 8) for end in ("O", "N", "F", "=O", "C#N")]
    rows = [{"smiles": smiles, "scaffold": "C1CC1", "set": "qm9"} for smiles in rings]
    rows += [{"smiles": f"{'C' * k}O", "scaffold": "", "set": "simple"} for k in range(1, 200)]
    rows[0]["set"] = "larger"
    parts = train_groups.shared_out(rows)
    assert [row["smiles"] for row in parts["larger"]] == [rings[0]]
    many = train_groups.shared_out(rows + rows[-1:] * 8000)  # so that no twentieth has the scaffold
    assert sum(any(row["scaffold"] for row in many[name]) for name in ("train", "hold", "test")) == 1
    parts = train_groups.shared_out(rows, "molecules")
    small = [row for name in ("train", "hold", "test") for row in parts[name]]
    assert len(small) + len(parts["larger"]) == len(rows)
    assert max(len(re.sub("[^CNOF]", "", row["smiles"])) for row in small) == train_groups.SMALL
    assert {row["scaffold"] for row in parts["train"]} == {row["scaffold"] for row in parts["test"]} == {"", "C1CC1"}
