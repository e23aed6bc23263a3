"""What sulfur's PGT in sulfate is made of: how much follows from the shape of the ion, and from what is around it.

    python sulfur.py ion-*.extxyz --hold-out dear-run-8 early-4 charged-run-1@2000 charged-run-1@4000

Every ion is turned onto one tetrahedron, by the assignment of its oxygens that needs the least distortion. In that
frame Q of sulfur is fitted linearly, by ridge regression over the frames and the 24 images of each under T_d, with

    constant    the tensor of an undistorted ion alone: one number, by symmetry
    shape       where the four oxygens are, relative to the tetrahedron
    field       Σ q_i r_i / r_i³ at sulfur and at the four oxygens, of what is within 5 Å; charges -0.8, 0.4, 1 e
    dipoles     Σ (r_i r_i - r_i²/3)/r_i⁵ at the same places, of the oxygens of water: how induced dipoles couple
    hydrogen    Σ (r_i r_i - r_i²/3)/r_i⁶ at the same places, of the hydrogens within 4 Å of sulfur

one added to the other. What is left, of the labels and on frames that are held out, each relative to the size (rms) of
Q in the same frames, is for a network to learn: few labels teach it what is linear in few things, but not the rest.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
from learn import split

import mimyria
from mimyria.frame import Array, Frame
from mimyria.molecules import nearest_image

S, O, H = 16, 8, 1  # noqa: E741
BOND = 1.5
CORNERS = BOND * np.array([(1, 1, 1), (-1, -1, 1), (-1, 1, -1), (1, -1, -1)]) / np.sqrt(3)
CHARGES = {O: -0.8, H: 0.4, 11: 1.0}
AROUND, NEAR = 5.0, 4.0
"""Å from sulfur: of the charges, and of the hydrogens."""
RIDGE, SCALE = 0.1, 10.0
"""What is added to the squares, and by what all but the constant is multiplied, so that this hardly touches it."""
STEPS = ("constant", "shape", "field", "dipoles", "hydrogen")


@dataclass(frozen=True)
class Ion:
    """What is known of an ion in the frame of the tetrahedron, at sulfur and at its four oxygens."""

    shape: Array
    """Displacements of the oxygens, Å, shape (4, 3)."""
    field: Array
    """e/Å², shape (5, 3)."""
    dipoles: Array
    """Å⁻³, shape (5, 3, 3)."""
    hydrogen: Array
    """Å⁻⁴, shape (5, 3, 3)."""
    q: Array
    """The PGT of sulfur, shape (3, 3, 3)."""

    def image(self, turn: Array, order: Sequence[int]) -> Ion:
        """Return the image under an operation that takes each corner to the one of that number."""
        back = np.argsort(order)
        places = [0, *(back + 1)]
        return Ion(
            (self.shape @ turn.T)[back],
            (self.field @ turn.T)[places],
            (turn @ self.dipoles @ turn.T)[places],
            (turn @ self.hydrogen @ turn.T)[places],
            np.einsum("ia,jb,kc,abc->ijk", turn, turn, turn, self.q),
        )


def ion_of(frame: Frame) -> Ion:
    """Return the sulfate of a frame, of which there is one, turned onto the tetrahedron."""
    (sulfur,) = np.flatnonzero(frame.numbers == S)
    away = nearest_image(frame.positions - frame.positions[sulfur], frame.cell, frame.periodic)
    distance = np.linalg.norm(away, axis=1)
    oxygens = np.flatnonzero(frame.numbers == O)
    own = oxygens[np.argsort(distance[oxygens])[:4]]

    def turned(order: Sequence[int]) -> tuple[float, Array, Array]:
        left, _, right = np.linalg.svd(away[list(order)].T @ CORNERS)
        turn = right.T @ left.T  # Kabsch's, reflections allowed: the PGT of the mirror image is the mirrored one
        bonds = away[list(order)] @ turn.T
        return float(np.linalg.norm(bonds - CORNERS)), bonds, turn

    _, bonds, turn = min((turned(order) for order in permutations(own)), key=lambda found: found[0])
    places = [np.zeros(3), *bonds]
    others = np.setdiff1d(np.arange(len(frame)), [sulfur, *own])
    numbers, around = frame.numbers[others], away[others] @ turn.T
    inside = distance[others]
    charged = inside < AROUND
    charges = np.array([CHARGES[int(number)] for number in numbers])

    def field(place: Array) -> Array:
        vectors = around[charged] - place
        return -np.asarray(charges[charged] @ (vectors / np.linalg.norm(vectors, axis=1)[:, None] ** 3))

    def tensor(place: Array, which: Array, power: int) -> Array:
        vectors = around[which] - place
        size = np.linalg.norm(vectors, axis=1)
        outer = np.einsum("n,na,nb->ab", size ** -(power + 2.0), vectors, vectors)
        return np.asarray(outer - np.eye(3) * np.sum(size**-power) / 3)

    hydrogens = (numbers == H) & (inside < NEAR)
    return Ion(
        bonds - CORNERS,
        np.array([field(place) for place in places]),
        np.array([tensor(place, numbers == O, 3) for place in places]),
        np.array([tensor(place, hydrogens, 4) for place in places]),
        np.einsum("ia,jb,kc,abc->ijk", turn, turn, turn, frame.tensors["pgt"][sulfur]),
    )


def images(ion: Ion) -> list[Ion]:
    """Return the 24 images under T_d."""
    found = []
    for order in permutations(range(4)):
        turn = np.linalg.lstsq(CORNERS, CORNERS[list(order)], rcond=None)[0].T
        found.append(ion.image(turn, order))
    return found


def described(ions: Sequence[Ion], upto: int) -> Array:
    """Return a row of numbers an ion, with all of `STEPS` up to one."""
    one = np.ones((len(ions), 1))
    parts = [np.array([getattr(ion, step) for ion in ions]).reshape(len(ions), -1) for step in STEPS[1 : upto + 1]]
    return np.concatenate([one, *(SCALE * part if step else part for step, part in enumerate(parts))], axis=1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path, nargs="+")
    parser.add_argument("--hold-out", nargs="+", required=True, metavar="RUN[@TIME]")
    options = parser.parse_args()
    frames = [frame for path in options.labels for frame in mimyria.read_frames(path)]
    training, held_out = ([ion_of(frame) for frame in part] for part in split(frames, options.hold_out))
    fitted = [image for ion in training for image in images(ion)]
    known, asked = (np.array([ion.q.ravel() for ion in ions]) for ions in (fitted, held_out))
    sizes = " and ".join(f"{np.sqrt(np.mean(q**2)):.2f}" for q in (known, asked))
    print(f"{len(training)} labels, {len(held_out)} held out, rms of Q {sizes} e² a0² E_h⁻¹ Å⁻¹\n")
    print("| linear in | left on the labels | left on those held out |\n|---|---|---|")
    for upto, step in enumerate(STEPS):
        design = described(fitted, upto)
        weights = np.linalg.solve(design.T @ design + RIDGE * np.eye(design.shape[1]), design.T @ known)
        errors = [
            np.sqrt(np.mean((described(ions, upto) @ weights - q) ** 2) / np.mean(q**2))
            for ions, q in ((fitted, known), (held_out, asked))
        ]
        print(f"| {'+ ' if upto else ''}{step} | {100 * errors[0]:.0f} % | {100 * errors[1]:.0f} % |")


if __name__ == "__main__":
    main()
