"""From forces in electric fields to tensors: the stencil of fields and the least-squares Taylor fit.

For one configuration the forces F at the fields E_k are fitted, all runs at once, by

    F(E) ≈ F0 + Σ_α P_α E_α + ½ Σ_αβ Q_αβ E_α E_β          (force E_h/a0, field E_h/(e a0))

whose coefficients are the atomic polar tensor P = ∂F/∂E = ∂M/∂R and the polarizability gradient Q = ∂²F/∂E² = ∂α/∂R.
The design matrix is built from the field vectors as applied, so no convention about their length can go wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mimyria.errors import LabelError
from mimyria.frame import Array
from mimyria.targets import APT, PGT, TARGETS
from mimyria.units import BOHR

PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
"""The six independent αβ of Q, in the order of the columns of the design matrix."""


def stencil(order: int, field: float) -> Array:
    """Return the field vectors of one configuration, E_h/(e a0).

    Parameters
    ----------
    order
        1: zero and ±h along x, y, z (7 runs, the APT). 2: also ± along x+y, x+z, y+z (13 runs, APT and PGT).
    field
        Length h of every field but the zero one; the diagonal fields have components h/√2.
    """
    if order not in (1, 2):
        raise LabelError(f"a stencil of order {order} does not exist; 1 gives the APT, 2 gives APT and PGT")
    if not np.isfinite(field) or field <= 0:
        raise LabelError(f"the field strength must be positive (in E_h/(e a0), 1e-3 is usual), not {field}")
    directions = list(np.eye(3))
    if order == 2:
        directions += [(np.eye(3)[a] + np.eye(3)[b]) / np.sqrt(2) for a, b in PAIRS[3:]]
    signed = [sign * direction for direction in directions for sign in (1.0, -1.0)]
    return field * np.array([np.zeros(3), *signed])


@dataclass(frozen=True)
class FieldFit:
    """Tensors of one configuration with the figures that tell how good they are.

    Parameters
    ----------
    forces
        F0, the force at zero field, E_h/a0, shape (n, 3); NaN where no run without a field separates it from Q.
    tensors
        By target name, in the target's unit; shape (n, 3, 3) and, if the fields determine it, (n, 3, 3, 3).
    residual
        Root mean square of what the fit leaves of the forces, per degree of freedom, E_h/a0;
        NaN where there is none.
    apt_difference
        Largest |P(axis runs) - P(all runs)|, e; NaN where all runs are axis runs.
    translation
        By target name, largest |Σ_n T[n] - what it must be| (``Target.translation_sum``).
    """

    forces: Array
    tensors: dict[str, Array]
    residual: float
    apt_difference: float
    translation: dict[str, float]


def fit_response(fields: Array, forces: Array, charge: float = 0.0) -> FieldFit:
    """Return the tensors that the runs determine, by least squares through all of them.

    Parameters
    ----------
    fields
        Field vectors as applied, E_h/(e a0), shape (runs, 3).
    forces
        E_h/a0, shape (runs, n, 3).
    charge
        Total charge of the configuration, e, for the sum rule.

    Raises
    ------
    LabelError
        If the shapes disagree, a force is not finite, or the fields do not determine the APT.
    """
    fields, forces = np.asarray(fields, dtype=float), np.asarray(forces, dtype=float)
    if fields.ndim != 2 or fields.shape[1] != 3 or forces.ndim != 3 or forces.shape[::2] != (len(fields), 3):
        raise LabelError(f"fields {fields.shape} and forces {forces.shape} should be (runs, 3) and (runs, atoms, 3)")
    bad = np.argwhere(~np.isfinite(forces))
    if len(bad):
        raise LabelError(f"run {bad[0][0]} has a force that is not a number (atom {bad[0][1]}); repeat that run")

    coefficients, determined = _taylor(fields, forces)
    if not determined[1:4].all():
        raise LabelError(f"{len(fields)} runs do not determine the APT; it needs ±h along three independent directions")
    tensors = {APT.name: coefficients[1:4].transpose(1, 0, 2)}
    if determined[4:].all():
        second = np.empty((forces.shape[1], 3, 3, 3))
        for (a, b), value in zip(PAIRS, coefficients[4:], strict=True):
            second[:, a, b] = second[:, b, a] = value / BOHR  # per a0 -> per Å
        tensors[PGT.name] = second

    misfit = forces - np.einsum("kc,cnx->knx", _design(fields), coefficients)
    freedom = len(fields) - int(np.linalg.matrix_rank(_design(fields / _scale(fields))))
    return FieldFit(
        forces=coefficients[0] if determined[0] else np.full_like(coefficients[0], np.nan),
        tensors=tensors,
        residual=float(np.sqrt((misfit**2).sum() / (freedom * misfit[0].size))) if freedom else float("nan"),
        apt_difference=_apt_difference(fields, forces, tensors[APT.name]),
        translation={name: TARGETS[name].translation_error(tensor, charge) for name, tensor in tensors.items()},
    )


def _scale(fields: Array) -> float:
    return float(np.linalg.norm(fields, axis=1).max()) or 1.0


def _design(fields: Array) -> Array:
    """Return the rows [1, E_x, E_y, E_z, ½E_x², ½E_y², ½E_z², E_xE_y, E_xE_z, E_yE_z], shape (runs, 10)."""
    squares = [(0.5 if a == b else 1.0) * fields[:, a] * fields[:, b] for a, b in PAIRS]
    return np.column_stack([np.ones(len(fields)), fields, *squares])


def _taylor(fields: Array, forces: Array) -> tuple[Array, Array]:
    """Return the least-squares coefficients (10, n, 3) and which of the ten the fields determine.

    A coefficient is determined if its unit vector lies in the row space of the design matrix.
    """
    scale = _scale(fields)  # fields of order one keep the ten columns comparable
    design = _design(fields / scale)
    inverse = np.linalg.pinv(design, rcond=1e-10)
    determined = np.isclose(np.diag(inverse @ design), 1.0, atol=1e-8)
    powers = scale ** -np.array([0.0] + [1.0] * 3 + [2.0] * 6)
    return np.einsum("ck,knx->cnx", powers[:, None] * inverse, forces), determined


def _apt_difference(fields: Array, forces: Array, apt: Array) -> float:
    """Return the largest |P(axis runs) - P(all runs)|, e: what the diagonal fields disagree about."""
    axis = np.count_nonzero(fields, axis=1) <= 1
    if axis.all() or not axis.any():
        return float("nan")
    coefficients, determined = _taylor(fields[axis], forces[axis])
    return float(abs(coefficients[1:4].transpose(1, 0, 2) - apt).max()) if determined[1:4].all() else float("nan")
