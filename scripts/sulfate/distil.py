"""Fit the correction of the ion to the forces of a dearer potential, 7net-mf-0 with its r2SCAN head.

    python distil.py forces run-1.extxyz run-2.extxyz --number 120 --out dear.extxyz    # 2 s of a core each
    python distil.py fit dear-1.extxyz dear-2.extxyz --model nep89.txt --out correction.json
    python distil.py fit dear-4.extxyz --model nep89.txt --correction correction.json --kind Na-Na --out correction.json
    python distil.py stiffness run-2.extxyz --number 4 --model nep89.txt --correction correction.json --out stiff.extxyz
    python distil.py modes stiff.extxyz --model nep89.txt --correction correction.json

`fit` explains the forces of 7net minus those of NEP89 on the ion and on sodium by the terms of `surroundings.py`
(linear least squares; of each file the last fifth is held out, and each file counts twice as much as the one before);
with `--kind` by those of one kind of pair alone, anew, beside the others of a correction that is there.
`stiffness` relaxes the ion with the dear potential in frozen surroundings, then displaces its atoms; `modes` compares
the harmonic wavenumbers in the same surroundings. What makes dear forces goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.io import read, write
from ase.optimize import FIRE
from potential import Sulfate, edge_of, ion
from surroundings import LABELS, terms

Array = np.ndarray[Any, Any]

STEP = 0.01
"""Å, of a displacement."""
FLOOR, RIDGE = 0.1, 1e-4
"""Of the least squares. The forces of a term are scaled by their mean square plus FLOOR times that of the first spring
(of the largest one, where one kind is fitted), so that terms that few frames sample stay small."""


def dear() -> Any:
    """Return the calculator of 7net-mf-0 with its r2SCAN head."""
    from sevenn.calculator import SevenNetCalculator

    return SevenNetCalculator("7net-mf-0", modal="R2SCAN", device="cpu")


def frames_of(paths: Sequence[Path], number: int) -> list[Atoms]:
    """Return frames at equal distances of runs, one after the other."""
    pool = [atoms for path in paths for atoms in read(path, index=slice(None))]
    picked = np.linspace(0, len(pool) - 1, number).round().astype(int)
    return [Atoms(pool[i].numbers, pool[i].positions, cell=pool[i].cell, pbc=True) for i in picked]


def written(path: Path) -> list[Atoms]:
    """Return the frames of a file, none if there is no file."""
    return list(read(path, index=slice(None))) if path.exists() else []


def forces(paths: Sequence[Path], number: int, out: Path) -> None:
    """Write frames of runs with the dear forces, one after the other; started again, it goes on."""
    calculator = dear()
    for atoms in frames_of(paths, number)[len(written(out)) :]:
        atoms.calc = calculator
        atoms.get_forces()
        write(out, atoms, append=True, format="extxyz")


def fit(paths: Sequence[Path], model: Path, out: Path, correction: Path | None = None, kind: str = "") -> None:
    """Fit, and say what it explains of the frames that were held out."""
    fitted = np.array([not kind or label.startswith(f"{kind} ") for label in LABELS])
    if not fitted.any() or (correction is None) == bool(kind):
        raise SystemExit("--kind takes two names such as Na-Na, with the --correction that they are added to")
    calculator, design, wanted, weight, held, whose = Sulfate(model, correction), [], [], [], [], []
    calculator.coefficients[fitted[: len(calculator.coefficients)]] = 0.0
    kept = dict(zip(LABELS, map(float, calculator.coefficients), strict=False))
    for number, path in enumerate(paths):
        frames = read(path, index=slice(None))
        for index, atoms in enumerate(frames):
            target = atoms.get_forces()
            atoms.calc = calculator
            members = ion(atoms)
            pulls = terms(atoms.positions, atoms.numbers, edge_of(atoms), members[None])[fitted]
            wanted_of = np.concatenate([members, np.flatnonzero(atoms.numbers == 11)])
            design.append(pulls[:, wanted_of].reshape(len(pulls), -1))
            wanted.append((target - atoms.get_forces())[wanted_of].ravel())
            weight.append(2.0**number)
            held.append(index >= 0.8 * len(frames))
            whose.append(number)
    a, b, w, out_of = np.array(design), np.array(wanted), np.array(weight), np.array(held)

    def solve(rows: Array) -> Array:
        normal = np.einsum("f,fkn,fln->kl", w[rows], a[rows], a[rows]) / w[rows].sum()
        scale = np.sqrt(np.diag(normal) + FLOOR * (np.diag(normal).max() if kind else normal[0, 0]))
        right = np.einsum("f,fkn,fn->k", w[rows], a[rows], b[rows]) / w[rows].sum()
        return np.linalg.solve(normal / np.outer(scale, scale) + RIDGE * np.eye(len(scale)), right / scale) / scale

    left = b - np.einsum("k,fkn->fn", solve(~out_of), a)
    facts: dict[str, dict[str, float]] = {}
    for number, path in enumerate(paths):
        rows = out_of & (np.array(whose) == number)
        facts[path.name] = {"held_out": int(rows.sum())}
        for name, atoms_of in (("ion", slice(0, 15)), ("sodium", slice(15, None))):
            rms = [float(np.sqrt((force[rows, atoms_of] ** 2).mean())) for force in (b, left)]
            facts[path.name] |= {f"{name}_difference_rms": rms[0], f"{name}_left_rms": rms[1]}
    found = dict(zip(np.array(LABELS)[fitted].tolist(), map(float, solve(np.ones(len(a), dtype=bool))), strict=True))
    before = json.loads(correction.read_text(encoding="utf-8"))["eV/Å"] if correction else {}
    written_out = {"coefficients": kept | found, "eV/Å": before | facts}
    out.write_text(json.dumps(written_out, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(facts, ensure_ascii=False))


def displaced(atoms: Atoms, members: Array) -> list[Atoms]:
    """Return 30 copies, in each of which one atom of the ion is moved by ± STEP along one axis."""
    copies = []
    for row in range(15):
        for sign in (1, -1):
            copies.append(Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True))
            copies[-1].positions[members[row // 3], row % 3] += sign * STEP
    return copies


def hessian_of(forces_on: Sequence[Array], members: Array) -> Array:
    """Return the Hessian of the ion from the forces on its displaced copies, shape (15, 15), eV/Å²."""
    rows = np.array([force[members].ravel() for force in forces_on])
    hessian = (rows[1::2] - rows[::2]) / (2 * STEP)
    return (hessian + hessian.T) / 2


def at_rest(atoms: Atoms, members: Array, calculator: Any) -> Atoms:
    """Return a copy whose ion is relaxed in its frozen surroundings."""
    new = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    new.calc = calculator
    new.set_constraint(FixAtoms(sorted(set(range(len(new))) - set(members))))
    FIRE(new, logfile=None).run(fmax=0.005, steps=500)
    new.set_constraint()
    return new


def with_forces(atoms: Atoms, calculator: Any) -> Atoms:
    """Return a copy that holds its forces."""
    new = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    new.calc = calculator
    new.calc = SinglePointCalculator(new, energy=new.get_potential_energy(), forces=new.get_forces().copy())
    return new


def stiffness(paths: Sequence[Path], number: int, model: Path, correction: Path | None, out: Path) -> None:
    """Write, for each of some frames, the relaxed one and its displaced copies with the dear forces.

    It is relaxed by the cheap potential first, then with the dear one by Newton's method and the cheap Hessian.
    """
    cheap, costly = Sulfate(model, correction), dear()
    for atoms in frames_of(paths, number)[len(written(out)) // 31 :]:
        members = ion(atoms)
        start = at_rest(atoms, members, cheap)
        around = [with_forces(moved, cheap).get_forces() for moved in displaced(start, members)]
        values, vectors = np.linalg.eigh(hessian_of(around, members))
        for _ in range(8):
            force = with_forces(start, costly).get_forces()[members].ravel()
            step = vectors @ (vectors.T @ force / np.maximum(abs(values), 2.0))
            if abs(step).max() < 1e-3:
                break
            start.positions[members] += np.clip(step, -0.1, 0.1).reshape(5, 3)
        block = [with_forces(moved, costly) for moved in (start, *displaced(start, members))]
        write(out, block, append=True, format="extxyz")


def bands(hessian: Array, bonds: Array, masses: Array) -> Array:
    """Return ν₁, the mean of the three ν₃, and the means of two ν₂ and three ν₄, cm⁻¹.

    ν₁ is the mode nearest to the breathing of all bonds, ν₃ the three highest that remain, then come ν₄ and ν₂.
    """
    weight = np.repeat(masses, 3) ** -0.5
    squares, modes = np.linalg.eigh(weight[:, None] * hessian * weight)
    numbers = np.sign(squares) * np.sqrt(abs(squares)) * units._hbar * units.m / np.sqrt(units._e * units._amu)
    numbers /= units.invcm
    breathing = np.concatenate([np.zeros(3), (bonds / np.linalg.norm(bonds, axis=1)[:, None]).ravel()])
    first = int(np.argmax(abs(breathing @ modes)))
    rest = np.delete(numbers, first)
    return np.array([numbers[first], rest[-3:].mean(), rest[-8:-6].mean(), rest[-6:-3].mean()])


def modes(path: Path, model: Path, correction: Path | None) -> None:
    """Print the bands of the ion in each of the frozen surroundings, and how far they are from the dear ones."""
    frames = read(path, index=slice(None))
    kinds = {"NEP89": Sulfate(model)} | ({"corrected": Sulfate(model, correction)} if correction else {})
    table: dict[str, list[Array]] = {"7net": [], **{name: [] for name in kinds}}
    for start in range(0, len(frames) - 30, 31):
        still, copies = frames[start], frames[start + 1 : start + 31]
        members = ion(still)
        masses = still.get_masses()[members]

        def row(atoms: Atoms, moved: Sequence[Atoms], members: Array = members, masses: Array = masses) -> Array:
            bonds = atoms.get_distances(members[0], members[1:], mic=True, vector=True)
            length = np.linalg.norm(bonds, axis=1).mean()
            hessian = hessian_of([copy.get_forces() for copy in moved], members)
            return np.append(bands(hessian, bonds, masses), length)

        table["7net"].append(row(still, copies))
        for name, calculator in kinds.items():
            rested = at_rest(still, members, calculator)
            moved = [with_forces(copy, calculator) for copy in displaced(rested, members)]
            table[name].append(row(rested, moved))
    print(f"{'':12s}  ν1     ν3     ν2     ν4   S-O (Å), in each of the surroundings")
    for name, rows in table.items():
        for values in rows:
            print(f"{name:12s}" + "".join(f"{value:5.0f}  " for value in values[:4]) + f"{values[4]:.4f}")
    for name in kinds:
        apart = np.array(table[name]) - np.array(table["7net"])
        mean, spread = apart.mean(axis=0), apart.std(axis=0)
        ends = " ".join(f"{m:+.0f} ± {s:.0f}" for m, s in zip(mean[:4], spread[:4], strict=True))
        print(f"{name} - 7net: {ends}  {mean[4]:+.4f} Å (mean ± standard deviation of {len(apart)})")


def main() -> None:
    """Run one of the four."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("forces", "fit", "stiffness", "modes"))
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--correction", type=Path)
    parser.add_argument("--kind", default="", help="of `fit`: one of the kinds of pairs alone, such as Na-Na")
    parser.add_argument("--number", type=int, default=120)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.task == "forces":
        forces(given.files, given.number, given.out)
    elif given.task == "fit":
        fit(given.files, given.model, given.out, given.correction, given.kind)
    elif given.task == "stiffness":
        stiffness(given.files, given.number, given.model, given.correction, given.out)
    else:
        modes(given.files[0], given.model, given.correction)


if __name__ == "__main__":
    main()
