"""Who is near whom in a frame of any size: its atoms are halved into groups, and each is searched for by itself.

On any device, and without ever listing all pairs at once. Periodic images are written out as points up to the cutoff
around the cell, so that any cell, and any mixture of periodic and other directions, is a cloud of points. The distances
of a small group to the points around it are one product of matrices, |a - b|² = |a|² - 2 a·b + |b|².
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mimyria.frame import Array, Frame

GROUP = 400
"""Atoms of a group at most: smaller ones have more points around them, larger ones more that are too far."""
ROUNDING = 2e-6
"""Of the squares of the distances from the centre; the product is in single precision, and is checked in double."""


class Group(NamedTuple):
    """Some atoms of a frame that lie together, and all pairs with their neighbours, in the order of the atoms."""

    atoms: Tensor  # (m,)
    counts: Tensor  # how many neighbours each of them has, (m,)
    neighbours: Tensor  # every image of an atom within the cutoff is a neighbour of its own, (pairs,)
    vectors: Tensor  # from the atom to its neighbour, Å, (pairs, 3), float64


def groups_of(frame: Frame, cutoff: float, device: torch.device | str = "cpu") -> Iterator[Group]:
    """Yield the atoms of a frame in groups with their neighbours; ``cutoff`` in Å."""
    if not len(frame):
        return
    points, of = (torch.from_numpy(array).to(device) for array in with_images(frame, cutoff))
    every = torch.arange(len(points), device=points.device)
    for atoms, around in _halved(points, every[: len(frame)], every, cutoff):
        centre = points[atoms].mean(0)
        a, b = ((points[some] - centre).float() for some in (atoms, around))
        of_a, of_b = (places.square().sum(1) for places in (a, b))
        squares = torch.addmm(of_b[None], a, b.T, alpha=-2).add_(of_a[:, None])
        i, j = (squares < cutoff**2 + ROUNDING * (of_a.amax() + of_b.amax())).nonzero().T
        first, second = atoms[i], around[j]
        vectors = points[second] - points[first]
        kept = (vectors.square().sum(1) < cutoff**2) & (first != second)
        yield Group(atoms, i[kept].bincount(minlength=len(atoms)), of[second[kept]], vectors[kept])


def _halved(points: Tensor, atoms: Tensor, around: Tensor, cutoff: float) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield atoms in groups that are halved across their longest side until they are small, and what is around each."""
    own, other = points[atoms], points[around]
    low, high = own.amin(0), own.amax(0)
    around = around[((other > low - cutoff) & (other < high + cutoff)).all(1)]
    if len(atoms) <= GROUP:
        yield atoms, around
        return
    order = own[:, (high - low).argmax()].argsort()
    for half in atoms[order].tensor_split(2):
        yield from _halved(points, half, around, cutoff)


def with_images(frame: Frame, cutoff: float) -> tuple[Array, Array]:
    """Return the atoms, moved into the cell, and all images up to the cutoff around it; and the atom that each is of.

    Å, shape (points, 3), and (points,). The planes of two lattice vectors are 1/|b| apart, b the third reciprocal one.
    """
    cell = lattice_of(frame)
    inverse = np.linalg.inv(cell)
    points = frame.positions @ inverse
    points -= np.floor(points) * frame.periodic
    of = np.arange(len(frame))
    margins = 1.000001 * cutoff * np.linalg.norm(inverse, axis=0)
    for axis in np.flatnonzero(frame.periodic):
        margin, most = margins[axis], int(np.ceil(margins[axis]))
        pieces, atoms = [points], [of]
        for shift in (*range(-most, 0), *range(1, most + 1)):
            moved = points[:, axis] + shift
            near = (moved > -margin) & (moved < 1 + margin)
            pieces.append(points[near] + shift * np.eye(3)[axis])
            atoms.append(of[near])
        points, of = np.concatenate(pieces), np.concatenate(atoms)
    return points @ cell, of


def lattice_of(frame: Frame) -> Array:
    """Return the lattice vectors, Å, (3, 3), those of directions that are not periodic of length one and orthogonal."""
    cell = np.where(frame.periodic[:, None], frame.cell, 0.0)
    _, _, directions = np.linalg.svd(cell)  # the last of them are orthogonal to all periodic ones
    cell[~frame.periodic] = directions[int(frame.periodic.sum()) :]
    return cell
