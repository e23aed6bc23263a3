"""Waves: the electric potential of charges as their sum."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import erf, erfc

from conftest import random_frame
from mimyria.errors import ModelError
from mimyria.frame import Array, Frame
from mimyria.model.graph import build_graph
from mimyria.model.waves import MOST, wave_vectors, waves_of

WIDTH = 0.5
ROCK_SALT = 1.7475645946
"""Madelung's constant of NaCl, per distance of neighbours."""


def potential(frame: Frame, charges: Array, width: float = WIDTH) -> Array:
    """Return the smoothed potential at each atom."""
    (waves,) = waves_of(build_graph([frame], sorted(set(frame.numbers)), 4.0, dtype=torch.float64), [width], 0)
    (cosine, sine), (weight,), sources = waves.at_all, waves.weight, torch.from_numpy(charges)
    return np.asarray(cosine @ (weight * (cosine.T @ sources)) + sine @ (weight * (sine.T @ sources)))


def isolated(positions: Array) -> Frame:
    return Frame(np.full(len(positions), 8), np.asarray(positions), np.zeros((3, 3)), np.zeros(3, dtype=bool))


@pytest.mark.parametrize("length", [1, 2])
def test_the_potential_of_rock_salt_is_that_of_madelung(length: int) -> None:
    """With the short range added, by the complementary error function, and without the charge's own."""
    distance, n = 2.8, 2 * length
    places = np.array(list(np.ndindex(n, n, n)))
    charges = 1.0 - 2 * (places.sum(axis=1) % 2)
    frame = Frame(np.full(len(places), 8), distance * places, n * distance * np.eye(3), np.ones(3, dtype=bool))
    far = potential(frame, charges)[0] - 2 * WIDTH / math.sqrt(math.pi)
    images = np.array(list(np.ndindex(13, 13, 13))) - 6
    apart = distance * np.linalg.norm(images[images.any(axis=1)], axis=1)
    signs = 1.0 - 2 * (images[images.any(axis=1)].sum(axis=1) % 2)
    near = np.sum(signs * erfc(WIDTH * apart) / apart)
    assert far + near == pytest.approx(-ROCK_SALT / distance, abs=2e-3)


def test_the_potential_of_isolated_atoms_is_the_error_function() -> None:
    positions = np.array([[0.0, 0, 0], [1.1, -0.4, 0.3], [-2.0, 1.5, 4.0]])
    charges = np.array([1.0, -0.4, 0.7])
    apart = np.linalg.norm(positions[:, None] - positions, axis=2) + np.eye(3)
    kernel = np.where(np.eye(3) > 0, 2 * WIDTH / math.sqrt(math.pi), erf(WIDTH * apart) / apart)
    np.testing.assert_allclose(potential(isolated(positions), charges), kernel @ charges, atol=1e-3)


def test_isolated_atoms_are_those_of_a_large_box() -> None:
    """Without a charge, whose background a box has."""
    positions, charges = np.array([[0.0, 0, 0], [0.9, 0.2, 0], [0, 0.5, 1.0]]), np.array([1.0, -0.3, -0.7])
    boxed = replace(isolated(positions), cell=60.0 * np.eye(3), periodic=np.ones(3, dtype=bool))
    np.testing.assert_allclose(potential(boxed, charges), potential(isolated(positions), charges), atol=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_one_of_two_opposite_waves_is_kept_and_all_fit_into_the_box(seed: int) -> None:
    frame = random_frame(seed)
    k, _ = wave_vectors(frame, 3.0)
    steps = k @ frame.cell.T / (2 * math.pi)
    np.testing.assert_allclose(steps, steps.round(), atol=1e-9)
    both = {tuple(step) for step in np.concatenate([steps, -steps]).round().astype(int).tolist()}
    assert len(both) == 2 * len(k)
    around = np.array(list(np.ndindex(41, 41, 41))) - 20
    inside = np.linalg.norm(2 * math.pi * around @ np.linalg.inv(frame.cell).T, axis=1) < 3.0
    assert both == {tuple(step) for step in around[inside & around.any(axis=1)].tolist()}


def test_a_slab_and_a_large_drop_are_refused() -> None:
    slab = replace(random_frame(0), periodic=np.array([True, True, False]))
    with pytest.raises(ModelError, match="periodic in all three directions, or in none"):
        wave_vectors(slab, 3.0)
    drop = isolated(np.array([[0.0, 0, 0], [0, 0, 200.0]]))
    with pytest.raises(ModelError, match="2 atoms, 200 Å across and not periodic, are too large"):
        wave_vectors(drop, 3.0)
    assert len(wave_vectors(isolated(drop.positions / 10), 3.0)[0]) < MOST
