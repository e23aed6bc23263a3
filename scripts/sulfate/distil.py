"""Fit the correction of the ion's springs to the forces of a dearer potential.

    python distil.py forces run-1.extxyz run-2.extxyz --number 120 --out dear.extxyz    # 7net-mf-0, r2SCAN: 3 s each
    python distil.py fit dear.extxyz --model nep89.txt --out correction.json
    python distil.py modes start.extxyz --model nep89.txt --correction correction.json --dear

The forces of 7net-mf-0 minus those of NEP89, on the five atoms of the ion, are fitted by the springs of `springs.py`
(least squares, a fifth of the frames held out). `modes` compares the harmonic wavenumbers of the ion in its frozen
surroundings.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.constraints import FixAtoms
from ase.io import iread, read, write
from ase.optimize import FIRE
from potential import Sulfate, ions, whole
from springs import NAMES, basis

Array = np.ndarray[Any, Any]


def dear() -> Any:
    """Return the calculator of 7net-mf-0 with its r2SCAN head."""
    from sevenn.calculator import SevenNetCalculator

    return SevenNetCalculator("7net-mf-0", modal="R2SCAN", device="cpu")


def forces(paths: Sequence[Path], number: int, out: Path) -> None:
    """Write frames of runs with the dear forces, one after the other; started again, it goes on."""
    chosen = [read(path, index=slice(None)) for path in paths]
    pool = [atoms for run in chosen for atoms in run]
    picked = np.linspace(0, len(pool) - 1, number).round().astype(int)
    done = len(read(out, index=slice(None))) if out.exists() else 0
    calculator = dear()
    for index in picked[done:]:
        atoms = Atoms(pool[index].numbers, pool[index].positions, cell=pool[index].cell, pbc=True)
        atoms.calc = calculator
        atoms.get_forces()
        write(out, atoms, append=True, format="extxyz")


def fit(path: Path, model: Path, out: Path) -> None:
    """Fit, and say what it explains of frames that were held out."""
    calculator, design, wanted = Sulfate(model), [], []
    for atoms in iread(path):
        target = atoms.get_forces()
        atoms.calc = calculator
        for members in ions(atoms):
            _, pulls = basis(whole(atoms, members))
            design.append(pulls.reshape(len(pulls), -1))
            wanted.append((target - atoms.get_forces())[members].ravel())
    a, b = np.array(design), np.array(wanted)
    held = np.arange(len(a)) % 5 == 4
    scale = np.sqrt((a[~held] ** 2).mean(axis=(0, 2)))

    def solve(rows: Array) -> Array:
        matrix = (a[rows] / scale[:, None]).transpose(0, 2, 1).reshape(-1, len(scale))
        return np.linalg.lstsq(matrix, b[rows].ravel(), rcond=1e-6)[0] / scale

    left = b[held] - np.einsum("k,fkn->fn", solve(~held), a[held])
    facts = {
        "frames": len(a),
        "difference_rms": float(np.sqrt((b[held] ** 2).mean())),
        "left_rms": float(np.sqrt((left**2).mean())),
    }
    coefficients = dict(zip(NAMES, map(float, solve(np.ones(len(a), dtype=bool))), strict=True))
    out.write_text(json.dumps({"coefficients": coefficients, "eV/Å": facts}, indent=1, ensure_ascii=False) + "\n")
    print(facts)


def modes(path: Path, model: Path, correction: Path | None, with_dear: bool) -> None:
    """Print the wavenumbers of the nine highest modes of the ion, its surroundings frozen, for each potential."""
    start = read(path)
    kinds: dict[str, Any] = {"NEP89": Sulfate(model), "NEP89 + springs": Sulfate(model, correction)}
    if with_dear:
        kinds["7net-mf-0, r2SCAN"] = dear()
    for name, calculator in kinds.items():
        atoms = start.copy()
        atoms.calc = calculator
        (members,) = ions(atoms)
        atoms.set_constraint(FixAtoms(sorted(set(range(len(atoms))) - set(members))))
        FIRE(atoms, logfile=None).run(fmax=0.02, steps=200)
        atoms.set_constraint()
        hessian, step = np.zeros((15, 15)), 0.01
        for row in range(15):
            for sign in (1, -1):
                atoms.positions[members[row // 3], row % 3] += sign * step
                hessian[row] -= sign * atoms.get_forces()[members].ravel() / (2 * step)
                atoms.positions[members[row // 3], row % 3] -= sign * step
        weight = np.repeat(atoms.get_masses()[members], 3) ** -0.5
        squares = np.linalg.eigvalsh(weight[:, None] * (hessian + hessian.T) / 2 * weight)
        wavenumbers = np.sign(squares) * np.sqrt(abs(squares)) * units._hbar * units.m / np.sqrt(units._e * units._amu)
        print(f"{name:20s}", " ".join(f"{value:6.0f}" for value in wavenumbers[-9:] / units.invcm))


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("forces", "fit", "modes"))
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--correction", type=Path)
    parser.add_argument("--number", type=int, default=120)
    parser.add_argument("--dear", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.task == "forces":
        forces(given.files, given.number, given.out)
    elif given.task == "fit":
        fit(given.files[0], given.model, given.out)
    else:
        modes(given.files[0], given.model, given.correction, given.dear)


if __name__ == "__main__":
    main()
