"""Internal coordinates of the molecules of one kind, and the velocities that belong to them.

A coordinate q(r) has the s-vectors s_n = ∂q/∂r_n (E. B. Wilson, J. C. Decius and P. C. Cross, Molecular Vibrations,
1955), and q̇ = Σ_n s_n·v_n. With mass-weighted velocities w = √m v its row is b = s/√m, scaled here to length one; the
velocity that changes coordinates with the rows B, and no other motion, is the projection

    w_B = Bᵀ G⁻¹ B w          G = B Bᵀ, Wilson's G matrix; its pseudo-inverse where coordinates are redundant

Of all velocities with these q̇ it has the least kinetic energy: the rest of w leaves the coordinates as they are, as a
rigid bond would, and their kinetic energies add up. Translation and rotation of the whole leave all as they are.

    bond        q = r_ij
    angle       q = θ_ijk; if the three are in a line as a rule, both components of ê_ji + ê_jk across it
    out of plane, of an atom with three neighbours     q = ê_1·(ê_2 × ê_3)
    torsion     q = φ_ijkl, but for chains with an angle of 180°
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mimyria.frame import Array

LINEAR = 150.0
"""Degrees; three atoms whose mean angle is larger are in a line, where θ is no coordinate."""
REDUNDANT = 1e-6
"""Eigenvalues of G below this part of the largest belong to redundant coordinates."""

STRETCH, BEND, TORSION = "stretch", "bend", "torsion"


@dataclass(frozen=True)
class Coordinates:
    """The internal coordinates of a molecule, by the indices of its atoms."""

    bonds: tuple[tuple[int, int], ...]
    angles: tuple[tuple[int, int, int], ...]
    """The middle atom second."""
    lines: tuple[tuple[int, int, int], ...]
    """Angles of about 180°."""
    planes: tuple[tuple[int, int, int, int], ...]
    """An atom and its three neighbours."""
    torsions: tuple[tuple[int, int, int, int], ...]

    @classmethod
    def of(cls, bonds: Sequence[tuple[int, int]], positions: Array) -> Coordinates:
        """Return those of molecules (molecules, n, 3), Å, that are alike, from the bonds between their atoms."""
        neighbours: dict[int, list[int]] = {}
        for i, j in bonds:
            neighbours.setdefault(i, []).append(j)
            neighbours.setdefault(j, []).append(i)
        bent: list[tuple[int, int, int]] = []
        lines: list[tuple[int, int, int]] = []
        for j, around in sorted(neighbours.items()):
            for i, k in combinations(sorted(around), 2):
                a, b = (unit(positions[:, end] - positions[:, j])[0] for end in (i, k))
                mean = np.degrees(np.arccos(np.clip((a * b).sum(axis=-1), -1, 1))).mean()
                (lines if mean > LINEAR else bent).append((i, j, k))
        known = {(i, j, k) for i, j, k in bent} | {(k, j, i) for i, j, k in bent}
        torsions = [
            (i, j, k, m)
            for j, k in bonds
            for i in neighbours[j]
            for m in neighbours[k]
            if i != m and (i, j, k) in known and (j, k, m) in known
        ]
        planes = [(j, *sorted(around)) for j, around in sorted(neighbours.items()) if len(around) == 3]
        return cls(tuple(bonds), tuple(bent), tuple(lines), tuple(planes), tuple(torsions))  # type: ignore[arg-type]

    @property
    def classes(self) -> list[str]:
        """The classes of coordinates that there are, the stiffest first."""
        bends = self.angles or self.lines or self.planes
        return [name for name, there in ((STRETCH, self.bonds), (BEND, bends), (TORSION, self.torsions)) if there]

    def rows(self, positions: Array, masses: Array) -> dict[str, Array]:
        """Return the rows of each class, shape (molecules, coordinates, 3n), of length one as a rule.

        Positions (molecules, n, 3) are in Å, masses (n,) in u.
        """
        found: dict[str, list[Array]] = {name: [] for name in self.classes}
        for name, coordinates, vectors in (
            (STRETCH, self.bonds, bond_vectors),
            (BEND, self.angles, angle_vectors),
            (BEND, self.lines, line_vectors),
            (BEND, self.planes, plane_vectors),
            (TORSION, self.torsions, torsion_vectors),
        ):
            made: Callable[[Array], Array] = vectors
            for atoms in coordinates:
                s = made(positions[:, list(atoms)])  # (molecules, coordinates, atoms, 3)
                row = np.zeros((*s.shape[:2], *positions.shape[1:]))
                row[:, :, list(atoms)] = s / np.sqrt(masses[list(atoms)])[:, None]
                flat = row.reshape(*row.shape[:2], -1)
                # By the longest of x, y and z of a line: that along the line is nothing, and must remain so.
                longest = np.linalg.norm(flat, axis=-1).max(axis=1)[:, None, None]
                found[name].append(np.divide(flat, longest, out=np.zeros_like(flat), where=longest > 0))
        return {name: np.concatenate(rows, axis=1) for name, rows in found.items()}


def unit(vectors: Array) -> tuple[Array, Array]:
    """Return vectors (..., d) scaled to length one (zero stays zero), and their lengths (..., 1)."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0), lengths


def bond_vectors(r: Array) -> Array:
    """Return the s-vectors of r_ij, shape (molecules, 1, 2, 3), from positions (molecules, 2, 3)."""
    along, _ = unit(r[:, 1] - r[:, 0])
    return np.stack([-along, along], axis=1)[:, None]


def angle_vectors(r: Array) -> Array:
    """Return the s-vectors of θ_ijk: s_i = (ê_ji cos θ - ê_jk)/(r_ji sin θ), s_k likewise, s_j = -(s_i + s_k)."""
    (a, of_a), (b, of_b) = unit(r[:, 0] - r[:, 1]), unit(r[:, 2] - r[:, 1])
    cosine = (a * b).sum(axis=-1, keepdims=True)
    sine = np.sqrt(np.maximum(1 - cosine**2, 1e-12))
    first, last = (cosine * a - b) / (of_a * sine), (cosine * b - a) / (of_b * sine)
    return np.stack([first, -first - last, last], axis=1)[:, None]


def line_vectors(r: Array) -> Array:
    """Return the s-vectors of ê_ji + ê_jk, x, y and z, of which the component along the line is hardly there."""
    (a, of_a), (b, of_b) = unit(r[:, 0] - r[:, 1]), unit(r[:, 2] - r[:, 1])
    across = np.eye(3) - unit(a - b)[0][:, :, None] * unit(a - b)[0][:, None, :]
    first, last = across / of_a[:, :, None], across / of_b[:, :, None]
    return np.stack([first, -first - last, last], axis=2)


def plane_vectors(r: Array) -> Array:
    """Return the s-vectors of ê_1·(ê_2 × ê_3), ê from the first atom to the three others; dê/dt = (v - ê ê·v)/r."""
    e, length = unit(r[:, 1:] - r[:, :1])
    normal = np.cross(np.roll(e, -1, axis=1), np.roll(e, -2, axis=1))
    ends = (normal - e * (e * normal).sum(axis=-1, keepdims=True)) / length
    return np.concatenate([-ends.sum(axis=1, keepdims=True), ends], axis=1)[:, None]


def torsion_vectors(r: Array) -> Array:
    """Return the s-vectors of φ_ijkl.

    With F = r_i - r_j, G = r_j - r_k, H = r_l - r_k, A = F × G, B = H × G: s_i = -|G| A/A², s_l = |G| B/B²,
    s_j = -s_i + t, s_k = -s_l - t, t = (F·G) A/(A² |G|) - (H·G) B/(B² |G|). A. Blondel and M. Karplus, J. Comput.
    Chem. 17, 1132 (1996).
    """
    f, g, h = r[:, 0] - r[:, 1], r[:, 1] - r[:, 2], r[:, 3] - r[:, 2]
    _, length = unit(g)
    a, b = np.cross(f, g), np.cross(h, g)
    a, b = (x / np.maximum((x * x).sum(axis=-1, keepdims=True), 1e-12) for x in (a, b))
    first, last = -length * a, length * b
    shared = ((f * g).sum(axis=-1, keepdims=True) * a - (h * g).sum(axis=-1, keepdims=True) * b) / length
    return np.stack([first, shared - first, -shared - last, last], axis=1)[:, None]


def inverse(rows: Array, power: float = -1.0) -> Array:
    """Return G⁻¹, or another negative power of G = B Bᵀ, without what is redundant, (molecules, k, k), from B."""
    values, vectors = np.linalg.eigh(rows @ rows.swapaxes(-1, -2))
    kept = values > REDUNDANT * values[..., -1:]
    raised = np.where(kept, np.where(kept, values, 1.0) ** power, 0.0)
    return np.asarray((vectors * raised[..., None, :]) @ vectors.swapaxes(-1, -2))
