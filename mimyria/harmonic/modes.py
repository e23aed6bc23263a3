"""Normal modes from a Hessian: wavenumbers and vectors, with the motions of the whole as a rigid body projected out.

    D = M^{-½} H M^{-½}          Bᵀ D B c_k = ω_k² c_k          e_k = B c_k          x_k = M^{-½} e_k

The columns of B span what is orthogonal to the rigid motions (E. B. Wilson, J. C. Decius and P. C. Cross, Molecular
Vibrations, 1955): three translations and three rotations of a molecule, two rotations if it is linear, none of an
atom; translations alone of a cell, and one rotation of what repeats along one axis only. Of a structure with fixed
atoms, those that leave these where they are; and only the other atoms vibrate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from mimyria.elements import frame_masses
from mimyria.errors import SpectrumError
from mimyria.frame import Array, Frame
from mimyria.units import MILLIDYNE, wavenumber_of

LINEAR = 0.01
"""Å; atoms within this distance (root mean square, by mass) of a line lie on it, and do not turn about it."""


@dataclass(frozen=True)
class Modes:
    """The normal modes of a structure, from the lowest ω² to the highest."""

    eigenvalues: Array
    """ω², eV/(Å² u), shape (modes,)."""
    vectors: Array
    """e_k, mass-weighted and orthonormal, shape (modes, n, 3); zero for fixed atoms."""
    masses: Array
    """Of the atoms, u, shape (n,)."""
    rigid: Array
    """Wavenumbers of the rigid motions that were projected out, cm⁻¹, shape (motions,): how far from zero they are."""
    noise: float
    """Standard error of an element of the Hessian, eV/Å², by its asymmetry."""

    @property
    def wavenumbers(self) -> Array:
        """cm⁻¹, shape (modes,); negative for imaginary ones."""
        return np.array([wavenumber_of(value) for value in self.eigenvalues])

    @property
    def errors(self) -> Array:
        """Standard errors of the wavenumbers by the noise σ of the Hessian: ω² has that of √2 σ Σ_n e_n²/m_n."""
        shares = (self.vectors**2).sum(axis=2) @ (1 / self.masses)
        spread = np.sqrt(2) * self.noise * shares
        above = np.array([wavenumber_of(value) for value in abs(self.eigenvalues) + spread])
        return above - abs(self.wavenumbers)

    @property
    def displacements(self) -> Array:
        """∂R/∂Q_k = x_k, u^-½, shape (modes, n, 3)."""
        return self.vectors / np.sqrt(self.masses)[:, None]

    @property
    def reduced_masses(self) -> Array:
        """1/|x_k|², u, shape (modes,): the mass that moves when the displacements are scaled to length one."""
        return 1 / (self.displacements**2).sum(axis=(1, 2))

    @property
    def force_constants(self) -> Array:
        """ω² times the reduced mass, mdyn/Å, shape (modes,)."""
        return self.eigenvalues * self.reduced_masses * MILLIDYNE


def normal_modes(frame: Frame, hessian: Array, fixed: Array | None = None) -> Modes:
    """Return the normal modes of a structure.

    Parameters
    ----------
    frame
        The structure, with the masses of isotopes if there are any.
    hessian
        ∂²U/∂R∂R, eV/Å², shape (3n, 3n), x, y and z of one atom after the other; what belongs to fixed atoms is not
        looked at.
    fixed
        Which atoms are fixed, shape (n,), bool; None for none.

    Raises
    ------
    SpectrumError
        If the Hessian has another shape, or is not finite, or all atoms are fixed.
    """
    n_atoms = len(frame)
    fixed = np.zeros(n_atoms, dtype=bool) if fixed is None else fixed
    if hessian.shape != (3 * n_atoms, 3 * n_atoms):
        raise SpectrumError(f"the Hessian has the shape {hessian.shape}, but {n_atoms} atoms need {3 * n_atoms} rows")
    if fixed.all():
        raise SpectrumError("all atoms are fixed, so none vibrates")
    masses, free = frame_masses(frame), np.repeat(~fixed, 3)
    kept = hessian[free][:, free]
    if not np.isfinite(kept).all():
        atom = np.flatnonzero(free)[np.argwhere(~np.isfinite(kept))[0, 0]] // 3
        raise SpectrumError(f"the Hessian is not a finite number for atom {atom}; one that it leaves out must be fixed")
    weights = 1 / np.sqrt(np.repeat(masses, 3)[free])
    dynamical = weights[:, None] * (kept + kept.T) / 2 * weights
    rigid = rigid_motions(frame, fixed).reshape(-1, 3 * n_atoms)[:, free]
    basis = scipy.linalg.null_space(rigid) if len(rigid) else np.eye(len(kept))
    values, inside = np.linalg.eigh(basis.T @ dynamical @ basis)
    vectors = np.zeros((len(values), 3 * n_atoms))
    vectors[:, free] = (basis @ inside).T
    residual = np.linalg.eigvalsh(rigid @ dynamical @ rigid.T)
    # H - Hᵀ has the variance 2σ² of an element, their mean σ²/2.
    noise = float(np.sqrt(((kept - kept.T) ** 2).mean() / 4))
    return Modes(
        eigenvalues=values,
        vectors=vectors.reshape(-1, n_atoms, 3),
        masses=masses,
        rigid=np.array([wavenumber_of(value) for value in residual]),
        noise=noise,
    )


def rigid_motions(frame: Frame, fixed: Array) -> Array:
    """Return the mass-weighted motions, orthonormal, shape (motions, n, 3), that keep all distances and fixed atoms."""
    masses = frame_masses(frame)
    arms = frame.positions - masses @ frame.positions / masses.sum()
    shifts = np.broadcast_to(np.eye(3)[:, None], (3, len(frame), 3))
    turns = np.cross(axes_of_rotation(frame)[:, None], arms)
    motions = np.concatenate([shifts, turns])
    if fixed.any():
        held = motions[:, fixed].reshape(len(motions), 3 * fixed.sum())
        motions = np.tensordot(scipy.linalg.null_space(held.T, rcond=1e-6).T, motions, 1)
    weighted = (motions * np.sqrt(masses)[:, None]).reshape(-1, 3 * len(frame))
    _, sizes, rows = np.linalg.svd(weighted, full_matrices=False)
    return rows[sizes > LINEAR * np.sqrt(masses.sum())].reshape(-1, len(frame), 3)


def axes_of_rotation(frame: Frame) -> Array:
    """Return the axes, shape (axes, 3), about which a structure turns without leaving its cell."""
    repeated = frame.cell[frame.periodic]
    if len(repeated) == 0:
        return np.eye(3)
    return repeated / np.linalg.norm(repeated) if len(repeated) == 1 else np.empty((0, 3))


def is_linear(frame: Frame) -> bool:
    """Return whether all atoms of a molecule lie on a line; a single atom does not."""
    return len(frame) > 1 and len(rigid_motions(frame, np.zeros(len(frame), dtype=bool))) == 5
