"""DCD files of CHARMM, NAMD, LAMMPS, CP2K, OpenMM and others.

The format has a time step without a unit: the title names the program, and with it the unit, and the distances that
atoms move must not contradict this. Otherwise the file counts as one that states no time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

from mimyria.elements import masses_of
from mimyria.errors import TrajectoryError, located
from mimyria.files.cells import cell_of_angles
from mimyria.files.naming import Atoms
from mimyria.files.source import Progress, Reader, Source, VelocityUnit
from mimyria.files.topology import identify_by_topology
from mimyria.formats.array_files import STATED, stated_unit
from mimyria.formats.dcd_file import CHARMM, VELOCITIES, DCDFile, is_dcd, open_dcd
from mimyria.frame import Array, Frame, changed
from mimyria.units import AKMA_TIME, BOLTZMANN, MASS_VELOCITY_SQUARED

SUFFIXES = (".dcd", ".veldcd")
PROGRAMS: dict[str, tuple[float, ...]] = {"LAMMPS": (1.0, 1e3), "CP2K": (1.0,), "DCD plugin": ()}
"""A word of the title, and the units of time, fs, that the program may have used: LAMMPS that of its units real or
metal; VMD and mdtraj write a time step that means nothing. All others follow CHARMM, with AKMA units."""
LONGEST_INTERVAL = 30.0
"""fs; over longer times atoms do not go on straight."""
PLAUSIBLE_TEMPERATURES = (5.0, 2e4)
"""K, from differences of positions over shorter times. Temperatures of the units in question differ by 2000 or more."""
LIGHT = 3.5
"""u; hydrogen turns back within a few fs."""
SMALLEST_JUMP = 2.0
"""Å."""
STRAIGHT = 0.6
"""Correlation of successive displacements: above 0.8 within a few fs, below 0.3 over a hundred."""


def read_dcd(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames of a DCD file at the given increasing indices; it jumps to each."""
    file = open_dcd(source.path)
    if file.word in VELOCITIES:
        raise TrajectoryError(
            f"{source.path}: holds velocities; give the file of positions, and this one to --velocities"
        )
    yield from _frames(file, source, indices, progress, of_positions=True)


def read_velocities(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames of a second file, with velocities: of NAMD and CHARMM in Å/fs, else in the unit of the file."""
    file = open_dcd(source.path)
    ours = file.version > CHARMM or any(word in file.title.upper() for word in ("NAMD", "CHARMM"))
    for frame in _frames(file, source, indices, progress, of_positions=False):
        velocities = frame.positions / AKMA_TIME if ours else frame.positions
        yield changed(frame, velocities=velocities, columns=(STATED,) if ours else ())


def _frames(
    file: DCDFile, source: Source, indices: Iterable[int], progress: Progress, *, of_positions: bool
) -> Iterator[Frame]:
    """Yield frames whose positions are what the file holds."""
    atoms = identify_by_topology(file.n_atoms, source)
    unit = _unit_of_time(file, atoms, source) if of_positions else None
    progress.n_frames = file.n_frames
    six: tuple[float, ...] = ()
    cell = np.zeros((3, 3))
    for index in indices:
        if index >= file.n_frames and not file.is_cut:
            if not file.n_frames:
                raise TrajectoryError(f"{source.path}: holds no frame")
            return
        values, numbers = file.values(index)
        stated = () if numbers is None else tuple(numbers.tolist())
        if stated != six:  # vectors take longer to make than numbers to compare
            six, cell = stated, _cell_at(index, numbers, file)
        progress.fraction = (index + 1) / file.n_frames
        step = file.first_step + index * file.interval
        yield changed(
            atoms.alone,
            positions=atoms.of(values),
            cell=cell,
            periodic=np.full(3, cell.any()),
            time=None if unit is None else step * file.delta * unit,
            step=step,
        )


def _cell_at(index: int, numbers: Array | None, file: DCDFile) -> Array:
    """Return the cell vectors of a frame, zero if it has none; raise TrajectoryError that names it if they are none."""
    with located(f"{file.path}, frame {index}"):
        return np.zeros((3, 3)) if numbers is None else cell_of(numbers, file.version)


def cell_of(numbers: Array, version: int) -> Array:
    """Return the cell vectors as rows, Å, shape (3, 3), from six numbers.

    CHARMM stores the symmetric matrix of the cell, by rows of its lower triangle; others the lengths a, b, c and the
    cosines of α, β, γ, or these angles in degrees, in the order a, γ, b, β, α, c.
    """
    if not np.isfinite(numbers).all() or not numbers.any():
        return np.zeros((3, 3))
    if version > CHARMM:
        matrix = np.zeros((3, 3))
        matrix[np.tril_indices(3)] = numbers
        matrix = matrix + matrix.T - np.diag(matrix.diagonal())
        if (np.linalg.eigvalsh(matrix) > 0).all():
            return matrix
    a, gamma, b, beta, alpha, c = numbers
    angles = np.array([alpha, beta, gamma])
    if (np.abs(angles) <= 1).all():
        angles = 90 - np.degrees(np.arcsin(angles))  # exact for right angles
    return cell_of_angles([a, b, c, *angles])


def _unit_of_time(file: DCDFile, atoms: Atoms, source: Source) -> float | None:
    """Return the unit of the time step, fs, which the title and the distances moved tell; None if they do not."""
    units = next((units for word, units in PROGRAMS.items() if word.upper() in file.title.upper()), (AKMA_TIME,))
    fitting = [unit for unit in units if _is_plausible(file, atoms, file.delta * file.interval * unit)]
    if len(fitting) == 1:
        return fitting[0]
    would = " or ".join(f"{file.delta * file.interval * unit:.4g} fs" for unit in units)
    source.note(
        f"{source.path}: its header ({file.title or 'without a title'}) does not tell the time between frames"
        f"{f': {would} would not fit the distances that atoms move' if would else ''}"
    )
    return None


def _is_plausible(file: DCDFile, atoms: Atoms, interval: float) -> bool:
    """Return whether atoms move as they do within an interval, fs, between the first three frames.

    With displacements d over δ, d' those that follow, masses m, means over the heavy atoms and over axes,

        T = ⟨m d²⟩ / (k_B δ²)          c = ⟨m d·d'⟩ / ⟨m d²⟩

    Within a few fs, T is near the temperature of the run. Over long times atoms turn back, and c is small.
    """
    if not interval > 0:
        return False
    stored = [file.values(index) for index in range(min(file.n_frames, 3))]
    masses = masses_of(atoms.numbers) if atoms.masses is None else atoms.masses
    heavy = masses > min(LIGHT, 0.9 * masses.max())
    moved = []
    for index, ((before, _), (after, numbers)) in enumerate(pairwise(stored), 1):
        cell = _cell_at(index, numbers, file)
        straight = atoms.of(after - before)[heavy]
        moved.append(straight - np.rint(straight @ np.linalg.pinv(cell)) @ cell)
    # Without a cell, atoms that were put back into it have jumped.
    stayed = np.all([np.linalg.norm(step, axis=1) < SMALLEST_JUMP for step in moved], axis=0)
    if not moved or not stayed.any() or not np.any(moved):
        return True
    weighted = [np.sqrt(masses[heavy][stayed])[:, None] * step[stayed] for step in moved]
    squared = float(np.mean(np.square(weighted)))
    if interval <= LONGEST_INTERVAL:
        low, high = PLAUSIBLE_TEMPERATURES
        return low < squared * MASS_VELOCITY_SQUARED / (BOLTZMANN * interval**2) < high
    return len(weighted) < 2 or float(np.mean(weighted[0] * weighted[1])) < STRAIGHT * squared


def _accepts(source: Source) -> bool:
    return is_dcd(source.head) or source.suffix in SUFFIXES


DCD = Reader("dcd", _accepts, read_dcd, lambda source, frame: VelocityUnit(), uses=("topology",))
DCD_VELOCITIES = Reader(
    "dcd velocities",
    _accepts,
    read_velocities,
    lambda source, frame: VelocityUnit("au") if b"CP2K" in source.head else stated_unit(frame, hint=" (CP2K: au)"),
    uses=("topology",),
)
