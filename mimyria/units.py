"""Every unit factor of the package, computed from CODATA (``scipy.constants``).

Inside the package: Å, fs, Å/fs, e, wavenumbers in cm⁻¹, energies and fields in atomic units. Readers, engines and
writers convert; ``README.md`` has the whole table.
"""

import math

from scipy import constants

_physical = constants.physical_constants

BOHR = _physical["Bohr radius"][0] / constants.angstrom
"""a0 in Å."""

HARTREE = _physical["Hartree energy in eV"][0]
"""E_h in eV."""

DEBYE = _physical["atomic unit of electric dipole mom."][0] / (1e-21 / constants.c)
"""e a0 in debye; one debye is 1e-21/c C m."""

ATOMIC_TIME = _physical["atomic unit of time"][0] / constants.femto
"""ħ/E_h in fs."""

LIGHT_SPEED = constants.c * constants.centi**-1 * constants.femto
"""c in cm/fs: a wavenumber ν (cm⁻¹) is the angular frequency 2πcν in rad/fs."""

ATOMIC_MASS = constants.atomic_mass
"""u in kg."""

ELECTRON_MASS = _physical["electron mass in u"][0]
"""m_e in u."""

AKMA_TIME = (ATOMIC_MASS * constants.angstrom**2 * constants.Avogadro / constants.kilo / constants.calorie) ** 0.5
AKMA_TIME /= constants.femto
"""The unit of time of CHARMM and NAMD, Å (u mol/kcal)^½, in fs."""

LITRE_PER_MOLE = constants.Avogadro * constants.angstrom**3 / constants.liter
"""Å³ a molecule in L/mol."""

ANGSTROM = constants.angstrom / constants.centi
"""Å in cm."""

BOLTZMANN = constants.k
"""k_B in J/K."""

VACUUM_PERMITTIVITY = constants.epsilon_0 / constants.femto
"""ε0 in S fs/m."""

CONDUCTIVITY = constants.epsilon_0 * constants.c / constants.centi
"""ε0 c: the conductivity (S/m) of a medium with n·α of 1 cm⁻¹."""

MASS_DENSITY = ATOMIC_MASS / constants.gram * (constants.centi / constants.angstrom) ** 3
"""u/Å³ in g/cm³."""

MASS_VELOCITY_SQUARED = ATOMIC_MASS * (constants.angstrom / constants.femto) ** 2
"""u (Å/fs)² in J."""

VELOCITY = {
    "A/fs": 1.0,
    "A/ps": constants.femto / constants.pico,
    "nm/ps": (constants.nano / constants.angstrom) * (constants.femto / constants.pico),
    "au": BOHR / ATOMIC_TIME,
    "ase": (constants.e / ATOMIC_MASS) ** 0.5 * (constants.femto / constants.angstrom),
    "bohr/fs": BOHR,
}
"""One unit of velocity in Å/fs, by the name used in ``--velocity-unit``. ``ase`` is (eV/u)^½ = Å·(eV/u)^½/Å."""


def infrared_prefactor(volume: float, temperature: float) -> float:
    """Return 1/(6 ε0 c V k_B T), from (e Å/fs)² · fs to n·α in cm⁻¹, for a volume in Å³ and a temperature in K."""
    rate_squared_times_time = (constants.e * constants.angstrom / constants.femto) ** 2 * constants.femto
    per_metre = rate_squared_times_time / (
        6 * constants.epsilon_0 * constants.c * volume * constants.angstrom**3 * BOLTZMANN * temperature
    )
    return per_metre * constants.centi


def sum_frequency_prefactor(area: float, temperature: float) -> float:
    """Return 1/(ε0 A k_B T), from polarizability (e² a0² E_h⁻¹) times dipole (e Å) to a surface susceptibility in m²/V.

    The area is in Å², the temperature in K.
    """
    polarizability = _physical["atomic unit of electric polarizability"][0]
    dipole = constants.e * constants.angstrom
    return polarizability * dipole / (constants.epsilon_0 * area * constants.angstrom**2 * BOLTZMANN * temperature)


def thermal_wavenumber(temperature: float) -> float:
    """Return k_B T/(hc) in cm⁻¹."""
    return BOLTZMANN * temperature / (constants.h * constants.c) * constants.centi


MILLIDYNE = constants.e / constants.angstrom**2 / 100
"""eV/Å² in mdyn/Å, which is 100 N/m."""

INTENSITY = constants.Avogadro * constants.e**2 / (12 * constants.epsilon_0 * constants.c**2 * ATOMIC_MASS)
INTENSITY /= constants.kilo
"""N_A/(12 ε0 c²), from |∂M/∂Q|² in e²/u to the integrated intensity of an infrared band in km/mol."""


def wavenumber_of(eigenvalue: float) -> float:
    """Return ω/(2πc) in cm⁻¹ of ω² in eV/(Å² u); negative for an imaginary ω."""
    root = math.copysign(math.sqrt(abs(eigenvalue)), eigenvalue)
    return root * VELOCITY["ase"] / (2 * math.pi * LIGHT_SPEED)
