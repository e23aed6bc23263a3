"""Points and weights that integrate polynomials on the sphere exactly (Lebedev, Zh. Vychisl. Mat. Mat. Fiz. 16, 1976).

A rule consists of orbits of the octahedral group: a point with all permutations and signs of its coordinates. The two
that the networks of every preset need are here; scipy, which has them all, takes a third of a second to import.
"""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import scipy

from mimyria.frame import Array

ORBITS = {
    9: (
        ((1, 0, 0), 1 / 105),
        ((1, 1, 1), 9 / 280),
        ((0.8880738339771153, 0.4597008433809831, 0), 1 / 35),
    ),
    13: (
        ((1, 0, 0), 0.0005130671797338464),
        ((1, 1, 0), 0.01660406956574204),
        ((1, 1, 1), -0.02958603896103896),
        ((0.7337993857053428, 0.4803844614152614, 0.4803844614152614), 0.02657620708215946),
        ((0.9471562213625879, 0.3207726489807764, 0), 0.01652217099371571),
    ),
}
"""By the highest degree that is integrated exactly, a direction of each orbit and the weight of its points."""


def lebedev(degree: int) -> tuple[Array, Array]:
    """Return the points (points, 3) of the rule of an odd degree, and their weights, which add up to one."""
    if degree not in ORBITS:
        found, theirs = scipy.integrate.lebedev_rule(degree)
        return found.T.copy(), theirs / theirs.sum()
    points: list[Array] = []
    weights: list[Array] = []
    for direction, weight in ORBITS[degree]:
        signed = {signed for order in permutations(direction) for signed in product(*({x, -x} for x in order))}
        points.append(np.array(sorted(signed), dtype=float))
        weights.append(np.full(len(signed), weight))
    directions = np.concatenate(points)
    return directions / np.linalg.norm(directions, axis=1, keepdims=True), np.concatenate(weights)
