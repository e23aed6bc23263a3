"""Which reader reads which file, and the plain stream of frames from label files and configurations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from mimyria.errors import TrajectoryError
from mimyria.formats.ase_formats import read_ase
from mimyria.formats.compression import plain_suffix
from mimyria.formats.extxyz import read_extxyz
from mimyria.formats.mdanalysis import FORMATS, read_mdanalysis
from mimyria.formats.outcar import read_outcar
from mimyria.formats.pair import read_pair
from mimyria.formats.source import Progress, Reader, Source
from mimyria.frame import Frame

READERS: dict[str, Reader] = {
    "extxyz": read_extxyz,
    "pair": read_pair,
    "mdanalysis": read_mdanalysis,
    "outcar": read_outcar,
    "ase": read_ase,
}
"""One function a format; each imports its library when it is called."""


def reader_name(source: Source) -> str:
    """Return the name in `READERS` of the reader for these files."""
    xyz = plain_suffix(source.path) in (".xyz", ".extxyz")
    if source.velocities is not None and not xyz:
        raise TrajectoryError(f"{source.path}: --velocities belongs to an .xyz file of positions")
    if source.topology is not None and xyz:
        raise TrajectoryError(f"{source.path}: an xyz file names its atoms itself; leave --topology out")
    if xyz:
        return "extxyz" if source.velocities is None else "pair"
    if "OUTCAR" in source.path.name:
        return "outcar"
    return "mdanalysis" if source.topology is not None or plain_suffix(source.path) in FORMATS else "ase"


def read_frames(
    path: str | os.PathLike[str],
    *,
    topology: str | os.PathLike[str] | None = None,
    velocity_unit: str | None = None,
    layout: str | None = None,
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
    """
    source = Source(Path(path), Path(topology) if topology else None, velocity_unit=velocity_unit, layout=layout)
    return READERS[reader_name(source)](source, count(), Progress())
