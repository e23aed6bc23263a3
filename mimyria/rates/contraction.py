"""`Contraction`: frames with tensors become rates, and what else of them is kept; a function of the frames alone.

    dM/dt = Σ_n P[n]·v_n          dα/dt = Σ_n Q[n]·v_n

(v without the velocity of the centre of mass, unless atoms are fixed). Every number is that of its own frame, to the
last bit, however many frames are contracted together, so that several processes can share out a trajectory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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

Row = dict[str, Array]
"""What is kept of t successive frames, arrays (t, ...) by name."""


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
        row = {name: np.concatenate([few[name] for few in rows]) for name in (rows[0] if rows else ())}
        if self.n_beads > 1:
            row = self._of_rings(row)
        if not row or not len(row["velocities"]):
            return {}
        for name in self.targets if self.powers else ():
            totals = np.square(row[name].sum(axis=1)).reshape(len(row[name]), -1).sum(axis=1)
            row[f"{name}{POWERS}"] = np.stack([row[f"{name}{POWERS}"], totals], axis=1)
        energies = np.square(row["velocities"]).sum(axis=2) * self.masses
        row["kinetic"] = np.stack([energies.take(places, axis=1).sum(axis=1) for places in self.places], axis=1)
        return row

    def _rates(self, frames: list[Frame]) -> Row:
        velocities = self.velocities(frames)
        weights = [self.grouping.weights(frame) for frame in frames]
        tensors = {name: [frame.tensors[name] for frame in frames] for name in self.targets}
        parts = self.parts(frames, velocities)
        if parts is None:
            row = {name: rates(of_target, velocities, weights) for name, of_target in tensors.items()}
        else:
            row = {name: part_rates(of_target, parts) for name, of_target in tensors.items()} | {"parts": parts}
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
        row["count"] = np.array(list(map(self.grouping.counts, weights)))
        row["volume"] = np.array([frame.volume for frame in frames])
        row["cell"] = np.array([frame.cell for frame in frames])
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
