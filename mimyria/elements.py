"""Chemical elements: symbols, atomic numbers and masses, from the tables of ASE."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.frame import Array, Frame


def numbers_of(symbols: Iterable[str]) -> Array:
    """Return the atomic numbers, shape (n,), of chemical symbols such as ``Cl``; TrajectoryError for other names."""
    from ase.data import atomic_numbers

    try:
        return np.array([atomic_numbers[symbol] for symbol in symbols], dtype=int)
    except KeyError as error:
        raise TrajectoryError(
            f"{error.args[0]!r} is not a chemical symbol; name atoms by element, O and not OW"
        ) from error


def symbols_of(numbers: Iterable[int]) -> list[str]:
    """Return the chemical symbols of atomic numbers."""
    from ase.data import chemical_symbols

    return [str(chemical_symbols[number]) for number in _known(numbers)]


def masses_of(numbers: Iterable[int]) -> Array:
    """Return the standard atomic masses of atomic numbers, u, shape (n,)."""
    from ase.data import atomic_masses

    return np.asarray(atomic_masses, dtype=float)[_known(numbers)]


def covalent_radii(numbers: Iterable[int]) -> Array:
    """Return the covalent radii of atomic numbers, Å, shape (n,)."""
    from ase.data import covalent_radii as radii

    return np.asarray(radii, dtype=float)[_known(numbers)]


def frame_masses(frame: Frame) -> Array:
    """Return the masses of the atoms of a frame, u, shape (n,): those of the frame, else the standard ones."""
    return masses_of(frame.numbers) if frame.masses is None else frame.masses


def _known(numbers: Iterable[int]) -> Array:
    """Return atomic numbers as an array; raise TrajectoryError unless each belongs to an element."""
    from ase.data import chemical_symbols

    known = np.asarray(numbers, dtype=int)
    outside = known[(known < 0) | (known >= len(chemical_symbols))]
    if outside.size:
        raise TrajectoryError(f"{outside[0]} is not the atomic number of an element")
    return known
