"""Two files, positions and velocities, as CP2K and i-PI write them, matched frame by frame."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import tee, zip_longest

import numpy as np

from mimyria.elements import symbols_of
from mimyria.errors import TrajectoryError
from mimyria.files.source import Progress, Reader, Source, VelocityUnit
from mimyria.formats.car_parrinello import CP, CP_VELOCITIES
from mimyria.formats.dcd import DCD, DCD_VELOCITIES
from mimyria.formats.dftb import DFTB
from mimyria.formats.extxyz import EXTXYZ, EXTXYZ_VELOCITIES
from mimyria.formats.h5md import H5MD, H5MD_VELOCITIES
from mimyria.formats.ipi import IPI, IPI_VELOCITIES
from mimyria.formats.lammps import LAMMPS, LAMMPS_VELOCITIES
from mimyria.formats.mdanalysis import MDANALYSIS, MDANALYSIS_VELOCITIES
from mimyria.formats.netcdf import NETCDF, NETCDF_VELOCITIES
from mimyria.formats.tinker import TINKER, TINKER_VELOCITIES
from mimyria.formats.trr import TRR, TRR_VELOCITIES
from mimyria.frame import Frame

TIME_TOLERANCE = 1e-3
"""fs; both files print the time with three decimals."""
OF_POSITIONS: tuple[Reader, ...] = (IPI, DFTB, TINKER, CP, LAMMPS, DCD, TRR, NETCDF, H5MD, EXTXYZ, MDANALYSIS)
OF_VELOCITIES: tuple[Reader, ...] = (
    *(IPI_VELOCITIES, DFTB, TINKER_VELOCITIES, CP_VELOCITIES, LAMMPS_VELOCITIES, DCD_VELOCITIES),
    *(TRR_VELOCITIES, NETCDF_VELOCITIES, H5MD_VELOCITIES, EXTXYZ_VELOCITIES, MDANALYSIS_VELOCITIES),
)
"""The first that accepts a file reads it; the two files may be in different formats."""


def read_pair(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames of ``source.path`` with the velocities of ``source.velocities``."""
    places, of_positions, of_velocities = tee(indices, 3)
    positions = _first_of(OF_POSITIONS, source).read(source, of_positions, progress)
    velocities = _first_of(OF_VELOCITIES, source.second).read(source.second, of_velocities, Progress())
    # To the end of the longer file: a run killed between its two writes leaves one frame without velocities.
    for index, (frame, other) in zip(places, zip_longest(positions, velocities), strict=False):
        place = f"{source.path} and {source.velocities}, frame {index}"
        if frame is None or other is None:
            ended = source.path if frame is None else source.velocities
            raise TrajectoryError(
                f"{place}: {ended} has ended; use the common part with `--frames 0:N`, N at most {index}"
            )
        _check_match(place, frame, other)
        held = [each.info["quantity"] for each in (frame, other) if "quantity" in each.info]
        if len({"centroid" in quantity for quantity in held}) > 1:
            source.note(
                f"{source.path} and {source.velocities}: {' and '.join(held)}; the centroid moves as a bead only where "
                "there is a single one: give both files of one of them",
                logging.WARNING,
            )
        if not source.times_only and (other.velocities is None or np.array_equal(frame.positions, other.velocities)):
            what = "no velocities" if other.velocities is None else f"the same numbers as {source.path}, positions"
            raise TrajectoryError(f"{source.velocities}, frame {index}: holds {what}; give the file of the velocities")
        yield replace(frame, velocities=other.velocities, columns=other.columns)


def _check_match(place: str, frame: Frame, other: Frame) -> None:
    """Raise TrajectoryError unless two frames are of the same atoms, bead and time."""
    if not np.array_equal(frame.numbers, other.numbers):
        first = ""
        if len(frame) == len(other):
            atom = int(np.flatnonzero(frame.numbers != other.numbers)[0])
            first = f", atom {atom} is {' and '.join(symbols_of([frame.numbers[atom], other.numbers[atom]]))}"
        raise TrajectoryError(
            f"{place}: not the same atoms ({len(frame)} and {len(other)}){first}; the files do not belong together"
        )
    beads = [each.info["bead"] for each in (frame, other) if "bead" in each.info]
    if len(set(beads)) > 1:
        raise TrajectoryError(
            f"{place}: beads {beads[0]} and {beads[1]}; give two files of one bead, or the centroid's"
        )
    for unit, one, two in ((" fs", frame.time, other.time), ("", frame.step, other.step)):
        if one is not None and two is not None and abs(one - two) > TIME_TOLERANCE:
            raise TrajectoryError(
                f"{place}: {'times' if unit else 'steps'} {one:g} and {two:g}{unit}; both files must hold the same "
                "frames, stored at one interval, after a restart too"
            )


def _first_of(readers: Iterable[Reader], source: Source) -> Reader:
    """Return the first reader that accepts a source."""
    found = next((reader for reader in readers if reader.accepts(source)), None)
    if found is None:
        raise TrajectoryError(f"{source.path}: is not a file of velocities beside a file of positions, as xyz is")
    return found


def _velocity_unit(source: Source, frame: Frame) -> VelocityUnit:
    return _first_of(OF_VELOCITIES, source.second).velocity_unit(source.second, frame)


PAIR = Reader(
    "pair",
    lambda source: source.velocities is not None and any(reader.accepts(source) for reader in OF_POSITIONS),
    read_pair,
    _velocity_unit,
    uses=("velocities", "topology"),
)
