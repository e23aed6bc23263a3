"""Normal modes against other programs: `python benchmarks/molecules.py` prints a table, in about a minute of one core.

- xtb --hess (GFN2-xTB, Debian's 6.5.1) at the minima of tblite, of small molecules
- with --gaussian FCHK OUT: Gaussian's frequencies, infrared, Raman activities and depolarisation ratios of its own
  Hessian and derivatives, printed in OUT (cclib's data/FChk/basicGaussian16/dvb_raman.fchk and
  data/Gaussian/basicGaussian16/dvb_raman.out, divinylbenzene at B3LYP/STO-3G)
- with --pyscf: the same divinylbenzene's Raman lines all from PySCF at the structure of FCHK, some minutes
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from mimyria.frame import Array
from mimyria.harmonic.command import normal_modes
from mimyria.harmonic.output import Harmonic

MOLECULES = ("H2O", "NH3", "H2CO", "CH4", "CH3OH", "CH3CHO", "C6H6")
COLUMNS = {
    "Frequencies": ("wavenumber_cm-1", "cm⁻¹"),
    "IR Inten": ("ir_intensity_km_mol-1", "km/mol"),
    "Raman Activ": ("raman_activity_A4_u-1", "Å⁴/u"),
    r"Depolar \(P\)": ("depolarisation_ratio", ""),
}


def modes(path: Path, out: Path, **settings: Any) -> Harmonic:
    """Return the modes of one structure."""
    (made,) = normal_modes(path, out, plot_format=(), **settings).values()
    return made


def against_xtb(folder: Path) -> None:
    """Print the largest differences of every molecule."""
    from ase import Atoms
    from ase.build import molecule
    from ase.io import write

    program = shutil.which("xtb")
    if program is None:
        print("xtb is not installed: apt-get install xtb")
        return
    print(f"{'xtb --hess':<12}{'modes':>6}{'largest difference, cm⁻¹':>28}{'km/mol':>10}{'strongest':>12}")
    for name in MOLECULES:
        inside = folder / name
        inside.mkdir()
        write(inside / "start.xyz", molecule(name))
        made = modes(inside / "start.xyz", inside / "out", calculator="tblite", apt="tblite", relax=True, fmax=1e-4)
        write(inside / "minimum.xyz", Atoms(made.frame.numbers, made.frame.positions))
        words = [program, "minimum.xyz", "--hess", "--acc", "0.01"]
        subprocess.run(words, cwd=inside, capture_output=True, check=True)
        lines = (inside / "vibspectrum").read_text(encoding="utf-8").splitlines()
        theirs = np.array([line[20:].split()[:2] for line in lines if line[:6].strip().isdigit()], dtype=float)
        theirs = theirs[abs(theirs[:, 0]) > 0.1]
        ours = np.column_stack([made.wavenumbers, made.columns["ir_intensity_km_mol-1"]])
        apart = abs(ours - theirs).max(axis=0)
        print(f"{name:<12}{len(ours):>6}{apart[0]:>28.2f}{apart[1]:>10.2f}{ours[:, 1].max():>12.1f}")


def printed(text: str, name: str) -> Array:
    """Return a quantity of all modes as Gaussian prints it, three in a line."""
    return np.array([float(word) for line in re.findall(rf"{name} +-- +(.*)", text) for word in line.split()])


def against_gaussian(made: Harmonic, out: Path, title: str) -> None:
    """Print the largest differences from what Gaussian printed."""
    text = out.read_text(encoding="utf-8")
    print(f"{title}, {len(made.wavenumbers)} modes")
    activity = made.columns["raman_activity_A4_u-1"]
    for name, (column, unit) in COLUMNS.items():
        theirs, ours = printed(text, name)[: len(activity)], made.columns[column]
        seen = activity > 0.1 if column.startswith("depolar") else np.ones(len(ours), dtype=bool)
        apart = abs(ours - theirs)[seen]
        print(f"  {column:<26} differs by at most {apart.max():.2g} {unit} (largest {theirs.max():.5g})")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gaussian", nargs=2, type=Path, metavar=("FCHK", "OUT"))
    parser.add_argument("--pyscf", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        against_xtb(folder)
        if given.gaussian:
            fchk, out = given.gaussian
            own = modes(fchk, folder / "gaussian")
            against_gaussian(own, out, "Gaussian 16, B3LYP/STO-3G divinylbenzene, its own Hessian and derivatives")
            if given.pyscf:
                settings = {"functional": "b3lypg", "basis": "sto-3g"}
                structure = folder / "gaussian" / "structure.extxyz"
                again = modes(structure, folder / "pyscf", calculator="pyscf", set=settings, workers=given.workers)
                against_gaussian(again, out, "the same, everything by PySCF")


if __name__ == "__main__":
    main()
