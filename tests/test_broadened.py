"""Spectra of harmonic lines against spectra of a trajectory of the same oscillators: one scale for both."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from test_harmonic_modes import frame_of, sprung
from test_lines import bond_tensors

from mimyria.frame import Array
from mimyria.harmonic.broadened import PROFILES, broadened
from mimyria.harmonic.lines import Lines, lines_of
from mimyria.harmonic.modes import normal_modes
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import infrared
from mimyria.spectra.raman import raman
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.spectrum import Spectrum
from mimyria.units import BOLTZMANN, LIGHT_SPEED, MASS_VELOCITY_SQUARED

CONDITIONS = Conditions(temperature=320.0, laser=514.5)
TIMESTEP, FRAMES = 1.0, 16000


def area(spectrum: Spectrum, column: str, low: float, high: float) -> float:
    inside = (spectrum.wavenumber > low) & (spectrum.wavenumber < high)
    values = np.nan_to_num(spectrum.values(column))
    return float(values[inside].sum() * (spectrum.wavenumber[1] - spectrum.wavenumber[0]))


def trajectory_of(wavenumbers: Array, lines: Lines, volume: float, seed: int) -> ResponseSeries:
    """dM/dt and dα/dt of oscillators that each have the energy k_BT: Q̇ = √(2 k_BT) cos(ωt + φ)."""
    time = TIMESTEP * np.arange(FRAMES)
    thermal = BOLTZMANN * CONDITIONS.temperature / MASS_VELOCITY_SQUARED
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, len(wavenumbers))
    omega = 2 * np.pi * LIGHT_SPEED * wavenumbers
    velocity = np.sqrt(2 * thermal) * np.cos(np.outer(time, omega) + phases)
    rates = {
        "apt": np.einsum("tk,ka->ta", velocity, lines.dipole)[:, None],
        "pgt": np.einsum("tk,kab->tab", velocity, lines.polarizability)[:, None],
    }
    ones = np.ones(FRAMES)
    velocities = ("C",), np.ones((1, 9))
    return ResponseSeries(("all",), TIMESTEP, rates, volume * ones, CONDITIONS.temperature * ones, *velocities, 0.0, 6)


@pytest.mark.parametrize("profile", PROFILES)
def test_areas_are_those_of_a_trajectory(profile: str) -> None:
    """Of a molecule in a cell, every column that both have, band by band."""
    frame = replace(frame_of("CH3OH"), cell=8.0 * np.eye(3), periodic=np.ones(3, dtype=bool))
    modes = normal_modes(frame, 3 * sprung(frame))
    lines = lines_of(modes, bond_tensors(frame))
    kept = modes.wavenumbers > 300
    lines = Lines(lines.dipole[kept], lines.polarizability[kept])  # type: ignore[index]
    wavenumbers = modes.wavenumbers[kept]
    made = broadened(frame, wavenumbers, lines, CONDITIONS, profile, 4.0)
    # runs of several phases: what oscillators add to each other's bands, of either sign, is gone in their mean
    series = [trajectory_of(wavenumbers, lines, frame.volume, seed) for seed in range(8)]
    sampling = choose_sampling(series, 8.0, 1, "gaussian")
    along = {"ir": infrared(series, CONDITIONS, sampling), "raman": raman(series, CONDITIONS, sampling)}
    edges = [150.0, *(wavenumbers[:-1][np.diff(wavenumbers) > 120] + 60), wavenumbers.max() + 400]
    assert len(edges) > 4
    # over the width of a line the factors change, most at low wavenumbers; a Lorentzian has some of its area far away
    tails = 0.02 if profile == "gaussian" else 0.06
    for kind, columns in (
        ("ir", ["n_alpha_cm-1"]),
        ("raman", ["VV", "VH", "unpolarised", "reduced_VV", "stokes_VH", "antistokes_VV", "cross_section_unpolarised"]),
    ):
        for column in columns:
            for low, high in itertools.pairwise(edges):
                ours, theirs = (area(each[kind], column, low, high) for each in (made, along))
                whole = area(along[kind], column, edges[0], edges[-1])
                assert ours == pytest.approx(theirs, rel=tails, abs=0.01 * whole), (column, low)
            assert made[kind].unit(column) == along[kind].unit(column)


def test_a_molecule_absorbs_what_its_intensities_say() -> None:
    """∫ n·α_molar dν is 100 A for A in km/mol, and ln 10 times less in decadic units."""
    frame = frame_of("CH3OH")
    modes = normal_modes(frame, sprung(frame))
    lines = lines_of(modes, bond_tensors(frame))
    assert lines.intensity is not None
    made = broadened(frame, modes.wavenumbers, lines, CONDITIONS, "gaussian", 5.0)["ir"]
    assert made.unit("n_alpha_per_molecule") == "L mol-1 cm-1"
    whole = area(made, "n_alpha_per_molecule", 1.0, 1e5)
    assert whole == pytest.approx(100 * lines.intensity.sum(), rel=1e-3)
    assert area(made, "epsilon_decadic", 1.0, 1e5) == pytest.approx(whole / np.log(10))


def test_the_cross_section_of_one_mode_is_that_of_placzek() -> None:
    """σ' = (2πν_s)⁴ ħ/(2μω (1 - e^{-x})) a'² for an isotropic mode, in cm² a molecule and steradian."""
    from scipy import constants

    from mimyria.units import BOHR

    slope = 2.0  # a.u. Å⁻¹ u^-½
    lines = Lines(None, np.array([slope * np.eye(3)]))
    made = broadened(frame_of("N2"), np.array([2330.0]), lines, CONDITIONS, "gaussian", 5.0)["raman"]
    omega = 2 * np.pi * constants.c * 2330e2
    x = constants.hbar * omega / (constants.k * CONDITIONS.temperature)
    gradient = slope * BOHR**3 * 1e-20 / constants.atomic_mass**0.5  # m² kg^-½
    scattered = 2 * np.pi * (1e7 / 514.5 - 2330.0) * 100
    expected = scattered**4 * gradient**2 * constants.hbar / (2 * omega * (1 - np.exp(-x))) * 1e4
    assert area(made, "cross_section_VV", 2200, 2500) == pytest.approx(expected, rel=1e-4)


def test_imaginary_modes_and_standing_ones_have_no_line() -> None:
    lines = Lines(np.ones((3, 3)), None)
    made = broadened(frame_of("N2"), np.array([-500.0, 0.0, 1000.0]), lines, CONDITIONS, "gaussian", 10.0)["ir"]
    alone = broadened(frame_of("N2"), np.array([1000.0]), Lines(np.ones((1, 3))), CONDITIONS, "gaussian", 10.0)["ir"]
    np.testing.assert_allclose(made.values(), alone.values())
