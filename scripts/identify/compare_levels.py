"""Lines of GFN2-xTB beside those of a better level: `python compare_levels.py FOLDER... [--lines]`.

A folder is one of `scripts/molecules/make.py label`: minima, Hessians and labels of both levels at the same geometry,
so that both have the same modes. Told are the correlations of the spectra (Lorentzian lines 10 cm⁻¹ wide; infrared 400
to 4000, Raman to 1850 cm⁻¹, below all stretches of hydrogen), as GFN2-xTB has them and with the factors of
`corrections.py`; with --lines, each line: wavenumber, GFN2-xTB, corrected, the better level; and how far the tensors
of GFN2-xTB are off. Molecules whose bonds are not those of their SMILES are left out by name. Needs rdkit.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from compute_lines import atoms_of_groups, described
from corrections import infrared_factors, raman_factors, stretches
from pick_molecules import ELEMENTS, groups_of, patterns
from rdkit import Chem
from train_groups import kinds_of

from mimyria.elements import symbols_of
from mimyria.formats import read_frames
from mimyria.frame import Array
from mimyria.harmonic.broadened import PROFILES
from mimyria.harmonic.lines import Lines, lines_of
from mimyria.harmonic.modes import normal_modes

LOWEST, WIDTH = 400.0, 10.0
HIGHEST = {"infrared": 4000.0, "raman": 1850.0}
Compared = tuple[dict[str, Any], Lines, dict[str, tuple[Array, Array]]]


def compared(folder: Path) -> Iterator[Compared]:
    """Yield of each molecule the row that `compute_lines.py` would write, the better lines, and tensors of both."""
    known = patterns()
    for path in sorted(folder.glob("*.dear.extxyz")):
        number = path.name.split(".")[0]
        dear, cheap = (next(read_frames(folder / f"{number}.{kind}.extxyz")) for kind in ("dear", "cheap"))
        if dear.info["geometry"] != "minimum":
            continue
        molecule = Chem.MolFromSmiles(str(cheap.info["smiles"]))
        if molecule is None or not set(symbols_of(cheap.numbers)) <= ELEMENTS:
            continue
        row = {
            "smiles": str(cheap.info["smiles"]),
            "groups": groups_of(molecule, known),
            "symbols": list(symbols_of(cheap.numbers)),
            "positions": cheap.positions.round(5).tolist(),
        }
        modes = normal_modes(cheap, np.load(folder / f"{number}.hessian.npy").astype(float))
        try:
            atoms = atoms_of_groups(row)
        except RuntimeError as error:
            print(f"{row['smiles']} is left out: {error}")
            continue
        made = described(cheap, modes, lines_of(modes, cheap.tensors), atoms)
        tensors = {name: (cheap.tensors[name], dear.tensors[name]) for name in dear.tensors}
        yield row | made, lines_of(modes, dear.tensors), tensors


def values_of(row: dict[str, Any], dear: Lines, kind: str) -> tuple[Array, Array, Array]:
    """Return infrared intensities or Raman activities: of GFN2-xTB, corrected, and of the better level."""
    if kind == "infrared":
        own, wanted, factor = np.array(row["ir"]), dear.intensity, infrared_factors(row, kinds_of(row["smiles"]))
    else:
        own, wanted, factor = np.array(row["raman"]), dear.activity, raman_factors(row)
    assert wanted is not None
    return own, own * factor, wanted


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--lines", action="store_true")
    given = parser.parse_args()
    molecules = [each for folder in given.folders for each in compared(folder)]
    for kind, highest in HIGHEST.items():
        axis, scores = np.arange(LOWEST, highest), []
        print(kind)
        for row, dear, _ in molecules:
            found, lines = np.array(row["wavenumbers"]), values_of(row, dear, kind)
            own, corrected, wanted = (each @ PROFILES["lorentzian"](axis - found[:, None], WIDTH) for each in lines)
            scores.append([np.corrcoef(each, wanted)[0, 1] for each in (own, corrected)])
            print(f"{row['smiles']:<24}{scores[-1][0]:8.3f}{scores[-1][1]:8.3f}")
            named = {k: name for name, those in stretches(row).items() for k in np.flatnonzero(those).tolist()}
            for k in range(len(found)) if given.lines else ():
                print(f"    {found[k]:8.0f}{''.join(f'{each[k]:9.2f}' for each in lines)}  {named.get(k, '')}")
        both = np.array(scores)
        means, medians = (" and ".join(f"{value:.3f}" for value in each) for each in (both.mean(0), np.median(both, 0)))
        print(f"{len(both)} molecules: mean {means}, median {medians}\n")
    for name in molecules[0][2]:
        pairs = [tensors[name] for _, _, tensors in molecules]
        missed, size = (
            sum(float((each**2).sum()) for each in those)
            for those in ([a - b for a, b in pairs], [b for _, b in pairs])
        )
        print(f"{name.upper()} of GFN2-xTB: {np.sqrt(missed / size):.1%} off (rms, of its size)")


if __name__ == "__main__":
    main()
