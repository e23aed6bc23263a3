"""Data files of LAMMPS: the type is found in every atom style, and elements and masses of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lammps_files import ATOMS, data

from dialects import water
from mimyria.elements import frame_masses, symbols_of
from mimyria.errors import TrajectoryError
from mimyria.files.lammps_data import is_data, read_data
from mimyria.files.source import Source
from mimyria.files.topology import read_topology

WATER = water(n_frames=1)[0]


@pytest.mark.parametrize("comment", [True, False])
@pytest.mark.parametrize("style", ATOMS)
def test_types_are_found_in_every_style(tmp_path: Path, style: str, comment: bool) -> None:
    path = data(tmp_path / "w", WATER, style, comment=comment)
    assert is_data(path.read_bytes()[:4096])
    found = read_data(path)
    assert found.types == ["1", "2", "2", "1", "2", "2"]
    assert found.names == symbols_of(WATER.numbers)
    np.testing.assert_array_equal(found.ids, 3 * np.arange(6) + 1)
    assert found.masses is not None
    np.testing.assert_allclose(found.masses, frame_masses(WATER), rtol=1e-5)


def test_other_comments_labels_and_charges(tmp_path: Path) -> None:
    """Words behind the mass that are no elements do not stand above the mass; labels name types."""
    from mimyria.files.topology import identify_by_topology

    def numbers(path: Path) -> list[int]:
        return list(identify_by_topology(6, Source(path, topology=path)).numbers)

    path = data(tmp_path / "w", WATER, masses="{type} {mass:.4f} # CA of opls")
    assert numbers(path) == [8, 1, 1, 8, 1, 1]
    path = data(path, WATER, masses="{type} {mass:.4f}")
    assert numbers(path) == [8, 1, 1, 8, 1, 1]
    text = path.read_text().replace("Masses\n", "Atom Type Labels\n\n1 OW\n2 HW\n\nMasses\n")
    head, atoms = text.split("Atoms")
    path.write_text(head + "Atoms" + atoms.replace(" 1 -0.8", " OW -0.8").replace(" 2 -0.8", " HW -0.8"))
    assert numbers(path) == [8, 1, 1, 8, 1, 1]
    assert read_topology(path, Source(path)).names[0] == ["OW", "HW", "HW", "OW", "HW", "HW"]
    path = data(path, WATER, "charge", comment=False)
    path.write_text(path.read_text().replace("-0.8", "1"))
    with pytest.raises(TrajectoryError, match=r"cannot be told; name the atom style .*, as in `Atoms # full`"):
        read_data(path)


WRONG: list[tuple[Any, str]] = [
    (lambda text: text[: text.index("Atoms")], "has no section Atoms, or is cut before it"),
    (lambda text: text[: text.index("Velocities") - 60], "6 atoms announced, 5 present; the file is cut"),
    (lambda text: text.replace("# full", "# atomic"), "its atom style is atomic, but column 2 .* is no type of atoms"),
    (lambda text: text.replace("2 1.008 # H", "2 heavy # H"), "Masses is damaged at"),
    (lambda text: text.replace("2 1.008 # H\n", ""), "Masses is damaged at '2'"),
    (lambda text: text.replace("\n16 ", "\nxvi "), "is damaged at"),
]


@pytest.mark.parametrize(("damage", "message"), WRONG, ids=[message[:30] for _, message in WRONG])
def test_wrong_files_are_told(tmp_path: Path, damage: Any, message: str) -> None:
    path = data(tmp_path / "w", WATER)
    path.write_text(damage(path.read_text()))
    with pytest.raises(TrajectoryError, match=message) as error:
        read_data(path)
    assert str(path) in str(error.value)
