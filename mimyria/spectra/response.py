"""`ResponseSeries`: dM/dt and dα/dt along one trajectory, made in one streaming pass that can be stopped and resumed.

    dM/dt = Σ_n P[n]·v_n          dα/dt = Σ_n Q[n]·v_n          (v without the velocity of the centre of mass)

The tensors come with the frames and are contracted as they come; none is stored. Finished parts of the pass lie in a
folder (`PartStore`) until the whole series is written, so a killed pass loses seconds.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from mimyria.elements import frame_masses, symbols_of
from mimyria.errors import SpectrumError
from mimyria.frame import Array, Frame
from mimyria.spectra.correlation import Correlator
from mimyria.targets import TARGETS
from mimyria.units import BOLTZMANN, MASS_VELOCITY_SQUARED

log = logging.getLogger("mimyria")

SECONDS_PER_PART = 5.0
CONTENT = "mimyria response series"


@dataclass(frozen=True)
class Grouping:
    """A partition of the atoms into named groups, whose contributions add up to the total.

    Parameters
    ----------
    names
        One name a group.
    members
        Shape (groups, atoms), one where the atom belongs to the group, else zero.
    """

    names: tuple[str, ...]
    members: Array

    @classmethod
    def by_species(cls, numbers: Array) -> Grouping:
        """Return one group for each chemical element, in the order of first appearance."""
        present, first = np.unique(numbers, return_index=True)
        present = present[np.argsort(first)]
        return cls(tuple(symbols_of(present)), (present[:, None] == numbers).astype(float))

    @classmethod
    def whole(cls, numbers: Array) -> Grouping:
        """Return one group of all atoms."""
        return cls(("all",), np.ones((1, len(numbers))))


GROUPINGS = {"species": Grouping.by_species, "none": Grouping.whole}


@dataclass(frozen=True)
class ResponseSeries:
    """Rates of the dipole and the polarizability along one trajectory.

    Parameters
    ----------
    groups
        Names of the groups of atoms.
    timestep
        Between samples, fs.
    rates
        By target name, shape (t, groups, 3, ..., 3) with one axis of 3 for each field index; ``Target.rate_unit``.
    volume, temperature
        Of each frame, shape (t,); Å³ and K (kinetic, 3n - 3 degrees of freedom).
    velocity_species, velocity_correlation
        Species, and Σ m v(0)·v(τ) of each in u (Å/fs)², shape (species, lags).
    differenced
        Interval δt (fs) over which the velocities were made by central differences, or 0 where they are true ones.
    n_atoms
        Number of atoms.
    """

    groups: tuple[str, ...]
    timestep: float
    rates: dict[str, Array]
    volume: Array
    temperature: Array
    velocity_species: tuple[str, ...]
    velocity_correlation: Array
    differenced: float
    n_atoms: int

    def __len__(self) -> int:
        return len(self.volume)


def rate(tensor: Array, velocities: Array, members: Array) -> Array:
    """Return Σ_n T[n]·v_n of each group of atoms, shape (groups, 3, ..., 3).

    Parameters
    ----------
    tensor
        Shape (n, 3, ..., 3), displacement last.
    velocities
        Å/fs, shape (n, 3).
    members
        Shape (groups, n).
    """
    return np.tensordot(members, np.einsum("n...x,nx->n...", tensor, velocities), axes=1)


def without_drift(velocities: Array, masses: Array) -> Array:
    """Return the velocities (n, 3) relative to the centre of mass."""
    return velocities - masses @ velocities / masses.sum()


def kinetic_temperature(velocities: Array, masses: Array) -> float:
    """Return Σ m v² / ((3n - 3) k_B) in K, for velocities (Å/fs) without drift and masses in u."""
    freedom = max(3 * len(masses) - 3, 1)
    return float((masses[:, None] * velocities**2).sum() * MASS_VELOCITY_SQUARED / (freedom * BOLTZMANN))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder, made if need be, while the block lasts; the lock dies with its process.

    Raises
    ------
    SpectrumError
        If another run holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SpectrumError(f"another run is working in {folder}; wait for it, or give another --out") from None
        yield


class PartStore:
    """The finished parts of one pass, as numbered files in a folder, and the settings they were made with.

    Parameters
    ----------
    folder
        Holds ``settings.txt`` and ``000000.npz``, ``000001.npz``, ...; made if it is not there.
    settings
        Everything that determines the numbers. Parts made with other settings are removed.
    insist
        Refuse to remove them: raise a SpectrumError that shows the difference.
    """

    def __init__(self, folder: Path, settings: str, *, insist: bool = False) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        stated = folder / "settings.txt"
        earlier = stated.read_text(encoding="utf-8") if stated.exists() else ""
        if insist and earlier != settings:
            lines = set(earlier.splitlines()) ^ set(settings.splitlines())
            reason = "was made with other settings: " + "; ".join(sorted(lines)) if earlier else "is not there"
            raise SpectrumError(f"cannot resume: the unfinished run in {folder} {reason}")
        if earlier != settings:
            if earlier:
                log.warning(f"{folder} holds an unfinished run with other settings; it is removed")
            for path in folder.glob("*.npz"):
                path.unlink()
            stated.write_text(settings, encoding="utf-8")
        self.parts = [dict(np.load(path)) for path in sorted(folder.glob("*.npz"))]

    @property
    def n_frames(self) -> int:
        """Number of frames in the parts."""
        return sum(len(part["volume"]) for part in self.parts)

    def append(self, part: dict[str, Array]) -> None:
        """Store a part; the file appears whole."""
        unfinished = self.folder / "part.tmp"
        with unfinished.open("wb") as stream:
            np.savez(stream, **part)  # type: ignore[arg-type]
        os.replace(unfinished, self.folder / f"{len(self.parts):06d}.npz")
        self.parts.append(part)


def response_series(
    bare: Iterator[Frame],
    predicted: Iterable[Frame],
    *,
    targets: Sequence[str],
    grouping: Grouping,
    timestep: float,
    lags: int,
    store: PartStore,
    differenced: float = 0.0,
    limit: int | None = None,
) -> ResponseSeries:
    """Return the series of one trajectory from its frames, going on where ``store`` ends.

    Parameters
    ----------
    bare
        The first ``store.n_frames`` frames again, for their velocities; tensors not needed.
    predicted
        The frames after those, with the tensors of ``targets``.
    targets
        Names of the targets to contract.
    grouping
        The groups of atoms.
    timestep
        Between the frames, fs.
    lags
        Length of the velocity correlation.
    store
        Where finished parts are kept.
    differenced
        See `ResponseSeries`.
    limit
        Number of frames wanted, where the store may hold more.
    """
    pass_ = _Pass(targets, grouping, lags)
    for frame in bare:
        pass_.add_velocities(frame)
    rows: list[dict[str, Array]] = []
    stored = time.monotonic()
    try:
        for frame in predicted:
            rows.append(pass_.contract(frame))
            if time.monotonic() - stored > SECONDS_PER_PART:
                store.append(_stack(rows))
                rows, stored = [], time.monotonic()
    finally:
        if rows:
            store.append(_stack(rows))
    if not store.parts:
        raise SpectrumError("the trajectory gave no frames")
    columns = {key: np.concatenate([part[key] for part in store.parts])[:limit] for key in store.parts[0]}
    return ResponseSeries(
        groups=grouping.names,
        timestep=timestep,
        rates={name: columns[name] for name in targets},
        volume=columns["volume"],
        temperature=columns["temperature"],
        velocity_species=pass_.species.names,
        velocity_correlation=pass_.velocity_correlation(),
        differenced=differenced,
        n_atoms=grouping.members.shape[1],
    )


class _Pass:
    """What the frames of one trajectory have in common, and the running velocity correlation."""

    def __init__(self, targets: Sequence[str], grouping: Grouping, lags: int) -> None:
        self.targets, self.grouping, self.lags = targets, grouping, lags
        self.masses: Array = np.empty(0)
        self.species = grouping
        self.correlators: list[Correlator] = []

    def add_velocities(self, frame: Frame) -> Array:
        """Return the velocities without drift, after counting them in."""
        if frame.velocities is None:
            raise SpectrumError("a frame has no velocities")
        if not len(self.masses):
            self.masses = frame_masses(frame)
            self.species = Grouping.by_species(frame.numbers)
            self.correlators = [Correlator(self.lags) for _ in self.species.names]
        velocities = without_drift(frame.velocities, self.masses)
        weighted = (np.sqrt(self.masses)[:, None] * velocities).astype(np.float32)  # a window of all atoms is kept
        for correlator, members in zip(self.correlators, self.species.members, strict=True):
            correlator.add(weighted[members > 0].reshape(1, 1, -1))
        return velocities

    def contract(self, frame: Frame) -> dict[str, Array]:
        """Return what is kept of one frame."""
        velocities = self.add_velocities(frame)
        row = {name: rate(frame.tensors[name], velocities, self.grouping.members) for name in self.targets}
        for name, values in row.items():
            if not np.isfinite(values).all():
                raise SpectrumError(
                    f"frame at {frame.time:g} fs: the {name.upper()} gives a rate that is not a number; look for atoms "
                    "that lie on top of each other"
                )
        row["volume"] = np.array(frame.volume)
        row["temperature"] = np.array(kinetic_temperature(velocities, self.masses))
        return row

    def velocity_correlation(self) -> Array:
        return np.array([correlator.result()[0, 0] for correlator in self.correlators])


def _stack(rows: list[dict[str, Array]]) -> dict[str, Array]:
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


def write_series(path: Path, series: Sequence[ResponseSeries]) -> None:
    """Write the series of several trajectories into one HDF5 file, whole or not at all."""
    unfinished = path.with_name(path.name + ".tmp")
    with h5py.File(unfinished, "w") as file:
        file.attrs["content"] = CONTENT
        for number, one in enumerate(series):
            group = file.create_group(f"trajectory_{number:04d}")
            group.attrs["groups"] = list(one.groups)
            group.attrs["timestep_fs"] = one.timestep
            group.attrs["differenced_fs"] = one.differenced
            group.attrs["n_atoms"] = one.n_atoms
            for name, values in one.rates.items():
                dataset = group.create_dataset(f"rate/{name}", data=values)
                dataset.attrs["unit"] = TARGETS[name].rate_unit
            group.create_dataset("volume", data=one.volume).attrs["unit"] = "Å³"
            group.create_dataset("temperature", data=one.temperature).attrs["unit"] = "K"
            correlation = group.create_dataset("velocity_correlation", data=one.velocity_correlation)
            correlation.attrs["unit"] = "u (Å/fs)²"
            correlation.attrs["species"] = list(one.velocity_species)
    os.replace(unfinished, path)


def is_series(path: Path) -> bool:
    """Return whether a file is a series written by `write_series`; False where it is not there."""
    try:
        with h5py.File(path, "r") as file:
            return bool(file.attrs.get("content") == CONTENT)
    except OSError:
        return False


def read_series(path: Path) -> list[ResponseSeries]:
    """Return the series that `write_series` wrote.

    Raises
    ------
    SpectrumError
        If the file is not there, damaged, or something else.
    """
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("content") != CONTENT:
                raise SpectrumError(f"{path} is an HDF5 file, but not a series written by `mimyria spectrum`")
            return [_read_one(file[name]) for name in sorted(file)]
    except FileNotFoundError:
        raise SpectrumError(f"{path} does not exist") from None
    except (OSError, KeyError) as error:
        raise SpectrumError(f"{path} cannot be read as a series ({error}); run `mimyria spectrum` again") from error


def _read_one(group: h5py.Group) -> ResponseSeries:
    correlation = group["velocity_correlation"]
    return ResponseSeries(
        groups=tuple(group.attrs["groups"]),
        timestep=float(group.attrs["timestep_fs"]),
        rates={name: dataset[()] for name, dataset in group["rate"].items()},
        volume=group["volume"][()],
        temperature=group["temperature"][()],
        velocity_species=tuple(correlation.attrs["species"]),
        velocity_correlation=correlation[()],
        differenced=float(group.attrs["differenced_fs"]),
        n_atoms=int(group.attrs["n_atoms"]),
    )
