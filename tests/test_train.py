"""Training learns and generalises; seeds, weights, committees; labels that are missing, settings that are wrong."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mimyria.errors import Busy, ConfigError, LabelError
from mimyria.frame import Frame
from mimyria.model.files import read_model
from mimyria.training.evaluate import compare_with_labels, evaluate
from mimyria.training.history import history_of, read_history
from mimyria.training.train import train
from networks import assert_same, quick, tensors_of


@pytest.mark.parametrize("name", ["apt", "pgt"])
def test_training_learns_and_generalises(labels: list[Frame], tmp_path: Path, name: str) -> None:
    summary = train(labels[:8], quick(name, epochs=25), tmp_path / "m.mym")
    report = evaluate(compare_with_labels(read_model(tmp_path / "m.mym"), labels[8:], "labels"))
    assert summary["training_frames"] == summary["validation_frames"] == 8  # most molecules of each, and the others
    assert summary["training_atoms"] == {"H": 8 * 58, "O": 8 * 29}
    assert report["relative_rmse"] < 0.4
    assert report["r2"] == pytest.approx(1 - report["relative_rmse"] ** 2)
    assert set(report["species"]) == {"H", "O"}


def test_the_same_seed_gives_the_same_model(labels: list[Frame], tmp_path: Path) -> None:
    frames = labels[:4]
    for name in ("a", "b"):
        train(frames, quick("apt"), tmp_path / name)
    one, other = (read_model(tmp_path / name) for name in ("a", "b"))
    assert_same(tensors_of(one, frames[0]), tensors_of(other, frames[0]))
    train(frames, quick("apt", seed=1), tmp_path / "c")
    assert abs(tensors_of(read_model(tmp_path / "c"), frames[0]) - tensors_of(one, frames[0])).max() > 1e-4


def test_atoms_without_a_label_do_not_count(labels: list[Frame], tmp_path: Path) -> None:
    def masked(frame: Frame, value: float) -> Frame:
        apt = frame.tensors["apt"].copy()
        apt[10:] = value
        return replace(frame, tensors={"apt": apt})

    train([masked(frame, np.nan) for frame in labels[:3]], quick("apt"), tmp_path / "masked")
    model = read_model(tmp_path / "masked")
    assert np.isfinite(tensors_of(model, labels[0])).all()
    report = evaluate(compare_with_labels(model, [masked(labels[0], np.nan)], "labels"))
    assert report["atoms"] == 10


def test_no_warm_up_and_no_weight(labels: list[Frame], tmp_path: Path) -> None:
    assert train(labels[:2], quick("apt", warm_up=0, epochs=1), tmp_path / "m")["steps"]
    with pytest.raises(ConfigError, match="--weight: all that is labelled has a weight of zero"):
        train(labels[:2], quick("apt", weight={"H": 0.0, "O": 0.0}, epochs=1), tmp_path / "n")


def test_a_species_without_any_label_is_refused(labels: list[Frame], tmp_path: Path) -> None:
    apt = labels[0].tensors["apt"].copy()
    apt[labels[0].numbers == 1] = np.nan
    settings = quick("apt")
    with pytest.raises(LabelError, match="no atom of H has a label of apt"):
        train([replace(labels[0], tensors={"apt": apt})], settings, tmp_path / "m")


def test_validation_labels_are_checked(labels: list[Frame], tmp_path: Path) -> None:
    settings = quick("pgt")
    bare = replace(labels[1], tensors={})
    with pytest.raises(LabelError, match="the validation file, frame 0 has no pgt"):
        train(labels[:1], settings, tmp_path / "m", validation=[bare])


def test_one_frame_is_enough(labels: list[Frame], tmp_path: Path) -> None:
    summary = train(labels[:1], quick("pgt"), tmp_path / "m")
    assert summary["validation_frames"] == 1  # a tenth of its molecules
    assert summary["training_atoms"] == {"H": 58, "O": 29}
    assert np.isfinite(tensors_of(read_model(tmp_path / "m", "pgt"), labels[0])).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "dipole"}, r"--target takes apt.* not 'dipole'"),
        ({"preset": "huge"}, "--preset takes default, small, large, far, published, not 'huge'"),
        ({"validation": 1.0}, "--validation must be at least 0 and below 1, not 1"),
        ({"epochs": -1}, "--epochs takes a positive whole number, not -1"),
        ({"time_limit": 0.0}, "--time-limit must be positive, not 0"),
    ],
)
def test_wrong_settings_are_refused(
    labels: list[Frame], tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        train(labels[:2], quick("apt", **change), tmp_path / "m")


def test_missing_labels_are_named(labels: list[Frame], tmp_path: Path) -> None:
    bare = replace(labels[1], tensors={"apt": labels[1].tensors["apt"]}, info={})
    settings = quick("pgt")
    with pytest.raises(LabelError, match=r"a\.xyz, frame 1 has no pgt .*; its columns are: species, pos, forces, apt"):
        train([labels[0], bare], settings, tmp_path / "m", origin="a.xyz")
    with pytest.raises(LabelError, match="holds no frames"):
        train([], settings, tmp_path / "m")


def test_weights_make_a_species_or_an_irrep_count(labels: list[Frame], tmp_path: Path) -> None:
    def errors(weights: dict[str, float]) -> dict[str, dict[str, float]]:
        train(labels[:4], quick("apt", epochs=25, weight=weights), tmp_path / "m")
        report = evaluate(compare_with_labels(read_model(tmp_path / "m"), labels[8:], "labels"))
        return report["species"] | report["irreps"]

    plain, oxygen, trace = errors({}), errors({"H": 0.0}), errors({"1e": 0.0, "2e": 0.0})
    assert oxygen["H"]["rmse"] > 2 * plain["H"]["rmse"]
    assert oxygen["O"]["rmse"] < 1.3 * plain["O"]["rmse"]
    assert trace["2e"]["rmse"] > 2 * plain["2e"]["rmse"]
    with pytest.raises(ConfigError, match="--weight S: the labels have 0e, 1e, 2e, H, O"):
        errors({"S": 2.0})


def test_the_only_frame_of_a_species_is_trained_on(
    labels: list[Frame], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = replace(labels[0], numbers=np.where(np.arange(96) == 0, 16, labels[0].numbers))
    for seed in range(6):
        summary = train([*labels[1:4], other], quick("apt", epochs=1, seed=seed), tmp_path / "m")
        assert summary["training_atoms"]["S"] == 1
    assert "a single atom of S, of 384 labelled ones, has a label of apt: what it has in other" in caplog.text
    caplog.clear()
    again = replace(other, positions=other.positions + 0.1)
    train([*labels[1:4], other, again], quick("apt", epochs=1, validation=0.0), tmp_path / "m")
    assert "a single atom" not in caplog.text


def test_frames_without_any_label_are_left_out(labels: list[Frame], tmp_path: Path) -> None:
    bare = [replace(frame, tensors={"apt": np.full((96, 3, 3), np.nan)}) for frame in labels[:3]]
    summary = train([*bare, *labels[3:5]], quick("apt", epochs=1), tmp_path / "m")
    assert (summary["training_frames"], summary["validation_frames"]) == (
        2,
        2,
    )  # most molecules of each, and the others
    assert summary["validation_error"] > 0


def test_a_time_limit_counts_everything(labels: list[Frame], tmp_path: Path, ticking: None) -> None:
    """Two networks share the limit, and both learn in it."""
    summary = train(labels[:4], quick("apt", epochs=None, time_limit=0.06, committee=2), tmp_path / "m")
    first, second = read_history(history_of(tmp_path / "m"))
    assert 1.7 < first[-1]["seconds"] < 2.0
    assert 1.4 < second[-1]["seconds"] < 2.0
    assert 3.4 < summary["seconds"] < 3.9  # 0.06 minutes, and what the last step and validation take


def test_a_time_limit_that_preparations_take_up_leaves_a_model(labels: list[Frame], tmp_path: Path) -> None:
    for committee in (1, 3):
        asked = quick("apt", epochs=None, time_limit=1e-6, committee=committee)
        summary = train(labels[:4], asked, tmp_path / "m")
        assert (summary["epochs"], summary["steps"]) == (committee, committee)
        assert len(read_model(tmp_path / "m").members) == committee


def test_labels_of_different_kinds_are_warned_of(
    labels: list[Frame], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def by(engine: str, frame: Frame, **info: object) -> Frame:
        """A few of its atoms: what is said does not depend on them."""
        few: dict[str, Any] = {name: getattr(frame, name)[:12] for name in ("numbers", "positions")}
        few |= {"tensors": {"apt": frame.tensors["apt"][:12]}, "forces": None, "velocities": None}
        return replace(frame, **few, info=frame.info | {"engine": engine} | info)

    alike = [by("CP2K 2023.1 PBE", frame) for frame in labels[:3]]
    train(alike, quick("apt", epochs=1), tmp_path / "m")
    assert "trained together" not in caplog.text
    newer = by("CP2K 2023.1 PBE", labels[2], layout="vasp")
    train([*alike[:2], newer], quick("apt", epochs=1), tmp_path / "m")
    assert "labels of different layout are trained together: None, vasp" in caplog.text
    caplog.clear()
    other = by("tblite GFN2-xTB", labels[2], cluster_epsilon=1.78)
    with caplog.at_level("INFO", logger="mimyria"):
        train([*alike[:2], other], quick("apt", epochs=1), tmp_path / "m")
    assert "have a read-out each: CP2K 2023.1 PBE and tblite GFN2-xTB; the model predicts at the last" in caplog.text
    assert "labels of different cluster_epsilon are trained together: 1.78, None" in caplog.text
    caplog.clear()
    train(alike, quick("apt", epochs=1), tmp_path / "m", validation=[other])
    assert "training and validation frames are of different levels of theory, CP2K 2023.1 PBE and" in caplog.text
    caplog.clear()
    train([*alike[:2], other], quick("apt", epochs=1, preset="published"), tmp_path / "m")
    assert "labels of different levels of theory are trained together as if alike" in caplog.text


def test_one_training_at_a_time_writes_a_model(labels: list[Frame], tmp_path: Path) -> None:
    """Others beside it may: networks of several targets are trained in one folder."""
    begun = threading.Event()
    go_on = threading.Event()

    def wait(fraction: float, line: dict[str, float]) -> None:
        begun.set()
        go_on.wait(60)

    first = threading.Thread(
        target=train, args=(labels[:3], quick("apt"), tmp_path / "m.mym"), kwargs={"on_progress": wait}
    )
    first.start()
    try:
        assert begun.wait(60)
        with pytest.raises(Busy, match=r"another training is writing .*m\.mym; wait for it, or give another --out"):
            train(labels[:3], quick("apt"), tmp_path / "m.mym")
        train(labels[:3], quick("apt"), tmp_path / "other.mym")
    finally:
        go_on.set()
        first.join()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("m.history.csv", "m.mym", "other.history.csv", "other.mym")
    ]
    train(labels[:3], quick("apt"), tmp_path / "m.mym")
