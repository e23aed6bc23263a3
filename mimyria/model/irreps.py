"""Irreps of O(3): those that a tensor consists of, the basis in which it is their sum, and what couples them.

An irrep of degree l and parity p has 2l + 1 components, in the order and the axes of e3nn's real spherical harmonics:
y is the polar axis, so that the components of l = 1 are x, y, z.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import factorial

import numpy as np
import torch
from torch import Tensor

from mimyria.frame import Array
from mimyria.targets import Target

TINY = 1e-9


@dataclass(frozen=True)
class Irrep:
    """One irrep, as often as it occurs."""

    multiplicity: int
    degree: int  # l
    parity: int  # 1 or -1, what an inversion multiplies it by

    @property
    def name(self) -> str:
        """As e3nn has it: ``2e`` is of degree two and even, ``1o`` of degree one and odd."""
        return f"{self.degree}{'e' if self.parity == 1 else 'o'}"

    @property
    def size(self) -> int:
        """Number of components of one of them."""
        return 2 * self.degree + 1

    @property
    def natural(self) -> bool:
        """Whether its parity is that of functions on the sphere, (-1)^l."""
        return self.parity == (-1) ** self.degree


@dataclass(frozen=True)
class Irreps:
    """Irreps that stand one after the other."""

    parts: tuple[Irrep, ...]

    def __str__(self) -> str:
        return "+".join(f"{irrep.multiplicity}x{irrep.name}" for irrep in self.parts)

    @property
    def size(self) -> int:
        """Number of components."""
        return sum(irrep.multiplicity * irrep.size for irrep in self.parts)

    @property
    def highest(self) -> int:
        """The highest degree."""
        return max(irrep.degree for irrep in self.parts)

    def repeated(self, times: int) -> Irreps:
        """Return all of them so many times."""
        return Irreps(self.parts * times)

    def single(self) -> list[tuple[str, slice]]:
        """Return name and places of every one, repeated ones each by itself."""
        places, stop = [], 0
        for irrep in self.parts:
            for _ in range(irrep.multiplicity):
                start, stop = stop, stop + irrep.size
                places.append((irrep.name, slice(start, stop)))
        return places


def tensor_irreps(target: Target) -> tuple[Irreps, Tensor]:
    """Return the irreps of a target's tensor and the orthonormal change of basis (irreps, 3, ..., 3).

    The indices are coupled one after the other, B_l[m] = √(2l + 1) Σ w(l' m', 1 α, l m) B_l'[m'] e_α. What is
    symmetric in the field indices of all that couples to one l is made orthonormal in the order of l'.
    """
    coupled = [(1, np.eye(3))]
    for _ in range(target.order):
        coupled = [
            (degree, math.sqrt(2 * degree + 1) * np.einsum("iam,i...->m...a", wigner_3j(before, 1, degree), basis))
            for before, basis in coupled
            for degree in range(abs(before - 1), before + 2)
        ]
    parts, rows = [], []
    for degree in sorted({degree for degree, _ in coupled}):
        independent: list[Array] = []
        for basis in (target.symmetrise(basis) for of, basis in coupled if of == degree):
            for other in independent:
                basis = basis - np.vdot(other[0], basis[0]) * other  # one factor for every m, as Schur's lemma says
            if (norm := float(np.linalg.norm(basis[0]))) > TINY:
                independent.append(basis / norm)
        if independent:
            parts.append(Irrep(len(independent), degree, (-1) ** (target.order + 1)))
            rows += independent
    return Irreps(tuple(parts)), torch.from_numpy(np.concatenate(rows)).float()


def wigner_3j(first: int, second: int, third: int) -> Array:
    """Return the Wigner 3j symbols of real harmonics, shape (2 l1 + 1, 2 l2 + 1, 2 l3 + 1), Σ w² = 1.

    w[i, j, k] = Σ U_ai U_bj U*_ck ⟨l1 a l2 b | l3 c⟩ / √(2 l3 + 1), U the components of real in complex harmonics.
    """
    complex_ones = np.zeros((2 * first + 1, 2 * second + 1, 2 * third + 1))
    for a in range(-first, first + 1):
        for b in range(max(-second, -third - a), min(second, third - a) + 1):
            complex_ones[first + a, second + b, third + a + b] = clebsch_gordan(first, a, second, b, third)
    bases = (_in_complex(first), _in_complex(second), _in_complex(third).conj())
    symbols = np.einsum("ai,bj,ck,abc->ijk", *bases, complex_ones).real / math.sqrt(2 * third + 1)
    return np.where(abs(symbols) > TINY, symbols, 0.0)


def clebsch_gordan(l1: int, m1: int, l2: int, m2: int, l3: int) -> float:
    """Return ⟨l1 m1 l2 m2 | l3 m1+m2⟩ by Racah's formula (Edmonds, Angular Momentum in Quantum Mechanics, 3.6.11)."""
    m3 = m1 + m2
    squared = (2 * l3 + 1) * factorial(l3 + l1 - l2) * factorial(l3 - l1 + l2) * factorial(l1 + l2 - l3)
    for degree, order in ((l1, m1), (l2, m2), (l3, m3)):
        squared *= factorial(degree + order) * factorial(degree - order)
    total = 0.0
    for k in range(max(0, l2 - l3 - m1, l1 - l3 + m2), min(l1 + l2 - l3, l1 - m1, l2 + m2) + 1):
        below = (k, l1 + l2 - l3 - k, l1 - m1 - k, l2 + m2 - k, l3 - l2 + m1 + k, l3 - l1 - m2 + k)
        total += (-1) ** k / math.prod(map(factorial, below))
    return total * math.sqrt(squared / factorial(l1 + l2 + l3 + 1))


def _in_complex(degree: int) -> Array:
    """Return the components of real harmonics (columns) in complex ones (rows), times (-i)^l, which keeps w real."""
    matrix = np.zeros((2 * degree + 1, 2 * degree + 1), dtype=complex)
    matrix[degree, degree] = 1
    for m in range(1, degree + 1):
        matrix[degree - m, [degree + m, degree - m]] = np.array([1, -1j]) / math.sqrt(2)
        matrix[degree + m, [degree + m, degree - m]] = np.array([1, 1j]) * (-1) ** m / math.sqrt(2)
    return (-1j) ** degree * matrix
