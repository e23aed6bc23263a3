"""Training from a trained model: what it gains, what it refuses and says; its identity; committees."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mimyria import commands
from mimyria.errors import ConfigError, Interrupted, ModelError
from mimyria.formats import write_frames
from mimyria.frame import Frame
from mimyria.level import Level
from mimyria.model.files import FORMAT, read_content, read_every_level, read_model, write_content
from mimyria.model.model import PRESETS
from mimyria.training.evaluate import compare_with_labels, evaluate
from mimyria.training.train import CHECKPOINT, train
from networks import assert_same, quick, stopping, tensors_of

CHEAP, DEAR = Level("a", "PBE", "small"), Level("b", "PBE", "large")


def cheap(frame: Frame) -> Frame:
    return replace(frame, info=CHEAP.header)


def dear(frame: Frame) -> Frame:
    """Another level, whose tensors are not proportional to those of the first: traces grow, the rest with the place."""
    apt = frame.tensors["apt"]
    trace = np.einsum("naa->n", apt)[:, None, None] * np.eye(3) / 3
    return replace(frame, tensors={"apt": 1.1 * trace + 0.9 * (apt - trace)}, info=DEAR.header)


@pytest.fixture(scope="module")
def start(labels: list[Frame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A committee of two that knows the cheap labels."""
    path = tmp_path_factory.mktemp("start") / "apt.mym"
    train([cheap(frame) for frame in labels[:8]], quick("apt", epochs=15, committee=2), path)
    return path


def error_of(path: Path, frames: list[Frame]) -> float:
    return float(evaluate(compare_with_labels(read_model(path), frames, "labels"))["relative_rmse"])


def test_two_labels_of_another_level_are_enough(labels: list[Frame], start: Path, tmp_path: Path) -> None:
    few, unseen = ([dear(frame) for frame in part] for part in (labels[:2], labels[8:]))
    before = error_of(start, unseen)
    summary = train(few, quick("apt", epochs=None, start=str(start)), tmp_path / "m.mym")
    assert summary["validation_frames"] == 2  # some molecules of both
    assert summary["steps"] == 150
    after = error_of(tmp_path / "m.mym", unseen)
    train(few, quick("apt", epochs=summary["epochs"]), tmp_path / "scratch.mym")
    assert after < 0.8 * before
    assert after < 0.9 * error_of(tmp_path / "scratch.mym", unseen)
    assert summary["start"]["levels"] == "PBE/small (a)"


def test_a_start_of_before_the_exchange_learns_one(
    labels: list[Frame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = PRESETS["small"]["apt"]
    with monkeypatch.context() as before:
        before.setitem(PRESETS["small"], "apt", replace(shape, exchange_channels=0))
        train([cheap(frame) for frame in labels[:8]], quick("apt", epochs=4), tmp_path / "old.mym")
    settings = quick("apt", epochs=10, start=str(tmp_path / "old.mym"))
    train([dear(frame) for frame in labels[:2]], settings, tmp_path / "m.mym")
    made = read_model(tmp_path / "m.mym")
    (network,) = made.networks
    assert made.settings.exchange_channels == shape.exchange_channels > 0  # type: ignore[attr-defined]
    assert abs(network.exchange.mix.weight).max() > 0  # type: ignore[attr-defined]
    common = network.exchange.unit * made.scale  # type: ignore[attr-defined]
    np.testing.assert_allclose(common, common[:1].expand_as(common), rtol=1e-5)
    settings = quick("apt", epochs=4, start=str(tmp_path / "m.mym"))  # whose exchange is trained: its unit stays one
    train([cheap(frame) for frame in labels[:2]], settings, tmp_path / "again.mym")
    again = read_model(tmp_path / "again.mym")
    kept = again.networks[0].exchange.unit * again.scale  # type: ignore[attr-defined]
    np.testing.assert_allclose(kept, common, rtol=1e-5)
    assert abs(again.scale / made.scale - 1).max() > 0.01  # others than before


def test_a_start_of_large_learns_what_is_heard_from_afar(
    labels: list[Frame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = PRESETS["small"]["apt"]
    far = replace(small, far_channels=4)  # type: ignore[type-var]
    train(labels[:4], quick("apt", epochs=2), tmp_path / "near.mym")
    monkeypatch.setitem(PRESETS["small"], "apt", far)
    start = str(tmp_path / "near.mym")
    train(labels[:4], quick("apt", epochs=1, learning_rate=1e-9, start=start), tmp_path / "same.mym")
    train(labels[:4], quick("apt", epochs=4, start=start), tmp_path / "far.mym")
    near, same, learnt = (read_model(tmp_path / f"{name}.mym") for name in ("near", "same", "far"))
    assert same.settings == learnt.settings == replace(far, species=(1, 8))
    for model, least, most in ((same, 0.0, 1e-6), (learnt, 1e-3, 10.0)):
        for message in model.networks[0].far:  # type: ignore[attr-defined]
            assert message.scale.min() > 0
            assert least <= abs(message.mix.weight).max() < most
    assert not [name for name in near.state_dict() if ".far." in name]
    settings = quick("apt", epochs=2, start=str(tmp_path / "far.mym"))
    train(labels[4:8], settings, tmp_path / "again.mym")
    again = read_model(tmp_path / "again.mym")
    pairs = zip(learnt.networks[0].far, again.networks[0].far, strict=True)  # type: ignore[attr-defined]
    assert all(bool((one.scale == other.scale).all()) for one, other in pairs)


def test_several_levels_share_what_they_learn(
    labels: list[Frame], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    unseen = [dear(frame) for frame in labels[10:]]
    few = [dear(frame) for frame in labels[8:10]]
    path = tmp_path / "m.mym"
    with caplog.at_level(logging.INFO, logger="mimyria"):
        train([*map(cheap, labels[:8]), *few], quick("apt", epochs=12), path)
    assert "labels of 2 levels of theory share all features" in caplog.text
    train(few, quick("apt", epochs=60), tmp_path / "scratch.mym")
    assert error_of(path, unseen) < 0.9 * error_of(tmp_path / "scratch.mym", unseen)

    # the model predicts at the last level, another is chosen by name, and evaluated where labels are of it
    assert read_every_level(path).levels == (CHEAP, DEAR)
    assert read_model(path).levels == (DEAR,)
    other = read_model(path, level="small")
    assert other.levels == (CHEAP,)
    write_frames(tmp_path / "cheap.xyz", [cheap(frame) for frame in labels[10:]])
    caplog.clear()
    of_file = commands.evaluate(path, tmp_path / "cheap.xyz")["rmse"]
    assert of_file == pytest.approx(commands.evaluate(other, map(cheap, labels[10:]))["rmse"], rel=1e-6)
    assert "difference of the levels" not in caplog.text
    assert commands.evaluate(path, tmp_path / "cheap.xyz", level="large")["rmse"] > 1.2 * of_file
    assert "the labels are of the level PBE/small (a), the model predicts at PBE/large (b)" in caplog.text
    with pytest.raises(ConfigError, match="--level RPBE means no level of theory of"):
        next(commands.predict(path, labels[:1], level="RPBE"))
    at_small = next(commands.predict(path, labels[:1], level="small")).tensors["apt"]
    assert_same(at_small, next(commands.predict(other, labels[:1])).tensors["apt"])

    # and it is a start for either of them
    train(few, quick("apt", epochs=1, start=str(path)), tmp_path / "again.mym")
    assert read_model(tmp_path / "again.mym").levels == (DEAR,)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"target": "pgt"}, ModelError, r"atomic polar tensor .* not of the polarizability .* or --target apt$"),
        (
            {"preset": "default"},
            ModelError,
            r"of another shape than --preset default \(cutoff 4.5, not 6.0, .*\): give --preset small$",
        ),
        ({"preset": "published"}, ModelError, r"\(mimyria networks, not published\): give --preset small$"),
        ({"start": "nowhere.mym"}, ModelError, r"nowhere\.mym does not exist$"),
        ({"start": "watter"}, ModelError, r"watter does not exist; with the package come .*water, water-pbe"),
        ({"start": "water"}, ModelError, r"of another shape than --preset small .*: give --preset default$"),
    ],
)
def test_a_start_of_another_kind_is_refused(
    labels: list[Frame], start: Path, tmp_path: Path, change: dict[str, str], error: type[Exception], message: str
) -> None:
    settings = replace(quick("apt", start=str(start)), **change)
    with pytest.raises(error, match=message):
        train(labels[:2], settings, tmp_path / "m.mym")


def test_a_start_whose_shape_no_preset_has(
    labels: list[Frame], start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "small", PRESETS["default"])
    with pytest.raises(ModelError, match=r"another shape than --preset small \(.*\): no preset has it$"):
        train(labels[:2], quick("apt", start=str(start)), tmp_path / "m.mym")


def test_a_start_is_not_overwritten(labels: list[Frame], start: Path) -> None:
    with pytest.raises(ConfigError, match=r"apt\.mym is the model to begin from; give another --out"):
        train(labels[:2], quick("apt", start=str(start)), start)


def test_other_species_are_said(
    labels: list[Frame], start: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    salty = [replace(frame, numbers=np.where(np.arange(96) == 0, 11, frame.numbers)) for frame in labels[:3]]
    with caplog.at_level(logging.INFO, logger="mimyria"):
        train(salty, quick("apt", epochs=1, start=str(start)), tmp_path / "m.mym")
        assert "species that --start does not know, whose weights begin at random: Na" in caplog.text
        assert read_model(tmp_path / "m.mym").settings.species == (1, 8, 11)
        train(labels[:2], quick("apt", epochs=1, start=str(tmp_path / "m.mym")), tmp_path / "n.mym")
    assert "species of --start without a label here, which the new model will not know: Na" in caplog.text
    assert read_model(tmp_path / "n.mym").settings.species == (1, 8)


def test_a_start_of_which_nothing_could_be_used_is_refused(labels: list[Frame], start: Path, tmp_path: Path) -> None:
    salt = [
        replace(one, numbers=np.where(one.numbers == 1, 11, 17), positions=2.5 * one.positions, cell=2.5 * one.cell)
        for one in labels[:2]
    ]
    with pytest.raises(ModelError, match="--start knows H, O, and the labels are of Na, Cl: it has nothing to begin"):
        train(salt, quick("apt", epochs=1, start=str(start)), tmp_path / "m.mym")


def test_a_damaged_start_is_refused_in_one_line(labels: list[Frame], start: Path, tmp_path: Path) -> None:
    content = read_content(start, FORMAT)
    name = next(name for name in content["weights"] if name.endswith("embed.weight"))
    for change, message in (
        ({name: content["weights"][name] * np.nan}, "has weights that are not finite: its training went wrong"),
        ({name: content["weights"][name][:1]}, "damaged model file: it lacks weights of its networks, or has others$"),
        ({"members.0.unknown": content["weights"][name]}, "it lacks weights of its networks, or has others$"),
    ):
        write_content(tmp_path / "bad.mym", content | {"weights": content["weights"] | change})
        with pytest.raises(ModelError, match=message):
            train(labels[:2], quick("apt", start=str(tmp_path / "bad.mym")), tmp_path / "m.mym")


def test_a_training_from_a_start_is_resumed_with_that_start_alone(
    labels: list[Frame], start: Path, tmp_path: Path
) -> None:
    frames, asked = [dear(frame) for frame in labels[:2]], quick("apt", epochs=4, start=str(start))
    train(frames, asked, tmp_path / "whole.mym")
    with pytest.raises(Interrupted):
        train(frames, asked, tmp_path / "m.mym", on_progress=stopping(0.5))
    with pytest.raises(ModelError, match=r"another training: start levels was PBE/small \(a\), now it is PBE/large"):
        train(frames, replace(asked, start=str(tmp_path / "whole.mym")), tmp_path / "m.mym", resume=True)
    with pytest.raises(ModelError, match="belongs to another training"):
        train(frames, replace(asked, start=None), tmp_path / "m.mym", resume=True)
    train(frames, asked, tmp_path / "m.mym", resume=True)
    one, other = (tensors_of(read_model(tmp_path / name), labels[5]) for name in ("whole.mym", "m.mym"))
    np.testing.assert_array_equal(one, other)


def test_each_network_begins_from_one_of_the_committee(labels: list[Frame], start: Path, tmp_path: Path) -> None:
    settings = quick("apt", epochs=1, learning_rate=1e-9, committee=2, start=str(start.parent))  # a folder of models
    train([cheap(frame) for frame in labels[:2]], settings, tmp_path / "m.mym")
    before, after = (read_model(path).state_dict() for path in (start, tmp_path / "m.mym"))
    weights = [name for name in before if name.startswith("members.") and name.endswith("weight")]
    assert max(float((after[name] - before[name]).abs().max()) for name in weights) < 1e-6
    assert before[weights[0]].ne(before[weights[0].replace("members.0", "members.1")]).any()


def test_a_training_of_before_the_exchange_is_not_resumed(labels: list[Frame], tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(labels[:3], quick("apt"), tmp_path / "m.mym", on_progress=stopping())
    checkpoint = tmp_path / "m.mym.checkpoint"
    content = read_content(checkpoint, CHECKPOINT)
    write_content(checkpoint, content | {"format": "mimyria checkpoint 2"})
    with pytest.raises(ModelError, match=r"m\.mym\.checkpoint"):
        train(labels[:3], quick("apt"), tmp_path / "m.mym", resume=True)
