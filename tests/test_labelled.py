"""The frames of a training: levels in their order, what is held out of few frames, labels that are missing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mimyria.errors import LabelError, TrajectoryError
from mimyria.frame import Frame
from mimyria.labels.displaced import with_one_displaced
from mimyria.level import UNKNOWN, Level
from mimyria.targets import labelled_atoms
from mimyria.training.labelled import check_labels, facts_of_levels, hold_out_molecules, split, trained_levels
from mimyria.training.train import train
from networks import quick

A, B = Level("a", "PBE", "def2-svp"), Level("b", "PBE", "def2-svpd")


def of(level: Level, frame: Frame, **info: object) -> Frame:
    return replace(frame, info={**level.header, **info})


def test_the_level_of_the_last_frame_is_the_one_that_is_predicted(labels: list[Frame]) -> None:
    frames = [of(A, labels[0]), of(B, labels[1]), of(A, labels[2]), replace(labels[3], info={})]
    assert trained_levels(frames[:2], quick("apt")) == (A, B)
    assert trained_levels(frames[:3], quick("apt")) == (B, A)
    assert trained_levels(frames, quick("apt")) == (B, A, UNKNOWN)
    assert trained_levels(frames, quick("apt", preset="published")) == (UNKNOWN,)  # which has one read-out


def test_what_is_held_out_of_few_frames_are_molecules(labels: list[Frame]) -> None:
    training, held_out = split(labels[:3], (UNKNOWN,), quick("apt"))
    assert len(training) == len(held_out) == 3
    for kept, left, frame in zip(training, held_out, labels, strict=False):
        here, there = (labelled_atoms(one.tensors["apt"]) for one in (kept, left))
        assert not (here & there).any()
        assert (here | there).all()
        assert np.bincount(frame.numbers[there]).tolist() == [0, 6, 0, 0, 0, 0, 0, 0, 3]  # three whole molecules
        np.testing.assert_array_equal(left.tensors["apt"][there], frame.tensors["apt"][there])
    whole, frame = split(labels[:10], (UNKNOWN,), quick("apt"))
    assert (len(whole), len(frame)) == (9, 1)
    assert all(labelled_atoms(one.tensors["apt"]).all() for one in whole)


def test_each_level_has_its_share_held_out(labels: list[Frame]) -> None:
    frames = [of(A, frame) for frame in labels[:10]] + [of(B, frame) for frame in labels[10:]]
    training, held_out = split(frames, (A, B), quick("apt"))
    assert [frame.info["functional"] for frame in held_out] == ["PBE"] * 3
    assert [frame.info["basis"] for frame in held_out] == ["def2-svp", "def2-svpd", "def2-svpd"]
    assert len(training) == 11


def test_a_frame_with_one_molecule_of_a_kind_is_not_split(labels: list[Frame]) -> None:
    frame = labels[0]
    sulfur = replace(frame, numbers=np.where(np.arange(96) == 0, 16, frame.numbers))
    refused = [hold_out_molecules(sulfur, "apt", 0.5, np.random.default_rng(seed)) is None for seed in range(8)]
    assert any(refused)
    assert not all(refused)


def test_a_level_without_labels_of_a_species_is_refused(labels: list[Frame]) -> None:
    apt = labels[1].tensors["apt"].copy()
    apt[labels[1].numbers == 1] = np.nan
    frames = [of(A, labels[0]), of(B, replace(labels[1], tensors={"apt": apt}))]
    with pytest.raises(LabelError, match=r"no atom of H has a label of apt at the level PBE/def2-svpd \(b\); label"):
        check_labels(frames, [], (A, B), "apt")
    frames[1] = of(B, labels[1])
    with pytest.raises(LabelError, match="the validation frames are of unknown, which no training frame is"):
        check_labels(frames, [replace(labels[2], info={})], (A, B), "apt")


def test_a_model_says_the_levels_of_its_labels(labels: list[Frame], tmp_path: Path) -> None:
    frames = [of(A, labels[0]), of(A, labels[1]), of(B, labels[2], epsilon_infinity=1.75), of(B, labels[3])]
    stated = [
        {"level": "PBE/def2-svp (a)", "frames": 2, "diffuse": False},
        {"level": "PBE/def2-svpd (b)", "frames": 2, "epsilon_infinity": 1.75, "diffuse": True},
    ]
    assert facts_of_levels(frames, (A, B)) == {"levels": stated}
    summary = train(frames, quick("apt", epochs=1), tmp_path / "m.mym")
    assert summary["levels"] == stated


def test_an_error_of_another_level_than_the_one_predicted_is_told(
    labels: list[Frame], caplog: pytest.LogCaptureFixture
) -> None:
    one, other = Level("CP2K", "PBE"), Level("CP2K", "PBE0")
    cheap, dear = ([replace(frame, info=level.header) for frame in labels[:2]] for level in (one, other))
    check_labels([*cheap, *dear], dear, [one, other], "apt")
    assert "no validation frame is of" not in caplog.text
    check_labels([*cheap, *dear], cheap, [one, other], "apt")
    assert "no validation frame is of PBE0 (CP2K), which is predicted" in caplog.text


def test_labels_that_are_there_twice_are_taken_once(
    labels: list[Frame], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    twice = [*labels[:4], *map(replace, labels[:4])]
    assert train(twice, quick("apt"), tmp_path / "a.mym")["training_frames"] == 4
    assert "4 of 8 labels are there twice, and are taken once" in caplog.text
    other = [replace(frame, tensors={"apt": 1.01 * frame.tensors["apt"]}) for frame in labels[:4]]
    assert train([*labels[:4], *other], quick("apt"), tmp_path / "b.mym")["training_frames"] == 8


def test_frames_to_validate_on_that_are_trained_on_are_refused(labels: list[Frame], tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="the validation file, frame 1 and 1 more: trained on too"):
        train(labels[:4], quick("apt"), tmp_path / "a.mym", validation=[labels[5], labels[2], labels[3]])
    elsewhere = [of(B, frame) for frame in labels[:2]]  # at another level that is another label
    made = train([of(A, frame) for frame in labels[:4]], quick("apt"), tmp_path / "b.mym", validation=elsewhere)
    assert made["validation_frames"] == 2


def test_twins_of_frames_that_are_trained_on_are_no_validation(labels: list[Frame], tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    twin, apart = (with_one_displaced("", frame, "O", random) for frame in (labels[1], labels[5]))
    with pytest.raises(LabelError, match="file, frame 1: trained on too, but for the place of one atom, so that"):
        train(labels[:4], quick("apt"), tmp_path / "a.mym", validation=[labels[6], twin, apart])
    both = [labels[5], apart]  # of each other, as those that are held out may be
    assert train(labels[:4], quick("apt"), tmp_path / "b.mym", validation=both)["validation_frames"] == 2


@pytest.mark.parametrize(("factor", "words"), [(0.1, "look like nm"), (1 / 0.529177, "look like Bohr")])
def test_labels_in_another_unit_of_length_are_told(
    labels: list[Frame], factor: float, words: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scaled = [replace(one, positions=factor * one.positions, cell=factor * one.cell) for one in labels[:3]]
    try:
        train(scaled, quick("apt"), tmp_path / "a.mym")
    except TrajectoryError as error:
        assert words in str(error)  # noqa: PT017
        assert factor < 1
    else:
        assert words in caplog.text
        assert factor > 1


def test_labels_that_are_all_zero_are_refused(labels: list[Frame], tmp_path: Path) -> None:
    nothing = [replace(one, tensors={"apt": 0 * one.tensors["apt"]}) for one in labels[:3]]
    with pytest.raises(LabelError, match="the labels: every apt is zero"):
        train(nothing, quick("apt"), tmp_path / "a.mym")
