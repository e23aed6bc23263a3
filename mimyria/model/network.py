"""`Network`: an E(3)-equivariant network from neighbourhoods to the irreps of response tensors.

Features are functions on the sphere around each atom, see `layers`:

    density    A[lm, n, (s b)] = Σ_j δ(s, s_j) R_b(r_ij) Y_lm(r̂_ij)                     what lies around
    product    x ← x ⊕ P(f·g) ⊕ P(f·g·h), f, g, h linear images of x as functions       body order
    message    y[n] = Σ_b C(l'', l, l') W_b Σ_j R_b(r_ij) Y_lm(r̂_ij) x_j[l'm']          what the neighbours see
    read-out   irreps of the tensor, added up over the layers
    exchange   Σ_j (t_ij - t_ji), irreps of pairs of atoms, which add up to nothing over all atoms
    far        y[n] += Σ_u W_u f_n[lm, u]      potentials of what all atoms of the box send, see `long_range`

The sum over neighbours comes first, as one dense product per atom; weights and couplings act on atoms.
The parts of a tensor with the other parity (the antisymmetric part of the APT) come from cross products, at the end.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from mimyria.errors import ModelError
from mimyria.model import compiled
from mimyria.model.graph import Graph, Sent
from mimyria.model.harmonics import degrees, harmonics, radial_functions
from mimyria.model.irreps import Irreps
from mimyria.model.layers import (
    Exchange,
    Geometry,
    Message,
    NetworkSettings,
    ReadOut,
    SpeciesLinear,
    SphereProduct,
    inverse_root,
)
from mimyria.model.long_range import LongRangeMessage
from mimyria.model.whole_box import parts_of, potential_of

MARGIN = 16
"""Numbers beyond the basis that compiled functions may write to."""


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
        self.messages = nn.ModuleList(
            Message(n_species, settings.message_channels, channels, settings) for _ in range(settings.layers)
        )
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
        self.exchange = Exchange(n_species, irreps, settings) if settings.exchange_channels else None
        self.far = nn.ModuleList(
            LongRangeMessage(n_species, channels, settings.far_channels, channels, l_max)
            for _ in range(settings.layers if settings.far_channels else 0)
        )
        self.register_buffer("density_scale", torch.ones((l_max + 1) ** 2, 1, 1))
        self.register_buffer("message_scale", torch.ones(()))

    def geometry(self, graph: Graph, step: int | None = None) -> Geometry:
        """Return density and basis of a graph, or the one that a step needs."""
        geometry = self._compiled_geometry(graph, step) if compiled.usable(graph.vectors) else self._near(graph, step)
        if not self.far or (step or 0) > self.settings.layers:
            return geometry
        return replace(geometry, parts=parts_of(graph, self.settings.reach))

    def _near(self, graph: Graph, step: int | None) -> Geometry:
        settings, n = self.settings, len(graph)
        distances, angular = graph.vectors.norm(dim=-1), harmonics(graph.vectors, settings.l_max)  # (n, k), (lm, n, k)
        density = near = near_species = basis = graph.vectors.new_empty(0)
        falls = settings.envelope, settings.radial_fall
        if not step:
            radial = radial_functions(distances, settings.cutoff, settings.radial, *falls)  # (b, n, k)
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
            radial = radial_functions(distances, cutoff, settings.message_radial, *falls)
            near = graph.neighbours.gather(1, nearest).long()  # those of a chunk are small integers
            near_species = graph.neighbour_species.gather(1, nearest)
            basis = (angular * radial.permute(1, 2, 0).contiguous()[:, :, None]).flatten(2)
        return Geometry(graph, density, near, near_species, basis)

    def _compiled_geometry(self, graph: Graph, step: int | None) -> Geometry:
        settings, (n, k) = self.settings, graph.neighbours.shape
        vectors, cutoff = graph.vectors.contiguous(), float(min(settings.message_cutoff, settings.cutoff))
        density = near = near_species = basis = None
        most = torch.ones(1, dtype=torch.long)
        if not step:
            density = vectors.new_empty((settings.l_max + 1) ** 2, n, len(settings.species) * settings.radial)
        if step != 0:
            compiled.call("most_near", vectors, n, k, cutoff, most)
            near, near_species = most.new_empty(2, n, int(most))
            shape = n, int(most), (settings.l_max + 1) ** 2 * settings.message_radial
            basis = vectors.new_empty(math.prod(shape) + MARGIN)[:-MARGIN].reshape(shape)
        compiled.call(
            "geometry",
            *(vectors, graph.neighbours.long(), graph.neighbour_species.long(), n, k, len(settings.species)),
            *(settings.l_max, settings.envelope, float(settings.radial_fall), float(settings.cutoff), settings.radial),
            *(density, cutoff, settings.message_radial, int(most), near, near_species, basis),
        )
        nothing = vectors.new_empty(0)
        density, near, near_species, basis = (
            nothing if part is None else part for part in (density, near, near_species, basis)
        )
        return Geometry(graph, density, near, near_species, basis)

    def set_scales(self, geometries: Sequence[Geometry], *, trained: bool = False) -> None:
        """Bring inputs and messages to order one; of a trained network, what it hears from afar if that is new."""
        if not trained:
            self._set_near_scales(geometries)
        for number, far in enumerate(self._far):
            if not far.scale.any():
                far.set_scale(self._far_potentials(number, geometries))

    def _set_near_scales(self, geometries: Sequence[Geometry]) -> None:
        density = torch.cat([geometry.density for geometry in geometries], dim=1)
        for degree in range(self.settings.l_max + 1):
            part = slice(degree**2, (degree + 1) ** 2)
            self.density_scale[part] = inverse_root(density[part].square().mean())
        messages = torch.stack([geometry.basis.square().sum(1).mean() for geometry in geometries])
        self.message_scale.copy_(inverse_root(messages.mean()))

    def _far_potentials(self, number: int, geometries: Sequence[Geometry]) -> Tensor:
        """Return what the atoms hear of the whole box in a round of messages, (harmonics, n, channels)."""
        heard = []
        with torch.no_grad():
            for geometry in geometries:
                own, sent = self.step(0, geometry)
                for before in range(1, number + 1):
                    own, sent = self.step(before, geometry, own, self.gathered(sent))
                heard.append(self._far[number].heard(self.gathered(sent).boxes, geometry))
        return torch.cat(heard, dim=1)

    def set_units(self, scale: Tensor, atoms: Tensor, before: Tensor, carried: Collection[int] = ()) -> None:
        """Give the exchange one unit for all species, in which what the atoms exchange adds up to nothing.

        It is the root mean square scale of the irreps of ``atoms``, the index of the species of each labelled one. A
        trained exchange keeps its own, that of the species ``carried`` over. ``scale`` is that of each species, and
        ``before`` was that of the trained model, both (species, irreps).
        """
        if self.exchange is None:
            return
        if carried and self.exchange.mix.weight.any():
            common = (self.exchange.unit * before)[min(carried)]
        else:
            common = scale[atoms].square().mean(0).sqrt()
        self.exchange.unit.copy_(common / scale)

    @property
    def steps(self) -> int:
        """How often the atoms do something alone, having heard what their neighbours send after the first time."""
        return 1 + self.settings.layers + (self.exchange is not None)

    def step(self, number: int, geometry: Geometry, own: Any = None, sent: Sent | None = None) -> tuple[Any, Sent]:
        """Return features and read-outs of the atoms, after the last step irreps alone, and what they send."""
        slices, layers = geometry.graph.slices, self.settings.layers
        if self.exchange is not None and sent is not None and number > layers:
            return own + self.message_scale * self.exchange(sent.each, geometry), Sent(sent.each[:0])
        if sent is None:
            x = self.embed(geometry.density * self.density_scale, slices)  # (harmonics, n, channels)
            x, y = self.first(x, slices), {}
        else:
            x, y = own
            heard = self.message_scale * self.messages[number - 1](sent.each, geometry)
            if self.far:
                heard = heard + self._far[number - 1](sent.boxes, geometry)
            x = self.products[number - 1](torch.cat([x, heard], dim=-1), slices)  # (harmonics, n, 2 channels)
        y = y | {name: read(x, slices) + y.get(name, 0.0) for name, read in self.reads[number].items()}  # type: ignore[operator]
        if number < layers:
            near = self.messages[number].sent(x, slices)  # type: ignore[operator]
            return (x, y), Sent(near, self._far[number].told(x, geometry) if self.far else {})
        irreps = torch.cat([y[str(number)] for number in range(len(y))], dim=1)  # (n, irreps)
        return irreps, Sent(x[:0] if self.exchange is None else self.exchange.sent(x, slices))

    def gathered(self, sent: Sent) -> Sent:
        """Return what all atoms have sent with the potential of each box in place of its multipoles."""
        return Sent(sent.each, {number: potential_of(told) for number, told in sent.boxes.items()})

    @property
    def _far(self) -> Sequence[LongRangeMessage]:
        return cast("list[LongRangeMessage]", list(self.far))

    def forward(self, geometry: Geometry) -> Tensor:
        """Return the normalised irreps of the tensors, atoms in the graph's order; shape (n, irreps)."""
        own, sent = self.step(0, geometry)
        for number in range(1, self.steps):
            own, sent = self.step(number, geometry, own, self.gathered(sent))
        return own
