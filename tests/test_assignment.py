"""What moves in a mode: shares that add up, and the names that chemists give them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_harmonic_modes import frame_of, sprung

from mimyria.errors import ConfigError, TrajectoryError
from mimyria.frame import Frame
from mimyria.harmonic.assignment import assign
from mimyria.harmonic.modes import normal_modes


@pytest.mark.parametrize("name", ["H2O", "CO2", "CH3OH", "C6H6", "C2H6"])
def test_shares_add_up(name: str) -> None:
    frame = frame_of(name)
    modes = normal_modes(frame, sprung(frame))
    found = assign(frame, modes)
    np.testing.assert_allclose(sum(found.motions.values()), 1, atol=2e-3)
    np.testing.assert_allclose(sum(found.atoms.values()), 1, atol=1e-9)
    assert len(found.words) == len(modes.wavenumbers)


def test_water() -> None:
    frame = frame_of("H2O")
    found = assign(frame, normal_modes(frame, sprung(frame)))
    assert [words.rpartition(" ")[0].rpartition(" ")[0] for words in found.words] == [
        "bend",
        "antisymmetric stretch",
        "symmetric stretch",
    ]
    assert set(found.motions) == {"stretch", "bend"}
    assert (found.atoms["H"] > found.atoms["O"]).all()


def test_a_crystal_of_molecules_has_modes_of_whole_molecules() -> None:
    """Two waters far apart: their springs to each other move them as wholes."""
    one = frame_of("H2O")
    pair = Frame(
        np.tile(one.numbers, 2),
        np.concatenate([one.positions, one.positions + np.array([3.0, 0.2, 0.1])]),
        9.0 * np.eye(3),
        np.ones(3, dtype=bool),
    )
    found = assign(pair, normal_modes(pair, sprung(pair)))
    np.testing.assert_allclose(sum(found.motions.values()), 1, atol=1e-2)
    assert "translation" in found.words[0] or "rotation" in found.words[0]
    assert found.motions["stretch"][-4:].min() > 0.9


def test_atoms_without_bonds_move_as_a_whole() -> None:
    argon = Frame(np.array([18, 18]), np.array([[0, 0, 0], [3.7, 0, 0]]), np.zeros((3, 3)), np.zeros(3, dtype=bool))
    found = assign(argon, normal_modes(argon, sprung(argon)))
    assert found.motions["translation"] == pytest.approx([1.0])


def test_groups() -> None:
    frame = frame_of("CH3OH")
    modes = normal_modes(frame, sprung(frame))
    found = assign(frame, modes, ("hydroxyl=index 1 3", "heavy=element C O"))
    kinetic = (modes.vectors**2).sum(axis=2)
    np.testing.assert_allclose(found.groups["hydroxyl"], kinetic[:, [1, 3]].sum(axis=1))
    np.testing.assert_allclose(found.groups["heavy"], found.atoms["C"] + found.atoms["O"])
    with pytest.raises(ConfigError, match="NAME=SELECTION, such as"):
        assign(frame, modes, ("index 1",))
    with pytest.raises(TrajectoryError, match="holds no atom"):
        assign(frame, modes, ("sulfur=element S",))
    for name, what in (("O", "an element"), ("stretch", "a kind of motion"), ("ring", "a group already")):
        with pytest.raises(ConfigError, match=f"--groups {name}=index 1: {name} is {what}"):
            assign(frame, modes, ("ring=index 0", f"{name}=index 1"))


def test_isotopes_have_names() -> None:
    frame = replace(frame_of("H2O"), masses=np.array([15.999, 2.014, 1.008]))
    found = assign(frame, normal_modes(frame, sprung(frame)))
    assert found.words[-1].startswith("OH stretch")
    assert found.words[-2].startswith("OD stretch")
