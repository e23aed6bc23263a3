"""Selection of frames: where the committee disagrees, and as unlike each other as can be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from conftest import random_frame
from mimyria.autotrain.selection import CANDIDATES, descriptor, disagreement, farthest_points, most_disputed


def test_disagreement_is_that_of_the_rates() -> None:
    rates = np.random.default_rng(0).normal(size=(50, 1, 3)) * np.ones((1, 4, 1))
    np.testing.assert_allclose(disagreement([rates]), 0, atol=1e-12)
    rates[7, 0] += 1.0
    assert disagreement([rates]).argmax() == 7
    np.testing.assert_allclose(disagreement([5 * rates]), disagreement([rates]))  # of any unit


@hypothesis_settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), number=st.integers(1, 12))
def test_farthest_points_are_spread_out(seed: int, number: int) -> None:
    rng = np.random.default_rng(seed)
    points, there = rng.normal(size=(40, 3)), rng.normal(size=(3, 3))
    chosen = farthest_points(points, there, number)
    assert len(set(chosen)) == number
    known = [*there, *points[chosen]]
    for k, index in enumerate(chosen):  # each was the farthest from all that was known then
        gaps = np.min([np.linalg.norm(points - one, axis=1) for one in known[: 3 + k]], axis=0)
        assert gaps[index] == pytest.approx(gaps.max())


def test_only_free_frames_are_candidates() -> None:
    disputes, free = np.arange(100.0), np.arange(100) % 2 == 0
    chosen = most_disputed(disputes, free, 4)
    assert chosen == [98 - 2 * k for k in range(4 * CANDIDATES)]


def test_descriptors_do_not_see_rotations_nor_the_order_of_atoms() -> None:
    frame = random_frame(1)
    order = np.random.default_rng(0).permutation(len(frame))
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    other = replace(
        frame, numbers=frame.numbers[order], positions=(frame.positions @ turn.T)[order], cell=frame.cell @ turn.T
    )
    np.testing.assert_allclose(descriptor(other), descriptor(frame), atol=1e-9)
    moved = replace(frame, positions=frame.positions + 0.1 * np.random.default_rng(2).normal(size=(len(frame), 3)))
    assert abs(descriptor(moved) - descriptor(frame)).max() > 0.01
