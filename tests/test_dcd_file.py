"""The layout of DCD files: byte orders, lengths of record marks, X-PLOR, fixed atoms, and damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from binary_files import dcd

from mimyria.errors import TrajectoryError
from mimyria.formats.dcd_file import is_dcd, open_dcd

VALUES = np.random.default_rng(4).uniform(0, 9, (5, 4, 3))
CELL = np.diag([9.0, 8, 7])


@pytest.mark.parametrize(
    "form", [{}, {"order": ">"}, {"mark": "q"}, {"order": ">", "mark": "q"}, {"version": 0}], ids=str
)
@pytest.mark.parametrize("cell", [None, CELL], ids=["no cell", "cell"])
def test_what_was_written_is_read(tmp_path: Path, form: dict[str, Any], cell: Any) -> None:
    cell = None if form.get("version") == 0 else cell
    path = dcd(tmp_path / "a", VALUES, cell, delta=0.125, interval=7, first=3, title="A TITLE", **form)
    assert is_dcd(path.read_bytes()[:16])
    file = open_dcd(path)
    assert (file.n_frames, file.n_atoms, file.first_step, file.interval, file.delta) == (5, 4, 3, 7, 0.125)
    assert file.title == "A TITLE REMARKS of the day"
    assert not file.is_cut
    for index, written in enumerate(VALUES):
        values, numbers = file.values(index)
        np.testing.assert_allclose(values, written, rtol=1e-6)
        assert (numbers is None) == (cell is None)
        if numbers is not None:
            np.testing.assert_allclose(numbers[[0, 2, 5]], [9, 8, 7])


def test_atoms_that_are_fixed_keep_their_places(tmp_path: Path) -> None:
    file = open_dcd(dcd(tmp_path / "a", VALUES, CELL, moving=[1, 3]))
    for index in (0, 3, 4):
        expected = VALUES[0].copy()
        expected[[0, 2]] = VALUES[index][[0, 2]]
        np.testing.assert_allclose(file.values(index)[0], expected, rtol=1e-6)
    assert (file.n_frames, file.is_cut) == (5, False)


def test_damage_is_told(tmp_path: Path) -> None:
    whole = dcd(tmp_path / "a", VALUES, CELL).read_bytes()
    path = tmp_path / "b"
    for content, message in (
        (b"", "is no DCD file"),
        (whole[:60], "its header is cut or damaged"),
        (whole[:88] + b"\1" + whole[89:], "its header is cut or damaged"),
        (whole.replace(b"\4\0\0\0" * 3, b"\4\0\0\0\xff\xff\xff\x7f\4\0\0\0", 1), "no whole frame of 2147483647 atoms"),
        (whole.replace(b"\4\0\0\0" * 3, b"\4\0\0\0\0\0\0\0\4\0\0\0", 1), "no whole frame of 0 atoms"),
        (whole[: len(whole) // 2], r"cut in the middle of frame [12]: 5 frames announced, [12] complete"),
        (whole[:-4] + b"\0\0\0\0", "cut in the middle of frame 4: the lengths of its records do not agree"),
    ):
        path.write_bytes(content)
        with pytest.raises(TrajectoryError, match=message):
            [open_dcd(path).values(index) for index in range(5)]
