"""Every other format that ASE reads: .traj, XDATCAR, .db and so on."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from typing import Any

import numpy as np

from mimyria.contents import contents_of
from mimyria.errors import TrajectoryError
from mimyria.files.layout import own_header, stored_tensors
from mimyria.files.naming import Atoms
from mimyria.files.source import Progress, Reader, Source, fixed_unit
from mimyria.files.topology import identify_names
from mimyria.formats import mdl
from mimyria.formats.born import dielectric
from mimyria.frame import Array, Frame
from mimyria.targets import APT

ORDERS = {"vasp": APT.index_order}
"""Index order of the Born charges that ASE hands on as they are printed, by program; of others the user must say it."""

NAMELESS, DCD = (b"\0\0\x07\xc9", b"\0\0\x07\xcb", b"CDF", b"\x89HDF"), b"CORD"
"""Beginnings of TRR, XTC, NetCDF and HDF5, and what stands behind the first four bytes of DCD."""

CELLS = re.compile(rb"\s*#\s*Step\s+Time|(?:\s+[-+\d.eE]+){11}")
"""Beginning of CP2K's ``.cell`` file, with its title or without."""
WITHOUT_FRAMES = ("picture", "document", "page", "workbook", "model", "of spectra", "of numbers", "spectrum")
"""How contents end that are no frames."""


def read_ase(
    source: Source, indices: Iterable[int], progress: Progress, *, stated: Array | None = None
) -> Iterator[Frame]:
    """Yield the frames at the given increasing indices; ASE parses those between as well.

    ``stated`` are the masses of a file in which ASE does not look for them, u, shape (n,).
    """
    from ase.io import iread

    beside = mdl.read_stated(source.path) if source.suffix in mdl.SUFFIXES else mdl.Stated()
    stated = beside.masses if stated is None else stated
    # One pass from the start: ASE finds a frame by its number only by reading all frames before it.
    stored = enumerate(iread(source.path, index=":"))
    position = -1
    known: Atoms | None = None
    told = np.empty(0), np.empty(0)
    for index in indices:
        while position < index:
            try:
                position, atoms = _next_quietly(stored)
            except StopIteration:
                if position < 0:
                    raise TrajectoryError(f"{source.path}: holds no frame") from None
                return
            except Exception as error:  # each of ASE's readers fails in its own way
                raise _unreadable(source, position + 1, error) from error
        place = f"{source.path}, frame {index}"
        masses = atoms.get_masses() if atoms.has("masses") else np.empty(0) if stated is None else stated
        if known is None or not (np.array_equal(atoms.numbers, told[0]) and np.array_equal(masses, told[1])):
            told = atoms.numbers, masses
            known = identify_names(atoms.numbers, source, place, masses=masses if masses.size else None)
        arrays, header, left = _computed(atoms)
        columns = {name: known.of(values) for name, values in arrays.items()}
        velocities = None
        if atoms.has("momenta"):  # which ASE made of velocities, or of momenta, with its own masses, whatever the run's
            velocities = known.of(atoms.get_momenta()) / known.of(atoms.get_masses())[:, None]
        forces = atoms.calc.results.get("forces") if atoms.calc else None
        yield replace(
            known.alone,
            positions=known.of(atoms.positions),
            cell=atoms.cell.array,
            periodic=atoms.pbc,
            velocities=velocities,
            tensors=stored_tensors(columns, header, source.layout, place),
            info=own_header(beside.info | atoms.info, len(atoms), atoms.arrays.get("initial_charges"), place) | left,
            forces=None if forces is None else known.of(forces),
            columns=tuple(columns),
        )


def _next_quietly(stored: Iterator[tuple[int, Any]]) -> tuple[int, Any]:
    """Return the next frame; what ASE says of programs that are not installed helps nobody."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        return next(stored)


def _unreadable(source: Source, index: int, error: Exception) -> TrajectoryError:
    """Return the error for a file that ASE cannot read, or does not know."""
    from ase.io.formats import UnknownFileTypeError

    path, head, what = source.path, source.head, contents_of(source.path)
    if what.endswith(WITHOUT_FRAMES):
        return TrajectoryError(f"{path}: is {what}, not a trajectory")
    if source.suffix == ".cell" and CELLS.match(head):
        return TrajectoryError(
            f"{path}: holds the cells of a run of CP2K, no positions; give the file of positions, and this with --cell"
        )
    if not isinstance(error, UnknownFileTypeError):
        return TrajectoryError(
            f"{path}, frame {index}: cannot be read: it is damaged, or of another format than its name or its first "
            f"lines say ({type(error).__name__})"
        )
    if not head:
        return TrajectoryError(f"{path}: holds no frame")
    if head.startswith(NAMELESS) or head[4:8] == DCD:
        return TrajectoryError(f"{path}: names no atoms; give --topology FILE, preferably one with elements")
    if b"\0" in head:
        return TrajectoryError(f"{path}: is not a trajectory of any format that is known here")
    begin = head.strip().partition(b"\n")[0][:40].decode(errors="replace").strip()
    settings = "; settings are given with --config" if source.suffix in (".yaml", ".yml") else ""
    return TrajectoryError(f"{path}: is not a trajectory; it begins with {begin!r}{settings}")


def _computed(atoms: Any) -> tuple[dict[str, Array], dict[str, Any], dict[str, Any]]:
    """Return the columns of the atoms with the Born charges that a calculator left, and its header with their order.

    Third is what else it left: the program, its functional, and ε∞.
    """
    results = atoms.calc.results if atoms.calc else {}
    charges, epsilon = results.get(APT.ase_property), results.get("dielectric_tensor")
    if charges is None or any(name in atoms.arrays for name in (APT.name, *APT.aliases)):
        return atoms.arrays, atoms.info, {}
    program = str(atoms.calc.name or "").lower()
    order = {f"{APT.name}_order": ORDERS[program]} if program in ORDERS else {}
    functional = (getattr(atoms.calc, "parameters", None) or {}).get("gga")
    level = [program.upper(), *([f"GGA={functional}"] if functional else [])] if program in ORDERS else []
    stated = ({"engine": " ".join(level)} if level else {}) | ({} if epsilon is None else dielectric(np.array(epsilon)))
    return atoms.arrays | {APT.ase_property: np.asarray(charges)}, order | atoms.info, stated


ASE = Reader("ase", lambda source: True, read_ase, fixed_unit("ase"), uses=("topology",))
