"""The network: three convolutions that see bands, a layer that sees where they are, a number for each group.

    channels (4, 741) ─ conv 11/2 ─ conv 7/2 ─ conv 5/2 ─ conv 1 ─ all places (1488) ─ features (48) ─ logits

The two logits beside those of the groups are of spectra that are given as the other kind, Raman as infrared or the
reverse, and of curves that are no vibrational spectra of molecules.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mimyria.identify.channels import GRID, KINDS


@dataclass(frozen=True)
class Shape:
    """The sizes of a network."""

    groups: int
    """Its groups."""
    widths: tuple[int, int, int, int] = (16, 24, 32, 16)
    """Channels after each convolution."""
    kernels: tuple[int, int, int] = (11, 7, 5)
    features: int = 48
    dropout: float = 0.2
    beside: int = 1
    """Logits beside those of the groups: of the kind, and, if two, of strangers."""


class Network(nn.Module):
    """From channels, shape (b, 4, len(GRID)), to logits, shape (b, groups + beside)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before, points = 2 * len(KINDS), len(GRID)
        for width, kernel in zip(shape.widths, shape.kernels, strict=False):
            layers += [nn.Conv1d(before, width, kernel, stride=2, padding=kernel // 2), nn.GELU()]
            layers.append(nn.GroupNorm(4, width))
            before, points = width, (points + 1) // 2
        layers += [nn.Conv1d(before, shape.widths[-1], 1), nn.GELU(), nn.Flatten(), nn.Dropout(shape.dropout)]
        self.look = nn.Sequential(*layers, nn.Linear(shape.widths[-1] * points, shape.features), nn.GELU())
        self.say = nn.Sequential(nn.Dropout(shape.dropout), nn.Linear(shape.features, shape.groups + shape.beside))

    def forward(self, channels: Tensor) -> Tensor:
        return self.say(self.look(channels))

    def features(self, channels: Tensor) -> Tensor:
        """Return what is said from, shape (b, features)."""
        return self.look(channels)


def rounded(network: Network) -> Network:
    """Return a network with its weights as half precision keeps them, ready to be used."""
    with torch.no_grad():
        for weights in network.parameters():
            weights.copy_(weights.half().float())
    return network.eval()
