"""The pass over a trajectory, from frames with tensors to a `ResponseSeries`; it can be stopped and resumed.

    dM/dt = Σ_n P[n]·v_n          dα/dt = Σ_n Q[n]·v_n

(v without the velocity of the centre of mass, unless atoms are fixed).

The beads of a path integral come one after the other, and the rates are means over them, 1/P Σ_k Σ_n P[n](R_k)·v_nk;
density of states and temperatures are those of the centroid, v_n = 1/P Σ_k v_nk.

Tensors are contracted as they come (`Contraction`), here or in other processes, and none is stored. A checkpoint
(`PartStore`) holds the rates computed so far until the whole series is written, so that a killed pass loses seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain, islice

import numpy as np

from mimyria.elements import frame_masses
from mimyria.errors import SpectrumError
from mimyria.frame import Array, Frame
from mimyria.parallel.stretches import UntilError
from mimyria.rates.checkpoint import Column, PartStore
from mimyria.rates.contraction import FRAMES_AT_ONCE, MEMBERS, POWERS, SPREADS, Contraction, Row, mean_of_beads
from mimyria.rates.correlation import Correlator
from mimyria.rates.groups import Grouping
from mimyria.rates.motion_correlation import MotionCorrelation
from mimyria.rates.series import ResponseSeries
from mimyria.trajectory.beads import each_bead
from mimyria.trajectory.freedom import Freedom, unconstrained
from mimyria.trajectory.kinetics import temperature_of
from mimyria.trajectory.rounding import difference_noise

SECONDS_PER_PART, ROWS_PER_PART = 5.0, 1024
"""A part of the checkpoint is written after either, of rows in memory (one for each contraction)."""


Contract = Callable[[Contraction, Iterator[list[Frame]]], Generator[Row]]
"""Yields what a contraction makes of stretches of frames, in order."""


def response_series(
    done: Iterator[Frame],
    predicted: Iterable[Frame],
    *,
    targets: Sequence[str],
    grouping: Grouping,
    timestep: float,
    lags: int,
    store: PartStore,
    differenced: float = 0.0,
    quantum: float = 0.0,
    freedom: Freedom | None = None,
    limit: int | None = None,
    n_beads: int = 1,
    contract: Contract | None = None,
) -> ResponseSeries:
    """Return the series of one trajectory, resumed from the checkpoint.

    Parameters
    ----------
    done
        The ``store.n_frames`` frames of the checkpoint, without tensors: the correlation of the velocities, of so many
        ``lags``, is not in it and is computed again.
    predicted
        The frames after those, or their beads, with the tensors of ``targets``; without, if ``contract`` adds them.
    targets, grouping, timestep, differenced, quantum
        Names of the targets to contract, and as in `ResponseSeries`.
    freedom
        Degrees of freedom of the atoms; without constraints if not given.
    store, limit
        The checkpoint, and the number of frames to return, if it may hold more.
    n_beads
        How many of the predicted ones are the beads of one frame.
    contract
        Applies the contraction to stretches of frames, which come as lists of their beads, and yields what it makes.
    """
    frames = iter(predicted)
    if (first := next(done, None)) is not None:
        done = chain([first], done)
    elif (first := next(frames, None)) is not None:
        frames = chain([first], frames)
    else:
        raise SpectrumError("the trajectory has no frames in the range of --frames")
    masses, species = frame_masses(first), Grouping.by_species(first.numbers)
    contraction = Contraction(
        targets, grouping, masses, list(map(np.flatnonzero, species.weights(first))),
        freedom or unconstrained(masses), n_beads, powers=differenced > 0 < quantum,
    )  # fmt: skip
    pass_ = _Pass(first, contraction, lags)
    for read in iter(lambda: list(islice(done, FRAMES_AT_ONCE)), []):
        cells = np.array([frame.cell for frame in read])
        parts = contraction.parts(beads := list(each_bead(read)), contraction.velocities(beads))
        moving = () if parts is None else (mean_of_beads(parts, n_beads),)
        pass_.correlate(contraction.velocities(read), cells, *moving)
    saved = time.monotonic()
    try:
        made = contract(contraction, _instants(frames, n_beads)) if contract else _contract(contraction, frames)
        with closing(made) as rows:
            for row in rows:
                pass_.add(row)
                if len(pass_.rows) == ROWS_PER_PART or time.monotonic() - saved > SECONDS_PER_PART:
                    store.append(pass_.part())
                    saved = time.monotonic()
    finally:
        # Also after Ctrl-C or a damaged frame: what has been computed is saved.
        if pass_.rows:
            store.append(pass_.part())
    pass_.correlate(last=True)
    volume, kinetic, count = (store.column(name, limit)[:] for name in ("volume", "kinetic", "count"))
    # The rounding of each bead is its own, so that their mean has a P-th of its power.
    noise = difference_noise(quantum, differenced, timestep, lags) / n_beads if differenced else np.zeros(lags)
    of_velocities = pass_.noise_masses()[:, None] * noise
    correlation = np.array([correlator.result()[0, 0] for correlator in pass_.correlators])
    blocks = np.stack([correlator.blocks()[:, 0, 0] for correlator in pass_.correlators], axis=1)
    pairs, of_motions, of_blocks = pass_.motions.result() if pass_.motions else ((), None, None)
    if of_motions is not None and of_blocks is not None and noise[0]:
        of_pairs = pass_.noise_of_motions(first)[:, None] * noise
        of_motions, of_blocks = of_motions - of_pairs, of_blocks - of_pairs
    rounding = dict(zip(species.names, of_velocities[:, 0] / correlation[:, 0], strict=True)) if noise[0] else {}
    for name in targets if noise[0] else ():
        squares, powers = store.column(f"{name}{POWERS}", limit)[:].mean(axis=0)
        rounding[name] = noise[0] * squares / powers if powers else 0.0
    return ResponseSeries(
        groups=grouping.names,
        timestep=timestep,
        rates={name: store.column(name, limit) for name in targets},
        volume=volume,
        temperature=temperature_of(kinetic.sum(axis=1), pass_.freedom.total),
        velocity_species=species.names,
        velocity_correlation=correlation - of_velocities,
        velocity_blocks=blocks - of_velocities,
        velocity_block_frames=pass_.correlators[0].block,
        motion_pairs=pairs,
        motion_correlation=of_motions,
        motion_blocks=of_blocks,
        differenced=differenced,
        n_atoms=len(pass_.masses),
        species_temperature=temperature_of(kinetic, pass_.of_species) if pass_.freedom.known else None,
        species_scatter=pass_.species_scatter(),
        species_mass=np.array([pass_.masses[places].mean() for places in pass_.places]),
        freedom=pass_.of_species,
        freedom_words=pass_.freedom.words,
        freedom_otherwise={name: pass_.by_species(shares) for name, shares in pass_.freedom.otherwise.items()},
        quantum=quantum,
        rounding={name: float(part) for name, part in rounding.items()},
        counts={} if grouping.parts else dict(zip(grouping.group_names, count.T, strict=True)),
        molecular=grouping.share is not None,
        cell=pass_.cells / pass_.n_frames,
        origin=store.identity,
        centres=store.column("centres", limit) if store.has("centres") else None,
        cells=store.column("cells", limit) if store.has("centres") else None,
        member_rates=_columns(store, targets, MEMBERS, limit),
        member_spreads=_columns(store, targets, SPREADS, limit),
        molecule_mass=grouping.masses,
        normal=grouping.normal,
        n_beads=n_beads,
        bead_temperature=store.column("bead_temperature", limit)[:] if n_beads > 1 else None,
    )


def _columns(store: PartStore, targets: Sequence[str], suffix: str, limit: int | None) -> dict[str, Column]:
    """Return the columns of the targets that have one with such a suffix."""
    return {name: store.column(f"{name}{suffix}", limit) for name in targets if store.has(f"{name}{suffix}")}


NOISE_DRAWS = 64
"""Of random signs; they tell the noise of a motion that 30 molecules have within some 3 %."""
FEWEST_SCATTERED = 5
"""Molecules from whose scatter an error can be told."""


def _contract(contraction: Contraction, frames: Iterator[Frame]) -> Generator[Row]:
    """Yield what a contraction makes of frames with tensors; where one is damaged, first of those before it."""
    sound = UntilError(frames)
    size = max(FRAMES_AT_ONCE // contraction.n_beads, 1) * contraction.n_beads
    while row := contraction(islice(sound, size)):
        yield row
    sound.finish()


def _instants(frames: Iterator[Frame], n_beads: int) -> Iterator[list[Frame]]:
    """Yield the frames, or beads, of every instant; those of the last one are left out where some are missing."""
    while len(instant := list(islice(frames, n_beads))) == n_beads:
        yield instant


class _Pass:
    """The state of a pass: rows waiting for the checkpoint, energies and correlations of the velocities."""

    def __init__(self, first: Frame, contraction: Contraction, lags: int) -> None:
        self.contraction, self.masses, self.freedom = contraction, contraction.masses, contraction.freedom
        self.places = contraction.places
        self.rows: list[Row] = []
        self.waiting: list[tuple[Array, ...]] = []
        self.energies = np.zeros(len(self.masses))
        self.correlators = [Correlator(lags) for _ in self.places]
        self.motions: MotionCorrelation | None = None
        if contraction.grouping.parts is not None:
            weights = contraction.grouping.weights(first)
            self.motions = MotionCorrelation(contraction.grouping, weights, self.masses, lags)
        self.cells, self.n_frames = np.zeros((3, 3)), 0

    def add(self, row: Row) -> None:
        """Add a row of the contraction."""
        parts = [row.pop("parts")] if "parts" in row else []
        self.correlate(row.pop("velocities"), row.pop("cell"), *parts)
        self.rows.append(row)

    def part(self) -> Row:
        """Return the rows since the last part, joined to arrays (t, ...) by name."""
        rows, self.rows = self.rows, []
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}

    def correlate(self, *moving: Array, last: bool = False) -> None:
        """Add velocities (t, n, 3), cells (t, 3, 3) and any parts of the velocities to means and correlations.

        They are added by `FRAMES_AT_ONCE`, counted from the first: sums have the same rounding however frames came.
        The last ones may be fewer.
        """
        self.waiting += [moving] if moving else []
        length = sum(len(each[0]) for each in self.waiting)
        if not length or (length < FRAMES_AT_ONCE and not last):
            return
        joined = tuple(np.concatenate(each) for each in zip(*self.waiting, strict=True))
        whole = length if last else length - length % FRAMES_AT_ONCE
        self.waiting = [tuple(array[whole:].copy() for array in joined)]
        for start in range(0, whole, FRAMES_AT_ONCE):
            velocities, cells, *parts = (array[start : min(start + FRAMES_AT_ONCE, whole)] for array in joined)
            if self.motions is not None:
                self.motions.add(*parts)
            self.cells, self.n_frames = self.cells + cells.sum(axis=0), self.n_frames + len(cells)
            weighted = np.sqrt(self.masses)[:, None] * velocities
            self.energies += np.square(weighted).sum(axis=0).sum(axis=1)
            weighted = weighted.astype(np.float32)  # halves the memory
            for correlator, places in zip(self.correlators, self.places, strict=True):
                correlator.add(weighted.take(places, axis=1).reshape(len(cells), 1, -1))

    def by_species(self, of_atoms: Array) -> Array:
        """Return the sum over the atoms of each species, shape (species,), of values (n,)."""
        return np.array([of_atoms[places].sum() for places in self.places])

    @property
    def of_species(self) -> Array:
        """Degrees of freedom of each species, shape (species,)."""
        return self.by_species(self.freedom.of_atoms)

    def noise_masses(self) -> Array:
        """Return Σ m ⟨w'²⟩/⟨w²⟩ of each species, u, for white noise w of every coordinate, w' without its drift.

        w'_n = w_n - Σ_k m_k w_k/M          ⟨w'_n²⟩ = ⟨w²⟩ (1 - 2 m_n/M + Σ_k m_k²/M²)
        """
        share = self.masses / self.masses.sum() * self.freedom.drifts
        return self.by_species(3 * self.masses * (1 - 2 * share + np.square(share).sum()))

    def noise_of_motions(self, first: Frame) -> Array:
        """Return Σ m ⟨w^A·w^B⟩/⟨w²⟩ of each pair of motions, u, as `noise_masses`, from random signs in place of w.

        Σ m w² is that of any other signs, but for the drift: the pairs add up to the species.
        """
        generator = np.random.default_rng(0)
        grouping = self.contraction.grouping
        probe = MotionCorrelation(grouping, grouping.weights(first), self.masses, lags=1, block=1)
        for _ in range(NOISE_DRAWS):  # one by one: of a large box the parts of a single frame are many
            signs = generator.choice((-1.0, 1.0), (1, len(self.masses), 3))
            white = self.freedom.without_drift(signs, self.masses)
            probe.add(np.asarray(self.contraction.parts([first], white)))
        return probe.result()[1][:, 0]

    def species_scatter(self) -> Array:
        """Return the standard error of the mean temperature of each species, K, from the scatter between molecules.

        However slowly energy goes from one vibration to another, molecules are independent. With weights f_n, and
        residuals r = Σ_n (Σ m v²/k_B - f_n T) of each of N molecules, the error is √(Σ r² N/(N - 1))/Σ f_n. It is also
        computed with atoms in place of molecules, for few large ones; the larger counts. It is NaN for fewer than five.
        """
        degrees = self.freedom.of_atoms
        mean = temperature_of(self.energies / self.n_frames, 1.0)
        found = []
        for places, whole in zip(self.places, self.of_species, strict=True):
            residuals = mean[places] - degrees[places] * mean[places].sum() / max(whole, 1e-9)
            errors = [np.nan]
            for units in (places, self.freedom.molecules[places]):
                sums = np.bincount(np.unique(units, return_inverse=True)[1], residuals)
                if len(sums) >= FEWEST_SCATTERED:
                    errors.append(np.sqrt(np.square(sums).sum() * len(sums) / (len(sums) - 1)) / max(whole, 1e-9))
            found.append(np.nanmax(errors) if len(errors) > 1 else np.nan)
        return np.array(found)
