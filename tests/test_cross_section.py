"""The Raman cross section: a harmonic vibration as quantum mechanics gives it, cells of any size, what is stated."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import constants

from ensembles import VOLUME, WARM, made_series, noise
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.raman import raman
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.spectrum import Spectrum
from mimyria.units import ATOMIC_MASS

POSITION, TEMPERATURE, LASER, MASS = 1500.0, 300.0, 532.0, 7.0  # cm⁻¹, K, nm, u
SLOPE = 2.0
"""a.u./Å: α' of an isotropic polarizability."""


def oscillator(copies: int = 1) -> ResponseSeries:
    """dα/dt of classical harmonic oscillators: ⟨ẋ²⟩ = k_B T/μ, of a line of 2 cm⁻¹ width."""
    speed = np.sqrt(constants.k * TEMPERATURE / (MASS * ATOMIC_MASS)) * 1e-5  # m/s to Å/fs
    waves = sum(noise(40_000, 1, POSITION, 8.0, 5.0, seed)[:, 0] for seed in range(copies))
    return made_series({"pgt": SLOPE * speed * waves[:, None, None] * np.eye(3)}, 5.0)


def spectrum_of(series: ResponseSeries, **conditions: object) -> Spectrum:
    given = replace(WARM, laser=LASER, **conditions)  # type: ignore[arg-type]
    return raman([series], given, choose_sampling([series], 30.0, 5))


def band(spectrum: Spectrum, column: str) -> float:
    inside = abs(spectrum.wavenumber - POSITION) < 250
    return float(np.trapezoid(spectrum.columns[column][inside], spectrum.wavenumber[inside]))


def test_a_harmonic_vibration_scatters_as_in_quantum_mechanics() -> None:
    """dσ/dΩ = ω_s⁴/(16π²ε0²c⁴) · α'² ħ/(2μω) (n + 1) in SI."""
    omega = 2 * np.pi * constants.c * 100 * POSITION
    scattered = 2 * np.pi * constants.c * (1e9 / LASER - 100 * POSITION)
    slope = SLOPE * constants.physical_constants["atomic unit of electric polarizability"][0] / constants.angstrom
    occupied = 1 / np.expm1(constants.hbar * omega / (constants.k * TEMPERATURE))
    amplitude = constants.hbar / (2 * MASS * ATOMIC_MASS * omega) * (occupied + 1)
    exact = scattered**4 / (16 * np.pi**2 * constants.epsilon_0**2 * constants.c**4) * slope**2 * amplitude * 1e4  # cm²
    series = oscillator()
    kinetic = float(np.mean(series.rates["pgt"][:, 0, 0, 0] ** 2))  # of this draw, over that of the ensemble
    drawn = kinetic / (SLOPE**2 * constants.k * TEMPERATURE / (MASS * ATOMIC_MASS) * 1e-10)
    found = band(spectrum_of(series), "cross_section_VV") * VOLUME * 1e-24  # of the cell
    assert found == pytest.approx(drawn * exact, rel=0.03)
    molecular = replace(series, counts={"all": np.full(len(series), 4.0)}, molecular=True)
    of_one = band(spectrum_of(molecular, per="molecule"), "cross_section_VV")
    assert of_one == pytest.approx(found / 4, rel=1e-9)


def test_it_does_not_depend_on_the_size_of_the_cell() -> None:
    """Eight independent vibrations in eight times the volume scatter, per volume, as one."""
    one, eight = oscillator(), oscillator(8)
    larger = replace(eight, volume=8 * eight.volume)
    powers = [float(np.mean(series.rates["pgt"][:, 0, 0, 0] ** 2)) for series in (one, eight)]
    ratio = band(spectrum_of(larger), "cross_section_VV") / band(spectrum_of(one), "cross_section_VV")
    assert ratio == pytest.approx(powers[1] / powers[0] / 8, rel=0.01)


def test_units_errors_and_the_local_field_are_stated() -> None:
    plain, medium = spectrum_of(oscillator()), spectrum_of(oscillator(), local_field=1.33)
    for name in ("VV", "VH", "unpolarised"):
        assert plain.unit(f"cross_section_{name}") == "sr-1"
        assert f"cross_section_{name}_error" in plain.columns
    assert "532 nm" in plain.header["cross_section_*"]
    ratio = band(medium, "cross_section_VV") / band(plain, "cross_section_VV")
    assert ratio == pytest.approx(((1.33**2 + 2) / 3) ** 4)
    assert "L⁴ = 2.49" in medium.header["cross_section_*"]
    without = raman([oscillator()], Conditions(TEMPERATURE), choose_sampling([oscillator()], 30.0, 5))
    assert not [name for name in without.columns if name.startswith("cross_section")]
