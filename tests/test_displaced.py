"""Labels of configurations with one atom displaced: what is moved, and that trainings find the pairs."""

from pathlib import Path

import numpy as np
import pytest

from conftest import Run
from contracts import made_up_run
from mimyria.errors import LabelError, TrajectoryError
from mimyria.formats import read_frames
from mimyria.labels.displaced import BY, with_one_displaced
from mimyria.training.gradients import LEAST, MOST, Pair, pairs_of


def test_one_atom_of_the_element_is_displaced_in_any_direction() -> None:
    (frame,) = made_up_run(1)
    random = np.random.default_rng(0)
    made = [with_one_displaced("md.xyz, frame 0", frame, "H", random) for _ in range(300)]
    steps = np.array([one.positions - frame.positions for one in made])
    lengths = np.linalg.norm(steps, axis=2)
    assert ((lengths > 0).sum(axis=1) == 1).all()
    np.testing.assert_allclose(lengths.max(axis=1), BY, rtol=1e-9)
    moved = lengths.argmax(axis=1)
    assert {*moved} == {*np.flatnonzero(frame.numbers == 1)}  # each of them is drawn
    assert [one.info["displaced"] for one in made] == [f"H {atom}" for atom in moved]
    mean = steps.sum(axis=1).mean(axis=0) / BY  # of unit vectors, 1/√900 an axis
    assert np.abs(mean).max() < 4 / 30
    assert LEAST < BY < MOST  # else no training would take them for pairs


def test_what_is_not_there_is_named() -> None:
    (frame,) = made_up_run(1)
    random = np.random.default_rng(0)
    with pytest.raises(LabelError, match=r"md\.xyz, frame 3 has no atom of S, which --displace names"):
        with_one_displaced("md.xyz, frame 3", frame, "S", random)
    with pytest.raises(TrajectoryError, match="'OW' is not a chemical symbol"):
        with_one_displaced("md.xyz, frame 3", frame, "OW", random)


def test_labels_with_and_without_are_pairs(run: Run, tmp_path: Path, molecules: Path) -> None:
    frames = []
    for name, more in (("plain", ()), ("displaced", ("--displace", "O"))):
        out = tmp_path / f"{name}.extxyz"
        arguments = ("--engine", "tblite", "--frames", "0:2", "--work", tmp_path / name, "--out", out)
        status, _, errors = run("label", molecules, *arguments, *more)
        assert status == 0, errors
        frames += list(read_frames(out))
    first, second, third, fourth = frames
    assert "displaced" not in first.info
    pairs = [*pairs_of(frames)]
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 2), (1, 3)]
    assert third.info["displaced"] == f"O {pairs[0].atom}"
    assert pairs[0] == Pair(0, 2, pairs[0].atom)
    for one, other, pair in ((first, third, pairs[0]), (second, fourth, pairs[1])):
        np.testing.assert_allclose(np.linalg.norm(other.positions[pair.atom] - one.positions[pair.atom]), BY)
        assert np.abs(other.tensors["pgt"] - one.tensors["pgt"]).max() > 0.01
