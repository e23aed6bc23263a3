"""Wave functions of CP2K (its RESTART files): one for a new field, extrapolated from those of fields before.

Orbitals C_k found at fields E_k, brought as near to those without a field as orbitals of one subspace come (C_k U_k,
U_k orthogonal), are those of a field E up to the order p of a Taylor series,

    C(E) ≈ Σ_k w_k C_k U_k        Σ_k w_k m(E_k) = m(E)        m all monomials of E up to the order p

where the fields so far determine it; lower orders come first where they do not.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np

from mimyria.errors import LabelError
from mimyria.frame import Array
from mimyria.memory import whole

HIGHEST = 2
"""Order that the fields of a PGT determine."""
EACH_ORDER = 1e-2
"""How much the monomials of an order count beside those of the order below."""


def weights_for(field: Array, known: Array, order: int) -> Array:
    """Return the weight of each known field (fields, 3) in what is extrapolated to a field (3,)."""
    unit = float(np.linalg.norm(field))

    def monomials(vector: Array) -> list[float]:
        axes = [axes for degree in range(order + 1) for axes in combinations_with_replacement(range(3), degree)]
        return [EACH_ORDER ** len(of) * float(np.prod([vector[axis] / unit for axis in of])) for of in axes]

    weights, *_ = np.linalg.lstsq(np.array([monomials(vector) for vector in known]).T, np.array(monomials(field)))
    return np.asarray(weights)


def extrapolate(paths: Sequence[Path], weights: Array, out: Path) -> None:
    """Write the orbitals of some files with these weights; the first of them is what the others are turned to.

    Raises
    ------
    LabelError
        If the files are not of the same orbitals.
    """
    first, *others = [read_records(path) for path in paths]
    mixed = list(first)
    for spin in orbitals_in(first):
        reference = np.array([np.frombuffer(first[k]) for k in spin])  # (orbitals, functions)
        total = weights[0] * reference
        for path, records, weight in zip(paths[1:], others, weights[1:], strict=True):
            if [len(record) for record in records] != [len(record) for record in first]:
                raise LabelError(f"{path} is of other orbitals than {paths[0]}")
            own = np.array([np.frombuffer(records[k]) for k in spin])
            left, _, right = np.linalg.svd(reference @ own.T)
            total = total + weight * (left @ right) @ own
        for k, row in zip(spin, total, strict=True):
            mixed[k] = row.tobytes()
    with whole(out) as unfinished, unfinished.open("wb") as file:
        for record in mixed:
            marker = struct.pack("<i", len(record))
            file.write(marker + record + marker)


def read_records(path: Path) -> list[bytes]:
    """Return the records of a file that Fortran wrote sequentially; raise LabelError if it is cut."""
    content, records, place = path.read_bytes(), [], 0
    while place < len(content):
        size = int.from_bytes(content[place : place + 4], "little")
        records.append(content[place + 4 : place + 4 + size])
        if content[place + 4 + size : place + 8 + size] != content[place : place + 4]:
            raise LabelError(f"{path} is cut, or no wave function of CP2K")
        place += 8 + size
    return records


def orbitals_in(records: Sequence[bytes]) -> list[range]:
    """Return which records are the orbitals of each spin.

    Four records come first: numbers of atoms, spins and functions, and what functions each atom has. Then come, of each
    spin, the number of its orbitals, their energies and occupations, and the coefficients of each.
    """
    _, n_spins, n_functions, *_ = np.frombuffer(records[0], dtype="<i4")
    spins, place = [], 4
    for _ in range(n_spins):
        n_orbitals = int(np.frombuffer(records[place], dtype="<i4")[0])
        spins.append(range(place + 2, place + 2 + n_orbitals))
        place += 2 + n_orbitals
        if any(len(records[k]) != 8 * n_functions for k in spins[-1]):
            raise LabelError("a wave function of CP2K in an order that is not known")
    return spins
