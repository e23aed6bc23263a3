"""What is known of lines of GFN2-xTB: by what wavenumbers and intensities are multiplied to be as measured.

A row, as `compute_lines.py` writes it, says what moves in each mode. Wavenumbers become those of B3LYP by factors that
are fitted to QM9; stretches have further ones for what B3LYP misses, and for their infrared intensities. Raman
activities have factors of their own: the minimal basis of GFN2-xTB has those of bends up to ten times too strong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mimyria.frame import Array
from mimyria.identify.molecules import Molecule
from mimyria.identify.patterns import GROUPS
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.raman import intensity_scales

SCALE = 0.965
"""Measured wavenumbers over those of B3LYP/6-31G(2df,p)."""
KNOTS: tuple[int, ...] = (100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100, 1200, 1300, 1400, 1480)
KNOTS += (1560, 1650, 1720, 1800, 2300, 2800, 2900, 3000, 3100, 3200, 3400, 3600)
"""cm⁻¹ of GFN2-xTB; between two of them the factors of wavenumbers change linearly."""
RIDGE = 1.0
"""Modes of a group near a knot whose weight holds its factor near that of modes in which no group moves."""
LOOSE = 1e-6
"""The same of those in which none moves: so little that a knot without modes alone is held at one."""
MATCHED = 0.25
"""Relative difference above which two modes of the same place in order are not the same."""
STRETCHES = {"S-H": 1.06, "C-Cl": 1.07, "C-Br": 1.05, "S=O": 1.03}
"""Measured wavenumbers over those of GFN2-xTB for stretches that QM9 does not have: S-H from 2580 cm⁻¹, where thiols
have it, in place of 2435; C-Cl the median of chloromethane, ethyl chloride, dichloromethane and chloroform; C-Br that
of bromomethane; S=O from 1310 and 1145 in place of 1260 and 1120 in sulfones."""
ANHARMONIC = {"O-H": 0.961, "N-H": 0.96, "≡C-H": 0.95, "=C-H": 0.96, "C-H": 0.96}
ANHARMONIC |= {"C≡N": 0.954, "C≡C": 0.954, "C=O": 0.951, "N=O": 0.932}
"""Measured fundamentals over wavenumbers of B3LYP/6-31G(2df,p), means of water, ammonia, methane, ethane, acetylene,
propyne, HCN, acetonitrile, methanol, ethanol, formaldehyde, acetaldehyde, acetone, glyoxal, formamide (tables such as
T. Shimanouchi's, NSRDS-NBS 39, 1972); of the antisymmetric stretch of nitro groups those of nitromethane (1583 cm⁻¹)
and nitrobenzene (some 1535) over what `Factors` make of GFN2-xTB. Others have `SCALE`, and so has C=O of esters and
acids, which is 0.969 in methyl acetate."""
CARBOXYL = ("ester", "carboxylic acid")
INFRARED = {"O-H": 3.5, "amide": 4.3, "amine": 0.17, "N-H": 6.3, "C=O": 0.77, "O-C=O": 0.77, "C≡N": 0.088}
INFRARED |= {"C-Cl": 2.6, "C-Br": 1.8, "C=N": 0.87, "C=N-O": 0.24, "N=O": 0.72, "symmetric N=O": 0.72, "S=O": 0.5}
INFRARED |= {"S-H": 0.02, "≡C-H": 12.0, "=C-H": 0.2, "ring wag": 2.3, "wag": 2.0, "imine": 0.1}
"""Infrared intensities of B3LYP/def2-SVPD over those of GFN2-xTB (`compare_intensities.py`), of N-H by what nitrogen it
is on (of neither amides nor amines azoles and sulfonamides were measured), none where a molecule has several: geometric
means of 8, 3, 6, 5, 6 (C=O) and 2 (C≡N) molecules, which scatter by factors of 1.5, 1.2, 3.8, 1.5, 1.1 and 1.1; of
C-Cl and C-Br of two bonds each, as GFN2-xTB has next to nothing for the bond in most alkyl halides, whose modes get
their intensity elsewhere; of C=N of 2 imines and 7 oximes (which scatter by 1.2 and 1.5), of N=O of 4 and S=O of 3
molecules (by 1.05). Those of saturated C-H scatter by 2.5, about 0.7, and stay, as do those of C=C, of 8 molecules
0.97 and by 1.8. From PBE0/def2-svpd (`compare_levels.py`) are S-H (methanethiol, 2 km/mol where GFN2-xTB has 140), N-H
of methanimine (2 for 20), ≡C-H (propargyl alcohol; a hundred in acetylene, which is symmetric), =C-H of rings and
double bonds (sums of 7 molecules; their geometric mean is 0.13) and its bends out of the plane of three rings and
four double bonds (2.4; 1.3 to 3.2)."""
RAMAN = {"O-C=O": 0.7, "C=O": 0.8, "C=C": 3.0, "C=N": 1.2, "C≡C": 1.7, "N=O": 2.0, "symmetric N=O": 0.6, "S=O": 0.9}
RAMAN |= {"C-Cl": 0.9, "C-Br": 0.18, "≡C-H": 0.23, "=C-H": 0.65, "ring wag": 0.15}
"""Raman activities of PBE0/def2-svpd over those of GFN2-xTB, of stretches: geometric means of 3 molecules (O-C=O: 0.55
to 0.91), 4 (C=O: 0.49 and 0.52 beside carbon, 1.3 in formaldehyde, 1.6 in a urea; C-Cl: 0.45 to 1.7), 3 (C=C: 1.6 in
butadiene, 5.0 and 5.2), 2 (C=N: 0.8, 2.0; C≡C: 1.5, 2.0) and 1; C-Br from bromomethane with B3LYP
(`compare_levels.py`, `compare_intensities.py`); ≡C-H of 2 (0.27, 0.20), =C-H of 7 (0.58 in rings, 0.69 at double
bonds), bends of =C-H out of the plane of a ring of 3 (0.03 and 0.04; 0.2 in furan). Those of O-H, C-H, S-H and C≡N are
right within a tenth in the mean, of N-H within a sixth."""
OTHERS = {250: 0.4, 400: 0.5, 550: 0.5, 700: 0.55, 850: 0.5, 950: 0.35, 1050: 0.42, 1150: 0.27, 1250: 0.33, 1350: 0.16}
OTHERS |= {1440: 0.2, 1530: 0.2, 1600: 0.1, 1680: 0.1, 1760: 0.8, 2000: 1.0}
RINGS = {500: 0.85, 680: 0.6, 1000: 0.5, 1050: 1.35, 1110: 1.0, 1160: 0.23, 1290: 0.3}
RINGS |= {1420: 0.9, 1500: 0.7, 1620: 0.64, 2000: 1.0}
"""The same of all other modes, by wavenumber of GFN2-xTB (cm⁻¹), and of those of aromatic rings; between two of them
the logarithm changes linearly. Bends of CH3 and CH2 near 1450 cm⁻¹ have 0.17 to 0.28 in fifteen molecules; skeletal
modes scatter by factors of 1.5 to 2. The rings are benzene, pyridine and furan; in toluene and phenol those that
breathe near 815 and 987 cm⁻¹ would need 1.1, but count as ``ring wag``: shares of groups do not tell them apart."""
LASER, TEMPERATURE, SOFTEST = 532.0, 298.15, 50.0
"""nm, K, and cm⁻¹, below which the intensity of Raman lines no longer rises."""
AROMATIC = ("benzene ring", "heteroaromatic ring")
MOST = 0.6
"""Share of the kinetic energy that a group has at least in the stretches of its double bonds."""
HYDROGEN, ACETYLENE = 2700.0, 3330.0
SULPHUR, DOUBLE, TRIPLE = (2415.0, 2550.0), (1560.0, 1950.0), (2000.0, 2500.0)
CHLORINE, BROMINE = (560.0, 730.0), (500.0, 620.0)
SULFONYL, NITRO = (1060.0, 1400.0), (1250.0, 1450.0)
PLANE = (600.0, 1000.0)
"""cm⁻¹, of GFN2-xTB: stretches of hydrogen are above the first and those of ≡C-H above the second; between are those of
S-H, double bonds, triple bonds, C-Cl, C-Br, S=O and the symmetric ones of nitro groups, in a molecule that has them,
and last the bends out of the plane of a ring or a double bond."""
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
    made["O-C=O"] = double & (carbonyl > MOST) & (carboxyl > MOST)
    made["C=O"] = double & (carbonyl > MOST) & ~made["O-C=O"]
    made["C=N"] = double & (_share(row, "C=N") > MOST)
    made["C=C"] = double & (_share(row, "C=C") > MOST) & ~(made["C=O"] | made["O-C=O"] | made["C=N"])
    made["N=O"] = double & (_share(row, "nitro") > MOST)
    made["symmetric N=O"] = between(NITRO) & (_share(row, "nitro") > MOST)
    made["S=O"] = between(SULFONYL) & (_share(row, "SO2") > MOST)
    made["C-Cl"] = between(CHLORINE) & has("C-Cl") & (not has(*AROMATIC))
    made["C-Br"] = between(BROMINE) & has("C-Br") & (not has(*AROMATIC))
    return made


def wags(row: dict[str, Any]) -> dict[str, Array]:
    """Return which modes of a row bend =C-H out of the plane of a ring, and of a double bond, shape (modes,) each."""
    found = np.array(row["wavenumbers"])
    bends = (PLANE[0] < found) & (found < PLANE[1]) & (_share(row, FLAT) > MOST)
    ring = np.max([_share(row, name) for name in AROMATIC], axis=0) > MOST
    return {"ring wag": bends & ring, "wag": bends & ~ring}


def corrected(row: dict[str, Any], factors: Factors) -> Array:
    """Return the wavenumbers of a row, cm⁻¹, as those of B3LYP times `SCALE`, each by what moves, shape (modes,).

    Those of `STRETCHES` are as measured.
    """
    factor = factors(row)
    for name, those in stretches(row).items():
        if name in STRETCHES:
            factor[those] = STRETCHES[name]
    return np.array(row["wavenumbers"]) * factor


def infrared_factors(row: dict[str, Any], kinds: Mapping[str, str]) -> Array:
    """Return by what the infrared intensities of the modes of a row are multiplied, shape (modes,).

    ``kinds`` has the key of `INFRARED` for bonds of which there are several kinds, or a word that is none.
    """
    factor = np.ones(len(row["wavenumbers"]))
    for name, those in (wags(row) | stretches(row)).items():
        factor[those] = INFRARED.get(kinds.get(name, name), 1.0)
    return factor


def raman_factors(row: dict[str, Any]) -> Array:
    """Return by what the Raman activities of the modes of a row are multiplied, shape (modes,).

    ln f = (1 - s) ln f_other(ν) + s ln f_ring(ν)          s the share that aromatic rings have of the kinetic energy
    """
    others, rings = (
        np.interp(row["wavenumbers"], list(curve), np.log(list(curve.values()))) for curve in (OTHERS, RINGS)
    )
    share = np.minimum(sum(_share(row, name) for name in AROMATIC), 1.0)
    factor = np.exp((1 - share) * others + share * rings)
    for name, those in (wags(row) | stretches(row)).items():
        if name in RAMAN:
            factor[those] = RAMAN[name]
    return np.asarray(factor)


def stokes(wavenumbers: Array) -> Array:
    """Return the Stokes intensity of Raman lines over their activity, which spectrometers show, shape (modes,).

    It makes lines at 500 cm⁻¹ four times as strong as at 1500.
    """
    found = np.maximum(wavenumbers, SOFTEST)
    return intensity_scales(found, Conditions(TEMPERATURE, LASER))["stokes"][0]


def molecule_of(
    row: dict[str, Any],
    groups: tuple[str, ...],
    kinds: Mapping[str, str],
    factors: Factors,
    frequencies: str = "b3lyp",
) -> Molecule:
    """Return the molecule of a row.

    ``kinds`` is as in `infrared_factors`; ``frequencies`` chooses QM9's own, in the same order, where all are there.
    """
    own = frequencies_of(row) if frequencies == "b3lyp" else None
    wavenumbers = corrected(row, factors) if own is None else own
    for name, those in stretches(row).items():
        wavenumbers[those] *= ANHARMONIC.get(name, SCALE) / SCALE
    lines: dict[str, Array] = {
        "infrared": np.array(row["ir"]) * infrared_factors(row, kinds),
        "raman": np.array(row["raman"]) * raman_factors(row) * stokes(wavenumbers),
    }
    has = np.array([name in row["groups"] for name in groups])
    acid = "carboxylic acid" in row["groups"]
    shares = np.array([_share(row, name) for name in groups])
    hydroxyl = np.array(row["hydroxyl"])
    return Molecule(wavenumbers, lines, np.array(row["polar"]), has, acid, row["smiles"], hydroxyl, shares)
