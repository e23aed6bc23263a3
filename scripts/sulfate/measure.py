"""Say of runs what a reader asks of a trajectory: temperature, drift, distances, and whether all molecules are whole.

    python measure.py run-1.extxyz run-2.extxyz ...

Energies are in the `.log` of each run: the drift is their slope over the constant-energy part.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import numpy as np
from ase import units
from ase.io import iread
from potential import ion
from surroundings import nearest

Array = np.ndarray[Any, Any]


def first_peak(distances: Array, edge: float, pairs: int) -> tuple[float, float]:
    """Return where g(r) of this many pairs is largest below 4.9 Å, and that height."""
    counts, edges = np.histogram(distances, bins=np.arange(1.0, 4.95, 0.05))
    middle = (edges[1:] + edges[:-1]) / 2
    g = counts * edge**3 / (4 * np.pi * middle**2 * 0.05 * pairs)
    smooth = np.convolve(g, np.ones(3) / 3, mode="same")
    return float(middle[smooth.argmax()]), float(smooth.max())


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=25, help="use each n-th frame")
    given = parser.parse_args()
    for path in given.runs:
        name_of_run = path.name.split(".")[0]
        heat, bond, stretch = [], [], []
        apart: dict[str, list[Array]] = {name: [] for name in ("S-Ow", "O-Hw", "Na-O", "S-Na", "Na-Na")}
        coordination, owners = [], set()
        for atoms in list(iread(path))[:: given.every]:
            numbers, edge, place = atoms.numbers, float(atoms.cell[0, 0]), atoms.positions
            members = ion(atoms)
            around = np.setdiff1d(np.arange(len(numbers)), members)
            oxygens, hydrogens = around[numbers[around] == 8], around[numbers[around] == 1]
            sodium, own = around[numbers[around] == 11], members[1:]
            speeds = atoms.arrays["vel"] / units.fs
            heat.append((atoms.get_masses()[:, None] * speeds**2).sum() / (3 * (len(numbers) - 1) * units.kB))

            def between(a: Array, b: Array, place: Array = place, edge: float = edge) -> Array:
                return np.linalg.norm(nearest(place[b] - place[a][:, None], edge), axis=2)

            bond.append(between(members[:1], own).ravel())
            to_hydrogen = between(hydrogens, np.append(oxygens, own))
            stretch.append(to_hydrogen.min(axis=1).max())
            owners.add(tuple(to_hydrogen.argmin(axis=1)))
            for name, pair in {
                "S-Ow": (members[:1], oxygens),
                "O-Hw": (own, hydrogens),
                "Na-O": (sodium, np.append(oxygens, own)),
                "S-Na": (members[:1], sodium),
                "Na-Na": (sodium[:1], sodium[1:]),
            }.items():
                apart[name].append(between(*pair).ravel())
            if len(sodium):
                near = between(sodium, np.append(oxygens, own)) < 3.2
                coordination.append([near.sum(axis=1).mean(), near[:, len(oxygens) :].sum(axis=1).mean()])
        lengths = f"{np.mean(bond):.3f} ± {np.std(bond):.3f}, up to {np.max(bond):.3f} Å"
        print(f"{name_of_run}: {np.mean(heat):.0f} K, S-O {lengths}")
        kept = "each hydrogen kept its oxygen" if len(owners) == 1 else f"{len(owners)} bonding patterns"
        print(f"  longest O-H {max(stretch):.2f} Å, {kept}")
        shell = np.mean([(one < 4.5).sum() for one in apart["S-Ow"]])
        bonds = np.mean([(one < 2.4).sum() for one in apart["O-Hw"]])
        print(f"  {shell:.1f} water O within 4.5 Å of S, {bonds:.1f} H within 2.4 Å of its oxygens")
        for name, rows in apart.items():
            if rows[0].size:
                place, height = first_peak(np.concatenate(rows), edge, sum(map(len, rows)))
                print(f"  {name}: first maximum of g(r) at {place:.2f} Å ({height:.1f}), shortest {np.min(rows):.2f} Å")
        if coordination:
            both, ionic = np.mean(coordination, axis=0)
            print(f"  O within 3.2 Å of Na: {both:.1f}, of them {ionic:.2f} of sulfate")
        log = path.with_name(f"{name_of_run}.log")
        if log.exists():
            energies = np.array([float(value) for value in re.findall(r"(\S+) eV", log.read_text())])
            energies = energies[-round(float(atoms.info["time"]) / 1000) :]
            slope = np.polyfit(np.arange(len(energies)), energies, 1)[0] if len(energies) > 1 else np.nan
            print(f"  drift {1e3 * slope / len(numbers):+.4f} meV an atom and ps, {len(energies)} ps")


if __name__ == "__main__":
    main()
