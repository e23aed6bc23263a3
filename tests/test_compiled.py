"""Compiled layers against those of torch, for every shape of network, and what happens without a compiler."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from conftest import random_frame
from mimyria.frame import Frame
from mimyria.model import compiled
from mimyria.model.graph import build_graph
from mimyria.model.model import PRESETS, ResponseModel
from networks import SPECIES

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    compiled._library.cache_clear()
    yield tmp_path / "mimyria"
    compiled._library.cache_clear()


SHAPES = {
    "default": PRESETS["default"]["apt"],
    "small": PRESETS["small"]["pgt"],
    "third order": PRESETS["default"]["hgt"],
    "odd": replace(PRESETS["default"]["pgt"], channels=19, message_channels=5, radial=3, message_radial=7, factors=4),
    "few": replace(PRESETS["default"]["apt"], message_l_max=0, message_cutoff=2.0, layers=1, factors=1),
}


@needs_compiler
@pytest.mark.parametrize("shape", SHAPES)
def test_compiled_layers_give_what_torch_gives(shape: str) -> None:
    torch.manual_seed(0)
    model = ResponseModel(replace(SHAPES[shape], species=(*SPECIES, 92)))  # of the last there is none
    lone = Frame(np.array([8]), np.zeros((1, 3)), np.zeros((3, 3)), np.zeros(3, dtype=bool))
    for frames in ([random_frame(0), random_frame(1, n_atoms=5)], [lone]):
        graph = build_graph(frames, model.settings.species, model.settings.cutoff)
        geometry = model.geometry(graph)
        theirs = model(geometry)
        assert theirs.requires_grad
        with torch.no_grad():
            assert compiled.usable(theirs)
            ours = model(model.geometry(graph))
            again = model(geometry)
        for found in (ours, again):
            close(found, theirs)


def close(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-5, atol=1e-5 * float(theirs.detach().abs().max()))


@needs_compiler
def test_what_is_compiled_stays_for_the_next_run(cache: Path) -> None:
    with torch.no_grad():
        assert compiled.usable(torch.ones(1))
        (built,) = cache.iterdir()
        before = built.stat()
        compiled._library.cache_clear()
        assert compiled.usable(torch.ones(1))
    assert list(cache.iterdir()) == [built]
    assert built.stat() == before


@pytest.mark.parametrize("compiler", ["", "no-such-compiler", "false", 'cc "-O2'])
def test_without_a_compiler_torch_computes(compiler: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", compiler)
    with torch.no_grad():
        assert not compiled.usable(torch.ones(1))
    assert not list(cache.glob("*"))


def test_without_a_home_torch_computes(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", nowhere)
    assert not compiled.available()


def test_a_library_that_appears_meanwhile_is_left_as_it_is(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another machine may have it loaded over a network file system, where one that is replaced is gone."""

    def compile_while_another_does(command: list[str], **options: object) -> None:
        Path(command[-1]).write_text("ours")
        (cache / Path(command[-1]).name).write_text("theirs")

    monkeypatch.setattr(subprocess, "run", compile_while_another_does)
    built = compiled._build(["cc"])
    assert built.read_text() == "theirs"
    assert list(cache.iterdir()) == [built]


@needs_compiler
@pytest.mark.parametrize("wrong", [np.ones((4, 2)).T, np.ones(3, dtype=np.int32), torch.ones(2, 4).T])
def test_arrays_that_the_compiled_functions_would_misread_are_refused(wrong: Tensor | np.ndarray) -> None:
    with pytest.raises(ValueError, match="is not for C"):
        compiled.call("most_near", wrong, 1, 1, 1.0, np.zeros(1, dtype=np.int64))


def test_gradients_and_double_precision_are_left_to_torch() -> None:
    assert not compiled.usable(torch.ones(1))
    with torch.no_grad():
        assert not compiled.usable(torch.ones(1, dtype=torch.float64))
