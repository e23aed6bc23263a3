"""Thermochemistry of harmonic vibrations: the ideal gas of a molecule, or the vibrations alone, by ASE."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import constants
from scipy.spatial.distance import cdist

from mimyria.elements import frame_masses
from mimyria.frame import Array, Frame
from mimyria.harmonic.broadened import LOWEST
from mimyria.harmonic.modes import Modes, is_linear

CLOSE = 0.05
"""Å; atoms that a rotation brings nearer than this to another of their kind are said to lie on it."""
WIDE = 0.7
"""Part of the largest parallelogram of two atoms and the centre that the chosen two have at least."""
WAVENUMBER = constants.h * constants.c / constants.centi / constants.e
"""One cm⁻¹ in eV."""
KJ_PER_MOLE = constants.e * constants.Avogadro / constants.kilo
"""One eV a molecule in kJ/mol."""


@dataclass(frozen=True)
class Thermochemistry:
    """Energies over that of the structure at rest, eV, and the entropy, eV/K, at a temperature and a pressure."""

    what: str
    """Which model in words."""
    values: dict[str, float]
    """By name: ``zero_point``, ``internal``, ``enthalpy``, ``gibbs`` or ``helmholtz``, ``entropy``."""

    @property
    def rows(self) -> list[tuple[str, float, str]]:
        """Quantity, value and unit of every line of the table."""
        rows = []
        for name, value in self.values.items():
            if name == "entropy":
                rows.append((name, value * KJ_PER_MOLE * 1000, "J mol-1 K-1"))
            else:
                rows += [(name, value * KJ_PER_MOLE, "kJ mol-1"), (name, value, "eV")]
        return rows


def thermochemistry(
    frame: Frame,
    modes: Modes,
    wavenumbers: Array,
    fixed: Array,
    *,
    temperature: float,
    pressure: float,
    symmetry: int | None,
    multiplicity: int,
) -> Thermochemistry:
    """Return the thermochemistry of a molecule as an ideal gas; of a cell, or with fixed atoms, that of the vibrations.

    Parameters
    ----------
    wavenumbers
        Of the modes, cm⁻¹, shape (modes,), scaled; imaginary ones, and those below 1 cm⁻¹, are left out.
    temperature, pressure
        K, bar.
    symmetry, multiplicity
        Number of rotations that bring the molecule onto itself (None to count them), and 2S + 1.
    """
    from ase import Atoms
    from ase.thermochemistry import HarmonicThermo, IdealGasThermo

    seen = wavenumbers > LOWEST
    energies = WAVENUMBER * wavenumbers[seen]
    zero = {"zero_point": float(energies.sum() / 2)}
    if frame.periodic.any() or fixed.any():
        made = HarmonicThermo(energies)
        with np.errstate(over="ignore"):  # exp(ħω/kT) of a cold structure, which nothing is excited in
            values = {
                "internal": made.get_internal_energy(temperature, verbose=False),
                "helmholtz": made.get_helmholtz_energy(temperature, verbose=False),
                "entropy": made.get_entropy(temperature, verbose=False),
            }
        return Thermochemistry(f"harmonic vibrations at {temperature:g} K", zero | values)
    number = symmetry_number(frame) if symmetry is None else symmetry
    geometry = "monatomic" if len(frame) == 1 else "linear" if is_linear(frame) else "nonlinear"
    atoms = Atoms(frame.numbers, frame.positions, masses=modes.masses)
    levels = (WAVENUMBER * np.where(seen, wavenumbers, 1e-3j)).tolist()
    spin = (multiplicity - 1) / 2
    with warnings.catch_warnings(action="ignore"):  # that imaginary modes are left out, which the header says
        gas = IdealGasThermo(levels, geometry, atoms=atoms, symmetrynumber=number, spin=spin, ignore_imag_modes=True)
    pascal = pressure * constants.bar
    with np.errstate(over="ignore"):  # exp(ħω/kT) of a cold gas, which nothing is excited in
        values = {
            "internal": gas.get_internal_energy(temperature, verbose=False),
            "enthalpy": gas.get_enthalpy(temperature, verbose=False),
            "gibbs": gas.get_gibbs_energy(temperature, pascal, verbose=False),
            "entropy": gas.get_entropy(temperature, pascal, verbose=False),
        }
    words = f"ideal gas at {temperature:g} K and {pressure:g} bar, {geometry}, symmetry number {number}, "
    return Thermochemistry(f"{words}multiplicity {multiplicity}", zero | values)


def symmetry_number(frame: Frame) -> int:
    """Return how many proper rotations bring a molecule onto itself, isotopes told apart.

    A rotation is told by where it takes two atoms that are not on one line with the centre of mass.
    """
    masses = frame_masses(frame)
    arms = frame.positions - masses @ frame.positions / masses.sum()
    kinds = np.unique(np.column_stack([frame.numbers, np.round(masses, 2)]), axis=0, return_inverse=True)[1]
    if len(frame) == 1:
        return 1
    if is_linear(frame):
        return 2 if _maps(-np.eye(3), arms, kinds) else 1
    radii = np.linalg.norm(arms, axis=1)
    alike = (kinds[:, None] == kinds) & (abs(radii[:, None] - radii) < CLOSE)
    area = np.sqrt(np.maximum(np.outer(radii, radii) ** 2 - (arms @ arms.T) ** 2, 0))
    # The fewer atoms are like them, the fewer rotations are tried; a narrow angle would tell the rotation badly.
    tried = np.where(area > WIDE * area.max(), np.outer(alike.sum(axis=0), alike.sum(axis=0)), np.inf)
    first, second = np.unravel_index(tried.argmin(), tried.shape)
    before = _triad(arms[first], arms[second])
    apart = cdist(arms, arms)
    # With the centre, the two atoms lie as the first two do.
    as_first = alike[first][:, None] & alike[second] & (abs(apart - apart[first, second]) < CLOSE)
    pairs = zip(*np.nonzero(as_first & (apart > 0)), strict=True)
    return max(sum(_maps(_triad(arms[i], arms[j]) @ before.T, arms, kinds) for i, j in pairs), 1)


def _triad(a: Array, b: Array) -> Array:
    """Return three orthonormal columns: along a, towards b, and across both."""
    e = a / np.linalg.norm(a)
    across = np.cross(a, b)
    across = across / np.linalg.norm(across)
    return np.column_stack([e, np.cross(across, e), across])


def _maps(rotation: Array, arms: Array, kinds: Array) -> bool:
    """Return whether every atom comes near one of its kind."""
    apart = cdist(arms @ rotation.T, arms)
    apart[kinds[:, None] != kinds] = np.inf
    return bool((apart.min(axis=1) < CLOSE).all())
