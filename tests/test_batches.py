"""Batches of training: geometries kept or computed anew, small molecules together, the excess of a sum taken off."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import molecule

from mimyria.frame import Frame
from mimyria.level import Level
from mimyria.model.batches import make_data
from mimyria.model.files import read_model
from mimyria.model.model import PRESETS, ResponseModel
from mimyria.training.train import train
from networks import assert_same, quick, tensors_of


def test_geometries_that_are_not_kept_give_the_same(
    labels: list[Frame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mimyria.model import batches as module

    settings, frames = quick("apt", epochs=2), [labels[0]] * 4  # alike, so that any of them sets the scales
    train(frames, settings, tmp_path / "kept")
    monkeypatch.setattr(module, "KEPT_BYTES", 1)
    train(frames, settings, tmp_path / "computed")
    kept, computed = (tensors_of(read_model(tmp_path / name), labels[5]) for name in ("kept", "computed"))
    assert_same(computed, kept)


def test_small_molecules_share_a_step(tmp_path: Path) -> None:
    water = molecule("H2O")
    frames = [
        Frame(
            water.numbers,
            water.positions + 0.05 * np.random.default_rng(k).normal(size=(3, 3)),
            np.zeros((3, 3)),
            np.zeros(3, dtype=bool),
            tensors={"apt": np.random.default_rng(k).normal(size=(3, 3, 3))},
        )
        for k in range(50)
    ]
    summary = train(frames, quick("apt", validation=0.2), tmp_path / "m")
    assert summary["steps"] == 4 * 2  # 40 molecules of three atoms make two steps of at least 64 atoms


def test_a_constant_excess_is_no_error_when_the_sum_is_made_exact(labels: list[Frame], tmp_path: Path) -> None:
    masked = labels[2].tensors["apt"].copy()
    masked[5] = np.nan
    frames = [*labels[:2], replace(labels[2], tensors={"apt": masked})]
    model = ResponseModel(replace(PRESETS["small"]["apt"], species=(1, 8)))
    data = make_data(model, frames, [], project=True, weights={}, device=torch.device("cpu"))
    for number, batch in enumerate(data.training):
        constant = torch.ones_like(batch.labels) * 0.3 / model.scale[batch.graph.species]
        left = batch.without_excess(constant, model)
        assert bool(left.abs().max() > 0.01) == (number == 2)  # where an atom has no label nothing is known of the sum
        random = torch.randn_like(batch.labels)
        twice = batch.without_excess(batch.without_excess(random, model), model)
        torch.testing.assert_close(twice, batch.without_excess(random, model), atol=1e-4, rtol=1e-4)
    for sum_rule in ("none", "project"):
        train(labels[:4], quick("apt", sum_rule=sum_rule), tmp_path / sum_rule)
    none, projected = (tensors_of(read_model(tmp_path / name), labels[0]) for name in ("none", "project"))
    assert abs(none - projected).max() > 1e-4  # the loss is another one


def test_the_level_that_is_predicted_is_seen_as_often_as_all_others(labels: list[Frame]) -> None:
    levels = Level("a", "PBE", "small"), Level("b", "PBE", "large")
    model = ResponseModel(replace(PRESETS["small"]["apt"], species=(1, 8)), levels=levels)
    frames = [replace(frame, info=levels[k == 3].header) for k, frame in enumerate(labels[:6])]
    frames[3] = replace(frames[3], tensors={"apt": 3 * frames[3].tensors["apt"]})
    data = make_data(model, frames, [], project=False, weights={}, device=torch.device("cpu"))
    assert [batch.level for batch in data.training] == [0] * 5 + [1] * 5
    scales = model.scale.reshape(2, 2, -1)  # species, level, irreps
    assert 2 < (scales[:, 1] / scales[:, 0]).min() < (scales[:, 1] / scales[:, 0]).max() < 4
    for batch in data.training:  # labels of both levels are of order one
        assert 0.3 < batch.labels.square().mean() < 3
