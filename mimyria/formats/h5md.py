"""H5MD files, of LAMMPS, ESPResSo, MDAnalysis and others, with or without units."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.errors import TrajectoryError
from mimyria.files.source import Source
from mimyria.formats.array_files import ArrayFile, Values, array_readers, clock, text_of, told_by, unit_of
from mimyria.formats.netcdf import SUFFIXES as NETCDF_SUFFIXES
from mimyria.frame import Array

HEAD = b"\x89HDF"
WITH_TYPES = ("lammps", "espresso")
"""Programs whose species are their types of atoms."""


@contextmanager
def _open(path: Path) -> Iterator[ArrayFile]:
    """Open a file; raise TrajectoryError if it is cut, or holds none or several groups of particles."""
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise TrajectoryError(f"{path}: cut, or no H5MD file: HDF5 cannot open it; copy it again") from error
    with file:
        groups = [group for group in file.get("particles", {}).values() if {"position", "velocity"} & set(group)]
        if len(groups) != 1:
            found = f"{len(groups)} groups of particles" if groups else "no group of particles with positions"
            raise TrajectoryError(f"{path}: holds {found}; it must hold one, by the rules of H5MD")
        group = groups[0]
        leading = group["position" if "position" in group else "velocity"]
        n_frames, n_atoms, _ = leading["value"].shape
        time_unit = unit_of(str(path), "time", _unit(leading.get("time")))
        length = unit_of(str(path), "positions", _unit(group.get("position/value")))
        velocity = unit_of(str(path), "velocities", _unit(group.get("velocity/value")))
        creator = text_of(file["h5md/creator"].attrs.get("name", "")).lower() if "h5md/creator" in file else ""
        yield ArrayFile(
            n_frames=n_frames,
            positions=_values(group, "position", length or 1.0),
            velocities=_values(group, "velocity", velocity or 1.0),
            stated=velocity is not None,
            time=None if time_unit is None else _clock(leading["time"], time_unit, leading.get("step")),
            step=None if "step" not in leading else _clock(leading["step"], 1.0),
            cell=_cell(group, length or 1.0),
            periodic=_periodic(group),
            ids=_values(group, "id"),
            told=told_by(partial(_first, group), "species", n_atoms, types=creator in WITH_TYPES),
        )


def _unit(dataset: Any) -> Any:
    """Return what a dataset says of its unit."""
    return None if dataset is None else dataset.attrs.get("unit", dataset.attrs.get("units"))


def _values(group: Any, name: str, unit: float = 1.0) -> Values | None:
    """Return the values of an element at each frame, in ours; one that is fixed is the same at each."""
    import h5py

    if name not in group:
        return None
    if isinstance(group[name], h5py.Dataset):
        fixed = np.asarray(group[name][()], dtype=float) * unit
        return lambda _: fixed
    return lambda index: np.asarray(group[name]["value"][index], dtype=float) * unit


def _clock(dataset: Any, unit: float, steps: Any = None) -> Values:
    """Return times or steps: listed for each frame, or one interval, it may be with an offset."""
    if dataset.shape:
        listed = steps is not None and steps.shape == dataset.shape
        return clock(dataset[()], steps[()] if listed else None, unit)
    interval, offset = float(dataset[()]), float(dataset.attrs.get("offset", 0.0))
    return lambda index: np.asarray((offset + index * interval) * unit)


def _cell(group: Any, unit: float) -> Values:
    """Return cell vectors as rows, from edges that are lengths or vectors."""
    edges = _values(group["box"], "edges", unit) if "box" in group else None

    def cell(index: int) -> Array:
        vectors = np.zeros(3) if edges is None else edges(index)
        return np.diag(vectors) if vectors.ndim == 1 else vectors

    return cell


def _periodic(group: Any) -> Array:
    """Return which cell vectors repeat: those whose boundary is called periodic."""
    if "box" not in group:
        return np.zeros(3, dtype=bool)
    words = np.ravel(group["box"].attrs.get("boundary", ["periodic"] * 3))
    periodic: Array = np.array([text_of(word).strip() == "periodic" for word in words])
    return np.broadcast_to(periodic, (3,)).copy()


def _first(group: Any, name: str) -> Array | None:
    """Return an element of the first frame; numbers that have names in the file as these."""
    import h5py

    if name not in group:
        return None
    stored = group[name] if isinstance(group[name], h5py.Dataset) else group[name]["value"]
    values = np.asarray(stored[()] if stored.ndim == 1 else stored[0])
    called = {number: word for word, number in (h5py.check_enum_dtype(stored.dtype) or {}).items()}
    return np.array([called.get(value, str(value)) for value in values.tolist()]) if called else values


def is_h5md(path: Path) -> bool:
    """Return whether a file is HDF5 and holds particles, as H5MD does."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return "particles" in file
    except OSError:
        return False


def _accepts(source: Source) -> bool:
    """Return whether a file is HDF5, but for NetCDF 4."""
    return source.suffix == ".h5md" or (source.head.startswith(HEAD) and source.suffix not in NETCDF_SUFFIXES)


H5MD, H5MD_VELOCITIES = array_readers("h5md", _accepts, _open)
