"""What atoms hear of all others, however far: potentials of multipoles that these send.

Charges and dipoles, made of the features of each atom, are spread as Gaussians (exp(-k²/4η²)), and every atom hears
their screened potential (4π/(k² + κ²)) and its derivatives, as functions on the sphere around it; see `waves`.

What is nearer than some 1/η is smoothed out, which the neighbours tell, and what is much farther than 1/κ is not heard:
networks that have learnt in a small box know what they meet in a large one. The charges are no real ones, and need not
add up to nothing. (With κ = 0, where they must, Ewald's sum without its short range; potentials of charges that are
learnt so: B. Cheng, npj Comput. Mater. 11, 80 (2025).)
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mimyria.model.harmonics import degrees
from mimyria.model.layers import Geometry, SpeciesLinear, inverse_root
from mimyria.model.whole_box import Told

SENT_L_MAX = 1
"""Charges and dipoles."""


class LongRangeMessage(nn.Module):
    """What all atoms send, and what each hears of it."""

    degree: Tensor
    scale: Tensor

    def __init__(self, n_species: int, n_in: int, n_sent: int, n_out: int, l_max: int) -> None:
        super().__init__()
        self.send = SpeciesLinear(n_species, n_in, n_sent, degrees(SENT_L_MAX))
        self.mix = SpeciesLinear(n_species, n_sent, n_out, degrees(l_max))
        self.register_buffer("degree", degrees(l_max), persistent=False)
        self.register_buffer("scale", torch.zeros((l_max + 1) ** 2, 1, 1))  # zero until `set_scale`

    def told(self, x: Tensor, geometry: Geometry) -> dict[int, list[Told]]:
        """Return what atoms with features x (harmonics, n, channels) tell each box."""
        sent = self.send(x[: len(self.send.degree)], geometry.graph.slices).transpose(0, 1)  # (n, lm, u)
        return {part.frame: [(part, sent.index_select(0, part.here))] for part in geometry.parts}

    def forward(self, potentials: Mapping[int, Tensor], geometry: Geometry) -> Tensor:  # -> (harmonics, n, out)
        return self.mix(self.scale * self.heard(potentials, geometry), geometry.graph.slices)

    def heard(self, potentials: Mapping[int, Tensor], geometry: Geometry) -> Tensor:
        """Return the potential of each box and its derivatives at the atoms in it, (harmonics, n, channels)."""
        heard = torch.cat([part.heard(potentials[part.frame]) for part in geometry.parts])
        here = torch.cat([part.here for part in geometry.parts])
        return heard.index_select(0, here.argsort()).transpose(0, 1)

    def set_scale(self, potentials: Tensor) -> None:
        """Bring what is heard to order one, for each degree."""
        for degree in torch.unique(self.degree).tolist():
            of = self.degree == degree
            self.scale[of] = inverse_root(potentials[of].square().mean())
