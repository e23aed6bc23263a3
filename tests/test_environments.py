"""Environments outside the training data are warned of, where a committee alone is silent; real water is not."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import DATA
from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.model.files import read_model
from mimyria.model.predict import predict, predict_with_spread

WARNING = "more or fewer neighbours"


@pytest.fixture(scope="module")
def liquid() -> Frame:
    return next(iter(read_frames(DATA / "water32.extxyz.xz")))


def extrapolated(frame: Frame) -> int:
    """How many atoms the bundled model finds outside its training data."""
    (prediction,) = predict_with_spread(read_model(Path("water"), "apt"), [frame])
    assert prediction.extrapolated.shape == (len(frame),)
    return int(prediction.extrapolated.sum())


def test_a_lone_molecule(caplog: pytest.LogCaptureFixture) -> None:
    positions = np.array([[0, 0, 0], [0.97, 0, 0], [-0.24, 0.94, 0]])
    alone = Frame(np.array([8, 1, 1]), positions, 20 * np.eye(3), np.ones(3, dtype=bool))
    assert extrapolated(alone) == 3
    with caplog.at_level("WARNING", "mimyria"):
        list(predict(read_model(Path("water"), "pgt"), [alone]))
    assert f"PGT: in 1 of 1 frames an atom has {WARNING}" in caplog.text


def test_the_molecules_at_a_surface(liquid: Frame) -> None:
    slab = replace(liquid, cell=liquid.cell * np.array([[1], [1], [3]]))
    assert 20 < extrapolated(slab) < 80


def test_two_atoms_on_top_of_each_other(liquid: Frame) -> None:
    positions = liquid.positions.copy()
    positions[3] = positions[0] + 0.3
    atoms = np.flatnonzero(
        predict_with_spread(read_model(Path("water"), "apt"), [replace(liquid, positions=positions)])[0].extrapolated
    )
    assert {0, 3} <= set(atoms)


def test_the_atoms_are_in_the_order_of_the_frame(liquid: Frame) -> None:
    slab = replace(liquid, cell=liquid.cell * np.array([[1], [1], [3]]))
    order = np.random.default_rng(0).permutation(len(slab))
    mixed = replace(slab, numbers=slab.numbers[order], positions=slab.positions[order], velocities=None)
    model = read_model(Path("water"), "apt")
    first, second = (predict_with_spread(model, [one])[0].extrapolated for one in (slab, mixed))
    np.testing.assert_array_equal(first[order], second)


def test_real_water_is_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    frames = itertools.islice(read_frames(DATA / "water32.extxyz.xz"), 0, 1000, 50)
    with caplog.at_level("WARNING", "mimyria"):
        list(predict(read_model(Path("water"), "apt"), frames))
    assert WARNING not in caplog.text
