"""Relax molecules and compute their Hessians with GFN2-xTB: `python compute_minima.py molecules.jsonl minima`.

The Hessian is of differences of forces (0.001 a0; wavenumbers 3 cm⁻¹, rms, from those by central ones). `00012.npz` in
the folder, whole once it is there, has the ``positions`` (Å) of row 12, counted from zero, in the order of its symbols,
the ``hessian`` (eV/Å²) and the ``smiles``; `00012.failed` says why there is none. What the relaxation ends at may be a
saddle, whose imaginary modes are below all spectra. It may be stopped and started again, and several processes share
the work. Run it with OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from mimyria.elements import numbers_of
from mimyria.errors import Busy
from mimyria.frame import Array
from mimyria.memory import locked, whole, write_text
from mimyria.units import BOHR, HARTREE

STEP = 0.001
"""a0"""
LARGEST = 5e-4
"""E_h/a0; of the forces after the relaxation."""
ACCURACY = {"relaxation": 1.0, "hessian": 0.01}
"""Of the program, whose own is 1."""


def gradients(numbers: Array, accuracy: float) -> Callable[[Array], tuple[float, Array]]:
    """Return energy (E_h) and gradient (E_h/a0) as a function of the positions (a0), each from the density before."""
    from tblite.interface import Calculator

    calculator: Any = None
    result: Any = None

    def calculate(positions: Array) -> tuple[float, Array]:
        nonlocal calculator, result
        positions = positions.reshape(-1, 3)
        if calculator is None:
            calculator = Calculator("GFN2-xTB", numbers, positions)
            calculator.set("verbosity", 0)
            calculator.set("accuracy", accuracy)
        calculator.update(positions)
        result = calculator.singlepoint(result)
        return float(result.get("energy")), result.get("gradient").ravel()

    return calculate


def relaxed(row: dict[str, Any]) -> tuple[Array, Array]:
    """Return positions (Å) and Hessian (eV/Å², shape (3n, 3n)) of a molecule after relaxation.

    Raises RuntimeError or ValueError where the program or the relaxation fails.
    """
    rough, force = (gradients(numbers_of(row["symbols"]), ACCURACY[name]) for name in ("relaxation", "hessian"))
    start = np.array(row["positions"]).ravel() / BOHR
    near: Any = minimize(rough, start, jac=True, method="BFGS", options={"gtol": 3e-4})
    begin: Any = {"gtol": 1e-4, "hess_inv0": (near.hess_inv + near.hess_inv.T) / 2}
    found = minimize(force, near.x, jac=True, method="BFGS", options=begin)
    if not abs(found.jac).max() <= LARGEST:
        raise RuntimeError(f"gradient of {abs(found.jac).max():.1g} after the relaxation")
    there = force(found.x)[1]
    hessian = np.array([(force(found.x + step)[1] - there) / STEP for step in STEP * np.eye(found.x.size)])
    if not np.isfinite(hessian).all():
        raise RuntimeError("the Hessian is not a finite number")
    return found.x.reshape(-1, 3) * BOHR, hessian * HARTREE / BOHR**2


def smiles_of(stored: Path) -> str:
    """Return of which molecule a file of either kind is."""
    if stored.suffix == ".failed":
        return stored.read_text(encoding="utf-8").split()[0]
    with np.load(stored) as made:
        return str(made["smiles"])


def stored_of(row: dict[str, Any], number: int, minima: Path) -> Path | None:
    """Return the file of a molecule, None if it has none yet; end the program if it is of another molecule."""
    for path in (minima / f"{number:05d}.npz", minima / f"{number:05d}.failed"):
        if path.exists():
            if smiles_of(path) != row["smiles"]:
                raise SystemExit(
                    f"{path} is of {smiles_of(path)}, and row {number} of the molecules is {row['smiles']}: "
                    "give the folder of these molecules, or a new one"
                )
            return path
    return None


def compute(row: dict[str, Any], number: int, minima: Path) -> None:
    """Write the file of a molecule."""
    try:
        positions, hessian = relaxed(row)
    except (RuntimeError, ValueError) as error:
        write_text(minima / f"{number:05d}.failed", f"{row['smiles']} {' '.join(str(error).split())}\n")
        return
    with whole(minima / f"{number:05d}.npz") as unfinished, unfinished.open("wb") as stream:
        np.savez(stream, smiles=row["smiles"], positions=positions, hessian=hessian.astype(np.float32))


def main() -> None:
    """Compute what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("molecules", type=Path)
    parser.add_argument("minima", type=Path)
    parser.add_argument("--first", type=int, help="So many rows of the molecules.")
    given = parser.parse_args()
    made = 0
    for number, text in enumerate(given.molecules.read_text(encoding="utf-8").splitlines()[: given.first]):
        row, lock = json.loads(text), given.minima / f"{number:05d}.lock"
        if stored_of(row, number, given.minima) is not None:
            continue
        try:
            with locked(lock):
                if stored_of(row, number, given.minima) is None:  # another process may just have done it
                    compute(row, number, given.minima)
                    made += 1
                lock.unlink()
        except Busy:
            continue
    print(f"{made} molecules computed; in {given.minima}: {len(list(given.minima.glob('*.failed')))} failed")


if __name__ == "__main__":
    main()
