"""Normal modes: those of springs in closed form, and what must hold for any."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase.build import molecule

from conftest import turned
from mimyria.errors import SpectrumError
from mimyria.frame import Array, Frame
from mimyria.harmonic.modes import is_linear, normal_modes, rigid_motions
from mimyria.units import LIGHT_SPEED, VELOCITY

NONE = np.zeros(3, dtype=bool)


def frame_of(name: str) -> Frame:
    atoms = molecule(name)
    return Frame(atoms.numbers, atoms.positions, np.zeros((3, 3)), NONE)


def sprung(frame: Frame, constant: float = 30.0) -> Array:
    """The Hessian of springs between all pairs of atoms, each at rest, weaker with the distance: Σ k/r² ê ê."""
    n = len(frame)
    hessian = np.zeros((n, 3, n, 3))
    for i in range(n):
        for j in range(i):
            bond = frame.positions[i] - frame.positions[j]
            block = constant * np.outer(bond, bond) / (bond @ bond) ** 2
            hessian[i, :, i] += block
            hessian[j, :, j] += block
            hessian[i, :, j] -= block
            hessian[j, :, i] -= block
    return hessian.reshape(3 * n, 3 * n)


def test_two_atoms_on_a_spring() -> None:
    """ω² = k/μ."""
    frame = replace(frame_of("N2"), masses=np.array([14.0, 15.0]))
    bond = frame.positions[1] - frame.positions[0]
    modes = normal_modes(frame, sprung(frame))
    constant, reduced = 30.0 / (bond @ bond), 14 * 15 / 29
    omega = (constant / reduced) ** 0.5 * VELOCITY["ase"]
    assert modes.wavenumbers == pytest.approx([omega / (2 * np.pi * LIGHT_SPEED)])
    # each atom moves by the inverse of its mass, which makes the mass that moves larger than μ
    share = np.array([1 / 14, 1 / 15])
    assert modes.reduced_masses == pytest.approx([reduced * (share.sum() ** 2) / (share**2).sum()])
    assert modes.force_constants == pytest.approx([constant / reduced * modes.reduced_masses[0] * 0.160217663])
    assert abs(modes.rigid).max() < 0.1


@pytest.mark.parametrize(("name", "expected"), [("H", 0), ("N2", 1), ("CO2", 4), ("H2O", 3), ("C6H6", 30)])
def test_how_many_modes(name: str, expected: int) -> None:
    frame = frame_of(name)
    modes = normal_modes(frame, sprung(frame))
    assert len(modes.eigenvalues) == expected
    flat = modes.vectors.reshape(-1, 3 * len(frame))
    np.testing.assert_allclose(flat @ flat.T, np.eye(expected), atol=1e-12)
    assert abs(modes.rigid).max(initial=0) < 0.1


def test_turning_a_molecule_turns_its_modes_alone() -> None:
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    frame = frame_of("CH3OH")
    modes, after = (normal_modes(each, sprung(each)) for each in (frame, turned(frame, rotation)))
    np.testing.assert_allclose(after.wavenumbers, modes.wavenumbers, atol=1e-6)
    np.testing.assert_allclose(after.reduced_masses, modes.reduced_masses, rtol=1e-6)


def test_the_product_rule_of_teller_and_redlich() -> None:
    """Π ω'/ω = Π_atoms (m/m')^{3/2} (M'/M)^{3/2} Π_axes (I'/I)^{1/2}."""
    frame = frame_of("CH3OH")
    heavy = replace(frame, masses=np.where(frame.numbers == 1, 2.014, np.array([12.011, 15.999] + [1.008] * 4)))
    light = replace(frame, masses=np.where(frame.numbers == 1, 1.008, heavy.masses))
    modes = [normal_modes(each, sprung(frame)) for each in (light, heavy)]
    ratio = np.prod(modes[1].wavenumbers / modes[0].wavenumbers)

    def inertia(each: Frame) -> float:
        assert each.masses is not None
        arms = each.positions - each.masses @ each.positions / each.masses.sum()
        turning = np.einsum("n,nk,nk->", each.masses, arms, arms) * np.eye(3)
        return float(np.linalg.det(turning - np.einsum("n,nk,nl->kl", each.masses, arms, arms)))

    assert light.masses is not None
    assert heavy.masses is not None
    expected = np.prod((light.masses / heavy.masses) ** 1.5) * (heavy.masses.sum() / light.masses.sum()) ** 1.5
    assert ratio == pytest.approx(expected * (inertia(heavy) / inertia(light)) ** 0.5, rel=1e-9)


def test_fixed_atoms_do_not_move_and_the_rest_has_what_is_left() -> None:
    frame = frame_of("CH3OH")
    for held, left in (([0], 3), ([0, 1], 1), ([0, 1, 2], 0)):
        fixed = np.isin(np.arange(6), held)
        assert len(rigid_motions(frame, fixed)) == left
        modes = normal_modes(frame, sprung(frame), fixed)
        assert len(modes.eigenvalues) == 3 * (6 - len(held)) - left
        assert abs(modes.vectors[:, held]).max() == 0
    # an atom held by one that cannot move: the springs of the other against a wall
    pair = frame_of("N2")
    modes = normal_modes(pair, sprung(pair), np.array([True, False]))
    free = normal_modes(replace(pair, masses=np.array([1e9, 14.007])), sprung(pair))
    assert modes.wavenumbers[-1] == pytest.approx(free.wavenumbers[-1], rel=1e-6)


def test_a_cell_does_not_turn_and_a_wire_turns_about_itself() -> None:
    frame = frame_of("CH3OH")
    cell = 9.0 * np.eye(3)
    for periodic, left in (((True, True, True), 3), ((True, True, False), 3), ((False, False, True), 4)):
        boxed = replace(frame, cell=cell, periodic=np.array(periodic))
        assert len(normal_modes(boxed, sprung(frame)).eigenvalues) == 18 - left


def test_a_saddle_has_a_negative_wavenumber() -> None:
    frame = frame_of("H2O")
    modes = normal_modes(frame, -sprung(frame))
    assert (modes.wavenumbers < 0).all()


def test_the_asymmetry_of_a_hessian_tells_the_error_of_its_wavenumbers() -> None:
    """Over many Hessians with noise, the wavenumbers scatter as much as is said."""
    frame, rng = frame_of("CH3OH"), np.random.default_rng(2)
    exact = sprung(frame)
    found = [normal_modes(frame, exact + rng.normal(0, 0.05, exact.shape)) for _ in range(200)]
    scatter = np.std([modes.wavenumbers for modes in found], axis=0)
    said = np.mean([modes.errors for modes in found], axis=0)
    stiff = normal_modes(frame, exact).wavenumbers > 500
    np.testing.assert_allclose(said[stiff], scatter[stiff], rtol=0.35)


def test_lines() -> None:
    frame = frame_of("CO2")
    assert is_linear(frame)
    assert not is_linear(frame_of("H2O"))
    bent = frame.positions.copy()
    bent[0, 0] += 0.2
    assert not is_linear(replace(frame, positions=bent))


def test_what_is_no_hessian() -> None:
    frame = frame_of("H2O")
    with pytest.raises(SpectrumError, match="need 9 rows"):
        normal_modes(frame, np.eye(6))
    with pytest.raises(SpectrumError, match="not a finite number for atom 1"):
        normal_modes(frame, np.where(np.arange(81).reshape(9, 9) == 4 * 9 + 4, np.nan, sprung(frame)))
    with pytest.raises(SpectrumError, match="all atoms are fixed"):
        normal_modes(frame, sprung(frame), np.ones(3, dtype=bool))
