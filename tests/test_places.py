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
from mimyria.rates.places import HEIGHT, known_places, near, slab_normal, split_molecules, sums_over_near
from mimyria.rates.response import mean_place
from mimyria.rates.series import ResponseSeries


def slab(places: np.ndarray, cell: np.ndarray = CELL, normal: str = "z") -> ResponseSeries:
    """A series of molecules (t, m, 3) at places, without rates that matter."""
    frames, count = places.shape[:2]
    series = made_series({"apt": np.zeros((frames, 3))})
    rates = {"apt": np.ones((frames, count, 3))}
    return replace(series, rates=rates, groups=("H2O",) * count, places=places, normal=normal, cell=cell)


@pytest.mark.parametrize("shift", [0.0, 13.0, 24.9, 25.1, 40.0])
@pytest.mark.parametrize("normal", ["z", "x"])
def test_molecules_have_the_heights_and_weights_of_the_faces(shift: float, normal: str) -> None:
    frame = hydroxyls([-8.0, -1.0, 0.4, 1.0, 9.0], [False, True, False, True, True])
    moved = replace(frame, positions=(frame.positions + np.array([3.0, 5.0, shift])) % np.diag(CELL))
    axis = 2
    if normal == "x":
        axis, rolled = 0, {"positions": np.roll(moved.positions, 1, axis=1), "cell": np.roll(CELL, 1, axis=(0, 1))}
        moved = replace(moved, **rolled)
    grouping = split_molecules(frame if normal == "z" else moved, normal)
    assert grouping.names == ("HO",) * 5
    assert grouping.places
    places = grouping.places(moved)
    np.testing.assert_allclose(places[:, HEIGHT], heights(moved, axis)[::2], atol=1e-9)
    np.testing.assert_allclose(face_weights(places[:, HEIGHT]), split_faces(normal).weights(moved)[:, ::2], atol=1e-9)
    if normal == "z":  # molecules stand at multiples of 4 Å, moved by 3 and 5, in a cell of 10 and 20 Å
        apart = (places[:, :2] - np.array([[4 * (k % 2) + 3, 4 * (k // 2) + 5] for k in range(5)]) / [10, 20]) % 1
        np.testing.assert_allclose(np.minimum(apart, 1 - apart), 0, atol=1e-9)


def test_places_of_beads_are_those_of_their_mean_in_whatever_image() -> None:
    rng = np.random.default_rng(0)
    centre = rng.uniform(size=(4, 1, 6, 3)) * [1, 1, 20]
    beads = centre + 0.01 * rng.normal(size=(4, 8, 6, 3))
    moved = beads + rng.integers(-1, 2, size=(4, 8, 6, 1)) * [1, 1, 0]
    found = mean_place(moved.reshape(32, 6, 3), 8)
    apart = found - beads.mean(axis=1)
    np.testing.assert_allclose(apart[..., 2], 0, atol=1e-12)
    np.testing.assert_allclose(apart[..., :2] - np.rint(apart[..., :2]), 0, atol=1e-12)


@pytest.mark.parametrize("cutoff", [0.0, 2.0, 4.5, 9.0, 40.0, 1e6])
@pytest.mark.parametrize("skew", [0.0, 4.0])
def test_near_is_whose_nearest_image_is(cutoff: float, skew: float) -> None:
    """Against all images one by one; a pair with several images within the cutoff is one pair."""
    cell = CELL + np.array([[0, 0, 0], [skew, 0, 0], [0, 0, 0]])
    rng = np.random.default_rng(1)
    places = rng.uniform(-2, 2, size=(3, 20, 3)) * [1, 1, 3]
    run = slab(places, cell)
    images = np.array(list(product(range(-6, 7), repeat=2)))
    for of_frame, pairs in zip(places, near(run, places, cutoff), strict=True):
        apart = of_frame[:, None] - of_frame
        flat = (apart[:, :, None, :2] + images) @ cell[:2]
        flat[..., 2] += apart[:, :, None, 2]
        nearest = np.linalg.norm(flat, axis=-1).min(axis=-1)
        np.testing.assert_array_equal(pairs.toarray(), nearest <= cutoff)
    values = rng.normal(size=(3, 4, 2, 20))
    expected = np.array([of @ pairs.toarray() for of, pairs in zip(values, near(run, places, cutoff), strict=True)])
    np.testing.assert_allclose(sums_over_near(run, values, places, cutoff), expected, atol=1e-12)


def test_there_is_no_pair_through_the_vacuum() -> None:
    """Molecules on both faces, 2 Å apart through the boundary of a cell that has hardly any vacuum."""
    places = np.array([[[0.0, 0.0, 24.0], [0.0, 0.0, -24.0]]])
    (pairs,) = near(slab(places), places, 5.0)
    np.testing.assert_array_equal(pairs.toarray(), np.eye(2))


def test_series_without_places_are_refused_in_words() -> None:
    with pytest.raises(SpectrumError, match="--pair-cutoff 3 needs the rates of single molecules, and these are of a"):
        known_places(made_series({"apt": np.zeros((9, 3))}), "--pair-cutoff 3")
    assert slab_normal(slab(np.zeros((1, 2, 3)), normal="y")) == "y"


def test_atoms_of_an_endless_network_are_molecules_of_their_own() -> None:
    x = np.arange(8) * 1.25
    positions = np.stack([x, np.zeros(8), np.where(np.arange(8) % 2, 0.4, -0.4)], axis=1)
    frame = Frame(np.full(8, 6), positions, CELL, np.ones(3, dtype=bool))
    grouping = split_molecules(frame, "z")
    assert grouping.names == ("C",) * 8
    assert grouping.places
    np.testing.assert_allclose(grouping.places(frame)[:, HEIGHT], positions[:, 2], atol=1e-9)
