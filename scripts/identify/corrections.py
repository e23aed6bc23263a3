"""What is known of lines of GFN2-xTB: by what wavenumbers and infrared intensities are multiplied to be as measured.

A row, as `compute_lines.py` writes it, says which modes are stretches of which bond; the factors are of those, and of
all other wavenumbers one that changes along the axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mimyria.frame import Array
from mimyria.identify.molecules import Molecule

SCALE = 0.965
"""Measured wavenumbers over those of B3LYP/6-31G(2df,p)."""
WAVENUMBERS: tuple[int, ...] = (90, 200, 300, 400, 500, 600, 700, 800, 910, 1000, 1100, 1200, 1300, 1400, 1480)
WAVENUMBERS += (1600, 1700, 1800, 2280, 2400, 2750, 2800, 2870, 2940, 3000, 3100, 3200, 3400)
GFN2: tuple[float, ...] = (1.084, 1.035, 0.997, 0.992, 1.003, 0.997, 0.985, 0.954, 0.95, 0.964, 0.986, 0.999, 1.003)
GFN2 += (0.988, 0.977, 0.991, 0.975, 0.988, 0.948, 0.948, 1.013, 1.008, 1.003, 0.995, 0.989, 0.994, 0.991, 0.995)
"""Wavenumbers, and what those of GFN2-xTB near them are multiplied with: medians of the above over them, by regions, of
483 molecules of QM9. They remain 24 cm⁻¹ (root mean square) apart."""
STRETCHES = {"O-H": 1.042, "N-H": 1.005, "S-H": 1.06, "C-Cl": 1.07, "C-Br": 1.05}
"""The same of stretches. GFN2-xTB has those of hydrogen at 3520, 3440 and 2435 cm⁻¹, O-H and N-H next to one another;
that of S-H is from 2580 cm⁻¹, where thiols have it. That of C-Cl is the median of measured over calculated ones of
chloromethane, ethyl chloride, dichloromethane and chloroform, that of C-Br the one of bromomethane."""
ANHARMONIC = {"O-H": 0.961, "N-H": 0.96, "≡C-H": 0.95, "C-H": 0.96, "C≡N": 0.954, "C≡C": 0.954, "C=O": 0.951}
"""Measured fundamentals over wavenumbers of B3LYP/6-31G(2df,p), means of water, ammonia, methane, ethane, acetylene,
propyne, HCN, acetonitrile, methanol, ethanol, formaldehyde, acetaldehyde, acetone, glyoxal, formamide (tables such as
T. Shimanouchi's, NSRDS-NBS 39, 1972). Others have `SCALE`, and so has C=O of esters and
acids, which is 0.969 in methyl acetate."""
CARBOXYL = {"ester", "carboxylic acid"}
INFRARED = {"O-H": 3.5, "amide": 4.3, "amine": 0.17, "N-H": 6.3, "C=O": 0.77, "O-C=O": 0.77, "C≡N": 0.088}
INFRARED |= {"C-Cl": 2.6, "C-Br": 1.8}
"""Infrared intensities of B3LYP/def2-SVPD over those of GFN2-xTB (`compare_intensities.py`), of N-H by what nitrogen it
is on (of neither amides nor amines azoles and sulfonamides were measured), none where a molecule has several: geometric
means of 8, 3, 6, 5, 6 (C=O) and 2 (C≡N) molecules, which scatter by factors of 1.5, 1.2, 3.8, 1.5, 1.1 and 1.1; of
C-Cl and C-Br of two bonds each, as GFN2-xTB has next to nothing for the bond in most alkyl halides, whose modes get
their intensity elsewhere. Those of C-H scatter by 2.5, about 0.7, and stay."""
AROMATIC = {"benzene ring", "heteroaromatic ring"}
HYDROGEN, ACETYLENE = 2700.0, 3330.0
SULPHUR, CARBONYL, TRIPLE = (2415.0, 2550.0), (1690.0, 1950.0), (2000.0, 2500.0)
CHLORINE, BROMINE = (560.0, 730.0), (500.0, 620.0)
"""cm⁻¹, of GFN2-xTB: stretches of hydrogen are above the first and those of ≡C-H above the second; between are those of
S-H, C=O, triple bonds, C-Cl and C-Br, in a molecule that has them."""


def stretches(row: dict[str, Any]) -> dict[str, Array]:
    """Return which of the modes of a row are stretches, by bond, shape (modes,) each."""
    found, hydroxyl, polar = (np.array(row[name]) for name in ("wavenumbers", "hydroxyl", "polar"))
    high = found > HYDROGEN

    def has(*groups: str) -> bool:
        return bool(set(groups) & set(row["groups"]))

    def between(limits: tuple[float, float]) -> Array:
        return (limits[0] < found) & (found < limits[1])

    made = {"O-H": high & (hydroxyl > 0.5), "N-H": high & (polar - hydroxyl > 0.5)}
    made["≡C-H"] = (found > ACETYLENE) & (polar < 0.5) & has("C≡C")
    made["C-H"] = high & ~(made["O-H"] | made["N-H"] | made["≡C-H"])
    triple = between(TRIPLE)
    made["C≡N"] = triple & has("nitrile") & (not has("C≡C"))
    made["C≡C"] = triple & has("C≡C")
    made["C=O"] = between(CARBONYL) & has("C=O") & (not has(*CARBOXYL))
    made["O-C=O"] = between(CARBONYL) & has(*CARBOXYL)
    made["S-H"] = between(SULPHUR) & has("S-H")
    made["C-Cl"] = between(CHLORINE) & has("C-Cl") & (not has(*AROMATIC))
    made["C-Br"] = between(BROMINE) & has("C-Br") & (not has(*AROMATIC))
    return made


def corrected(row: dict[str, Any]) -> Array:
    """Return the wavenumbers of a row, cm⁻¹, as those of B3LYP times `SCALE`, each by what moves, shape (modes,).

    Those of S-H, C-Cl and C-Br are as measured.
    """
    found = np.array(row["wavenumbers"])
    factor = np.interp(found, WAVENUMBERS, GFN2)
    for name, those in stretches(row).items():
        if name in STRETCHES:
            factor[those] = STRETCHES[name]
    return found * factor


def molecule_of(row: dict[str, Any], groups: tuple[str, ...], nitrogen: str, frequencies: str = "b3lyp") -> Molecule:
    """Return the molecule of a row, whose N-H are of the kind ``nitrogen`` (a key of `INFRARED`, or another word).

    ``frequencies`` chooses QM9's own, in the same order, where all are there.
    """
    wavenumbers = corrected(row)
    if frequencies == "b3lyp" and len(row.get("b3lyp", ())) == len(wavenumbers):
        wavenumbers[np.argsort(wavenumbers)] = SCALE * np.sort(row["b3lyp"])
    intensity = np.array(row["ir"])
    for name, those in stretches(row).items():
        wavenumbers[those] *= ANHARMONIC.get(name, SCALE) / SCALE
        intensity[those] *= INFRARED.get(nitrogen if name == "N-H" else name, 1.0)
    lines: dict[str, Array] = {"infrared": intensity, "raman": np.array(row["raman"])}
    has = np.array([name in row["groups"] for name in groups])
    acid = "carboxylic acid" in row["groups"]
    shares = np.array([row["shares"].get(name, np.zeros(len(wavenumbers))) for name in groups])
    hydroxyl = np.array(row["hydroxyl"])
    return Molecule(wavenumbers, lines, np.array(row["polar"]), has, acid, row["smiles"], hydroxyl, shares)
