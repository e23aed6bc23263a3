"""Degrees of freedom that constraints leave: bodies, bonds, rings, and the share of each atom, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import molecule

from mimyria.trajectory.freedom import Freedom, lost_freedom, unconstrained


def pairs_of(n: int) -> list[np.ndarray]:
    return [np.array([a, b]) for a in range(n) for b in range(a + 1, n)]


def loose(n: int) -> np.ndarray:
    return np.zeros(n, dtype=bool)


@pytest.mark.parametrize(
    ("name", "left"),
    [("H2O", 6), ("N2", 5), ("CO2", 5), ("CH4", 6), ("C6H6", 6), ("H2CO", 6), ("C2H2", 5), ("CH3OH", 6)],
)
def test_a_rigid_body_has_six_degrees_and_a_line_five(name: str, left: int) -> None:
    """Planar and linear ones too, of which distances alone would not tell."""
    atoms = molecule(name)
    lost = lost_freedom(atoms.positions, atoms.get_masses(), loose(len(atoms)), [np.arange(len(atoms))])
    assert 3 * len(atoms) - lost.sum() == pytest.approx(left, abs=1e-6)


@pytest.mark.parametrize("name", ["H2O", "CH3OH", "C6H6", "CO2"])
def test_shares_of_a_rigid_body(name: str) -> None:
    """f_n = 3 m_n/M + m_n Σ_i |e_i × r_n|²/I_i over the principal axes that have a moment of inertia."""
    atoms = molecule(name)
    masses, arms = atoms.get_masses(), atoms.positions - atoms.get_center_of_mass()
    inertia, axes = atoms.get_moments_of_inertia(vectors=True)
    expected = 3 * masses / masses.sum()
    for moment, axis in zip(inertia, axes, strict=True):
        if moment > 1e-6:
            expected += masses * np.square(np.cross(axis, arms)).sum(axis=1) / moment
    lost = lost_freedom(atoms.positions, masses, loose(len(atoms)), [np.arange(len(atoms))])
    np.testing.assert_allclose(3 - lost, expected, atol=1e-6)


def test_a_fixed_bond_takes_from_the_lighter_atom() -> None:
    """J M⁻¹ Jᵀ = 1/m_a + 1/m_b: of one degree, a loses (1/m_a)/(1/m_a + 1/m_b)."""
    atoms = molecule("CH3OH")
    masses = atoms.get_masses()
    lost = lost_freedom(atoms.positions, masses, loose(6), [np.array([0, 1])])
    assert lost[0] == pytest.approx(masses[1] / (masses[0] + masses[1]))
    assert lost.sum() == pytest.approx(1)
    assert not lost[2:].any()


def test_two_bonds_at_an_angle() -> None:
    """A Aᵀ = [[1/m_O + 1/m_H, cos/m_O], [cos/m_O, 1/m_O + 1/m_H]], by hand."""
    atoms = molecule("H2O")
    oxygen, hydrogen = 1 / atoms.get_masses()[:2]
    cosine = np.cos(np.radians(atoms.get_angle(1, 0, 2)))
    matrix = np.array([[oxygen + hydrogen, cosine * oxygen], [cosine * oxygen, oxygen + hydrogen]])
    inverse = np.linalg.inv(matrix)
    lost = lost_freedom(atoms.positions, atoms.get_masses(), loose(3), [np.array([0, 1]), np.array([0, 2])])
    np.testing.assert_allclose(lost[1:], hydrogen * inverse[0, 0], rtol=1e-6)
    assert lost.sum() == pytest.approx(2)


def test_redundant_constraints_count_once() -> None:
    methane, masses = molecule("CH4").positions, molecule("CH4").get_masses()
    assert lost_freedom(methane, masses, loose(5), pairs_of(5)).sum() == pytest.approx(9)  # ten distances
    twice = [np.array([0, 1]), np.array([0, 1]), np.array([1, 0])]
    assert lost_freedom(methane, masses, loose(5), twice).sum() == pytest.approx(1)
    # two bodies that share a bond turn about it: 6 + 6 - (6 - 1)
    hinge = [np.array([0, 1, 2]), np.array([1, 2, 3])]
    assert 12 - lost_freedom(methane[:4], masses[:4], loose(4), hinge).sum() == pytest.approx(7)


def test_fixed_bonds_in_a_ring() -> None:
    """A puckered ring of six atoms and six bonds."""
    angle = np.arange(6) * np.pi / 3
    ring = np.stack([np.cos(angle), np.sin(angle), 0.3 * (-1.0) ** np.arange(6)], axis=1)
    bonds = [np.array([k, (k + 1) % 6]) for k in range(6)]
    assert lost_freedom(ring, np.full(6, 12.0), loose(6), bonds).sum() == pytest.approx(6)


def test_a_fixed_partner_does_not_share() -> None:
    atoms = molecule("H2O")
    fixed = np.array([True, False, False])
    lost = lost_freedom(atoms.positions, atoms.get_masses(), fixed, [np.array([0, 1])])
    np.testing.assert_allclose(lost, [0, 1, 0], atol=1e-6)


def test_a_long_chain_of_fixed_bonds_is_quick() -> None:
    random = np.random.default_rng(0)
    chain = np.cumsum(random.normal(size=(2000, 3)), axis=0)
    bonds = [np.array([k, k + 1]) for k in range(1999)]
    assert lost_freedom(chain, np.full(2000, 12.0), loose(2000), bonds).sum() == pytest.approx(1999)


def test_the_count_in_words() -> None:
    masses = np.array([16.0, 1.0, 1.0])
    free = unconstrained(masses)
    assert free.words == "6 = 3·3 - 3 of the centre of mass"
    np.testing.assert_allclose(free.of_atoms, 3 * (1 - masses / 18))
    held = Freedom(
        np.array([0.0, 2, 3]), np.zeros(3, dtype=int), drifts=False, reasons=("1 in HO", "1 atoms do not move")
    )
    assert held.words == "5 = 3·3 - 4 by constraints (1 in HO, 1 atoms do not move)"
    velocities = np.ones((2, 3, 3))
    assert not free.without_drift(velocities, masses).any()
    np.testing.assert_array_equal(held.without_drift(velocities, masses), velocities * [[0], [1], [1]])
