"""Compressed trajectories of GROMACS, those of AMBER and others, and PDB files, through MDAnalysis.

MDAnalysis returns Å and Å/ps in single precision. What it says of a file is meant for those who program with it, and is
replaced by our words.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.files.cells import cell_of_angles
from mimyria.files.clocks import unrounded
from mimyria.files.source import Progress, Reader, Source, VelocityUnit, fixed_unit, truncation_error
from mimyria.files.topology import Told, identify, read_topology
from mimyria.formats.array_files import STATED, stated_unit
from mimyria.frame import Array, Frame, changed
from mimyria.units import AKMA_TIME

FORMATS = {
    **{".xtc": "XTC", ".tng": "TNG", ".pdb": "PDB", ".ent": "PDB", ".trz": "TRZ"},
    **{".mdcrd": "TRJ", ".crdbox": "TRJ", ".trj": "TRJ", ".mdvel": "TRJ", ".trc": "TRC", ".gsd": "GSD"},
}
"""By suffix, MDAnalysis's names of formats, which are read here even without a topology, to ask for one."""
WITH_TOPOLOGY = (
    *("", ".arc", ".txyz", ".coor", ".namdbin", ".crd", ".inpcrd", ".restrt", ".rst", ".rst7", ".history", ".config"),
    *(".gms", ".dms", ".mol2", ".pqr", ".pdbqt", ".mmtf", ".data", ".lmp"),
)
"""Suffixes of formats that are read here where a topology is given."""
NAMING = ("PDB",)
"""Formats that name their atoms themselves."""
COUNTLESS = ("TRJ",)
"""Formats that do not say how many atoms they hold."""
MAGIC = {"XTC": (1995, 2023)}
"""First whole number, of four bytes, by format."""
XTC_HEAD = np.dtype([("magic", ">i4"), ("atoms", ">i4"), ("step", ">i4"), ("time", ">f4")])
"""How each frame begins."""
DUMMY = 1.0
"""Å; a CRYST1 record with edges of one stands for none."""
NO_TIME = "Reader has no dt information"


def read_mdanalysis(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames that MDAnalysis reads at the given increasing indices; it jumps to each."""
    kind = FORMATS.get(source.suffix)
    told = read_topology(source.path, source) if kind in NAMING else None
    with _opened(source, kind) as (trajectory, timed):
        place = f"{source.path}, frame 0"
        atoms = identify(told or Told(trajectory.n_atoms), source, place)
        progress.n_frames = len(trajectory)
        of_file = _cell_of_pdb(source.head) if kind == "PDB" else None
        clocks: Array | None = None
        if kind == "XTC":
            clocks = source.remember(source.path, _times_of_xtc, trajectory._xdr.offsets)
        box: Array | None = None
        for index in indices:
            if index >= len(trajectory):
                return
            progress.fraction = (index + 1) / len(trajectory)
            if clocks is not None and source.times_only:
                yield replace(atoms.alone, time=1e3 * float(clocks[index]))
                continue
            try:
                now = trajectory[index]
            except (OSError, ValueError, IndexError) as error:
                raise truncation_error(source.path, index, "the frame is incomplete, or damaged") from error
            if not now.has_positions:
                raise TrajectoryError(f"{source.path}, frame {index}: no positions; store them as often as velocities")
            if now.dimensions is None:
                box, cell = None, of_file
            elif box is None or not np.array_equal(box, now.dimensions):  # vectors take longer to make than to compare
                box, cell = now.dimensions.copy(), now.triclinic_dimensions.astype(float)
            yield changed(
                atoms.alone,
                positions=atoms.of(now.positions.astype(float)),
                cell=np.zeros((3, 3)) if cell is None else cell,
                periodic=np.full(3, cell is not None),
                velocities=atoms.of(now.velocities.astype(float)) if now.has_velocities else None,
                time=1e3 * float(now.time if clocks is None else clocks[index]) if timed else None,
                step=int(now.data["step"]) if not timed and "step" in now.data else None,
            )


def _times_of_xtc(path: Path, places: Array) -> Array:
    """Return the times of the frames that begin at some bytes, ps, by their steps; see `unrounded`."""
    heads = np.memmap(path, np.uint8, "r")[places[:, None] + np.arange(XTC_HEAD.itemsize)].view(XTC_HEAD)[:, 0]
    return unrounded(heads["time"], heads["step"].astype(int))


def _cell_of_pdb(head: bytes) -> Array | None:
    """Return the cell, Å, that stands once before all models of a PDB file; None if there is none, or a dummy."""
    record = next((line for line in head.splitlines() if line.startswith(b"CRYST1")), None)
    if record is None:
        return None
    try:
        numbers = [float(record[start:end]) for start, end in pairwise((6, 15, 24, 33, 40, 47, 54))]
    except ValueError:
        return None
    return cell_of_angles(numbers) if min(numbers[:3]) > DUMMY else None


@contextmanager
def _opened(source: Source, kind: str | None) -> Iterator[tuple[Any, bool]]:
    """Open a trajectory; yield MDAnalysis's reader of it, and whether it knows the time of a frame."""
    from MDAnalysis.coordinates.core import reader

    known = {}
    if kind in COUNTLESS and source.topology is not None:
        known["n_atoms"] = read_topology(source.topology, source).n_atoms
    if kind in COUNTLESS and source.topology is None:
        identify(Told(0), source, str(source.path))  # says that a topology is needed
    # MDAnalysis complains on standard error of readers that it could not open.
    if kind in MAGIC and int.from_bytes(source.head[:4]) not in MAGIC[kind]:
        raise TrajectoryError(f"{source.path}: is no {kind} file, or its beginning is damaged")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            trajectory = reader(str(source.path), format=kind, **known)
            _ = trajectory.ts.time
        except Exception as error:  # each of MDAnalysis's readers fails in its own way
            format_of = f"as {kind}" if kind else "by its name"
            raise TrajectoryError(f"{source.path}: cannot be read {format_of}: damaged, or another format") from error
        timed = not any(str(warning.message).startswith(NO_TIME) for warning in caught)
    if not timed:
        trajectory.ts.dt = 1.0  # the value MDAnalysis assumes; setting it stops a warning at every frame
    try:
        yield trajectory, timed
    finally:
        trajectory.close()


def read_velocities(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames of a second file with velocities; AMBER's text files hold them in place of positions."""
    for frame in read_mdanalysis(source, indices, progress):
        if FORMATS.get(source.suffix) == "TRJ":
            yield replace(frame, velocities=frame.positions / AKMA_TIME, columns=(STATED,))
        else:
            yield frame


def _accepts(source: Source) -> bool:
    return source.suffix in FORMATS or (source.topology is not None and source.suffix in WITH_TOPOLOGY)


def _second_unit(_: Source, frame: Frame) -> VelocityUnit:
    return stated_unit(frame) if STATED in frame.columns else VelocityUnit("A/ps", fixed=True)


MDANALYSIS = Reader("mdanalysis", _accepts, read_mdanalysis, fixed_unit("A/ps"), uses=("topology",))
MDANALYSIS_VELOCITIES = replace(
    MDANALYSIS, name="mdanalysis velocities", read=read_velocities, velocity_unit=_second_unit
)
