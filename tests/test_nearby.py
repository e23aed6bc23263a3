"""Who is near whom, group by group: the pairs that vesin finds, and those of a plain sum over images."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from conftest import frames_of_all_kinds, random_frame
from mimyria.frame import Frame
from mimyria.model import nearby
from mimyria.model.nearby import groups_of
from mimyria.neighbours import neighbour_pairs

Pairs = list[tuple[int, int, tuple[float, ...]]]


def sorted_pairs(i: np.ndarray, j: np.ndarray, vectors: np.ndarray) -> Pairs:
    return sorted((int(a), int(b), tuple(np.round(v, 6) + 0.0)) for a, b, v in zip(i, j, vectors, strict=True))


def found(frame: Frame, cutoff: float) -> Pairs:
    groups = list(groups_of(frame, cutoff))
    atoms = torch.cat([torch.repeat_interleave(group.atoms, group.counts) for group in groups])
    neighbours, vectors = (torch.cat([group[k] for group in groups]) for k in (2, 3))
    assert sorted(torch.cat([group.atoms for group in groups]).tolist()) == list(range(len(frame)))
    return sorted_pairs(atoms.numpy(), neighbours.numpy(), vectors.numpy())


@pytest.mark.parametrize("size", [1, 5, 400])
def test_they_are_the_pairs_of_another_program(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearby, "GROUP", size)
    for frame in [*frames_of_all_kinds(), random_frame(8, n_atoms=3, length=3.0)]:
        assert found(frame, 4.0) == sorted_pairs(*neighbour_pairs(frame, 4.0))


def test_a_vector_along_a_direction_that_does_not_repeat_changes_nothing() -> None:
    frame = random_frame(1)
    slab = replace(frame, periodic=np.array([True, False, True]))
    open_cell = replace(slab, cell=np.where(slab.periodic[:, None], slab.cell, 0.0))
    assert found(slab, 4.0) == found(open_cell, 4.0)
    assert found(slab, 4.0) == sorted_pairs(*neighbour_pairs(slab, 4.0))


def test_far_from_the_origin_nothing_is_lost() -> None:
    frame = random_frame(2, n_atoms=30, length=9.0)
    moved = replace(frame, positions=frame.positions + 1e4, periodic=np.zeros(3, dtype=bool))
    assert found(moved, 4.0) == found(replace(moved, positions=frame.positions), 4.0)


def test_a_molecule_that_has_flown_away_takes_no_neighbours_from_the_others() -> None:
    frame = random_frame(4, n_atoms=60, length=9.0)
    open_frame = replace(frame, periodic=np.zeros(3, dtype=bool))
    open_frame.positions[-3:] += 1e6
    assert found(open_frame, 4.0) == sorted_pairs(*neighbour_pairs(open_frame, 4.0))
