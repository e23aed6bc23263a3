"""Files of models: wrong and damaged ones are refused, devices are chosen; that all comes back is in the contract."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from mimyria.errors import ConfigError, ModelError
from mimyria.level import Level
from mimyria.model.files import (
    FORMAT,
    choose_device,
    read_content,
    read_model,
    read_models,
    stated_level,
    write_content,
    write_model,
)
from mimyria.model.model import PRESETS, ResponseModel
from mimyria.targets import TARGETS


def test_wrong_model_files_are_refused(model: ResponseModel, tmp_path: Path) -> None:
    path = tmp_path / "m.mym"
    write_model(path, model, {})
    other = next(name for name in TARGETS if name != model.settings.target)
    with pytest.raises(ModelError, match=f"give it to {TARGETS[model.settings.target].flag}"):
        read_model(path, other)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b""):
        path.write_bytes(damaged)
        with pytest.raises(ModelError, match=r"m\.mym is damaged"):
            read_model(path)
    others = {
        b"not a model": "no mimyria model",
        b"\x89PNG\r\n": "a PNG picture, not a model",
        b"3\nProperties=species:S:1:pos:R:3\nO 0 0 0\n": "no mimyria model",
        b"\0\1": "a binary file, not a model",
    }
    for content, words in others.items():
        path.write_bytes(content)
        with pytest.raises(ModelError, match=rf"m\.mym is {words}; give a file of `mimyria train`, or the name of"):
            read_model(path)
    torch.save({"format": "something"}, path)
    with pytest.raises(ModelError, match="not a file of the kind"):
        read_model(path)
    with pytest.raises(ModelError, match="does not exist"):
        read_model(tmp_path / "absent.mym")


def test_one_wrong_bit_of_the_weights_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "m.mym"
    write_model(path, ResponseModel(replace(PRESETS["small"]["apt"], species=(1, 8))), {})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"m\.mym is damaged: its checksums"):
        read_model(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"settings": {"spin": 1}}, "does not know spin: use a newer one"),
        ({"network": "new"}, "know the networks 'new'"),
    ],
)
def test_what_a_newer_version_wrote_is_not_called_damaged(
    model: ResponseModel, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    path = tmp_path / "m.mym"
    write_model(path, model, {})
    content = read_content(path, FORMAT)
    settings = content["settings"] | change.get("settings", {})
    write_content(path, content | change | {"settings": settings, "version": "7.0"})
    with pytest.raises(ModelError, match=rf"m\.mym is of another version of mimyria, 7\.0, .*{words}"):
        read_model(path)


def test_a_level_is_of_the_models_that_have_several(tmp_path: Path) -> None:
    """One that has no choice keeps its own; where none has a choice, all must be of the level."""
    paths = tmp_path / "two.mym", tmp_path / "one.mym"
    shape = replace(PRESETS["small"]["apt"], species=(1, 8))
    levels = Level("a", "PBE"), Level("a", "PBE0")
    for path, own in zip(paths, (levels, levels[1:]), strict=True):
        write_model(path, ResponseModel(shape, levels=own), {})
    assert [each.levels for each in read_models(*paths, level="PBE")] == [levels[:1], levels[1:]]
    with pytest.raises(ConfigError, match=r"--level RPBE means no level of theory of .*two\.mym"):
        read_models(*paths, level="RPBE")
    with pytest.raises(ConfigError, match=r"--level PBE/x means no level of theory of .*one\.mym"):
        read_models(paths[1], level="PBE/x")


def test_a_file_is_read_once_until_it_changes(
    model: ResponseModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, load, loaded = tmp_path / "m.mym", torch.load, []
    monkeypatch.setattr(torch, "load", lambda *given, **named: loaded.append(given) or load(*given, **named))
    write_model(path, model, {"mark": 1})
    assert stated_level(path, model.settings.target, None) == ""
    first = read_model(path)
    with torch.no_grad():
        next(first.parameters()).add_(1.0)  # of this model alone
    again = read_model(path)
    assert torch.equal(next(again.parameters()), next(model.parameters()))
    assert len(loaded) == 1
    write_model(path, model, {"mark": 2})
    assert read_model(path).summary["mark"] == 2


@pytest.mark.parametrize(("cuda", "mps", "first"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_devices(monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, first: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.setattr(torch, "zeros", lambda *_, device: None)
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type == first
    monkeypatch.undo()
    with pytest.raises(ModelError, match="mps, not 'moon'"):
        choose_device("moon")


def test_a_folder_or_a_device_that_there_is_not_is_named(model: ResponseModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"{tmp_path} is a folder, not a model file; give"):
        read_model(tmp_path)
    write_model(tmp_path / "m.mym", model, {})
    with pytest.raises(ModelError, match="--device takes auto, cpu, cuda, cuda:1 or mps, not 'gpu'"):
        read_model(tmp_path / "m.mym", device="gpu")
    with pytest.raises(ModelError, match="the device 'cuda:77' cannot be used: this machine, or this build of torch"):
        read_model(tmp_path / "m.mym", device="cuda:77")
    assert read_model(tmp_path / "m.mym", device="auto").target is model.target
