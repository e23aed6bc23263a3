"""Batches of training: geometries kept or computed anew, small molecules together, the excess of a sum taken off."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import molecule

from mimyria.errors import ModelError
from mimyria.frame import Frame
from mimyria.level import Level
from mimyria.model.batches import make_data
from mimyria.model.files import read_model
from mimyria.model.layers import Geometry
from mimyria.model.model import PRESETS, ResponseModel
from mimyria.training.fit import Fit, FitSettings
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


def molecules(number: int) -> list[Frame]:
    """Of several kinds, with labels at random, some of which are missing."""
    frames, rng = [], np.random.default_rng(0)
    for number_of, name in zip(range(number), ["H2O", "CH3OH", "CO2", "H2O", "CH4"] * number, strict=False):
        atoms = molecule(name)
        apt = rng.normal(size=(len(atoms), 3, 3))
        apt[0, :, :] = np.nan if number_of % 3 else apt[0]
        apart = atoms.positions + 0.05 * rng.normal(size=(len(atoms), 3))
        frames.append(Frame(atoms.numbers, apart, np.zeros((3, 3)), np.zeros(3, bool), tensors={"apt": apt}))
    return frames


@pytest.mark.parametrize(("project", "far_channels"), [(False, 0), (True, 0), (False, 4)])
def test_parts_of_a_batch_add_up_to_its_gradient(project: bool, far_channels: int) -> None:
    """Where the memory of a card is too small for all frames of a step."""
    torch.manual_seed(0)
    shape = replace(PRESETS["small"]["apt"], species=(1, 6, 8), far_channels=far_channels)  # type: ignore[type-var]
    model = ResponseModel(shape)
    data = make_data(model, molecules(17), molecules(3), project=project, weights={"C": 3}, device=torch.device("cpu"))
    fit, batch = Fit(model, data, FitSettings(), 0.0), data.training[0]
    found = []
    for halvings in (0, 1, 3, 10):
        data.room.halvings = halvings
        loss, errors = fit._gradient(batch), fit.validation_errors()
        gradients = torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])
        found.append((loss, errors, gradients))
        assert len(list(data.parts(batch))) == min(2**halvings, int(batch.frame.max()) + 1)
    for loss, errors, gradients in found[1:]:
        assert loss == pytest.approx(found[0][0], rel=1e-5)
        assert errors == pytest.approx(found[0][1], rel=1e-5, nan_ok=True)
        torch.testing.assert_close(gradients, found[0][2], rtol=1e-4, atol=1e-4 * float(found[0][2].abs().max()))
    assert data.training[0].geometry is None  # which leaves memory for the rest


def test_a_full_memory_makes_a_training_slower_but_not_different(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    forward, holds = ResponseModel.forward, 40

    def on_a_full_card(model: ResponseModel, geometry: Geometry, level: int = 0) -> torch.Tensor:
        if len(geometry.graph) > holds:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total of 4")
        return forward(model, geometry, level)

    frames, settings = molecules(30), quick("apt", epochs=1, committee=2, validation=0.5)
    expected = train(frames, settings, tmp_path / "whole")
    monkeypatch.setattr(ResponseModel, "forward", on_a_full_card)
    with caplog.at_level("INFO", "mimyria"):
        summary = train(frames, settings, tmp_path / "parts")
    for name in ("validation_error", "spread", "spread_error", "spread_largest"):
        assert summary[name] == pytest.approx(expected[name], rel=1e-2)
    assert [line.partition(":")[0] for line in caplog.messages if "memory" in line] == ["CUDA out of memory"]
    holds = 1
    with pytest.raises(
        ModelError, match="CUDA out of memory, however few atoms are computed at once; try --device cpu"
    ):
        train(frames, settings, tmp_path / "never")


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
