"""The same run in every dialect of `dialects.py`: the same frames to rounding, and the same spectrum."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dialects import DIALECTS, Dialect, native
from mimyria.elements import frame_masses
from mimyria.formats import read_frames, write_frames
from mimyria.pipeline import make_spectra
from mimyria.spectra.compare import compare
from mimyria.trajectory import Trajectory

SIMILAR = 0.999


@pytest.fixture(params=DIALECTS.values(), ids=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    found: Dialect = request.param
    return found


@pytest.fixture
def given(dialect: Dialect, tmp_path: Path) -> dict[str, Any]:
    return dialect.write(tmp_path, dialect.run())


def test_the_frames_are_those_written(dialect: Dialect, given: dict[str, Any]) -> None:
    for read, written in zip_longest(Trajectory(**given).frames(), dialect.run()):
        np.testing.assert_array_equal(read.numbers, written.numbers)
        np.testing.assert_allclose(frame_masses(read), frame_masses(written), rtol=1e-4)
        np.testing.assert_allclose(read.positions, written.positions, atol=dialect.exact_to)
        np.testing.assert_allclose(read.velocities, written.velocities, atol=dialect.exact_to)
        np.testing.assert_allclose(read.cell, written.cell, atol=dialect.exact_to)
        assert read.time == pytest.approx(written.time)
        assert (None if read.kept is None else tuple(read.kept)) == dialect.kept


def test_the_spectrum_is_that_of_the_native_file(dialect: Dialect, given: dict[str, Any], tmp_path: Path) -> None:
    run = dialect.run()
    settings: Any = {"kinds": ("vdos",), "resolution": 700.0}
    other = {name: value for name, value in given.items() if name != "path"} | dict(dialect.spectrum)
    make_spectra(given["path"], tmp_path / "other", **settings, **other)
    make_spectra(native(tmp_path, run)["path"], tmp_path / "native", **settings)
    found = compare(tmp_path / "other" / "vdos.csv", tmp_path / "native" / "vdos.csv")
    assert found.similarity >= SIMILAR


def test_what_was_read_is_written_and_read_again(tmp_path: Path) -> None:
    """Isotopes stay what they are in our own files, and sites stay away."""
    for name in ("D", "sites M", "column mass and momenta"):
        dialect = DIALECTS[name]
        frames = list(Trajectory(**dialect.write(tmp_path, dialect.run())).frames())
        write_frames(tmp_path / "again.extxyz", frames)
        for again, frame in zip_longest(read_frames(tmp_path / "again.extxyz"), frames):
            np.testing.assert_array_equal(again.numbers, frame.numbers)
            np.testing.assert_allclose(frame_masses(again), frame_masses(frame))
            assert again.kept is None
