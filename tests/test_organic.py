"""Labels of organic molecules and the benchmark of their spectra: what geometries are drawn from, and the scores."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from ase import units
from scripts_of import script

from mimyria.frame import Frame
from mimyria.harmonic.modes import normal_modes


@pytest.fixture
def make() -> ModuleType:
    return script("scripts/molecules/make.py")


@pytest.fixture
def organic() -> ModuleType:
    return script("benchmarks/organic.py")


@pytest.mark.parametrize("temperature", [200.0, 3000.0])
def test_bonds_are_drawn_from_the_quantum_distribution(make: ModuleType, temperature: float) -> None:
    """Of two atoms on a spring: ⟨x²⟩ = ħ/(2μω) coth(ħω/2k_BT), all in eV, Å and u."""
    frame = Frame(np.array([8, 1]), np.array([[0, 0, 0], [0, 0, 0.97]]), np.zeros((3, 3)), np.zeros(3, dtype=bool))
    spring = 48.0
    hessian = np.zeros((6, 6))
    hessian[np.ix_([2, 5], [2, 5])] = spring * np.array([[1, -1], [-1, 1]])
    modes, random = normal_modes(frame, hessian), np.random.default_rng(0)
    drawn = [make.distorted(frame, modes, temperature, random) for _ in range(4000)]
    lengths = np.array([np.ptp(one.positions[:, 2]) for one in drawn])
    quantum = modes.wavenumbers[0] * units.invcm  # ħω
    expected = quantum / (2 * spring) / np.tanh(quantum / (2 * units.kB * temperature))  # ħ/(2μω) = ħω/2k
    assert lengths.var() == pytest.approx(expected, rel=0.08)  # 2.2 % is the standard error
    assert lengths.mean() == pytest.approx(0.97, abs=5 * np.sqrt(expected / 4000))


def test_held_out_molecules_come_between_those_for_training(make: ModuleType) -> None:
    turns = list(make.in_turn([0, 1, 2, 3, 5, 6], [4, 7, 8], [9]))
    assert turns == [0, 1, 2, 3, 4, 5, 6, 7, 9]


def test_scores_of_spectra(organic: ModuleType) -> None:
    """Alike are one; no line in common is next to nothing; and intensities twice as large do not count."""
    modes = normal_modes(
        Frame(np.array([6, 8]), np.array([[0, 0, 0], [0, 0, 1.13]]), np.zeros((3, 3)), np.zeros(3, dtype=bool)),
        np.kron(np.array([[1, -1], [-1, 1]]), np.diag([0, 0, 116.0])),
    )
    first = organic.spectrum(modes, np.array([1.0]), 10.0)
    moved = np.roll(first, 800)
    assert first.sum() == pytest.approx(1.0, abs=0.01)  # a line of the area one, but for its wings
    for score in (organic.pearson, organic.information_similarity):
        assert score(first, 2 * first) == pytest.approx(1.0)
        assert score(first, moved) < 0.2
        assert score(first, moved) == pytest.approx(score(moved, first))
    assert organic.stretches(
        Frame(np.array([6, 8]), np.array([[0, 0, 0], [0, 0, 1.13]]), np.zeros((3, 3)), np.zeros(3, dtype=bool)), modes
    ) == {"O-H": [], "C=O": [0]}
