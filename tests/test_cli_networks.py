"""The commands `train`, `evaluate` and `predict`, from file to file."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from conftest import Run
from mimyria.formats import read_frames, write_frames
from mimyria.frame import Frame


def test_train_evaluate_predict_info(run: Run, labels: list[Frame], tmp_path: Path) -> None:
    write_frames(tmp_path / "labels.extxyz", labels[:4])
    model = tmp_path / "apt.mym"
    status, text, error = run(
        "train", tmp_path / "labels.extxyz", "--target", "apt", "--out", model, "--epochs", 3, "--preset", "small"
    )
    assert status == 0, error
    assert "4 training frames, 3 epochs" in text
    options = ["--plot", tmp_path / "parity.png", "--out", tmp_path / "errors.json"]
    status, text, _ = run("evaluate", model, tmp_path / "labels.extxyz", "--json", *options)
    report = json.loads(text)
    assert json.loads((tmp_path / "errors.json").read_text()) == report
    assert report["species"]["O"]["atoms"] == 4 * 32
    assert (tmp_path / "parity.png").exists()
    status, text, _ = run("evaluate", model, tmp_path / "labels.extxyz")
    assert "RMSE" in text
    status, _, _ = run("predict", model, tmp_path / "labels.extxyz", "--out", tmp_path / "p.extxyz")
    assert status == 0
    for frame in read_frames(tmp_path / "p.extxyz"):
        np.testing.assert_allclose(frame.tensors["apt"].sum(axis=0), 0, atol=1e-6)
    status, text, _ = run("info", model, "--json")
    assert json.loads(text)["training_frames"] == 4
    status, text, _ = run("info", tmp_path / "labels.extxyz")
    assert "composition: H64 O32" in text
    assert "apt: in 4 frames; sum rule violated by at most" in text


def test_charge_of_the_header_is_used(run: Run, models: Path, water: Path, tmp_path: Path) -> None:
    frames = [replace(frame, info={"total_charge": -2.0}) for frame in list(read_frames(water))[:2]]
    write_frames(tmp_path / "ion.extxyz", frames)
    run("predict", models / "apt.mym", tmp_path / "ion.extxyz", "--out", tmp_path / "p.extxyz")
    for frame in read_frames(tmp_path / "p.extxyz"):
        np.testing.assert_allclose(frame.tensors["apt"].sum(axis=0), -2 * np.eye(3), atol=1e-6)


def test_training_with_everything(run: Run, tmp_path: Path, molecules: Path) -> None:
    labels, out = tmp_path / "labels.extxyz", tmp_path / "apt.mym"
    status, _, errors = run("label", molecules, "--engine", "tblite", "--out", labels, "--work", tmp_path / "work")
    assert status == 0, errors
    arguments = ("--committee", 2, "--weight", "O=2", "--weight", "2e=0.5", "--sum-rule", "project", "--epochs", 3)
    plot = tmp_path / "curve.png"
    status, _, errors = run("train", labels, "--target", "apt", "--out", out, "--plot", plot, *arguments)
    assert status == 0, errors
    assert plot.stat().st_size > 5000
    assert (tmp_path / "apt.history.csv").read_text().startswith("member,epoch,steps")
    predicted = tmp_path / "predicted.extxyz"
    status, _, errors = run("predict", out, molecules, "--out", predicted)
    assert status == 0, errors
    assert "committee standard deviation" in errors
    assert "apt_spread:R:1" in predicted.read_text()
    picture = tmp_path / "calibration.png"
    status, said, errors = run("evaluate", out, labels, "--calibration", picture)
    assert status == 0, errors
    assert "1e" in said
    assert picture.stat().st_size > 5000
    for wrong, words in (("O", "--weight takes NAME=VALUE"), ("O=x", "takes a number"), ("C=2", "the labels have")):
        status, _, errors = run("train", labels, "--target", "apt", "--out", out, "--weight", wrong)
        assert status == 2
        assert words in errors
