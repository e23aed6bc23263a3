"""The correction of an XY4 ion's own springs: a polynomial of its bonds r_i = |S-O_i| and its edges d_p = |O_i-O_j|.

With x_i = r_i - r0 and y_p = d_p - d0 the energy is Σ_k c_k B_k(x, y), a sum of all polynomials up to second order, and
of pure third order, that no permutation of the four oxygens changes. It is linear in c, so c is a least-squares fit to
forces.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

BOND, EDGE = 1.49, 2.433
"""Å, where the polynomial is expanded."""
PAIRS = list(combinations(range(4), 2))
TOUCHES = np.array([[i in pair for pair in PAIRS] for i in range(4)], dtype=float)
"""Whether an edge ends at an oxygen."""
OPPOSITE = np.array([[float(not set(p) & set(q)) for q in PAIRS] for p in PAIRS])
ADJACENT = 1 - OPPOSITE - np.eye(6)
NAMES = (
    "x",
    "xx",
    "xxx",
    "x_i x_j",
    "y",
    "yy",
    "yyy",
    "y_p y_q opposite",
    "y_p y_q adjacent",
    "x_i y_p touching",
    "x_i y_p",
)


def basis(places: Array) -> tuple[Array, Array]:
    """Return the values of the basis and the forces that belong to each.

    Parameters
    ----------
    places
        Shape (5, 3): the centre, then its four neighbours, whole (no periodic jump), Å.

    Returns
    -------
    tuple
        Values, shape (11,), and minus their gradients, shape (11, 5, 3).
    """
    bonds = places[1:] - places[0]
    edges = np.array([places[1 + j] - places[1 + i] for i, j in PAIRS])
    r, d = np.linalg.norm(bonds, axis=1), np.linalg.norm(edges, axis=1)
    x, y = r - BOND, d - EDGE
    values = np.array(
        [
            *(x.sum(), x @ x, (x**3).sum(), (x.sum() ** 2 - x @ x) / 2, y.sum(), y @ y, (y**3).sum()),
            *(y @ OPPOSITE @ y / 2, y @ ADJACENT @ y / 2, x @ TOUCHES @ y, x @ (1 - TOUCHES) @ y),
        ]
    )
    one, six = np.ones(4), np.ones(6)
    by_x = [one, 2 * x, 3 * x**2, x.sum() - x, *4 * [0 * x], 0 * x, TOUCHES @ y, (1 - TOUCHES) @ y]
    by_y = [*4 * [0 * y], six, 2 * y, 3 * y**2, OPPOSITE @ y, ADJACENT @ y, x @ TOUCHES, x @ (1 - TOUCHES)]
    forces = np.zeros((len(values), 5, 3))
    for k, (of_x, of_y) in enumerate(zip(by_x, by_y, strict=True)):
        pull = of_x[:, None] * bonds / r[:, None]
        forces[k, 1:] -= pull
        forces[k, 0] += pull.sum(axis=0)
        for (i, j), push in zip(PAIRS, of_y[:, None] * edges / d[:, None], strict=True):
            forces[k, 1 + j] -= push
            forces[k, 1 + i] += push
    return values, forces
