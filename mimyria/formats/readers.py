"""Which reader reads which file, and the plain stream of frames from label files and configurations."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import count

from mimyria.config import path_of
from mimyria.errors import TrajectoryError
from mimyria.files.source import Progress, Reader, Source
from mimyria.formats.abinit import ABINIT
from mimyria.formats.ase_formats import ASE
from mimyria.formats.car_parrinello import CP, CPMD
from mimyria.formats.dcd import DCD
from mimyria.formats.dftb import DFTB
from mimyria.formats.espresso import ESPRESSO
from mimyria.formats.extxyz import EXTXYZ
from mimyria.formats.gro import GRO
from mimyria.formats.h5md import H5MD
from mimyria.formats.ipi import IPI
from mimyria.formats.lammps import LAMMPS
from mimyria.formats.mdanalysis import MDANALYSIS
from mimyria.formats.netcdf import NETCDF
from mimyria.formats.outcar import OUTCAR
from mimyria.formats.pair import PAIR
from mimyria.formats.phonopy import BORN, PHONOPY
from mimyria.formats.tinker import TINKER
from mimyria.formats.trr import TRR
from mimyria.frame import Frame

READERS: tuple[Reader, ...] = (
    *(PAIR, IPI, DFTB, TINKER, CPMD, CP, LAMMPS, DCD, TRR, NETCDF, H5MD, GRO, EXTXYZ),
    *(OUTCAR, BORN, PHONOPY, ESPRESSO, ABINIT),
    *(MDANALYSIS, ASE),
)
"""The first that accepts a source reads it: dialects told by their first line, then suffixes, then what ASE knows."""

UNUSED = {
    "velocities": "--velocities belongs to a file of positions, as xyz, DCD or NetCDF",
    "topology": "this file names its atoms itself; leave --topology out",
}


def find_reader(source: Source) -> Reader:
    """Return the reader of a source; raise TrajectoryError for a file beside the trajectory that it does not use."""
    reader = next(reader for reader in READERS if reader.accepts(source))
    for name, words in UNUSED.items():
        if getattr(source, name) is not None and name not in reader.uses:
            raise TrajectoryError(f"{source.path}: {words}")
    return reader


def read_frames(
    path: str | os.PathLike[str],
    *,
    topology: str | os.PathLike[str] | None = None,
    velocity_unit: str | None = None,
    layout: str | None = None,
    species: Mapping[str, str] | None = None,
    mass: Mapping[str, float] | None = None,
) -> Iterator[Frame]:
    """Yield the frames of a label file, of configurations, or of any trajectory, as they are stored.

    Parameters
    ----------
    path
        The file; velocities, times and a cell may be missing.
    topology
        File that names the atoms, where this one does not.
    velocity_unit
        A name in ``units.VELOCITY``, where the file does not say it.
    layout
        Index order of the tensors, a name in ``layout.LAYOUTS``, where the file does not state it.
    species
        Element of each name of atoms that is none itself, such as ``{"OW": "O"}``.
    mass
        u, by element, name of atoms, or selection in the language of MDAnalysis, such as ``{"H": 2.014}``.

    Returns
    -------
    Iterator
        Frames in Å, Å/fs, fs, e, and the tensors' units.
    """
    source = Source(
        path_of(path),
        path_of(topology) if topology else None,
        velocity_unit=velocity_unit,
        layout=layout,
        species={} if species is None else species,
        mass={} if mass is None else mass,
    )
    return find_reader(source).frames(source, count(), Progress())
