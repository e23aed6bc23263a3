"""The published network: gated message passing of e3nn (v2106), with a tensor product for every pair of neighbours.

It is here as a reference, to compare with and to read models of the original program; it is much slower than ours.
Schienbein, J. Chem. Theory Comput. 2023, 19, 705 (APTNN); the settings are those of the original program's defaults.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from mimyria.model.graph import Graph, Sent
from mimyria.model.irreps import Irreps


@dataclass(frozen=True)
class PublishedSettings:
    """The shape of a published network."""

    target: str  # name in `TARGETS`
    species: tuple[int, ...]  # atomic numbers it knows, in the order of its inputs
    cutoff: float = 6.0  # Å
    radial: int = 10  # number of radial functions
    channels: tuple[int, ...] = (20, 10, 6, 5)  # features of each parity for each l
    layers: int = 3  # gated layers; one more makes the irreps of the tensor
    hidden: int = 100  # width of the hidden layer of the radial networks
    natural_parities: bool = False  # only features of parity (-1)^l
    minimum_image: bool = False  # the nearest image of each other atom only, as the original program has it


@dataclass(frozen=True)
class Edges:
    """What the network needs to know of a graph."""

    graph: Graph
    species: Tensor  # one-hot, (n, species)
    senders: Tensor  # places of the neighbours, (pairs,)
    receivers: Tensor  # places of the atoms whose neighbours they are, (pairs,)
    harmonics: Tensor  # Y_lm from sender to receiver, (pairs, harmonics)
    radial: Tensor  # (pairs, radial)

    @property
    def nbytes(self) -> int:
        """Memory that keeping this takes."""
        return self.harmonics.nbytes + self.radial.nbytes


class PublishedNetwork(nn.Module):
    """Normalised ``irreps`` of a tensor for every atom."""

    neighbours: Tensor

    def __init__(self, settings: PublishedSettings, irreps: Irreps) -> None:
        super().__init__()
        from e3nn import o3  # slow to import, and only needed here
        from e3nn.nn.models.v2106.gate_points_message_passing import MessagePassing

        self.settings = settings
        features = o3.Irreps(
            [
                (channels, (degree, parity))
                for degree, channels in enumerate(settings.channels)
                for parity in (-1, 1)
                if not settings.natural_parities or parity == (-1) ** degree
            ]
        )
        self.passing = MessagePassing(
            irreps_node_sequence=[f"{len(settings.species)}x0e", *[features] * settings.layers, str(irreps)],
            irreps_node_attr="0e",
            irreps_edge_attr=o3.Irreps.spherical_harmonics(len(settings.channels) - 1),
            fc_neurons=[settings.radial, settings.hidden],
            num_neighbors=1.0,  # the pairs are scaled instead
        )
        self.register_buffer("neighbours", torch.ones(()))

    def geometry(self, graph: Graph, step: int | None = None) -> Edges:
        """Return the pairs of a graph, of which every step needs all."""
        from e3nn import o3
        from e3nn.math import soft_one_hot_linspace

        settings = self.settings
        distances = graph.vectors.norm(dim=-1)
        receivers, columns = (distances < settings.cutoff).nonzero(as_tuple=True)
        if settings.minimum_image:
            senders = graph.neighbours[receivers, columns]
            kept = _nearest_images(graph.first + receivers, senders, distances[receivers, columns])
            receivers, columns = receivers[kept], columns[kept]
        vectors, degrees = graph.vectors[receivers, columns], list(range(len(settings.channels)))
        radial = soft_one_hot_linspace(
            distances[receivers, columns], 0.0, settings.cutoff, settings.radial, basis="smooth_finite", cutoff=True
        )
        return Edges(
            graph=graph,
            species=nn.functional.one_hot(graph.species, len(settings.species)).to(vectors.dtype),
            senders=graph.neighbours[receivers, columns],
            receivers=receivers,
            harmonics=o3.spherical_harmonics(degrees, -vectors, normalize=True, normalization="component"),
            radial=radial * settings.radial**0.5,
        )

    def set_scales(self, geometries: Sequence[Edges], *, trained: bool = False) -> None:
        """Set the mean number of neighbours, whose root sums over them are divided by; a trained network has it."""
        if trained:
            return
        pairs, atoms = sum(len(edges.senders) for edges in geometries), sum(len(edges.graph) for edges in geometries)
        self.neighbours.fill_(max(pairs, 1) / atoms)

    def set_units(self, scale: Tensor, atoms: Tensor, before: Tensor, carried: Collection[int] = ()) -> None:
        """Do nothing: there is no exchange of pairs."""

    @property
    def steps(self) -> int:
        """Tell the neighbours what one is, and pass every layer."""
        return 1 + len(self.passing.layers)

    def step(
        self, number: int, edges: Edges, own: Tensor | None = None, sent: Sent | None = None
    ) -> tuple[Tensor, Sent]:
        """Return the features of the atoms, after the last step the irreps, which is what they send too."""
        if own is None or sent is None:
            return edges.species, Sent(edges.species)
        others, senders = torch.unique(edges.senders, return_inverse=True)
        x = torch.cat([own, sent.each.index_select(0, others)])  # the layer passes by those that only send
        ones, harmonics = x.new_ones(len(x), 1), edges.harmonics / self.neighbours.sqrt()
        layer = self.passing.layers[number - 1]
        y = layer(x, ones, senders + len(own), edges.receivers, harmonics, edges.radial)[: len(own)]
        return y, Sent(y)

    def gathered(self, sent: Sent) -> Sent:
        """Return what all atoms have sent as it is."""
        return sent

    def forward(self, edges: Edges) -> Tensor:
        """Return the normalised irreps of the tensors, atoms in the graph's order; shape (n, irreps)."""
        ones = edges.species.new_ones(len(edges.graph), 1)
        harmonics = edges.harmonics / self.neighbours.sqrt()
        output: Tensor = self.passing(edges.species, ones, edges.senders, edges.receivers, harmonics, edges.radial)
        return output


def _nearest_images(receivers: Tensor, senders: Tensor, distances: Tensor) -> Tensor:
    """Return which pairs to keep so that every two atoms are one pair, shape (pairs kept,)."""
    order = distances.argsort()
    pairs = torch.stack([receivers[order], senders[order]]).cpu().numpy()
    _, first = np.unique(pairs, axis=1, return_index=True)
    kept = order[torch.from_numpy(first).to(order.device)]
    return kept[receivers[kept] != senders[kept]]
