"""Molecules from bonds: the components of a graph, against scipy."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mimyria.molecules import molecules_of


def test_molecules_are_the_components_of_the_bonds() -> None:
    """In the order of their first atoms; bonds in one direction or both, twice, or of an atom with itself."""
    random = np.random.default_rng(0)
    for _ in range(300):
        n = int(random.integers(1, 30))
        i, j = random.integers(0, n, (2, random.integers(0, 30)))
        bonds = coo_array((np.ones(len(i)), (i, j)), shape=(n, n))
        np.testing.assert_array_equal(molecules_of(i, j, n), connected_components(bonds, directed=False)[1])


def test_a_long_chain_is_one_molecule() -> None:
    order = np.random.default_rng(1).permutation(50_000)
    assert not molecules_of(order[:-1], order[1:], len(order)).any()
