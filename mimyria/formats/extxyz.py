"""xyz and extended xyz at the speed of numpy: one call for each frame; header and elements are parsed on change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from mimyria.errors import TrajectoryError, located
from mimyria.files.compression import open_lines
from mimyria.files.lammps_text import UNSTATED
from mimyria.files.layout import own_header, stored_tensors
from mimyria.files.naming import NO_ATOMS, Atoms, words_of
from mimyria.files.source import Progress, Reader, Source, VelocityUnit
from mimyria.files.topology import identify_names
from mimyria.files.xyz import (
    COLUMNS,
    NUMBERS,
    TENSORS,
    Block,
    Header,
    Table,
    parse_header,
    parse_rows,
    read_blocks,
    split_time,
    table_of,
)
from mimyria.frame import Array, Frame

SUFFIXES = (".xyz", ".extxyz")
_OF_CP2K = re.compile(rb" i =\s*\d+, (?:time|E\w*) =|(?=.*\bStep=\s*\d)(?=.*\bTime=)(?=.*[=:\"]species:S:1:velo:R:3\b)")
"""Comments of CP2K's files of velocities; those of its extended xyz have their entries in any order."""
_EXTENDED = re.compile(rb"\s*\d+\s*\n[^\n]*\bProperties=")
"""Beginning of an extended xyz file, whatever its name."""
_LIKE_VELOCITIES = re.compile(r"(?i)(?:v|vel\w*|momentum|momenta)$")
_STEP = re.compile(r" i =\s*(\d+), E|\s*Atoms\. Timestep: (\d+)")
"""In comments without a time, of CP2K's path integrals and of LAMMPS, whose numbers of atoms are types."""
_LAMMPS = re.compile(r"(?<!\S)Timestep=(\d+)(?!\S)")
"""In the extended xyz of LAMMPS, whose ``Time`` and velocities have the units of the run, which it does not state."""
LAMMPS_TIMES = {"A/fs": 1.0, "A/ps": 1e3, "au": 1.0}
"""fs in the unit of time of LAMMPS's units real, metal and electron, by that of their velocities."""


def read_extxyz(
    source: Source, indices: Iterable[int], progress: Progress, *, positions: bool = True
) -> Iterator[Frame]:
    """Yield the frames of an xyz file at the given increasing indices; one without positions is refused if these are
    needed, and has zeros in their place otherwise.
    """
    header, comment = None, ""
    table: Table = [], np.dtype([])
    known: Atoms | None = None
    told: Array = np.empty(0)
    with open_lines(source.path) as (lines, fraction):
        for block in read_blocks(source.path, lines, indices):
            place = f"{source.path}, frame {block.index}"
            with located(place):
                time, rest = split_time(block.comment)
                time, step = _clock(source, time, rest)
                if source.times_only:
                    progress.fraction = fraction()
                    yield replace(NO_ATOMS.alone, time=time, step=step)
                    continue
                # Comment lines mostly differ in the time alone, and species not at all: only changes are parsed.
                if header is None or rest != comment:
                    columns = header.columns if header else None
                    header, comment = parse_header(rest, header), rest
                    table = table if header.columns is columns else table_of(header, positions)
                if known is None:
                    _note_unread(block, header, source)
                atoms = parse_rows(block, table)
            progress.fraction = fraction()
            present = atoms.dtype.names or ()
            now = atoms[[name for name in ("species", "masses") if name in present]]
            if known is None or now.dtype != told.dtype or not np.array_equal(now, told):
                told, known = now.copy(), _identified(now, header, rest, source, place)
            charges = atoms["initial_charges"] if "initial_charges" in present else None
            info = own_header(header.info, len(atoms), charges, place)
            atoms = known.of(atoms)
            tensors = {name: atoms[name] for name in present if name in TENSORS}
            yield replace(
                known.alone,
                positions=atoms["pos"].copy() if "pos" in present else np.zeros((len(atoms), 3)),
                cell=header.cell,
                periodic=header.periodic,
                velocities=_velocities(atoms, known),
                time=time,
                tensors=stored_tensors(tensors, header.info, source.layout, place) if tensors else {},
                info=info,
                forces=atoms["forces"].copy() if "forces" in present else None,
                columns=tuple(header.columns),
                step=step,
            )


def _clock(source: Source, time: float | None, comment: str) -> tuple[float | None, int | None]:
    """Return the time, fs, and the step of a frame; of LAMMPS the time is known with the unit of the velocities."""
    if time is None:
        step = _STEP.match(comment)
        return None, int(step[1] or step[2]) if step else None
    if (step := _LAMMPS.search(comment)) is None:
        return time, None
    unit = LAMMPS_TIMES.get(source.velocity_unit or "")
    return (None, int(step[1])) if unit is None else (time * unit, None)


def read_extxyz_velocities(source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
    """Yield the frames of a second file with the velocities: in their own column, else in those of the positions."""
    for frame in read_extxyz(source, indices, progress, positions=False):
        if frame.velocities is None and frame.columns and "pos" not in frame.columns:
            raise TrajectoryError(f"{source.path}: holds {', '.join(frame.columns)}, no velocities")
        yield frame if frame.velocities is not None else replace(frame, velocities=frame.positions)


def _note_unread(block: Block, header: Header, source: Source) -> None:
    """Note columns that the header does not name, and those that may be velocities under another name."""
    used = {*COLUMNS["vel"], *COLUMNS["momenta"]}
    others = [name for name in header.columns if name not in used and _LIKE_VELOCITIES.match(name)]
    if others and used.isdisjoint(header.columns):
        source.note(f"{source.path}: column {others[0]} is not read; if it holds velocities, call it vel in Properties")
    named = max(fields.stop for fields in header.columns.values())
    if (n_columns := len(block.rows[0].split())) > named:
        several = f"columns {named + 1} to {n_columns} have no name and are not read"
        which = several if n_columns > named + 1 else f"column {n_columns} has no name and is not read"
        known = header.written.get("properties", "species:S:1:pos:R:3").strip("\"'")
        source.note(
            f"{source.path}: {which}; for velocities, put Properties={known}:vel:R:3 (or the "
            "order they have) into the comment of every frame"
        )


def _identified(told: Array, header: Header, comment: str, source: Source, place: str) -> Atoms:
    """Return the atoms of which a frame tells species and, it may be, masses."""
    names = told["species"]
    if (step := _STEP.match(comment)) and step[2]:
        words = words_of(names)
        return identify_names(["" if word.isdigit() else word for word in words], source, place, aliases=[words])
    column = next(name for name in COLUMNS["species"] if name in header.columns)
    if column in NUMBERS and all(map(bytes.isdigit, names.tolist())):
        names = names.astype(int)
    masses = told["masses"][:, 0] if "masses" in (told.dtype.names or ()) else None
    return identify_names(names, source, place, masses=masses)


def _velocities(atoms: Array, known: Atoms) -> Array | None:
    """Return velocities (n, 3) from a column of velocities or of ASE's momenta, in the unit of the file."""
    columns = atoms.dtype.names or ()
    if "vel" in columns:
        return np.asarray(atoms["vel"])
    if "momenta" in columns:
        return np.asarray(atoms["momenta"] / known.weights[:, None])
    return None


def _velocity_unit(source: Source, frame: Frame) -> VelocityUnit:
    """Return Å/fs for a column of velocities, as GPUMD writes it, but of LAMMPS; and the unit of ASE for momenta."""
    if {*COLUMNS["vel"]}.isdisjoint(frame.columns):
        return VelocityUnit("ase", fixed=True)
    if _LAMMPS.search(source.comment.decode(errors="replace")):
        return UNSTATED
    return VelocityUnit("A/fs")


def _second_unit(source: Source, _: Frame) -> VelocityUnit:
    """Return the unit of CP2K, which its comment tells, that of ASE's momenta, or none, as other programs differ."""
    if _OF_CP2K.match(source.comment):
        return VelocityUnit("au")
    if "momenta" in parse_header(source.comment.decode(errors="replace")).columns:
        return VelocityUnit("ase", fixed=True)
    return VelocityUnit(hint=" (CP2K: au)")


EXTXYZ = Reader(
    "extxyz",
    lambda source: source.suffix in SUFFIXES or _EXTENDED.match(source.head) is not None,
    read_extxyz,
    _velocity_unit,
    uses=("topology",),
)
EXTXYZ_VELOCITIES = replace(EXTXYZ, name="extxyz velocities", read=read_extxyz_velocities, velocity_unit=_second_unit)
