"""Errors of a model: of known predictions, by species, irrep and component, and calibrated by the spread."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import random_frame
from mimyria.errors import ModelError
from mimyria.frame import Frame
from mimyria.model.files import read_model
from mimyria.targets import TARGETS
from mimyria.training.evaluate import Comparison, calibration_curve, compare_with_labels, evaluate
from mimyria.training.train import train
from networks import quick


def test_errors_of_known_predictions() -> None:
    frame = replace(random_frame(0, n_atoms=6), info={"total_charge": 1.0})
    labels = np.random.default_rng(0).normal(size=(6, 3, 3))
    report = evaluate(Comparison(TARGETS["apt"], [frame], frame.numbers, labels, labels + 0.25))
    assert report["bias"] == pytest.approx(0.25)
    assert report["rmse"] == pytest.approx(0.25)
    assert report["sum_rule"] == pytest.approx(abs((labels + 0.25).sum(axis=0) - np.eye(3)).max())
    exact = evaluate(Comparison(TARGETS["apt"], [frame], frame.numbers, labels, labels))
    assert exact["r2"] == 1.0


def test_one_element_in_two_groups_has_errors_of_its_own_in_each() -> None:
    frames = [replace(random_frame(k, n_atoms=6), numbers=np.array([16, 8, 8, 8, 1, 1])) for k in range(4)]
    labels = np.random.default_rng(0).normal(size=(24, 3, 3))
    rows = np.arange(24) % 6
    wrong = labels * np.where(rows < 3, 1.2, 1.0)[:, None, None]  # S and two of the oxygens
    pairs = Comparison(TARGETS["apt"], frames, np.concatenate([frame.numbers for frame in frames]), labels, wrong)
    ion = [{"ion": (np.arange(6) < 3).astype(float), "water": (np.arange(6) > 2).astype(float)}] * 4
    report = evaluate(pairs, ion)
    assert {name: list(of) for name, of in report["groups"].items()} == {"ion": ["O", "S"], "water": ["H", "O"]}
    assert report["groups"]["ion"]["O"]["of_size"] == pytest.approx(0.2)
    assert report["groups"]["ion"]["O"]["atoms"] == 8
    assert report["groups"]["water"]["O"]["rmse"] == 0.0
    own = labels[np.isin(rows, [1, 2])]
    assert report["groups"]["ion"]["O"]["deviation"] == pytest.approx(np.sqrt(np.square(own - own.mean(0)).mean()))
    assert "   ion O    " in str(report)
    assert evaluate(pairs)["groups"] == {}


def test_what_does_not_vary_but_for_rounding_has_no_relative_error() -> None:
    frame = random_frame(0, n_atoms=6)
    noise, errors = np.random.default_rng(0).normal(size=(2, 6, 3, 3)) * np.array([1e-17, 0.01])[:, None, None, None]
    labels = 0.4 * np.eye(3) + noise
    report = evaluate(Comparison(TARGETS["apt"], [frame], frame.numbers, labels, labels + errors))
    assert report["of_size"] == pytest.approx(report["rmse"] / (0.4 / 3**0.5))
    assert report["relative_rmse"] is None
    assert report["r2"] is None
    assert report["irreps"]["1e"]["of_size"] is None
    assert "e+" not in str(report)


def test_calibration_groups_atoms_of_like_spread() -> None:
    frame = random_frame(0, n_atoms=40)
    spreads = np.linspace(1.0, 4.0, 40)
    labels = np.zeros((40, 3, 3))
    pairs = Comparison(TARGETS["apt"], [frame], frame.numbers, labels, labels + 2 * spreads[:, None, None], spreads)
    unsure, wrong = calibration_curve(pairs)
    assert len(unsure) == 10
    np.testing.assert_allclose(wrong, 2 * unsure)
    with pytest.raises(ModelError, match="--committee"):
        calibration_curve(replace(pairs, spreads=np.full(40, np.nan)))


def test_irreps_and_components_add_up(labels: list[Frame], tmp_path: Path) -> None:
    train(labels[:2], quick("pgt", epochs=2), tmp_path / "m")
    report = evaluate(compare_with_labels(read_model(tmp_path / "m"), labels[8:], "labels"))
    assert set(report["irreps"]) == {"1o", "2o", "3o"}
    assert len(report["components"]) == 27
    squares = np.mean([row["rmse"] ** 2 for row in report["components"].values()])
    assert squares == pytest.approx(report["rmse"] ** 2)
    sizes = {"1o": 6, "2o": 5, "3o": 7}  # the basis is orthonormal, so the squares of the parts are those of the whole
    assert sum(sizes[name] * row["rmse"] ** 2 for name, row in report["irreps"].items()) == pytest.approx(
        27 * report["rmse"] ** 2, rel=1e-4
    )
