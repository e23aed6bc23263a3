"""Internal coordinates: s-vectors against differences, and what is a line, a plane, a torsion."""

import numpy as np
import pytest

from mimyria.rates.internal import (
    Coordinates,
    angle_vectors,
    bond_vectors,
    inverse,
    line_vectors,
    plane_vectors,
    torsion_vectors,
    unit,
)


def bond(r: np.ndarray) -> np.ndarray:
    return np.linalg.norm(r[:, 1] - r[:, 0], axis=-1)[:, None]


def angle(r: np.ndarray) -> np.ndarray:
    a, b = unit(r[:, 0] - r[:, 1])[0], unit(r[:, 2] - r[:, 1])[0]
    return np.arccos((a * b).sum(axis=-1))[:, None]


def plane(r: np.ndarray) -> np.ndarray:
    return np.linalg.det(unit(r[:, 1:] - r[:, :1])[0])[:, None]


def torsion(r: np.ndarray) -> np.ndarray:
    """φ by the definition of IUPAC, from the projections of both ends across the middle bond."""
    axis, _ = unit(r[:, 2] - r[:, 1])
    ends = [end - axis * (end * axis).sum(axis=-1, keepdims=True) for end in (r[:, 0] - r[:, 1], r[:, 3] - r[:, 2])]
    turned = np.cross(axis, ends[0])
    return np.arctan2((turned * ends[1]).sum(axis=-1), (ends[0] * ends[1]).sum(axis=-1))[:, None]


@pytest.mark.parametrize(
    ("atoms", "coordinate", "vectors"),
    [(2, bond, bond_vectors), (3, angle, angle_vectors), (4, plane, plane_vectors), (4, torsion, torsion_vectors)],
)
def test_s_vectors_are_derivatives(atoms: int, coordinate: object, vectors: object) -> None:
    rng, step = np.random.default_rng(atoms), 1e-6
    r = rng.normal(size=(5, atoms, 3))
    found = vectors(r)  # type: ignore[operator]
    assert found.shape == (5, 1, atoms, 3)
    for n in range(atoms):
        for x in range(3):
            moved = np.zeros_like(r)
            moved[:, n, x] = step
            slope = (coordinate(r + moved) - coordinate(r - moved)) / (2 * step)  # type: ignore[operator]
            np.testing.assert_allclose(found[:, :, n, x], slope, atol=1e-6 * abs(found).max())


def test_a_line_bends_in_two_directions_and_in_none_along_it() -> None:
    line = np.array([[[0.0, 0, -1.2], [0, 0, 0], [0, 0, 1.2]]])
    found = line_vectors(line)[0]
    np.testing.assert_allclose(found[2], 0, atol=1e-12)
    np.testing.assert_allclose(found[0], np.array([1, -2, 1])[:, None] * [1 / 1.2, 0, 0], atol=1e-12)


@pytest.mark.parametrize(
    ("bonds", "positions", "counts"),
    [
        ([(0, 1), (0, 2)], [[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]], (2, 1, 0, 0, 0)),
        ([(0, 1), (0, 2)], [[0, 0, 0], [0, 0.1, 1.2], [0, 0.1, -1.2]], (2, 0, 1, 0, 0)),
        ([(0, 1), (1, 2), (2, 3)], [[0.9, 0, 0.2], [0, 0, 0], [0, 1.4, 0], [0, 1.6, 0.9]], (3, 2, 0, 0, 1)),
        ([(0, 1), (1, 2), (2, 3)], [[0, 0, -1], [0, 0, 0], [0, 0, 1.2], [0, 0, 2.2]], (3, 0, 2, 0, 0)),
        ([(0, 1), (0, 2), (0, 3)], [[0, 0, 0.1], [1, 0, 0], [-0.5, 0.9, 0], [-0.5, -0.9, 0]], (3, 3, 0, 1, 0)),
    ],
    ids=["water", "CO2", "H2O2", "acetylene", "nitrate"],
)
def test_coordinates_of_molecules(bonds: list[tuple[int, int]], positions: object, counts: tuple[int, ...]) -> None:
    """All internal motions are among them: their rank is 3n - 6, or 3n - 5 of a line."""
    where = np.array([positions], dtype=float)
    found = Coordinates.of(bonds, where)
    kinds = (found.bonds, found.angles, found.lines, found.planes, found.torsions)
    assert tuple(map(len, kinds)) == counts
    n = where.shape[1]
    rows = np.concatenate(list(found.rows(where, np.linspace(1, 16, n)).values()), axis=1)
    straight = not found.angles
    assert np.linalg.matrix_rank(rows[0], tol=1e-6) == 3 * n - (5 if straight else 6)
    projector = rows[0].T @ inverse(rows)[0] @ rows[0]
    np.testing.assert_allclose(projector @ projector, projector, atol=1e-9)
