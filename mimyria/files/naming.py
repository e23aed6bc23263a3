"""Names of atoms become elements and masses, for every format alike; massless sites are left out.

A name is an element's symbol in any case, an isotope's, an atomic number, or what ``--species`` says it is; ``--mass``
gives masses that no file tells. Every reader passes the names of a file through `identify_atoms`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from mimyria.elements import masses_of, symbols_of
from mimyria.errors import TrajectoryError, located
from mimyria.files.universe import depends_on_positions, select, universe_of
from mimyria.frame import Array, Frame

if TYPE_CHECKING:
    from mimyria.files.source import Source

ISOTOPES = {
    **{"D": ("H", 2.01410178), "T": ("H", 3.01604928), "1H": ("H", 1.00782503), "2H": ("H", 2.01410178)},
    **{"3H": ("H", 3.01604928), "6LI": ("Li", 6.01512289), "7LI": ("Li", 7.01600344), "10B": ("B", 10.01293695)},
    **{"11B": ("B", 11.00930536), "12C": ("C", 12.0), "13C": ("C", 13.00335484), "14N": ("N", 14.003074)},
    **{"15N": ("N", 15.0001089), "16O": ("O", 15.99491462), "17O": ("O", 16.99913176), "18O": ("O", 17.99915961)},
    **{"32S": ("S", 31.97207117), "34S": ("S", 33.967867), "35CL": ("Cl", 34.96885269), "37CL": ("Cl", 36.96590258)},
}
"""Element and mass (u) by name, in capital letters; IUPAC and the atomic mass evaluation of 2020."""
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
SITE = re.compile(r"(?:XX?|MW?|OM|EPW?|LP[AB]?|VS|VSITE|DU|DUM|BQ)\d*", re.IGNORECASE)
"""Names of sites without a mass: of four- and five-point water, lone pairs, dummies."""
MEANT_SITES = ("X", "M", "MW", "EP", "EPW", "LP", "OM", "DUM")
"""What ``--species`` may call a site; other words are more likely a typing error."""
DRUDE = re.compile(r"D\w*", re.IGNORECASE)
"""Names of Drude particles; they are sites only where their mass is known to be zero, for D is deuterium too."""
MASSLESS = 1e-3
"""u; less is the mass of a site, in programs that want one to be positive."""
NO_ELEMENT = 0
"""In place of an atomic number, for a site."""
UNUSUAL = 0.02
"""Relative difference from the standard mass of an element from which on a mass is reported."""
USUAL = ("H", "C", "N", "O", "F", "P", "S")
"""Elements that a message proposes for names that begin with them, unless two letters make another one."""
FARTHEST = 5.0
"""Factor between the standard mass of an element and what a file may say; hydrogen is made up to four times heavier."""
LIGHTEST = 0.9
"""u; what is lighter than hydrogen is no atom, but a Drude particle."""
SHOWN = 6


@dataclass(frozen=True)
class Atoms:
    """The atoms that names tell."""

    numbers: Array
    """Atomic numbers, shape (n,)."""
    masses: Array | None
    """u, shape (n,); None where all are the standard ones of the elements."""
    kept: Array | None = None
    """Indices of these atoms in the file, shape (n,), where it has massless sites besides; None if all are atoms."""

    @cached_property
    def alone(self) -> Frame:
        """A frame of these atoms without anything else, even positions and a cell, which its reader adds."""
        places, nowhere = np.zeros((len(self.numbers), 3)), np.zeros((3, 3))
        return Frame(self.numbers, places, nowhere, np.zeros(3, dtype=bool), masses=self.masses, kept=self.kept)

    @property
    def weights(self) -> Array:
        """The masses, u, shape (n,), standard ones too."""
        return masses_of(self.numbers) if self.masses is None else self.masses

    def of(self, values: Array, axis: int = 0) -> Array:
        """Return of values for everything in the file, m along an axis, those of the n atoms."""
        return values if self.kept is None else values.take(self.kept, axis)


NO_ATOMS = Atoms(np.empty(0, dtype=int), None)
Kind = tuple[int, float]
"""Atomic number, or `NO_ELEMENT`, and the mass of the isotope (u), NaN for the standard one."""


def identify_atoms(
    names: Sequence[str | bytes] | Array,
    source: Source,
    place: str,
    *,
    masses: Sequence[float] | Array | None = None,
    aliases: Sequence[Sequence[str]] = (),
    what: str = "atom",
) -> Atoms:
    """Return the atoms of which a file tells names, with the species and masses that the user gives.

    Parameters
    ----------
    names
        Elements, isotopes, names of massless sites or of atoms, shape (m,); or atomic numbers, if they are integers.
        An empty one is unknown, unless its ``aliases`` are told by the user, or are of a site.
    source
        Its ``species`` and ``mass`` are what the user says.
    place
        The file and the frame, for messages.
    masses
        u, shape (m,), where the file tells them; NaN for those it does not.
    aliases
        Other names of the same atoms, such as types, each of shape (m,), by which ``--species`` may call them too.
    what
        What messages call an atom.

    Raises
    ------
    TrajectoryError
        For a name that is no element's, a mass that is not positive, or a ``--species`` or ``--mass`` of no atom.
    """
    told = np.full(len(names), np.nan) if masses is None else np.array(masses, dtype=float)
    with located(place):
        calls = list(zip(words_of(names), *map(words_of, aliases), strict=True))
    digits = {call[0] for call in calls if call[0].isdecimal()}
    # Atomic numbers name all atoms or none, and the user need not say what one of them means.
    types = digits if digits & source.species.keys() or not all(call[0].isdecimal() for call in calls) else set()
    if digits == {str(k) for k in range(1, len(digits) + 1)} and not types:
        types = digits
    cases = list(zip(calls, (abs(told) < MASSLESS).tolist(), np.isnan(told).tolist(), strict=True))
    kinds = {case: _kind(*case, source.species, types) for case in dict.fromkeys(cases)}
    unknown = {_called(case[0]): cases.index(case) for case, kind in kinds.items() if kind is None}
    if unknown:
        name, first = next(iter(unknown.items()))
        if all(map(str.isdecimal, unknown)):
            shown = sorted(unknown, key=int)
            given = " ".join(f"--species {kind}=ELEMENT" for kind in shown)
            raise TrajectoryError(f"{place}: {what}s are named {', '.join(shown)}, by type; give {given}")
        raise TrajectoryError(
            f"{place}: the element of {what} {first}, named {name!r}, is not known"
            f"{f' (its mass is {told[first]:g} u)' if np.isfinite(told[first]) else ''}; "
            f"give {' '.join(f'--species {_proposal(name)}' for name in list(unknown)[:SHOWN])}, or "
            "correct the name"
        )
    for name in source.species:
        if not any(name in call for call in {case[0] for case in cases}):
            raise TrajectoryError(f"{place}: no {what} is named {name}, as --species says; leave it out, or correct it")
    if capitals := sorted({name for name, *others in calls if not others and is_ambiguous(name, source.species)}):
        source.note(
            f"{source.path}: {', '.join(capitals)} are taken for elements; if they are names of a force field, give "
            f"--species {capitals[0]}={capitals[0][0]} and so on"
        )
    numbers, isotopes = (np.array(values) for values in zip(*(kinds[case] or (0, 0.0) for case in cases), strict=True))
    kept = None if numbers.all() else np.flatnonzero(numbers != NO_ELEMENT)
    atoms = Atoms(numbers.astype(int), np.where(np.isnan(told), isotopes, told), kept)
    atoms = Atoms(atoms.of(atoms.numbers), atoms.of(np.asarray(atoms.masses)), kept)
    if not len(atoms.numbers):
        raise TrajectoryError(f"{place}: no {what} has a mass; they are named {', '.join({*map(_called, calls)})}")
    if kept is not None:
        sites = np.flatnonzero(numbers == NO_ELEMENT)
        named = ", ".join(dict.fromkeys(_called(calls[site]) for site in sites))
        source.note(f"{source.path}: {len(sites)} massless sites ({named}) are left out")
    return _weighed(atoms, calls, source, place, what)


def check_given(species: Mapping[str, str], mass: Mapping[str, float]) -> None:
    """Raise TrajectoryError unless each name is given an element, an isotope, or X for a site, and masses are > 0."""
    for option, given, example in (("species", species, '{"OW": "O"}'), ("mass", mass, '{"H": 2.014}')):
        if not isinstance(given, Mapping):
            raise TrajectoryError(f"{option} takes a mapping such as {example}, not {given!r}")
    for name, element in species.items():
        meaning = element_of(element) if isinstance(element, str) else None
        if meaning is None or (meaning[0] == NO_ELEMENT and element.rstrip("0123456789").upper() not in MEANT_SITES):
            raise TrajectoryError(
                f"--species {name}={element}: {element} is not an element; give its symbol, D or T, or X for a site "
                "without a mass"
            )
    for atoms, value in mass.items():
        if not isinstance(value, Real):
            raise TrajectoryError(f"--mass {atoms} takes a number, not {value!r}")
        if not (np.isfinite(value) and value > 0):
            raise TrajectoryError(f"--mass {atoms} must be positive, not {value:g}")


def words_of(names: Iterable[Any]) -> list[str]:
    """Return names as text without blanks and byte order marks; atomic numbers as symbols, with X for zero."""
    array = np.asarray(names)
    if array.dtype.kind in "iu":
        present, index = np.unique(array, return_inverse=True)
        return np.array(symbols_of(present))[index].tolist()
    texts = (name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name in array.tolist())
    return [text.strip("\ufeff\0 \t\"'") for text in texts]


def _kind(
    call: tuple[str, ...], massless: bool, unknown_mass: bool, species: Mapping[str, str], types: Collection[str]
) -> Kind | None:
    """Return what an atom is that is called by these names, which are no element's in ``types``; None if unknown."""
    given = next((species[name] for name in call if name in species), None)
    if given is not None:
        return element_of(given)
    site = (massless or unknown_mass) and any(map(SITE.fullmatch, call[:1] if call[0] else call))
    if site or (massless and any(map(DRUDE.fullmatch, call))):
        return NO_ELEMENT, np.nan
    meaning = None if call[0] in types else element_of(call[0])
    return None if meaning is None or meaning[0] == NO_ELEMENT else meaning


def is_ambiguous(name: str, species: Mapping[str, str]) -> bool:
    """Return whether a symbol is also the name of an atom of another element, as HO of hydrogen, OS of oxygen."""
    return len(name) == 2 and name.isupper() and name[0] in USUAL and name not in species and bool(element_of(name))


def _called(call: tuple[str, ...]) -> str:
    """Return the first of an atom's names that is not empty."""
    return next(filter(None, call), "")


def element_of(name: str) -> Kind | None:
    """Return what a name means by itself: an element, an isotope, an atomic number, a site; None if nothing."""
    from ase.data import atomic_numbers, chemical_symbols

    word = name.translate(SUPERSCRIPTS)
    if SITE.fullmatch(word):
        return NO_ELEMENT, np.nan
    symbol, mass = ISOTOPES.get(word.upper(), (word.capitalize(), np.nan))
    if symbol.isdecimal() and 0 < int(symbol) < len(chemical_symbols):
        return int(symbol), mass
    return (int(atomic_numbers[symbol]), mass) if symbol in atomic_numbers else None


def _proposal(name: str) -> str:
    """Return ``NAME=ELEMENT`` with the likely element, where the first letter tells it."""
    first, second = name[:1].upper(), name[:2].capitalize()
    certain = first in USUAL and (second == first or not second.isalpha() or not element_of(second))
    return f"{name}={first if certain else 'ELEMENT'}"


def _weighed(atoms: Atoms, calls: list[tuple[str, ...]], source: Source, place: str, what: str) -> Atoms:
    """Return the atoms with their masses: those of ``--mass``, else of the file, else of isotopes, else standard."""
    standard = masses_of(atoms.numbers)
    masses = np.where(np.isnan(known := np.asarray(atoms.masses)), standard, known)
    symbols = symbols_of(atoms.numbers)
    named = [calls[k] for k in (range(len(calls)) if atoms.kept is None else atoms.kept)]
    given = np.zeros(len(masses), dtype=bool)
    # Elements first, so that a selection may single out some of their atoms.
    for key, mass in sorted(source.mass.items(), key=lambda item: item[0].capitalize() not in symbols):
        chosen = np.array([symbol == key.capitalize() for symbol in symbols])
        if not chosen.any():
            chosen = np.array([key in call for call in named])
        if not chosen.any():
            chosen = _selected(key, atoms, symbols, named, masses, source, place)
        masses[chosen], given = mass, given | chosen
    for k in np.flatnonzero(~np.isnan(known) & ~given & ~(np.abs(masses / standard - 1) < UNUSUAL)):
        if (wrong := _contradiction(_called(named[k]), symbols[k], masses[k], standard[k], source.species)) is not None:
            raise TrajectoryError(f"{place}: {what} {int(k if atoms.kept is None else atoms.kept[k])}, {wrong}")
    if np.isnan(known).all() and not source.mass:
        return Atoms(atoms.numbers, None, atoms.kept)
    unusual = np.abs(masses / standard - 1) > UNUSUAL
    if unusual.any():
        listed = [(symbols[k], round(float(masses[k]), 4)) for k in np.flatnonzero(unusual)]
        shown = [f"{listed.count(one)} {one[0]} of {one[1]:g} u" for one in dict.fromkeys(listed)][:SHOWN]
        source.note(f"{source.path}: isotopes, or other masses than the standard ones: {', '.join(shown)}")
    return Atoms(atoms.numbers, masses, atoms.kept)


def _contradiction(name: str, symbol: str, mass: float, standard: float, species: Mapping[str, str]) -> str | None:
    """Return in words why an atom of this name cannot have a mass that the file tells; None if it can."""
    if not (np.isfinite(mass) and mass > 0):
        return f"{name}, has a mass of {mass:g} u; correct the file, or, for a site, give --species {name}=X"
    first = element_of(name[:1]) if len(name) > 1 and name not in species else None
    if first is not None and first[0] != NO_ELEMENT and abs(mass / masses_of([first[0]])[0] - 1) < UNUSUAL:
        return f"{name}, has the mass of {name[0].upper()}, {mass:g} u; give --species {name}={name[0].upper()}"
    if not max(standard / FARTHEST, LIGHTEST) < mass < standard * FARTHEST:
        return (
            f"{name}, has a mass of {mass:g} u, but {symbol} has {standard:g} u; correct the file, or give "
            f"--mass {symbol}=U if it is meant"
        )
    return None


def _selected(
    text: str,
    atoms: Atoms,
    symbols: list[str],
    named: list[tuple[str, ...]],
    masses: Array,
    source: Source,
    place: str,
) -> Array:
    """Return which atoms a selection of ``--mass`` holds, shape (n,), bool; TrajectoryError if there are none."""
    if depends_on_positions(text):
        raise TrajectoryError(f"{place}: --mass {text}: masses do not depend on positions")
    names = [next((name for name in call[1:] if name not in ("", call[0])), call[0]) for call in named]
    universe = universe_of(symbols, masses, atoms.kept, names=names, topology=source.topology)
    there = f"its elements are {', '.join(sorted({*symbols}))}"
    try:
        chosen = np.isin(np.arange(len(symbols)) if atoms.kept is None else atoms.kept, select(universe, text).ix)
    except TrajectoryError as error:
        which = f", and {error}" if len(text.split()) > 1 else ""
        raise TrajectoryError(f"{place}: --mass {text}: no element or name of an atom{which}; {there}") from error
    if not chosen.any():
        raise TrajectoryError(f"{place}: --mass {text} holds no atom; {there}")
    return chosen
