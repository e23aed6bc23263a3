"""Effective normal modes of molecules in a liquid, as groups: combinations of internal motions, of one frequency each.

The internal velocities of a kind of molecules are ξ = E w, w = √m v, with E = G^(-1/2) B of all internal coordinates B
(`internal`), rows that P.-O. Löwdin's orthogonalisation makes orthonormal at each instant. Their spectra are

    P_ij(ν) = ∫ ⟨ξ_i(0) ξ_j(t)⟩ e^{-iωt} dt          ⟨ξ_i ξ_j⟩ = k_B T δ_ij at equipartition

In a harmonic molecule ξ = A η with the normal modes η, an orthogonal matrix A, and Aᵀ P(ν) A is diagonal at every ν.
In a liquid no matrix does that, and the effective modes are those of the A that comes nearest,

    Σ_ν Σ_{k≠l} [Aᵀ P(ν) A]_kl²  least

by Jacobi rotations (J.-F. Cardoso and A. Souloumiac, SIAM J. Matrix Anal. Appl. 17, 161 (1996)). No Hessian, no minimum
and no temperature enters. M. Martinez, M.-P. Gaigeot, D. Borgis and R. Vuilleumier, J. Chem. Phys. 125, 144106 (2006),
ask for modes localised in frequency; G. Mathias and M. D. Baer, J. Chem. Theory Comput. 7, 2028 (2011), for this.
The part of a mode k in the velocities is w_k = L_kᵀ η_k, with L = Aᵀ E and η = L w.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from mimyria.frame import Array, Frame
from mimyria.molecules import bond_tree, put_together
from mimyria.rates.correlation import Correlator
from mimyria.rates.groups import Grouping
from mimyria.rates.internal import inverse
from mimyria.rates.motions import ROTATION, TRANSLATION, Kind, Split, grouping_of, kinds_of, motions
from mimyria.rates.window import line_shape, window_lags

MODE = "mode"
"""Names the modes of ``H2O_mode1``, by ascending frequency."""
EMPTY = 0.05
"""A combination with less than this part of the mean kinetic energy comes of redundant coordinates, and is no mode."""
SWEEPS, CONVERGED = 100, 1e-10
FRAMES_AT_ONCE = 256


def by_mode(
    first: Frame, bonds: tuple[Array, Array, Array], frames: Iterable[Frame], timestep: float, resolution: float
) -> Grouping:
    """Return the effective modes of all molecules of a frame as groups, found from the velocities of ``frames``.

    The ``bonds`` are those of the ``first`` frame; ``timestep`` (fs) lies between the frames, and the modes are told
    apart with the ``resolution`` (cm⁻¹).
    """
    kinds, tree = kinds_of(first, *bonds), bond_tree(bonds[0], bonds[1], len(first))
    vibrating = [k for k, kind in enumerate(kinds) if not kind.endless and len(kind.masses) > 1]
    correlators = {k: Correlator(window_lags(resolution, timestep)) for k in vibrating}
    waiting: dict[int, list[Array]] = {k: [] for k in vibrating}
    for frame in frames:
        whole = put_together(frame, tree)
        for k in vibrating:
            kind = kinds[k]
            waiting[k].append(
                internal_velocities(kind, whole[kind.atoms], np.asarray(frame.velocities)[kind.atoms])[1].T
            )
            if len(waiting[k]) == FRAMES_AT_ONCE:
                correlators[k].add(np.array(waiting[k]))
                waiting[k] = []
    found = []
    for k, kind in enumerate(kinds):
        if k not in vibrating:
            found.append(motions(kind))
            continue
        if waiting[k]:
            correlators[k].add(np.array(waiting[k]))
        found.append(modes(kind, mixing_of(np.nan_to_num(correlators[k].result()), timestep, resolution)))
    return grouping_of(first, kinds, tree, found, distinct=True)


def internal_velocities(kind: Kind, positions: Array, velocities: Array) -> tuple[Array, Array, Array, Array]:
    """Return E, ξ, w without the centre of mass, and that centre's velocity, of molecules (molecules, n, 3).

    Shapes (molecules, coordinates, 3n), (molecules, coordinates), (molecules, 3n) and (molecules, 1, 3).
    """
    centre = np.einsum("n,mnx->mx", kind.masses, velocities)[:, None] / kind.masses.sum()
    moving = (np.sqrt(kind.masses)[:, None] * (velocities - centre)).reshape(len(velocities), -1)
    rows = np.concatenate(list(kind.coordinates.rows(positions, kind.masses).values()), axis=1)
    basis = inverse(rows, -0.5) @ rows
    return basis, np.einsum("mkx,mx->mk", basis, moving), moving, centre


def mixing_of(correlations: Array, timestep: float, resolution: float) -> Array:
    """Return the A of modes, (coordinates, modes), by ascending frequency, from ⟨ξ_i(0) ξ_j(t)⟩, (i, j, lags)."""
    wavenumber, shapes = line_shape(correlations, timestep, resolution)
    spectra = shapes.transpose(2, 0, 1)
    found = jointly_diagonal(spectra)
    power = np.einsum("ik,nij,jk->kn", found, spectra, found)
    strength = power.sum(axis=1)
    kept = np.flatnonzero(strength > EMPTY * strength.mean())
    frequency = (power[kept] * wavenumber).sum(axis=1) / strength[kept]
    return np.asarray(found[:, kept[np.argsort(frequency)]])


def modes(kind: Kind, mixing: Array) -> tuple[list[str], Split]:
    """Return the names of the modes of a kind of molecules, and the function that splits the velocities into them.

    What is left is rotation, with the very little of redundant coordinates that no mode has.
    """
    names = [TRANSLATION, ROTATION, *(f"{MODE}{k}" for k in range(1, mixing.shape[1] + 1))]
    return names, partial(_split, kind, mixing)


def _split(kind: Kind, mixing: Array, positions: Array, velocities: Array) -> Array:
    root = np.sqrt(kind.masses)[:, None]
    basis, internal, moving, centre = internal_velocities(kind, positions, velocities)
    along = (mixing.T @ basis) * (internal @ mixing)[:, :, None]
    parts = [part.reshape(velocities.shape) / root for part in (moving - along.sum(axis=1), *along.swapaxes(0, 1))]
    return np.array([np.broadcast_to(centre, velocities.shape), *parts])


def jointly_diagonal(matrices: Array) -> Array:
    """Return the orthogonal A, (r, r), that makes Aᵀ P A of all symmetric matrices P, (n, r, r), most nearly diagonal.

    A rotation by θ in the plane k, l makes Σ P_kl² least where, with h = (P_kk - P_ll, 2 P_kl) of each matrix and
    G = Σ h hᵀ, the vector (cos 2θ, sin 2θ) is the eigenvector of G with the larger eigenvalue.
    """
    turned, size = matrices.copy(), matrices.shape[1]
    found = np.eye(size)
    for _ in range(SWEEPS):
        largest = 0.0
        for k in range(size):
            for m in range(k + 1, size):
                h = np.array([turned[:, k, k] - turned[:, m, m], 2 * turned[:, k, m]])
                first, cross, second = (h[0] ** 2).sum(), (h[0] * h[1]).sum(), (h[1] ** 2).sum()
                angle = 0.25 * np.arctan2(2 * cross, first - second)
                largest = max(largest, abs(angle))
                turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
                turned[:, :, [k, m]] = turned[:, :, [k, m]] @ turn
                turned[:, [k, m]] = turn.T @ turned[:, [k, m]]
                found[:, [k, m]] = found[:, [k, m]] @ turn
        if largest < CONVERGED:
            break
    return found
