"""Atoms with a &KIND of their own, in inputs of CP2K as text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contracts import WATER
from mimyria.engines.cp2k import CP2K
from mimyria.engines.cp2k_input import read_template, run_input
from mimyria.engines.cp2k_kinds import kinds_of, read_kinds
from mimyria.engines.engine import Configuration
from mimyria.errors import ConfigError, LabelError
from mimyria.frame import Frame

TEMPLATE = Path(__file__).parents[1] / "configs" / "cp2k" / "sulfate-ion.inp"
OF_ION = "O1=(byres element S) and element O"
SULFATE = np.array([[0, 0, 0], [1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 1.49 / np.sqrt(3)
BOX = replace(
    WATER,
    numbers=np.concatenate([WATER.numbers, [16, 8, 8, 8, 8]]),
    positions=np.concatenate([WATER.positions, SULFATE + 4.9]),  # across the boundary
    velocities=None,
    cell=10 * np.eye(3),
    periodic=np.ones(3, dtype=bool),
)


def atoms_of(text: str) -> list[str]:
    """The first words of the coordinates of an input."""
    inside = text.partition("&COORD")[2].partition("&END COORD")[0]
    return [line.split()[0] for line in inside.strip().splitlines()]


def test_the_oxygens_of_the_ion_alone_have_their_kind(tmp_path: Path) -> None:
    plain, own = CP2K(TEMPLATE), CP2K(TEMPLATE, kinds=OF_ION)
    own.prepare(2e-3, 2)
    own.check(Configuration(BOX, -2))
    own.write_inputs(tmp_path, Configuration(BOX, -2), np.zeros((1, 3)))
    written = (tmp_path / "run_00" / "cp2k.inp").read_text()
    assert atoms_of(written) == ["O", "H", "H", "S", "O1", "O1", "O1", "O1"]
    assert atoms_of(run_input(read_template(TEMPLATE), Configuration(BOX, -2), np.zeros(3), None))[4:] == ["O"] * 4
    assert "O1 aug-TZV2P-GTH" in own.level.basis
    assert "O1" not in plain.level.basis  # no atom is of it
    assert own.identity != plain.identity
    assert own.level.diffuse is False  # of water


def test_several_kinds() -> None:
    kinds = read_kinds(f"{OF_ION} ; H1 = index 2")
    assert kinds == {"O1": "(byres element S) and element O", "H1": "index 2"}
    assert kinds_of(BOX, kinds, {"O1": "O", "H1": "H"})[:3] == ["O", "H", "H1"]
    assert kinds_of(BOX, read_kinds(""), {}) == ["O", "H", "H", "S", "O", "O", "O", "O"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("element O", "NAME=SELECTION"),
        ("O1=", "NAME=SELECTION"),
        ("O1=index 0; o1=index 4", "each name once"),
        ("O1=index 0;;", "NAME=SELECTION"),
        ("O1=element O and around 3 element S", "depends on positions"),
    ],
)
def test_what_is_no_kind(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_kinds(text)


@pytest.mark.parametrize(
    ("frame", "text", "said"),
    [
        (BOX, "O1=element Na", "holds no atom"),
        (WATER, OF_ION, "holds no atom"),
        (BOX, "O1=byres element S", "holds atom 3, S, but &KIND O1 is of O: add `and element O`"),
        (BOX, "O1=elemnt O", "rejects the selection"),
        (BOX, f"{OF_ION}; O2=element O", "of O1 and of O2"),
    ],
)
def test_what_holds_the_wrong_atoms(frame: Frame, text: str, said: str) -> None:
    with pytest.raises(LabelError, match=said):
        kinds_of(frame, read_kinds(text), {"O1": "O", "O2": "O"})


def test_a_template_must_have_the_kind() -> None:
    with pytest.raises(LabelError, match=r"water-cheap.inp has no &KIND O1"):
        CP2K(TEMPLATE.with_name("water-cheap.inp"), kinds=OF_ION).prepare(2e-3, 2)


def test_a_kind_of_no_atom_is_refused() -> None:
    """Labels without the functions on the ion that the template is for would look like those with them."""
    with pytest.raises(LabelError, match=r"sulfate-ion.inp: no atom is of &KIND O1: say which O are.*take the section"):
        CP2K(TEMPLATE).prepare(2e-3, 2)


def test_an_element_may_state_itself(tmp_path: Path) -> None:
    """Such as &KIND O with ELEMENT O."""
    text = TEMPLATE.read_text().replace("&KIND O\n", "&KIND O\n      ELEMENT O\n", 1)
    (tmp_path / "own.inp").write_text(text)
    assert CP2K(tmp_path / "own.inp").level == CP2K(TEMPLATE).level
