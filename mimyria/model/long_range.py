"""What atoms hear of all others, however far: potentials of multipoles that these send.

Charges and dipoles a_j[lm], made of the features of each atom, are spread as Gaussians, and every atom hears their
screened potential and its derivatives, as functions on the sphere around it:

    S(k)    = Σ_lm (-i)^l k^l Y_lm(k̂) Σ_j a_j[lm] exp(-ik·r_j)
    f_i[lm] = Re i^l Σ_k 4π/V(k² + κ²) exp(-k²/4η²) k^l Y_lm(k̂) S(k) exp(ik·r_i)

What is nearer than some 1/η is smoothed out, which the neighbours tell, and what is much farther than 1/κ is not heard:
networks that have learnt in a small box know what they meet in a large one. The charges are no real ones, and need not
add up to nothing. (With κ = 0, where they must, Ewald's sum without its short range; potentials of charges that are
learnt so: B. Cheng, npj Comput. Mater. 11, 80 (2025).)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mimyria.model.harmonics import degrees
from mimyria.model.layers import Geometry, SpeciesLinear, inverse_root
from mimyria.model.waves import Waves

SENT_L_MAX = 1
"""Charges and dipoles."""


class LongRangeMessage(nn.Module):
    """What all atoms send, and what each hears of it; a channel has one of the widths, by turns."""

    degree: Tensor
    scale: Tensor
    turn: Tensor

    def __init__(self, n_species: int, n_in: int, n_sent: int, n_out: int, widths: Sequence[float], l_max: int) -> None:
        super().__init__()
        self.n_sent = n_sent
        self.send = SpeciesLinear(n_species, n_in, n_sent, degrees(SENT_L_MAX))
        self.mix = SpeciesLinear(n_species, n_sent, n_out, degrees(l_max))
        self.register_buffer("degree", degrees(l_max), persistent=False)
        self.register_buffer("turn", torch.arange(n_sent) % len(widths), persistent=False)
        self.register_buffer("scale", torch.zeros((l_max + 1) ** 2, 1, 1))  # zero until `set_scale`

    @property
    def columns(self) -> int:
        """How many numbers an atom sends."""
        return (SENT_L_MAX + 1) ** 2 * self.n_sent

    def sent(self, x: Tensor, slices: tuple[slice, ...]) -> Tensor:  # (harmonics, n, channels) -> (n, lm u)
        return self.send(x[: len(self.send.degree)], slices).transpose(0, 1).flatten(1)

    def forward(self, sent: Tensor, geometry: Geometry) -> Tensor:  # what all atoms send -> (harmonics, n, out)
        return self.mix(self.scale * self.potentials(sent, geometry), geometry.graph.slices)

    def potentials(self, sent: Tensor, geometry: Geometry) -> Tensor:
        """Return f of the atoms from what all atoms send, shape (harmonics, n, channels)."""
        heard = sent.new_zeros(len(self.degree), len(geometry.graph), self.n_sent)
        for box in geometry.waves:
            heard = heard.index_copy(1, box.here, self._of_box(sent.index_select(0, box.places), box))
        return heard

    def _of_box(self, sent: Tensor, box: Waves) -> Tensor:
        even = self.degree % 2 == 0
        of_even, of_odd = (sent.new_zeros(int(which.sum()), len(box.here), self.n_sent) for which in (even, ~even))
        for block in box.blocks:
            cosine, sine = box.phases(block)
            real, imaginary = self._sums(cosine, sine, sent, box.shape[:, block])
            weighted = box.weight[:, block][self.turn].T * box.shape[:, block, None]  # (harmonics, waves, u)
            real, imaginary = weighted * real, weighted * imaginary
            if len(box.own) < len(cosine):
                cosine, sine = cosine[box.own], sine[box.own]
            # Re i^l (R + iI)(cos + i sin), but for the sign of i^l
            of_even = of_even + cosine @ real[even] - sine @ imaginary[even]
            of_odd = of_odd + sine @ real[~even] + cosine @ imaginary[~even]
        heard = sent.new_empty(len(self.degree), len(box.here), self.n_sent)
        heard = heard.index_copy(0, even.nonzero()[:, 0], of_even).index_copy(0, (~even).nonzero()[:, 0], of_odd)
        sign = 1 - 2 * ((self.degree + 1) // 2 % 2)  # 1, -1, -1, 1
        return heard * sign[:, None, None]

    def _sums(self, cosine: Tensor, sine: Tensor, sent: Tensor, shape: Tensor) -> tuple[Tensor, Tensor]:
        """Return S of some waves, its real and its imaginary part, (waves, u) each."""
        with_cosine, with_sine = ((wave.T @ sent).reshape(wave.shape[1], -1, self.n_sent) for wave in (cosine, sine))
        real = imaginary = sent.new_zeros(())
        for lm, degree in enumerate(degrees(SENT_L_MAX).tolist()):
            # exp(-ik·r) = cos - i sin
            a, b = shape[lm, :, None] * with_cosine[:, lm], -shape[lm, :, None] * with_sine[:, lm]
            real, imaginary = (real + a, imaginary + b) if degree == 0 else (real + b, imaginary - a)  # times (-i)^l
        return real, imaginary

    def set_scale(self, potentials: Tensor) -> None:
        """Bring what is heard to order one, for each degree."""
        for degree in torch.unique(self.degree).tolist():
            of = self.degree == degree
            self.scale[of] = inverse_root(potentials[of].square().mean())
