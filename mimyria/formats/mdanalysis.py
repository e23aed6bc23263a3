"""Trajectories of GROMACS, AMBER, NAMD, CHARMM, LAMMPS and others, with a topology, through MDAnalysis.

MDAnalysis returns Å and Å/ps in single precision. An incomplete last frame is an error in TRR and XTC; in DCD and
LAMMPS dumps MDAnalysis skips it.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from typing import Any

import numpy as np

from mimyria.elements import masses_of, symbols_of
from mimyria.errors import TrajectoryError
from mimyria.formats.compression import open_lines, plain_suffix
from mimyria.formats.naming import SITE, Atoms, identify_atoms
from mimyria.formats.source import Progress, Reader, Source, VelocityUnit, truncation_error
from mimyria.frame import Array, Frame

log = logging.getLogger("mimyria")

FORMATS = {
    ".trr": "TRR",
    ".xtc": "XTC",
    ".dcd": "DCD",
    ".nc": "NCDF",
    ".ncdf": "NCDF",
    ".h5md": "H5MD",
    ".dump": "LAMMPSDUMP",
    ".lammpstrj": "LAMMPSDUMP",
    ".lammpsdump": "LAMMPSDUMP",
    ".pdb": "PDB",
}
"""Formats read here even without a topology, to ask for one; with a topology, any format of MDAnalysis is read."""

NO_TIME = "Reader has no dt information"
NO_MASSES = "Guessed all Masses to 1.0"
HARMLESS = (
    NO_TIME,
    NO_MASSES,
    "DCDReader currently makes independent timesteps",
    "Element information is missing",
    "Unknown element",
    "Unknown masses are set to 0.0",
)
"""Beginnings of warnings that are handled here; all others are logged."""

PDB, ATOM_RECORDS = (".pdb", ".ent"), (b"ATOM", b"HETATM")

MASS_TOLERANCE = 0.1
"""u; force fields round the masses of elements by less, while united atoms and beads differ by more."""


def read_mdanalysis(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames that MDAnalysis reads at the given increasing indices; it jumps to each."""
    # Warn in the first pass over a file only; later passes repeat the same messages.
    say = log.warning if progress.n_frames is None else log.debug
    universe, messages = _open(source, say)
    trajectory = universe.trajectory
    timed = not any(message.startswith(NO_TIME) for message in messages)
    if not timed:
        trajectory.ts.dt = 1.0  # the value MDAnalysis assumes; setting it stops a warning at every frame
    atoms = _atoms(universe, None if NO_MASSES in messages else _column(universe, "masses"), source, say)
    progress.n_frames = len(trajectory)
    try:
        for index in indices:
            if index >= len(trajectory):
                return
            try:
                now = trajectory[index]
            except (OSError, ValueError, IndexError) as error:
                raise truncation_error(source.path, index, f"MDAnalysis cannot read it ({error})") from error
            if not now.has_positions:
                raise TrajectoryError(f"{source.path}, frame {index}: no positions; store them as often as velocities")
            progress.fraction = (index + 1) / len(trajectory)
            cell = now.triclinic_dimensions
            yield Frame(
                numbers=atoms.numbers,
                positions=atoms.of(now.positions.astype(float)),
                cell=np.zeros((3, 3)) if cell is None else cell.astype(float),
                periodic=np.full(3, cell is not None),
                velocities=atoms.of(now.velocities.astype(float)) if now.has_velocities else None,
                time=1e3 * float(now.time) if timed else None,
                masses=atoms.masses,
                step=int(now.data["step"]) if not timed and "step" in now.data else None,
                kept=atoms.kept,
            )
    finally:
        trajectory.close()


def _open(source: Source, say: Callable[..., None]) -> tuple[Any, list[str]]:
    """Return the universe, and the warnings of MDAnalysis."""
    import MDAnalysis

    if source.topology is None and source.suffix != ".pdb":
        raise TrajectoryError(
            f"{source.path}: names no atoms; give --topology FILE, preferably one with elements (PDB, PRMTOP, TPR, "
            "PSF, LAMMPS data)"
        )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            universe = MDAnalysis.Universe(
                str(source.topology or source.path), str(source.path), format=FORMATS.get(source.suffix), to_guess=()
            )
            _ = universe.trajectory.ts.time
        except Exception as error:  # each of MDAnalysis's parsers fails in its own way
            files = f"{source.path} with topology {source.topology}" if source.topology else source.path
            raise TrajectoryError(f"{files}: MDAnalysis cannot read it ({error})") from error
    messages = [str(warning.message) for warning in caught]
    for message in messages:
        if not message.startswith(HARMLESS):
            say("MDAnalysis on %s: %s", source.path, message)
    return universe, messages


def _column(universe: Any, name: str) -> Array | None:
    """Return what the files tell of every atom, shape (n,), or None."""
    values = getattr(universe.atoms, name, None)
    return None if values is None else np.asarray(values)


def _elements(universe: Any, source: Source) -> Array | None:
    """Return what the files tell of elements, shape (n,), or None; of a PDB file itself, for MDAnalysis drops D."""
    topology = source.topology or source.path
    if plain_suffix(topology) in PDB and _column(universe, "elements") is not None:
        with open_lines(topology) as (lines, _):
            model = takewhile(lambda line: not line.startswith(b"ENDMDL"), lines)
            atoms = [line[76:78].decode(errors="replace").strip() for line in model if line.startswith(ATOM_RECORDS)]
        if len(atoms) == len(universe.atoms):
            return np.array(atoms)
    return _column(universe, "elements")


def _atoms(universe: Any, masses: Array | None, source: Source, say: Callable[..., None]) -> Atoms:
    """Return the atoms: from the topology's elements, else from the nearest mass of an element.

    Masses (u) are those of the topology; where it has none, MDAnalysis guesses some from names or types.
    """
    n_atoms = len(universe.atoms)
    none = np.full(n_atoms, "")
    names, types = (none if (found := _column(universe, name)) is None else found for name in ("names", "types"))
    symbols = (none if (found := _elements(universe, source)) is None else found).astype(object)
    asked = np.isin(names.astype(str), list(source.species)) | np.isin(types.astype(str), list(source.species))
    sites = np.array([bool(SITE.fullmatch(str(name))) for name in names])
    unnamed = np.flatnonzero((symbols.astype(str) == "") & ~asked & ~(sites & (masses is None or masses == 0)))
    if unnamed.size:
        table = masses_of(range(1, 119))
        distances = np.abs(table - (_guessed(universe) if masses is None else masses)[unnamed, None])
        near = distances.min(axis=1) < MASS_TOLERANCE
        symbols[unnamed[near]] = symbols_of(distances[near].argmin(axis=1) + 1)
        if near.any():
            listed = ", ".join(sorted({*symbols[unnamed[near]]}))
            say("%s: names no elements; taken from masses: %s", source.topology or source.path, listed)
    place = str(source.topology or source.path)
    return identify_atoms(symbols.tolist(), source, place, masses=masses, aliases=(names.tolist(), types.tolist()))


def _guessed(universe: Any) -> Array:
    """Return the masses that MDAnalysis guesses from names or types, u, shape (n,)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        universe.guess_TopologyAttrs(to_guess=["types", "masses"])
    return np.asarray(universe.atoms.masses, dtype=float)


def _velocity_unit(source: Source, _: Frame) -> VelocityUnit:
    """Return Å/ps, to which MDAnalysis converts; a LAMMPS dump does not state its unit."""
    if FORMATS.get(source.suffix) == "LAMMPSDUMP":
        return VelocityUnit(hint=" (LAMMPS units metal: A/ps, real: A/fs)")
    return VelocityUnit("A/ps", fixed=True)


MDANALYSIS = Reader(
    "mdanalysis",
    lambda source: source.topology is not None or source.suffix in FORMATS,
    read_mdanalysis,
    _velocity_unit,
    uses=("topology",),
)
