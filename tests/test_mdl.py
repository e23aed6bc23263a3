"""Files of MDL: charges and isotopes in either place count, and several molecules are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mimyria.elements import frame_masses
from mimyria.errors import TrajectoryError
from mimyria.formats import read_frames
from mimyria.frame import Frame

PLACES = ((0.0, 0.0, 0.119), (0.0, 0.763, -0.477), (0.0, -0.763, -0.477))


def mol(*properties: str, isotopes: tuple[int, ...] = (0, 0, 0), charges: tuple[int, ...] = (0, 0, 0)) -> str:
    rows = [
        "".join(f"{x:10.4f}" for x in place) + f" {name:<3s}{isotope:2d}{charge:3d}" + "  0" * 10
        for name, place, isotope, charge in zip("OHH", PLACES, isotopes, charges, strict=True)
    ]
    bonds = ["  1  2  1  0  0  0  0", "  1  3  1  0  0  0  0"]
    head = ["water", "  test", "", "  3  2  0  0  0  0  0  0  0  0999 V2000"]
    return "\n".join([*head, *rows, *bonds, *properties, "M  END", ""])


def read(path: Path, text: str) -> Frame:
    path.write_text(text)
    (frame,) = read_frames(path)
    return frame


@pytest.mark.parametrize("suffix", ["mol", "sdf"])
@pytest.mark.parametrize(
    ("text", "charge", "masses"),
    [
        (mol(), 0, (15.999, 1.008, 1.008)),
        (mol("M  CHG  1   1  -1"), -1, (15.999, 1.008, 1.008)),
        (mol("M  CHG  2   1  -1   2   1", charges=(3, 3, 3)), 0, (15.999, 1.008, 1.008)),
        (mol("M  RAD  1   1   2", charges=(3, 0, 0)), 0, (15.999, 1.008, 1.008)),
        (mol(charges=(3, 0, 0)), 1, (15.999, 1.008, 1.008)),
        (mol(charges=(6, 5, 0)), -3, (15.999, 1.008, 1.008)),
        (mol("M  ISO  2   2   2   1  18"), 0, (17.99916, 2.0141, 1.008)),
        (mol(isotopes=(2, 0, 1)), 0, (17.99916, 1.008, 2.0141)),
        (mol("M  ISO  1   2   2", isotopes=(2, 0, 0)), 0, (15.999, 2.0141, 1.008)),
    ],
)
def test_charges_and_isotopes(tmp_path: Path, suffix: str, text: str, charge: float, masses: tuple[float, ...]) -> None:
    frame = read(tmp_path / f"w.{suffix}", text)
    assert frame.total_charge == charge
    np.testing.assert_allclose(frame_masses(frame), masses, atol=1e-4)


def test_several_molecules_are_refused(tmp_path: Path) -> None:
    one = f"{mol()}$$$$\n"
    assert len(read(tmp_path / "w.sdf", one)) == 3
    with pytest.raises(TrajectoryError, match=r"w\.sdf: holds several molecules, and one is read"):
        read(tmp_path / "w.sdf", 2 * one)


@pytest.mark.parametrize("line", ["M  CHG  1   4  -1", "M  ISO  1   2", "M  CHG  1   x   1"])
def test_properties_of_no_atom_are_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(TrajectoryError, match=f"w.mol: '{line}' is not of its 3 atoms"):
        read(tmp_path / "w.mol", mol(line))
