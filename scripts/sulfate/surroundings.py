"""The pull of the surroundings on an XY4 ion: pair terms with waters and sodium, and what hydrogen bonds do to a bond.

Between an atom i of the ion, or a sodium, and an atom j around it, which may be another sodium (then both ways), for
each kind of pair (`KINDS`) and each radial function k,

    φ_k(r) = exp(-(r - r_k)²/2w²) · ½ (1 + cos πr/r_c)   for r < r_c, else 0
    E = Σ_ij φ_k(r_ij)         and, for the kinds in `COUPLED`,      E = Σ_ij (|S-O_i| - r0) φ_k(r_ij)

Every sum is one term of an energy that is linear in its coefficients, as in `springs.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from springs import BOND, NAMES, basis

Array = np.ndarray[Any, Any]

CENTRES, WIDTH, CUTOFF = np.linspace(1.6, 4.6, 6), 0.6, 4.9
"""r_k, w and r_c, Å."""
KINDS = tuple(
    tuple(pair.split("-")) for pair in ("S-Ow", "S-Hw", "O-Ow", "O-Hw", "S-Na", "O-Na", "Na-Ow", "Na-Hw", "Na-Na")
)
COUPLED = (("O", "Ow"), ("O", "Hw"))
LABELS = (
    *NAMES,
    *(f"{a}-{b} {r:.1f}" for a, b in KINDS for r in CENTRES),
    *(f"x {a}-{b} {r:.1f}" for a, b in COUPLED for r in CENTRES),
)


def correct(coefficients: Array, positions: Array, numbers: Array, edge: float, members: Array) -> tuple[float, Array]:
    """Return Σ c_k E_k of the ions and its forces; atoms of one ion are no surroundings of another.

    Parameters
    ----------
    coefficients
        c_k in the order of `LABELS`, shape (K,).
    positions
        Shape (N, 3), Å, wrapped or not.
    numbers
        Atomic numbers, shape (N,).
    edge
        Of the cubic cell, Å; at least twice the cutoff.
    members
        Of each ion S, then its four oxygens, shape (ions, 5).

    Returns
    -------
    tuple
        Energy (eV) and minus its gradient, shape (N, 3).
    """
    ofs, around = np.split(coefficients[len(NAMES) :], len(KINDS) + len(COUPLED)), np.ones(len(numbers), dtype=bool)
    around[members] = False
    (others,) = np.nonzero(around)
    columns = {name: np.flatnonzero(numbers[others] == number) for name, number in (("Ow", 8), ("Hw", 1), ("Na", 11))}
    sodium = np.flatnonzero(numbers == 11)
    forces = np.zeros(positions.shape)
    energy = 0.0
    for ion, atoms in enumerate(members):
        centres = np.concatenate([atoms, sodium])
        rows = {"S": slice(0, 1), "O": slice(1, 5), "Na": slice(5, len(centres))}
        bonds = nearest(positions[atoms[1:]] - positions[atoms[0]], edge)
        length = np.linalg.norm(bonds, axis=1)
        values, own = basis(positions[atoms[0]] + np.vstack([np.zeros(3), bonds]))
        forces[atoms] += np.tensordot(coefficients[: len(NAMES)], own, axes=1)
        energy += float(coefficients[: len(NAMES)] @ values)
        apart = nearest(positions[others] - positions[centres][:, None], edge)
        distance = np.linalg.norm(apart, axis=2)
        distance[distance == 0] = CUTOFF  # of a sodium from itself, which is no pair
        phi, slope = radial(distance)
        steep = np.zeros(distance.shape)
        along = np.zeros(4)
        for of, (kind, coupled) in zip(ofs, [(k, False) for k in KINDS] + [(k, True) for k in COUPLED], strict=True):
            if kind[0] == "Na" and ion:
                continue  # sodium with water and sodium is no ion's own, and counted with the first
            here, there = rows[kind[0]], columns[kind[1]]
            stretch = length - BOND if coupled else np.ones(here.stop - here.start)
            total = np.tensordot(of, phi[:, here, there].sum(axis=2), axes=1)
            energy += float(total @ stretch)
            steep[here, there] += stretch[:, None] * np.tensordot(of, slope[:, here, there], axes=1)
            along += total if coupled else 0.0
        gradient = (steep / distance)[..., None] * apart
        forces[others] -= gradient.sum(axis=0)
        forces[centres] += gradient.sum(axis=1)
        pull = (along / length)[:, None] * bonds
        forces[atoms[1:]] -= pull
        forces[atoms[0]] += pull.sum(axis=0)
    return float(energy), forces


def terms(positions: Array, numbers: Array, edge: float, members: Array) -> Array:
    """Return the forces that belong to each E_k, shape (K, N, 3)."""
    return np.array([correct(one, positions, numbers, edge, members)[1] for one in np.eye(len(LABELS))])


def nearest(apart: Array, edge: float) -> Array:
    """Return differences of positions to the nearest image in a cube, Å."""
    return apart - edge * np.round(apart / edge)


def radial(r: Array) -> tuple[Array, Array]:
    """Return φ_k and its derivative, shape (k, *r.shape)."""
    inside = r < CUTOFF
    cut = np.where(inside, (1 + np.cos(np.pi * r / CUTOFF)) / 2, 0.0)
    fall = np.where(inside, -np.pi / (2 * CUTOFF) * np.sin(np.pi * r / CUTOFF), 0.0)
    away = (r - CENTRES.reshape(-1, *np.ones(r.ndim, dtype=int))) / WIDTH
    bell = np.exp(-(away**2) / 2)
    return bell * cut, bell * (fall - away / WIDTH * cut)
