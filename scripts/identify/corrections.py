"""What is known of wavenumbers of GFN2-xTB: by what they are multiplied to be as measured.

A row, as `compute_lines.py` writes it, says what moves in each mode. Wavenumbers become those of B3LYP by factors that
are fitted to QM9; then stretches, by bond, and all other modes, by wavenumber, have further ones for what is not
harmonic and for what B3LYP misses. Intensities are those of the row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mimyria.frame import Array
from mimyria.identify.molecules import Molecule
from mimyria.identify.patterns import GROUPS
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.raman import intensity_scales

SCALE = 0.965
"""Measured wavenumbers over those of B3LYP/6-31G(2df,p), by and large; see `ANHARMONIC` and `BENDS`."""
KNOTS: tuple[int, ...] = (100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100, 1200, 1300, 1400, 1480)
KNOTS += (1560, 1650, 1720, 1800, 2300, 2800, 2900, 3000, 3100, 3200, 3400, 3600)
"""cm⁻¹ of GFN2-xTB; between two of them the factors of wavenumbers change linearly."""
RIDGE = 1.0
"""Modes of a group near a knot whose weight holds its factor near that of modes in which no group moves."""
LOOSE = 1e-6
"""The same of those in which none moves: so little that a knot without modes alone is held at one."""
MATCHED = 0.25
"""Relative difference above which two modes of the same place in order are not the same."""
STRETCHES = {"S-H": 1.06, "S=O": 1.03, "C-Cl": 1.01, "CCl2": 1.08, "C-Br": 1.04, "CBr2": 1.1}
"""Measured wavenumbers over those of GFN2-xTB for stretches that QM9 does not have: S-H from 2580 cm⁻¹, where thiols
have it, in place of 2435; S=O from 1310 and 1145 in place of 1260 and 1120 in sulfones; C-Cl the mean of seven
chlorides, C-Br of eight bands of seven bromides; those of carbons with several halogens lie between the lowest and the
highest of two molecules each, which scatter by a tenth (the table is in `benchmarks/RESULTS.md`)."""
ANHARMONIC = {"O-H": 0.961, "N-H": 0.96, "≡C-H": 0.95, "=C-H": 0.96, "C-H": 0.96}
ANHARMONIC |= {"C≡N": 0.954, "C≡C": 0.954, "C=O": 0.951, "C=N": 0.955, "N=O": 0.932}
"""Measured fundamentals over wavenumbers of B3LYP/6-31G(2df,p), means of water, ammonia, methane, ethane, acetylene,
propyne, HCN, acetonitrile, methanol, ethanol, formaldehyde, acetaldehyde, acetone, glyoxal, formamide (tables such as
T. Shimanouchi's, NSRDS-NBS 39, 1972); of the antisymmetric stretch of nitro groups those of nitromethane (1583 cm⁻¹)
and nitrobenzene (some 1535) over what `Factors` make of GFN2-xTB. Of C=N methanimine has 0.950 (1638 over 1725) and its
N-methyl 0.946 (1659 over 1753); oximes, as liquids, have some 0.96. C=O of esters and acids has none of its own: it is
0.969 in methyl acetate."""
BENDS, FINGERPRINT = 0.979, (1480.0, 1650.0)
"""The same of other modes below the first of two wavenumbers (cm⁻¹), from where it falls linearly to `SCALE` at the
second: the mean of 86 fundamentals of methane, acetylene, HCN, formaldehyde, propyne, acetonitrile, acetaldehyde,
propane, cyclopropane and acetone between 300 and 1560 cm⁻¹ (they scatter by 0.005 above 1400 cm⁻¹, where it is 0.977,
and by 0.04 below 1200)."""
CARBOXYL = ("ester", "carboxylic acid")
LASER, TEMPERATURE, SOFTEST = 532.0, 298.15, 50.0
"""nm, K, and cm⁻¹, below which the intensity of Raman lines no longer rises."""
MOST = 0.6
"""Share of the kinetic energy that a group has at least in its stretches: of double bonds, SO2 and =C-H."""
HYDROGEN, ACETYLENE = 2700.0, 3330.0
SULPHUR, DOUBLE, TRIPLE = (2415.0, 2550.0), (1560.0, 1950.0), (2000.0, 2500.0)
SULFONYL, HALIDE = (1060.0, 1400.0), (450.0, 850.0)
"""cm⁻¹, of GFN2-xTB: stretches of hydrogen are above the first and those of ≡C-H above the second; between are those of
S-H, double bonds, triple bonds, S=O and C-Cl or C-Br, in a molecule that has them."""
STRETCHING = 0.25
"""Part of the kinetic energy that bonds to Cl or Br have at least in a mode that is named after them."""
FLAT = "=C-H"


@dataclass(frozen=True)
class Factors:
    """By what wavenumbers of GFN2-xTB are multiplied to be those of B3LYP/6-31G(2df,p) times `SCALE`.

        ln f = Σ_k h_k(ν) (a_k + Σ_g b_kg s_g)

    h_k(ν) is one at knot k and falls linearly to zero at its neighbours, but for the first and last, beyond which it
    stays; s_g is the share of the kinetic energy of the mode that the atoms of group g have, or hydrogen on O or N.
    """

    coefficients: Array
    """a and b, shape (len(KNOTS) · (1 + len(MOVING)),)."""

    def __call__(self, row: dict[str, Any]) -> Array:
        """Return the factors of the modes of a row, shape (modes,)."""
        return np.exp(_terms(row) @ self.coefficients)


MOVING = (*GROUPS, "polar", "hydroxyl")


def fit_factors(rows: Iterable[dict[str, Any]]) -> Factors:
    """Return the factors that fit best the rows that have frequencies of B3LYP, mode by mode in their order.

    Raises ValueError where there are none.
    """
    size = len(KNOTS) * (1 + len(MOVING))
    square, right = np.zeros((size, size)), np.zeros(size)
    for row in rows:
        found, wanted = np.array(row["wavenumbers"]), frequencies_of(row)
        if wanted is None:
            continue
        same = (found > KNOTS[0]) & (abs(wanted - found) < MATCHED * found)
        terms = _terms(row)[same]
        square += terms.T @ terms
        right += terms.T @ np.log(wanted[same] / found[same])
    if not square.any():
        raise ValueError("no row has frequencies of B3LYP near its own, to which factors could be fitted")
    held = np.where(np.arange(size) < len(KNOTS), LOOSE, RIDGE)
    return Factors(np.linalg.solve(square + np.diag(held), right))


def _terms(row: dict[str, Any]) -> Array:
    """Return h_k and h_k s_g of the modes of a row, shape (modes, len(KNOTS) · (1 + len(MOVING)))."""
    near = np.array([np.interp(row["wavenumbers"], KNOTS, one) for one in np.eye(len(KNOTS))]).T
    moves = np.array([_share(row, name) for name in MOVING]).T
    return np.hstack([near, (near[:, :, None] * moves[:, None]).reshape(len(near), -1)])


def _share(row: dict[str, Any], name: str) -> Array:
    """Return the share of the kinetic energy that the atoms of a group, or of a kind, have, shape (modes,)."""
    return np.array(row[name] if name in row else row["shares"].get(name, np.zeros(len(row["wavenumbers"]))))


def frequencies_of(row: dict[str, Any]) -> Array | None:
    """Return the frequencies of B3LYP times `SCALE` in the order of the modes (cm⁻¹, shape (modes,)).

    None where some are missing, or the geometry of GFN2-xTB is no minimum, whose modes are in another order.
    """
    order = np.argsort(row["wavenumbers"])
    if len(row.get("b3lyp", ())) != len(order) or min(row["wavenumbers"]) < 0:
        return None
    made = np.empty(len(order))
    made[order] = SCALE * np.sort(row["b3lyp"])
    return made


def stretches(row: dict[str, Any]) -> dict[str, Array]:
    """Return which of the modes of a row are stretches, by bond, shape (modes,) each."""
    found = np.array(row["wavenumbers"])
    hydroxyl, polar, carbonyl = (_share(row, name) for name in ("hydroxyl", "polar", "C=O"))
    high = found > HYDROGEN

    def has(*groups: str) -> bool:
        return bool(set(groups) & set(row["groups"]))

    def between(limits: tuple[float, float]) -> Array:
        return (limits[0] < found) & (found < limits[1])

    made = {"O-H": high & (hydroxyl > 0.5), "N-H": high & (polar - hydroxyl > 0.5)}
    made["≡C-H"] = (found > ACETYLENE) & (polar < 0.5) & has("C≡C")
    flat = _share(row, FLAT) > MOST
    carbon = high & ~(made["O-H"] | made["N-H"] | made["≡C-H"])
    made["=C-H"], made["C-H"] = carbon & flat, carbon & ~flat
    made["S-H"] = between(SULPHUR) & has("S-H")
    triple, double = between(TRIPLE) & ~made["S-H"], between(DOUBLE)
    made["C≡N"] = triple & has("nitrile") & (_share(row, "nitrile") >= _share(row, "C≡C"))
    made["C≡C"] = triple & has("C≡C") & ~made["C≡N"]
    carboxyl = sum(_share(row, name) for name in CARBOXYL)
    made["C=O"] = double & (carbonyl > MOST) & (carboxyl <= MOST)
    made["C=N"] = double & (_share(row, "C=N") > MOST) & ~made["C=O"]
    made["N=O"] = double & (_share(row, "nitro") > MOST)
    made["S=O"] = between(SULFONYL) & (_share(row, "SO2") > MOST)
    halides = {name: np.array(share) for name, share in row["stretching"].items()}
    most = np.max([np.full(len(found), STRETCHING), *halides.values()], axis=0)
    for name, share in halides.items():
        made[name] = between(HALIDE) & (share >= most)
    return made


def corrected(row: dict[str, Any], factors: Factors) -> Array:
    """Return the wavenumbers of a row, cm⁻¹, as those of B3LYP times `SCALE`, each by what moves, shape (modes,).

    Those of `STRETCHES` are as measured.
    """
    factor = factors(row)
    for name, those in stretches(row).items():
        if name in STRETCHES:
            factor[those] = STRETCHES[name]
    return np.array(row["wavenumbers"]) * factor


def stokes(wavenumbers: Array) -> Array:
    """Return the Stokes intensity of Raman lines over their activity, which spectrometers show, shape (modes,).

    It makes lines at 500 cm⁻¹ four times as strong as at 1500.
    """
    found = np.maximum(wavenumbers, SOFTEST)
    return intensity_scales(found, Conditions(TEMPERATURE, LASER))["stokes"][0]


def molecule_of(row: dict[str, Any], groups: tuple[str, ...], factors: Factors, frequencies: str = "b3lyp") -> Molecule:
    """Return the molecule of a row; ``frequencies`` chooses QM9's own, in the same order, where all are there."""
    own = frequencies_of(row) if frequencies == "b3lyp" else None
    wavenumbers = corrected(row, factors) if own is None else own
    scale = np.interp(wavenumbers, FINGERPRINT, (BENDS, SCALE))
    for name, those in stretches(row).items():
        scale[those] = ANHARMONIC.get(name, SCALE)  # those of `STRETCHES` are as measured
    wavenumbers *= scale / SCALE
    lines: dict[str, Array] = {
        "infrared": np.array(row["ir"]),
        "raman": np.array(row["raman"]) * stokes(wavenumbers),
    }
    has = np.array([name in row["groups"] for name in groups])
    acid = "carboxylic acid" in row["groups"]
    shares = np.array([_share(row, name) for name in groups])
    hydroxyl = np.array(row["hydroxyl"])
    return Molecule(wavenumbers, lines, np.array(row["polar"]), has, acid, row["smiles"], hydroxyl, shares)
