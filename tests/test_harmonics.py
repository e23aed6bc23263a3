"""Harmonics against those of e3nn, quadrature on the sphere, radial functions."""

import numpy as np
import torch
from e3nn import o3

from mimyria.model.harmonics import harmonics, radial_functions, sphere


def test_lebedev_rule_is_exact_for_the_products_taken() -> None:
    for l_max in (3, 4):
        values, weights = sphere(2 * l_max, l_max)
        found = torch.einsum("p,pa,pb->ab", weights, values, values)
        np.testing.assert_allclose(found, np.eye((l_max + 1) ** 2), atol=1e-12)


def test_radial_functions_vanish_smoothly() -> None:
    distances = torch.tensor([4.999, 5.0, 5.001, 7.0], dtype=torch.float64)
    values = radial_functions(distances, 5.0, 8, 14)
    assert values[:, 0].abs().max() < 1e-6
    assert values[:, 1:].abs().max() < 1e-12
    orders = torch.arange(1, 9, dtype=torch.float64)[:, None]
    near = torch.tensor([0.5, 1.0, 2.5], dtype=torch.float64)  # where f = 1 to rounding, or nearly
    waves = torch.sin(orders * torch.pi * near / 5.0) / near * (2 / 5.0) ** 0.5
    torch.testing.assert_close(radial_functions(near[:2], 5.0, 8, 14), waves[:, :2], rtol=1e-7, atol=1e-7)
    falling = radial_functions(near, 5.0, 8, 14, 1.5)
    torch.testing.assert_close(falling, radial_functions(near, 5.0, 8, 14) / orders**1.5)


def test_harmonics_are_those_of_e3nn() -> None:
    vectors = torch.randn(20, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for l_max in (0, 1, 4):
        theirs = o3.spherical_harmonics(list(range(l_max + 1)), vectors, normalize=True, normalization="component")
        torch.testing.assert_close(harmonics(vectors, l_max), theirs.movedim(-1, 0), rtol=0, atol=1e-13)
