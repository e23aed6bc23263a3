"""`Freedom`: the degrees of freedom that constraints leave to each atom.

Constraints g_k(r) = 0 with the Jacobian J = ∂g/∂r allow velocities with J v = 0 only. In mass-weighted velocities
u = M^½ v the allowed ones are the null space of A = J M^-½, onto which

    P = 1 - Aᵀ (A Aᵀ)⁺ A = 1 - M^-½ Jᵀ (J M⁻¹ Jᵀ)⁺ J M^-½

projects. At equilibrium u is Gaussian there, ⟨u uᵀ⟩ = k_B T P, so an atom has ⟨m v²⟩ = k_B T f_n with its share

    f_n = tr P_nn          Σ_n f_n = tr P = 3N - rank A

of the degrees of freedom. Where the total momentum is conserved, P lacks its three directions M^½ x̂ too. As constraints
between atoms do not resist a translation, A M^½ x̂ = J x̂ = 0, and these take 3 m_n/M from f_n, whatever A is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy

from mimyria.frame import Array
from mimyria.molecules import molecules_of
from mimyria.trajectory.kinetics import without_drift

LINEAR = 0.03
"""Width over length below which a body is a line: it has no rotation about itself."""
REDUNDANT = 1e-8
"""Eigenvalues of A Aᵀ below this part of the largest element belong to redundant constraints."""
TINY = 1e-30
"""1/u; where all atoms are fixed, constraints between them are redundant too."""
COLUMNS_AT_ONCE = 512


@dataclass(frozen=True)
class Freedom:
    """The degrees of freedom of the atoms."""

    of_atoms: Array
    """f_n, shape (n,)."""
    molecules: Array
    """Index of the molecule of each atom, shape (n,)."""
    drifts: bool = True
    """Whether the total momentum is conserved: then velocities are taken relative to the centre of mass."""
    reasons: tuple[str, ...] = ()
    """What the constraints are, in words."""
    known: bool = True
    """Whether the shares of the atoms are known, and not only their sum."""
    otherwise: Mapping[str, Array] = field(default_factory=dict)
    """f_n with constraints that could be stated instead, by the word for them."""

    @property
    def total(self) -> float:
        """Σ f_n."""
        return float(self.of_atoms.sum())

    @property
    def words(self) -> str:
        """The count in words: ``609 = 3·306 - 306 by constraints (3 in each of 102 H2O) - 3 of the centre of mass``."""
        n, drift = len(self.of_atoms), 3 * self.drifts
        parts = [f"{self.total:.0f} = 3·{n}"]
        if self.reasons:
            parts.append(f"{3 * n - drift - self.total:.0f} by constraints ({', '.join(self.reasons)})")
        return " - ".join(parts + ["3 of the centre of mass"] * self.drifts)

    def without_drift(self, velocities: Array, masses: Array) -> Array:
        """Return velocities (..., n, 3) relative to the centre of mass; or, if atoms are fixed, with zero for these.

        Some programs store velocities, drawn at the start, of atoms that they do not move.
        """
        if self.drifts:
            return without_drift(velocities, masses)
        return np.asarray(np.where(self.of_atoms[:, None] > 0, velocities, 0.0))


def unconstrained(masses: Array) -> Freedom:
    """Return the degrees of freedom of atoms (masses in u, shape (n,)) without constraints, 3n - 3 in all."""
    return Freedom(3 * (1 - masses / masses.sum()), np.arange(len(masses)))


def lost_freedom(positions: Array, masses: Array, fixed: Array, bodies: Sequence[Array]) -> Array:
    """Return how many degrees of freedom constraints take from each atom of a molecule, shape (k,).

    Parameters
    ----------
    positions, masses
        Å and u, shapes (k, 3) and (k,).
    fixed
        Atoms that do not move, shape (k,), bool; their own three degrees of freedom are not counted here.
    bodies
        Indices of atoms with constant mutual distances: two for a bond, more for a rigid part. They may overlap.
    """
    lost = np.zeros(len(masses))
    first = np.concatenate([np.full(len(body) - 1, body[0]) for body in bodies] or [np.empty(0, dtype=int)])
    last = np.concatenate([body[1:] for body in bodies] or [np.empty(0, dtype=int)])
    groups = molecules_of(first, last, len(masses))
    linked: dict[int, list[Array]] = {}
    for body in bodies:
        linked.setdefault(int(groups[body[0]]), []).append(body)
    for of_group in linked.values():
        atoms = np.unique(np.concatenate(of_group))
        inside = [np.searchsorted(atoms, body) for body in of_group]
        lost[atoms] = _lost_of_group(positions[atoms], masses[atoms], fixed[atoms], inside)
    return lost


def _lost_of_group(positions: Array, masses: Array, fixed: Array, bodies: Sequence[Array]) -> Array:
    """Return `lost_freedom` of atoms that constraints link together."""
    weights = np.sqrt(masses).repeat(3)
    if len(bodies) == 1 and not fixed.any():
        # The null space is known: six motions, five of a line.
        motions = scipy.linalg.orth(weights[:, None] * rigid_motions(positions), rcond=1e-6)
        return np.asarray(3 - np.square(motions).sum(axis=1).reshape(-1, 3).sum(axis=1))
    rows = []
    for body in bodies:
        columns = (3 * body[:, None] + np.arange(3)).ravel()
        resisted = resisted_motions(positions[body])
        place = np.broadcast_to(columns, resisted.shape)
        first = np.repeat(np.arange(len(resisted)), len(columns))
        rows.append(
            [scipy.sparse.csr_array((resisted.ravel(), (first, place.ravel())), shape=(len(resisted), len(weights)))]
        )
    jacobian = scipy.sparse.csr_array(scipy.sparse.block_array(rows) * np.where(fixed.repeat(3), 0, 1 / weights))
    square = jacobian @ jacobian.T
    # A touch of the unit matrix makes the inverse that of the independent constraints.
    inverse = scipy.sparse.linalg.splu(
        (square + max(REDUNDANT * square.max(), TINY) * scipy.sparse.eye_array(square.shape[0])).tocsc()
    )
    lost = np.empty(len(weights))
    for start in range(0, len(weights), COLUMNS_AT_ONCE):
        part = jacobian[:, start : start + COLUMNS_AT_ONCE].toarray()
        lost[start : start + COLUMNS_AT_ONCE] = (part * inverse.solve(part)).sum(axis=0)
    return np.asarray(lost.reshape(-1, 3).sum(axis=1))


def resisted_motions(positions: Array) -> Array:
    """Return the motions that a rigid body resists, orthonormal rows, shape (3k - 6, 3k); one along the bond of two."""
    if len(positions) == 2:
        bond = positions[1] - positions[0]
        return np.asarray(np.concatenate([-bond, bond])[None] / (np.sqrt(2) * np.linalg.norm(bond)))
    return np.asarray(scipy.linalg.null_space(rigid_motions(positions).T, rcond=1e-6).T)


def rigid_motions(positions: Array) -> Array:
    """Return translations and rotations of a rigid body, shape (3k, 6); a rotation about its own line is zero."""
    centred = positions - positions.mean(axis=0)
    _, widths, axes = np.linalg.svd(centred, full_matrices=False)
    if len(positions) == 2 or widths[1] < LINEAR * widths[0]:
        centred = centred @ np.outer(axes[0], axes[0])
    rotations = [np.cross(axis, centred) for axis in np.eye(3)]
    shifts = [np.broadcast_to(axis, positions.shape) for axis in np.eye(3)]
    return np.stack([*shifts, *rotations]).reshape(6, -1).T
