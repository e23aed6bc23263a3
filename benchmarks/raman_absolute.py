"""Absolute Raman cross sections of the stretches of free molecules, N2 and H2O, beside measurement.

    python benchmarks/raman_absolute.py --functional pbe --basis def2-tzvpd

The derivatives of the polarizability come from `mimyria label` with PySCF (static fields), the vibrations are harmonic:
of a mass-weighted coordinate q with the measured wavenumber ν

    dσ/dΩ = (2π ν_s)⁴ ħ/(4πc ν) · (a'² + k γ'²)      k = 0: the trace, most of a Q branch; 7/45: the band at 90°

with α as a volume, a' = ∂ᾱ/∂q and γ'² the anisotropy of ∂α/∂q. Those of water are summed over both stretches.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from scipy import constants

import mimyria
from mimyria.elements import masses_of
from mimyria.frame import Array, Frame
from mimyria.units import ANGSTROM, BOHR

LASERS = (488.0, 514.5)
SLOPE = (BOHR * ANGSTROM) ** 3 / ANGSTROM
"""From a0³/Å to cm²."""
MOLECULES: dict[str, tuple[list[int], list[list[float]], float]] = {
    "N2": ([7, 7], [[0, 0, 0], [0, 0, 1.0977]], 2330.0),
    "H2O": ([8, 1, 1], [[0, 0, 0], [0.7572, 0.5865, 0], [-0.7572, 0.5865, 0]], 3700.0),
}
"""Atoms, positions (Å, measured), wavenumber (cm⁻¹; of water the mean of 3657 and 3756)."""


def stretches(frame: Frame) -> tuple[float, float]:
    """Return Σ a'² and Σ γ'² over the stretches, cm⁴/g, of a frame whose first atom is bonded to all others."""
    masses, positions = masses_of(frame.numbers), frame.positions
    root = np.sqrt(masses)[:, None]
    directions = []
    for k in range(1, len(frame)):
        bond = (positions[k] - positions[0]) / np.linalg.norm(positions[k] - positions[0])
        change = np.zeros_like(positions)
        change[0], change[k] = -bond, bond
        directions.append((change / root).ravel())  # s = B·M^(-1/2)
    basis = np.linalg.qr(np.array(directions).T)[0].T.reshape(-1, len(frame), 3) / root
    slopes: Array = np.einsum("nabx,knx->kab", frame.tensors["pgt"], basis) * SLOPE
    gram = constants.atomic_mass * constants.kilo
    mean = np.einsum("kaa->k", slopes) / 3
    rest = slopes - mean[:, None, None] * np.eye(3)
    return float(mean @ mean) / gram, float(1.5 * (rest**2).sum()) / gram


def cross_sections(trace: float, anisotropy: float, wavenumber: float, laser: float) -> list[float]:
    """Return those of the trace, and of the whole band observed at 90° without an analyser, cm²/sr."""
    hbar, light = constants.hbar / constants.erg, constants.c / constants.centi
    scale = (2 * np.pi * (1e7 / laser - wavenumber)) ** 4 * hbar / (4 * np.pi * light * wavenumber)
    return [scale * trace, scale * (trace + 7 / 45 * anisotropy)]


def main() -> None:
    """Label the molecules, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--functional", default="pbe")
    parser.add_argument("--basis", default="def2-tzvpd")
    given = parser.parse_args()
    print("| molecule | level | laser, nm | trace, cm²/sr | whole band, cm²/sr |\n|---|---|---|---|---|")
    for name, (numbers, places, wavenumber) in MOLECULES.items():
        with tempfile.TemporaryDirectory() as folder:
            start = Path(folder) / "start.extxyz"
            free = np.zeros(3, dtype=bool)
            mimyria.write_frames(start, [Frame(np.array(numbers), np.array(places), np.zeros((3, 3)), free)])
            level = {"functional": given.functional, "basis": given.basis}
            out = Path(folder) / "labels.extxyz"
            (frame,) = mimyria.label(start, out, work=Path(folder) / "work", engine="pyscf", set=level)
        parts = stretches(frame)
        for laser in LASERS:
            found = " | ".join(f"{value:.3g}" for value in cross_sections(*parts, wavenumber, laser))
            print(f"| {name} | {given.functional}/{given.basis} | {laser:g} | {found} |")


if __name__ == "__main__":
    main()
