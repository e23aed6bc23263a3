"""What moves in a mode: shares of its kinetic energy, by kind of motion, by element, and by groups of atoms.

The vector of a mode is split as velocities are in `rates.motions`, stretches first, then bends, then torsions; the rest
of a molecule turns or moves as a whole. The kinetic energies of these five add up to that of the mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mimyria.elements import symbols_of
from mimyria.errors import ConfigError
from mimyria.frame import Array, Frame
from mimyria.harmonic.modes import Modes
from mimyria.molecules import find_bonds, molecules_of
from mimyria.rates.groups import Grouping
from mimyria.rates.internal import BEND, STRETCH, TORSION
from mimyria.rates.motions import ENDLESS, ROTATION, TRANSLATION, by_motion
from mimyria.rates.selection import atom_selection

NAMED = 0.15
"""Motions of a smaller share are not named."""
CLASSES = (STRETCH, BEND, TORSION, ROTATION, TRANSLATION, ENDLESS)


@dataclass(frozen=True)
class Assignment:
    """Shares of every mode, each of shape (modes,)."""

    motions: dict[str, Array]
    """By class: stretch, bend, torsion, rotation, translation of molecules; those that there are."""
    atoms: dict[str, Array]
    """By element."""
    groups: dict[str, Array]
    """By the names of the user."""
    words: tuple[str, ...]
    """The largest shares of each mode by name: ``CO_stretch 71 %, bend 25 %``."""


def assign(frame: Frame, modes: Modes, groups: Sequence[str] = ()) -> Assignment:
    """Return what moves in each mode; the groups are texts ``NAME=SELECTION``."""
    bonds = find_bonds(frame)
    grouping = by_motion(frame, bonds)
    assert grouping.parts is not None
    parts = np.array([grouping.parts(frame, each) for each in modes.displacements]).reshape(
        -1, len(grouping.names), len(frame), 3
    )
    weights = modes.masses[:, None]
    energies = (weights * parts**2).sum(axis=(2, 3))  # of each motion by itself
    class_of = [next(each for each in CLASSES if name.endswith(each)) for name in grouping.names]
    motions = {}
    for each in CLASSES:
        members = [k for k, other in enumerate(class_of) if other == each]
        share = (weights * parts[:, members].sum(axis=1) ** 2).sum(axis=(1, 2))
        if members and share.max(initial=0.0) > 1e-3:
            motions[each] = share
    kinetic = (modes.vectors**2).sum(axis=2)
    species = Grouping.by_species(frame.numbers)
    held = {name: kinetic @ row for name, row in zip(species.names, species.weights(frame), strict=True)}
    names = _short(grouping.names)
    words = tuple(
        _words({each: share[k] for each, share in motions.items()}, energies[k], class_of, names)
        for k in range(len(kinetic))
    )
    return Assignment(
        motions, held, {name: kinetic @ inside for name, inside in groups_of(frame, groups).items()}, words
    )


def _short(names: Sequence[str]) -> list[str]:
    """Return names without the formula where there is one kind of molecules, and with spaces for underscores."""
    formulas = {name.partition("_")[0] for name in names}
    return [(name.partition("_")[2] if len(formulas) == 1 else name).replace("_", " ") for name in names]


def _words(shares: dict[str, float], energies: Array, class_of: list[str], names: list[str]) -> str:
    """Return the largest shares of a mode; that of a class is told by the motions of which it mostly consists."""
    told = []
    for each, share in sorted(shares.items(), key=lambda item: -item[1]):
        inside = [k for k, other in enumerate(class_of) if other == each]
        total = energies[inside].sum()
        for k in sorted(inside, key=lambda k: -energies[k]):
            part = share * energies[k] / total if total else 0.0
            if part > NAMED:
                told.append(f"{names[k]} {100 * part:.0f} %")
    return ", ".join(told) or "mixed"


def groups_of(frame: Frame, texts: Sequence[str]) -> dict[str, Array]:
    """Return which atoms are in each group, shape (n,), bool, by name, from texts ``NAME=SELECTION``.

    Raises
    ------
    ConfigError, TrajectoryError
        If a text has another form, its name is taken, or its selection holds no atom.
    """
    pairs = [text.partition("=") for text in texts]
    taken = dict.fromkeys(CLASSES, "a kind of motion") | dict.fromkeys(symbols_of(frame.numbers), "an element")
    for text, (name, equals, selection) in zip(texts, pairs, strict=True):
        if not (name.strip() and equals and selection.strip()):
            raise ConfigError(f"--groups takes NAME=SELECTION, such as `ring=index 0:5`, not {text!r}")
        if what := taken.setdefault(name.strip(), ""):
            raise ConfigError(
                f"--groups {text}: {name.strip()} is {what}, whose share is told anyway: take another name"
            )
        taken[name.strip()] = "a group already"
    if not pairs:
        return {}
    i, j, _ = find_bonds(frame)
    inside = atom_selection([each for *_, each in pairs], frame, molecules_of(i, j, len(frame)))(frame)
    return {name.strip(): row for (name, *_), row in zip(pairs, inside, strict=True)}
