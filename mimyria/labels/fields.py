"""From forces in electric fields to tensors: the stencil of fields and the least-squares Taylor fit, of any order.

For one configuration the forces F at the fields E_k are fitted, all runs at once, by

    F(E) ≈ F0 + Σ_α P_α E_α + 1/2! Σ_αβ Q_αβ E_α E_β + 1/3! Σ_αβγ R_αβγ E_α E_β E_γ     (force E_h/a0, field E_h/(e a0))

whose coefficients are the tensors of the targets: P = ∂M/∂R, Q = ∂α/∂R, R = ∂β/∂R. A coefficient is symmetric in its
field indices, so an order has one column for each multi-index α ≤ β ≤ ...: 3, 6, 10. The design matrix is built from
the field vectors as applied, so no convention about their length can go wrong.

With D the design, D⁺ its pseudo-inverse, r = (1 - D D⁺) F the misfit, ν the runs less the rank of D, and n the atoms,
the coefficients have the covariance

    s² D⁺ D⁺ᵀ        s² = Σ r² / (3n ν)

Runs at E and -E let the fit fall into even orders, of (F(E) + F(-E))/2, and odd ones, of (F(E) - F(-E))/2, each with s²
and ν of its own. Both hold the noise, and what the fit leaves out of their orders: in fields that suit a PGT, the third
order is much more than the noise, and the fourth much less.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement, permutations, product
from math import factorial, prod

import numpy as np

from mimyria.errors import LabelError
from mimyria.frame import Array
from mimyria.targets import APT, TARGETS

ORDERS = (1, 2, 3)
"""Orders for which there is a `stencil`."""
LOWEST_FIT = 2
"""The fit goes at least to this order: otherwise the second-order part of the runs of an APT would end up in F0."""


def stencil(order: int, field: float) -> Array:
    """Return the field vectors of one configuration, E_h/(e a0): zero, and every other one with both signs.

    ======  ====  ==========================================================================================
    order   runs  fields of length h
    ======  ====  ==========================================================================================
    1       8     x, y, z, and zero again
    2       14    also x+y, x+z, y+z
    3       33    also x-y, x-z, y-z and the four diagonals of the cube, x±y±z; and x, y, z of length h/2
    ======  ====  ==========================================================================================

    Runs of both signs separate even orders from odd ones. At orders 1 and 2 they are just enough for the even ones, so
    zero comes twice, the second time from another start (`engine.is_repeat`): both differ by the noise. On fields of
    one length alone, P and the part of R that is a vector (Σ_β R_αββ) cannot be told apart; the axes at h/2 separate
    them, nearly as well as any other fraction of h would. The truncation error is

    - in P: at most h²/6 R at orders 1 and 2; at order 3, of the fifth derivative V alone, 0.003 h⁴ V
    - in Q: at most h²/8 S, S the fourth derivative, at order 2; h²/12 S at order 3
    - in R: at most h²/12 V

    and the noise σ of a force becomes 0.5 σ/h in P (1.9 σ/h at order 3), 2.4 σ/h² in Q (1.4 σ/h² at order 3) and
    between 2 σ/h³ (R_xyz) and 13 σ/h³ (R_xxx) in R, which therefore wants larger fields. Of the 16 pairs of order 3,
    13 would determine P and R; the quality figures come from the other three.

    Parameters
    ----------
    order
        Of the tensor of the highest order.
    field
        The length h.
    """
    if order not in ORDERS:
        raise LabelError(f"there is no stencil of order {order}, only of orders 1 (APT), 2 (with PGT) and 3 (with HGT)")
    if not np.isfinite(field) or field <= 0:
        raise LabelError(f"the field strength must be positive (in E_h/(e a0), 1e-3 is usual), not {field}")
    cube = sorted((v for v in product((1, 0, -1), repeat=3) if v > (0, 0, 0)), key=np.count_nonzero)  # one of each ±
    directions = {1: cube[:3], 2: [v for v in cube if min(v) == 0 and np.count_nonzero(v) < 3], 3: cube}[order]
    vectors = [np.array(v) / np.linalg.norm(v) for v in directions]
    vectors += [axis / 2 for axis in np.eye(3)] if order == 3 else []
    again = [np.zeros(3)] if order < 3 else []
    return field * np.array([np.zeros(3), *(sign * v for v in vectors for sign in (1.0, -1.0)), *again])


@dataclass(frozen=True)
class FieldFit:
    """Tensors of one configuration with the figures that tell how good they are."""

    forces: Array
    """F0, the force at zero field, E_h/a0, shape (n, 3); NaN where no run without a field separates it from Q."""
    tensors: dict[str, Array]
    """Those that the fields determine, by target name, in the target's unit; shape (n, 3, ..., 3)."""
    residual: float
    """Root mean square misfit of the forces, per degree of freedom, E_h/a0; NaN where there is none."""
    sigmas: dict[str, float]
    """By target name, standard error of an element, root mean square over the elements, in the target's unit; left out
    where the fit leaves no residual."""
    differences: dict[str, float]
    """By target name, largest |T(axis runs) - T(all runs)| of the elements that both determine, in the target's unit;
    left out where the other runs add nothing about these elements."""
    translation: dict[str, float]
    """By target name, largest violation of the acoustic sum rule, ``Target.translation_error``."""


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
        raise LabelError(f"run {bad[0][0]}: the force on atom {bad[0][1]} is not a finite number; repeat that run")
    told = _distinct(fields, forces)
    fields, forces = fields[told], forces[told]

    order = _order(fields)
    # A repeat only tells the noise: runs that start from the first one share its error, which cancels in differences.
    once = _first_of_each(fields)
    derivatives = {k: np.moveaxis(value, -2, 0) for k, value in taylor(fields[once], forces[once]).items()}
    if APT.order not in derivatives:
        raise LabelError(f"{len(fields)} runs do not determine the APT; it needs ±h along three independent directions")
    tensors = {
        target.name: target.atomic_unit * derivatives[target.order]
        for target in TARGETS.values()
        if target.order in derivatives
    }
    misfit, freedom = _misfit(fields, forces, order)
    return FieldFit(
        forces=derivatives.get(0, np.full_like(forces[0], np.nan)),
        tensors=tensors,
        residual=float(np.sqrt((misfit**2).sum() / (freedom * misfit[0].size))) if freedom else float("nan"),
        sigmas=_sigmas(fields, forces, order, list(tensors)),
        differences=_differences(fields, forces, order),
        translation={name: TARGETS[name].translation_error(tensor, charge) for name, tensor in tensors.items()},
    )


def taylor(fields: Array, values: Array) -> dict[int, Array]:
    """Return the derivatives at zero field of values computed in fields, for the orders that these determine.

    Parameters
    ----------
    fields
        Shape (runs, 3).
    values
        Shape (runs, ...); forces, or dipoles.

    Returns
    -------
    By order k the derivative of shape (3, ..., 3, ...), the k field indices first.
    """
    order = _order(fields)
    coefficients, known = np.tensordot(_inverse(fields, order), values, 1), _determined(fields, order)
    derivatives, place = {}, 0
    for k in range(order + 1):
        indices = multi_indices(k)
        columns, place = slice(place, place + len(indices)), place + len(indices)
        if known[columns].all():
            derivatives[k] = np.empty((3,) * k + values.shape[1:])
            for index, value in zip(indices, coefficients[columns], strict=True):
                for permuted in permutations(index):
                    derivatives[k][permuted] = value
    return derivatives


def multi_indices(order: int) -> list[tuple[int, ...]]:
    """Return the field indices α ≤ β ≤ ... of an order: those of the elements that symmetry leaves independent."""
    return list(combinations_with_replacement(range(3), order))


def _columns(order: int) -> list[tuple[int, ...]]:
    """Return the multi-index of each column of the design matrix, by order from zero."""
    return [index for k in range(order + 1) for index in multi_indices(k)]


def _order(fields: Array) -> int:
    """Return the order of the fit: the highest that the fields determine completely, at least `LOWEST_FIT`."""
    return next((k for k in reversed(ORDERS) if k > LOWEST_FIT and _determined(fields, k).all()), LOWEST_FIT)


def _design(fields: Array, order: int) -> Array:
    """Return the monomials E_α E_β .../(n_x! n_y! n_z!), n_x the number of x in the multi-index: (runs, columns)."""
    counts = [[index.count(axis) for axis in range(3)] for index in _columns(order)]
    return np.column_stack([np.prod(fields**n, axis=1) / prod(map(factorial, n)) for n in counts])


def _inverse(fields: Array, order: int) -> Array:
    """Return the matrix from values to least-squares coefficients, shape (columns, runs)."""
    strongest = float(np.linalg.norm(fields, axis=1).max()) or 1.0
    scales = np.array([strongest ** len(index) for index in _columns(order)])  # columns of comparable size
    return np.asarray(np.linalg.pinv(_design(fields, order) / scales, rcond=1e-10) / scales[:, None])


def _determined(fields: Array, order: int) -> Array:
    """Return which coefficients the fields determine: those whose unit vector lies in the row space of the design."""
    return np.isclose(np.diag(_inverse(fields, order) @ _design(fields, order)), 1.0, atol=1e-8)


def _distinct(fields: Array, forces: Array) -> Array:
    """Return the runs without those that repeat another's digits: the program knows no noise, or had the same start."""
    runs = np.hstack([fields, forces.reshape(len(fields), -1)])
    return np.sort(np.unique(runs, axis=0, return_index=True)[1])


def _first_of_each(fields: Array) -> Array:
    """Return the first run in each field."""
    return np.sort(np.unique(fields, axis=0, return_index=True)[1])


def _misfit(fields: Array, forces: Array, order: int, part: Array | None = None) -> tuple[Array, int]:
    """Return r = (1 - D D⁺) F, or a part of it, and its degrees of freedom; ``part`` is a projector that commutes."""
    left = np.eye(len(fields)) - _design(fields, order) @ _inverse(fields, order)
    left = left if part is None else part @ left
    return np.tensordot(left, forces, 1), round(np.trace(left))  # the trace of a projector is its rank


def _parities(fields: Array) -> tuple[Array, Array]:
    """Return the projectors of values (runs) onto those that are even and odd in the field; both 1 without pairs ±E."""
    one, tolerance = np.eye(len(fields)), 1e-9 * abs(fields).max(initial=0)
    opposite = np.all(abs(fields[:, None] + fields) <= tolerance, axis=2)
    zero = ~np.any(fields, axis=1)[:, None]
    mirror = np.where(zero, one, opposite)  # a run without a field is its own opposite, however many there are
    if (mirror.sum(axis=1) != 1).any() or (mirror != mirror.T).any():
        return one, one
    return (one + mirror) / 2, (one - mirror) / 2


def _sigmas(fields: Array, forces: Array, order: int, names: list[str]) -> dict[str, float]:
    """Return `FieldFit.sigmas`: s of the parity of an order, or of the other where the fields leave none of its own."""
    misfits = [_misfit(fields, forces, order, part) for part in _parities(fields)]
    variances = [(misfit**2).sum() / (freedom * misfit[0].size) if freedom else np.nan for misfit, freedom in misfits]
    if not np.isfinite(variances).any():
        return {}
    gains = (_inverse(fields[_first_of_each(fields)], order) ** 2).sum(axis=1)  # the diagonal of D⁺ D⁺ᵀ
    elements = np.array([len({*permutations(index)}) for index in _columns(order)])  # of the tensor, by coefficient
    sigmas = {}
    for target in (TARGETS[name] for name in names):
        own, other = variances[target.order % 2], variances[1 - target.order % 2]
        chosen = np.array([len(index) == target.order for index in _columns(order)])
        gain = np.average(gains[chosen], weights=elements[chosen])
        sigmas[target.name] = target.atomic_unit * float(np.sqrt((own if np.isfinite(own) else other) * gain))
    return sigmas


def _differences(fields: Array, forces: Array, order: int) -> dict[str, float]:
    """Return by target the largest |T(axis runs) - T(all runs)|: how far the diagonal fields disagree."""
    axis = np.count_nonzero(fields, axis=1) <= 1
    if axis.all() or not axis.any():
        return {}
    of_axis, of_all = np.zeros((2, len(_columns(order)), len(fields)))
    of_axis[:, axis], of_all[:] = _inverse(fields[axis], order), _inverse(fields, order)
    alike = np.isclose(of_axis, of_all, atol=1e-8 * abs(of_all).max(axis=1, keepdims=True)).all(axis=1)
    known = _determined(fields[axis], order) & ~alike
    change = abs(np.tensordot(of_axis - of_all, forces, 1)).max(axis=(1, 2))
    length = np.array([len(index) for index in _columns(order)])
    return {
        target.name: float(target.atomic_unit * change[chosen].max())
        for target in TARGETS.values()
        if (chosen := known & (length == target.order)).any()
    }
