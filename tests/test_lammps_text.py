"""The text of dumps: columns in any order, items that are not known, and frames that are not wanted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lammps_files import UNITS as EXPECTED
from lammps_files import dump

from contracts import made_up_run
from mimyria.files.lammps_data import is_dump
from mimyria.files.lammps_text import UNITS, read_columns, read_snapshots
from mimyria.files.source import Progress, Source


def test_units_are_those_of_the_manual() -> None:
    assert UNITS.keys() == EXPECTED.keys()
    for name, units in UNITS.items():
        assert (units.length, units.time, units.mass) == pytest.approx(EXPECTED[name], rel=1e-8)


def test_only_dumps_are_dumps() -> None:
    for head in (b"ITEM: TIMESTEP\n", b"ITEM: UNITS\n", b"---\ncreator: LAMMPS\n", b"creator: LAMMPS\ntimestep: 0\n"):
        assert is_dump(head)
    for head in (b"", b"3\nITEM: TIMESTEP\n", b"---\ncreator: someone\n", b"# LAMMPS data file\n"):
        assert not is_dump(head)


@pytest.mark.parametrize("yaml", [False, True])
@pytest.mark.parametrize("columns", ["vz vy vx z y x q type id", "q mass xsu ysu zsu x y z ix element iy id"])
def test_columns_are_found_by_their_names(tmp_path: Path, columns: str, yaml: bool) -> None:
    run = made_up_run(4, np.diag([9.0, 8, 7]))
    source = Source(dump(tmp_path / "run", run, columns, yaml=yaml, units="real", origin=np.zeros(3)))
    snapshots = list(read_snapshots(source, [1, 3], Progress()))
    assert [index for index, _ in snapshots] == [1, 3]
    for index, snapshot in snapshots:
        table = read_columns(snapshot, "")
        np.testing.assert_allclose(table["position"], run[index].positions, atol=1e-9)
        np.testing.assert_array_equal(table["id"], 3 * np.arange(6) + 1)
        assert ("velocity" in (table.dtype.names or ())) == ("vx" in columns)
        assert snapshot.step == round((run[index].time or 0) / 0.5)


def test_the_end_is_not_read_beyond_what_is_wanted(tmp_path: Path) -> None:
    """A file that is being written, or damaged, serves up to there."""
    path = dump(tmp_path / "run", made_up_run(3))
    path.write_text(path.read_text() + "rubbish")
    assert [index for index, _ in read_snapshots(Source(path), [0, 2], Progress())] == [0, 2]
