"""Trajectories of GROMACS, AMBER, NAMD, CHARMM, LAMMPS and others, with a topology, through MDAnalysis.

MDAnalysis returns Å and Å/ps in single precision. An incomplete last frame is an error in TRR and XTC; in DCD and
LAMMPS dumps MDAnalysis skips it.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from mimyria.elements import masses_of, numbers_of, symbols_of
from mimyria.errors import TrajectoryError
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
    "Unknown masses are set to 0.0",
)
"""Beginnings of warnings that are handled here; all others are logged."""

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
    known: Array = np.zeros(len(universe.atoms))
    if NO_MASSES not in messages:
        known = np.asarray(getattr(universe.atoms, "masses", known), dtype=float)
    numbers, masses = _numbers(universe, known, source, say), known if (known > 0).all() else None
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
                numbers=numbers,
                positions=now.positions.astype(float),
                cell=np.zeros((3, 3)) if cell is None else cell.astype(float),
                periodic=np.full(3, cell is not None),
                velocities=now.velocities.astype(float) if now.has_velocities else None,
                time=1e3 * float(now.time) if timed else None,
                masses=masses,
                step=int(now.data["step"]) if not timed and "step" in now.data else None,
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
                str(source.topology or source.path), str(source.path), format=FORMATS.get(source.suffix)
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


def _numbers(universe: Any, masses: Array, source: Source, say: Callable[..., None]) -> Array:
    """Return the atomic numbers, shape (n,): from the topology's elements, else from the nearest mass of an element.

    Masses (u, zero if not known) are those of the topology, or guessed by MDAnalysis from names or types.
    """
    atoms = universe.atoms
    symbols = [str(element).capitalize() for element in getattr(atoms, "elements", [""] * len(atoms))]
    unnamed = [atom for atom, symbol in enumerate(symbols) if not symbol]
    table = masses_of(range(1, 119))
    for atom in unnamed:
        distance = np.abs(table - masses[atom])
        if not distance.min() < MASS_TOLERANCE:
            raise TrajectoryError(
                f"{source.topology or source.path}: the element of atom {atom} cannot be inferred from "
                f"{str(atoms[atom]).strip('<>')} and mass {masses[atom]:g}; "
                "give a --topology with elements, such as a PDB file with columns 77-78 filled in"
            )
        symbols[atom] = symbols_of([int(distance.argmin()) + 1])[0]
    if unnamed:
        found = ", ".join(sorted({symbols[atom] for atom in unnamed}))
        say("%s: names no elements; taken from masses: %s", source.topology or source.path, found)
    return numbers_of(symbols)


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
