"""The same run in every dialect of `dialects.py`: the same frames to rounding, and the same spectrum."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dialects import DIALECTS, Dialect, native
from mimyria.elements import frame_masses
from mimyria.errors import TrajectoryError
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


def test_times_and_velocities_of_lammps_need_one_flag(tmp_path: Path) -> None:
    given = DIALECTS["extended xyz of LAMMPS, metal"].write(tmp_path, DIALECTS["native"].run())
    del given["velocity_unit"]
    with pytest.raises(
        TrajectoryError, match=r"unit of its velocities; give --velocity-unit.*LAMMPS units metal: A/ps"
    ):
        list(Trajectory(**given, timestep=2.0).frames())


def test_numbers_with_three_digits_of_exponent(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text("1\ncharge=-2.0D0\nH 1.5-102 .25D+01 -1.d0\n")
    (frame,) = read_frames(tmp_path / "a.xyz")
    np.testing.assert_array_equal(frame.positions, [[1.5e-102, 2.5, -1.0]])
    assert frame.total_charge == -2
    (tmp_path / "a.xyz").write_bytes("1\n\nH 1 2 3\n".encode("utf-16"))
    with pytest.raises(TrajectoryError, match=r"a.xyz: is text in UTF-16; save it as UTF-8"):
        list(read_frames(tmp_path / "a.xyz"))
