"""Parts of the network: quadrature on the sphere and radial functions."""

import numpy as np
import torch

from mimyria.model.network import harmonics, radial_functions, sphere


def test_lebedev_rule_is_exact_for_the_products_taken() -> None:
    for l_max in (3, 4):
        values, weights = sphere(2 * l_max, l_max)
        found = torch.einsum("p,pa,pb->ab", weights, values, values)
        np.testing.assert_allclose(found, np.eye((l_max + 1) ** 2), atol=1e-12)


def test_radial_functions_vanish_smoothly() -> None:
    distances = torch.tensor([4.999, 5.0, 5.001, 7.0], dtype=torch.float64)
    values = radial_functions(distances, 5.0, 8, 14)
    assert values[0].abs().max() < 1e-6
    assert values[1:].abs().max() < 1e-12
    assert torch.isfinite(harmonics(torch.randn(5, 3, dtype=torch.float64), 4)).all()
