"""Relax molecules and compute their Hessians with GFN2-xTB: `python compute_minima.py molecules.jsonl minima`.

The Hessian is of differences of forces (0.001 a0; wavenumbers 3 cm⁻¹, rms, from those by central ones): half a second
a molecule of sixteen atoms. `minima/00012.npz`, whole once it is there, has the ``positions`` (Å) of row 12, counted
from zero, in the order of its symbols, and the ``hessian`` (eV/Å²); `minima/00012.failed` says why there is none. It
may be stopped and started again, and several processes share the work. Run it with OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from tblite.interface import Calculator

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


def minimum_of(row: dict[str, Any]) -> tuple[Array, Array]:
    """Return the positions of the minimum (Å) and the Hessian (eV/Å², shape (3n, 3n)) of a molecule.

    Raises RuntimeError where the program or the relaxation fails.
    """
    rough, force = (gradients(numbers_of(row["symbols"]), ACCURACY[name]) for name in ("relaxation", "hessian"))
    start = np.array(row["positions"]).ravel() / BOHR
    near: Any = minimize(rough, start, jac=True, method="BFGS", options={"gtol": 3e-4})
    begin: Any = {"gtol": 1e-4, "hess_inv0": (near.hess_inv + near.hess_inv.T) / 2}
    found = minimize(force, near.x, jac=True, method="BFGS", options=begin)
    if abs(found.jac).max() > LARGEST:
        raise RuntimeError(f"gradient of {abs(found.jac).max():.1g} after the relaxation")
    there = force(found.x)[1]
    hessian = np.array([(force(found.x + step)[1] - there) / STEP for step in STEP * np.eye(found.x.size)])
    return found.x.reshape(-1, 3) * BOHR, hessian * HARTREE / BOHR**2


def compute(row: dict[str, Any], made: Path, failed: Path) -> None:
    """Write the minimum of a molecule, or why there is none."""
    try:
        positions, hessian = minimum_of(row)
    except RuntimeError as error:
        write_text(failed, " ".join(str(error).split()) + "\n")
        return
    with whole(made) as unfinished, unfinished.open("wb") as stream:
        np.savez(stream, positions=positions, hessian=hessian.astype(np.float32))


def main() -> None:
    """Compute what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("molecules", type=Path)
    parser.add_argument("minima", type=Path)
    parser.add_argument("--first", type=int, help="So many rows of the molecules.")
    given = parser.parse_args()
    given.minima.mkdir(parents=True, exist_ok=True)
    lines = given.molecules.read_text(encoding="utf-8").splitlines()[: given.first]
    for number, line in enumerate(lines):
        made, failed, lock = (given.minima / f"{number:05d}.{end}" for end in ("npz", "failed", "lock"))
        if made.exists() or failed.exists():
            continue
        try:
            with locked(lock):
                if not (made.exists() or failed.exists()):  # another process may just have done it
                    compute(json.loads(line), made, failed)
                lock.unlink()
        except Busy:
            continue


if __name__ == "__main__":
    main()
