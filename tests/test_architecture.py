"""The seam of the networks: a made-up architecture is one file, one entry, and passes the contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mimyria.errors import ModelError
from mimyria.model.architecture import ARCHITECTURES, Architecture, name_of
from mimyria.model.graph import Graph, Sent
from mimyria.model.irreps import tensor_irreps
from mimyria.model.model import PRESETS, ResponseModel
from mimyria.targets import TARGETS
from networks import SPECIES, NetworkContract, made_of


@dataclass(frozen=True)
class OuterSettings:
    """The shape of `OuterProducts`; ``products`` is how many are added up."""

    target: str
    species: tuple[int, ...]
    cutoff: float = 4.0
    products: int = 3


@dataclass(frozen=True)
class Geometry:
    """Σ_j f(r_ij) r̂_ij and Σ_j f(r_ij) r_ij over the neighbours of each species, shape (n, 2 species, 3)."""

    graph: Graph
    sums: Tensor

    @property
    def nbytes(self) -> int:
        return self.sums.nbytes


class OuterProducts(nn.Module):
    """Σ_p v_p1 ⊗ v_p2 ⊗ ..., v linear in the sums over neighbours, with weights of the central species."""

    scale: Tensor
    basis: Tensor

    def __init__(self, settings: OuterSettings, irreps: Any) -> None:
        super().__init__()
        self.settings = settings
        target, n_species = TARGETS[settings.target], len(settings.species)
        self.weight = nn.Parameter(torch.randn(n_species, settings.products, target.order + 1, 2 * n_species))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("basis", tensor_irreps(target)[1].flatten(1))

    def geometry(self, graph: Graph, step: int | None = None) -> Geometry:
        distances = graph.vectors.norm(dim=-1, keepdim=True)
        fall = (1 - distances / self.settings.cutoff).clamp(min=0) ** 3
        terms = torch.stack([fall / distances, fall]) * graph.vectors  # (2, n, k, 3)
        kinds = torch.arange(len(self.settings.species), device=distances.device)
        which = (graph.neighbour_species[..., None] == kinds).to(terms)  # (n, k, species)
        return Geometry(graph, torch.einsum("fnkx,nks->nfsx", terms, which).flatten(1, 2))

    def set_scales(self, geometries: Sequence[Geometry]) -> None:
        self.scale.fill_(torch.cat([geometry.sums for geometry in geometries]).square().mean().rsqrt())

    def forward(self, geometry: Geometry) -> Tensor:
        vectors = torch.einsum("npis,nsx->npix", self.weight[geometry.graph.species], geometry.sums * self.scale)
        outer, *others = vectors.unbind(2)  # (n, products, 3) each
        for vector in others:
            outer = (outer[..., None] * vector[:, :, None]).flatten(2)
        return outer.sum(1) @ self.basis.T

    steps = 1

    def step(self, number: int, geometry: Geometry, own: Any = None, sent: Any = None) -> tuple[Tensor, Sent]:
        return self(geometry), Sent(geometry.sums[:0])

    def gathered(self, sent: Sent) -> Sent:
        return sent


@pytest.fixture(autouse=True, scope="module")
def entry() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "outer products", Architecture(OuterSettings, OuterProducts))
        yield


class TestMadeUpArchitecture(NetworkContract):
    @pytest.fixture(scope="class", params=TARGETS)
    @classmethod
    def model(cls, request: pytest.FixtureRequest, entry: None) -> ResponseModel:
        return made_of(OuterSettings(request.param, SPECIES))


def test_every_preset_has_an_architecture() -> None:
    names = {name_of(shape) for shapes in PRESETS.values() for shape in shapes.values()}
    assert names | {"outer products"} == {*ARCHITECTURES}


def test_a_target_that_is_not_there() -> None:
    with pytest.raises(ModelError, match="there is no target 'spin'; known are apt, pgt"):
        ResponseModel(OuterSettings("spin", SPECIES))


def test_settings_of_no_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(ARCHITECTURES, "outer products")
    with pytest.raises(ModelError, match="OuterSettings belongs to none of the architectures mimyria, published"):
        ResponseModel(OuterSettings("apt", SPECIES))
