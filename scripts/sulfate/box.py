"""Make a start: sulfate ions, sodium ions and N waters in a cube, at random on a grid, relaxed.

python box.py --model nep89.txt --waters 32 --edge 9.98 --seed 1 --out start-1.extxyz
python box.py --model nep89.txt --waters 32 --sodium 0 --seed 1 --out charged-1.extxyz
python box.py --model nep89.txt --ions 3 --waters 30 --seed 1 --out crowded-1.extxyz
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import molecule
from ase.io import write
from ase.optimize import FIRE
from potential import Sulfate
from scipy.spatial.transform import Rotation

BOND = 1.49
"""Å, S-O."""


def distance_from(centres: np.ndarray, points: np.ndarray, edge: float) -> np.ndarray:
    """Return the distance of each point from the nearest image of a centre, Å."""
    apart = points[:, None] - centres
    return np.linalg.norm(apart - edge * np.round(apart / edge), axis=2).min(axis=1)


def main() -> None:
    """Prepare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--correction", type=Path)
    parser.add_argument("--ions", type=int, default=1, help="sulfate")
    parser.add_argument("--waters", type=int, default=32)
    parser.add_argument("--sodium", type=int, default=2)
    parser.add_argument("--edge", type=float, default=9.98, help="Å")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    random = np.random.default_rng(given.seed)
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    sulfate = Atoms("SO4", np.vstack([np.zeros(3), BOND * corners]))
    others = [*(Atoms("Na") for _ in range(given.sodium)), *(molecule("H2O") for _ in range(given.waters))]
    side = int(np.ceil((given.ions + len(others)) ** (1 / 3)))
    step = given.edge / side
    grid = step * np.stack(np.meshgrid(*3 * [np.arange(side)], indexing="ij"), axis=-1).reshape(-1, 3)
    taken = [0]  # the first ion at the origin, each further one, and then sodium, as far from those before as can be
    while len(taken) < given.ions:
        taken.append(int(np.argmax(distance_from(grid[taken], grid, given.edge))))
    free = np.setdiff1d(np.arange(len(grid)), taken)
    rest = free[random.permutation(len(free))[: len(others)]]
    order = np.argsort(-distance_from(grid[taken], grid[rest], given.edge))
    system = Atoms(cell=3 * [given.edge], pbc=True)
    parts = [*(sulfate for _ in range(given.ions)), *others]
    for part, place in zip(parts, [*grid[taken], *grid[rest][order]], strict=True):
        turned = part.copy()
        turned.positions = Rotation.random(rng=random).apply(part.positions - part.positions[0]) + place
        system += turned
    system.calc = Sulfate(given.model, given.correction)
    FIRE(system, logfile=None, maxstep=0.05).run(fmax=0.5, steps=400)
    system.calc = None
    system.wrap()
    density = system.get_masses().sum() / system.get_volume() * 1.66053907
    write(given.out, system, format="extxyz")
    print(f"{given.out}: {len(system)} atoms, {density:.3f} g/cm³")


if __name__ == "__main__":
    main()
