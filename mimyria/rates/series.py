"""`ResponseSeries`: dM/dt and dα/dt along one trajectory, and the file series.h5 that holds those of several.

Rates are read from the file slice by slice, so a series of any length takes little memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import h5py
import numpy as np

from mimyria.errors import SpectrumError
from mimyria.frame import Array
from mimyria.memory import Identity, whole
from mimyria.targets import TARGETS

CONTENT = "mimyria response series"
FACTS_OF_OLD = {"mimyria", "velocity_unit", "cell", "timestep", "layout", "sources", "frames", "stride", "groups"}
FACTS_OF_OLD |= {"charge", "project"}
"""What files of earlier versions say about the rates besides the files that they were made from."""
FRAMES_AT_ONCE, NUMBERS_AT_ONCE = 1 << 15, 1 << 21
T = TypeVar("T")


class Sliceable(Protocol):
    """An array (t, ...) on disk or in memory."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape (t, ...)."""

    def __getitem__(self, frames: slice, /) -> Array:
        """Return some of the frames."""


@dataclass(frozen=True, repr=False)
class ResponseSeries:
    """Rates of the dipole and the polarizability along one trajectory."""

    groups: tuple[str, ...]
    """Names of the groups of atoms; those of one name are single molecules of one kind (see `Grouping`)."""
    timestep: float
    """Between samples, fs."""
    rates: Mapping[str, Sliceable]
    """By target name, shape (t, groups, 3, ..., 3) with one axis of 3 for each field index; ``Target.rate_unit``."""
    volume: Array
    """Å³, of each frame, shape (t,)."""
    temperature: Array
    """K, of each frame, shape (t,): kinetic, with the degrees of freedom that there are."""
    velocity_species: tuple[str, ...]
    velocity_correlation: Array
    """Σ m v(0)·v(τ) of each species in u (Å/fs)², shape (species, lags)."""
    differenced: float
    """Interval δt (fs) of the central differences that gave the velocities; 0 for stored velocities."""
    n_atoms: int
    species_temperature: Array | None = None
    """Of each species in each frame, shape (t, species), K (kinetic, with its ``freedom``); None where not known."""
    species_scatter: Array | None = None
    """Standard errors of the mean temperatures, K, from the scatter of molecules, shape (species,); NaN for few."""
    species_mass: Array | None = None
    """Mean mass of the atoms of each species, u, shape (species,)."""
    freedom: Array | None = None
    """Degrees of freedom of each species, shape (species,); None in old files: 3 (n_s - m_s/m), together 3n - 3."""
    freedom_words: str = ""
    """The count in words, see `Freedom.words`; empty in old files."""
    freedom_otherwise: Mapping[str, Array] = field(default_factory=dict)
    """What it would be with constraints that could be stated, by the word for them, shape (species,)."""
    quantum: float = 0.0
    """Positions are rounded to multiples of this, Å; 0 if they are as good as exact."""
    rounding: Mapping[str, float] = field(default_factory=dict)
    """The part of the power of differenced velocities of each species, and of the rates of each target, that is noise
    of the rounding; already subtracted from the velocity correlation."""
    counts: Mapping[str, Array] = field(default_factory=dict)
    """Number of molecules, or atoms, in each frame by group name, shape (t,)."""
    molecular: bool = False
    """Whether the groups hold whole molecules, and molecules are counted."""
    cell: Array = field(default_factory=lambda: np.zeros((3, 3)))
    """Mean cell vectors as rows, Å, shape (3, 3)."""
    velocity_blocks: Array = field(default_factory=lambda: np.empty((0, 1, 1)))
    """The velocity correlation of consecutive blocks, shape (blocks, species, lags), for its standard errors."""
    velocity_block_frames: int = 1
    motion_pairs: tuple[str, ...] = ()
    """Pairs "A,B" of the motions of the same molecules, where groups are motions."""
    motion_correlation: Array | None = None
    """Σ m v^A(0)·v^B(τ) of their parts of the velocities, A-B and B-A together, u (Å/fs)², shape (pairs, lags)."""
    motion_blocks: Array | None = None
    """The same of the blocks of ``velocity_blocks``, shape (blocks, pairs, lags)."""
    molecules: str = ""
    """Which there are in the first frame, see `composition_of`; empty in old files."""
    nuclei: str = "classical"
    """Their dynamics, a name in ``choices.NUCLEI``."""
    n_beads: int = 1
    """Of the path integral; the rates are means over them, temperatures and velocities those of the centroid."""
    bead_temperature: Array | None = None
    """Kinetic temperature of the beads in each frame, K, shape (t,); that of a ring polymer is ``n_beads`` times T."""
    member_rates: Mapping[str, Sliceable] = field(default_factory=dict)
    """By target name, the total rates by each network of a committee, shape (t, members, 3, ..., 3)."""
    centres: Sliceable | None = None
    """Centres of mass of the groups where these are single molecules, Å, shape (t, groups, 3); None in old files."""
    cells: Sliceable | None = None
    """With the centres, the cell of each frame, rows that do not repeat zero, Å, shape (t, 3, 3)."""
    member_spreads: Mapping[str, Sliceable] = field(default_factory=dict)
    """By target name, how far the networks are apart about the most disputed atom of each group: the standard deviation
    of its tensor, shape (t, group names), ``Target.unit``; none in old files."""
    molecule_mass: Array | None = None
    """Of the groups where these are the molecules of a slab, u, shape (groups,)."""
    normal: str = ""
    """Of the slab."""
    origin: Identity = field(default_factory=Identity)
    """The files and settings that the rates were made from; empty where not known. ``stride`` and ``frames``, pairs of
    first and last (exclusive, None for the end), say which stored frames of the file they belong to."""

    def __len__(self) -> int:
        return len(self.volume)

    def __repr__(self) -> str:
        return (
            f"<ResponseSeries: {len(self)} frames every {self.timestep:g} fs, {self.n_atoms} atoms, "
            f"rates of {', '.join(self.rates)} in {', '.join(self.group_names)}, {np.mean(self.temperature):.1f} K>"
        )

    @property
    def group_names(self) -> tuple[str, ...]:
        """The names of the groups, each once."""
        return tuple(dict.fromkeys(self.groups))

    @property
    def total_freedom(self) -> float:
        """The number of degrees of freedom."""
        return 3.0 * self.n_atoms - 3 if self.freedom is None else float(self.freedom.sum())

    @property
    def degrees_of_freedom(self) -> str:
        """The number of degrees of freedom, and how it is counted, in words."""
        return self.freedom_words or f"{self.total_freedom:.0f} = 3·{self.n_atoms} - 3 of the centre of mass"

    def chunks(self, first: int, last: int) -> Iterator[slice]:
        """Yield slices of the frames first to last, each small enough to be held in memory."""
        largest = max((int(np.prod(values.shape[1:])) for values in self.rates.values()), default=1)
        size = min(FRAMES_AT_ONCE, max(1, NUMBERS_AT_ONCE // largest))
        for start in range(first, last, size):
            yield slice(start, min(start + size, last))


ATTRIBUTES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "groups": ("groups", tuple),
    "timestep": ("timestep_fs", float),
    "differenced": ("differenced_fs", float),
    "n_atoms": ("n_atoms", int),
    "molecular": ("molecular", bool),
    "freedom_words": ("degrees_of_freedom", str),
    "quantum": ("quantum_A", float),
    "motion_pairs": ("motion_pairs", tuple),
    "molecules": ("molecules", str),
    "nuclei": ("nuclei", str),
    "n_beads": ("n_beads", int),
    "normal": ("normal", str),
}
"""Fields of a series that are attributes in the file, with their names there and their types."""
ARRAYS = {
    **{"volume": "Å³", "cell": "Å", "species_mass": "u", "molecule_mass": "u", "freedom": "1"},
    **dict.fromkeys(("temperature", "species_temperature", "species_scatter", "bead_temperature"), "K"),
    **dict.fromkeys(("velocity_correlation", "velocity_blocks"), "u (Å/fs)²"),
    **dict.fromkeys(("motion_correlation", "motion_blocks"), "u (Å/fs)²"),
}
"""Fields that are datasets of the same name, with their units."""
ON_DISK = ("centres", "cells")
"""Fields of every frame, Å, that are datasets of the same name and read slice by slice."""


def write_series(path: Path, series: Iterable[ResponseSeries]) -> None:
    """Write the series of several trajectories into one HDF5 file, atomically; one is in memory at a time."""
    with whole(path) as unfinished, h5py.File(unfinished, "w") as file:
        file.attrs["content"] = CONTENT
        for number, run in enumerate(series):
            group = file.create_group(f"trajectory_{number:04d}")
            for name, (stored, _) in ATTRIBUTES.items():
                group.attrs[stored] = getattr(run, name)
            group.attrs["origin"] = json.dumps(dict(run.origin))
            long = {"rate": run.rates, "member_rate": run.member_rates, "member_spread": run.member_spreads}
            for folder, by_target in long.items():
                for name, values in by_target.items():
                    dataset = group.create_dataset(f"{folder}/{name}", shape=values.shape, dtype="f8")
                    dataset.attrs["unit"] = TARGETS[name].unit if folder == "member_spread" else TARGETS[name].rate_unit
                    for frames in run.chunks(0, len(run)):
                        dataset[frames] = values[frames]
            for name in ON_DISK:
                if (values := getattr(run, name)) is not None:
                    dataset = group.create_dataset(name, shape=values.shape, dtype="f8" if name == "cells" else "f4")
                    dataset.attrs["unit"] = "Å"
                    for frames in run.chunks(0, len(run)):
                        dataset[frames] = values[frames]
            arrays = {name: (getattr(run, name), unit) for name, unit in ARRAYS.items()}
            count_unit = "molecules" if run.molecular else "atoms"
            arrays |= {f"count/{name}": (values, count_unit) for name, values in run.counts.items()}
            arrays |= {f"freedom_otherwise/{name}": (values, "1") for name, values in run.freedom_otherwise.items()}
            arrays |= {f"rounding/{name}": (values, "1") for name, values in run.rounding.items()}
            for name, (values, unit) in arrays.items():
                if values is not None:
                    group.create_dataset(name, data=values).attrs["unit"] = unit
            group["velocity_correlation"].attrs["species"] = list(run.velocity_species)
            group["velocity_blocks"].attrs["frames"] = run.velocity_block_frames


def is_series(path: Path) -> bool:
    """Return whether a file exists and is a series written by `write_series`."""
    try:
        with h5py.File(path, "r") as file:
            return bool(file.attrs.get("content") == CONTENT)
    except OSError:
        return False


def read_series(path: Path) -> list[ResponseSeries]:
    """Return the series that `write_series` wrote; the file stays open as long as they are used.

    Raises
    ------
    SpectrumError
        If the file is not there, damaged, or something else.
    """
    return _read_each(path, _read_one)


def read_origins(path: Path) -> list[Identity]:
    """Return what each series in a file was made from, without reading its numbers; see `read_series`."""
    return _read_each(path, _read_origin)


def _read_each(path: Path, read: Callable[[h5py.Group], T]) -> list[T]:
    """Return what a function reads from the group of each trajectory, in order."""
    try:
        file = h5py.File(path, "r")
        if file.attrs.get("content") != CONTENT:
            raise SpectrumError(f"{path} is an HDF5 file, but not a series written by `mimyria spectrum`")
        # not alphabetically: from ten thousand trajectories on the numbers have more digits
        return [read(file[name]) for name in sorted(file, key=lambda name: (len(name), name))]
    except FileNotFoundError:
        raise SpectrumError(f"{path} does not exist") from None
    except (OSError, KeyError, TypeError) as error:
        raise SpectrumError(f"{path} cannot be read as a series ({error}); run `mimyria spectrum` again") from error


def _read_origin(group: h5py.Group) -> Identity:
    return _origin(str(group.attrs.get("origin", "")))


def _read_one(group: h5py.Group) -> ResponseSeries:
    # Files of earlier versions lack some fields, which then have their defaults.
    fields = {name: kind(group.attrs[there]) for name, (there, kind) in ATTRIBUTES.items() if there in group.attrs}
    fields |= {name: group[name][()] for name in ARRAYS if name in group}
    fields |= {name: group[name] for name in ON_DISK if name in group}
    if "velocity_blocks" in fields:
        fields["velocity_block_frames"] = int(group["velocity_blocks"].attrs["frames"])
    return ResponseSeries(
        rates=dict(group.get("rate", {})),
        member_rates=dict(group.get("member_rate", {})),
        member_spreads=dict(group.get("member_spread", {})),
        counts={name: values[()] for name, values in group.get("count", {}).items()},
        freedom_otherwise={name: values[()] for name, values in group.get("freedom_otherwise", {}).items()},
        rounding={name: float(values[()]) for name, values in group.get("rounding", {}).items()},
        velocity_species=tuple(group["velocity_correlation"].attrs["species"]),
        origin=_read_origin(group),
        **fields,
    )


def _origin(text: str) -> Identity:
    """Return what an attribute says; earlier versions wrote ``NAME: VALUE`` line by line, and files by their path."""
    if text.startswith("{"):
        return Identity(json.loads(text))
    facts: dict[str, Any] = {"files": {}}
    for line in text.splitlines():
        name, _, value = line.partition(": ")
        path, _, digest = line.rpartition(": ")
        if name in FACTS_OF_OLD:
            facts[name] = value
        else:
            facts["files"][path] = {"digest": digest}
    if "frames" in facts:
        runs = [part.split(":") for part in facts["frames"].split()]
        facts["frames"] = [(int(first), int(last) if last else None) for first, last in runs]
        facts["stride"] = int(facts["stride"])
    return Identity(facts if text else {})
