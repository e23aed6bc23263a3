"""How strong methods of electronic structure make a Raman line in a static field: O-H of water, ν1 of sulfate.

    python benchmarks/raman_methods.py METHOD BASIS [CASE...]        METHOD: hf, mp2, ccsd, ccsd(t), or a functional

Labels are of a density functional. What it makes of the mean polarizability α along a stretch, beside coupled cluster,
says how far the strength of a line, I ∝ (∂α/∂r)², is wrong by that. Geometries, and the cations around sulfate, are
those of `raman_light.py`; all methods go one way, by energies in fields F along each axis,

    α_ii = -[E(F_i) + E(-F_i) - 2 E(0)] / F²          ∂α/∂r from bonds ±0.01 Å

so that functionals and coupled cluster are on one footing; electrons of the core are not correlated.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from raman_absolute import STEP
from raman_light import cases_of, cations_of, geometry

from mimyria.frame import Array
from mimyria.units import BOHR

FIELD = 2e-3
"""E_h/(e a0)"""
CORE = {"S": 5, "O": 1}
"""Orbitals of the core."""
CORRELATED = ("mp2", "ccsd", "ccsd(t)")
GRID = 5
"""Level of the grid of functionals."""


def energies(
    atoms: Sequence[tuple[str, Array]], cations: Sequence[Array], name: str, basis: str
) -> Callable[[Array], float]:
    """Return the energy (E_h) as a function of a field (E_h/(e a0), shape (3,)), each from the density before."""
    from pyscf import cc, dft, gto, mp, qmmm, scf

    charge = -len(cations)
    molecule = gto.M(atom=[(element, tuple(place)) for element, place in atoms], basis=basis, charge=charge, verbose=0)
    method: Any = scf.RHF(molecule)
    if name not in (*CORRELATED, "hf"):
        method = dft.RKS(molecule, xc=name)
        method.grids.level = GRID
    if cations:
        method = qmmm.mm_charge(method, np.array(cations), np.ones(len(cations)))
    method.conv_tol, method.conv_tol_grad = 1e-12, 1e-8
    core, dipole = method.get_hcore(), molecule.intor("int1e_r")
    frozen = sum(CORE.get(element, 0) for element, _ in atoms)
    density: Any = None

    def energy(field: Array) -> float:
        nonlocal density
        method.get_hcore = lambda *_: core + np.tensordot(field, dipole, 1)
        method.kernel(density)
        density = method.make_rdm1()
        converged, found = method.converged, method.e_tot
        if name == "mp2":
            found = mp.MP2(method, frozen=frozen).run().e_tot
        elif name in CORRELATED:
            clusters = cc.CCSD(method, frozen=frozen)
            clusters.conv_tol, clusters.conv_tol_normt = 1e-10, 1e-7
            clusters.kernel()
            converged = converged and clusters.converged
            found = clusters.e_tot + (clusters.ccsd_t() if name == "ccsd(t)" else 0.0)
        if not converged:
            sys.exit(f"{name} does not converge in the field {field}")
        return float(found)

    return energy


def mean_polarizability(energy: Callable[[Array], float]) -> float:
    """Return Tr α / 3 in a0³."""
    at_rest = energy(np.zeros(3))
    both = [energy(field) + energy(-field) - 2 * at_rest for field in FIELD * np.eye(3)]
    return -sum(both) / FIELD**2 / 3


def main() -> None:
    """Print the table."""
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    name, basis = (word.lower() for word in sys.argv[1:3])
    print("| method | | ∂α/∂r, static, a0² |\n|---|---|---|")
    for case in cases_of(sys.argv[3:]):
        short, long = (
            mean_polarizability(energies(geometry(case, stretch), cations_of(case), name, basis))
            for stretch in (-STEP, STEP)
        )
        print(f"| {name}/{basis} | {case} | {(long - short) / (2 * STEP) * BOHR:.3f} |", flush=True)


if __name__ == "__main__":
    main()
