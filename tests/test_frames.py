"""Frames of the trajectories of a loop: none is trained on beside the test set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polarizable
import pytest

from mimyria.autotrain.frames import Place, Pool, draw_places, places_in, write_selected
from mimyria.formats import read_frames, write_frames
from mimyria.trajectory import Trajectory


def test_nothing_is_trained_on_beside_the_test_set(tmp_path: Path) -> None:
    write_frames(tmp_path / "a.xyz", polarizable.run(1, 50, 2.0))
    write_frames(tmp_path / "b.xyz", polarizable.run(1, 30, 2.0, seed=1))
    pool = Pool.of(Trajectory(tmp_path / name) for name in ("a.xyz", "b.xyz"))
    assert pool.lengths == (50, 30)
    assert pool.test() == [*(Place(0, k) for k in range(45, 50)), *(Place(1, k) for k in range(27, 30))]
    assert not set(pool.test()) & set(pool.training())
    drawn = draw_places(pool.training(), 10, np.random.default_rng(0))
    assert drawn == sorted(set(drawn))
    for place, frame in zip(drawn, pool.frames(drawn), strict=True):
        assert frame.time == pytest.approx(2.0 * place.frame)
    assert draw_places(pool.training()[:8], 10, np.random.default_rng(0)) == pool.training()[:8]


def test_a_charge_that_the_trajectory_states_is_that_of_the_frames_to_label(tmp_path: Path) -> None:
    frames = (replace(frame, info={"total_charge": -2.0}) for frame in polarizable.run(1, 20, 2.0))
    write_frames(tmp_path / "a.extxyz", frames)
    pool = Pool.of([Trajectory(tmp_path / "a.extxyz")])
    write_selected(tmp_path / "selected.extxyz", pool.frames([Place(0, 3)]))
    (frame,) = read_frames(tmp_path / "selected.extxyz")
    assert frame.total_charge == -2.0
    assert places_in(tmp_path / "selected.extxyz") == [Place(0, 3)]
