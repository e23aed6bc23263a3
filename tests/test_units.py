"""Units against the numbers of CODATA 2018 and 2022, typed in, and the prefactors of spectra in SI."""

import numpy as np
import pytest

from mimyria import units

E, EPSILON_0, C, K, H, U = 1.602176634e-19, 8.8541878e-12, 299792458.0, 1.380649e-23, 6.62607015e-34, 1.66053907e-27


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (units.BOHR, 0.529177211),
        (units.HARTREE, 27.2113862),
        (units.DEBYE, 2.54174647),
        (units.ATOMIC_TIME, 0.0241888433),
        (units.LIGHT_SPEED, 2.99792458e-5),
        (units.ATOMIC_MASS, U),
        (units.LITRE_PER_MOLE, 6.02214076e-4),
        (units.BOLTZMANN, K),
        (units.MASS_DENSITY, 1.66053907),
        (units.MASS_VELOCITY_SQUARED, 1.66053907e-17),
        (units.VELOCITY["A/fs"], 1.0),
        (units.VELOCITY["A/ps"], 1e-3),
        (units.VELOCITY["nm/ps"], 1e-2),
        (units.VELOCITY["au"], 21.8769126),
        (units.VELOCITY["ase"], 0.0982269475),
        (units.VELOCITY["bohr/fs"], 0.529177211),
        (units.thermal_wavenumber(300.0), 208.510440),
        (units.ELECTRON_MASS, 5.48579909e-4),
        (units.ANGSTROM, 1e-8),
        (units.AKMA_TIME, 48.8882129),
        (units.VACUUM_PERMITTIVITY, 8854.18782),
        (units.CONDUCTIVITY, 0.265441873),
        (units.MILLIDYNE, 0.160217663),
        (units.INTENSITY, 974.880105),
    ],
)
def test_factors_are_those_of_the_tables(value: float, expected: float) -> None:
    assert value == pytest.approx(expected, rel=3e-8, abs=0)


@pytest.mark.parametrize(("size", "temperature"), [(1000.0, 300.0), (750.0, 77.0)])
def test_prefactors_in_si(size: float, temperature: float) -> None:
    """(e Å/fs)² fs is (1.6e-14 C m/s)² times 1e-15 s; a polarizability of one atomic unit is 1.65e-41 C² m²/J."""
    infrared = (E * 1e5) ** 2 * 1e-15 / (6 * EPSILON_0 * C * size * 1e-30 * K * temperature) / 100
    np.testing.assert_allclose(units.infrared_prefactor(size, temperature), infrared, rtol=1e-7)
    surface = 1.64877727e-41 * E * 1e-10 / (EPSILON_0 * size * 1e-20 * K * temperature)
    np.testing.assert_allclose(units.sum_frequency_prefactor(size, temperature), surface, rtol=1e-7)
    np.testing.assert_allclose(units.thermal_wavenumber(temperature), K * temperature / (H * C) / 100, rtol=1e-8)


@pytest.mark.parametrize(("eigenvalue", "expected"), [(1.0, 521.470899), (-4.0, -1042.941797), (0.0, 0.0)])
def test_wavenumbers_of_vibrations(eigenvalue: float, expected: float) -> None:
    """√(eV/Å²/u)/(2πc); an imaginary frequency is written as a negative one."""
    assert units.wavenumber_of(eigenvalue) == pytest.approx(expected, rel=3e-8, abs=0)
