"""The fit of one network: stopped and resumed to the same bit, limited in time, told when it diverges."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mimyria.errors import ConfigError, Interrupted, ModelError
from mimyria.frame import Frame
from mimyria.model.files import read_content, read_model, write_content
from mimyria.training.fit import LARGEST_DECAY, LEAST_DECAY, decay_for
from mimyria.training.train import CHECKPOINT, train
from networks import quick, stopping, tensors_of


def test_interrupted_and_resumed_is_the_same_as_in_one_go(labels: list[Frame], tmp_path: Path) -> None:
    frames = labels[:4]
    train(frames, quick("apt"), tmp_path / "whole")
    with pytest.raises(Interrupted, match=r"stopped after 2 epochs.*--resume"):
        train(frames, quick("apt"), tmp_path / "parts", on_progress=stopping(0.5))
    usable = tensors_of(read_model(tmp_path / "parts"), frames[0])
    assert np.isfinite(usable).all()
    summary = train(frames, quick("apt"), tmp_path / "parts", resume=True)
    assert summary["epochs"] == 4
    whole, parts = (tensors_of(read_model(tmp_path / name), frames[0]) for name in ("whole", "parts"))
    np.testing.assert_array_equal(whole, parts)
    assert not (tmp_path / "parts.checkpoint").exists()


def test_resume_refuses_another_training(labels: list[Frame], tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(labels[:3], quick("apt"), tmp_path / "m", on_progress=stopping())
    with pytest.raises(ModelError, match=r"belongs to another training: seed was 0, now it is 5"):
        train(labels[:3], quick("apt", seed=5), tmp_path / "m", resume=True)
    with pytest.raises(ModelError, match="data was"):
        train(labels[1:4], quick("apt"), tmp_path / "m", resume=True)
    with pytest.raises(ModelError, match="does not exist"):
        train(labels[:3], quick("apt"), tmp_path / "other", resume=True)


def test_the_fewer_labels_the_smaller_weights_are_held(labels: list[Frame], tmp_path: Path) -> None:
    def decay(frames: list[Frame], **asked: object) -> float:
        with pytest.raises(Interrupted):
            train(frames, quick("apt", **asked), tmp_path / "m", on_progress=stopping())
        groups = read_content(tmp_path / "m.checkpoint", CHECKPOINT)["fit"]["optimiser"]["param_groups"]
        return float(groups[0]["weight_decay"])

    assert decay(labels[:5]) == pytest.approx(0.12)  # the largest: 29 of 32 molecules of each frame
    assert decay(labels[:12]) == pytest.approx(2.6 / (10 * 96) ** 0.5)
    assert decay(labels[:5], weight_decay=0.3) == 0.3
    assert [decay_for(n) for n in (3, 10**6)] == [LARGEST_DECAY, LEAST_DECAY]


def test_time_limit_is_kept(labels: list[Frame], tmp_path: Path, ticking: None) -> None:
    summary = train(labels[:4], quick("apt", epochs=None, time_limit=0.03), tmp_path / "m")
    assert 1.8 <= summary["seconds"] < 2.1  # one step more than the limit


def test_nothing_is_written_before_there_is_something(
    labels: list[Frame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mimyria.training import fit as module

    def stop(*_: object) -> float:
        raise KeyboardInterrupt

    (tmp_path / "m").write_text("an older model")
    monkeypatch.setattr(module.Fit, "_step", stop)
    settings = quick("apt")
    with pytest.raises(Interrupted, match="before the first epoch"):
        train(labels[:2], settings, tmp_path / "m")
    assert (tmp_path / "m").read_text() == "an older model"


def test_a_training_that_diverges_says_so(labels: list[Frame], tmp_path: Path) -> None:
    settings = quick("apt", learning_rate=1e30)
    with pytest.raises(ModelError, match="diverged in epoch"):
        train(labels[:3], settings, tmp_path / "m")


def test_an_interrupted_committee_goes_on_where_it_was(labels: list[Frame], tmp_path: Path) -> None:
    settings = quick("apt", committee=2)
    train(labels[:3], settings, tmp_path / "whole")
    with pytest.raises(Interrupted):
        train(labels[:3], settings, tmp_path / "parts", on_progress=stopping(0.7))
    assert len(read_model(tmp_path / "parts").members) == 2
    with pytest.raises(ModelError, match=r"parts.checkpoint belongs to another training: epochs was 4, now it is 8;"):
        train(labels[:3], replace(settings, epochs=8), tmp_path / "parts", resume=True)
    train(labels[:3], settings, tmp_path / "parts", resume=True)
    whole, parts = (tensors_of(read_model(tmp_path / name), labels[0]) for name in ("whole", "parts"))
    np.testing.assert_array_equal(whole, parts)
    assert (tmp_path / "whole.history.csv").read_text().splitlines()[0].startswith("member,epoch,steps,seconds")


def test_two_interruptions_change_nothing_either(
    labels: list[Frame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mimyria.training import fit as module

    train(labels[:5], quick("apt"), tmp_path / "whole")
    with pytest.raises(Interrupted):
        train(labels[:5], quick("apt"), tmp_path / "parts", on_progress=stopping(0.5))
    step, count = module.Fit._step, [0]

    def stop_in_an_epoch(self: module.Fit, batch: object) -> float:
        count[0] += 1
        if count[0] == 3:
            raise KeyboardInterrupt
        return step(self, batch)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(module.Fit, "_step", stop_in_an_epoch)
        with pytest.raises(Interrupted, match="stopped after 2 epochs"):
            train(labels[:5], quick("apt"), tmp_path / "parts", resume=True)
    train(labels[:5], quick("apt"), tmp_path / "parts", resume=True)
    whole, parts = (tensors_of(read_model(tmp_path / name), labels[6]) for name in ("whole", "parts"))
    np.testing.assert_array_equal(whole, parts)


def test_steps_are_counted_whatever_the_number_of_frames(labels: list[Frame], tmp_path: Path) -> None:
    """They end within an epoch, stopped and resumed or not, and a model that is begun from another takes as many.

    A checkpoint of before there were steps is resumed too.
    """
    whole = [train(labels[:n], quick("apt", epochs=None, steps=10, committee=2), tmp_path / f"{n}.mym") for n in (3, 5)]
    assert [summary["steps"] for summary in whole] == [20, 20]
    assert whole[0]["epochs"] > whole[1]["epochs"]
    with pytest.raises(Interrupted):
        train(labels[:3], quick("apt"), tmp_path / "parts", on_progress=stopping())
    content = read_content(tmp_path / "parts.checkpoint", CHECKPOINT)
    assert content["facts"].pop("steps") is None
    write_content(tmp_path / "parts.checkpoint", content)
    resumed = train(labels[:3], quick("apt", epochs=None, steps=10), tmp_path / "parts", resume=True)
    assert resumed["steps"] == 10
    begun = quick("apt", epochs=None, steps=10, start=str(tmp_path / "3.mym"))
    assert train(labels[:5], begun, tmp_path / "begun.mym")["steps"] == 10
    with pytest.raises(ConfigError, match="--epochs and --steps both say how long"):
        quick("apt", steps=10)
