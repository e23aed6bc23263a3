"""The pass over a trajectory, from frames with tensors to a `ResponseSeries`; it can be stopped and resumed.

    dM/dt = Σ_n P[n]·v_n          dα/dt = Σ_n Q[n]·v_n          (v without the velocity of the centre of mass)

The tensors come with the frames and are contracted as they come; none is stored. Finished parts of the pass lie in a
folder (`PartStore`) until the whole series is written, so a killed pass loses seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from mimyria.elements import frame_masses
from mimyria.errors import SpectrumError
from mimyria.frame import Array, Frame
from mimyria.rates.checkpoint import PartStore
from mimyria.rates.correlation import Correlator
from mimyria.rates.groups import Grouping, GroupWeights
from mimyria.rates.series import ResponseSeries
from mimyria.trajectory.kinetics import kinetic_temperature, without_drift
from mimyria.units import BOLTZMANN, MASS_VELOCITY_SQUARED

FRAMES_AT_ONCE = 16
"""Contracted together; their tensors wait in memory."""
MEMBERS = "_members"
"""Ends the name of the column of a committee's networks."""
SECONDS_PER_PART, ROWS_PER_PART = 5.0, 1024
"""A part ends with the first of the two; its rows, each of the frames contracted at once, wait in memory."""


def rate(tensor: Array, velocities: Array, weights: GroupWeights) -> Array:
    """Return Σ_n T[n]·v_n of each group of atoms, shape (groups, 3, ..., 3).

    Parameters
    ----------
    tensor
        Shape (n, 3, ..., 3), displacement last.
    velocities
        Å/fs, shape (n, 3).
    weights
        Shape (groups, n), dense or sparse.
    """
    return rates([tensor], velocities[None], [weights])[0]


def rates(tensors: Sequence[Array], velocities: Array, weights: Sequence[GroupWeights]) -> Array:
    """Return the `rate` of several frames, shape (t, groups, 3, ..., 3); velocities have the shape (t, n, 3)."""
    stacked = np.array(tensors)
    frames, n, *fields, _ = stacked.shape
    with np.errstate(invalid="ignore"):  # what is not finite is looked for in the rates
        atoms = (stacked.reshape(frames, n, -1, 3) @ velocities[..., None]).reshape(frames, n, -1)
        groups = np.array([one @ atom for one, atom in zip(weights, atoms, strict=True)])
    return groups.reshape(frames, -1, *fields)


def member_rates(members: Sequence[Array], velocities: Array) -> Array:
    """Return the rates of the whole by each network, shape (t, members, 3, ..., 3).

    Parameters
    ----------
    members
        Tensors of each frame, shape (members, n, 3, ..., 3).
    velocities
        Å/fs, shape (t, n, 3).
    """
    number, n = members[0].shape[:2]
    tensors = [one for frame in members for one in frame]
    found = rates(tensors, np.repeat(velocities, number, axis=0), [np.ones((1, n))] * len(tensors))
    return found.reshape(len(members), number, *found.shape[2:])


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
    for again in iter(lambda: list(islice(bare, FRAMES_AT_ONCE)), []):
        pass_.add_velocities(again)
    stored = time.monotonic()
    try:
        for frame in predicted:
            pass_.add(frame)
            if len(pass_.rows) == ROWS_PER_PART or time.monotonic() - stored > SECONDS_PER_PART:
                pass_.contract()
                store.append(pass_.part())
                stored = time.monotonic()
    finally:
        try:
            pass_.contract()
        finally:
            if pass_.rows:
                store.append(pass_.part())
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
        velocity_blocks=pass_.velocity_blocks(),
        velocity_block_frames=pass_.correlators[0].block,
        differenced=differenced,
        n_atoms=len(pass_.masses),
        species_temperature=pass_.species_temperature(store.column("kinetic", limit)[everything]),
        counts=dict(zip(grouping.group_names, store.column("count", limit)[everything].T, strict=True)),
        molecular=grouping.share is not None,
        cell=pass_.mean_cell(),
        origin=store.identity,
        member_rates={name: store.column(column, limit) for name in targets if store.has(column := f"{name}{MEMBERS}")},
    )


class _Pass:
    """What the frames of one trajectory have in common, the part in the making, the running velocity correlation."""

    def __init__(self, targets: Sequence[str], grouping: Grouping, lags: int) -> None:
        self.targets, self.grouping, self.lags = targets, grouping, lags
        self.waiting: list[Frame] = []
        self.rows: list[dict[str, Array]] = []
        self.masses: Array = np.empty(0)
        self.species: tuple[str, ...] = ()
        self.places: list[Array] = []
        self.correlators: list[Correlator] = []
        self.cells, self.n_frames = np.zeros((3, 3)), 0

    def add(self, frame: Frame) -> None:
        """Take a frame with tensors; a few are contracted at once."""
        self.waiting.append(frame)
        if len(self.waiting) == FRAMES_AT_ONCE:
            self.contract()

    def part(self) -> dict[str, Array]:
        """Return the rows since the last part as one, arrays (t, ...) by name."""
        rows, self.rows = self.rows, []
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}

    def add_velocities(self, frames: Sequence[Frame]) -> Array:
        """Return the velocities without drift, shape (t, n, 3), after counting them in."""
        if any(frame.velocities is None for frame in frames):
            raise SpectrumError("a frame has no velocities")
        if not len(self.masses):
            self.masses = frame_masses(frames[0])
            species = Grouping.by_species(frames[0].numbers)
            self.species, self.places = species.names, [np.flatnonzero(one) for one in species.weights(frames[0])]
            self.correlators = [Correlator(self.lags) for _ in self.species]
        self.cells, self.n_frames = self.cells + sum(frame.cell for frame in frames), self.n_frames + len(frames)
        velocities = without_drift(np.array([frame.velocities for frame in frames]), self.masses)
        weighted = (np.sqrt(self.masses)[:, None] * velocities).astype(np.float32)  # a window of all atoms is kept
        for correlator, places in zip(self.correlators, self.places, strict=True):
            correlator.add(weighted.take(places, axis=1).reshape(len(frames), 1, -1))
        return velocities

    def contract(self) -> None:
        """Put what is kept of the waiting frames into a row."""
        frames, self.waiting = self.waiting, []
        if not frames:
            return
        velocities = self.add_velocities(frames)
        weights = [self.grouping.weights(frame) for frame in frames]
        row = {name: rates([frame.tensors[name] for frame in frames], velocities, weights) for name in self.targets}
        for name, values in row.items():
            finite = np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
            if not finite.all():
                raise SpectrumError(
                    f"frame at {frames[int(finite.argmin())].time:g} fs: the {name.upper()} gives a rate that is not a "
                    "number; look for atoms that lie on top of each other"
                )
        for name in self.targets:
            if all(name in frame.members for frame in frames):
                row[f"{name}{MEMBERS}"] = member_rates([frame.members[name] for frame in frames], velocities)
        row["count"] = np.array([self.grouping.counts(one) for one in weights])
        row["volume"] = np.array([frame.volume for frame in frames])
        row["kinetic"] = np.stack(
            [
                np.einsum("n,tnx,tnx->t", self.masses[places], velocities[:, places], velocities[:, places])
                for places in self.places
            ],
            axis=1,
        )
        row["temperature"] = kinetic_temperature(velocities, self.masses)
        self.rows.append(row)

    def species_temperature(self, kinetic: Array) -> Array:
        """Return Σ m v² / (f k_B) of each species, shape (t, species), from Σ m v² in u (Å/fs)².

        f = 3 (n_s - m_s/m): without drift ⟨v²⟩ of an atom is 3 k_B T (1/m_n - 1/m).
        """
        shares = [self.masses[places].sum() / self.masses.sum() for places in self.places]
        freedom = np.array([3 * (len(places) - share) for places, share in zip(self.places, shares, strict=True)])
        return kinetic * MASS_VELOCITY_SQUARED / (BOLTZMANN * np.where(freedom > 0, freedom, 1))

    def mean_cell(self) -> Array:
        return self.cells / self.n_frames

    def velocity_correlation(self) -> Array:
        return np.array([correlator.result()[0, 0] for correlator in self.correlators])

    def velocity_blocks(self) -> Array:
        return np.stack([correlator.blocks()[:, 0, 0] for correlator in self.correlators], axis=1)
