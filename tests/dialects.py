"""One run written as programs write it: each dialect is one function and one entry of `DIALECTS`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import ase.io
import binary_files
import lammps_files
import numpy as np

from contracts import TIMESTEP, atoms_of, write_cp, write_cp2k, write_cpmd, write_dftb, write_ipi, write_tinker
from mimyria.elements import frame_masses, symbols_of
from mimyria.formats import write_frames
from mimyria.frame import Frame
from mimyria.units import VELOCITY

DEUTERIUM = 2.014
N_FRAMES = 48

Columns = Mapping[str, Callable[[Frame], Any]]


def water(hydrogen: float | None = None, n_frames: int = N_FRAMES) -> list[Frame]:
    """Return two vibrating molecules of water, with a mass of hydrogen (u) if it is not the standard one.

    Every atom oscillates by itself: velocities are exact derivatives, near 300 K, and all atoms stay bonded.
    """
    random = np.random.default_rng(5)
    molecule = np.array([[0.0, 0.0, 0.0], [0.76, 0.59, 0.0], [-0.76, 0.59, 0.0]])
    rest = np.concatenate([molecule + 1.0, molecule[:, ::-1] + 4.0])
    numbers = np.array([8, 1, 1, 8, 1, 1])
    cell = np.array([[7.0, 0, 0], [1.0, 7.5, 0], [0.5, -1.0, 8.0]])
    masses = None if hydrogen is None else np.where(numbers == 1, hydrogen, 15.999)
    speed = 0.02 * np.sqrt(1 / np.where(numbers == 1, hydrogen or 1.008, 15.999))[:, None]
    frequency, phase = random.uniform(0.1, 0.3, (6, 3)), random.uniform(0, 2 * np.pi, (6, 3))
    return [
        Frame(
            numbers=numbers,
            positions=rest + speed / frequency * np.sin(frequency * TIMESTEP * index + phase),
            cell=cell,
            periodic=np.ones(3, dtype=bool),
            velocities=speed * np.cos(frequency * TIMESTEP * index + phase),
            time=TIMESTEP * index,
            masses=masses,
        )
        for index in range(n_frames)
    ]


@dataclass(frozen=True)
class Dialect:
    """A way to write a run, and what must be read from it."""

    write: Callable[[Path, list[Frame]], dict[str, Any]]
    """Writes it into a folder; returns the arguments of `Trajectory`, which are settings of `make_spectra` too."""
    run: Callable[[], list[Frame]] = water
    exact_to: float = 1e-6
    """Å, and as many Å/fs."""
    kept: Sequence[int] | None = None
    """Indices in the file of the atoms, where it holds massless sites besides."""
    spectrum: Mapping[str, Any] = field(default_factory=dict)
    """Further settings of the spectrum, such as a temperature where velocities are differences."""


def xyz(
    path: Path,
    run: list[Frame],
    columns: Columns,
    *,
    species: Callable[[Frame], Sequence[Any]] = lambda frame: symbols_of(frame.numbers),
    comment: Callable[[Frame], str] = lambda frame: f"time={frame.time}",
    named: str = "species:S:1",
    number: str = "%.10f",
) -> dict[str, Any]:
    """Write an extended xyz file with the columns given, each as a function of a frame; return its arguments."""
    with path.open("w", encoding="utf-8") as file:
        for frame in run:
            table = {name: np.asarray(values(frame)).reshape(len(frame), -1) for name, values in columns.items()}
            properties = ":".join([named, *(f"{name}:R:{values.shape[1]}" for name, values in table.items())])
            lattice = " ".join(f"{x:.10f}" for x in frame.cell.ravel())
            file.write(f'{len(frame)}\nLattice="{lattice}" Properties={properties} {comment(frame)}\n')
            for name, row in zip(species(frame), np.hstack(list(table.values())), strict=True):
                file.write(f"{name} " + " ".join(number % x for x in row) + "\n")
    return {"path": path}


def positions(frame: Frame) -> Any:
    """Return the column of positions."""
    return frame.positions


def velocities(frame: Frame) -> Any:
    """Return the column of velocities, Å/fs."""
    return frame.velocities


def momenta(frame: Frame) -> Any:
    """Return the column of momenta in the unit of ASE."""
    return np.asarray(frame.velocities) / VELOCITY["ase"] * frame_masses(frame)[:, None]


MOVING: Columns = {"pos": positions, "vel": velocities}


def deuterium() -> list[Frame]:
    """Return the run of heavy water."""
    return water(DEUTERIUM)


def native(folder: Path, run: list[Frame]) -> dict[str, Any]:
    """Write our own format."""
    write_frames(folder / "native.extxyz", run)
    return {"path": folder / "native.extxyz"}


def called(names: Mapping[str, str], **settings: Any) -> Callable[[Path, list[Frame]], dict[str, Any]]:
    """Return a writer whose atoms have other names than their elements'; ``settings`` say what they are."""

    def write(folder: Path, run: list[Frame]) -> dict[str, Any]:
        return settings | xyz(
            folder / "run.xyz",
            run,
            MOVING,
            species=lambda frame: [names.get(symbol, symbol) for symbol in symbols_of(frame.numbers)],
        )

    return write


def altered(
    change: Callable[[str], str], *, name: str = "run.xyz", number: str = "%.10f"
) -> Callable[[Path, list[Frame]], dict[str, Any]]:
    """Return a writer of extended xyz whose text is changed."""

    def write(folder: Path, run: list[Frame]) -> dict[str, Any]:
        arguments = xyz(folder / name, run, MOVING, number=number)
        arguments["path"].write_bytes(change(arguments["path"].read_text(encoding="utf-8")).encode())
        return arguments

    return write


def to_fortran(text: str) -> str:
    """Return numbers as Fortran prints them in double precision."""
    return re.sub(r"(\d\.\d+)(?:e([+-]\d+)|(?=[ \"]))", lambda match: f"{match[1]}D{match[2] or '+00'}", text)


def timed(said: str, unit: float = 1.0) -> Callable[[Path, list[Frame]], dict[str, Any]]:
    """Return a writer of times in a unit (its fs) and in words of a format."""

    def write(folder: Path, run: list[Frame]) -> dict[str, Any]:
        return xyz(folder / "run.xyz", run, MOVING, comment=lambda frame: said.format((frame.time or 0.0) * unit))

    return write


def lammps_extxyz(speed: str, time: float) -> Callable[[Path, list[Frame]], dict[str, Any]]:
    """Return a writer of LAMMPS's extended xyz, in units in which 1 fs is so many units of time."""

    def write(folder: Path, run: list[Frame]) -> dict[str, Any]:
        def comment(frame: Frame) -> str:
            return f"Timestep={round(4 * (frame.time or 0.0))} Time={(frame.time or 0.0) * time:.6f}"

        moving = {"pos": positions, "vel": lambda frame: np.asarray(frame.velocities) / VELOCITY[speed]}
        return xyz(folder / "run.xyz", run, moving, comment=comment) | {"velocity_unit": speed}

    return write


def with_mass(column: str, *, moving: str = "vel") -> Callable[[Path, list[Frame]], dict[str, Any]]:
    """Return a writer of a column of masses, beside velocities or momenta."""
    move = velocities if moving == "vel" else momenta

    def write(folder: Path, run: list[Frame]) -> dict[str, Any]:
        return xyz(folder / "run.xyz", run, {"pos": positions, moving: move, column: frame_masses})

    return write


def with_sites(frame: Frame) -> Frame:
    """Return a frame with a site behind every molecule of three atoms, where the oxygen is."""
    order = np.array([0, 1, 2, 0, 3, 4, 5, 3])
    moved = np.asarray(frame.velocities)[order]
    return replace(frame, numbers=frame.numbers[order], positions=frame.positions[order], velocities=moved)


def four_points(name: str) -> Callable[[Path, list[Frame]], dict[str, Any]]:
    """Return a writer of water with massless sites of a name."""

    def species(frame: Frame) -> list[str]:
        return [name if k % 4 == 3 else symbol for k, symbol in enumerate(symbols_of(frame.numbers))]

    def write(folder: Path, run: list[Frame]) -> dict[str, Any]:
        return xyz(folder / "run.xyz", [with_sites(frame) for frame in run], MOVING, species=species)

    return write


def cp2k_pair(folder: Path, run: list[Frame]) -> dict[str, Any]:
    """Write CP2K's two files; it tells no masses, so heavy water needs ``mass``."""
    write_cp2k(folder / "pos.xyz", run, "positions")
    write_cp2k(folder / "vel.xyz", run, "velocities")
    given = {"velocities": folder / "vel.xyz", "velocity_unit": "au", "cell": tuple(run[0].cell.ravel().tolist())}
    return {"path": folder / "pos.xyz", **given, **({} if run[0].masses is None else {"mass": {"H": DEUTERIUM}})}


def cp2k_extxyz_pair(folder: Path, run: list[Frame]) -> dict[str, Any]:
    """Write CP2K's two files as extended xyz, velocities in atomic units."""

    def comment(frame: Frame) -> str:
        return f'pbc="T T T" Step={round(2 * (frame.time or 0))} Time={frame.time:.3f} Energy=-550.1000000000'

    def speeds(frame: Frame) -> Any:
        return np.asarray(frame.velocities) / VELOCITY["au"]

    given = xyz(folder / "run-pos-1.xyz", run, {"pos": positions}, comment=comment)
    xyz(folder / "run-vel-1.xyz", run, {"velo": speeds}, comment=comment)
    return given | {"velocities": folder / "run-vel-1.xyz"}


def cp2k_with_cell_file(folder: Path, run: list[Frame]) -> dict[str, Any]:
    """Write CP2K's three files: positions, velocities, cells."""
    lines = ["#   Step   Time [fs]       Ax [Angstrom] ..."]
    for frame in run:
        numbers = "".join(f"{x:20.10f}" for x in (*frame.cell.ravel(), frame.volume))
        lines.append(f"{round(2 * (frame.time or 0)):8d} {frame.time:12.3f} {numbers}")
    (folder / "run-1.cell").write_text("\n".join(lines) + "\n")
    return cp2k_pair(folder, run) | {"cell": folder / "run-1.cell"}


def ipi_pair(*quantities: str, unit: str = "atomic_unit") -> Callable[[Path, list[Frame]], dict[str, Any]]:
    """Return a writer of two files of i-PI."""

    def write(folder: Path, run: list[Frame]) -> dict[str, Any]:
        files = [folder / f"sim.{quantity}.xyz" for quantity in quantities]
        for path, quantity in zip(files, quantities, strict=True):
            write_ipi(path, run, quantity, unit)
        return {"path": files[0], "velocities": files[1], "timestep": TIMESTEP}

    return write


def dftb(folder: Path, run: list[Frame], *, charges: bool = True) -> dict[str, Any]:
    """Write DFTB+'s only file, which has no cell."""
    write_dftb(folder / "geo_end.xyz", run, charges=charges)
    return {"path": folder / "geo_end.xyz", "cell": run[0].cell, "timestep": TIMESTEP}


def tinker_pair(folder: Path, run: list[Frame]) -> dict[str, Any]:
    """Write Tinker's two files."""
    write_tinker(folder / "water.arc", run)
    write_tinker(folder / "water.vel", run, "velocities")
    return {"path": folder / "water.arc", "velocities": folder / "water.vel", "timestep": TIMESTEP}


def cpmd(folder: Path, run: list[Frame]) -> dict[str, Any]:
    """Write CPMD's table of numbers, with an xyz file that names the atoms."""
    write_cpmd(folder / "TRAJECTORY", run)
    ase.io.write(folder / "GEOMETRY.xyz", atoms_of(run[0]), format="xyz")
    given = {"topology": folder / "GEOMETRY.xyz", "cell": run[0].cell, "timestep": TIMESTEP}
    return {"path": folder / "TRAJECTORY", **given}


def cp_pair(folder: Path, run: list[Frame]) -> dict[str, Any]:
    """Write the two files of cp.x, with an xyz file that names the atoms."""
    write_cp(folder / "water.pos", run)
    write_cp(folder / "water.vel", run, "velocities")
    ase.io.write(folder / "start.xyz", atoms_of(run[0]), format="xyz")
    given = {"velocities": folder / "water.vel", "topology": folder / "start.xyz", "cell": run[0].cell}
    return {"path": folder / "water.pos", **given}


def breathing() -> list[Frame]:
    """Return the run in a cell that breathes."""
    return [replace(frame, cell=frame.cell * (1 + 0.01 * np.sin(k / 8))) for k, frame in enumerate(water())]


def ase_trajectory(folder: Path, run: list[Frame], *, stated: bool = True) -> dict[str, Any]:
    """Write ASE's own format, with masses if they are not the standard ones, unless the user has to say them."""
    images = []
    for frame in run:
        atoms = atoms_of(replace(frame, velocities=None))
        if frame.masses is not None and stated:
            atoms.set_masses(frame.masses)
        atoms.set_velocities(np.asarray(frame.velocities) / VELOCITY["ase"])
        images.append(atoms)
    ase.io.write(folder / "run.traj", images)
    return {"path": folder / "run.traj", "timestep": TIMESTEP, **({} if stated else {"mass": {"H": DEUTERIUM}})}


def of_lammps(columns: str, **form: Any) -> Callable[[Path, list[Frame]], dict[str, Any]]:
    """Return a writer of a dump of LAMMPS that says its units and times."""

    def write(folder: Path, run: list[Frame]) -> dict[str, Any]:
        return {"path": lammps_files.dump(folder / "dump.run", run, columns, origin=np.zeros(3), **form)}

    return write


def with_data(style: str, **form: Any) -> Callable[[Path, list[Frame]], dict[str, Any]]:
    """Return a writer of a dump that says nothing but types, beside a data file of an atom style."""

    def write(folder: Path, run: list[Frame]) -> dict[str, Any]:
        path = lammps_files.dump(folder / "run.out", run, "id type x y z vx vy vz", stated=False, origin=np.zeros(3))
        topology = lammps_files.data(folder / "run.in", run[0], style, **form)
        return {"path": path, "topology": topology, "velocity_unit": "A/ps", "timestep": TIMESTEP}

    return write


def types(folder: Path, run: list[Frame]) -> dict[str, Any]:
    """Write a dump of types without anything else."""
    path = lammps_files.dump(folder / "run.dat", run, "id type x y z vx vy vz", stated=False, origin=np.zeros(3))
    return {"path": path, "velocity_unit": "A/ps", "timestep": TIMESTEP, "species": {"1": "O", "2": "H"}}


def named_by_topology(folder: Path, run: list[Frame]) -> dict[str, Any]:
    """Write xyz with the names of a force field, and a topology that knows its elements."""
    ase.io.write(folder / "top.pdb", atoms_of(run[0]))
    return called({"H": "HW1", "O": "OW"})(folder, run) | {"topology": folder / "top.pdb"}


def two_dumps(folder: Path, run: list[Frame]) -> dict[str, Any]:
    """Write positions, as parts of the cell, and velocities as two dumps, the atoms of each in another order."""
    path = lammps_files.dump(folder / "run.x", run, "id element xs ys zs", origin=np.zeros(3))
    velocities = lammps_files.dump(folder / "run.v", run, "id element vx vy vz")
    return {"path": path, "velocities": velocities}


def two_dcd(folder: Path, run: list[Frame]) -> dict[str, Any]:
    """Write positions and velocities as NAMD does, the latter in its own unit."""
    ase.io.write(folder / "top.pdb", atoms_of(run[0]))
    form: Any = {"delta": 0.5 / binary_files.AKMA, "interval": round(TIMESTEP / 0.5)}
    speeds = [np.asarray(frame.velocities) * binary_files.AKMA for frame in run]
    return {
        "path": binary_files.dcd(folder / "run.dcd", [frame.positions for frame in run], run[0].cell, **form),
        "velocities": binary_files.dcd(folder / "run.veldcd", speeds, **form),
        "topology": folder / "top.pdb",
    }


def two_netcdf(folder: Path, run: list[Frame]) -> dict[str, Any]:
    """Write AMBER's files of positions and of velocities."""
    ase.io.write(folder / "top.pdb", atoms_of(run[0]))
    return {
        "path": binary_files.netcdf(folder / "run.nc", run, what=("coordinates",)),
        "velocities": binary_files.netcdf(folder / "mdvel", run, what=("velocities",)),
        "topology": folder / "top.pdb",
    }


def trr_of_gromacs(folder: Path, run: list[Frame]) -> dict[str, Any]:
    """Write TRR in double precision, with virials and forces."""
    ase.io.write(folder / "top.pdb", atoms_of(run[0]))
    others = {"vir": np.ones((3, 3)), "pres": np.ones((3, 3)), "f": np.ones((len(run[0]), 3))}
    frames = [
        {
            **{"box": frame.cell / 10, "x": frame.positions / 10, "v": 100 * np.asarray(frame.velocities)},
            **{"time": 1e-3 * (frame.time or 0.0), **others},
        }
        for frame in run
    ]
    return {"path": binary_files.trr(folder / "run.trr", frames, real="d"), "topology": folder / "top.pdb"}


def netcdf_of_lammps(folder: Path, run: list[Frame]) -> dict[str, Any]:
    """Write NetCDF with types and masses, the atoms in another order in every frame."""
    return {"path": binary_files.netcdf(folder / "run.nc", run, lammps=True)}


def h5md_without_units(folder: Path, run: list[Frame]) -> dict[str, Any]:
    """Write H5MD that says neither units nor elements."""
    path = binary_files.h5md(folder / "run.h5", run, units=False, species=np.where(run[0].numbers == 1, 2, 1))
    said = {"velocity_unit": "A/fs", "timestep": TIMESTEP, "species": {"1": "O", "2": "H"}}
    return {"path": path, **said}


SITES = (0, 1, 2, 4, 5, 6)
DIALECTS: dict[str, Dialect] = {
    "a byte order mark": Dialect(altered(lambda text: "\ufeff" + text)),
    "lines that end as in Windows": Dialect(altered(lambda text: text.replace("\n", "\r\n"))),
    "tabs": Dialect(altered(lambda text: text.replace(" ", "\t"))),
    "exponents of Fortran": Dialect(altered(to_fortran, number="%.12e")),
    "another name": Dialect(altered(str, name="run.exyz")),
    "times in Time": Dialect(timed("Time={}")),
    "times in time_fs": Dialect(timed("time_fs={}")),
    "times in ps": Dialect(timed("time_ps={}", 1e-3)),
    "times with their unit": Dialect(timed('time="{} ps"', 1e-3)),
    "extended xyz of LAMMPS, metal": Dialect(lammps_extxyz("A/ps", 1e-3)),
    "extended xyz of LAMMPS, real": Dialect(lammps_extxyz("A/fs", 1.0)),
    "native": Dialect(native),
    "native, heavy": Dialect(native, deuterium),
    "lower case": Dialect(called({"H": "h", "O": "o"})),
    "names": Dialect(called({"H": "HW", "O": "O_w"}, species={"HW": "H", "O_w": "O"})),
    "D": Dialect(called({"H": "D"}), deuterium),
    "²H": Dialect(called({"H": "²H"}), deuterium),
    "a mass of an element": Dialect(called({}, mass={"H": DEUTERIUM}), deuterium),
    "a mass of a selection": Dialect(called({}, mass={"index 1:2 4:5": DEUTERIUM}), deuterium),
    "names of a heavy kind": Dialect(called({"H": "HW"}, species={"HW": "D"}), deuterium),
    "column mass": Dialect(with_mass("mass"), deuterium),
    "column masses": Dialect(with_mass("masses"), deuterium),
    "column mass and momenta": Dialect(with_mass("mass", moving="momenta"), deuterium),
    "column masses and momenta": Dialect(with_mass("masses", moving="momenta"), deuterium),
    "sites X": Dialect(four_points("X"), kept=SITES),
    "sites M": Dialect(four_points("M"), kept=SITES),
    "sites EP": Dialect(four_points("EP"), kept=SITES),
    "two files of CP2K": Dialect(cp2k_pair),
    "two files of CP2K, heavy": Dialect(cp2k_pair, deuterium),
    "two extended files of CP2K": Dialect(cp2k_extxyz_pair),
    "two extended files of CP2K, breathing": Dialect(cp2k_extxyz_pair, breathing),
    "three files of CP2K": Dialect(cp2k_with_cell_file, breathing),
    "i-PI": Dialect(ipi_pair("positions", "velocities"), breathing, exact_to=2e-5),
    "i-PI, centroid": Dialect(ipi_pair("x_centroid", "v_centroid", unit="angstrom"), breathing, exact_to=2e-5),
    "i-PI through ASE": Dialect(ipi_pair("positions", "velocities", unit="ase"), breathing),
    "i-PI through ASE, centroid": Dialect(ipi_pair("x_centroid", "v_centroid", unit="ase"), breathing),
    "DFTB+": Dialect(dftb),
    "DFTB+ without charges": Dialect(partial(dftb, charges=False)),
    "Tinker": Dialect(tinker_pair, breathing),
    "CPMD": Dialect(cpmd),
    "cp.x": Dialect(cp_pair),
    "ASE": Dialect(ase_trajectory),
    "ASE, heavy": Dialect(ase_trajectory, deuterium),
    "ASE, heavy by the user": Dialect(partial(ase_trajectory, stated=False), deuterium),
    "LAMMPS": Dialect(of_lammps("id type element x y z vx vy vz")),
    "LAMMPS, masses": Dialect(of_lammps("id mass xs ys zs vx vy vz", units="real"), deuterium),
    "LAMMPS, yaml": Dialect(of_lammps("id element x y z vx vy vz", yaml=True)),
    "LAMMPS, types": Dialect(types),
    "LAMMPS, xyz of types": Dialect(called({"H": "2", "O": "1"}, species={"2": "H", "1": "O"})),
    **{f"LAMMPS, atom_style {style}": Dialect(with_data(style)) for style in lammps_files.ATOMS},
    "LAMMPS, no atom_style": Dialect(with_data("full", comment=False)),
    "LAMMPS, heavy": Dialect(with_data("atomic"), deuterium),
    "names with a topology": Dialect(named_by_topology),
    "two dumps": Dialect(two_dumps),
    "two DCD files": Dialect(two_dcd, exact_to=1e-5),
    "two NetCDF files": Dialect(two_netcdf, exact_to=1e-5),
    "TRR, double precision": Dialect(trr_of_gromacs),
    "NetCDF of LAMMPS, heavy": Dialect(netcdf_of_lammps, deuterium),
    "H5MD without units": Dialect(h5md_without_units),
}
