"""`Network`: an E(3)-equivariant network from neighbourhoods to the irreps of response tensors.

A feature is a function on the sphere around each atom, given by its coefficients in the real spherical harmonics Y_lm,
l ≤ l_max, with the parity (-1)^l that such functions have. Tensors x[lm, n, u] hold harmonic, atom and channel.

    density    A[lm, n, (s b)] = Σ_j δ(s, s_j) R_b(r_ij) Y_lm(r̂_ij)                     what lies around
    product    x ← x ⊕ P(f·g) ⊕ P(f·g·h), f, g, h linear images of x as functions       body order
    message    y[n] = Σ_b C(l'', l, l') W_b Σ_j R_b(r_ij) Y_lm(r̂_ij) x_j[l'm']          what the neighbours see
    read-out   irreps of the tensor, added up over the layers

The sum over neighbours comes first, as one dense product per atom; weights and couplings act on atoms. Products are
taken point by point on a Lebedev grid of the sphere that integrates them exactly, so rotations hold to rounding.
The parts of a tensor with the other parity (the antisymmetric part of the APT) come from cross products, at the end.
Every linear map has its own weights for each species of the central atom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mimyria.errors import ModelError
from mimyria.model import compiled
from mimyria.model.graph import Graph
from mimyria.model.harmonics import degrees, harmonics, radial_functions, rows, sphere
from mimyria.model.irreps import Irrep, Irreps, wigner_3j

TINY = 1e-12
HIGHER = 0.3
"""By what each further factor of a product is multiplied before the training: products of products have long tails, and
random weights alone made the first tensors of a fifth of the seeds ten and more times too large."""
MARGIN = 16
"""Numbers beyond the basis that compiled functions may write to."""


@dataclass(frozen=True)
class NetworkSettings:
    """The shape of a network."""

    target: str  # name in `TARGETS`
    species: tuple[int, ...]  # atomic numbers it knows
    cutoff: float = 6.0  # Å
    radial: int = 8  # number of radial functions
    envelope: int = 14  # how near to the cutoff they fall to zero: p of `radial_functions`
    channels: int = 16  # features per harmonic
    message_cutoff: float = 5.0  # Å; how near a neighbour must be for an atom to see its features
    message_radial: int = 6  # number of radial functions for these neighbours
    message_channels: int = 6  # features of a neighbour that an atom sees
    message_l_max: int = 2  # highest l' of them
    coupled_l_max: int = 3  # highest l + l' that is coupled, l of the neighbour's place
    layers: int = 2  # how often messages are passed
    factors: int = 3  # how many functions are multiplied at most; the body order
    l_max: int = 3  # highest l of the features; the tensor's at least, one more than the number of its field indices


@dataclass(frozen=True)
class Geometry:
    """What the network needs to know of a graph; the same for every weight, so training computes it once."""

    graph: Graph
    density: Tensor  # Σ_j R_b(r_ij) Y_lm(r̂_ij) over the neighbours of each species, (harmonics, n, species · radial)
    near: Tensor  # places of the neighbours that send messages, (n, k')
    basis: Tensor  # R_b(r_ij) Y_lm(r̂_ij) of these, (n, k', harmonics · message_radial)

    @property
    def nbytes(self) -> int:
        """Memory that keeping this takes; the rest is small."""
        return self.basis.nbytes


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
        maps = zip(slices, self.weight * self.norm, strict=True)
        return torch.cat([torch.bmm(x[:, places], weight[degree]) for places, weight in maps], dim=1)


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

    def __init__(self, n_species: int, settings: NetworkSettings) -> None:
        super().__init__()
        l_max = settings.l_max
        self.seen = [
            (degree, (min(l_max, settings.coupled_l_max - degree) + 1) ** 2)  # l', how many lm go with it
            for degree in range(min(settings.message_l_max, settings.coupled_l_max) + 1)
        ]
        degree = degrees(l_max)
        self.send = SpeciesLinear(n_species, settings.channels, settings.message_channels, degrees(self.seen[-1][0]))
        pairs = [(other, lm) for l_sent, n_here in self.seen for other in rows(l_sent) for lm in range(n_here)]
        sent, here = torch.tensor(pairs).T
        _, degree_pairs = torch.unique(degree[sent] * (l_max + 1) + degree[here], return_inverse=True)
        n_in = settings.message_channels * settings.message_radial
        self.mix = SpeciesLinear(n_species, n_in, settings.channels, degree_pairs)
        values, weights = sphere(3 * l_max, l_max)
        coupling = torch.einsum("p,pc,pi,pi->ci", weights, values, values[:, sent], values[:, here])
        norm = coupling.square().sum(1, keepdim=True).sqrt()
        coupling = coupling / norm.clamp(min=TINY**0.5)  # nothing couples to degrees above the limit
        self.register_buffer("coupling", coupling.float(), persistent=False)

    def sent(self, x: Tensor, slices: tuple[slice, ...]) -> Tensor:  # (harmonics, n, channels) -> (n, l'm' u)
        return self.send(x[: len(self.send.degree)], slices).transpose(0, 1).flatten(1)

    def forward(self, sent: Tensor, geometry: Geometry) -> Tensor:  # what all atoms send -> (harmonics, n, channels)
        n, slices = len(geometry.graph), geometry.graph.slices
        n_harmonics, channels = len(self.coupling), sent.shape[1] // len(self.send.degree)
        radial = geometry.basis.shape[2] // n_harmonics
        if compiled.usable(sent):
            out = sent.new_empty(n_harmonics, n, self.mix.weight.shape[3])
            compiled.call(
                "message",
                *(sent.contiguous(), geometry.near.long(), geometry.basis, n, geometry.near.shape[1]),
                *([places.stop for places in slices], len(slices), n_harmonics, radial, len(self.seen) - 1),
                *([n_here for _, n_here in self.seen], channels, out.shape[2], len(self.mix.degree), self.mix.degree),
                *(self.mix.weight.shape[1], self.coupling, self.mix.weight, self.mix.norm, out),
            )
            return out
        # index_select, unlike indexing, has a deterministic gradient on a CPU: resumed trainings end with the same bits
        received = sent.index_select(0, geometry.near.flatten())
        received = received.reshape(*geometry.near.shape, -1)  # (n, k', l'm' u)
        mixed, first = [], 0
        for degree, n_here in self.seen:
            theirs = received[..., degree**2 * channels : (degree + 1) ** 2 * channels]
            part = torch.bmm(theirs.transpose(1, 2), geometry.basis[..., : n_here * radial])  # (n, m' u, lm b)
            part = part.reshape(n, 2 * degree + 1, channels, n_here, radial).permute(1, 3, 0, 2, 4)
            part = part.reshape(-1, n, channels * radial)  # (m' lm, n, u b)
            mixed.append(self.mix(part, slices, slice(first, first + len(part))))
            first += len(part)
        pairs = torch.cat(mixed).reshape(first, -1)  # (l'm' lm, n channels)
        return (self.coupling @ pairs).reshape(n_harmonics, n, -1)


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


class Network(nn.Module):
    """Normalised ``irreps`` of a tensor for every atom."""

    density_scale: Tensor
    message_scale: Tensor

    def __init__(self, settings: NetworkSettings, irreps: Irreps) -> None:
        super().__init__()
        self.settings = settings
        n_species, channels, l_max = len(settings.species), settings.channels, settings.l_max
        if irreps.highest > l_max:
            raise ModelError(
                f"a network with l_max={l_max} cannot give {irreps}; the {settings.target} needs {irreps.highest}"
            )
        self.embed = SpeciesLinear(n_species, n_species * settings.radial, channels, degrees(l_max))
        self.first = SphereProduct(n_species, channels, channels, settings)
        self.messages = nn.ModuleList(Message(n_species, settings) for _ in range(settings.layers))
        self.products = nn.ModuleList(
            SphereProduct(n_species, 2 * channels, channels, settings) for _ in range(settings.layers)
        )
        self.reads = nn.ModuleList(
            nn.ModuleDict(
                {
                    str(number): ReadOut(n_species, channels, irrep, l_max)
                    for number, irrep in enumerate(irreps.parts)
                    if last or irrep.natural  # the others are small, and cost most
                }
            )
            for last in [False] * settings.layers + [True]
        )
        self.register_buffer("density_scale", torch.ones((l_max + 1) ** 2, 1, 1))
        self.register_buffer("message_scale", torch.ones(()))

    def geometry(self, graph: Graph, step: int | None = None) -> Geometry:
        """Return density and basis of a graph, or the one that a step needs."""
        settings, n = self.settings, len(graph)
        if compiled.usable(graph.vectors):
            return self._compiled_geometry(graph, step)
        distances, angular = graph.vectors.norm(dim=-1), harmonics(graph.vectors, settings.l_max)  # (n, k), (lm, n, k)
        density = near = basis = graph.vectors.new_empty(0)
        if not step:
            radial = radial_functions(distances, settings.cutoff, settings.radial, settings.envelope)  # (b, n, k)
            species = torch.arange(len(settings.species), device=distances.device)[:, None, None]
            of_species = (radial * (graph.neighbour_species == species)[:, None]).flatten(0, 1)  # (s b, n, k)
            density = torch.bmm(angular.transpose(0, 1), of_species.permute(1, 2, 0))  # (n, lm, s b)
            density = density.transpose(0, 1).contiguous()
        if step != 0:
            cutoff = min(settings.message_cutoff, settings.cutoff)
            n_near = max(int((distances < cutoff).sum(1).max()), 1)
            distances, nearest = distances.topk(n_near, dim=1, largest=False, sorted=False)
            places = (nearest + graph.neighbours.shape[1] * torch.arange(n, device=nearest.device)[:, None]).flatten()
            angular = angular.flatten(1).index_select(1, places).T.contiguous().reshape(n, n_near, -1, 1)
            radial = radial_functions(distances, cutoff, settings.message_radial, settings.envelope)
            near = graph.neighbours.gather(1, nearest).long()  # those of a chunk are small integers
            basis = (angular * radial.permute(1, 2, 0).contiguous()[:, :, None]).flatten(2)
        return Geometry(graph, density, near, basis)

    def _compiled_geometry(self, graph: Graph, step: int | None) -> Geometry:
        settings, (n, k) = self.settings, graph.neighbours.shape
        vectors, cutoff = graph.vectors.contiguous(), float(min(settings.message_cutoff, settings.cutoff))
        density = near = basis = None
        most = torch.ones(1, dtype=torch.long)
        if not step:
            density = vectors.new_empty((settings.l_max + 1) ** 2, n, len(settings.species) * settings.radial)
        if step != 0:
            compiled.call("most_near", vectors, n, k, cutoff, most)
            near = most.new_empty(n, int(most))
            shape = n, int(most), (settings.l_max + 1) ** 2 * settings.message_radial
            basis = vectors.new_empty(math.prod(shape) + MARGIN)[:-MARGIN].reshape(shape)
        compiled.call(
            "geometry",
            *(vectors, graph.neighbours.long(), graph.neighbour_species.long(), n, k, len(settings.species)),
            *(settings.l_max, settings.envelope, float(settings.cutoff), settings.radial, density),
            *(cutoff, settings.message_radial, int(most), near, basis),
        )
        nothing = vectors.new_empty(0)
        return Geometry(graph, *(nothing if part is None else part for part in (density, near, basis)))

    def set_scales(self, geometries: Sequence[Geometry]) -> None:
        """Bring inputs and messages to order one."""
        density = torch.cat([geometry.density for geometry in geometries], dim=1)
        for degree in range(self.settings.l_max + 1):
            part = slice(degree**2, (degree + 1) ** 2)
            self.density_scale[part] = inverse_root(density[part].square().mean())
        messages = torch.stack([geometry.basis.square().sum(1).mean() for geometry in geometries])
        self.message_scale.copy_(inverse_root(messages.mean()))

    @property
    def steps(self) -> int:
        """How often the atoms do something alone, having heard what their neighbours send after the first time."""
        return 1 + self.settings.layers

    def step(self, number: int, geometry: Geometry, own: Any = None, sent: Tensor | None = None) -> tuple[Any, Tensor]:
        """Return features and read-outs of the atoms, after the last step irreps alone, and what they send."""
        slices = geometry.graph.slices
        if sent is None:
            x = self.embed(geometry.density * self.density_scale, slices)  # (harmonics, n, channels)
            x, y = self.first(x, slices), {}
        else:
            x, y = own
            heard = self.message_scale * self.messages[number - 1](sent, geometry)
            x = self.products[number - 1](torch.cat([x, heard], dim=-1), slices)  # (harmonics, n, 2 channels)
        y = y | {name: read(x, slices) + y.get(name, 0.0) for name, read in self.reads[number].items()}  # type: ignore[operator]
        if number == self.settings.layers:
            return torch.cat([y[str(number)] for number in range(len(y))], dim=1), x[:0]  # (n, irreps)
        return (x, y), self.messages[number].sent(x, slices)  # type: ignore[operator]

    def forward(self, geometry: Geometry) -> Tensor:
        """Return the normalised irreps of the tensors, atoms in the graph's order; shape (n, irreps)."""
        own, sent = self.step(0, geometry)
        for number in range(1, self.steps):
            own, sent = self.step(number, geometry, own, sent)
        return own


def inverse_root(mean_square: Tensor) -> Tensor:
    """Return 1/√x, or one where there is nothing."""
    return torch.where(mean_square > TINY, mean_square.clamp(min=TINY).rsqrt(), 1.0)
