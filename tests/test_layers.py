"""The layers of the network, each alone: what goes in turned, what comes out is turned, reflections included."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from e3nn import o3
from torch import Tensor

from conftest import random_frame, rotation
from mimyria.model.graph import Graph, build_graph
from mimyria.model.layers import Exchange, Geometry, Message, ReadOut, SphereProduct
from mimyria.model.model import PRESETS, ResponseModel
from mimyria.model.network import Network
from mimyria.targets import TARGETS
from networks import SPECIES

TURNS = [(seed, improper) for seed in range(3) for improper in (False, True)]
turns = pytest.mark.parametrize(("seed", "improper"), TURNS)


@pytest.fixture(scope="module", params=TARGETS)
def network(request: pytest.FixtureRequest) -> Network:
    """A network of the default shape, in double precision, so that only what is wrong is not equal."""
    torch.manual_seed(0)
    model = ResponseModel(replace(PRESETS["default"][request.param], species=SPECIES, cutoff=4.0)).double()
    (network,) = model.members
    assert isinstance(network, Network)
    network.set_scales([network.geometry(graph())])
    return network


def graph(turn: Tensor | None = None) -> Graph:
    made = build_graph([random_frame(1), random_frame(2, n_atoms=5)], SPECIES, 4.0, dtype=torch.float64)
    return made if turn is None else replace(made, vectors=made.vectors @ turn.T)


def on_functions(network: Network, turn: Tensor) -> Tensor:
    """How a turn acts on the coefficients of functions on the sphere, shape (harmonics, harmonics)."""
    l_max = math.isqrt(len(network.density_scale)) - 1
    return o3.Irreps.spherical_harmonics(l_max).D_from_matrix(turn)


def features(network: Network, channels: int) -> Tensor:
    """Some features of every atom, shape (harmonics, n, channels)."""
    generator = torch.Generator().manual_seed(3)
    return torch.randn(len(network.density_scale), len(graph()), channels, generator=generator, dtype=torch.float64)


def turned(matrix: Tensor, x: Tensor) -> Tensor:
    return torch.einsum("ab,bnu->anu", matrix, x)


def matrix(seed: int, improper: bool) -> Tensor:
    return torch.from_numpy(rotation(seed, improper=improper))


def heard(message: Message, x: Tensor, geometry: Geometry) -> Tensor:
    """What the atoms hear of features that all of them have."""
    received: Tensor = message(message.sent(x, geometry.graph.slices), geometry)
    return received


def assert_equal(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(
        one, other, rtol=1e-4, atol=3e-6 * float(other.detach().abs().max())
    )  # couplings are single


@turns
def test_products_of_functions_turn(network: Network, seed: int, improper: bool) -> None:
    product, slices = network.first, graph().slices
    assert isinstance(product, SphereProduct)
    x, turn = features(network, network.settings.channels), on_functions(network, matrix(seed, improper))
    assert_equal(product(turned(turn, x), slices), turned(turn, product(x, slices)))


def test_products_of_functions_reach_the_body_order(network: Network) -> None:
    """Scaled by s, x gives a polynomial of as many factors before the gates: differences beyond that order vanish."""
    product, slices, factors = network.first, graph().slices, network.settings.factors
    x = features(network, network.settings.channels)
    seen: list[Tensor] = []
    handle = product.mix.register_forward_hook(lambda layer, given, made: seen.append(made))
    for scale in range(factors + 2):
        product(scale * x, slices)
    handle.remove()
    made = torch.stack(seen).detach()
    assert made.diff(n=factors, dim=0).abs().max() > 1e-3
    assert made.diff(n=factors + 1, dim=0).abs().max() < 1e-9 * made[-1].abs().max()


@turns
def test_messages_turn_with_the_neighbours(network: Network, seed: int, improper: bool) -> None:
    message, turn = network.messages[0], matrix(seed, improper)
    assert isinstance(message, Message)
    x, action = features(network, network.settings.channels), on_functions(network, turn)
    received = heard(message, turned(action, x), network.geometry(graph(turn)))
    assert_equal(received, turned(action, heard(message, x, network.geometry(graph()))))


def test_messages_come_from_neighbours_alone(network: Network) -> None:
    """Whoever has a neighbour nearer than the cutoff hears of a change of it, and nobody else does."""
    message, geometry = network.messages[0], network.geometry(graph())
    x = features(network, network.settings.channels)
    other = x.clone()
    other[:, 4] += 1.0
    changed = (heard(message, other, geometry) - heard(message, x, geometry)).abs().amax(dim=(0, 2)) > 1e-9
    near = (geometry.graph.neighbours == 4) & (geometry.graph.vectors.norm(dim=-1) < network.settings.cutoff - 1e-3)
    assert changed.tolist() == near.any(dim=1).tolist()
    assert changed.any()
    assert not changed.all()


@turns
def test_every_read_out_turns_as_its_irrep(network: Network, seed: int, improper: bool) -> None:
    turn, slices = matrix(seed, improper), graph().slices
    x, action = features(network, network.settings.channels), on_functions(network, turn)
    reads = [*network.reads[-1].values()]
    for read in reads:
        assert isinstance(read, ReadOut)
        own = o3.Irrep(read.irrep.name).D_from_matrix(turn)
        plain = read(x, slices).unflatten(1, (-1, read.irrep.size))  # (n, multiplicity, 2l + 1)
        assert_equal(read(turned(action, x), slices).unflatten(1, (-1, read.irrep.size)), plain @ own.T)
    assert {read.irrep.natural for read in reads} == {True, False}


def exchanged(network: Network, x: Tensor, geometry: Geometry) -> Tensor:
    """What the exchange gives every atom, in the unit of its species."""
    exchange = network.exchange
    assert isinstance(exchange, Exchange)
    made: Tensor = exchange(exchange.sent(x, geometry.graph.slices), geometry)
    return made


@turns
def test_the_exchange_turns_as_its_irreps(network: Network, seed: int, improper: bool) -> None:
    turn = matrix(seed, improper)
    x, action = features(network, network.settings.channels), on_functions(network, turn)
    assert network.exchange is not None
    parts = network.exchange.irreps.parts
    of_irreps = o3.Irreps([(irrep.multiplicity, irrep.name) for irrep in parts]).D_from_matrix(turn)
    plain = exchanged(network, x, network.geometry(graph()))
    assert_equal(exchanged(network, turned(action, x), network.geometry(graph(turn))), plain @ of_irreps.T)
    for irrep, part in zip(
        parts, plain.split([irrep.multiplicity * irrep.size for irrep in parts], dim=1), strict=True
    ):
        assert part.abs().max() > 1e-4, irrep.name


def test_what_the_atoms_of_a_frame_exchange_adds_up_to_nothing(network: Network) -> None:
    """Whatever the features, in one unit for all species: of both frames, which do not see each other."""
    x, geometry = features(network, network.settings.channels), network.geometry(graph())
    assert network.exchange is not None
    scale = 0.5 + torch.rand(len(SPECIES), network.exchange.irreps.size, dtype=torch.float64)
    species = geometry.graph.species
    network.set_units(scale, species, scale)
    made = exchanged(network, x, geometry) * scale[species]
    size = math.sqrt(float(scale[species].square().mean()))  # so large is the unit
    assert size / 100 < made.abs().max() < 10 * size
    first = geometry.graph.order < len(random_frame(1))
    for frame in (first, ~first):
        assert made[frame].sum(0).abs().max() < 1e-6 * made.abs().max()  # couplings are single


def test_weights_are_those_of_the_central_species(network: Network) -> None:
    """A change of the weights of one species changes the atoms of this species, and no other."""
    layer, slices = network.embed, graph().slices
    x = features(network, layer.weight.shape[2])
    before = layer(x, slices)
    with torch.no_grad():
        layer.weight[1] += 0.1
    changed = (layer(x, slices) - before).abs().amax(dim=(0, 2)) > 1e-9
    with torch.no_grad():
        layer.weight[1] -= 0.1
    assert changed.nonzero().flatten().tolist() == list(range(slices[1].start, slices[1].stop))
