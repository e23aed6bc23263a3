"""`Contraction`: frames with tensors become rates, and what else of them is kept; a function of the frames alone.

    dM/dt = Σ_n P[n]·v_n          dα/dt = Σ_n Q[n]·v_n

(v without the velocity of the centre of mass, unless atoms are fixed). Every number is that of its own frame, to the
last bit, however many frames are contracted together, so that several processes can share out a trajectory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice

import numpy as np

from mimyria.errors import SpectrumError
from mimyria.frame import Array, Frame
from mimyria.molecules import nearest_image
from mimyria.rates.groups import Grouping, GroupWeights, largest_by_name
from mimyria.trajectory.freedom import Freedom
from mimyria.trajectory.kinetics import kinetic_temperature

FRAMES_AT_ONCE = 16
"""Contracted together, with their tensors in memory."""
MEMBERS, SPREADS, POWERS = "_members", "_spreads", "_powers"
"""Suffixes of the checkpoint's columns for the networks of a committee, for how far their tensors are apart, and for
Σ T² of a frame and its |rate|²."""

FEW_GROUPS = 8
"""Of so many the rates are made without those of single atoms, which is faster."""

Row = dict[str, Array]
"""What is kept of t successive frames, arrays (t, ...) by name."""
Rates = Callable[[Sequence[Array]], Array]
"""Makes rates (t, groups, 3, ..., 3) of the tensors of t frames, each (n, 3, ..., 3)."""


def rate(tensor: Array, velocities: Array, weights: GroupWeights) -> Array:
    """Return Σ_n w[g, n] T[n]·v_n of each group g, shape (groups, 3, ..., 3).

    The tensor has shape (n, 3, ..., 3), displacement last, the velocities (Å/fs) shape (n, 3), the weights of the atoms
    in the groups shape (groups, n), dense or sparse.
    """
    return rates_of_groups(velocities[None], [weights])([tensor])[0]


def rates_of_groups(velocities: Array, weights: Sequence[GroupWeights]) -> Rates:
    """Return a function of the tensors of several frames, which gives the `rate` of each, (t, groups, 3, ..., 3).

    The velocities have the shape (t, n, 3).
    """
    if not all(isinstance(of_frame, np.ndarray) and len(of_frame) <= FEW_GROUPS for of_frame in weights):
        return partial(_by_atoms, velocities, weights)
    along = np.ascontiguousarray(velocities.swapaxes(1, 2))
    return partial(_by_rows, np.array(weights, float)[:, :, None] * along[:, None])


def rates_of_parts(parts: Array) -> Rates:
    """Return a function that gives Σ_n T[n]·v^A_n of the parts A of the velocities, (t, groups, n, 3), likewise."""
    return partial(_by_rows, np.ascontiguousarray(parts.swapaxes(2, 3), float))


def _by_rows(parts: Array, tensors: Sequence[Array]) -> Array:
    """Return Σ_n T[n, ..., x] v[A, x, n] from parts of the velocities, shape (t, groups, 3, n).

    One product of matrices for each frame gives Σ_n v[A, x, n] T[n, ..., y] for all x and y; it reads the tensors once,
    as they are, which takes most of the time, so that the terms x ≠ y, which nobody wants, cost little.
    """
    frames, groups, _, n = parts.shape
    both = np.empty((frames, 3 * groups, tensors[0].size // n))
    with np.errstate(invalid="ignore"):  # rates that are not finite are reported later, with their frame
        for moving, tensor, product in zip(parts.reshape(frames, 3 * groups, n), tensors, both, strict=True):
            np.dot(moving, tensor.reshape(n, -1), out=product)
    diagonal = np.einsum("tgxfx->tgf", both.reshape(frames, groups, 3, -1, 3))
    return diagonal.reshape(frames, groups, *tensors[0].shape[1:-1])


def _by_atoms(velocities: Array, weights: Sequence[GroupWeights], tensors: Sequence[Array]) -> Array:
    """Return the same for many groups, from the rates of single atoms."""
    with np.errstate(invalid="ignore"):
        groups = [
            of_frame @ sum(tensor[..., x].reshape(len(tensor), -1) * moving[:, None, x] for x in range(3))
            for of_frame, moving, tensor in zip(weights, velocities, tensors, strict=True)
        ]
    return np.array(groups).reshape(len(groups), -1, *tensors[0].shape[1:-1])


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
    totals = rates_of_groups(np.repeat(velocities, number, axis=0), [np.ones((1, n))] * len(tensors))(tensors)
    return totals.reshape(len(members), number, *totals.shape[2:])


def atom_spread(members: Array) -> Array:
    """Return the standard deviation of the networks' tensors (members, n, 3, ..., 3), root mean square over elements.

    s[n] = √( Σ_x Σ_k (T_k[n, x] - T̄[n, x])² / (K - 1) / elements ), shape (n,).
    """
    return np.asarray(np.sqrt(members.var(axis=0, ddof=1).reshape(members.shape[1], -1).mean(axis=1)))


@dataclass(frozen=True)
class Contraction:
    """Contracts the tensors of successive frames with their velocities."""

    targets: Sequence[str]
    """Names of the tensors."""
    grouping: Grouping
    masses: Array
    """u, shape (n,)."""
    places: Sequence[Array]
    """Indices of the atoms of each species."""
    freedom: Freedom
    n_beads: int = 1
    """How many of the frames are the beads of one, and come one after the other."""
    powers: bool = False
    """Whether the squares of the tensors are wanted, for the rounding of velocities by differences."""

    def velocities(self, frames: Sequence[Frame]) -> Array:
        """Return velocities relative to the centre of mass, shape (t, n, 3)."""
        if any(frame.velocities is None for frame in frames):
            raise SpectrumError("a frame has no velocities; read the frames through `Trajectory`, which makes them")
        return self.freedom.without_drift(np.array([frame.velocities for frame in frames]), self.masses)

    def parts(self, frames: Sequence[Frame], velocities: Array) -> Array | None:
        """Return the parts of velocities (t, n, 3) in the groups, (t, groups, n, 3); None where groups are of atoms."""
        split = self.grouping.parts
        if split is None:
            return None
        return np.array([split(frame, moving) for frame, moving in zip(frames, velocities, strict=True)])

    def __call__(self, frames: Iterator[Frame]) -> Row:
        """Return rates and what else is kept of successive frames, or of beads; a frame without all beads is left out.

        By name, these are the targets, ``kinetic`` Σ m v² of each species, ``count`` of the groups, ``volume``,
        ``cell``, and ``velocities`` and ``parts``, which are for correlation functions; nothing without a frame. A few
        of the frames are in memory at once.
        """
        rows = [self._rates(few) for few in iter(lambda: list(islice(frames, FRAMES_AT_ONCE)), [])]
        row = rows[0] if len(rows) == 1 else _joined(rows)
        if self.n_beads > 1:
            row = self._of_rings(row)
        if not row or not len(row["velocities"]):
            return {}
        for name in self.targets if self.powers else ():
            totals = np.square(row[name].sum(axis=1)).reshape(len(row[name]), -1).sum(axis=1)
            row[f"{name}{POWERS}"] = np.stack([row[f"{name}{POWERS}"], totals], axis=1)
        squares = np.square(row["velocities"]).reshape(len(row["velocities"]), 1, -1)
        row["kinetic"] = (squares @ self.species_masses)[:, 0]  # frame by frame, so that each is rounded by itself
        return row

    @cached_property
    def species_masses(self) -> Array:
        """The mass of every coordinate, u, in the column of its species, zero in the others, shape (3n, species)."""
        columns = [np.bincount(places, self.masses[places], len(self.masses)) for places in self.places]
        return np.stack(columns, axis=1).repeat(3, axis=0)

    def _rates(self, frames: list[Frame]) -> Row:
        velocities = self.velocities(frames)
        weights = [self.grouping.weights(frame) for frame in frames]
        parts = self.parts(frames, velocities)
        contract = rates_of_groups(velocities, weights) if parts is None else rates_of_parts(parts)
        row = {name: contract([frame.tensors[name] for frame in frames]) for name in self.targets}
        if parts is not None:
            row["parts"] = parts
        for name in self.targets:
            finite = np.isfinite(row[name]).all(axis=tuple(range(1, row[name].ndim)))
            if not finite.all():
                raise SpectrumError(
                    f"frame at {frames[int(finite.argmin())].time:g} fs: the {name.upper()} gives a rate that is not a "
                    "number; look for atoms on top of each other, or end before this frame with --frames"
                )
            if self.powers:
                row[f"{name}{POWERS}"] = np.array([np.square(frame.tensors[name]).sum() for frame in frames])
            if all(name in frame.members for frame in frames):
                members = [frame.members[name] for frame in frames]
                row[f"{name}{MEMBERS}"] = member_rates(members, velocities)
                row[f"{name}{SPREADS}"] = np.array(
                    [
                        largest_by_name(self.grouping.names, of_frame, atom_spread(each))
                        for of_frame, each in zip(weights, members, strict=True)
                    ]
                )
        counts = {id(of_frame): self.grouping.counts(of_frame) for of_frame in {id(w): w for w in weights}.values()}
        row["count"] = np.array([counts[id(of_frame)] for of_frame in weights])
        row["cell"] = np.array([frame.cell for frame in frames])
        row["volume"] = abs(np.linalg.det(row["cell"]))
        if self.grouping.centres is not None:
            row["centres"] = np.array(list(map(self.grouping.centres, frames)))
            row["cells"] = row["cell"] * np.array([frame.periodic for frame in frames])[:, :, None]
        row["velocities"] = velocities
        return row

    def _of_rings(self, row: Row) -> Row:
        """Return the means over the beads of each frame."""
        whole = len(row.get("velocities", ())) // self.n_beads * self.n_beads
        row = {name: values[:whole] for name, values in row.items() if whole}
        if "centres" in row:  # of every bead, in the image of the first one
            row["centres"] = beads_together(row["centres"], row["cells"], self.n_beads)
        if row:
            row["bead_temperature"] = kinetic_temperature(row["velocities"], self.masses, self.freedom.total)
        return {name: mean_of_beads(values, self.n_beads) for name, values in row.items()}


def _joined(rows: Sequence[Row]) -> Row:
    """Return the rows one after the other."""
    return {name: np.concatenate([row[name] for row in rows]) for name in (rows[0] if rows else ())}
