"""``geo_end.xyz`` of DFTB+: which columns it has, and what it is mistaken for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts import TIMESTEP, TRICLINIC, made_up_run, write_dftb
from mimyria.errors import TrajectoryError
from mimyria.files.source import Source
from mimyria.formats import read_frames
from mimyria.formats.readers import find_reader
from mimyria.trajectory import Trajectory

GIVEN: dict[str, Any] = {"cell": TRICLINIC, "timestep": TIMESTEP}


@pytest.mark.parametrize("charges", [True, False])
@pytest.mark.parametrize("velocities", [True, False])
def test_the_number_of_columns_tells_what_they_are(tmp_path: Path, charges: bool, velocities: bool) -> None:
    run, path = made_up_run(), tmp_path / "geo_end.xyz"
    write_dftb(path, run, charges=charges, velocities=velocities)
    for ours, theirs in zip(read_frames(path), run, strict=True):
        np.testing.assert_allclose(ours.positions, theirs.positions, atol=2e-8)
        assert (ours.velocities is not None) == velocities
        if velocities:
            np.testing.assert_allclose(ours.velocities, theirs.velocities, atol=1e-10)  # type: ignore[arg-type]
        assert (ours.time, ours.step, ours.periodic.any()) == (None, round(4 * theirs.time), False)


def test_its_unit_is_certain(tmp_path: Path) -> None:
    path = tmp_path / "geo_end.xyz"
    write_dftb(path, made_up_run())
    assert len(list(Trajectory(path, velocity_unit="A/ps", **GIVEN).frames())) == 7
    with pytest.raises(TrajectoryError, match=r"leave --velocity-unit au out, it is A/ps"):
        Trajectory(path, velocity_unit="au", **GIVEN)
    with pytest.raises(TrajectoryError, match="frame 0: no cell"):
        Trajectory(path, timestep=TIMESTEP)
    write_dftb(path, made_up_run(), velocities=False)
    with pytest.raises(TrajectoryError, match="holds no velocities; leave --velocity-unit A/ps out"):
        Trajectory(path, velocity_unit="A/ps", **GIVEN)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("MD iter: 8", "Geometry Step: 8"), r"frame 1: the comment 'Geometry Step: 8\\n' is not MD iter:"),
        (("-0.30000000", "-0.3 0.1 0.1"), "frame 0: lines have 10 columns, and those of DFTB"),
        ((r"(O +)\S+", r"\1what"), "frame 0: line 3: 'what' is not a number"),
    ],
)
def test_other_lines_are_refused(tmp_path: Path, wrong: tuple[str, str], message: str) -> None:
    path = tmp_path / "geo_end.xyz"
    write_dftb(path, made_up_run())
    path.write_text(re.sub(*wrong, path.read_text(), count=1))
    with pytest.raises(TrajectoryError, match=message):
        list(read_frames(path))


def test_an_optimisation_is_no_run(tmp_path: Path) -> None:
    """Its columns after the charge are of a magnetisation, if there are any."""
    (tmp_path / "geo_end.xyz").write_text("1\nGeometry Step: 4\n H 0 0 0 -0.1 0 0 1\n")
    assert find_reader(Source(tmp_path / "geo_end.xyz")).name == "extxyz"
