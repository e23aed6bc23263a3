"""`Target`: what the networks learn, the k-th derivative of the atomic forces with respect to the electric field.

One index order everywhere: the atom first, the field indices next, the displacement of the atom last,

    T[n, α, ..., γ] = ∂^k F_nγ / ∂E_α ∂E_β ...

so that P = ∂M/∂R (order 1), Q = ∂α/∂R (order 2) and R = ∂β/∂R (order 3) differ by one number, and all give their rate
by the same line, ``einsum("n...x,nx->...", T, v)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from mimyria.frame import Array
from mimyria.units import BOHR


def labelled_atoms(tensors: Array) -> Array:
    """Return which atoms have a label, shape (n,): those none of whose elements is NaN, in tensors (n, 3, ..., 3)."""
    return np.asarray(np.isfinite(tensors).all(axis=tuple(range(1, tensors.ndim))))


@dataclass(frozen=True)
class Target:
    """A response tensor of every atom."""

    name: str
    """In files and on the command line."""
    title: str
    order: int
    """Number of field indices k, in which it is symmetric; the tensor of one atom has k + 1 indices."""
    unit: str
    rate_unit: str
    """Unit of Σ T·v with v in Å/fs."""
    ase_property: str
    """Its name among the properties of a calculator of ASE."""
    field: float = 2e-3
    """Field strength of its labels, E_h/(e a0): a compromise between noise and truncation."""
    aliases: tuple[str, ...] = ()
    """Its names in files of other programs."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor of one atom."""
        return (3,) * (self.order + 1)

    @property
    def index_order(self) -> str:
        """The index order as written in file headers: ``field,displacement``, ``field,field,displacement``."""
        return ",".join(["field"] * self.order + ["displacement"])

    @property
    def flag(self) -> str:
        """The option of its tensors on the command line; the first two orders have one of their own."""
        return f"--{self.name}" if self.order <= PGT.order else f"--tensor {self.name}=FILE"

    @property
    def atomic_unit(self) -> float:
        """∂^k F/∂E^k in atomic units, in ours: ∂M/∂R is in e; of higher orders a.u. per a0 becomes a.u. per Å."""
        return 1.0 if self.order == 1 else 1 / BOHR

    def symmetrise(self, tensors: Array) -> Array:
        """Return the part of tensors (n, 3, ..., 3) that is symmetric in the field indices."""
        orders = [(0, *fields, self.order + 1) for fields in permutations(range(1, self.order + 1))]
        return np.mean([tensors.transpose(order) for order in orders], axis=0)

    def translation_sum(self, charge: float) -> Array:
        """Return Σ_n T[n] of the acoustic sum rule: Q_tot·1 (e) for the APT, zero for every higher order."""
        return charge * np.eye(3) if self.order == 1 else np.zeros(self.shape)

    def translation_error(self, tensors: Array, charge: float) -> float:
        """Return the largest violation |Σ_n T[n] - `translation_sum`|, for tensors of shape (n, 3, ..., 3)."""
        return float(abs(tensors.sum(axis=0) - self.translation_sum(charge)).max())

    def project_translation(self, tensors: Array, charge: float) -> Array:
        """Return tensors (n, 3, ..., 3) with an exact sum rule, its violation subtracted from all atoms equally."""
        return tensors - (tensors.sum(axis=0) - self.translation_sum(charge)) / len(tensors)


APT = Target(
    name="apt",
    title="atomic polar tensor ∂M/∂R",
    order=1,
    unit="e",
    rate_unit="e Å/fs",
    ase_property="born_effective_charges",
    aliases=("born_effective_charges", "bec", "born_charge", "REF_becs", "REF_bec", "BEC"),
)
PGT = Target(
    name="pgt",
    title="polarizability gradient tensor ∂α/∂R",
    order=2,
    unit="e^2 a0^2/(Eh Angstrom)",
    rate_unit="e² a0² E_h⁻¹ fs⁻¹",
    ase_property="polarizability_gradient",
)
HGT = Target(
    name="hgt",
    title="first hyperpolarizability gradient tensor ∂β/∂R",
    order=3,
    unit="e^3 a0^3/(Eh^2 Angstrom)",
    rate_unit="e³ a0³ E_h⁻² fs⁻¹",
    ase_property="hyperpolarizability_gradient",
    field=8e-3,
)

TARGETS = {target.name: target for target in (APT, PGT, HGT)}
