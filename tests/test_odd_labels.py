"""Labels of another electronic state stand out by the size of their tensors; those of the ground state do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import DATA
from mimyria.formats import read_frames
from mimyria.odd_labels import LEAST_FRAMES, describe_odd_labels, find_odd_labels

MORE = Path(__file__).parents[1] / "scripts" / "sulfate" / "data"


@pytest.mark.parametrize("target", ["apt", "pgt"])
@pytest.mark.parametrize(
    "path",
    [
        DATA / "water32_labels.extxyz.xz",
        DATA / "water32_labels_production.extxyz.xz",
        DATA / "sulfate_labels.extxyz.xz",
        MORE / "autotrain-labels.extxyz.xz",
        MORE / "late-labels.extxyz.xz",
    ],
    ids=lambda path: path.name,
)
def test_labels_that_are_right_do_not_stand_out(path: Path, target: str) -> None:
    assert not find_odd_labels(list(read_frames(path)), target)


def test_a_label_of_another_state_does() -> None:
    frames = list(read_frames(DATA / "water32_labels.extxyz.xz"))[: 2 * LEAST_FRAMES]
    wrong = dict(frames[5].tensors)
    wrong["pgt"] = np.where((frames[5].numbers == 8)[:, None, None, None], 1.4 * wrong["pgt"], wrong["pgt"])
    frames[5] = replace(frames[5], tensors=wrong)
    (found,) = find_odd_labels(frames, "pgt")
    assert (found.frame, found.symbol) == (5, "O")
    assert found.factor == pytest.approx(1.4, abs=0.1)
    assert not find_odd_labels(frames, "apt")
    assert not find_odd_labels(frames[: LEAST_FRAMES - 1], "pgt")  # of so few the scatter is not known
    assert describe_odd_labels(frames, "pgt", "a.extxyz").startswith("a.extxyz: the pgt of frame 5 (O: 1.4 times the")
    assert not describe_odd_labels(frames, "apt", "a.extxyz")


def test_few_normal_numbers_rarely_have_a_large_z() -> None:
    """Of sets of the least size, all of ground states, one in five hundred at most has an outlier."""
    sizes = np.random.default_rng(1).normal(size=(20000, LEAST_FRAMES))
    away = abs(sizes - np.median(sizes, axis=1, keepdims=True))
    z = away / (1.4826 * np.median(away, axis=1, keepdims=True))
    assert np.mean(z.max(axis=1) > 8) < 0.002
