"""Waves: the electric potential of charges as their sum."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import erfc

from conftest import random_frame, rotation, turned
from mimyria.errors import ModelError
from mimyria.frame import Array, Frame
from mimyria.model.waves import MOST, NUMBERS, Reach, in_box, in_space
from mimyria.model.whole_box import box_of

WIDTH, SCREENING = 0.5, 0.4


def potential(frame: Frame, charges: Array) -> Array:
    """Return the smoothed potential at each atom."""
    box = box_of(frame, Reach(1, (WIDTH,), SCREENING, 1), torch.empty(0, dtype=torch.float64))
    basis = box.basis(torch.from_numpy(frame.positions))
    found = box.potential([(basis, torch.from_numpy(charges)[:, None, None])])  # type: ignore[list-item]
    return np.asarray(box.heard(found, basis)[:, 0, 0])  # type: ignore[arg-type]


def kernel(distances: Array) -> Array:
    """Return the potential of a charge that is spread as a Gaussian, exp(-κr)/r where it has no width."""
    r, ratio = np.maximum(distances, 1e-6), SCREENING / (2 * WIDTH)
    both = np.exp(-SCREENING * r) * erfc(ratio - WIDTH * r) - np.exp(SCREENING * r) * erfc(ratio + WIDTH * r)
    return np.asarray(np.exp(ratio**2) / (2 * r) * both)


def isolated(positions: Array) -> Frame:
    return Frame(np.full(len(positions), 8), np.asarray(positions), np.zeros((3, 3)), np.zeros(3, dtype=bool))


@pytest.mark.parametrize("seed", range(3))
def test_the_potential_in_a_box_is_that_of_all_images(seed: int) -> None:
    """Of charges that do not add up to nothing."""
    frame, charges = random_frame(seed), np.random.default_rng(seed).normal(1.0, 1.0, len(random_frame(seed)))
    images = (np.array(list(np.ndindex(21, 21, 21))) - 10) @ frame.cell
    apart = np.linalg.norm(frame.positions[:, None, None] - frame.positions[:, None] - images, axis=3)
    np.testing.assert_allclose(potential(frame, charges), kernel(apart).sum(axis=2) @ charges, rtol=2e-3)


@pytest.mark.parametrize("extent", [1.0, 6.0])
def test_the_potential_of_isolated_atoms_is_that_of_screened_gaussians(extent: float) -> None:
    positions = extent * np.array([[0.0, 0, 0], [0.6, -0.4, 0.3], [-0.5, 0.2, 0.8]])
    charges = np.array([1.0, -0.4, 0.7])
    apart = np.linalg.norm(positions[:, None] - positions, axis=2)
    np.testing.assert_allclose(potential(isolated(positions), charges), kernel(apart) @ charges, rtol=2e-3)


def test_isolated_atoms_are_those_of_a_large_box() -> None:
    positions, charges = np.array([[0.0, 0, 0], [0.9, 0.2, 0], [0, 0.5, 1.0]]), np.array([1.0, -0.3, 0.7])
    boxed = replace(isolated(positions), cell=35.0 * np.eye(3), periodic=np.ones(3, dtype=bool))
    np.testing.assert_allclose(potential(boxed, charges), potential(isolated(positions), charges), rtol=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_one_of_two_opposite_waves_is_kept_and_all_fit_into_the_box(seed: int) -> None:
    frame = random_frame(seed)
    k, share = in_box(frame.cell, 3.0)
    assert np.linalg.norm(k[0]) < 1e-6
    np.testing.assert_allclose(share[1:], 2 * share[0])
    k = k[1:]
    steps = k @ frame.cell.T / (2 * math.pi)
    np.testing.assert_allclose(steps, steps.round(), atol=1e-9)
    both = {tuple(step) for step in np.concatenate([steps, -steps]).round().astype(int).tolist()}
    assert len(both) == 2 * len(k)
    around = np.array(list(np.ndindex(41, 41, 41))) - 20
    inside = np.linalg.norm(2 * math.pi * around @ np.linalg.inv(frame.cell).T, axis=1) < 3.0
    assert both == {tuple(step) for step in around[inside & around.any(axis=1)].tolist()}


@pytest.mark.parametrize("periodic", [(True, True, False), (False, True, False)])
def test_slabs_and_wires_are_those_in_empty_space(periodic: tuple[bool, bool, bool]) -> None:
    """However they lie."""
    frame = random_frame(2)
    slab = replace(frame, periodic=np.array(periodic))
    charges = np.random.default_rng(0).normal(size=len(frame))
    images = (np.array(list(np.ndindex(21, 21, 21))) - 10) * np.array(periodic) @ frame.cell
    apart = np.linalg.norm(
        frame.positions[:, None, None] - frame.positions[:, None] - np.unique(images, axis=0), axis=3
    )
    expected = kernel(apart).sum(axis=2) @ charges
    np.testing.assert_allclose(potential(slab, charges), expected, atol=2e-3 * abs(expected).max())
    moved = turned(slab, rotation(1, improper=False))
    np.testing.assert_allclose(potential(moved, charges), potential(slab, charges), rtol=1e-4)


def test_a_large_drop_is_refused() -> None:
    drop, reach = isolated(np.array([[0.0, 0, 0], [0, 0, 200.0]])), Reach(1, (0.6,), SCREENING, 1)
    with pytest.raises(ModelError, match="2 atoms, 200 Å across and not periodic, are too large"):
        box_of(drop, reach, torch.empty(0))
    assert len(in_space(20.0, 2, reach.longest)[0]) < MOST


@pytest.mark.parametrize("numbers", [1, 100, 333])
def test_waves_are_added_up_in_any_blocks(monkeypatch: pytest.MonkeyPatch, numbers: int) -> None:
    frame = random_frame(4)
    charges = np.random.default_rng(0).normal(size=len(frame))
    whole = potential(frame, charges)
    monkeypatch.setattr("mimyria.model.waves.NUMBERS", numbers)
    np.testing.assert_allclose(potential(frame, charges), whole)


def test_phases_are_kept_where_they_are_all_computed_at_once() -> None:
    like = torch.empty(0)
    box = box_of(random_frame(4), Reach(1, (WIDTH,), SCREENING, 0), like)
    few, many = (box.basis(torch.zeros(number, 3, dtype=torch.float64)) for number in (1, NUMBERS))
    assert few.nbytes == 2 * 4 * len(box.k)  # type: ignore[union-attr]
    assert many.nbytes == 0
    ((_, cosine, _),) = few  # type: ignore[misc]
    ((_, again, _),) = few  # type: ignore[misc]
    assert cosine is again
