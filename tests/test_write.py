"""Files of frames that are written: read again by us and by ASE, appended to, whole or not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest

from contracts import labelled
from mimyria.errors import ConfigError
from mimyria.formats import read_frames, write_frames
from mimyria.targets import PGT


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_frames(tmp_path / "a.xyz", labelled())
    ours: Any
    for ours, theirs in zip(read_frames(tmp_path / "a.xyz"), labelled(), strict=True):
        np.testing.assert_array_equal(ours.periodic, theirs.periodic)
        np.testing.assert_allclose(ours.velocities, theirs.velocities, rtol=1e-9)
        assert ours.time == theirs.time
        assert ours.info.keys() == theirs.info.keys()
        for key, value in theirs.info.items():
            np.testing.assert_array_equal(ours.info[key], value)
            assert np.asarray(ours.info[key]).dtype.kind == np.asarray(value).dtype.kind
        for name, tensors in theirs.tensors.items():
            np.testing.assert_allclose(ours.tensors[name], tensors, rtol=1e-9)


def test_ase_reads_what_is_written(tmp_path: Path) -> None:
    write_frames(tmp_path / "a.xyz", labelled())
    for atoms, frame in zip(ase.io.read(tmp_path / "a.xyz", index=":"), labelled(), strict=True):
        np.testing.assert_array_equal(atoms.numbers, frame.numbers)
        np.testing.assert_allclose(atoms.cell.array, frame.cell)
        np.testing.assert_array_equal(atoms.pbc, frame.periodic)
        np.testing.assert_allclose(atoms.arrays["vel"], frame.velocities, rtol=1e-9)
        np.testing.assert_allclose(atoms.arrays["pgt"].reshape(-1, 3, 3, 3), frame.tensors["pgt"], rtol=1e-9)
        assert atoms.info["apt_order"] == "field,displacement"
        assert atoms.info["pgt_unit"] == PGT.unit
        assert atoms.info["engine"] == frame.info["engine"]
        np.testing.assert_array_equal(atoms.info["alpha"], frame.info["alpha"])


@pytest.mark.parametrize("suffix", ["", ".zst", ".xz", ".gz"])
def test_frames_are_appended(tmp_path: Path, suffix: str) -> None:
    path, frames = tmp_path / f"a.xyz{suffix}", labelled(4)
    write_frames(path, frames[:1], append=True)
    write_frames(path, iter(frames[1:]), append=True)
    assert [frame.time for frame in read_frames(path)] == [frame.time for frame in frames]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def failing() -> Any:
        yield from labelled()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_frames(tmp_path / "a.xyz", failing())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["o.pdb", "o.csv", "o", "o.extxyz.bz2"])
def test_a_name_that_means_another_format_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=rf"{name}: frames are written as .extxyz or .xyz, with .xz, .gz or .zst"):
        write_frames(tmp_path / name, labelled(1))
    assert not list(tmp_path.iterdir())


def test_no_frames_do_not_replace_those_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.extxyz"
    write_frames(path, labelled(2))
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="there are no frames to write"):
        write_frames(path, [])
    write_frames(path, [], append=True)
    assert path.read_bytes() == before
