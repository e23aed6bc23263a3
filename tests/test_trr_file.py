"""The layout of TRR files: precisions, parts, frames of several kinds, damage; MDAnalysis agrees."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from binary_files import trr
from MDAnalysis.lib.formats.libmdaxdr import TRRFile

from mimyria.errors import TrajectoryError
from mimyria.formats.trr_file import is_trr, open_trr

RANDOM = np.random.default_rng(4)


def frame(*parts: str, n_atoms: int = 5, **others: Any) -> dict[str, Any]:
    """Return a frame that has these parts."""
    shapes = {name: (n_atoms if name in "xvf" else 3, 3) for name in parts}
    return {name: RANDOM.normal(size=shape) for name, shape in shapes.items()} | others


@pytest.mark.parametrize("real", ["f", "d"])
@pytest.mark.parametrize("parts", ["x", "box x v", "box vir pres x v f", "v", "box f", "x v"])
@pytest.mark.parametrize("n_atoms", [1, 5, 700])
def test_every_part_is_found(tmp_path: Path, real: str, parts: str, n_atoms: int) -> None:
    written = [frame(*parts.split(), n_atoms=n_atoms, time=0.5 * k) for k in range(7)]
    path = trr(tmp_path / "a", written, real=real)
    assert is_trr(path.read_bytes()[:24])
    file = open_trr(path)
    assert (len(file), file.missing, file.layout(3).n_atoms) == (7, "", n_atoms)
    np.testing.assert_array_equal(file.times, 0.5 * np.arange(7))
    for indices in ([0, 1, 2], [1, 4, 5], [6]):
        for record, index in zip(file.records(indices), indices, strict=True):
            for part in parts.split():
                np.testing.assert_array_equal(record[part], written[index][part].astype(real))
    with TRRFile(str(path)) as theirs:
        for index, other in enumerate(theirs):
            for part in set(parts.split()) & set("xvf"):
                expected = getattr(other, part)
                np.testing.assert_allclose(file.records([index])[part][0], expected, rtol=1e-6)


def test_what_mdanalysis_writes_is_read(tmp_path: Path) -> None:
    written = [frame("x", "v", "f", "box") for _ in range(4)]
    with TRRFile(str(tmp_path / "a.trr"), "w") as file:
        for k, one in enumerate(written):
            file.write(*(one[part].astype(np.float32) for part in ("x", "v", "f", "box")), k, 0.5 * k, 0.25, 5)
    ours = open_trr(tmp_path / "a.trr")
    records = ours.records(range(4))
    np.testing.assert_array_equal(ours.times, [0, 0.5, 1, 1.5])
    np.testing.assert_array_equal(records["lambda"], 0.25)
    np.testing.assert_array_equal(records["step"], range(4))
    for part in ("x", "v", "f", "box"):
        np.testing.assert_array_equal(records[part], [one[part].astype(np.float32) for one in written])


def test_frames_of_one_kind_come_together(tmp_path: Path) -> None:
    kinds = [frame("x", "v"), frame("x"), frame("x", "v", real="d"), frame("x", "v", n_atoms=6)]
    file = open_trr(trr(tmp_path / "a", [kinds[k] for k in (0, 0, 1, 0, 2, 2, 3)]))
    assert list(file.batches(range(99))) == [[0, 1], [2], [3], [4, 5], [6]]
    assert list(file.batches([1, 3, 5, 6])) == [[1, 3], [5], [6]]
    assert list(file.batches([])) == list(file.batches([7])) == []
    large = open_trr(trr(tmp_path / "b", [frame("x", n_atoms=4000) for _ in range(6)]))
    assert list(large.batches(range(6))) == [[0, 1], [2, 3], [4, 5]]
    np.testing.assert_array_equal(file.records([0, 3])["x"], file.records([0, 1])["x"])


WHOLE = [frame("box", "x", "v") for _ in range(3)]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda whole: whole[:-1], r"frame 2: 240 bytes announced, 239 present; .*--frames 0:2"),
        (lambda whole: whole[:-239], r"frame 2: the file ends in its header; .*--frames 0:2"),
        (lambda whole: whole[:-200], r"frame 2: .*--frames 0:2"),
        (lambda whole: whole[:100], r"frame 0: .*no frame is complete"),
        (lambda whole: whole + bytes(4000), r"frame 3: its header is damaged"),
        (lambda whole: whole + b"noise" * 40, r"frame 3: its header is damaged"),
        (lambda whole: whole[:480] + whole[484:] + whole, r"frame 2: its header is damaged; .*--frames 0:2"),
        (lambda whole: whole[:512] + struct.pack(">i", 40) + whole[516:], r"frame 2: its header is damaged"),
    ],
)
def test_damage_is_told_after_the_frames_before_it(tmp_path: Path, damage: Any, message: str) -> None:
    path = trr(tmp_path / "a", WHOLE)
    whole = path.read_bytes()
    assert len(whole) == 3 * 240
    path.write_bytes(damage(whole))
    file = open_trr(path)
    read: list[Any] = []
    with pytest.raises(TrajectoryError, match=f"a: cut in the middle of {message}"):
        read.extend(record for few in file.batches(range(99)) for record in file.records(few))
    assert len(read) == len(file)
    assert list(file.batches(range(len(file)))) == ([] if not read else [list(range(len(read)))])


@pytest.mark.parametrize(
    "wrong",
    [
        {"n": 4},  # sizes and number of atoms contradict each other
        {"n": 0},
        {"n": -5},
        {"box": np.ones((3, 2))},
        {"ir": np.ones(9)},
        {"top": np.ones(3)},
        {"v": np.ones((10, 3)), "n": 5},  # as if it were of double precision
    ],
    ids=str,
)
def test_frames_against_the_rules_are_damaged(tmp_path: Path, wrong: dict[str, Any]) -> None:
    file = open_trr(trr(tmp_path / "a", [*WHOLE, WHOLE[0] | wrong]))
    assert (len(file), file.missing) == (3, "its header is damaged")


@pytest.mark.parametrize("content", [b"", b"GMX_trn_file", b"\0\0\7\xcb" + bytes(96), bytes(10)], ids=repr)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(TrajectoryError, match="a: is no TRR file, or its beginning is damaged"):
        open_trr(tmp_path / "a")


def test_a_file_that_becomes_shorter_is_told(tmp_path: Path) -> None:
    file = open_trr(trr(tmp_path / "a", WHOLE))
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:300])
    file.records([0])
    for indices in ([1, 2], [0, 2]):
        with pytest.raises(TrajectoryError, match="the file has become shorter"):
            file.records(indices)
