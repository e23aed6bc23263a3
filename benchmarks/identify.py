"""How well groups are told: `python benchmarks/identify.py groups.mym lines.jsonl`, a minute of one core.

Of molecules whose scaffolds were not trained on, and of larger ones (`scripts/identify/train_groups.py` shares them
out), spectra as instruments might show them, from infrared and Raman, infrared alone, Raman alone: precision, recall,
F1 and accuracy of every group, the calibration, and whether the first band of a group lies where tables have its
bands. Published, of exact computed spectra of molecules of up to eight heavy atoms with one network a group: O-H
99.36 %, C=O 98.50 % (Fundamental Research 1, 488 (2021)); of measured infrared spectra, F1 of 17 groups 93 % after
training on 14 361 such (Appl. Spectrosc. 00037028241226732).

With --measured FOLDER measured infrared spectra: the ``data/infrared_spectra`` of the repository nzhagen/jcamp. They
belong to NIST and the Coblentz Society and are not handed on here. With --raman WHEEL measured Raman spectra, 450 to
1800 cm⁻¹, of those molecules in the package ramanbiolib that are neutral; their licence is the ODbL.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.errors import MimyriaError
from mimyria.frame import Array
from mimyria.identify.command import identify, told
from mimyria.identify.marks import find_bands, shares
from mimyria.identify.molecules import EXACT, USUAL, Molecule, Variation
from mimyria.identify.recogniser import PATTERNS, Recogniser, read_recogniser
from mimyria.identify.teaching import Fit, draw

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts" / "identify"))
from corrections import Factors, corrected, frequencies_of
from train_groups import SMALL, SPLITS, factors_for, molecules_of, read_lines, shared_out

PUBLISHED = {"O-H": 99.36, "C=O": 98.50}
ALONE = Fit(misplaced=0.0, mixed=0.0, strange=0.0)
TABLES: dict[str, tuple[tuple[float, float], ...]] = {
    "O-H": ((2400, 3680),),
    "alcohol": ((3200, 3680), (1000, 1200)),
    "phenol": ((3200, 3680), (1180, 1390)),
    "carboxylic acid": ((2400, 3580), (1680, 1800)),
    "C=O": ((1620, 1850),),
    "aldehyde": ((2700, 2900), (1660, 1760)),
    "ketone": ((1640, 1780),),
    "ester": ((1710, 1800), (1000, 1330)),
    "amide": ((1500, 1750), (3150, 3540)),
    "ether": ((1000, 1310),),
    "methoxy": ((1000, 1310), (2800, 2880)),
    "N-H": ((3150, 3540), (1490, 1660)),
    "NH2": ((3150, 3540), (1560, 1680), (650, 900)),
    "nitrile": ((2200, 2280),),
    "C≡C": ((2100, 2270), (3250, 3350), (600, 700)),
    "C=C": ((1590, 1690), (650, 1000), (3000, 3110)),
    "=CH2": ((1590, 1690), (880, 1000), (3000, 3110)),
    "C=N": ((1580, 1690),),
    "benzene ring": ((1430, 1625), (670, 900), (3000, 3110)),
    "=C-H": ((3000, 3160), (650, 1000)),
    "CH3": ((2840, 3000), (1365, 1475)),
    "CH2": ((2830, 3000), (1400, 1480)),
    "nitro": ((1490, 1600), (1300, 1390), (830, 880)),
    "C-F": ((1000, 1400),),
    "CF3": ((1050, 1350),),
    "C-Cl": ((550, 850),),
    "S-H": ((2540, 2610),),
    "SO2": ((1280, 1400), (1110, 1180)),
}
"""cm⁻¹; where tables of group frequencies have the bands of groups, liquids and gases, hydrogen bonds included (G.
Socrates, Infrared and Raman Characteristic Group Frequencies; R. M. Silverstein, Spectrometric Identification)."""
MEASURED = {
    "1,1,1-trichloroethane": "C-Cl, CH3",
    "1,2-dichloroethane": "C-Cl, CH2",
    "1,2-dimethylbenzene": "benzene ring, =C-H, CH3",
    "1,3-butadiene": "C=C, =CH2, =C-H",
    "1,4-dimethylbenzene": "benzene ring, =C-H, CH3",
    "1-butanol": "O-H, alcohol, CH3, CH2",
    "1-butene": "C=C, =CH2, =C-H, CH3, CH2",
    "2-butanone": "C=O, ketone, CH3, CH2",
    "acetone": "C=O, ketone, CH3",
    "acetonitrile": "nitrile, CH3",
    "acrylonitrile": "nitrile, C=C, =CH2, =C-H",
    "benzene": "benzene ring, =C-H",
    "chlorobenzene": "benzene ring, =C-H, C-Cl",
    "cis-butene": "C=C, =C-H, CH3",
    "dichloromethane": "C-Cl, CH2",
    "ethane": "CH3",
    "ethanol": "O-H, alcohol, CH3, CH2",
    "ethyl acetate": "C=O, ester, CH3, CH2",
    "ethyl acrylate": "C=O, ester, C=C, =CH2, =C-H, CH3, CH2",
    "ethyl benzene": "benzene ring, =C-H, CH3, CH2",
    "ethyl tert-butyl ether": "ether, CH3, CH2",
    "ethylene oxide": "ether, epoxide, CH2",
    "iso-butylene": "C=C, =CH2, =C-H, CH3",
    "isopropyl alcohol": "O-H, alcohol, CH3",
    "methanol": "O-H, alcohol, methoxy, CH3",
    "methyl bromide": "C-Br, CH3",
    "methyl tert-butyl ether": "ether, methoxy, CH3",
    "n-heptane": "CH3, CH2",
    "n-pentane": "CH3, CH2",
    "neo-pentane": "CH3",
    "propane": "CH3, CH2",
    "propylene": "C=C, =CH2, =C-H, CH3",
    "propylene oxide": "ether, epoxide, CH3, CH2",
    "toluene": "benzene ring, =C-H, CH3",
    "vinyl acetate": "C=O, ester, C=C, =CH2, =C-H, CH3",
    "vinyl chloride": "C=C, =CH2, =C-H, C-Cl",
}
"""Groups of measured molecules."""

SATURATED, SUGAR = "C=O, carboxylic acid, O-H, CH3, CH2", "O-H, alcohol, ether, CH2"
FAT = "C=O, ester, CH3, CH2"
STEROID = "O-H, alcohol, phenol, benzene ring, =C-H, CH3, CH2"
RAMAN = {
    "12-methyltetradecanoic acid": SATURATED,
    "14-methylhexadecanoic acid": SATURATED,
    "arachidic acid": SATURATED,
    "lauric acid": SATURATED,
    "myristic acid": SATURATED,
    "palmitic acid": SATURATED,
    "stearic acid": SATURATED,
    "elaidic acid": f"{SATURATED}, C=C, =C-H",
    "linoleic acid": f"{SATURATED}, C=C, =C-H",
    "oleic acid": f"{SATURATED}, C=C, =C-H",
    "palmitoleic acid": f"{SATURATED}, C=C, =C-H",
    "α-linolenic acid": f"{SATURATED}, C=C, =C-H",
    "tricaproin": FAT,
    "trilaurin": FAT,
    "trimyristin": FAT,
    "tripalmitin": FAT,
    "tristearin": FAT,
    "trielaidin": f"{FAT}, C=C, =C-H",
    "trilinolein": f"{FAT}, C=C, =C-H",
    "triolein": f"{FAT}, C=C, =C-H",
    "d-(+)-galactose": SUGAR,
    "d-(+)-glucose": SUGAR,
    "d-(+)-mannose": SUGAR,
    "d-(+)-sucrose": SUGAR,
    "d-(+)-trehalose": SUGAR,
    "d-(+)-xylose": SUGAR,
    "d-(-)-arabinose": SUGAR,
    "d-(+)-fucose": "O-H, alcohol, ether, CH3",
    "glycerol": "O-H, alcohol, CH2",
    "malic acid": "O-H, alcohol, C=O, carboxylic acid, CH2",
    "citric acid": "O-H, alcohol, C=O, carboxylic acid, CH2",
    "succinic acid": "O-H, C=O, carboxylic acid, CH2",
    "cholesterol": "O-H, alcohol, C=C, =C-H, CH3, CH2",
    "estradiol": STEROID,
    "estriol": STEROID,
    "estrone": "O-H, phenol, C=O, ketone, benzene ring, =C-H, CH3, CH2",
}
"""Groups of neutral molecules whose Raman spectra were measured."""


def scores(told: Array, truth: Array) -> tuple[float, float, float, float]:
    """Return precision, recall, F1 and accuracy."""
    right = float((told & truth).sum())
    precision = right / told.sum() if told.any() else float("nan")
    recall = right / truth.sum() if truth.any() else float("nan")
    both = told.sum() + truth.sum()
    return precision, recall, 2 * right / both if both else float("nan"), float((told == truth).mean())


def wavenumbers(rows: list[dict[str, Any]], factors: Factors) -> None:
    """Print how far wavenumbers of GFN2-xTB are from those of B3LYP, as they are and with factors, where both are."""
    differences: list[tuple[Array, Array]] = []
    for row in rows:
        wanted, found = frequencies_of(row), np.array(row["wavenumbers"])
        if wanted is not None:
            differences.append((found - wanted, corrected(row, factors) - wanted))
    if not differences:
        return
    raw, ours = (np.sqrt(np.mean(np.concatenate(each) ** 2)) for each in zip(*differences, strict=True))
    print(f"{len(differences)} molecules of QM9, rms difference from B3LYP: {raw:.1f}, with factors {ours:.1f} cm⁻¹")


def show(recogniser: Recogniser, molecules: list[Molecule], title: str, how: Variation, repeats: int) -> None:
    """Print the table of a set of molecules."""
    random = np.random.default_rng(1)
    many = [one for one in molecules for _ in range(repeats)]
    answers = {}
    for pattern in PATTERNS[::-1]:
        samples = draw(many, random, replace(ALONE, variation=how), (pattern,))
        answers[pattern] = recogniser.probabilities(samples.channels), samples.truth[:, :-2] > 0.5
    print(f"\n{title}: {len(molecules)} molecules, {repeats} spectra of each")
    print(f"{'':<20}{'with it':>8}" + "".join(f"{name + ': prec. rec. F1 acc. / %':>36}" for name in answers))
    for k, name in enumerate(recogniser.groups):
        number = sum(molecule.groups[k] for molecule in molecules)
        line = f"{name:<20}{number:>8}"
        for p, truth in answers.values():
            line += f"{'':>10}" + "".join(f"{100 * value:>6.1f}" for value in scores(p[:, k] > 0.5, truth[:, k])) + "  "
        print(line + (f"  published {PUBLISHED[name]} (accuracy)" if name in PUBLISHED else ""))
    for pattern, (p, truth) in answers.items():
        precision, recall, f1, accuracy = scores((p > 0.5).ravel(), truth.ravel())
        edges = np.linspace(0, 1, 11)
        place = np.clip(np.digitize(p, edges) - 1, 0, 9)
        apart = sum(abs((p - truth)[place == k].sum()) for k in range(10)) / p.size
        entropy = -np.log(np.where(truth, p, 1 - p).clip(1e-9)).mean()
        print(
            f"  {pattern:<10} all groups: precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}, accuracy "
            f"{accuracy:.4f}; stated minus found probability {apart:.3f} on average, cross entropy {entropy:.3f}"
        )


def marks(recogniser: Recogniser, molecules: list[Molecule]) -> None:
    """Print how often the first band of a group that is there, and told, lies where tables have it."""
    samples = draw(molecules, np.random.default_rng(2), ALONE, ("infrared",))
    likely = recogniser.probabilities(samples.channels)
    right, chance, marked, there = np.zeros((4, len(recogniser.groups)))
    for seen, p, truth in zip(samples.channels, likely, samples.truth, strict=True):
        bands = find_bands(seen)
        centres = np.array([band.centre for band in bands])
        for k, share in enumerate(shares(recogniser, seen, bands, p)):
            ranges = TABLES.get(recogniser.groups[k])
            if ranges is None or not (p[k] > 0.5 and truth[k] and bands):
                continue
            there[k] += 1
            if chosen := told(bands, share):
                within = np.any([(centres >= low) & (centres <= high) for low, high in ranges], axis=0)
                marked[k] += 1
                right[k] += within[bands.index(chosen[0])]
                chance[k] += within.mean()
    print("\nthe first band of a group, infrared: lies in its ranges, any band of the same does; how many have one")
    found = [k for k in range(len(marked)) if marked[k]]
    for name, those in [*((recogniser.groups[k], [k]) for k in found), ("all", found)]:
        ours, any_band, number, of = (float(each[those].sum()) for each in (right, chance, marked, there))
        places = ", ".join(f"{low:g}-{high:g}" for low, high in TABLES.get(name, ()))
        percent = f"{100 * ours / max(number, 1):>5.0f} %{100 * any_band / max(number, 1):>5.0f} %"
        print(f"{name:<20}{percent}{number:>5.0f} of {of:>4.0f}   {places}")


def measured(recogniser: Recogniser, model: Path, kind: str, files: dict[str, Path], known: dict[str, str]) -> None:
    """Print what is told of measured spectra, of which the groups are known."""
    told, truth = [], []
    print(f"\n{'measured, ' + kind:<28}{'distance':>9}  wrong")
    for name, groups in known.items():
        has = [group in groups.split(", ") for group in recogniser.groups]
        try:
            made = identify(f"{kind}={files[name]}", model=str(model))
        except MimyriaError as error:
            print(f"{name:<28}{'':>9}  {error}")
            continue
        p = [made[group].probability for group in recogniser.groups]
        wrong = [
            f"{'+' if value > 0.5 else '-'}{group} {value:.2f}"
            for group, value, there in zip(recogniser.groups, p, has, strict=True)
            if (value > 0.5) != there
        ]
        print(f"{name:<28}{made.strangeness:>9.2f}  {', '.join(wrong)}")
        told.append(p)
        truth.append(has)
    said, true = np.array(told) > 0.5, np.array(truth)
    for k in map(int, np.flatnonzero(true.any(axis=0))):
        of_group = " ".join(f"{value:.2f}" for value in scores(said[:, k], true[:, k]))
        print(f"{recogniser.groups[k]:<28}{true[:, k].sum():>9}  precision, recall, F1, accuracy {of_group}")
    precision, recall, f1, accuracy = scores(said.ravel(), true.ravel())
    print(f"all groups: precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}, accuracy {accuracy:.4f}")


def unpacked(wheel: Path, folder: Path) -> dict[str, Path]:
    """Return a file of each of the Raman spectra in a wheel, the first of each molecule."""
    csv.field_size_limit(10**9)
    files: dict[str, Path] = {}
    with zipfile.ZipFile(wheel) as archive, archive.open("ramanbiolib/db/raman_spectra_db.csv") as stream:
        for row in csv.DictReader(io.TextIOWrapper(stream, encoding="utf-8")):
            if row["component"] in RAMAN and row["component"] not in files:
                path = files[row["component"]] = folder / f"{row['id']}.npy"
                np.save(path, [json.loads(row["wavenumbers"]), json.loads(row["intensity"])])
    return files


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("lines", type=Path)
    parser.add_argument("--frequencies", choices=("b3lyp", "gfn2"), default="b3lyp", help="Of molecules of QM9.")
    parser.add_argument("--split", choices=SPLITS, default=SPLITS[0], help="As the model was trained with.")
    parser.add_argument("--measured", type=Path)
    parser.add_argument("--raman", type=Path)
    given = parser.parse_args()
    recogniser = read_recogniser(given.model)
    parts = shared_out(read_lines(given.lines), given.split)
    factors = factors_for(parts["train"], given.lines)
    wavenumbers(parts["test"], factors)
    scaffolds = {"test": "scaffolds not trained on", "larger": "13 to 18 heavy atoms"}
    drawn = {"test": f"up to {SMALL} heavy atoms, drawn at random", "larger": f"more than {SMALL} heavy atoms"}
    for part, title in (scaffolds if given.split == SPLITS[0] else drawn).items():
        molecules = molecules_of(parts[part], recogniser.groups, factors, given.frequencies)
        if molecules:
            show(recogniser, molecules, title, USUAL, 3)
            show(recogniser, molecules, f"{title}, exact spectra", EXACT, 1)
            marks(recogniser, molecules)
    if given.measured:
        files = {name: given.measured / f"{name}.jdx" for name in MEASURED}
        measured(recogniser, given.model, "infrared", files, MEASURED)
    if given.raman:
        with tempfile.TemporaryDirectory() as folder:
            measured(recogniser, given.model, "raman", unpacked(given.raman, Path(folder)), RAMAN)


if __name__ == "__main__":
    main()
