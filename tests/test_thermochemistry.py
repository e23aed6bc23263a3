"""Thermochemistry: textbook values of small molecules, and symmetry numbers of point groups."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from test_harmonic_modes import frame_of, sprung

from mimyria.frame import Frame
from mimyria.harmonic.modes import normal_modes
from mimyria.harmonic.thermochemistry import symmetry_number, thermochemistry

NORMAL: dict[str, Any] = {"temperature": 298.15, "pressure": 1.0, "symmetry": None, "multiplicity": 1}


NUMBERS = {"H": 1, "CO": 1, "N2": 2, "CO2": 2, "H2O": 2, "NH3": 3, "CH3OH": 1, "C2H4": 4, "C2H6": 6}
NUMBERS |= {"CH4": 12, "C6H6": 12, "C3H6_D3h": 6, "HCN": 1}
ARGON = Frame(np.array([18]), np.zeros((1, 3)), np.zeros((3, 3)), np.zeros(3, dtype=bool))
TABLES = {  # JANAF: cm⁻¹, and J/(mol K) at 1 bar
    "H2O": ([1595, 3657, 3756], 188.8),
    "CO2": ([667, 667, 1333, 2349], 213.8),
    "N2": ([2330], 191.6),
    "Ar": ([], 154.8),
}


@pytest.mark.parametrize(("name", "number"), NUMBERS.items())
def test_symmetry_numbers(name: str, number: int) -> None:
    frame = frame_of(name)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    assert symmetry_number(replace(frame, positions=frame.positions @ rotation.T + 3)) == number


def test_symmetry_of_many_atoms_costs_little() -> None:
    """Two hundred atoms without any symmetry, and the sixty of a fullerene."""
    places = np.random.default_rng(0).normal(scale=8.0, size=(200, 3))
    golden = (1 + 5**0.5) / 2
    corners = [(0, 1, 3 * golden), (1, 2 + golden, 2 * golden), (golden, 2, 2 * golden + 1)]
    signs = np.array(list(product((-1, 1), repeat=3)))
    ball = np.unique(
        np.round([np.roll(c * s, k) for c in np.array(corners) for s in signs for k in range(3)], 9), axis=0
    )
    began = time.process_time()
    for positions, number in ((places, 1), (ball, 60)):
        n = len(positions)
        assert symmetry_number(Frame(np.full(n, 6), positions, np.zeros((3, 3)), np.zeros(3, dtype=bool))) == number
    assert time.process_time() - began < 2.0


def test_an_isotope_takes_the_symmetry_away() -> None:
    assert symmetry_number(replace(frame_of("H2O"), masses=np.array([15.999, 2.014, 1.008]))) == 1


@pytest.mark.parametrize("name", TABLES)
def test_entropies_of_the_tables(name: str) -> None:
    wavenumbers, entropy = TABLES[name]
    frame = ARGON if name == "Ar" else frame_of(name)
    modes = normal_modes(frame, sprung(frame))
    found = thermochemistry(frame, modes, np.array(wavenumbers), np.zeros(len(frame), dtype=bool), **NORMAL)
    rows = {(quantity, unit): value for quantity, value, unit in found.rows}
    assert rows["entropy", "J mol-1 K-1"] == pytest.approx(entropy, abs=0.5)
    assert rows["zero_point", "kJ mol-1"] == pytest.approx(sum(wavenumbers) / 2 / 83.59347, rel=1e-4)
    assert found.values["gibbs"] == pytest.approx(found.values["enthalpy"] - 298.15 * found.values["entropy"])


def test_imaginary_modes_are_left_out() -> None:
    frame = frame_of("H2O")
    modes = normal_modes(frame, sprung(frame))
    fixed = np.zeros(3, dtype=bool)
    saddle = thermochemistry(frame, modes, np.array([-500.0, 3657, 3756]), fixed, **NORMAL)
    whole = thermochemistry(frame, modes, np.array([500.0, 3657, 3756]), fixed, **NORMAL)
    assert saddle.values["zero_point"] < whole.values["zero_point"]
    assert saddle.values["entropy"] < whole.values["entropy"]


def test_of_a_crystal_it_is_that_of_the_vibrations() -> None:
    frame = replace(frame_of("H2O"), cell=5 * np.eye(3), periodic=np.ones(3, dtype=bool))
    modes = normal_modes(frame, sprung(frame))
    found = thermochemistry(frame, modes, modes.wavenumbers, np.zeros(3, dtype=bool), **NORMAL)
    assert set(found.values) == {"zero_point", "internal", "helmholtz", "entropy"}
    assert found.what.startswith("harmonic vibrations")
