"""The seam of the networks: what an architecture must offer, and which there are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from mimyria.errors import ModelError
from mimyria.model.graph import Graph, Sent
from mimyria.model.irreps import Irreps
from mimyria.model.layers import NetworkSettings
from mimyria.model.network import Network
from mimyria.model.published import PublishedNetwork, PublishedSettings


class Settings(Protocol):
    """The shape of a network: a frozen dataclass of plain values and tuples, with at least these fields."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def target(self) -> str: ...  # name in `TARGETS`

    @property
    def species(self) -> tuple[int, ...]: ...  # atomic numbers it knows

    @property
    def cutoff(self) -> float: ...  # how far an atom sees its neighbours, Å; they enter and leave smoothly there


class GraphGeometry(Protocol):
    """What a network needs to know of a graph."""

    @property
    def graph(self) -> Graph: ...

    @property
    def nbytes(self) -> int: ...  # memory that keeping this takes


class NetworkProtocol(Protocol):
    """A torch module that gives the normalised irreps of a tensor for every atom.

    It does so in steps. In each an atom computes alone, from what it kept of the step before and from what its
    neighbours, each by itself, and all atoms of its frame together have sent after it: so the atoms of a step may be
    computed chunk by chunk.
    """

    def geometry(self, graph: Graph, step: int | None = None) -> GraphGeometry:
        """Return what depends on the graph and the settings but for the target, not on weights: computed once.

        Or as much of it as one step needs.
        """

    def set_scales(self, geometries: Sequence[Any], *, trained: bool = False) -> None:
        """Bring what the layers see of these geometries to order one; of trained networks, what is new to them."""

    def set_units(self, scale: Tensor, atoms: Tensor, before: Tensor, carried: Collection[int] = ()) -> None:
        """Learn the scales of the irreps of each species; see `Network.set_units`."""

    def __call__(self, geometry: Any) -> Tensor:
        """Return the irreps, atoms in the graph's order; shape (n, irreps). They turn with the vectors of the graph.

        The same as all steps, one after the other, for the atoms of all chunks.
        """

    @property
    def steps(self) -> int:
        """How many steps there are, one at least."""

    def step(self, number: int, geometry: Any, own: Any = None, sent: Sent | None = None) -> tuple[Any, Sent]:
        """Return what the atoms of a graph keep after a step, the irreps after the last, and what they send.

        What they keep is a tensor, or tuples, lists and dictionaries of tensors.
        ``own`` is what they kept of the step before, ``sent`` what `gathered` makes of what all atoms have sent after
        it, those of all chunks, in their order; neither is given to the first step.
        """

    def gathered(self, sent: Sent) -> Sent:
        """Return what all atoms have sent as the next step takes it: what is the same for all is computed once."""


@dataclass(frozen=True)
class Architecture:
    """Networks of one design."""

    settings: type[Settings]
    network: Callable[[Any, Irreps], NetworkProtocol]  # a torch module, made from settings and the tensor's irreps
    dtype: torch.dtype = torch.float32  # of the weights
    several_levels: bool = False  # whether irreps of several levels of theory can be read from the same features
    pair_bytes: int = 800  # memory that a step needs for each pair of neighbours, roughly


ARCHITECTURES: dict[str, Architecture] = {
    "mimyria": Architecture(NetworkSettings, Network, several_levels=True),
    "published": Architecture(  # in double precision, as the original program computes
        PublishedSettings, PublishedNetwork, torch.float64, pair_bytes=60_000
    ),
}
"""By their name in model files."""


def name_of(settings: Settings) -> str:
    """Return the name in `ARCHITECTURES` to which settings belong."""
    for name, architecture in ARCHITECTURES.items():
        if type(settings) is architecture.settings:
            return name
    raise ModelError(f"{type(settings).__name__} belongs to none of the architectures {', '.join(ARCHITECTURES)}")
