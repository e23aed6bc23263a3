"""Molecules of a slab with their places: whole across boundaries, with the weights of faces, near by the distance."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from test_sfg import CELL, hydroxyls

from ensembles import made_series
from mimyria.errors import SpectrumError
from mimyria.frame import Frame
from mimyria.rates.faces import face_weights, heights, split_faces
from mimyria.rates.places import (
    molecule_heights,
    near_molecules,
    require_molecules,
    slab_normal,
    split_molecules,
    sums_over_near,
)
from mimyria.rates.series import ResponseSeries


def slab(centres: np.ndarray, cell: np.ndarray = CELL, normal: str = "z") -> ResponseSeries:
    """A series of molecules of one mass at centres (t, m, 3), Å, without rates that matter."""
    frames, count = centres.shape[:2]
    series = made_series({"apt": np.zeros((frames, 3))})
    known = {"groups": ("H2O",) * count, "normal": normal, "cell": cell, "molecule_mass": np.full(count, 18.0)}
    return replace(series, **known, centres=centres, cells=np.broadcast_to(cell, (frames, 3, 3)))


@pytest.mark.parametrize("shift", [0.0, 13.0, 24.9, 25.1, 40.0])
@pytest.mark.parametrize("normal", ["z", "x"])
def test_molecules_have_the_heights_and_weights_of_the_faces(shift: float, normal: str) -> None:
    frame = hydroxyls([-8.0, -1.0, 0.4, 1.0, 9.0], [False, True, False, True, True])
    turn, axis = (1, 0) if normal == "x" else (0, 2)
    moved = (frame.positions + np.array([3.0, 5.0, shift])) % np.diag(CELL)
    cell = np.roll(CELL, turn, axis=(0, 1))
    moved = replace(frame, positions=np.roll(moved, turn, axis=1), cell=cell)
    grouping = split_molecules(moved, normal)
    assert grouping.names == ("HO",) * 5
    assert grouping.centres
    run = replace(slab(grouping.centres(moved)[None], cell, normal), molecule_mass=grouping.masses)
    found = molecule_heights(run, slice(None))[0]
    np.testing.assert_allclose(found, heights(moved, axis)[::2], atol=1e-9)
    np.testing.assert_allclose(face_weights(found), split_faces(normal).weights(moved)[:, ::2], atol=1e-9)
    assert slab_normal(run) == normal


@pytest.mark.parametrize("cutoff", [0.0, 2.0, 4.5, 9.0, 40.0, 1e6])
@pytest.mark.parametrize("skew", [0.0, 4.0])
def test_near_is_whose_nearest_image_is(cutoff: float, skew: float) -> None:
    """Against all images one by one; a pair with several images within the cutoff is one pair."""
    cell = CELL + np.array([[0, 0, 0], [skew, 0, 0], [0, 0, 0]])
    rng = np.random.default_rng(1)
    places = rng.uniform(-20, 20, size=(3, 20, 3)) * [1, 1, 0.3]
    run, every = slab(places, cell), slice(None)
    images = np.array(list(product(range(-9, 10), repeat=2))) @ cell[:2]
    for of_frame, pairs in zip(places, near_molecules(run, every, cutoff), strict=True):
        apart = (of_frame[:, None] - of_frame)[:, :, None] + images
        nearest = np.linalg.norm(apart, axis=-1).min(axis=-1)
        np.testing.assert_array_equal(pairs.toarray(), nearest <= cutoff)
    values = rng.normal(size=(3, 4, 2, 20))
    near = near_molecules(run, every, cutoff)
    expected = np.array([of @ pairs.toarray() for of, pairs in zip(values, near, strict=True)])
    np.testing.assert_allclose(sums_over_near(run, every, values, cutoff), expected, atol=1e-12)


def test_a_slab_across_the_boundary_of_a_tilted_cell_has_the_same_pairs() -> None:
    """Wrapped into a cell whose third vector is tilted, molecules are also moved sideways."""
    cell = CELL + np.array([[0, 0, 0], [0, 0, 0], [7.0, -3.0, 0]])
    places = np.random.default_rng(3).uniform(-5, 5, size=(1, 20, 3))
    wrapped = places + cell[2] * [0, 0, 0.5]
    wrapped = np.where(wrapped[..., 2:] > cell[2, 2] / 2, wrapped - cell[2], wrapped)
    (expected,), (found,) = (near_molecules(slab(each, cell), slice(None), 4.5) for each in (places, wrapped))
    np.testing.assert_array_equal(found.toarray(), expected.toarray())


def test_there_is_no_pair_through_the_vacuum() -> None:
    """Molecules on both faces, 2 Å apart through the boundary of a cell that has hardly any vacuum."""
    column = [[0.0, 0.0, height] for height in (-24, -12, -6, 0, 6, 12, 24)]
    (pairs,) = near_molecules(slab(np.array([column])), slice(None), 5.0)
    np.testing.assert_array_equal(pairs.toarray(), np.eye(7))


def test_series_of_other_groups_are_refused_in_words() -> None:
    series = made_series({"apt": np.zeros((9, 3))})
    with pytest.raises(SpectrumError, match="--pair-cutoff 3 needs the rates of single molecules of a slab, and these"):
        require_molecules(series, "--pair-cutoff 3")


def test_atoms_of_an_endless_network_are_molecules_of_their_own() -> None:
    x = np.arange(8) * 1.25
    positions = np.stack([x, np.zeros(8), np.where(np.arange(8) % 2, 0.4, -0.4)], axis=1)
    frame = Frame(np.full(8, 6), positions, CELL, np.ones(3, dtype=bool))
    grouping = split_molecules(frame, "z")
    assert grouping.names == ("C",) * 8
    assert grouping.centres
    np.testing.assert_allclose(grouping.centres(frame), positions, atol=1e-9)
