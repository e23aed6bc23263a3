"""The groups of atoms that ``--groups`` asks for."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import scipy

from mimyria.elements import frame_masses
from mimyria.errors import ConfigError
from mimyria.files.universe import depends_on_positions
from mimyria.frame import Array, Frame
from mimyria.molecules import bond_tree, find_bonds, molecules_of, put_together
from mimyria.rates.groups import BULK, REST, SHELL, SOLUTE, Grouping, GroupWeights
from mimyria.rates.modes import by_mode
from mimyria.rates.motions import by_motion
from mimyria.rates.selection import atom_selection

log = logging.getLogger("mimyria")

NAMED = re.compile(r"([^\W\d][\w+-]*)\s*=\s*(.+)", re.DOTALL)
SHELLS = re.compile(r"shell\s+([\d.\s]+?)\s+around\s+(.+)", re.DOTALL)
FORMS = (
    "species, none, molecules, motions or modes alone, "
    'or "shell RADIUS around SELECTION" and/or one or several NAME=SELECTION'
)


def make_grouping(
    asked: Sequence[str],
    first: Frame,
    topology: Path | None = None,
    moving: tuple[Iterable[Frame], float, float] | None = None,
) -> Grouping:
    """Return the groups that are asked for.

    They are one of ``species``, ``none``, ``molecules``, ``motions``, ``modes``, or any number of ``NAME=SELECTION``,
    with ``shell RADIUS... around SELECTION`` once or without it. Selections are in the language of MDAnalysis, with the
    names of the ``topology``; radii in Å. The bonds of the ``first`` frame define the molecules.
    ``modes`` are found from ``moving``: frames, the time between them (fs), a resolution (cm⁻¹).

    Raises
    ------
    ConfigError
        If a group is none of these forms, or two have one name.
    TrajectoryError
        If a selection cannot be evaluated or holds no atom.
    """
    words = [word.strip() for word in asked]
    if words == ["species"]:
        return Grouping.by_species(first.numbers)
    if words == ["none"]:
        return Grouping.whole(first.numbers)
    i, j, vectors = find_bonds(first)
    if words == ["motions"] or (words == ["modes"] and moving):
        grouping = by_mode(first, (i, j, vectors), *moving) if moving else by_motion(first, (i, j, vectors))
        log.info(f"motions: {', '.join(grouping.group_names)}")
        return grouping
    molecules = molecules_of(i, j, len(first))
    if words == ["molecules"]:
        grouping = Grouping.by_molecule(first.numbers, molecules, centres_of_mass(first, i, j, molecules))
        log.info("molecules: " + ", ".join(f"{count} {name}" for name, count in Counter(grouping.names).items()))
        return grouping
    shells = [match for word in words if (match := SHELLS.fullmatch(word))]
    named = [(word, NAMED.fullmatch(word)) for word in words if not SHELLS.fullmatch(word)]
    wrong = [word for word, match in named if match is None]
    if len(shells) > 1:
        raise ConfigError(
            f"--groups takes one shell, not {' and '.join(repr(match[0]) for match in shells)}; it may have several "
            'radii, "shell 3 5 around ...", and select several kinds of atoms'
        )
    if wrong or not words:
        raise ConfigError(f"--groups takes {FORMS}, not {', '.join(map(repr, wrong)) or 'nothing'}")
    names, texts = ([match[k] for _, match in named if match] for k in (1, 2))
    if shells:
        radii = _radii(shells[0][1])
        select = atom_selection([shells[0][2], *texts], first, molecules, topology)
        grouping = Grouping.shells(first.numbers, molecules, select, radii, names)
        _check_names(grouping.names, f"{SOLUTE}, {SHELL} and {BULK} are those that the shell makes")
    else:
        _check_names([*names, REST], f"{REST} is the group of the atoms in no selection")
        select = atom_selection(texts, first, molecules, topology)
        rest = any(map(depends_on_positions, texts)) or not select(first).any(axis=0).all()
        grouping = Grouping.by_selection(names, select, rest=rest)
    grouping.weights(first)  # raises the error of atoms in two groups now, not after hours
    return grouping


def centres_of_mass(first: Frame, i: Array, j: Array, molecules: Array) -> Callable[[Frame], Array]:
    """Return a function of a frame that gives the centres of mass of molecules with bonds from i to j."""
    tree, masses = bond_tree(i, j, len(first)), frame_masses(first)
    share = masses / np.bincount(molecules, masses)[molecules]
    weights = scipy.sparse.csr_array((share, (molecules, np.arange(len(first)))))
    return partial(_centres, weights, tree)


def _centres(weights: GroupWeights, tree: list[tuple[Array, Array]], frame: Frame) -> Array:
    return np.asarray(weights @ put_together(frame, tree))


def _check_names(names: Sequence[str], own: str) -> None:
    """Raise a ConfigError if two groups have one name; ``own`` says which are not the user's."""
    for name, count in Counter(names).items():
        if count > 1:
            raise ConfigError(f"--groups: two groups are named {name}; rename one ({own})")


def _radii(text: str) -> list[float]:
    """Return the radii of shells, Å."""
    try:
        radii = [float(word) for word in text.split()]
    except ValueError:
        radii = []
    if not radii or radii[0] <= 0 or (np.diff(radii) <= 0).any():
        raise ConfigError(f"--groups: give the radii of shells as ascending positive numbers (Å), not {text!r}")
    return radii
