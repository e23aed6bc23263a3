"""Binary trajectories as programs write them: DCD, AMBER's NetCDF, H5MD."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from ase.cell import Cell
from scipy.io import netcdf_file

from mimyria.elements import frame_masses
from mimyria.frame import Frame

AKMA = 48.88821
"""fs, as NAMD and MDAnalysis have it."""
TITLES = {
    "NAMD": "REMARKS FILENAME=run.dcd CREATED BY NAMD",
    "LAMMPS": "Written by LAMMPS",
    "CP2K": "REMARK CORD DCD file created by CP2K version 2023.1",
    "OpenMM": "Created by OpenMM",
    "VMD": "Created by DCD plugin",
}


def dcd(
    path: Path,
    values: Any,
    cell: Any = None,
    *,
    title: str = TITLES["NAMD"],
    delta: float = 1.0,
    interval: int = 1,
    first: int = 0,
    word: bytes = b"CORD",
    version: int = 24,
    order: str = "<",
    mark: str = "i",
    announced: int | None = None,
    angles: str = "cosines",
    moving: Any = None,
) -> Path:
    """Write values, shape (frames, n, 3); ``angles`` of the cell are cosines, degrees or the matrix of CHARMM."""

    def record(content: bytes) -> bytes:
        length = struct.pack(order + mark, len(content))
        return length + content + length

    frames = np.asarray(values, dtype=float)
    numbers = [len(frames) if announced is None else announced, first, interval, 0, 0, 0, 0, 0]
    numbers += [0 if moving is None else frames.shape[1] - len(moving)]
    if version:
        header = struct.pack(f"{order}4s9if10i", word, *numbers, delta, cell is not None, *[0] * 8, version)
    else:
        header = struct.pack(f"{order}4s9id9i", word, *numbers, delta, *[0] * 9)
    text = record(header) + record(struct.pack(f"{order}i80s80s", 2, title.encode(), b"REMARKS of the day"))
    text += record(struct.pack(f"{order}i", frames.shape[1]))
    if moving is not None:
        text += record(np.asarray(moving, dtype=f"{order}i4").tobytes() if order == "<" else b"")
    for index, frame in enumerate(frames):
        if cell is not None:
            a, b, c, alpha, beta, gamma = Cell(cell).cellpar()
            if angles == "cosines":
                alpha, beta, gamma = np.cos(np.radians([alpha, beta, gamma]))
            six = [a, gamma, b, beta, alpha, c]
            if angles == "matrix":
                six = np.asarray(cell)[np.tril_indices(3)].tolist()
            text += record(struct.pack(f"{order}6d", *six))
        kept = frame if moving is None or not index else frame[np.asarray(moving) - 1]
        for axis in range(3):
            text += record(kept[:, axis].astype(f"{order}f4").tobytes())
    path.write_bytes(text)
    return path


def netcdf(
    path: Path, run: list[Frame], *, what: tuple[str, ...] = ("coordinates", "velocities"), lammps: bool = False
) -> Path:
    """Write AMBER's conventions, with its scaled velocities; or LAMMPS', with ids, types, masses and fs."""
    random = np.random.default_rng(2)
    n_atoms = len(run[0])
    with netcdf_file(path, "w", version=2) as file:
        file.Conventions, file.ConventionVersion = "AMBER", "1.0"
        lengths = {"frame": None, "atom": n_atoms, "spatial": 3, "cell_spatial": 3, "cell_angular": 3}
        for name, length in lengths.items():
            file.createDimension(name, length)
        variables = {
            "time": file.createVariable("time", "f", ("frame",)),
            **{name: file.createVariable(name, "d" if lammps else "f", ("frame", "atom", "spatial")) for name in what},
            "cell_lengths": file.createVariable("cell_lengths", "d", ("frame", "cell_spatial")),
            "cell_angles": file.createVariable("cell_angles", "d", ("frame", "cell_angular")),
        }
        units = {
            "time": "femtosecond" if lammps else "picosecond",
            "coordinates": "angstrom",
            "cell_lengths": "angstrom",
        }
        units |= {"velocities": "Angstrom/femtosecond" if lammps else "angstrom/picosecond", "cell_angles": "degree"}
        for name, variable in variables.items():
            variable.units = units[name]
        if lammps:
            for name in ("id", "type"):
                variables[name] = file.createVariable(name, "i", ("frame", "atom"))
            variables["mass"] = file.createVariable("mass", "d", ("frame", "atom"))
        elif "velocities" in what:
            variables["velocities"].scale_factor = 20.455
        for index, frame in enumerate(run):
            order = random.permutation(n_atoms) if lammps else np.arange(n_atoms)
            values: dict[str, Any] = {
                "time": frame.time if lammps else (frame.time or 0.0) / 1e3,
                "coordinates": frame.positions[order],
                "velocities": np.asarray(frame.velocities)[order] / (1.0 if lammps else 20.455e-3),
                "cell_lengths": Cell(frame.cell).lengths(),
                "cell_angles": Cell(frame.cell).angles(),
                "id": order + 1,
                "type": np.where(frame.numbers == 1, 2, 1)[order],
                "mass": frame_masses(frame)[order],
            }
            for name, variable in variables.items():
                variable[index] = values[name]
    return path


def h5md(path: Path, run: list[Frame], *, units: bool = True, species: Any = None, fixed_box: bool = False) -> Path:
    """Write H5MD, with units or without; ``species`` are numbers or names of every atom."""
    with h5py.File(path, "w") as file:
        group = file.create_group("particles/all")
        box = group.create_group("box")
        box.attrs["dimension"], box.attrs["boundary"] = 3, np.array([b"periodic"] * 3)
        clock = {"step": [round((frame.time or 0) / 0.5) for frame in run], "time": [frame.time for frame in run]}
        for name, rows, unit in (
            ("position", [frame.positions for frame in run], "Angstrom"),
            ("velocity", [frame.velocities for frame in run], "Angstrom fs-1"),
            ("box/edges", [frame.cell for frame in run], "Angstrom"),
        ):
            if fixed_box and name == "box/edges":
                box["edges"] = run[0].cell
                continue
            element = group.create_group(name)
            element["value"] = np.array(rows)
            element["step"], element["time"] = clock["step"], clock["time"]
            if units:
                element["value"].attrs["unit"], element["time"].attrs["unit"] = unit, "fs"
        if species is not None:
            group["species"] = species
    return path


def trr(path: Path, frames: list[dict[str, Any]], *, real: str = "f") -> Path:
    """Write GROMACS's TRR: of a frame its time (ps), and any of box, vir, pres, x, v, f, ``step``, ``real``, ``n``."""
    content = b""
    for index, frame in enumerate(frames):
        kind = frame.get("real", real)
        parts = {
            name: np.asarray(frame[name]).astype(f">{kind}").tobytes()
            for name in ("ir", "e", "box", "vir", "pres", "top", "sym", "x", "v", "f")
            if name in frame
        }
        sizes = [len(parts.get(name, b"")) for name in ("ir", "e", "box", "vir", "pres", "top", "sym", "x", "v", "f")]
        n_atoms = frame.get("n", len(frame.get("x", frame.get("v", frame.get("f", [])))))
        content += struct.pack(
            ">3i12s13i", 1993, 13, 12, b"GMX_trn_file", *sizes, n_atoms, frame.get("step", 10 * index), 0
        )
        content += struct.pack(f">2{kind}", frame.get("time", 0.002 * index), 0.5) + b"".join(parts.values())
    path.write_bytes(content)
    return path
