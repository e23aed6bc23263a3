"""The integral of the whole infrared spectrum of path integrals, exact for quantum nuclei, from the tensors alone.

    python f_sum.py trpmd effective-1 effective-2 --every 10 [--apt water]

Folders are those in which i-PI ran `prepare.py`'s `produce.xml`, with beads or without. The equal-time commutator of M
and dM/dt gives, for quantum and for classical nuclei,

    ∫ n·α dν = 1/(12 ε0 c² V) Σ_n ⟨|P_n|²⟩ / m_n

with ⟨⟩ over configurations of the beads, whatever approximate dynamics makes of them. Printed beside it: what the same
is with P of the centroid, and with the mean of P over the ring, at which TRPMD and its like start; and the square of
the change of M along single O-H bonds, (m_O P_H - m_H P_O)·u / (m_O + m_H).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from pack import CELL, UNITS, Array, found, frames, unit
from scipy.constants import angstrom, atomic_mass, c, centi, elementary_charge, epsilon_0

from mimyria import predict, read_model
from mimyria.elements import masses_of, numbers_of
from mimyria.frame import Frame
from mimyria.model.model import ResponseModel
from mimyria.neighbours import neighbour_pairs
from mimyria.spectra.sampling import standard_error
from mimyria.trajectory.differences import minimum_image

PREFACTOR = elementary_charge**2 / (12 * epsilon_0 * c**2 * atomic_mass * angstrom**3) * centi**2
"""e²/(12 ε0 c² u Å³) in cm⁻²."""
REACH = 1.3
"""Å; longest O-H bond, of the centroids."""
BLOCKS = 5
"""For standard errors."""


def rings(folder: Path, every: int) -> Iterator[tuple[Frame, list[Frame]]]:
    """Yield the centroid and the beads of every so many-th stored frame; without beads the centroid alone."""
    paths = sorted(folder.glob("produce.pos_*.xyz")) or [folder / "produce.xc.xyz"]
    for row in islice(zip(*map(frames, paths), strict=False), 0, None, every):
        comment, numbers = row[0][1], numbers_of(row[0][2])
        cell = UNITS[unit(comment, ("cell",))] * np.diag([float(word) for word in found(CELL, comment)])
        beads = [one[3] * UNITS[unit(comment, ("positions", "x_centroid"))] for one in row]
        made = [Frame(numbers, one, cell, np.full(3, True)) for one in (np.mean(beads, axis=0), *beads)]
        yield made[0], made[1:] if len(beads) > 1 else []


def sums(frame: Frame, apt: Array, bonds: tuple[Array, Array]) -> tuple[float, float]:
    """Return the integral of n·α, cm⁻², and the mean |∂M/∂r|² of the O-H bonds, e²."""
    masses, (heavy, light) = masses_of(frame.numbers), bonds
    along = minimum_image(frame.positions[light] - frame.positions[heavy], frame)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    share = (masses[heavy] / (masses[heavy] + masses[light]))[:, None, None]
    change = np.einsum("bij,bj->bi", share * apt[light] - (1 - share) * apt[heavy], along)
    whole = float((np.sum(apt**2, axis=(1, 2)) / masses).sum())
    return PREFACTOR * whole / frame.volume, float(np.sum(change**2, axis=1).mean())


def integrals(folder: Path, every: int, model: ResponseModel) -> dict[str, Array]:
    """Return both sums (instants, 2) of the tensors at the centroid, of their mean over the ring, and of the beads."""
    made: dict[str, list[Array]] = {"P of the centroid": [], "mean of P over the ring": [], "beads": []}
    for middle, beads in rings(folder, every):
        heavy, light, _ = neighbour_pairs(middle, REACH)
        bonded = middle.numbers[heavy] > middle.numbers[light]
        bonds = heavy[bonded], light[bonded]
        apts = [frame.tensors["apt"] for frame in predict(model, [middle, *beads])]
        made["P of the centroid"].append(np.array(sums(middle, apts[0], bonds)))
        if beads:
            made["mean of P over the ring"].append(np.array(sums(middle, np.mean(apts[1:], axis=0), bonds)))
            of_beads = [sums(bead, apt, bonds) for bead, apt in zip(beads, apts[1:], strict=True)]
            made["beads"].append(np.mean(of_beads, axis=0))
    return {name: np.array(rows) for name, rows in made.items() if rows}


def main() -> None:
    """Print the integrals of each folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=10, help="of the stored frames")
    parser.add_argument("--apt", default="water")
    given = parser.parse_args()
    model = read_model(given.apt, "apt")
    print("| run | instants | tensors | integral, 10⁶ cm⁻² | O-H bonds, e² |\n|---|---|---|---|---|")
    for folder in given.folder:
        for name, rows in integrals(folder, given.every, model).items():
            blocks = np.array([block.mean(axis=0) for block in np.array_split(rows, BLOCKS)])
            mean, error = rows.mean(axis=0), standard_error(blocks)
            whole = f"{1e-6 * mean[0]:.2f} ± {1e-6 * error[0]:.2f}"
            print(f"| {folder.name} | {len(rows)} | {name} | {whole} | {mean[1]:.3f} ± {error[1]:.3f} |", flush=True)


if __name__ == "__main__":
    main()
