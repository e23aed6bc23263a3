"""`ResponseSeries`: dM/dt and dα/dt along one trajectory, and the file series.h5 that holds those of several.

Rates are read from the file slice by slice, so a series of any length takes little memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

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


class Sliceable(Protocol):
    """An array (t, ...) on disk or in memory."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape (t, ...)."""

    def __getitem__(self, frames: slice, /) -> Array:
        """Return some of the frames."""


@dataclass(frozen=True, repr=False)
class ResponseSeries:
    """Rates of the dipole and the polarizability along one trajectory.

    Parameters
    ----------
    groups
        Names of the groups of atoms; those of one name are single molecules of one kind (see `Grouping`).
    timestep
        Between samples, fs.
    rates
        By target name, shape (t, groups, 3, ..., 3) with one axis of 3 for each field index; ``Target.rate_unit``.
    volume, temperature
        Of each frame, shape (t,); Å³ and K (kinetic, 3n - 3 degrees of freedom).
    velocity_species, velocity_correlation
        Species, and Σ m v(0)·v(τ) of each in u (Å/fs)², shape (species, lags).
    differenced
        Interval δt (fs) of the central differences that gave the velocities; 0 for stored velocities.
    n_atoms
        Number of atoms.
    species_temperature
        Of each species in each frame, shape (t, species), K (kinetic, 3 (n_s - m_s/m) degrees of freedom, which add up
        to 3n - 3); None where it is not known.
    counts
        Number of molecules, or atoms, in each frame by group name, shape (t,).
    molecular
        Whether the groups hold whole molecules, and molecules are counted.
    cell
        Mean cell vectors as rows, Å, shape (3, 3).
    member_rates
        By target name, the total rates by each network of a committee, shape (t, members, 3, ..., 3).
    origin
        The files and settings that the rates were made from; empty where not known. ``stride`` and ``frames``, pairs of
        first and last (exclusive, None for the end), say which stored frames of the file they belong to.
    velocity_blocks, velocity_block_frames
        The velocity correlation of consecutive blocks, shape (blocks, species, lags), for its standard errors, and the
        frames of each block; none if not known.
    """

    groups: tuple[str, ...]
    timestep: float
    rates: Mapping[str, Sliceable]
    volume: Array
    temperature: Array
    velocity_species: tuple[str, ...]
    velocity_correlation: Array
    differenced: float
    n_atoms: int
    species_temperature: Array | None = None
    counts: Mapping[str, Array] = field(default_factory=dict)
    molecular: bool = False
    cell: Array = field(default_factory=lambda: np.zeros((3, 3)))
    velocity_blocks: Array = field(default_factory=lambda: np.empty((0, 1, 1)))
    velocity_block_frames: int = 1
    member_rates: Mapping[str, Sliceable] = field(default_factory=dict)
    origin: Identity = field(default_factory=Identity)

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

    def chunks(self, first: int, last: int) -> Iterator[slice]:
        """Yield slices of the frames first to last, each small enough to be held in memory."""
        largest = max((int(np.prod(values.shape[1:])) for values in self.rates.values()), default=1)
        size = min(FRAMES_AT_ONCE, max(1, NUMBERS_AT_ONCE // largest))
        for start in range(first, last, size):
            yield slice(start, min(start + size, last))


def write_series(path: Path, series: Sequence[ResponseSeries]) -> None:
    """Write the series of several trajectories into one HDF5 file, whole or not at all."""
    with whole(path) as unfinished, h5py.File(unfinished, "w") as file:
        file.attrs["content"] = CONTENT
        for number, one in enumerate(series):
            group = file.create_group(f"trajectory_{number:04d}")
            group.attrs["groups"] = list(one.groups)
            group.attrs["timestep_fs"] = one.timestep
            group.attrs["differenced_fs"] = one.differenced
            group.attrs["n_atoms"] = one.n_atoms
            group.attrs["molecular"] = one.molecular
            group.attrs["origin"] = json.dumps(dict(one.origin))
            rates = {f"rate/{name}": (name, values) for name, values in one.rates.items()}
            rates |= {f"member_rate/{name}": (name, values) for name, values in one.member_rates.items()}
            for place, (name, values) in rates.items():
                dataset = group.create_dataset(place, shape=values.shape, dtype="f8")
                dataset.attrs["unit"] = TARGETS[name].rate_unit
                for frames in one.chunks(0, len(one)):
                    dataset[frames] = values[frames]
            group.create_dataset("volume", data=one.volume).attrs["unit"] = "Å³"
            group.create_dataset("cell", data=one.cell).attrs["unit"] = "Å"
            group.create_dataset("temperature", data=one.temperature).attrs["unit"] = "K"
            for name, values in one.counts.items():
                unit = "molecules" if one.molecular else "atoms"
                group.create_dataset(f"count/{name}", data=values).attrs["unit"] = unit
            correlation = group.create_dataset("velocity_correlation", data=one.velocity_correlation)
            correlation.attrs["unit"] = "u (Å/fs)²"
            correlation.attrs["species"] = list(one.velocity_species)
            if one.species_temperature is not None:
                group.create_dataset("species_temperature", data=one.species_temperature).attrs["unit"] = "K"
            blocks = group.create_dataset("velocity_blocks", data=one.velocity_blocks)
            blocks.attrs["unit"], blocks.attrs["frames"] = "u (Å/fs)²", one.velocity_block_frames


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
    try:
        file = h5py.File(path, "r")
        if file.attrs.get("content") != CONTENT:
            raise SpectrumError(f"{path} is an HDF5 file, but not a series written by `mimyria spectrum`")
        return [_read_one(file[name]) for name in sorted(file)]
    except FileNotFoundError:
        raise SpectrumError(f"{path} does not exist") from None
    except (OSError, KeyError) as error:
        raise SpectrumError(f"{path} cannot be read as a series ({error}); run `mimyria spectrum` again") from error


def _read_one(group: h5py.Group) -> ResponseSeries:
    correlation = group["velocity_correlation"]
    names = ("species_temperature", "cell", "velocity_blocks")  # files of earlier versions lack some
    later: dict[str, Any] = {name: group[name][()] for name in names if name in group}
    if "velocity_blocks" in later:
        later["velocity_block_frames"] = int(group["velocity_blocks"].attrs["frames"])
    return ResponseSeries(
        groups=tuple(group.attrs["groups"]),
        timestep=float(group.attrs["timestep_fs"]),
        rates=dict(group.get("rate", {}).items()),
        volume=group["volume"][()],
        temperature=group["temperature"][()],
        velocity_species=tuple(correlation.attrs["species"]),
        velocity_correlation=correlation[()],
        differenced=float(group.attrs["differenced_fs"]),
        n_atoms=int(group.attrs["n_atoms"]),
        counts={name: values[()] for name, values in group.get("count", {}).items()},
        molecular=bool(group.attrs.get("molecular", False)),
        origin=_origin(str(group.attrs.get("origin", ""))),
        member_rates=dict(group.get("member_rate", {}).items()),
        **later,
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
