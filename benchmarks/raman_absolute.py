"""The absolute Raman cross section of N2 gas at the level of labels, in a static field and in that of the laser.

    python benchmarks/raman_absolute.py pbe def2-tzvpd

α(ω) of three bond lengths by the linear response of Kohn-Sham theory (PySCF), α = -2 d·(X + Y) of real orbitals with

    A X + B Y - ω X = -d        B X + A Y + ω Y = -d        d_ia = <i|r|a>

At ω = 0 that is what forces in static fields give. The vibration is harmonic, at the measured ν:

    dσ/dΩ = (2π ν_s)⁴ ħ/(4πc ν μ) · (a'² + k γ'²)        k = 0: the trace, most of the Q branch; 7/45: the band at 90°

To compare with: `RESULTS.md` has the measured cross section of the Q branch, and says that its source is not verified.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np
from scipy import constants
from scipy.sparse.linalg import LinearOperator, gmres

from mimyria.engines.pyscf import PySCF
from mimyria.frame import Array
from mimyria.units import ANGSTROM, BOHR

ENGINE = PySCF()
"""Converges as labels do."""
LASERS = (488.0, 514.5, 532.0)
BOND, STEP, WAVENUMBER, MASS = 1.0977, 0.01, 2330.0, 7.0015
"""Å, Å, cm⁻¹, u; measured."""
HARTREE = constants.physical_constants["hartree-inverse meter relationship"][0] * constants.centi


def polarizabilities(
    atoms: str, functional: str, basis: str, frequencies: Sequence[float], cations: Sequence[Array] = ()
) -> Array:
    """Return α (a0³) of a molecule (PySCF's notation, Å) at frequencies (E_h), shape (frequencies, 3, 3).

    Cations are points of charge +1 at these places (Å), and the molecule has the opposite charge.
    """
    from pyscf import dft, gto, qmmm
    from pyscf.tdscf.rhf import TDHF

    method = dft.RKS(gto.M(atom=atoms, basis=basis, charge=-len(cations), verbose=0), xc=functional)
    if cations:
        method = qmmm.mm_charge(method, np.array(cations), np.ones(len(cations)))
    method.conv_tol, method.conv_tol_grad, method.grids.level = ENGINE.convergence, ENGINE.gradient, ENGINE.grid
    method.kernel()
    filled = method.mo_occ > 0
    orbitals = method.mo_coeff[:, filled], method.mo_coeff[:, ~filled]
    dipole = np.einsum("aij,ip,jq->apq", method.mol.intor("int1e_r"), *orbitals).reshape(3, -1)
    times_matrix, diagonal = TDHF(method).gen_vind()  # (AX + BY, -BX - AY); the differences of orbital energies, ±
    found = np.zeros((len(frequencies), 3, 3))
    for tensor, frequency in zip(found, frequencies, strict=True):
        for axis in range(3):
            both = response(times_matrix, diagonal, dipole[axis], frequency)
            tensor[:, axis] = -2 * np.tile(dipole, 2) @ both
    return found


def response(times_matrix: Callable[[Array], Array], diagonal: Array, field: Array, frequency: float) -> Array:
    """Return (X, Y) of a perturbation."""
    signs = np.repeat([1.0, -1.0], len(field))

    def matrix(both: Array) -> Array:
        return np.asarray(times_matrix(both[None])[0] * signs - frequency * signs * both)

    def guess(both: Array) -> Array:
        return np.asarray(both * signs / (diagonal - frequency))

    shape = (diagonal.size, diagonal.size)
    operators = [LinearOperator(shape, function, dtype=float) for function in (matrix, guess)]
    found, failed = gmres(operators[0], -np.tile(field, 2), M=operators[1], rtol=1e-7, restart=60)
    if failed:
        sys.exit(f"the response at {frequency} E_h does not converge")
    return np.asarray(found)


def cross_sections(slope: Array, laser: float) -> tuple[float, float]:
    """Return those of the trace and of the whole band, cm²/sr, from ∂α/∂r (3, 3) in a0²."""
    hbar, light = constants.hbar / constants.erg, constants.c / constants.centi
    mass = MASS * constants.atomic_mass * constants.kilo
    mean, anisotropy = np.trace(slope) / 3, slope[2, 2] - slope[0, 0]
    scale = (2 * np.pi * (1e7 / laser - WAVENUMBER)) ** 4 * hbar / (4 * np.pi * light * WAVENUMBER * mass)
    scale *= (BOHR * ANGSTROM) ** 4
    return scale * mean**2, scale * (mean**2 + 7 / 45 * anisotropy**2)


def main() -> None:
    """Print the table."""
    functional, basis = sys.argv[1:3] if len(sys.argv) > 2 else ("pbe", "def2-tzvpd")
    frequencies = [0.0, *(1e7 / laser / HARTREE for laser in LASERS)]
    short, long = (
        polarizabilities(f"N 0 0 0; N 0 0 {BOND + d}", functional, basis, frequencies) for d in (-STEP, STEP)
    )
    slopes = (long - short) / (2 * STEP) * BOHR
    print("| laser, nm | field | a', a0² | trace, cm²/sr | whole band, cm²/sr |\n|---|---|---|---|---|")
    for laser, dynamic in zip(LASERS, slopes[1:], strict=True):
        for field, slope in (("static", slopes[0]), ("of the laser", dynamic)):
            trace, band = cross_sections(slope, laser)
            print(f"| {laser:g} | {field} | {np.trace(slope) / 3:.3f} | {trace:.3g} | {band:.3g} |")


if __name__ == "__main__":
    main()
