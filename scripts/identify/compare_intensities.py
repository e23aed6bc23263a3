"""Compare GFN2-xTB with density functional theory: `python compare_intensities.py molecules.jsonl bonds.jsonl`.

How much dipole moment and polarizability change along stretches of `BONDS`, one bond at a time, by GFN2-xTB and by
B3LYP/def2-SVPD (PySCF), where GFN2-xTB has the molecule; a minute a bond. Small molecules among those that are
trained on, in turns of `KINDS`, as oximes, imines, with O-H, with N-H of amides, of amines, of rings and the like. The
squares of the changes are the intensities of the stretch but for what is the same in both; of the ratios the geometric
mean of each molecule's bonds is taken, and then that of the molecules; those of infrared spectra are what
`corrections.py` multiplies with. A row is a molecule; rows that are there are not repeated.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from itertools import islice, product, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from compute_lines import gradients
from pyscf import dft, gto
from rows import rows_to_go_on
from scipy.optimize import minimize
from tblite import library
from tblite.interface import Calculator
from train_groups import kinds_of, shared_out

from mimyria.elements import masses_of, numbers_of
from mimyria.frame import Array
from mimyria.units import BOHR

STEP = 0.01
"""Å; to both sides."""
FIELD = 2e-3
"""E_h/(e a0)"""
HEAVY, ATOMS = 5, 11
"""At most."""
BONDS = {
    "O-H": (8, 1, 0.8, 1.25),
    "N-H": (7, 1, 0.8, 1.25),
    "C-H": (6, 1, 0.8, 1.25),
    "C=O": (6, 8, 1.1, 1.26),
    "C≡N": (6, 7, 1.0, 1.19),
    "C=N": (6, 7, 1.22, 1.3),
    "C=C": (6, 6, 1.26, 1.36),
    "N=O": (7, 8, 1.1, 1.27),
    "S=O": (16, 8, 1.3, 1.52),
    "C-Cl": (6, 17, 1.6, 1.95),
    "C-Br": (6, 35, 1.7, 2.1),
}
"""Atomic numbers, and the smallest and largest distance (Å)."""
KINDS = ("C=N-O", "C=N", "nitro", "SO2", "O-H", "amide", "amine", "N-H", "nitrile", "C-Cl", "C-Br", "C=C", "none")


def chosen(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield small molecules, one of each kind in turns."""
    kinds: dict[str, list[dict[str, Any]]] = {name: [] for name in KINDS}
    for row in shared_out(rows)["train"]:
        if len(row["symbols"]) <= ATOMS and 2 <= sum(symbol != "H" for symbol in row["symbols"]) <= HEAVY:
            kinds.get(kind_of(row), []).append(row)  # but for molecules with several kinds of N-H
    for those in zip_longest(*kinds.values()):
        yield from filter(None, those)


def kind_of(row: dict[str, Any]) -> str:
    """Return the first kind that a molecule is of, those of C=N and N-H as in `train_groups.py`."""
    own = kinds_of(row["smiles"])
    has = [own.get(group, group) for group in row["groups"]]
    return next((name for name in (*KINDS, "mixed") if name in has), "none")


def responses(symbols: list[str]) -> Callable[[Array], dict[str, tuple[Array, Array]]]:
    """Return dipole moment (e a0) and polarizability (a0³) by program as functions of the positions (Å).

    The polarizability is that of dipole moments in fields ±`FIELD` along each axis. Each calculation begins with the
    density of the one before.
    """
    density: Any = None
    fields = [np.zeros(3), *(sign * FIELD * axis for axis in np.eye(3) for sign in (1, -1))]

    def in_field(method: Any, field: Array) -> Array:
        nonlocal density
        core = dft.rks.RKS.get_hcore(method, method.mol) + np.tensordot(field, method.mol.intor("int1e_r"), 1)
        method.get_hcore = lambda *_: core
        method.kernel(density)
        if not method.converged:
            raise RuntimeError("the self-consistency did not converge")
        density = method.make_rdm1()
        return np.asarray(method.dip_moment(unit="AU", verbose=0))

    def cheap(symbols: list[str], positions: Array, field: Array) -> Array:
        own = Calculator("GFN2-xTB", numbers_of(symbols), positions / BOHR)
        own.set("verbosity", 0)
        own.set("accuracy", 1e-3)
        own.add("electric-field", library.ffi.cast("double*", field.ctypes.data))
        return np.asarray(own.singlepoint().get("dipole"))

    def calculate(positions: Array) -> dict[str, tuple[Array, Array]]:
        molecule = gto.M(atom=list(zip(symbols, positions.tolist(), strict=True)), basis="def2-svpd", verbose=0)
        method = dft.RKS(molecule, xc="b3lyp").density_fit()
        method.grids.level, method.conv_tol = 1, 1e-9
        of = {
            "gfn2": [cheap(symbols, positions, field) for field in fields],
            "b3lyp": [in_field(method, field) for field in fields],
        }
        return {name: (at[0], (np.array(at[1::2]) - np.array(at[2::2])) / (2 * FIELD)) for name, at in of.items()}

    return calculate


def compare(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return infrared (e²/u) and Raman intensities (a0⁴/u) of each bond of interest; of C-H one, if it has no other.

    They are |∂μ/∂q|², and 45 a'² + 7 γ'² of ∂α/∂q, of the mass-weighted stretch q of the bond.
    """
    numbers = numbers_of(row["symbols"])
    start = np.array(row["positions"]).ravel() / BOHR
    found = minimize(gradients(numbers, 0.1), start, jac=True, options={"gtol": 3e-4})
    positions = found.x.reshape(-1, 3) * BOHR
    masses, calculate = masses_of(numbers), responses(row["symbols"])
    made: list[dict[str, Any]] = []
    for bond, (one, other, least, most) in BONDS.items():
        for a in np.flatnonzero(numbers == one):
            for b in np.flatnonzero(numbers == other):
                along = positions[b] - positions[a]
                apart = np.linalg.norm(along)
                again = bond == "C-H" and (kind_of(row) != "none" or any(each["bond"] == bond for each in made))
                if not least < apart < most or again or (one == other and a >= b):
                    continue
                move = np.zeros_like(positions)
                move[a] = -along / apart * masses[b] / (masses[a] + masses[b])
                move[b] = along / apart * masses[a] / (masses[a] + masses[b])
                high, low = (calculate(positions + step * move) for step in (STEP, -STEP))
                scale = BOHR / (2 * STEP) * np.sqrt((masses[a] + masses[b]) / (masses[a] * masses[b]))
                squares = {}
                for name in high:
                    moment, alpha = (scale * (up - down) for up, down in zip(high[name], low[name], strict=True))
                    squares[name] = float(moment @ moment)
                    squares[f"{name} raman"] = activity_of(alpha)
                made.append({"bond": bond} | squares)
    return made


def activity_of(slope: Array) -> float:
    """Return 45 a'² + 7 γ'² of ∂α/∂q, shape (3, 3)."""
    mean = np.trace(slope) / 3
    rest = slope - mean * np.eye(3)
    return float(45 * mean**2 + 7 * 1.5 * (rest**2).sum())


def main() -> None:
    """Compare, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("molecules", type=Path)
    parser.add_argument("bonds", type=Path)
    parser.add_argument("--number", type=int, default=24, help="So many molecules.")
    given = parser.parse_args()
    rows = [json.loads(line) for line in given.molecules.read_text(encoding="utf-8").splitlines()]
    made = rows_to_go_on(given.bonds)
    done = {each["smiles"] for each in made}
    with given.bonds.open("a", encoding="utf-8") as out:
        for row in islice(chosen(rows), given.number):
            if row["smiles"] not in done:
                made.append({"smiles": row["smiles"], "groups": row["groups"], "bonds": compare(row)})
                out.write(json.dumps(made[-1]) + "\n")
                out.flush()
    for bond, kind in product(BONDS, dict.fromkeys(map(kind_of, made))):
        of_kind = [molecule["bonds"] for molecule in made if kind_of(molecule) == kind]
        for what, title in (("", "infrared"), (" raman", "Raman")):
            logs = [
                [np.log(each[f"b3lyp{what}"] / each[f"gfn2{what}"]) for each in bonds if each["bond"] == bond]
                for bonds in of_kind
            ]
            ratios = [np.mean(each) for each in logs if each]
            if ratios:
                mean, spread = np.exp(np.mean(ratios)), np.exp(np.std(ratios))
                print(f"{bond}, {len(ratios)} molecules with {kind}, {title}: {mean:.2f}, times or over {spread:.2f}")


if __name__ == "__main__":
    main()
