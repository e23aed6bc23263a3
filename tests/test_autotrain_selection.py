"""Selection of frames: where the committee disagrees, and as unlike each other as can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from conftest import random_frame
from ensembles import SETTINGS, made_series
from mimyria.autotrain.selection import (
    CANDIDATES,
    descriptor,
    disagreement,
    disagreement_of_rates,
    farthest_points,
    most_disputed,
)
from mimyria.elements import numbers_of
from mimyria.frame import Frame
from mimyria.rates.checkpoint import PartStore
from mimyria.rates.groups import Grouping
from mimyria.rates.response import response_series
from mimyria.rates.series import ResponseSeries, read_series, write_series


def test_disagreement_is_that_of_the_rates() -> None:
    rates = np.random.default_rng(0).normal(size=(50, 1, 3)) * np.ones((1, 4, 1))
    np.testing.assert_allclose(disagreement_of_rates([rates]), 0, atol=1e-12)
    rates[7, 0] += 1.0
    assert disagreement_of_rates([rates]).argmax() == 7
    np.testing.assert_allclose(disagreement_of_rates([5 * rates]), disagreement_of_rates([rates]))  # of any unit
    old = [made_series({"apt": run[:, 0]}, member_rates={"apt": run}) for run in np.split(rates, 2)]
    assert len(disagreement(old, list)) == 50


SYMBOLS = ["S", *["O"] * 4, *["O", "H", "H"] * 20]
FRAMES, MEMBERS, RARE = 400, 3, np.arange(5, 400, 40)
"""A sulfate in water; in a fortieth of the frames the networks are apart about one atom."""


def disputed_series(folder: Path, atom: int, grouping: Grouping) -> ResponseSeries:
    """Networks that differ by noise about all atoms, and in the rare frames four times as much about one."""
    rng = np.random.default_rng(0)
    numbers = numbers_of(SYMBOLS)
    width = np.where(numbers == 16, 0.1, 0.05)[:, None, None]  # for some species the noise is larger than for others

    def frames() -> Iterator[Frame]:
        for k in range(FRAMES):
            noise = width * rng.normal(size=(MEMBERS, len(numbers), 3, 3))
            noise[:, atom] *= 4 if k in RARE else 1
            velocities = 0.01 * rng.normal(size=(len(numbers), 3))
            tensors = {"apt": noise.mean(axis=0)}
            yield Frame(
                numbers, np.zeros((len(numbers), 3)), 10 * np.eye(3), np.ones(3, dtype=bool), velocities,
                tensors=tensors, members={"apt": noise},
            )  # fmt: skip

    return response_series(
        iter(()), frames(), targets=("apt",), grouping=grouping, timestep=4.0, lags=9, store=PartStore(folder, SETTINGS)
    )


def found(disputes: np.ndarray) -> float:
    """The part of the rare frames that is among as many of the most disputed ones."""
    return float(np.isin(most_disputed(disputes, np.ones(FRAMES, dtype=bool), 2)[: len(RARE)], RARE).mean())


@pytest.mark.parametrize("atom", [0, 3, 20])
def test_rare_environments_of_one_atom_are_found(tmp_path: Path, atom: int) -> None:
    """Of the sulfur, of an oxygen of the sulfate, of a hydrogen of the water: the sums over all atoms do not see it."""
    write_series(
        tmp_path / "s.h5", [disputed_series(tmp_path / "pass", atom, Grouping.by_species(numbers_of(SYMBOLS)))]
    )
    runs = read_series(tmp_path / "s.h5")
    assert found(disagreement(runs, lambda names: [])) >= 0.8
    assert found(disagreement_of_rates([runs[0].member_rates["apt"][:]])) <= 0.5


def test_only_groups_that_are_named_count(tmp_path: Path) -> None:
    solute = (np.arange(len(SYMBOLS)) < 5)[None]
    grouping = Grouping.by_selection(["sulfate"], lambda frame: solute, rest=True)
    runs = [disputed_series(tmp_path, 20, grouping)]
    assert runs[0].member_spreads["apt"].shape == (FRAMES, 2)
    assert found(disagreement(runs, lambda names: [])) >= 0.8
    assert found(disagreement(runs, lambda names: ["sulfate"])) <= 0.2  # of the water nobody asked
    assert found(disagreement([disputed_series(tmp_path / "other", 0, grouping)], lambda names: ["sulfate"])) >= 0.8


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
