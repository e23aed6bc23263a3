"""The level of theory in a header: what is stated, read again, compared; diffuse functions, ε∞."""

from dataclasses import replace

import numpy as np
import pytest

from contracts import WATER
from mimyria.errors import ConfigError
from mimyria.level import UNKNOWN, Level, different, epsilon_infinity, find_level, level_of

OLD = "CP2K 2023.1 PBE DZVP-GTH 280/40 Ry XC_GRID NN50/NN50_SMOOTH EPS_DEFAULT 1e-10 EPS_SCF 1e-8"
CHEAP = Level("CP2K", "PBE", "DZVP-GTH", "280/40 Ry", "NN50/NN50_SMOOTH")
DEAR = Level("CP2K", "PBE", "DZVP-GTH-DIFFUSE", "280/30 Ry", "NN50/NN50_SMOOTH")


@pytest.mark.parametrize("level", [CHEAP, DEAR, Level("tblite", "GFN2-xTB", version="0.4.0"), UNKNOWN])
def test_a_header_gives_back_the_level_that_it_states(level: Level) -> None:
    again = level_of(level.header)
    assert (again, again.version) == (level, level.version)


@pytest.mark.parametrize(
    ("engine", "level"),
    [
        (OLD, CHEAP),
        ("PySCF 2.14 pbe def2-svp", Level("PySCF", "PBE", "def2-svp")),
        ("tblite 0.4.0 GFN2-xTB", Level("tblite", "GFN2-xTB")),
        ("another program, with its own words", Level("another program, with its own words")),
    ],
)
def test_labels_of_earlier_versions_have_a_level_too(engine: str, level: Level) -> None:
    assert level_of({"engine": engine}) == level


def test_labels_that_say_nothing_are_of_an_unknown_level() -> None:
    assert level_of({"md_frame": 3, "total_charge": 0.0}) == UNKNOWN
    assert str(UNKNOWN) == "unknown"


def test_levels_differ_by_what_changes_tensors_not_by_the_version() -> None:
    newer = Level("CP2K", "PBE", "DZVP-GTH", "280/40 Ry", "NN50/NN50_SMOOTH", version="2024.3")
    assert different([CHEAP, newer, DEAR, CHEAP]) == [CHEAP, DEAR]
    assert str(CHEAP) == "PBE/DZVP-GTH (CP2K, 280/40 Ry, NN50/NN50_SMOOTH)"


@pytest.mark.parametrize(
    ("basis", "diffuse"),
    [
        *((name, True) for name in ("def2-svpd", "def2-TZVPPD", "aug-cc-pVDZ", "augccpvdz", "6-31+g*", "6-311++G**")),
        *((name, True) for name in ("aug-TZV2P-GTH", "DZVP-GTH-DIFFUSE", "ma-def2-svp", "jun-cc-pvtz", "plane waves")),
        *((name, False) for name in ("def2-svp", "def2-TZVPP", "cc-pVTZ", "6-31G*", "sto-3g", "TZV2P-GTH-q6")),
        *((name, False) for name in ("cc-pV(D+d)Z", "cc-pV(T+d)Z")),
        ("aug-cc-pV(D+d)Z", True),
        *((name, False) for name in ("DZVP-GTH", "gth-dzvp", "H DZVP-GTH-DIFFUSE, O DZVP-GTH")),
        *((name, None) for name in ("DZVP-MOLOPT-SR-GTH", "my-own-basis", "", " , ", "H def2-svpd, O my-own-basis")),
    ],
)
def test_names_tell_diffuse_functions_and_are_not_guessed(basis: str, diffuse: bool | None) -> None:
    level = Level("a program", "PBE", basis)
    assert level.diffuse is diffuse
    assert level.header.get("diffuse") is diffuse


def test_a_level_is_found_by_a_part_of_its_name() -> None:
    levels = [CHEAP, DEAR]
    assert find_level(levels, "dzvp-gth", "m.mym") == 0  # the name itself, though it begins the other one
    assert find_level(levels, "diffuse", "m.mym") == 1
    assert find_level(levels, str(DEAR), "m.mym") == 1
    with pytest.raises(ConfigError, match=r"--level PBE means several levels of theory of m\.mym, which has PBE/DZVP"):
        find_level(levels, "PBE", "m.mym")
    with pytest.raises(ConfigError, match="--level RPBE means no level of theory"):
        find_level(levels, "RPBE", "m.mym")


def test_the_words_of_a_level_mean_it_though_others_have_them_too() -> None:
    bare = Level(functional="PBE")
    levels = (CHEAP, bare, DEAR)
    assert [find_level(levels, str(level), "m.mym") for level in levels] == [0, 1, 2]


def test_epsilon_infinity_of_a_polarizability() -> None:
    """One water in its volume at 25 °C, α = 9.8 a.u.: 1 + 4πα/V, for the field is the macroscopic one."""
    water = replace(WATER, cell=29.9 ** (1 / 3) * np.eye(3), periodic=np.ones(3, dtype=bool))
    cell = replace(water, info={"field": 2e-3, "alpha": 9.8 * np.eye(3).ravel()})
    assert epsilon_infinity(cell) == pytest.approx(1 + 4 * np.pi * 9.8 * 0.529177**3 / 29.9, rel=1e-5)
    assert epsilon_infinity(replace(cell, info=cell.info | {"epsilon_infinity": 1.78})) == 1.78
    assert epsilon_infinity(replace(cell, periodic=np.zeros(3, dtype=bool))) is None
    for odd in ("high", np.ones(3), np.nan):
        assert epsilon_infinity(replace(cell, info={"epsilon_infinity": odd})) is None
    assert epsilon_infinity(replace(cell, info={"alpha": 9.8})) is None  # of another program, in whatever unit
