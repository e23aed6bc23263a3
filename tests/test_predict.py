"""Prediction: exact sum rules, shared geometries, the mean and spread of a committee, the bundled models."""

from copy import deepcopy
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import DATA, random_frame
from mimyria.figures.training import plot_history
from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.model import predict as prediction
from mimyria.model.files import read_model
from mimyria.model.graph import Graph, build_graph
from mimyria.model.model import PRESETS, ResponseModel
from mimyria.model.predict import predict, predict_all, predict_with_spread
from mimyria.training.evaluate import compare_with_labels, evaluate
from mimyria.training.history import history_of, read_history
from networks import SPECIES, assert_same, tensors_of


def test_predicted_sum_rule_is_exact(model: ResponseModel) -> None:
    frames = [random_frame(seed) for seed in range(3)]
    for frame in predict(model, frames, charge=-2.0):
        tensors = frame.tensors[model.target.name]
        assert model.target.translation_error(tensors, -2.0) < 1e-13 * len(frame) * max(1.0, abs(tensors).max())
    for frame, raw in zip(predict(model, frames, project=False), predict_with_spread(model, frames), strict=True):
        assert_same(frame.tensors[model.target.name], raw.tensors)


def test_models_of_the_same_shape_share_one_geometry(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []

    def counted(*arguments: object) -> Graph:
        calls.append(arguments)
        return build_graph(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(prediction, "build_graph", counted)
    frame = random_frame(3)
    apt, pgt = (ResponseModel(replace(PRESETS["default"][name], species=SPECIES)) for name in ("apt", "pgt"))
    other = ResponseModel(replace(PRESETS["small"]["pgt"], species=SPECIES))
    for models, graphs in (([apt, pgt], 1), ([apt, other], 2)):
        calls.clear()
        (both,) = predict_all(models, [frame], project=False)
        assert len(calls) == graphs
        for model in models:
            assert_same(both.tensors[model.target.name], tensors_of(model, frame))


def test_a_committee_gives_mean_and_spread(
    labels: list[Frame], committee: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = read_model(committee)
    assert len(model.members) == 3
    ((tensors, unsure, *_),) = predict_with_spread(model, labels[8:9])
    assert unsure.shape == (96,)
    one = [replace_members(model, k) for k in range(3)]
    alone = np.array([tensors_of(member, labels[8]) for member in one])
    assert_same(tensors, alone.mean(0))
    away = alone - alone.mean(0)
    away = away - away.mean(1, keepdims=True)  # the sum over the atoms is made exact
    np.testing.assert_allclose(unsure, np.sqrt(away.var(0, ddof=1).mean((1, 2))), rtol=1e-3)
    assert model.summary["spread_error"] > model.summary["spread"] > 0
    with caplog.at_level("INFO", "mimyria"):
        (frame,) = predict(model, labels[8:9])
    assert "committee standard deviation" in caplog.text
    assert frame.extra["apt_spread"].shape == (96,)
    squeezed = replace(labels[8], positions=labels[8].positions * 0.85, cell=labels[8].cell * 0.85)
    with caplog.at_level("WARNING", "mimyria"):
        list(predict(model, [squeezed]))
    assert "this system is outside the training data" in caplog.text
    lines = read_history(history_of(committee))
    assert [len(member) for member in lines] == [12, 12, 12]
    assert lines[0][-1]["held_out"] < lines[0][0]["held_out"]
    plot_history(tmp_path / "h.png", lines, "m")
    assert (tmp_path / "h.png").stat().st_size > 5000


def replace_members(model: ResponseModel, k: int) -> ResponseModel:
    alone = deepcopy(model)
    alone.members = torch.nn.ModuleList([model.members[k]])
    return alone


@pytest.mark.parametrize("target", ["apt", "pgt"])
@pytest.mark.parametrize(
    ("name", "file", "unsure_by"),
    [("water", "water32_labels_production", 1.4), ("water-pbe", "water32_labels", 2)],  # `water` has fewer labels
)
def test_the_bundled_models_of_water(name: str, file: str, unsure_by: float, target: str) -> None:
    """Close to labels (they were trained on), sure of themselves on them, and not on what they have never seen."""
    labels = list(islice(read_frames(DATA / f"{file}.extxyz.xz"), 3))
    model = read_model(Path(name), target)
    assert model.summary["system"].startswith("liquid water")
    report = evaluate(compare_with_labels(model, labels[:3], "labels"))
    assert report["relative_rmse"] < 0.08
    ((_, unsure, *_),) = predict_with_spread(model, labels[:1])
    squeezed = replace(labels[0], positions=labels[0].positions * 0.9, cell=labels[0].cell * 0.9)
    ((_, unknown, *_),) = predict_with_spread(model, [squeezed])
    assert np.sqrt(np.square(unsure).mean()) < 1.3 * model.summary["spread"]
    assert np.sqrt(np.square(unknown).mean()) > unsure_by * model.summary["spread"]


def test_an_atom_that_the_committee_does_not_know_is_named(
    labels: list[Frame], committee: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A hydrogen drawn out by 1.2 Å, towards another molecule."""
    frame = labels[7]
    positions = frame.positions.copy()
    positions[1] += 1.2 * (positions[1] - positions[0]) / np.linalg.norm(positions[1] - positions[0])
    with caplog.at_level("WARNING", "mimyria"):
        list(predict(read_model(committee), [replace(frame, positions=positions)]))
    assert "the committee has a high uncertainty for an atom" in caplog.text


@pytest.mark.parametrize(("charge", "warned"), [(None, False), (-2.0, False), (0.0, True)])
def test_a_total_charge_that_was_not_given_is_told(
    charge: float | None, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The labels state their charge, -2 e, a trajectory of them often does not."""
    labels = [frame for frame in read_frames(DATA / "sulfate_labels.extxyz.xz") if frame.total_charge == -2]
    list(predict(read_model("sulfate", "apt"), labels[:2], charge=charge))
    assert ("it is off by -2 (--charge, or total_charge" in caplog.text) is warned
