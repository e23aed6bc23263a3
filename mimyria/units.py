"""Every unit factor of the package, computed from CODATA 2022, whose numbers stand first, in SI.

Inside the package: Å, fs, Å/fs, e, wavenumbers in cm⁻¹, energies and fields in atomic units. Readers, engines and
writers convert; ``README.md`` has the whole table.
"""

import math

_LIGHT_SPEED, _PLANCK, _CHARGE, _AVOGADRO = 299792458.0, 6.62607015e-34, 1.602176634e-19, 6.02214076e23
_EPSILON_0 = 8.8541878188e-12
_ATOMIC_DIPOLE, _ATOMIC_POLARIZABILITY = 8.4783536198e-30, 1.64877727212e-41
_CENTI, _KILO, _PICO, _NANO, _FEMTO, _ANGSTROM, _CALORIE = 1e-2, 1e3, 1e-12, 1e-9, 1e-15, 1e-10, 4.184

BOHR = 5.29177210544e-11 / _ANGSTROM
"""a0 in Å."""

HARTREE = 27.211386245981
"""E_h in eV."""

DEBYE = _ATOMIC_DIPOLE / (1e-21 / _LIGHT_SPEED)
"""e a0 in debye; one debye is 1e-21/c C m."""

ATOMIC_TIME = 2.4188843265864e-17 / _FEMTO
"""ħ/E_h in fs."""

LIGHT_SPEED = _LIGHT_SPEED * _CENTI**-1 * _FEMTO
"""c in cm/fs: a wavenumber ν (cm⁻¹) is the angular frequency 2πcν in rad/fs."""

ATOMIC_MASS = 1.66053906892e-27
"""u in kg."""

ELECTRON_MASS = 5.485799090441e-4
"""m_e in u."""

AKMA_TIME = (ATOMIC_MASS * _ANGSTROM**2 * _AVOGADRO / _KILO / _CALORIE) ** 0.5
AKMA_TIME /= _FEMTO
"""The unit of time of CHARMM and NAMD, Å (u mol/kcal)^½, in fs."""

LITRE_PER_MOLE = _AVOGADRO * _ANGSTROM**3 / 1e-3
"""Å³ a molecule in L/mol."""

ANGSTROM = _ANGSTROM / _CENTI
"""Å in cm."""

BOLTZMANN = 1.380649e-23
"""k_B in J/K."""

VACUUM_PERMITTIVITY = _EPSILON_0 / _FEMTO
"""ε0 in S fs/m."""

CONDUCTIVITY = _EPSILON_0 * _LIGHT_SPEED / _CENTI
"""ε0 c: the conductivity (S/m) of a medium with n·α of 1 cm⁻¹."""

MASS_DENSITY = ATOMIC_MASS / 1e-3 * (_CENTI / _ANGSTROM) ** 3
"""u/Å³ in g/cm³."""

MASS_VELOCITY_SQUARED = ATOMIC_MASS * (_ANGSTROM / _FEMTO) ** 2
"""u (Å/fs)² in J."""

VELOCITY = {
    "A/fs": 1.0,
    "A/ps": _FEMTO / _PICO,
    "nm/ps": (_NANO / _ANGSTROM) * (_FEMTO / _PICO),
    "au": BOHR / ATOMIC_TIME,
    "ase": (_CHARGE / ATOMIC_MASS) ** 0.5 * (_FEMTO / _ANGSTROM),
    "bohr/fs": BOHR,
}
"""One unit of velocity in Å/fs, by the name used in ``--velocity-unit``. ``ase`` is (eV/u)^½ = Å·(eV/u)^½/Å."""


def infrared_prefactor(volume: float, temperature: float) -> float:
    """Return 1/(6 ε0 c V k_B T), from (e Å/fs)² · fs to n·α in cm⁻¹, for a volume in Å³ and a temperature in K."""
    rate_squared_times_time = (_CHARGE * _ANGSTROM / _FEMTO) ** 2 * _FEMTO
    per_metre = rate_squared_times_time / (
        6 * _EPSILON_0 * _LIGHT_SPEED * volume * _ANGSTROM**3 * BOLTZMANN * temperature
    )
    return per_metre * _CENTI


def sum_frequency_prefactor(area: float, temperature: float) -> float:
    """Return 1/(ε0 A k_B T), from polarizability (e² a0² E_h⁻¹) times dipole (e Å) to a surface susceptibility in m²/V.

    The area is in Å², the temperature in K.
    """
    dipole = _CHARGE * _ANGSTROM
    return _ATOMIC_POLARIZABILITY * dipole / (_EPSILON_0 * area * _ANGSTROM**2 * BOLTZMANN * temperature)


def thermal_wavenumber(temperature: float) -> float:
    """Return k_B T/(hc) in cm⁻¹."""
    return BOLTZMANN * temperature / (_PLANCK * _LIGHT_SPEED) * _CENTI


MILLIDYNE = _CHARGE / _ANGSTROM**2 / 100
"""eV/Å² in mdyn/Å, which is 100 N/m."""

INTENSITY = _AVOGADRO * _CHARGE**2 / (12 * _EPSILON_0 * _LIGHT_SPEED**2 * ATOMIC_MASS)
INTENSITY /= _KILO
"""N_A/(12 ε0 c²), from |∂M/∂Q|² in e²/u to the integrated intensity of an infrared band in km/mol."""


def wavenumber_of(eigenvalue: float) -> float:
    """Return ω/(2πc) in cm⁻¹ of ω² in eV/(Å² u); negative for an imaginary ω."""
    root = math.copysign(math.sqrt(abs(eigenvalue)), eigenvalue)
    return root * VELOCITY["ase"] / (2 * math.pi * LIGHT_SPEED)
