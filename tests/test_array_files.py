"""Units that files write as words."""

from __future__ import annotations

from typing import Any

import pytest

from mimyria.errors import TrajectoryError
from mimyria.formats.array_files import unit_of
from mimyria.units import BOHR


@pytest.mark.parametrize(
    ("words", "unit"),
    [
        ("angstrom", 1.0),
        (b"Angstrom/picosecond", 1e-3),
        ("nm ps-1", 1e-2),
        ("nm ps^-1", 1e-2),
        ("nm*ps-1", 1e-2),
        ("Angstrom fs-1", 1.0),
        ("Bohr/fs", BOHR),
        ("m s-1", 1e-5),
        ("m / s", 1e-5),
        ("picosecond", 1e3),
        ("us", 1e9),
    ],
)
def test_words_in_ours(words: Any, unit: float) -> None:
    assert unit_of("a", "velocities", words) == pytest.approx(unit)


def test_no_unit_and_an_unknown_one() -> None:
    for nothing in (None, "", b" "):
        assert unit_of("a", "time", nothing) is None
    for words in ("lj", "sigma tau-1", "angstrom/tick", "1"):
        with pytest.raises(TrajectoryError, match=r"a: the unit of time is '.*', which is not known"):
            unit_of("a", "time", words)
