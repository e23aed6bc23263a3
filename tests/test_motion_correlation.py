"""Correlation of motions, against sums over frames; atoms of different molecules have no common terms."""

import numpy as np

from mimyria.rates.groups import Grouping
from mimyria.rates.motion_correlation import MotionCorrelation


def test_terms_of_motions_are_sums_over_frames() -> None:
    """Two kinds of molecules; a motion of the first has the name of one of the second, and is summed with it."""
    rng = np.random.default_rng(0)
    masses = np.array([16.0, 1, 1, 23, 2])
    weights = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [0, 0, 0, 1, 1]], dtype=float)
    grouping = Grouping(("a", "b", "a"), lambda frame: weights)
    parts = rng.normal(size=(300, 3, 5, 3)) * weights[:, :, None]
    correlation = MotionCorrelation(grouping, weights, masses, 6)
    for start in range(0, 300, 70):
        correlation.add(parts[start : start + 70])
    pairs, found, blocks = correlation.result()
    assert pairs == ("a,a", "a,b", "b,b")
    assert blocks.shape[1:] == found.shape == (3, 6)
    weighted = parts * np.sqrt(masses)[:, None]
    for lag in range(6):
        early, late = weighted[: 300 - lag], weighted[lag:]
        products = np.einsum("tgnx,thnx->gh", early, late) / (300 - lag)
        expected = [products[0, 0] + products[2, 2], products[0, 1] + products[1, 0], products[1, 1]]
        np.testing.assert_allclose(found[:, lag], expected, atol=1e-3)


def test_pairs_of_molecules_with_other_orders_of_atoms_are_summed() -> None:
    """The second kind has the motions of the first, in the opposite order: its b,a is the a,b of the first."""
    rng = np.random.default_rng(0)
    weights = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=float)
    grouping = Grouping(("a", "b", "b", "a"), lambda frame: weights)
    parts = rng.normal(size=(40, 4, 2, 3)) * weights[:, :, None]
    correlation = MotionCorrelation(grouping, weights, np.ones(2), 1)
    correlation.add(parts)
    pairs, found, _ = correlation.result()
    assert sorted(pairs) == ["a,a", "a,b", "b,b"]
    products = np.einsum("tgnx,thnx->gh", parts, parts) / 40
    np.testing.assert_allclose(found[pairs.index("a,b"), 0], 2 * (products[0, 1] + products[2, 3]), atol=1e-4)
