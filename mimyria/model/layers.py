"""The layers of `Network`: what its atoms do alone, what they hear of their neighbours, and how tensors are read out.

A feature is a function on the sphere around each atom, given by its coefficients in the real spherical harmonics Y_lm,
l ≤ l_max, with the parity (-1)^l that such functions have. Tensors x[lm, n, u] hold harmonic, atom and channel.
Products are taken point by point on a Lebedev grid of the sphere that integrates them exactly, so rotations hold to
rounding. Every linear map has its own weights for each species of the central atom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mimyria.model import compiled
from mimyria.model.graph import Graph
from mimyria.model.harmonics import degrees, rows, sphere
from mimyria.model.irreps import Irrep, Irreps, wigner_3j
from mimyria.model.waves import Reach
from mimyria.model.whole_box import Part

TINY = 1e-12
HIGHER = 0.3
"""By what each further factor of a product is multiplied before the training: products of products have long tails, and
random weights alone made the first tensors of a fifth of the seeds ten and more times too large."""
EXCHANGED = 0.1
"""By what the exchange is multiplied before the training; 0.03 is as good, 0.3 not (benchmarks/RESULTS.md)."""


@dataclass(frozen=True)
class NetworkSettings:
    """The shape of a network."""

    target: str  # name in `TARGETS`
    species: tuple[int, ...]  # atomic numbers it knows
    cutoff: float = 6.0  # Å
    radial: int = 8  # number of radial functions
    envelope: int = 14  # how near to the cutoff they fall to zero: p of `radial_functions`
    radial_fall: float = 0.0  # power with which each further of them counts less
    channels: int = 16  # features per harmonic
    message_cutoff: float = 5.0  # Å; how near a neighbour must be for an atom to see its features
    message_radial: int = 6  # number of radial functions for these neighbours
    message_channels: int = 6  # features of a neighbour that an atom sees
    message_l_max: int = 2  # highest l' of them
    coupled_l_max: int = 3  # highest l + l' that is coupled, l of the neighbour's place
    layers: int = 2  # how often messages are passed
    factors: int = 3  # how many functions are multiplied at most; the body order
    exchange_channels: int = 0  # features of a neighbour that the exchange of a pair depends on; none without one
    l_max: int = 3  # highest l of the features; the tensor's at least, one more than the number of its field indices
    far_channels: int = 0  # potentials of the whole box that an atom hears; none without one
    far_widths: tuple[float, ...] = (0.3, 0.6)  # 1/Å; η of their smoothing, by turns
    far_screening: float = 0.3  # 1/Å; κ, how soon they fall off

    @property
    def reach(self) -> Reach:
        """What is heard of the whole box."""
        return Reach(self.far_channels, self.far_widths, self.far_screening, self.l_max)


@dataclass(frozen=True)
class Geometry:
    """What the network needs to know of a graph; the same for every weight, so training computes it once."""

    graph: Graph
    density: Tensor  # Σ_j R_b(r_ij) Y_lm(r̂_ij) over the neighbours of each species, (harmonics, n, species · radial)
    near: Tensor  # places of the neighbours that send messages, (n, k')
    near_species: Tensor  # index of their species, (n, k')
    basis: Tensor  # R_b(r_ij) Y_lm(r̂_ij) of these, (n, k', harmonics · message_radial)
    parts: tuple[Part, ...] = ()  # these atoms by the box they are in, where the network hears it

    @property
    def nbytes(self) -> int:
        """Memory that keeping this takes; the rest is small."""
        return self.basis.nbytes + sum(part.basis.nbytes for part in self.parts)


def inverse_root(mean_square: Tensor) -> Tensor:
    """Return 1/√x, or one where there is nothing."""
    return torch.where(mean_square > TINY, mean_square.clamp(min=TINY).rsqrt(), 1.0)


class SpeciesLinear(nn.Module):
    """A linear map of the channels for each harmonic's degree, with weights of the central atom's species."""

    degree: Tensor

    def __init__(self, n_species: int, n_in: int, n_out: int, degree: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_species, int(degree.max()) + 1, n_in, n_out))
        self.register_buffer("degree", degree, persistent=False)
        self.norm = 1 / math.sqrt(n_in)

    def forward(
        self, x: Tensor, slices: tuple[slice, ...], rows: slice = slice(None)
    ) -> Tensor:  # (harmonics, n, in) -> (harmonics, n, out); rows: which harmonics these are
        degree = self.degree[rows]
        if compiled.usable(x):
            out = x.new_empty(*x.shape[:2], self.weight.shape[3])
            compiled.call(
                "linear",
                *(x.contiguous(), x.shape[1], [places.stop for places in slices], len(slices), len(x), degree),
                *(*self.weight.shape[1:], self.weight, self.norm, out),
            )
            return out
        # split, unlike slices, has a gradient without zeros to fill in
        kinds = torch.split(x, [places.stop - places.start for places in slices], dim=1)
        maps = zip(kinds, self.weight * self.norm, strict=True)
        return torch.cat([torch.bmm(each, weight[degree]) for each, weight in maps], dim=1)


class SphereProduct(nn.Module):
    """Adds products of two, three, ... linear images of the features, mixes, and gates by the scalars."""

    to_sphere: Tensor
    from_sphere: Tensor
    to_half: Tensor
    from_half: Tensor
    even_first: Tensor
    degree: Tensor

    def __init__(self, n_species: int, n_in: int, n_out: int, settings: NetworkSettings) -> None:
        super().__init__()
        factors, l_max = settings.factors, settings.l_max
        values, weights = sphere((factors + 1) * l_max, l_max)  # the factors and the harmonic they are projected on
        self.n_out, self.l_max = n_out, l_max
        norm = math.sqrt(values.shape[1])  # coefficients of variance one give values of variance one
        self.register_buffer("to_sphere", (values / norm).float(), persistent=False)
        self.register_buffer("from_sphere", (norm * values * weights[:, None]).T.float().contiguous(), persistent=False)
        self.register_buffer("degree", degrees(l_max), persistent=False)
        # for `compiled`: one point of each two opposite ones, where harmonics of odd l have the opposite values
        self.register_buffer("even_first", torch.argsort(self.degree % 2, stable=True), persistent=False)
        self.n_even = int((self.degree % 2 == 0).sum())
        half = values[:, 1:4][torch.arange(len(values)), (values[:, 1:4].abs() > TINY**0.5).int().argmax(1)] > 0
        self.register_buffer("to_half", self.to_sphere[half][:, self.even_first].contiguous(), persistent=False)
        self.register_buffer("from_half", 2 * self.from_sphere[self.even_first][:, half], persistent=False)
        self.factors = SpeciesLinear(n_species, n_in, factors * n_out, degrees(l_max))
        self.mix = SpeciesLinear(n_species, n_in + (factors - 1) * n_out, n_out, degrees(l_max))
        further = torch.arange(1, factors).repeat_interleave(n_out)  # factors beyond the first, of each channel
        with torch.no_grad():
            self.mix.weight[:, :, n_in:] *= HIGHER ** further[:, None]
        self.gate = SpeciesLinear(n_species, n_out, l_max * n_out, torch.zeros(1, dtype=torch.long))

    def forward(self, x: Tensor, slices: tuple[slice, ...]) -> Tensor:  # (harmonics, n, in)
        n_harmonics, n, _ = x.shape
        if compiled.usable(x):
            return self._compiled(x.contiguous(), slices)
        factors = self.factors(x, slices).reshape(n_harmonics, n, -1, self.n_out).transpose(1, 2)
        values = self.to_sphere @ factors.reshape(n_harmonics, -1)
        product, *others = values.reshape(len(values), -1, n * self.n_out).unbind(1)  # (points, n out) each
        products = []
        for factor in others:
            product = product * factor
            products.append((self.from_sphere @ product).reshape(n_harmonics, n, -1))
        x = self.mix(torch.cat([x, *products], dim=-1), slices)  # (harmonics, n, out)
        scalars = x[:1]
        gates = 2 * torch.sigmoid(self.gate(scalars, slices)).reshape(n, -1, self.n_out).transpose(0, 1)  # (l, n, out)
        return torch.cat([nn.functional.silu(scalars), x[1:] * gates[self.degree[1:] - 1]])

    def _compiled(self, x: Tensor, slices: tuple[slice, ...]) -> Tensor:
        maps = (self.factors, self.mix, self.gate)
        out = x.new_empty(*x.shape[:2], self.n_out)
        compiled.call(
            "sphere_product",
            *(x, x.shape[1], [places.stop for places in slices], len(slices), self.l_max, x.shape[2]),
            *(self.n_out, self.factors.weight.shape[3] // self.n_out, len(self.to_half), self.n_even),
            *(self.even_first, self.to_half, self.from_half),
            *(linear.weight for linear in maps),
            *(linear.norm for linear in maps),
            out,
        )
        return out


class Message(nn.Module):
    """Couples what the neighbours send with where they are: harmonics l' of the neighbour's features, l of its place.

    Only l + l' up to a limit are coupled: few of the others reach the degrees that are kept.
    """

    coupling: Tensor
    used: Tensor

    def __init__(self, n_species: int, n_sent: int, n_out: int, settings: NetworkSettings) -> None:
        super().__init__()
        l_max = settings.l_max
        self.seen = [
            (degree, (min(l_max, settings.coupled_l_max - degree) + 1) ** 2)  # l', how many lm go with it
            for degree in range(min(settings.message_l_max, settings.coupled_l_max) + 1)
        ]
        degree = degrees(l_max)
        self.send = SpeciesLinear(n_species, settings.channels, n_sent, degrees(self.seen[-1][0]))
        pairs = [(other, lm) for l_sent, n_here in self.seen for other in rows(l_sent) for lm in range(n_here)]
        sent, here = torch.tensor(pairs).T
        _, degree_pairs = torch.unique(degree[sent] * (l_max + 1) + degree[here], return_inverse=True)
        self.mix = SpeciesLinear(n_species, n_sent * settings.message_radial, n_out, degree_pairs)
        coupling = self.couplings(sent, here, l_max)
        norm = coupling.square().sum(1, keepdim=True).sqrt()
        coupling = coupling / norm.clamp(min=TINY**0.5)  # nothing couples to degrees above the limit
        self.register_buffer("coupling", coupling.float(), persistent=False)
        used = torch.where(coupling.any(0), degree_pairs, -1)  # for `compiled`: pairs that make nothing are not mixed
        self.register_buffer("used", used, persistent=False)

    def couplings(self, sent: Tensor, here: Tensor, l_max: int) -> Tensor:
        """Return what pairs of harmonics l'm' and lm make, here functions on the sphere; shape (made, pairs)."""
        values, weights = sphere(3 * l_max, l_max)
        return torch.einsum("p,pc,pi,pi->ci", weights, values, values[:, sent], values[:, here])

    def sent(self, x: Tensor, slices: tuple[slice, ...]) -> Tensor:  # (harmonics, n, channels) -> (n, l'm' u)
        return self.send(x[: len(self.send.degree)], slices).transpose(0, 1).flatten(1)

    def forward(self, sent: Tensor, geometry: Geometry) -> Tensor:  # what all atoms send -> (made, n, out)
        if compiled.usable(sent):
            return self._compiled(sent.contiguous(), geometry)
        pairs = self.pairs(sent, geometry)
        return (self.coupling @ pairs.flatten(1)).reshape(-1, *pairs.shape[1:])

    def pairs(self, sent: Tensor, geometry: Geometry) -> Tensor:
        """Return the sums over the neighbours before they are coupled, (l'm' lm, n, out)."""
        n, slices, channels, radial = len(geometry.graph), geometry.graph.slices, self._n_sent, self._radial(geometry)
        mixed, first, near = [], 0, geometry.near.flatten()
        for (degree, n_here), part in zip(self.seen, self._by_degree(sent), strict=True):
            # index_select, unlike indexing, has a deterministic gradient on a CPU: trainings resume bit for bit
            theirs = part.index_select(0, near).reshape(*geometry.near.shape, -1)  # (n, k', m' u)
            sums = torch.bmm(theirs.transpose(1, 2), geometry.basis[..., : n_here * radial])  # (n, m' u, lm b)
            sums = sums.reshape(n, 2 * degree + 1, channels, n_here, radial).permute(1, 3, 0, 2, 4)
            sums = sums.reshape(-1, n, channels * radial)  # (m' lm, n, u b)
            mixed.append(self.mix(sums, slices, slice(first, first + len(sums))))
            first += len(sums)
        return torch.cat(mixed)

    def _by_degree(self, sent: Tensor) -> tuple[Tensor, ...]:  # (n, l'm' u) -> (n, m' u) for each l'
        return torch.split(sent, [(2 * degree + 1) * self._n_sent for degree, _ in self.seen], dim=1)

    @property
    def _n_sent(self) -> int:
        return self.send.weight.shape[3]

    def _radial(self, geometry: Geometry) -> int:
        return self.mix.weight.shape[2] // self._n_sent

    def _compiled(self, sent: Tensor, geometry: Geometry, own: Tensor | None = None) -> Tensor:
        n, slices, radial = len(geometry.graph), geometry.graph.slices, self._radial(geometry)
        out = sent.new_empty(len(self.coupling), n, self.mix.weight.shape[3])
        compiled.call(
            "message",
            *(sent, geometry.near.long(), geometry.basis, n, geometry.near.shape[1]),
            *([places.stop for places in slices], len(slices), geometry.basis.shape[2] // radial, radial),
            *(len(self.seen) - 1, [n_here for _, n_here in self.seen], self._n_sent, out.shape[2]),
            *(len(self.used), self.used, self.mix.weight.shape[1], len(self.coupling), self.coupling),
            *(self.mix.weight, self.mix.norm, own, None if own is None else geometry.near_species.long(), out),
        )
        return out


class Exchange(Message):
    """What the two atoms of each pair give each other: irreps of tensors whose sum over all atoms is zero.

        T_i = Σ_j (t_ij - t_ji),   t_ij = Σ_b C(l'', l, l') W_b R_b(r_ij) Y_lm(r̂_ij) x_j[l'm']

    W is of the species of i. A translation changes neither dipole nor polarizability: most of a response tensor is of
    this kind, and what one atom of a pair is taught the other learns. ``unit`` (species, irreps) is what one of the
    exchange is in normalised irreps of each species, so that the sum is zero in the unit of the tensor.
    """

    parity: Tensor
    unit: Tensor

    def __init__(self, n_species: int, irreps: Irreps, settings: NetworkSettings) -> None:
        self.irreps = irreps
        self.made = sorted({irrep.degree for irrep in irreps.parts})
        super().__init__(
            n_species, settings.exchange_channels, sum(irrep.multiplicity for irrep in irreps.parts), settings
        )
        with torch.no_grad():
            self.mix.weight.mul_(EXCHANGED)
        even = 1 - 2 * (degrees(settings.l_max) % 2)
        self.register_buffer("parity", even.float(), persistent=False)
        self.register_buffer("unit", torch.ones(n_species, irreps.size))

    def couplings(self, sent: Tensor, here: Tensor, l_max: int) -> Tensor:
        """Return the 3j symbols of pairs of the parity of the irreps, for each component of each of their degrees."""
        parity, of = self.irreps.parts[0].parity, degrees(l_max).tolist()
        symbols = {}
        coupling = torch.zeros(sum(2 * degree + 1 for degree in self.made), len(sent))
        for place, (one, other) in enumerate(zip(sent.tolist(), here.tolist(), strict=True)):
            first, second, row = of[one], of[other], 0
            for degree in self.made:
                if (-1) ** (first + second) == parity and abs(first - second) <= degree <= first + second:
                    if (key := (first, second, degree)) not in symbols:
                        symbols[key] = torch.from_numpy(wigner_3j(*key)).float()
                    coupling[row : row + 2 * degree + 1, place] = symbols[key][one - first**2, other - second**2]
                row += 2 * degree + 1
        return coupling

    def forward(self, sent: Tensor, geometry: Geometry) -> Tensor:  # what all atoms send -> (n, irreps)
        graph = geometry.graph
        own = sent[graph.first : graph.first + len(graph)]
        if compiled.usable(sent):
            made = self._compiled(sent.contiguous(), geometry, own.contiguous())
        else:
            pairs = self.pairs(sent, geometry) - self.given(own, geometry)
            made = (self.coupling @ pairs.flatten(1)).reshape(-1, *pairs.shape[1:])  # (components, n, multiplicities)
        firsts = {degree: sum(2 * below + 1 for below in self.made if below < degree) for degree in self.made}
        parts, column = [], 0
        for irrep in self.irreps.parts:
            first, end = firsts[irrep.degree], column + irrep.multiplicity
            parts.append(made[first : first + irrep.size, :, column:end].permute(1, 2, 0).flatten(1))
            column = end
        return torch.cat(parts, dim=1) * self.unit[graph.species]

    def given(self, own: Tensor, geometry: Geometry) -> Tensor:
        """Return what the atoms give to their neighbours, as `pairs` what they get: (l'm' lm, n, out).

        ``own`` is what these atoms send, (n, l'm' u).
        """
        n, n_species, radial = len(own), len(geometry.graph.slices), self._radial(geometry)
        theirs = geometry.near_species[:, None] == torch.arange(n_species, device=own.device)[:, None]  # (n, s, k')
        near = torch.bmm(theirs.to(own.dtype), geometry.basis).reshape(n, n_species, -1, radial)
        near = (near * self.parity[:, None]).permute(2, 0, 1, 3).flatten(2)  # Y_lm(-r̂) = (-1)^l Y_lm(r̂); (lm, n, s b)
        sent, out = self._n_sent, self.mix.weight.shape[3]
        given, first = [], 0
        for (_, n_here), mine in zip(self.seen, self._by_degree(own), strict=True):
            weight = self.mix.weight[:, self.mix.degree[first : first + n_here]] * self.mix.norm
            weight = weight.reshape(n_species, n_here, sent, radial, out).permute(1, 0, 3, 2, 4)  # (lm, s, b, u, out)
            image = torch.bmm(near[:n_here], weight.reshape(n_here, n_species * radial, -1))  # (lm, n, u out)
            image = image.reshape(n_here, n, sent, out).permute(1, 2, 0, 3).flatten(2)  # (n, u, lm out)
            part = torch.bmm(mine.reshape(n, -1, sent), image).reshape(n, -1, n_here, out)  # (n, m', lm, out)
            given.append(part.permute(1, 2, 0, 3).flatten(0, 1))
            first += len(given[-1])
        return torch.cat(given)


class ReadOut(nn.Module):
    """One irrep of the tensor, as often as it occurs.

    Of natural parity: a linear map of the harmonics of that degree. Else: cross products of two linear images,
    coupled by the Wigner 3j symbols of odd l1 + l2 + l.
    """

    wigner: Tensor
    left: Tensor
    right: Tensor

    def __init__(self, n_species: int, n_in: int, irrep: Irrep, l_max: int) -> None:
        super().__init__()
        self.irrep = irrep
        n_mixed = n_in
        if not irrep.natural:
            self.factors = SpeciesLinear(n_species, n_in, 2 * n_in, degrees(l_max))
            left, right, symbols = [], [], []
            for first, second in (paths := cross_products(irrep.degree, l_max)):
                symbols_here = wigner_3j(first, second, irrep.degree)  # (l1 m1, l2 m2, l m)
                symbol = math.sqrt(irrep.size) * torch.from_numpy(symbols_here).float()
                i, j = symbol.abs().sum(2).nonzero().T
                left.append(first**2 + i)
                right.append(second**2 + j)
                symbols.append(symbol[i, j].T)
            self.register_buffer("left", torch.cat(left), persistent=False)
            self.register_buffer("right", torch.cat(right), persistent=False)
            blocks: Tensor = torch.block_diag(*symbols)  # type: ignore[no-untyped-call]
            self.register_buffer("wigner", blocks, persistent=False)  # (paths lm, pairs)
            n_mixed = n_in * len(paths)
        self.mix = SpeciesLinear(n_species, n_mixed, irrep.multiplicity, torch.zeros(irrep.size, dtype=torch.long))

    def forward(self, x: Tensor, slices: tuple[slice, ...]) -> Tensor:  # -> (n, multiplicity · (2l + 1))
        if self.irrep.natural:
            y = x[self.irrep.degree**2 : (self.irrep.degree + 1) ** 2]
        else:
            a, b = self.factors(x, slices).chunk(2, dim=-1)  # (harmonics, n, in) each
            pairs = a.index_select(0, self.left) * b.index_select(0, self.right)  # (pairs, n, in)
            y = (self.wigner @ pairs.flatten(1)).unflatten(0, (-1, self.irrep.size)).unflatten(2, pairs.shape[1:])
            y = y.permute(1, 2, 0, 3).flatten(2)  # (2l + 1, n, paths in)
        return self.mix(y, slices).permute(1, 2, 0).flatten(1)


def cross_products(degree: int, l_max: int) -> list[tuple[int, int]]:
    """Return the pairs l1 ≤ l2 whose coupling to a degree has the parity that functions on the sphere have not."""
    return [
        (first, second)
        for first in range(1, l_max + 1)
        for second in range(first, l_max + 1)
        if second - first <= degree <= first + second and (first + second + degree) % 2
    ]
