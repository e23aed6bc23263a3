"""The pass over a trajectory, from frames with tensors to a `ResponseSeries`; it can be stopped and resumed.

    dM/dt = Σ_n P[n]·v_n          dα/dt = Σ_n Q[n]·v_n          (v without the velocity of the centre of mass)

The tensors come with the frames and are contracted as they come; none is stored. Finished parts of the pass lie in a
folder (`PartStore`) until the whole series is written, so a killed pass loses seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from mimyria.elements import frame_masses
from mimyria.errors import SpectrumError
from mimyria.frame import Array, Frame
from mimyria.spectra.correlation import Correlator
from mimyria.spectra.groups import Grouping, Members
from mimyria.spectra.parts import PartStore
from mimyria.spectra.series import ResponseSeries
from mimyria.units import BOLTZMANN, MASS_VELOCITY_SQUARED

SECONDS_PER_PART = 5.0


def rate(tensor: Array, velocities: Array, members: Members) -> Array:
    """Return Σ_n T[n]·v_n of each group of atoms, shape (groups, 3, ..., 3).

    Parameters
    ----------
    tensor
        Shape (n, 3, ..., 3), displacement last.
    velocities
        Å/fs, shape (n, 3).
    members
        Shape (groups, n), dense or sparse.
    """
    rates = np.einsum("n...x,nx->n...", tensor, velocities)
    summed: Array = members @ rates.reshape(len(rates), -1)
    return summed.reshape(-1, *rates.shape[1:])


def without_drift(velocities: Array, masses: Array) -> Array:
    """Return the velocities (n, 3) relative to the centre of mass."""
    return velocities - masses @ velocities / masses.sum()


def kinetic_temperature(velocities: Array, masses: Array) -> float:
    """Return Σ m v² / ((3n - 3) k_B) in K, for velocities (Å/fs) without drift and masses in u."""
    freedom = max(3 * len(masses) - 3, 1)
    return float((masses[:, None] * velocities**2).sum() * MASS_VELOCITY_SQUARED / (freedom * BOLTZMANN))


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
    if not store.paths:
        raise SpectrumError("the trajectory gave no frames")
    everything = slice(None)
    return ResponseSeries(
        groups=grouping.names,
        timestep=timestep,
        rates={name: store.column(name, limit) for name in targets},
        volume=store.column("volume", limit)[everything],
        temperature=store.column("temperature", limit)[everything],
        velocity_species=pass_.species,
        velocity_correlation=pass_.velocity_correlation(),
        differenced=differenced,
        n_atoms=len(pass_.masses),
        species_temperature=pass_.species_temperature(),
        counts=dict(zip(grouping.labels, store.column("count", limit)[everything].T, strict=True)),
        molecular=grouping.share is not None,
        cell=pass_.mean_cell(),
    )


class _Pass:
    """What the frames of one trajectory have in common, and the running velocity correlation."""

    def __init__(self, targets: Sequence[str], grouping: Grouping, lags: int) -> None:
        self.targets, self.grouping, self.lags = targets, grouping, lags
        self.masses: Array = np.empty(0)
        self.species: tuple[str, ...] = ()
        self.places: list[Array] = []
        self.correlators: list[Correlator] = []
        self.kinetic: list[list[float]] = []
        self.cells, self.n_frames = np.zeros((3, 3)), 0

    def add_velocities(self, frame: Frame) -> Array:
        """Return the velocities without drift, after counting them in."""
        if frame.velocities is None:
            raise SpectrumError("a frame has no velocities")
        if not len(self.masses):
            self.masses = frame_masses(frame)
            species = Grouping.by_species(frame.numbers)
            self.species, self.places = species.names, [np.flatnonzero(one) for one in species.members(frame)]
            self.correlators = [Correlator(self.lags) for _ in self.species]
        self.cells, self.n_frames = self.cells + frame.cell, self.n_frames + 1
        velocities = without_drift(frame.velocities, self.masses)
        weighted = (np.sqrt(self.masses)[:, None] * velocities).astype(np.float32)  # a window of all atoms is kept
        for correlator, places in zip(self.correlators, self.places, strict=True):
            correlator.add(weighted[places].reshape(1, 1, -1))
        self.kinetic.append([float(np.square(weighted[places]).sum()) for places in self.places])
        return velocities

    def contract(self, frame: Frame) -> dict[str, Array]:
        """Return what is kept of one frame."""
        velocities = self.add_velocities(frame)
        members = self.grouping.members(frame)
        row = {name: rate(frame.tensors[name], velocities, members) for name in self.targets}
        for name, values in row.items():
            if not np.isfinite(values).all():
                raise SpectrumError(
                    f"frame at {frame.time:g} fs: the {name.upper()} gives a rate that is not a number; look for atoms "
                    "that lie on top of each other"
                )
        row["count"] = self.grouping.counts(members)
        row["volume"] = np.array(frame.volume)
        row["temperature"] = np.array(kinetic_temperature(velocities, self.masses))
        return row

    def species_temperature(self) -> Array:
        """Return Σ m v² / (f k_B) of each species, shape (t, species).

        f = 3 (n_s - m_s/m): without drift ⟨v²⟩ of an atom is 3 k_B T (1/m_n - 1/m).
        """
        shares = [self.masses[places].sum() / self.masses.sum() for places in self.places]
        freedom = np.array([3 * (len(places) - share) for places, share in zip(self.places, shares, strict=True)])
        return np.array(self.kinetic) * MASS_VELOCITY_SQUARED / (BOLTZMANN * np.where(freedom > 0, freedom, 1))

    def mean_cell(self) -> Array:
        return self.cells / self.n_frames

    def velocity_correlation(self) -> Array:
        return np.array([correlator.result()[0, 0] for correlator in self.correlators])


def _stack(rows: list[dict[str, Array]]) -> dict[str, Array]:
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}
