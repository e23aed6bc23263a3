"""The pass over a trajectory, from frames with tensors to a `ResponseSeries`; it can be stopped and resumed.

    dM/dt = Σ_n P[n]·v_n          dα/dt = Σ_n Q[n]·v_n

(v without the velocity of the centre of mass, unless atoms are fixed).

The beads of a path integral come one after the other, and the rates are means over them, 1/P Σ_k Σ_n P[n](R_k)·v_nk;
density of states and temperatures are those of the centroid, v_n = 1/P Σ_k v_nk.

Tensors are contracted as they come with the frames, and none is stored. A checkpoint (`PartStore`) holds the rates
computed so far until the whole series is written, so that a killed pass loses seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from mimyria.elements import frame_masses
from mimyria.errors import SpectrumError
from mimyria.frame import Array, Frame
from mimyria.molecules import nearest_image
from mimyria.rates.checkpoint import Column, PartStore
from mimyria.rates.correlation import Correlator
from mimyria.rates.groups import Grouping, GroupWeights, largest_by_name
from mimyria.rates.motion_correlation import MotionCorrelation
from mimyria.rates.series import ResponseSeries
from mimyria.trajectory.beads import each_bead
from mimyria.trajectory.freedom import Freedom, unconstrained
from mimyria.trajectory.kinetics import kinetic_temperature, temperature_of
from mimyria.trajectory.rounding import difference_noise

FRAMES_AT_ONCE = 16
"""Contracted together, with their tensors in memory."""
MEMBERS, SPREADS, POWERS = "_members", "_spreads", "_powers"
"""Suffixes of the checkpoint's columns for the networks of a committee, for how far their tensors are apart, and for
Σ T² of a frame and its |rate|²."""
SECONDS_PER_PART, ROWS_PER_PART = 5.0, 1024
"""A part of the checkpoint is written after either, of rows in memory (one for each contraction)."""


def rate(tensor: Array, velocities: Array, weights: GroupWeights) -> Array:
    """Return Σ_n w[g, n] T[n]·v_n of each group g, shape (groups, 3, ..., 3).

    The tensor has shape (n, 3, ..., 3), displacement last, the velocities (Å/fs) shape (n, 3), the weights of the atoms
    in the groups shape (groups, n), dense or sparse.
    """
    return rates([tensor], velocities[None], [weights])[0]


def rates(tensors: Sequence[Array], velocities: Array, weights: Sequence[GroupWeights]) -> Array:
    """Return the `rate` of several frames, shape (t, groups, 3, ..., 3); velocities have the shape (t, n, 3)."""
    stacked = np.array(tensors)
    frames, n, *fields, _ = stacked.shape
    with np.errstate(invalid="ignore"):  # rates that are not finite are reported later, with their frame
        atoms = (stacked.reshape(frames, n, -1, 3) @ velocities[..., None]).reshape(frames, n, -1)
        groups = np.array([of_frame @ atom_rates for of_frame, atom_rates in zip(weights, atoms, strict=True)])
    return groups.reshape(frames, -1, *fields)


def part_rates(tensors: Sequence[Array], parts: Array) -> Array:
    """Return Σ_n T[n]·v^A_n of the parts A of the velocities, (t, groups, n, 3), as `rates`."""
    with np.errstate(invalid="ignore"):
        return np.array(
            [np.tensordot(of, tensor, ((1, 2), (0, -1))) for of, tensor in zip(parts, tensors, strict=True)]
        )


def mean_of_beads(values: Array, n_beads: int) -> Array:
    """Return the means over the beads of each frame, shape (t, ...), from values (t·beads, ...), the beads in turn."""
    whole = len(values) // n_beads
    return np.asarray(values[: whole * n_beads].reshape(whole, n_beads, *values.shape[1:]).mean(axis=1))


def beads_together(centres: Array, cells: Array, n_beads: int) -> Array:
    """Return centres (t·beads, molecules, 3), those of all beads in the periodic image of their first one."""
    first = np.repeat(centres[::n_beads], n_beads, axis=0)
    steps = [nearest_image(*each, np.ones(3)) for each in zip(centres - first, cells, strict=True)]
    return np.asarray(first + np.reshape(steps, first.shape))


def member_rates(members: Sequence[Array], velocities: Array) -> Array:
    """Return the total rate by each network, (t, members, 3, ..., 3), from tensors (members, n, 3, ..., 3)."""
    number, n = members[0].shape[:2]
    tensors = [tensor for frame in members for tensor in frame]
    totals = rates(tensors, np.repeat(velocities, number, axis=0), [np.ones((1, n))] * len(tensors))
    return totals.reshape(len(members), number, *totals.shape[2:])


def atom_spread(members: Array) -> Array:
    """Return the standard deviation of the networks' tensors (members, n, 3, ..., 3), root mean square over elements.

    s[n] = √( Σ_x Σ_k (T_k[n, x] - T̄[n, x])² / (K - 1) / elements ), shape (n,).
    """
    return np.asarray(np.sqrt(members.var(axis=0, ddof=1).reshape(members.shape[1], -1).mean(axis=1)))


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
) -> ResponseSeries:
    """Return the series of one trajectory, resumed from the checkpoint.

    Parameters
    ----------
    done
        The ``store.n_frames`` frames of the checkpoint, without tensors: the correlation of the velocities, of so many
        ``lags``, is not in it and is computed again.
    predicted
        The frames after those, or their beads, with the tensors of ``targets``.
    targets, grouping, timestep, differenced, quantum
        Names of the targets to contract, and as in `ResponseSeries`.
    freedom
        Degrees of freedom of the atoms; without constraints if not given.
    store, limit
        The checkpoint, and the number of frames to return, if it may hold more.
    n_beads
        How many of the predicted ones are the beads of one frame.
    """
    pass_ = _Pass(targets, grouping, lags, freedom, n_beads, powers=differenced > 0 < quantum)
    for frames in iter(lambda: list(islice(done, FRAMES_AT_ONCE)), []):
        cells = np.array([frame.cell for frame in frames])
        parts = pass_.parts(beads := list(each_bead(frames)), pass_.velocities(beads)) if grouping.parts else None
        pass_.correlate(pass_.velocities(frames), cells, parts if parts is None else mean_of_beads(parts, n_beads))
    saved = time.monotonic()
    try:
        for frame in predicted:
            pass_.add(frame)
            if len(pass_.rows) == ROWS_PER_PART or time.monotonic() - saved > SECONDS_PER_PART:
                pass_.contract()
                if pass_.rows:  # none yet, where the beads of a frame take longer
                    store.append(pass_.part())
                    saved = time.monotonic()
    finally:
        # Also after Ctrl-C or a damaged frame: what has been predicted is saved, even if the last frames cannot be.
        try:
            pass_.contract()
        finally:
            if pass_.rows:
                store.append(pass_.part())
    if not store.paths:
        raise SpectrumError("the trajectory has no frames in the range of --frames")
    volume, kinetic, count = (store.column(name, limit)[:] for name in ("volume", "kinetic", "count"))
    # The rounding of each bead is its own, so that their mean has a P-th of its power.
    noise = difference_noise(quantum, differenced, timestep, lags) / n_beads if differenced else np.zeros(lags)
    of_velocities = pass_.noise_masses()[:, None] * noise
    correlation = np.array([correlator.result()[0, 0] for correlator in pass_.correlators])
    blocks = np.stack([correlator.blocks()[:, 0, 0] for correlator in pass_.correlators], axis=1)
    pairs, of_motions, of_blocks = pass_.motions.result() if pass_.motions else ((), None, None)
    rounding = dict(zip(pass_.species, of_velocities[:, 0] / correlation[:, 0], strict=True)) if noise[0] else {}
    for name in targets if noise[0] else ():
        squares, powers = store.column(f"{name}{POWERS}", limit)[:].mean(axis=0)
        rounding[name] = noise[0] * squares / powers if powers else 0.0
    return ResponseSeries(
        groups=grouping.names,
        timestep=timestep,
        rates={name: store.column(name, limit) for name in targets},
        volume=volume,
        temperature=temperature_of(kinetic.sum(axis=1), pass_.freedom.total),
        velocity_species=pass_.species,
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


FEWEST_SCATTERED = 5
"""Molecules from whose scatter an error can be told."""


class _Pass:
    """The state of a pass: frames waiting for contraction, rows waiting for the checkpoint, velocity correlations."""

    def __init__(
        self,
        targets: Sequence[str],
        grouping: Grouping,
        lags: int,
        freedom: Freedom | None,
        n_beads: int,
        *,
        powers: bool,
    ) -> None:
        self.targets, self.grouping, self.lags, self.powers = targets, grouping, lags, powers
        self.freedom = freedom or unconstrained(np.ones(1))  # until the masses are known
        self.given = freedom is not None
        self.energies: Array = np.empty(0)
        self.n_beads = n_beads
        self.waiting: list[Frame] = []
        self.beads: dict[str, Array] = {}
        """Contracted ones of a frame that is not complete, shape (beads, ...) by name."""
        self.rows: list[dict[str, Array]] = []
        self.masses: Array = np.empty(0)
        self.species: tuple[str, ...] = ()
        self.places: list[Array] = []
        self.correlators: list[Correlator] = []
        self.motions: MotionCorrelation | None = None
        self.cells, self.n_frames = np.zeros((3, 3)), 0

    def add(self, frame: Frame) -> None:
        """Add a frame with tensors; several are contracted together."""
        self.waiting.append(frame)
        if len(self.waiting) == FRAMES_AT_ONCE:
            self.contract()

    def part(self) -> dict[str, Array]:
        """Return the rows since the last part, joined to arrays (t, ...) by name."""
        rows, self.rows = self.rows, []
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}

    def velocities(self, frames: Sequence[Frame]) -> Array:
        """Return velocities relative to the centre of mass, shape (t, n, 3)."""
        if any(frame.velocities is None for frame in frames):
            raise SpectrumError("a frame has no velocities; read the frames through `Trajectory`, which makes them")
        if not len(self.masses):
            self.masses = frame_masses(frames[0])
            self.freedom = self.freedom if self.given else unconstrained(self.masses)
            self.energies = np.zeros(len(self.masses))
            species = Grouping.by_species(frames[0].numbers)
            self.species, self.places = species.names, list(map(np.flatnonzero, species.weights(frames[0])))
            self.correlators = [Correlator(self.lags) for _ in self.species]
            if self.grouping.parts is not None:
                weights = self.grouping.weights(frames[0])
                self.motions = MotionCorrelation(self.grouping, weights, self.masses, self.lags)
        return self.freedom.without_drift(np.array([frame.velocities for frame in frames]), self.masses)

    def parts(self, frames: Sequence[Frame], velocities: Array) -> Array:
        """Return the parts of the velocities (t, n, 3) of frames in the groups, shape (t, groups, n, 3)."""
        split = self.grouping.parts
        both = zip(frames, velocities, strict=True)
        return np.empty(0) if split is None else np.array([split(frame, moving) for frame, moving in both])

    def correlate(self, velocities: Array, cells: Array, parts: Array | None) -> None:
        """Add velocities (t, n, 3), and their parts, to the correlations, and cells (t, 3, 3) to their mean."""
        if self.motions is not None and parts is not None:
            self.motions.add(parts)
        self.cells, self.n_frames = self.cells + cells.sum(axis=0), self.n_frames + len(cells)
        self.energies += self.masses * np.square(velocities).sum(axis=(0, 2))
        weighted = (np.sqrt(self.masses)[:, None] * velocities).astype(np.float32)  # halves the memory
        for correlator, places in zip(self.correlators, self.places, strict=True):
            correlator.add(weighted.take(places, axis=1).reshape(len(cells), 1, -1))

    def contract(self) -> None:
        """Contract the waiting frames, or beads, to a row."""
        frames, self.waiting = self.waiting, []
        if not frames:
            return
        velocities = self.velocities(frames)
        weights = [self.grouping.weights(frame) for frame in frames]
        tensors = {name: [frame.tensors[name] for frame in frames] for name in self.targets}
        if self.grouping.parts is None:
            row = {name: rates(of_target, velocities, weights) for name, of_target in tensors.items()}
        else:
            parts = self.parts(frames, velocities)
            row = {name: part_rates(of_target, parts) for name, of_target in tensors.items()} | {"parts": parts}
        squares: dict[str, Array] = {}
        for name in self.targets:
            values = row[name]
            finite = np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
            if not finite.all():
                raise SpectrumError(
                    f"frame at {frames[int(finite.argmin())].time:g} fs: the {name.upper()} gives a rate that is not a "
                    "number; look for atoms on top of each other, or end before this frame with --frames"
                )
            if self.powers:
                squares[f"{name}{POWERS}"] = np.array([np.square(frame.tensors[name]).sum() for frame in frames])
        row |= squares
        for name in self.targets:
            if all(name in frame.members for frame in frames):
                members = [frame.members[name] for frame in frames]
                row[f"{name}{MEMBERS}"] = member_rates(members, velocities)
                row[f"{name}{SPREADS}"] = np.array(
                    [
                        largest_by_name(self.grouping.names, of_frame, atom_spread(tensors))
                        for of_frame, tensors in zip(weights, members, strict=True)
                    ]
                )
        row["count"] = np.array(list(map(self.grouping.counts, weights)))
        row["volume"] = np.array([frame.volume for frame in frames])
        row["cell"] = np.array([frame.cell for frame in frames])
        if self.grouping.centres is not None:
            row["centres"] = np.array(list(map(self.grouping.centres, frames)))
            row["cells"] = row["cell"] * np.array([frame.periodic for frame in frames])[:, :, None]
        row["velocities"] = velocities
        if self.n_beads > 1:
            row["bead_temperature"] = kinetic_temperature(velocities, self.masses, self.freedom.total)
            row = {name: np.concatenate([self.beads.get(name, values[:0]), values]) for name, values in row.items()}
            whole = len(row["velocities"]) // self.n_beads * self.n_beads
            self.beads = {name: values[whole:] for name, values in row.items()}
            if "centres" in row:  # of every bead, in the image of the first one
                row["centres"] = beads_together(row["centres"][:whole], row["cells"][:whole], self.n_beads)
            row = {name: mean_of_beads(values, self.n_beads) for name, values in row.items()}
        velocities = row.pop("velocities")
        if not len(velocities):
            return
        self.correlate(velocities, row.pop("cell"), row.pop("parts", None))
        for name in self.targets if self.powers else ():
            totals = np.square(row[name].sum(axis=1)).reshape(len(velocities), -1).sum(axis=1)
            row[f"{name}{POWERS}"] = np.stack([row[f"{name}{POWERS}"], totals], axis=1)
        # frame by frame in memory: the last bits must not depend on how many are contracted together
        energies = self.masses * np.square(velocities).sum(axis=2)
        row["kinetic"] = np.stack([energies.take(places, axis=1).sum(axis=1) for places in self.places], axis=1)
        self.rows.append(row)

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
