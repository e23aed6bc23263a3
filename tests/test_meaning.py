"""The field that a label answers, in words."""

from dataclasses import replace

import numpy as np
import pytest

from conftest import random_frame
from mimyria.frame import Frame
from mimyria.labels.meaning import field_meaning
from mimyria.rates.faces import vacua, warn_without_vacuum


def filled() -> Frame:
    """Atoms everywhere in a sheared cell of 8 Å along c."""
    cell = np.array([[8.0, 0, 0], [2.0, 8.0, 0], [1.0, 1.0, 8.0]])
    places = np.stack(np.meshgrid(*[np.arange(4) / 4] * 3), axis=-1).reshape(-1, 3)
    return Frame(np.ones(64, int), places @ cell, cell, np.ones(3, dtype=bool))


def test_cells_molecules_and_clusters_have_their_own_words() -> None:
    bulk = filled()
    assert field_meaning(bulk) == "mean of the cell"
    assert field_meaning(replace(bulk, periodic=np.zeros(3, dtype=bool))) == "outside"
    cluster = replace(bulk, info={"cluster_centres": 3, "cluster_epsilon": 1.0})
    assert field_meaning(cluster) == "outside of a cluster"
    scaled = replace(bulk, info={"cluster_centres": 3, "cluster_epsilon": 1.78})
    assert field_meaning(scaled) == "macroscopic, by Lorentz's factor of ε∞ 1.78"


def test_vacuum_is_found_wherever_the_slab_lies() -> None:
    """8 Å of planes, of which the atoms take 6, in a cell of 28 Å: 22 are empty, also across the boundary."""
    bulk = filled()
    slab = replace(bulk, cell=bulk.cell + np.array([[0, 0, 0], [0, 0, 0], [0, 0, 20.0]]))
    for shift in (0.0, 5.0, 25.0):
        moved = replace(slab, positions=slab.positions + np.array([0, 0, shift]))
        assert field_meaning(moved) == "mean of the cell, 22.0 of 28.0 Å along c empty"
    assert vacua(replace(slab, periodic=np.array([True, True, False]))) == []
    assert vacua(random_frame(0, n_atoms=60, length=9.0)) == []


def test_a_cell_that_is_no_slab_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    cube = replace(random_frame(0, n_atoms=60, length=9.0), cell=10 * np.eye(3))
    tall = replace(cube, cell=cube.cell + np.diag([0.0, 0.0, 20.0]))
    open_above = replace(cube, periodic=np.array([True, True, False]))
    for slab in (tall, open_above):
        warn_without_vacuum(slab, "z")
    assert caplog.text == ""
    warn_without_vacuum(cube, "z")
    assert "the cell has no vacuum along z" in caplog.text
