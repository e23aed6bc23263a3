"""Density functional theory of molecules and clusters by PySCF, in a finite field. Isolated systems.

The field E enters the one-electron part as h + E·r and the nuclear energy as -Σ Z E·R. The gradient gets the derivative
of both, -E_a ⟨∇χ_i| r_a |χ_j⟩ and -Z E, so the forces are those of the energy in the field.
"""

from __future__ import annotations

import sys
import warnings
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mimyria.elements import symbols_of
from mimyria.engines.engine import (
    Calculation,
    Configuration,
    Engine,
    FieldRun,
    Task,
    check_isolated,
    is_repeat,
    version_of,
)
from mimyria.errors import LabelError
from mimyria.frame import Array
from mimyria.level import Level
from mimyria.units import BOHR

EXACT, AUTOMATIC = "none", "auto"
"""Values of ``fitting`` that name no basis."""
LOOSEST = 1e-9
"""E_h; the largest ``convergence`` that leaves second differences of forces meaningful."""
GRADIENT = 1 / 30
"""So much further than PySCF alone goes, which leaves 2 % in the PGT of a water. To converge the energy further would
not do as well: the last digits of those of heavier molecules are rounding."""


@dataclass(frozen=True)
class PySCF(Engine):
    """The engine; functional and basis are named as in PySCF."""

    functional: str = "pbe"
    basis: str = "def2-svpd"
    """With diffuse functions: without them the polarizability of a water is a quarter to a half too small."""
    grid: int = 4
    """Level of the integration grid, 0 to 9."""
    convergence: float = 1e-11
    """Of the energy, E_h; the orbital gradient converges to `GRADIENT` times its square root."""
    fitting: str = EXACT
    """Auxiliary basis of density fitting, or ``auto`` for the one that belongs to the basis: a third of the time."""

    @property
    def identity(self) -> dict[str, Any]:
        return {"engine": "PySCF", "version": version_of("pyscf"), "gradient": self.gradient, **asdict(self)}

    @property
    def unstated(self) -> dict[str, Any]:
        return {"fitting": EXACT, "gradient": self.gradient}  # what a looser one did, the figures of the label tell

    @property
    def gradient(self) -> float:
        """To which the orbital gradient converges."""
        return GRADIENT * self.convergence**0.5

    @property
    def summary(self) -> str:
        return f"{self.functional} {self.basis}"

    @property
    def level(self) -> Level:
        return Level("PySCF", self.functional.upper(), self.basis.lower())

    def prepare(self, field: float, order: int) -> None:
        version_of("pyscf")
        from pyscf.dft import libxc

        try:
            libxc.parse_xc(self.functional)
        except (KeyError, ValueError, AttributeError) as error:
            raise LabelError(f"PySCF has no functional={self.functional}; see --set") from error
        if not 0 <= self.grid <= 9:
            raise LabelError(f"grid takes a level from 0 to 9, not {self.grid}; see --set")
        if not 0 < self.convergence <= LOOSEST:
            raise LabelError(
                f"convergence takes a threshold up to {LOOSEST:g} E_h, not {self.convergence:g}: second derivatives "
                "with respect to a small field need it; see --set"
            )

    def check(self, configuration: Configuration) -> None:
        check_isolated(configuration)
        from pyscf.gto import basis
        from pyscf.lib.exceptions import BasisNotFoundError

        named = {"basis": self.basis} | ({} if self.fitting in (EXACT, AUTOMATIC) else {"fitting": self.fitting})
        for symbol in dict.fromkeys(symbols_of(configuration.frame.numbers)):
            for key, name in named.items():
                try:
                    with warnings.catch_warnings(action="ignore"):  # that basis_set_exchange is not installed
                        basis.load(name, symbol)
                except (BasisNotFoundError, KeyError) as error:
                    raise LabelError(f"PySCF has no {key}={name} for {symbol}") from error

    def calculation(self, task: Task) -> Calculation:
        from pyscf import dft, gto

        symbols = symbols_of(task.frame.numbers)
        atoms = list(zip(symbols, (task.frame.positions / BOHR).tolist(), strict=True))
        cores = _effective_cores(self.basis, symbols)
        molecule = gto.Mole()
        molecule.stdout = sys.stdout  # PySCF keeps that of its import, which may be the closed log of another job
        molecule.build(atom=atoms, unit="Bohr", basis=self.basis, ecp=cores, charge=task.charge, verbose=3)
        position = molecule.intor("int1e_r")
        position_gradient = molecule.intor("int1e_irp").reshape(3, 3, molecule.nao, molecule.nao)  # ⟨i| r_a |∇_b j⟩
        charges, places = molecule.atom_charges(), molecule.atom_coords()
        densities: list[Array] = []  # of the first run of this process, and of the latest
        first: list[Any] = []  # the method of the first run: integrals of fitting and the grid are those of all fields
        program = f"PySCF {version_of('pyscf')}"

        def calculate(index: int, field: Array) -> FieldRun:
            method = dft.RKS(molecule, xc=self.functional)
            if self.fitting != EXACT:
                method = method.density_fit(auxbasis=None if self.fitting == AUTOMATIC else self.fitting)
            method.conv_tol, method.grids.level, method.max_cycle = self.convergence, self.grid, 100
            for other in first:
                method.grids = other.grids
                if self.fitting != EXACT:
                    method.with_df = other.with_df
            core = method.get_hcore() + np.einsum("a,aij->ij", field, position)
            nuclear = molecule.energy_nuc() - charges @ places @ field
            method.get_hcore, method.energy_nuc = lambda *_: core, lambda *_: nuclear
            if task.attempt > 1:
                solver = method.newton()  # second order: slow, but it converges, though not to a tighter gradient
            else:
                solver, method.conv_tol_grad = method, self.gradient
            # The first attempt starts from the density of the first run; a bad start may be why it failed. None starts
            # nearer, from densities extrapolated in the field: the self-consistency would end where their errors are.
            start = densities[-1:] if is_repeat(index, field) else densities[:1] * (not task.attempt)
            solver.kernel(start[0] if start else None)
            if not solver.converged:
                raise LabelError(f"PySCF: the SCF did not converge in {method.max_cycle} steps")
            densities[1:] = [solver.make_rdm1()]
            first[:] = first or [method]
            gradient = solver.nuc_grad_method()
            gradient.grid_response = True  # without it the forces do not add up to zero
            bare_core, bare_nuclear = gradient.get_hcore, gradient.grad_nuc
            gradient.get_hcore = lambda mol=None: bare_core(mol) - np.einsum("a,abij->bji", field, position_gradient)
            gradient.grad_nuc = lambda *a, **k: bare_nuclear(*a, **k) - charges[:, None] * field
            forces = -gradient.kernel()
            dipole = np.asarray(solver.dip_moment(unit="AU", verbose=0))
            steps = int(getattr(solver, "cycles", 0) or 0)  # older versions and Newton steps do not count them
            return FieldRun(forces, float(solver.e_tot), dipole, steps, program)

        return calculate


def _effective_cores(basis: str, symbols: list[str]) -> dict[str, str]:
    """Return the effective core potentials that belong to a basis, for the elements for which it has one."""
    from pyscf.gto import basis as library

    cores = {}
    for symbol in dict.fromkeys(symbols):
        with suppress(library.BasisNotFoundError, KeyError):
            if library.load_ecp(basis, symbol):
                cores[symbol] = basis
    return cores
