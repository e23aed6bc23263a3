"""The pull of the surroundings on an XY4 ion: pair terms with waters and sodium, and what hydrogen bonds do to a bond.

Between an atom i of the ion and an atom j around it, for each kind of pair (`KINDS`) and each radial function k,

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
KINDS = (("S", "Ow"), ("S", "Hw"), ("O", "Ow"), ("O", "Hw"), ("S", "Na"), ("O", "Na"))
COUPLED = (("O", "Ow"), ("O", "Hw"))
LABELS = (
    *NAMES,
    *(f"{a}-{b} {r:.1f}" for a, b in KINDS for r in CENTRES),
    *(f"x {a}-{b} {r:.1f}" for a, b in COUPLED for r in CENTRES),
)


def terms(positions: Array, numbers: Array, edge: float, members: Array) -> tuple[Array, Array]:
    """Return the values of all terms of one ion and the forces that belong to each.

    Parameters
    ----------
    positions
        Shape (N, 3), Å, wrapped or not.
    numbers
        Atomic numbers, shape (N,).
    edge
        Of the cubic cell, Å; at least twice the cutoff.
    members
        S, then its four oxygens.

    Returns
    -------
    tuple
        Values, shape (K,), and minus their gradients, shape (K, N, 3), in the order of `LABELS`.
    """
    centre, oxygens = members[0], members[1:]
    around = np.setdiff1d(np.arange(len(numbers)), members)
    groups = {"S": members[:1], "O": oxygens}
    groups |= {name: around[numbers[around] == number] for name, number in (("Ow", 8), ("Hw", 1), ("Na", 11))}
    bonds = nearest(positions[oxygens] - positions[centre], edge)
    length = np.linalg.norm(bonds, axis=1)
    values, own = basis(positions[centre] + np.vstack([np.zeros(3), bonds]))
    forces = np.zeros((len(values), *positions.shape))
    forces[:, members] = own
    blocks: dict[bool, list[tuple[Array, Array]]] = {False: [], True: []}
    for kind in KINDS:
        inner, outer = groups[kind[0]], groups[kind[1]]
        apart = nearest(positions[outer] - positions[inner][:, None], edge)
        phi, slope = radial(np.linalg.norm(apart, axis=2))
        towards = apart / np.linalg.norm(apart, axis=2)[..., None]
        for coupled in (False, True)[: 1 + (kind in COUPLED)]:
            stretch = length - BOND if coupled else np.ones(len(inner))
            gradient = (stretch[:, None] * slope)[..., None] * towards
            force = np.zeros((len(phi), *positions.shape))
            force[:, outer] = -gradient.sum(axis=1)
            force[:, inner] = gradient.sum(axis=2)
            if coupled:
                pull = phi.sum(axis=2)[..., None] * (bonds / length[:, None])
                force[:, oxygens] -= pull
                force[:, centre] += pull.sum(axis=1)
            blocks[coupled].append((phi.sum(axis=2) @ stretch, force))
    parts = [(values, forces), *blocks[False], *blocks[True]]
    return np.concatenate([value for value, _ in parts]), np.concatenate([force for _, force in parts])


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
