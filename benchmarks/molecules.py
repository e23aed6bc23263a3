"""Normal modes against other programs: `python benchmarks/molecules.py` prints a table, in about a minute of one core.

- xtb --hess (GFN2-xTB, Debian's 6.5.1) at the minima of tblite, of small molecules
- what Q-Chem, PySCFAD and GAMESS say of methane and water at the Hartree-Fock level, from PySCF
- with --gaussian FCHK OUT: Gaussian's frequencies, infrared, Raman activities and depolarisation ratios of its own
  Hessian and derivatives, printed in OUT (cclib's data/FChk/basicGaussian16/dvb_raman.fchk and
  data/Gaussian/basicGaussian16/dvb_raman.out, divinylbenzene at B3LYP/STO-3G)
- with --pyscf too: intensities of the same modes from tensors of PySCF, whose forces in thirteen fields take half an
  hour of one core, or less where `--folder` has been begun before, against these analytic derivatives

How good the spectra of learned tensors are, `python benchmarks/organic.py` says.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Published:
    """Lines that another program gives of a structure, infrared or Raman."""

    source: str
    basis: str
    symbols: str
    positions: tuple[tuple[float, float, float], ...]
    columns: dict[str, tuple[float, ...]]
    relax: bool = False


DEBYE_SQUARED = 42.2561
"""km/mol of an intensity of 1 D² u⁻¹ Å⁻²."""
PUBLISHED = {
    "CH4": Published(
        "Q-Chem, in the tests of GPU4PySCF",
        "def2-svp",
        "CH4",
        (
            (0.0, 0.0, 0.0),
            (0.0, 0.0, 1.089),
            (1.02672, 0.0, -0.363),
            (-0.51336, -0.88916, -0.363),
            (-0.51336, 0.88916, -0.363),
        ),
        {
            "wavenumber_cm-1": (1439.50, 1439.50, 1439.51, 1648.55, 1648.55, 3166.20, 3301.71, 3301.73, 3301.75),
            "raman_activity_A4_u-1": (1.361, 1.361, 1.361, 25.708, 25.709, 158.467, 71.770, 71.768, 71.768),
            "depolarisation_ratio": (0.75, 0.75, 0.75, 0.75, 0.75, 0.0, 0.75, 0.75, 0.75),
        },
    ),
    "H2O": Published(
        "PySCFAD, in its examples",
        "cc-pvdz",
        "OH2",
        ((0.0, 0.0, 0.1157), (0.0, 0.7488, -0.4629), (0.0, -0.7488, -0.4629)),
        {
            "wavenumber_cm-1": (1775.683, 4113.2415, 4211.5568),
            "raman_activity_A4_u-1": (4.78999, 68.87902, 34.78822),
            "depolarisation_ratio": (0.52686, 0.17011, 0.75),
        },
    ),
    "H2O, relaxed": Published(
        "Y. Yamaguchi et al., J. Chem. Phys. 84, 2262 (1986), as GAMESS repeats it",
        "sto-3g",
        "OH2",
        ((0.0, 0.0, 0.1157), (0.0, 0.7488, -0.4629), (0.0, -0.7488, -0.4629)),
        {
            "wavenumber_cm-1": (2170.04, 4140.00, 4391.07),
            "ir_intensity_km_mol-1": tuple(DEBYE_SQUARED * each for each in (0.17128, 1.04807, 0.70926)),
        },
        relax=True,
    ),
}
"""At the Hartree-Fock level, by molecule."""


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


def against_published(folder: Path) -> None:
    """Print the largest differences of each column."""
    from ase import Atoms
    from ase.io import write

    for k, (name, given) in enumerate(PUBLISHED.items()):
        inside = folder / f"published-{k}"
        inside.mkdir()
        write(inside / "start.xyz", Atoms(given.symbols, given.positions))
        settings = {"functional": "hf", "basis": given.basis}
        made = modes(
            inside / "start.xyz",
            inside / "out",
            calculator="pyscf",
            set=settings,
            relax=given.relax,
            fmax=1e-4,
            largest_force=5.0,
        )
        print(f"{name}, HF/{given.basis}: {given.source}")
        for column, theirs in given.columns.items():
            apart = abs(made.columns[column] - theirs).max()
            print(f"  {column:<26} differs by at most {apart:.2g} (largest {max(theirs):.5g})")


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
    parser.add_argument("--folder", type=Path, help="where --pyscf keeps what it has computed")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    if given.pyscf and not given.gaussian:
        parser.error("--pyscf compares with --gaussian FCHK OUT: give both")
    if given.folder and not given.pyscf:
        parser.error("--folder is where --pyscf keeps what it has computed: give both")
    with TemporaryDirectory() as name:
        folder = Path(name)
        against_xtb(folder)
        against_published(folder)
        if given.gaussian:
            fchk, out = given.gaussian
            own = modes(fchk, folder / "gaussian")
            against_gaussian(own, out, "Gaussian 16, B3LYP/STO-3G divinylbenzene, its own Hessian and derivatives")
            if given.pyscf:
                settings = {"functional": "b3lypg", "basis": "sto-3g"}
                kept = given.folder or folder / "pyscf"
                again = modes(fchk, kept, apt="pyscf", pgt="pyscf", set=settings, workers=given.workers)
                against_gaussian(again, out, "its Hessian, tensors of PySCF")


if __name__ == "__main__":
    main()
