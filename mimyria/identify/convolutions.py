"""The networks: convolutions that see bands, a layer that sees where they are, a number for each group, and shares.

    channels (4, 741) ─ conv 11/2 ─ conv 7/2 ─┬─ conv 5/2 ─ conv 1 ─ all places (1116) ─ features (64) ─┬─ logits
                                              └─────── with the features, and where it is (8) ──────────┴─ shares

The two logits beside those of the groups are of spectra that are given as the other kind, Raman as infrared or the
reverse, and of curves that are no vibrational spectra of molecules. The shares are said every 20 cm⁻¹, as logits too:
how much of what stands there in a spectrum of that kind is due to the atoms of each group.

A `Committee` says the mean of what its members say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from mimyria.identify.channels import KINDS, PLACES

FURTHER = 2
"""Number of logits beside those of the groups: of the other kind, and of strangers."""


@dataclass(frozen=True)
class Shape:
    """The sizes of a network."""

    groups: int
    """Its groups."""
    widths: tuple[int, int, int, int] = (24, 32, 48, 12)
    """Channels after each convolution."""
    kernels: tuple[int, int, int] = (11, 7, 5)
    features: int = 64
    dropout: float = 0.2
    where: int = 8
    """Numbers that say where in the spectrum a share is asked."""
    sharing: int = 48
    """Hidden channels of the head for the shares."""


class Network(nn.Module):
    """From channels, shape (b, 4, len(GRID)), to logits, shape (b, groups + 2)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        near, mid, far, narrow = shape.widths
        kernels = shape.kernels
        self.shape = shape
        self.near = nn.Sequential(_layer(2 * len(KINDS), near, kernels[0]), _layer(near, mid, kernels[1]))
        self.far = nn.Sequential(_layer(mid, far, kernels[2]), nn.Conv1d(far, narrow, 1), nn.GELU(), nn.Flatten())
        points = (len(PLACES) + 1) // 2
        self.look = nn.Sequential(nn.Dropout(shape.dropout), nn.Linear(narrow * points, shape.features), nn.GELU())
        self.say = nn.Sequential(nn.Dropout(shape.dropout), nn.Linear(shape.features, shape.groups + FURTHER))
        self.place = nn.Parameter(torch.randn(shape.where, len(PLACES)))
        self.share = nn.Sequential(
            nn.Conv1d(mid + shape.where + shape.features, shape.sharing, 1),
            nn.GELU(),
            nn.Conv1d(shape.sharing, len(KINDS) * shape.groups, 1),
        )

    def forward(self, channels: Tensor) -> Tensor:
        return self.say(self.features(channels))

    def features(self, channels: Tensor) -> Tensor:
        """Return what is said from, shape (b, features)."""
        return self.look(self.far(self.near(channels)))

    def with_shares(self, channels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits, and those of the shares, shape (b, kinds, groups, len(PLACES))."""
        here = self.near(channels)
        features = self.look(self.far(here))
        place = self.place.expand(len(here), -1, -1)
        everywhere = features[:, :, None].expand(-1, -1, len(PLACES))
        shares = self.share(torch.cat([here, place, everywhere], dim=1))
        return self.say(features), shares.unflatten(1, (len(KINDS), self.shape.groups))


class Committee(nn.Module):
    """Networks of one shape that were trained apart; it has their interface."""

    def __init__(self, members: Sequence[Network]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, channels: Tensor) -> Tensor:
        return torch.stack([network(channels) for network in self.networks]).mean(dim=0)

    @property
    def networks(self) -> tuple[Network, ...]:
        """Its members."""
        return tuple(cast(Network, member) for member in self.members)

    @property
    def shape(self) -> Shape:
        """The one shape of all members."""
        return self.networks[0].shape

    def features(self, channels: Tensor) -> Tensor:
        """Return the features of the first member, shape (b, features): it judges for all what is familiar."""
        return self.networks[0].features(channels)

    def with_shares(self, channels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits and those of the shares; see `Network.with_shares`."""
        logits, shares = zip(*(network.with_shares(channels) for network in self.networks), strict=True)
        return torch.stack(logits).mean(dim=0), torch.stack(shares).mean(dim=0)


def _layer(before: int, after: int, kernel: int) -> nn.Sequential:
    """Return a convolution that halves the number of points."""
    convolution = nn.Conv1d(before, after, kernel, stride=2, padding=kernel // 2)
    return nn.Sequential(convolution, nn.GELU(), nn.GroupNorm(4, after))


def rounded(network: Network) -> Network:
    """Return a network with its weights as half precision keeps them, ready to be used."""
    with torch.no_grad():
        for weights in network.parameters():
            weights.copy_(weights.half().float())
    return network.eval()
