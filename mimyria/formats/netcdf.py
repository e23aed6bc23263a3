"""NetCDF trajectories by AMBER's conventions, of AMBER, cpptraj, OpenMM or LAMMPS; also AMBER's files of velocities."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.errors import TrajectoryError, located
from mimyria.files.cells import cell_of_angles
from mimyria.formats.array_files import ArrayFile, Values, array_readers, clock, told_by, unit_of
from mimyria.frame import Array

HEADS = (b"CDF\x01", b"CDF\x02", b"CDF\x05")
"""How a file of NetCDF 3 begins; one of NetCDF 4 is HDF5, and told by its suffix."""
SUFFIXES = (".nc", ".ncdf", ".netcdf")
PRESCRIBED = {"time": "picosecond", "coordinates": "angstrom", "cell_lengths": "angstrom"}
"""Units of AMBER's conventions, for files that leave them out."""


@contextmanager
def _open(path: Path) -> Iterator[ArrayFile]:
    """Open a file; raise TrajectoryError if it is cut, or no trajectory."""
    with _variables(path) as variables:
        leading = variables.get("coordinates", variables.get("velocities"))
        shape: tuple[int, ...] = () if leading is None else leading.shape
        if len(shape) != 3 or shape[2] != 3:
            raise TrajectoryError(f"{path}: has neither coordinates nor velocities by AMBER's conventions")
        units = {
            name: unit_of(str(path), name, _attributes(variable).get("units") or PRESCRIBED.get(name))
            for name, variable in variables.items()
            if name in (*PRESCRIBED, "velocities")
        }

        def scale(name: str) -> float:
            return float(np.ravel(_attributes(variables[name]).get("scale_factor", 1.0))[0]) * (units.get(name) or 1.0)

        def values(name: str) -> Values | None:
            if name not in variables:
                return None
            factor = scale(name)
            return lambda index: np.asarray(variables[name][index], dtype=float) * factor

        lengths, angles = values("cell_lengths"), values("cell_angles")
        has_cell = lengths is not None and angles is not None

        def cell(index: int) -> Array:
            if lengths is None or angles is None or not lengths(index).all():
                return np.zeros((3, 3))
            with located(f"{path}, frame {index}"):
                return cell_of_angles([*lengths(index), *angles(index)])

        yield ArrayFile(
            n_frames=shape[0],
            positions=values("coordinates"),
            velocities=values("velocities"),
            stated=units.get("velocities") is not None,
            time=clock(np.array(variables["time"][:]), unit=scale("time")) if "time" in variables else None,
            step=None,
            cell=cell,
            periodic=np.full(3, has_cell),
            ids=values("id"),
            # LAMMPS writes ids, types and masses beside the positions, AMBER none of them.
            told=told_by(partial(_first, variables), "type", shape[1], types=True),
        )


def _first(variables: Mapping[str, Any], name: str) -> Array | None:
    """Return a variable of the first frame."""
    if name not in variables:
        return None
    return np.array(variables[name][0] if len(variables[name].shape) == 2 else variables[name][:])


@contextmanager
def _variables(path: Path) -> Iterator[Mapping[str, Any]]:
    """Open a file; yield its variables by name."""
    from scipy.io import netcdf_file

    with path.open("rb") as file:
        head = file.read(4)
    if not head.startswith(HEADS):
        import h5py

        try:
            opened = h5py.File(path, "r")
        except OSError as error:
            raise TrajectoryError(f"{path}: cut, or no NetCDF file: HDF5 cannot open it; copy it again") from error
        with opened:
            yield opened
        return
    try:
        stored = netcdf_file(path, mmap=True)
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise TrajectoryError(f"{path}: cut: it is shorter than its header says; copy it again") from error
    variables = dict(stored.variables)
    try:
        yield variables
    finally:
        variables.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # after an error, its traceback still refers to the arrays
            stored.close()


def _attributes(variable: Any) -> Mapping[str, Any]:
    """Return the attributes of a variable of either library."""
    return getattr(variable, "attrs", None) or getattr(variable, "_attributes", {})


NETCDF, NETCDF_VELOCITIES = array_readers(
    "netcdf", lambda source: source.head.startswith(HEADS) or source.suffix in SUFFIXES, _open
)
