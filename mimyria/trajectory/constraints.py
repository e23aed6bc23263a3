"""Constraints of a run, seen from its first frames: atoms that do not move, and distances that do not change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np

from mimyria.elements import frame_masses
from mimyria.errors import ConfigError, TrajectoryError
from mimyria.frame import Array, Frame
from mimyria.molecules import find_bonds, formula_of, join, molecules_of
from mimyria.trajectory import Trajectory
from mimyria.trajectory.differences import displacement
from mimyria.trajectory.freedom import Freedom, lost_freedom, unconstrained
from mimyria.trajectory.rounding import SINGLE, quantum_of

FRAMES, NUMBERS = 32, 3_000_000
"""At most so many frames, and coordinates in them, are looked at."""
SOLVER = 2e-4
"""Relative scatter of a constrained distance: SHAKE, SETTLE and LINCS solve to 10⁻⁴ or better."""
LARGEST_SCATTER = 0.01
"""Å; stiff bonds scatter by more (N2 at 300 K by 0.013), so that coarser positions do not tell a constraint."""
SMALLEST_PART = 0.05
"""A distance is constant if its allowed scatter is below this part of how far its atoms moved about each other."""
SMALLEST_WAY = 0.03
"""An atom is fixed if it stays within its rounding, and that is below this part of the way of a free atom."""
PAIRS_AT_ONCE, LARGEST_BODY, ANCHORS = 1 << 18, 100, 6
"""Distances at once; atoms up to which all are tried to find rigid parts of a group; beyond, those to a few atoms."""
STATED = ("h-bonds", "rigid")
"""Constraints that can be stated: bonds to hydrogen with rigid water, and rigid molecules."""


@dataclass(frozen=True)
class Kind:
    """Molecules of the same atoms in the same order."""

    atoms: Array
    """Shape (molecules, k)."""
    numbers: Array
    """Atomic numbers, shape (k,)."""
    bonds: Array
    """Of the first of them, shape (bonds, 2), indices 0 to k - 1."""

    @property
    def is_water(self) -> bool:
        """Whether it is H2O."""
        return sorted(self.numbers) == [1, 1, 8]


Bodies = list[Array]
"""Atoms of a molecule with constant mutual distances: two for a fixed bond, more for a rigid part."""


def first_frames(trajectory: Trajectory) -> list[Frame]:
    """Return the first frames of a trajectory as they are stored, possibly none."""
    frames: list[Frame] = []
    most = min(FRAMES, max(NUMBERS // (3 * len(trajectory.numbers)), 2))
    with suppress(TrajectoryError):  # the pass will report it if it uses the damaged frame
        frames.extend(trajectory.pick(range(most)))
    return frames


def find_freedom(frames: Sequence[Frame], asked: str | int = "auto") -> Freedom:
    """Return the degrees of freedom of the atoms of a run.

    Parameters
    ----------
    frames
        The `first_frames`, one or more.
    asked
        ``auto``: as constrained as the first frames look; one of ``STATED``: so constrained, beside atoms that do not
        move; ``none``; or the number of all constraints.

    Raises
    ------
    ConfigError
        If so many constraints leave no motion, or there is no bond that they could fix.
    """
    first, masses = frames[0], frame_masses(frames[0])
    bonds = find_bonds(first)
    molecules = molecules_of(*bonds[:2], len(first))
    free = replace(unconstrained(masses), molecules=molecules)
    if len(first) < 2:
        return free
    if isinstance(asked, int):
        if asked >= free.total:
            raise ConfigError(
                f"--constraints {asked} leaves no motion: {len(first)} atoms have {free.total:.0f} degrees of freedom"
            )
        part = 1 - asked / free.total
        return replace(free, of_atoms=part * free.of_atoms, reasons=("as stated",), known=False)
    rounding = max(quantum_of(frames), SINGLE * float(np.abs(first.positions).max()))
    fixed = _fixed_atoms(frames, masses, rounding)
    whole = _whole(frames, bonds)
    kinds = _kinds(first.numbers, molecules, fixed, bonds)
    count = partial(_count, kinds, whole[0], masses, free, fixed)
    if asked in STATED:
        stated = count(partial(_stated, asked))
        if stated.total == count(lambda _: []).total:
            raise ConfigError(f"--constraints {asked}: there is no bond that this could fix")
        return replace(stated, otherwise={"none": free.of_atoms})
    seen = count(lambda kind: _seen(kind, partial(_constant, whole[:, kind.atoms], rounding)))
    if asked == "none":
        return replace(free, otherwise={"auto": seen.of_atoms} if seen.reasons else {})
    if len(frames) < 2 or rounding**2 / 6 > LARGEST_SCATTER**2:
        # What the positions cannot tell remains possible.
        return replace(seen, otherwise={name: count(partial(_stated, name)).of_atoms for name in STATED})
    return seen


def _whole(frames: Sequence[Frame], bonds: tuple[Array, Array, Array]) -> Array:
    """Return the positions (frames, n, 3), Å, with no molecule of the first frame split by the boundary.

    Atoms keep their lattice shift from frame to frame, but for that by which they jump across the boundary.
    """
    first = frames[0]
    shifts = np.rint((join(first, bonds)[1] - first.positions) @ np.linalg.inv(first.cell))
    whole = [first.positions + shifts @ first.cell]
    for before, now in pairwise(frames):
        jumps = displacement(before, now) - (now.positions - before.positions)
        shifts = shifts + np.rint(jumps @ np.linalg.inv(now.cell))
        whole.append(now.positions + shifts @ now.cell)
    return np.array(whole)


def _fixed_atoms(frames: Sequence[Frame], masses: Array, rounding: float) -> Array:
    """Return which atoms do not move, shape (n,).

    A free atom goes a way that is, but for its mass, that of the others: m ⟨way²⟩ is of the order of theirs.
    """
    steps = [displacement(before, after) for before, after in pairwise(frames)]
    way = np.ptp(np.cumsum([np.zeros((len(masses), 3)), *steps], axis=0), axis=0)
    still = (way <= 1.01 * rounding).all(axis=1)
    if still.all() or len(frames) < 2:
        return np.zeros(len(masses), dtype=bool)
    usual = np.sqrt(np.mean(masses[~still] * np.square(way[~still]).sum(axis=1)) / masses)
    return np.asarray(still & (rounding < SMALLEST_WAY * usual))


def _kinds(numbers: Array, molecules: Array, fixed: Array, bonds: tuple[Array, Array, Array]) -> list[Kind]:
    """Return the molecules of two and more atoms by kind; those with fixed atoms are kinds of their own."""
    order = np.argsort(molecules, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(molecules[order])) + 1)
    same: dict[tuple[bytes, bytes], list[Array]] = {}
    for atoms in members:
        if len(atoms) > 1:
            same.setdefault((numbers[atoms].tobytes(), fixed[atoms].tobytes()), []).append(atoms)
    place = np.empty(len(numbers), dtype=int)
    place[order] = np.concatenate([np.arange(len(atoms)) for atoms in members])
    i, j = (ends[bonds[0] < bonds[1]] for ends in bonds[:2])
    return [
        Kind(
            np.array(of_kind),
            numbers[of_kind[0]],
            place[np.stack([i, j], axis=1)[molecules[i] == molecules[of_kind[0][0]]]],
        )
        for of_kind in same.values()
    ]


def _count(
    kinds: Sequence[Kind],
    positions: Array,
    masses: Array,
    free: Freedom,
    fixed: Array,
    bodies_of: Callable[[Kind], Bodies],
) -> Freedom:
    """Return the degrees of freedom with the constraints that each kind of molecules has."""
    of_atoms, reasons = np.where(fixed, 0.0, 3.0), []
    for kind in kinds:
        one = kind.atoms[0]
        lost = lost_freedom(positions[one], masses[one], fixed[one], bodies_of(kind))
        of_atoms[kind.atoms] -= lost
        if number := round(lost.sum()):
            reasons.append(
                f"{number} in {f'each of {len(kind.atoms)} ' if len(kind.atoms) > 1 else ''}{formula_of(kind.numbers)}"
            )
    if fixed.any():
        return replace(free, of_atoms=of_atoms, drifts=False, reasons=(*reasons, f"{fixed.sum()} atoms do not move"))
    return replace(free, of_atoms=of_atoms - 3 * masses / masses.sum(), reasons=tuple(reasons))


def _stated(name: str, kind: Kind) -> Bodies:
    if name == "rigid" or kind.is_water:
        return [np.arange(len(kind.numbers))]
    return list(kind.bonds[(kind.numbers[kind.bonds] == 1).any(axis=1)])


def _seen(kind: Kind, constant: Callable[[Array], Array]) -> Bodies:
    """Return the bodies of a kind of molecules; ``constant`` tells which pairs (pairs, 2) keep their distance.

    Constraints hold between bonded atoms and across one in between; other distances may follow from these.
    """
    k = len(kind.numbers)
    pairs = near_pairs(kind.bonds, k)
    pairs = pairs[constant(pairs)]
    groups = molecules_of(pairs[:, 0], pairs[:, 1], k)
    bodies: Bodies = []
    for group in np.flatnonzero(np.bincount(groups) > 1):
        atoms = np.flatnonzero(groups == group)
        some = atoms[np.unique(np.linspace(0, len(atoms) - 1, ANCHORS).astype(int))]
        if constant(_all_pairs(some, atoms)).all():
            bodies.append(atoms)
        elif len(atoms) <= LARGEST_BODY:
            every = _all_pairs(atoms, atoms)
            bodies += rigid_parts(every[constant(every)])
        else:
            bodies += list(pairs[groups[pairs[:, 0]] == group])
    return bodies


def near_pairs(bonds: Array, k: int) -> Array:
    """Return the pairs of k atoms, the lower first, that a bond joins or two bonds, from bonds (bonds, 2); sorted."""
    both = np.concatenate([bonds, bonds[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    degree = np.bincount(both[:, 0], minlength=k)
    start = np.cumsum(degree) - degree  # of the bonds of each atom
    times = degree[both[:, 1]]  # every bond is followed by those of the atom that it leads to
    which = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times) + np.repeat(start[both[:, 1]], times)
    pairs = np.concatenate([both, np.stack([np.repeat(both[:, 0], times), both[which, 1]], axis=1)])
    return np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)


def _all_pairs(some: Array, atoms: Array) -> Array:
    pairs = np.stack(np.meshgrid(some, atoms), axis=-1).reshape(-1, 2)
    return np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)


def rigid_parts(pairs: Array) -> Bodies:
    """Return sets of atoms whose mutual distances are all among the constant ones, so many that each pair is in one."""
    near: dict[int, set[int]] = {}
    for a, b in pairs.tolist():
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    parts: list[set[int]] = []
    for a, b in pairs.tolist():
        if any({a, b} <= part for part in parts):
            continue
        part = {a, b}
        for c in sorted(near[a] & near[b]):
            if part <= near[c]:
                part.add(c)
        parts.append(part)
    return [np.array(sorted(part)) for part in parts]


def _constant(whole: Array, rounding: float, pairs: Array) -> Array:
    """Return which distances do not change, shape (pairs,), in molecules of one kind: whole (frames, molecules, k, 3).

    Rounding to multiples of a gives a distance d the variance a²/6, known within √(2/ν) after ν independent looks, the
    solver of the constraints adds (d · 10⁻⁴)². The mean over all molecules counts: of single ones, some are cold.
    """
    frames = len(whole)
    if frames < 2:
        return np.zeros(len(pairs), dtype=bool)
    some = whole[:, : max(PAIRS_AT_ONCE // (frames * max(len(pairs), 1)), 1)]
    looks = (frames - 1) * some.shape[1]
    found = []
    for part in np.array_split(pairs, 1 + frames * len(pairs) // PAIRS_AT_ONCE):
        apart = some[:, :, part[:, 1]] - some[:, :, part[:, 0]]
        distance = np.linalg.norm(apart, axis=-1)
        allowed = rounding**2 / 6 * (1.1 + 4 * np.sqrt(2 / looks)) + (SOLVER * distance.mean(axis=(0, 1))) ** 2
        scatter = distance.var(axis=0, ddof=1).mean(axis=0)
        moved = np.square(apart - apart.mean(axis=0)).sum(axis=-1).mean(axis=(0, 1))
        decided = (allowed < LARGEST_SCATTER**2) & (allowed < SMALLEST_PART**2 * moved)
        found.append(decided & (scatter <= allowed))
    return np.concatenate(found)
