"""Compiled layers against those of torch, for every shape of network, and what happens without a compiler."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
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
from mimyria.model.predict import Predictor
from networks import SPECIES

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of libraries; there is another one for where it cannot be used."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    compiled._library.cache_clear()
    yield tmp_path / "cache" / "mimyria"
    compiled._library.cache_clear()


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A compiler that takes no time: it gives what another has made of the source, and counts how often it is asked."""
    folder = tmp_path_factory.mktemp("compiler")
    subprocess.run(["cc", *compiled.FLAGS, compiled.SOURCE, "-O0", "-lm", "-o", folder / "made.so"], check=True)
    program = folder / "quick"
    program.write_text(f'#!/bin/sh\necho >> {folder}/asked\nfor last; do :; done\ncp {folder}/made.so "$last"\n')
    program.chmod(0o755)
    return str(program)


SHAPES = {
    "default": PRESETS["default"]["apt"],
    "small": PRESETS["small"]["pgt"],
    "third order": PRESETS["default"]["hgt"],
    "large": PRESETS["large"]["pgt"],
    "far": PRESETS["far"]["pgt"],
    "odd": replace(PRESETS["default"]["pgt"], channels=19, message_channels=5, radial=3, message_radial=7, factors=4),
    "falling": replace(PRESETS["default"]["apt"], radial=5, message_radial=7, envelope=5, radial_fall=0.7),
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
    assert not there(cache)


def there(folder: Path) -> list[Path]:
    return sorted(folder.glob("*"))


def spoil(path: Path, how: str) -> None:
    content = path.read_bytes()
    path.unlink()
    if how == "a folder":
        path.mkdir()
    else:
        path.write_bytes({"cut short": content[: len(content) // 2], "empty": b"", "text": b"not a library"}[how])


@needs_compiler
@pytest.mark.parametrize("how", ["cut short", "empty", "text"])
def test_a_damaged_library_is_built_again(
    how: str, cache: Path, quick: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One that is cut short would end the process when it is loaded."""
    monkeypatch.setenv("CC", quick)
    assert compiled.available()
    (built,) = there(cache)
    content = built.read_bytes()
    spoil(built, how)
    for _ in range(2):
        compiled._library.cache_clear()
        assert compiled.available()
    assert there(cache) == [built]
    assert built.read_bytes() == content
    assert not caplog.messages


@needs_compiler
@pytest.mark.parametrize("how", ["no home", "a file", "a folder in its place", "of another user"])
def test_where_the_cache_cannot_be_used_the_temporary_folder_is(
    how: str, cache: Path, quick: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("CC", quick)
    other = Path(tempfile.gettempdir()) / f"mimyria-{os.getuid()}"
    if how == "no home":
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setattr(Path, "home", nowhere)
    elif how == "a file":
        cache.parent.write_text("")
    elif how == "a folder in its place":
        assert compiled.available()
        spoil(there(cache)[0], "a folder")
    else:
        monkeypatch.setattr(compiled, "_is_ours", lambda folder: folder == other)
    for _ in range(2):
        compiled._library.cache_clear()
        asked = Path(quick).with_name("asked").read_text().count("\n")
        assert compiled.available()
    assert (
        Path(quick).with_name("asked").read_text().count("\n") == asked
    )  # by the second, which takes that of the first
    assert len(there(other)) == 1


@pytest.mark.parametrize("works", ["true", "echo", "touch"])
def test_a_compiler_that_makes_no_library_leaves_none(
    works: str, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(
        "CC", works if works != "touch" else f"{sys.executable} -c 'import sys; open(sys.argv[-1], \"w\")'"
    )
    with caplog.at_level("INFO", "mimyria"):
        assert not compiled.available()
    assert not there(cache)
    (line,) = caplog.messages
    assert "torch computes instead" in line


@needs_compiler
def test_a_compiler_need_not_know_the_processor(cache: Path, quick: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older ones of Apple refuse -march=native, and some for ARM know another word for it."""
    program = Path(quick).with_name("plain")
    program.write_text(f'#!/bin/sh\ncase "$*" in *native*) exit 1;; esac\nexec {quick} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("CC", str(program))
    assert compiled.available()


@needs_compiler
def test_a_shared_home_has_a_library_for_each_type_of_processor(
    cache: Path, quick: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", quick)
    for machine, number in (("one", 1), ("other", 2), ("one", 2)):
        monkeypatch.setattr(compiled, "_machine", lambda machine=machine: machine)
        compiled._library.cache_clear()
        assert compiled.available()
        assert len(there(cache)) == number


def test_processes_compile_before_they_are_copied(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not each of them for itself, nor each of them in vain."""
    stored = pickle.dumps(Predictor([], None, True, list))
    monkeypatch.setenv("CC", "")
    pickle.loads(stored)
    assert compiled._library.cache_info().currsize == 1


@needs_compiler
def test_a_library_that_appears_meanwhile_is_left_as_it_is(
    cache: Path, quick: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine may have it loaded over a network file system, where one that is replaced is gone."""
    key = compiled._key([quick])
    compiled._build(cache, key, [quick])
    (before,) = (path.stat() for path in there(cache))
    compiled._build(cache, key, [quick])
    (after,) = (path.stat() for path in there(cache))
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@needs_compiler
@pytest.mark.parametrize("wrong", [np.ones((4, 2)).T, np.ones(3, dtype=np.int32), torch.ones(2, 4).T])
def test_arrays_that_the_compiled_functions_would_misread_are_refused(wrong: Tensor | np.ndarray) -> None:
    with pytest.raises(ValueError, match="is not for C"):
        compiled.call("most_near", wrong, 1, 1, 1.0, np.zeros(1, dtype=np.int64))


def test_gradients_and_double_precision_are_left_to_torch() -> None:
    assert not compiled.usable(torch.ones(1))
    with torch.no_grad():
        assert not compiled.usable(torch.ones(1, dtype=torch.float64))
