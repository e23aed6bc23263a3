"""The compiled search against that of ASE: any cell, any mixture of periodic directions, few atoms or many."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list

from conftest import random_frame
from mimyria.frame import Frame
from mimyria.model import compiled
from mimyria.model.search import grid_of, pairs_of, stretches_of

needs_compiler = pytest.mark.skipif(not compiled.available(), reason="there is no C compiler")


def crowd(seed: int, n: int, cell: np.ndarray, periodic: tuple[bool, bool, bool]) -> Frame:
    """Atoms at random, some of them cells away, as in a trajectory that is not wrapped."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(size=(n, 3)) + rng.integers(-3, 4, size=(n, 3)) * np.array(periodic)
    return Frame(rng.choice([1, 6, 8], size=n), places @ cell, cell, np.array(periodic))


def found(
    ends: np.ndarray, second: np.ndarray, vectors: np.ndarray, atoms: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """All pairs in a certain order, atoms and vectors, and how often each is there."""
    first = np.repeat(np.arange(len(ends)) if atoms is None else atoms, np.diff(ends, prepend=0))
    return np.unique(np.column_stack([first, second, np.round(vectors, 6) + 0.0]), axis=0, return_counts=True)


def same(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


CUBE, OBLIQUE = 9.0 * np.eye(3), np.array([[8.0, 0.0, 0.0], [3.0, 7.0, 0.0], [-2.0, 2.5, 11.0]])
CASES = {
    "cube": crowd(0, 60, CUBE, (True, True, True)),
    "oblique": crowd(1, 60, OBLIQUE, (True, True, True)),
    "many images": crowd(2, 3, 2.5 * np.eye(3), (True, True, True)),
    "a slab": crowd(3, 80, np.diag([8.0, 9.0, 40.0]), (True, True, False)),
    "a wire, oblique": crowd(4, 40, OBLIQUE, (False, False, True)),
    "a cluster": crowd(5, 50, 14.0 * np.eye(3), (False, False, False)),
    "two far away": Frame(
        np.array([1, 1]), np.array([[0.0, 0, 0], [900.0, 0, 700]]), np.zeros((3, 3)), np.zeros(3, bool)
    ),
    "on one spot": Frame(np.array([8]), np.ones((1, 3)), np.zeros((3, 3)), np.zeros(3, bool)),
    "on a face": Frame(np.array([8, 1]), np.array([[0.0, 0, -1e-17], [8.9, 9.0, 18.0]]), CUBE, np.ones(3, bool)),
    "many atoms": crowd(6, 700, np.diag([15.0, 20.0, 24.0]), (True, True, True)),
    "far apart": replace(  # a grid of cells of the cutoff would have more than can be counted
        crowd(9, 3, CUBE, (False, False, False)), positions=np.array([[1e7, 2e7, 3e7], [-1e7, -2e7, 0], [1, 0, 0]])
    ),
    "dense": crowd(7, 30, 5.0 * np.eye(3), (True, True, True)),  # more neighbours than room is made for at first
}


@needs_compiler
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("cutoff", [2.0, 6.0])
def test_the_search_finds_every_pair_once(case: str, cutoff: float) -> None:
    frame = CASES[case]
    atoms = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.periodic)
    i, second, vectors = neighbor_list("ijD", atoms, cutoff)
    theirs = found(np.bincount(i, minlength=len(frame)).cumsum(), second, vectors)
    same(found(*pairs_of(frame, cutoff)), theirs)


@needs_compiler
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("most", [1, 900, 10**6])
def test_stretches_have_every_atom_and_pair_once(case: str, most: int) -> None:
    grid = grid_of(CASES[case], 4.0)
    assert grid is not None
    stretches = list(stretches_of(grid, 4.0, most))
    for atoms, (ends, *_) in stretches:
        assert len(atoms) == 1 or len(atoms) * np.diff(ends, prepend=0).max() <= most
    atoms = np.concatenate([atoms for atoms, _ in stretches])
    np.testing.assert_array_equal(np.sort(atoms), np.arange(len(CASES[case])))
    counts = np.concatenate([np.diff(pairs.ends, prepend=0) for _, pairs in stretches])
    second, vectors = (np.concatenate([pairs[part] for _, pairs in stretches]) for part in (1, 2))
    same(found(counts.cumsum(), second, vectors, atoms), found(*pairs_of(CASES[case], 4.0)))
    if most == 10**6:
        assert len(stretches) == 1
    elif most == 900 and len(atoms) > 200:
        assert len(stretches) < len(atoms) / 4


@needs_compiler
@pytest.mark.parametrize("periodic", [(True, True, True), (True, False, True)])
def test_order_and_precision_of_the_arrays_are_of_no_matter(periodic: tuple[bool, bool, bool]) -> None:
    frame = crowd(8, 40, OBLIQUE, periodic)
    expected = found(*pairs_of(frame, 5.0))
    columns = replace(frame, positions=np.asfortranarray(frame.positions), cell=np.asfortranarray(frame.cell))
    same(found(*pairs_of(columns, 5.0)), expected)
    single = replace(frame, cell=frame.cell.astype(np.float32))  # whose numbers are whole or halves
    same(found(*pairs_of(single, 5.0)), expected)


def test_moved_by_lattice_vectors_nothing_changes() -> None:
    frame = random_frame(3)
    shifts = np.random.default_rng(0).integers(-2, 3, size=(len(frame), 3)) @ frame.cell
    moved = Frame(frame.numbers, frame.positions + shifts, frame.cell, frame.periodic)
    one, other = pairs_of(frame, 5.0), pairs_of(moved, 5.0)
    np.testing.assert_array_equal(one.ends, other.ends)
    same(found(*one), found(*other))


@needs_compiler
def test_what_is_no_number_is_left_to_the_slow_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell of a grid cannot be told for it."""
    called: list[str] = []
    monkeypatch.setattr(compiled, "call", lambda name, *rest: called.append(name))
    frame = random_frame(1)
    frame.positions[0, 0] = np.nan
    with suppress(RuntimeError):
        pairs_of(frame, 3.0)
    assert not called
