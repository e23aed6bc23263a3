"""The symmetry of a crystal: which operations map it onto itself, and a tensor of one atom onto those of others."""

from __future__ import annotations

from itertools import product

import numpy as np

from mimyria.frame import Array, Frame

TOLERANCE = 1e-3
"""Å, of positions and lengths, some digits of the files of structures."""


def operations(frame: Frame, tolerance: float = TOLERANCE) -> list[tuple[Array, Array]]:
    """Return the rotations, Cartesian (3, 3), and where each takes every atom, (n,).

    Of the lattice reduced by Minkowski, an operation has elements -1, 0, 1: W of columns of fractional coordinates with
    Wᵀ G W = G, G the scalar products of the cell vectors. Its translation takes an atom of the rarest element to
    another one. Pure translations of a cell that is not primitive are among them.
    """
    from ase.geometry import minkowski_reduce

    cell = np.asarray(minkowski_reduce(frame.cell)[0])
    scaled = frame.positions @ np.linalg.inv(cell)
    metric = cell @ cell.T
    candidates = np.array(list(product((-1, 0, 1), repeat=9))).reshape(-1, 3, 3)
    changes = np.abs(np.swapaxes(candidates, 1, 2) @ metric @ candidates - metric).max(axis=(1, 2))
    rotations = candidates[changes < tolerance * np.sqrt(metric.max())]
    numbers, counts = np.unique(frame.numbers, return_counts=True)
    rare = np.flatnonzero(frame.numbers == numbers[counts.argmin()])
    same = frame.numbers[:, None] == frame.numbers
    found = []
    for rotation in rotations:
        turned = scaled @ rotation.T
        for target in rare:
            apart = (turned + scaled[target] - turned[rare[0]])[:, None] - scaled
            distances = np.linalg.norm((apart - np.round(apart)) @ cell, axis=2)
            hits = same & (distances < tolerance)
            if (hits.sum(axis=1) == 1).all():
                found.append((cell.T @ rotation @ np.linalg.inv(cell.T), hits.argmax(axis=1)))
    return found


def independent_atoms(found: list[tuple[Array, Array]]) -> Array:
    """Return the first atom of each set of equivalent ones, in order."""
    images = np.array([image for _, image in found])
    return np.unique(images.min(axis=0))


def expand(tensors: Array, frame: Frame, found: list[tuple[Array, Array]]) -> tuple[Array, float]:
    """Return the tensors (n, 3, 3) of all atoms from those of the independent ones, and how far operations differ.

    Z' = R Z Rᵀ is averaged over all operations that take an independent atom to another one, or to itself.
    """
    known = dict(zip(independent_atoms(found).tolist(), tensors, strict=True))
    sums, counts, images = np.zeros((len(frame), 3, 3)), np.zeros(len(frame)), []
    for rotation, image in found:
        for atom, tensor in known.items():
            turned = rotation @ tensor @ rotation.T
            images.append((image[atom], turned))
            sums[image[atom]] += turned
            counts[image[atom]] += 1
    mean = sums / counts[:, None, None]
    return mean, float(max(np.abs(turned - mean[atom]).max() for atom, turned in images))
