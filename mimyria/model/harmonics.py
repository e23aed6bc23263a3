"""Functions of a place: real spherical harmonics of its direction, radial functions of its distance, in rows.

Harmonics have component normalisation, Σ_m Y_lm² = 2l + 1, and the order of e3nn: y is the polar axis,
Y_1 = √3 (x, y, z).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mimyria.model.lebedev import lebedev


def degrees(l_max: int) -> Tensor:
    """Return the l of each harmonic: 0, 1, 1, 1, 2, ..."""
    return torch.tensor([degree for degree in range(l_max + 1) for _ in range(2 * degree + 1)])


def rows(degree: int) -> range:
    """Return the places of the harmonics of one l."""
    return range(degree**2, (degree + 1) ** 2)


def harmonics(vectors: Tensor, l_max: int) -> Tensor:
    """Return Y_lm of the directions of vectors (..., 3), shape (harmonics, ...).

    Y_l±m = P_l^m(y) · (Re, Im) (z + ix)^m with normalised Legendre functions, which for l > m follow

        P_l^m = a y P_(l-1)^m - b P_(l-2)^m,
        a² = (4l² - 1)/(l² - m²),   b² = (2l + 1)((l - 1)² - m²)/((2l - 3)(l² - m²))
    """
    x, y, z = (vectors / vectors.norm(dim=-1, keepdim=True)).unbind(-1)
    x, y, z = x.contiguous(), y.contiguous(), z.contiguous()
    found = [x] * (l_max + 1) ** 2
    cosine, sine = torch.ones_like(x), torch.zeros_like(x)
    first = 1.0  # P_m^m
    for m in range(l_max + 1):
        legendre, before = torch.full_like(x, first), torch.zeros_like(x)
        for degree in range(m, l_max + 1):
            if degree > m:
                a = math.sqrt((4 * degree**2 - 1) / (degree**2 - m**2))
                b = math.sqrt((2 * degree + 1) * ((degree - 1) ** 2 - m**2) / ((2 * degree - 3) * (degree**2 - m**2)))
                legendre, before = torch.sub(a * y * legendre, before, alpha=b), legendre
            centre = degree * (degree + 1)
            found[centre + m] = legendre * cosine
            if m:
                found[centre - m] = legendre * sine
        cosine, sine = z * cosine - x * sine, z * sine + x * cosine
        first *= math.sqrt((2 * m + 3) / (2 * m + 2) * (2 if m == 0 else 1))
    return torch.stack(found)


def radial_functions(distances: Tensor, cutoff: float, number: int, p: int, fall: float = 0.0) -> Tensor:
    """Return b^-fall √(2/r_c) sin(bπr/r_c)/r · f(r), b = 1, 2, ...; f falls to zero at the cutoff with two derivatives.

    Shape (number, ...). f = 1 - (p+1)(p+2)/2 x^p + p(p+2) x^(p+1) - p(p+1)/2 x^(p+2), x = r/r_c (Gasteiger, Groß &
    Günnemann 2020): the larger p, the nearer to the cutoff it falls, half way at 0.84 r_c for p = 14. The sines follow
    sin (b+1)θ = 2 cos θ sin bθ - sin (b-1)θ. The larger ``fall``, the less small changes of a distance weigh.
    """
    x = distances / cutoff
    to_zero = (p + 1) * (p + 2) / 2 - p * (p + 2) * x + p * (p + 1) / 2 * x**2
    envelope = torch.where(x < 1, 1 - x**p * to_zero, 0.0)
    found = [torch.sin(math.pi * x) * (math.sqrt(2 / cutoff) * envelope / distances)]
    twice = 2 * torch.cos(math.pi * x)
    for b in range(1, number):
        found.append(twice * found[-1] - found[b - 2] if b > 1 else twice * found[-1])
    return torch.stack([b**-fall * function for b, function in enumerate(found, start=1)] if fall else found)


def sphere(degree: int, l_max: int) -> tuple[Tensor, Tensor]:
    """Return Y at the points of a Lebedev rule, shape (points, harmonics), and its weights, which add up to one.

    The rule integrates polynomials up to ``degree`` exactly.
    """
    points, weights = lebedev(degree | 1)  # the rules have odd degrees
    return harmonics(torch.from_numpy(points), l_max).T.contiguous(), torch.from_numpy(weights)
