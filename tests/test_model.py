"""Models of every preset and target under the contract of networks."""

from networks import NetworkContract


class TestPresets(NetworkContract):
    """Every preset and target, by the fixture `model`."""
