"""Atoms with a &KIND of their own: more functions on an ion, say, and not on all the water around it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mimyria.elements import frame_masses, symbols_of
from mimyria.errors import ConfigError, LabelError, TrajectoryError
from mimyria.files.universe import depends_on_positions, select, universe_of
from mimyria.frame import Frame
from mimyria.molecules import find_bonds, molecules_of


def read_kinds(text: str) -> dict[str, str]:
    """Return the selection of each kind in a text such as ``O1=(byres element S) and element O; H1=index 3``.

    Raises
    ------
    ConfigError
        If a part is no ``NAME=SELECTION``, a name comes twice, or a selection depends on positions, so that one atom
        would have other basis functions in another frame.
    """
    kinds: dict[str, str] = {}
    for part in text.split(";") if text.strip() else ():
        name, equals, selection = (word.strip() for word in part.partition("="))
        if not (name and equals and selection) or name.upper() in (known.upper() for known in kinds):
            raise ConfigError(
                "--set kinds takes NAME=SELECTION, several with semicolons between them and each name once, such as "
                f"'kinds=O1=(byres element S) and element O', not {part.strip()!r}"
            )
        if depends_on_positions(selection):
            raise ConfigError(
                f"--set kinds: {selection!r} depends on positions, and an atom would have other basis functions in "
                "another frame: select by element, molecule (byres) or index"
            )
        kinds[name] = selection
    return kinds


def kinds_of(frame: Frame, kinds: Mapping[str, str], elements: Mapping[str, str]) -> list[str]:
    """Return the kind of each atom: its element, or the kind whose selection holds it.

    Parameters
    ----------
    kinds
        Selection of MDAnalysis by kind; molecules are its residues.
    elements
        Element by kind.

    Raises
    ------
    LabelError
        If a selection is not understood, holds no atom, one of another element, or one of another selection.
    """
    symbols = symbols_of(frame.numbers)
    if not kinds:
        return symbols
    i, j, _ = find_bonds(frame)
    universe = universe_of(symbols, frame_masses(frame), residues=molecules_of(i, j, len(frame)))
    named = list(symbols)
    for name, selection in kinds.items():
        try:
            atoms = np.asarray(select(universe, selection).ix)
        except TrajectoryError as error:
            raise LabelError(f"--set kinds: {error}") from error
        if not atoms.size:
            raise LabelError(f"--set kinds: {selection!r} holds no atom, so none is of &KIND {name}")
        for atom in atoms.tolist():
            if symbols[atom] != elements[name]:
                raise LabelError(
                    f"--set kinds: {selection!r} holds atom {atom}, {symbols[atom]}, but &KIND {name} is of "
                    f"{elements[name]}: add `and element {elements[name]}`"
                )
            if named[atom] != symbols[atom]:
                raise LabelError(f"--set kinds: atom {atom} is of {named[atom]} and of {name}")
            named[atom] = name
    return named
