"""Models of every preset and target under the contract of networks, and the irreps of the targets."""

import numpy as np
import pytest

from mimyria.model.model import tensor_irreps
from mimyria.targets import TARGETS
from networks import NetworkContract


class TestPresets(NetworkContract):
    """Every preset and target, by the fixture `model`."""


@pytest.mark.parametrize(
    ("name", "irreps"), [("apt", "1x0e+1x1e+1x2e"), ("pgt", "2x1o+1x2o+1x3o"), ("hgt", "1x0e+1x1e+2x2e+1x3e+1x4e")]
)
def test_irreps_of_the_targets(name: str, irreps: str) -> None:
    found, change = tensor_irreps(TARGETS[name])
    assert str(found) == irreps
    flat = change.flatten(1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-6)
