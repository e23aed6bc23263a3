"""How much stronger the light of a laser makes a Raman line than a static field does: O-H of water, ν1 of sulfate.

    python benchmarks/raman_light.py pbe def2-svpd [CASE...]

Tensors from forces in static fields are those of light of infinite wavelength. What that misses of a line that is
totally symmetric, I ∝ (∂α/∂q)², is the factor

    f(ω) = [∂α(ω)/∂q]² / [∂α(0)/∂q]²        α the mean polarizability, q the stretch

from the linear response (`raman_absolute.py`) of two geometries, every bond that stretches by ±0.01 Å. Molecules: water
alone, and giving one hydrogen bond and taking one; sulfate between two cations that are points of charge, near and
farther away: with orbitals of their own the functional would lend them its electrons.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from raman_absolute import HARTREE, STEP, polarizabilities

from mimyria.frame import Array
from mimyria.units import BOHR

LASERS = (488.0, 532.0)
BOND, ANGLE = 0.98, np.radians(105.0)
"""Of water in the liquid, Å."""
DISTANCE = 2.85
"""Of oxygens that share a hydrogen bond, Å."""
SULFATE = 1.49
"""Its bonds, Å."""
CASES = {"water": 0.0, "water in three": 0.0, "sulfate, cations at 2.75 Å": 2.75, "sulfate, cations at 3.5 Å": 3.5}
"""Names, and how far the cations are from sulfur, Å."""


def cases_of(asked: Sequence[str]) -> list[str]:
    """Return the cases that were asked for, or all; leave where there is no such one."""
    if unknown := set(asked) - set(CASES):
        sys.exit(f"no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    return list(asked or CASES)


def cations_of(case: str) -> list[Array]:
    """Return the places of the cations (Å), charges +1, along z on both sides of sulfate."""
    return [sign * CASES[case] * np.eye(3)[2] for sign in (1, -1)] if CASES[case] else []


def water(bond: float, origin: Array, first: Array, second: Array) -> list[tuple[str, Array]]:
    """Return the atoms of a water with one bond along `first` and the other in the plane of both."""
    first = first / np.linalg.norm(first)
    across = second - (second @ first) * first
    other = np.cos(ANGLE) * first + np.sin(ANGLE) * across / np.linalg.norm(across)
    return [("O", origin), ("H", origin + bond * first), ("H", origin + bond * other)]


def geometry(case: str, stretch: float) -> list[tuple[str, Array]]:
    """Return the atoms of a case (Å) with the bonds of the molecule in question longer by so much."""
    x, y, z = np.eye(3)
    if case.startswith("water"):
        atoms = water(BOND + stretch, np.zeros(3), z, x)
        if case == "water in three":
            taker, giver = DISTANCE * z, DISTANCE * (-x - y - z) / np.sqrt(3)
            atoms += water(BOND, taker, x + z, z - x) + water(BOND, giver, -giver, y)
        return atoms
    corners = np.array([(1, 1, 1), (-1, -1, 1), (-1, 1, -1), (1, -1, -1)]) / np.sqrt(3)
    return [("S", np.zeros(3)), *(("O", (SULFATE + stretch) * corner) for corner in corners)]


def main() -> None:
    """Print the table."""
    functional, basis = sys.argv[1:3] if len(sys.argv) > 2 else ("pbe", "def2-svpd")
    frequencies = [0.0, *(1e7 / laser / HARTREE for laser in LASERS)]
    columns = " | ".join(f"f at {laser:g} nm" for laser in LASERS)
    print(f"| {functional}/{basis} | ∂α/∂r, static, a0² | {columns} |\n|{'---|' * (2 + len(LASERS))}")
    for case in cases_of(sys.argv[3:]):
        means = []
        for stretch in (-STEP, STEP):
            text = "; ".join(f"{element} {x} {y} {z}" for element, (x, y, z) in geometry(case, stretch))
            alpha = polarizabilities(text, functional, basis, frequencies, cations_of(case))
            means.append(alpha.trace(axis1=1, axis2=2) / 3)
        slopes = (means[1] - means[0]) / (2 * STEP) * BOHR
        factors = " | ".join(f"{(slope / slopes[0]) ** 2:.3f}" for slope in slopes[1:])
        print(f"| {case} | {slopes[0]:.3f} | {factors} |", flush=True)


if __name__ == "__main__":
    main()
