"""`ResponseModel`: networks, normalisation and units: what a model file holds, and what predicts tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from mimyria.elements import symbols_of
from mimyria.errors import ConfigError, ModelError
from mimyria.level import UNKNOWN, Level, in_words
from mimyria.model.architecture import ARCHITECTURES, GraphGeometry, NetworkProtocol, Settings, name_of
from mimyria.model.graph import Graph
from mimyria.model.irreps import tensor_irreps
from mimyria.model.layers import NetworkSettings
from mimyria.model.published import PublishedSettings
from mimyria.targets import TARGETS, Target


def _settings(target: Target, further: int = 0, **shape: Any) -> NetworkSettings:
    """Return settings that reach the highest l of a target's tensor; the first two orders share theirs.

    ``further``: how much higher the l + l' of a neighbour's place and of its features may be.
    """
    l_max = max(NetworkSettings.l_max, target.order + 1)
    # The higher l, the sharper the peaks of a function on the sphere around an atom with few neighbours: products of
    # three with l = 4, taken thrice, give the atoms of a lone water values of a million where products of two give ten.
    factors = NetworkSettings.factors if l_max == NetworkSettings.l_max else 2
    fixed: dict[str, Any] = {"l_max": l_max, "factors": factors, "exchange_channels": 6}
    return NetworkSettings(target.name, (), coupled_l_max=l_max + further, **fixed, **shape)


LARGE: dict[str, Any] = {
    "channels": 32,
    "message_channels": 16,
    "message_l_max": 3,
    "radial": 6,
    "message_radial": 4,
    "envelope": 6,
    "radial_fall": 1.0,
}
"""Messages that tell more of where things lie, and broad functions of how far count most."""

PRESETS: dict[str, dict[str, Settings]] = {
    "default": {name: _settings(target) for name, target in TARGETS.items()},
    "small": {
        name: _settings(target, cutoff=4.5, radial=6, message_cutoff=4.5, channels=10)
        for name, target in TARGETS.items()
    },
    "large": {name: _settings(target, further=1, **LARGE) for name, target in TARGETS.items()},
    "far": {name: _settings(target, further=1, far_channels=16, **LARGE) for name, target in TARGETS.items()},
    "published": {
        "apt": PublishedSettings("apt", ()),
        "pgt": PublishedSettings("pgt", (), channels=(40, 20, 13, 10)),
    },
}
"""Shapes of networks, by name and target; the species come from the labels."""


class ResponseModel(nn.Module):
    """Response tensors of every atom from a graph, by a committee of one or several networks of one shape.

    Trained alike from different random weights, its members tell by their spread how sure they are. Trained on labels
    of several levels of theory, they share all features, and have a read-out for each level: irreps, means and scales
    of all levels stand one after the other. A model that predicts has one level.
    """

    change_of_basis: Tensor
    mean: Tensor
    scale: Tensor

    def __init__(self, settings: Settings, members: int = 1, levels: Sequence[Level] = (UNKNOWN,)) -> None:
        super().__init__()
        if settings.target not in TARGETS:
            raise ModelError(f"there is no target {settings.target!r}; known are {', '.join(TARGETS)}")
        self.settings = settings
        self.levels = tuple(levels)
        self.summary: dict[str, Any] = {}
        self.irreps, change_of_basis = tensor_irreps(self.target)
        architecture = ARCHITECTURES[name_of(settings)]
        if len(self.levels) > 1 and not architecture.several_levels:
            raise ConfigError(f"networks of this preset learn one level of theory, not {in_words(self.levels)}")
        every = self.irreps.repeated(len(self.levels))
        networks = [architecture.network(settings, every) for _ in range(members)]
        self.members = nn.ModuleList(cast("list[nn.Module]", networks))
        self.register_buffer("change_of_basis", change_of_basis)
        self.register_buffer("mean", torch.zeros(len(settings.species), every.size))
        self.register_buffer("scale", torch.ones(len(settings.species), every.size))
        self.to(architecture.dtype)

    def __repr__(self) -> str:
        error = self.summary.get("validation_error")
        stated = "" if error is None else f", validation error {100 * error:.1f} %"
        species = ", ".join(symbols_of(self.settings.species))
        return f"<ResponseModel {self.target.name}: {len(self.members)} networks for {species}{stated}>"

    @property
    def target(self) -> Target:
        """What the model predicts."""
        return TARGETS[self.settings.target]

    @property
    def networks(self) -> Sequence[NetworkProtocol]:
        """The members, typed."""
        return cast("Sequence[NetworkProtocol]", self.members)

    def geometry(self, graph: Graph) -> GraphGeometry:
        """Return what the networks need to know of a graph; the same for every weight."""
        return self.networks[0].geometry(graph)

    def constants(self, species: Tensor, level: int = 0) -> tuple[Tensor, Tensor]:
        """Return mean and scale of the irreps of atoms (n,) of these species at a level, both (n, irreps)."""
        columns = self.columns(level)
        return self.mean[:, columns][species], self.scale[:, columns][species]

    def columns(self, level: int) -> slice:
        """Return the places of the irreps of a level."""
        return slice(level * self.irreps.size, (level + 1) * self.irreps.size)

    def forward(self, geometry: GraphGeometry, level: int = 0) -> Tensor:
        """Return the normalised irreps of every member, atoms in the graph's order; shape (members, n, irreps)."""
        return torch.stack([network(geometry)[:, self.columns(level)] for network in self.networks])

    def tensors(self, geometry: GraphGeometry, level: int = 0) -> Tensor:
        """Return the tensors of every member at a level in the unit of the target, atoms in the frames' order.

        Shape (members, n, 3, ..., 3).
        """
        return self.in_units(self(geometry, level), geometry.graph.species, geometry.graph.order, level)

    def in_units(self, y: Tensor, species: Tensor, order: Tensor, level: int = 0) -> Tensor:
        """Return the tensors of normalised irreps (members, n, irreps) of atoms of these species, in the frames' order.

        ``order`` is the atom of each place, shape (n,).
        """
        mean, scale = self.constants(species, level)
        y = y * scale + mean
        tensors = torch.empty_like(y).index_copy(1, order, y) @ self.change_of_basis.flatten(1)
        return tensors.reshape(*y.shape[:2], *self.target.shape)


def preset_settings(preset: str, target: str, species: tuple[int, ...]) -> Settings:
    """Return the settings of a preset; raise ConfigError if there is none of that name, or it has not that target."""
    if preset not in PRESETS:
        raise ConfigError(f"there is no preset {preset!r}; known are {', '.join(PRESETS)}")
    if target not in PRESETS[preset]:
        raise ConfigError(f"the preset {preset!r} has no network for {target}, only for {', '.join(PRESETS[preset])}")
    return replace(PRESETS[preset][target], species=species)
