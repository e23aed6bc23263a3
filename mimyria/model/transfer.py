"""What a trained model hands on to another: its weights, for the species and the levels of theory of the other.

species that both know   the same weights, as central atom and as neighbour
a new species            random weights of its own, as at the beginning of any training; the others do not see it
                         yet: what reaches them of it has the weight zero, from which it can be learnt
levels                   every new read-out begins as that of the same level, or else of the one predicted before;
                         so does the exchange of pairs, and from nothing where the trained model has none
the whole box            what the atoms hear of it begins at nothing where the trained model has none of it
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mimyria.errors import ConfigError
from mimyria.level import Level
from mimyria.model.architecture import Settings
from mimyria.model.layers import NetworkSettings
from mimyria.model.model import ResponseModel

_READ_OUT = re.compile(r"(members\.\d+\.reads\.\d+\.)(\d+)(\..*)")
"""Weights of the read-out of an irrep, whose number counts through all levels."""
_EXCHANGE = ".exchange.mix.weight"
_ADDING = re.compile(r".*\.(exchange|far\.\d+)\.mix\.weight")
"""Weights by which what a start may lack adds to what it has."""
_MAY_LACK = "exchange_channels", "far_channels"
"""Settings of how much there is of that."""
CONSTANTS, UNIT = ("mean", "scale"), ".exchange.unit"
"""Those of every level stand side by side."""


def at_level(model: ResponseModel, level: int) -> ResponseModel:
    """Return a model that predicts at one level of theory alone; the model itself where it has no other."""
    if len(model.levels) == 1:
        return model
    alone = ResponseModel(model.settings, len(model.members), (model.levels[level],))
    alone.load_state_dict(_of_levels(model, [level]))
    last = level in (len(model.levels) - 1, -1)  # of which alone the committee is calibrated
    alone.summary = {name: fact for name, fact in model.summary.items() if last or not name.startswith("spread")}
    return alone


def adapted(
    model: ResponseModel, species: tuple[int, ...], levels: Sequence[Level], member: int, wanted: Settings | None = None
) -> ResponseModel:
    """Return a model of one network with the weights of a member of another, for these species and levels.

    Weights of new species are drawn by torch's generator. Where the other has no exchange of pairs, or hears nothing of
    the whole box, and a ``wanted`` shape does, this one gets it with weights of zero: it is the same, and can learn it.
    """
    before, shape = model.settings.species, replace(model.settings, species=species)
    if before != species and not isinstance(model.settings, NetworkSettings):
        raise ConfigError("networks of this preset cannot take other species than those of --start")
    shape = replace(shape, **{name: getattr(wanted, name) for name in lacking(shape, wanted)})
    adopted = ResponseModel(shape, levels=levels)
    sources = [model.levels.index(level) if level in model.levels else len(model.levels) - 1 for level in levels]
    carried = _of_levels(model, sources)
    own = {
        name.replace(f"members.{member}.", "members.0.", 1): tensor
        for name, tensor in carried.items()
        if not name.startswith("members.") or name.startswith(f"members.{member}.")
    }
    state = adopted.state_dict()
    for name, tensor in own.items():
        state[name] = _of_species(name, tensor, state[name], before, species)
    for name, tensor in state.items():
        if name not in own and _ADDING.fullmatch(name):
            tensor.zero_()
    adopted.load_state_dict(state)
    return adopted


def lacking(shape: Settings, wanted: Settings | None) -> list[str]:
    """Return the settings of what networks of a shape lack and a wanted shape has, and `adapted` adds."""
    return [name for name in _MAY_LACK if not getattr(shape, name, True) and getattr(wanted, name, False)]


def _of_levels(model: ResponseModel, levels: Sequence[int]) -> dict[str, Tensor]:
    """Return the weights and constants of some levels in this order, the others left out."""
    each, state = len(model.irreps.parts), model.state_dict()
    if len(model.levels) == 1 and len(levels) == 1:
        return state
    chosen: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if match := _READ_OUT.fullmatch(name):
            level, number = divmod(int(match[2]), each)
            for place in (place for place, source in enumerate(levels) if source == level):
                chosen[f"{match[1]}{place * each + number}{match[3]}"] = tensor
        elif name in CONSTANTS or name.endswith(UNIT):
            chosen[name] = torch.cat([tensor[:, model.columns(level)] for level in levels], dim=1)
        elif name.endswith(_EXCHANGE):
            chosen[name] = torch.cat([tensor.chunk(len(model.levels), dim=3)[level] for level in levels], dim=3)
        else:
            chosen[name] = tensor
    return chosen


def _of_species(name: str, tensor: Tensor, fresh: Tensor, before: Sequence[int], species: Sequence[int]) -> Tensor:
    """Return a weight of a model of some species for those of another, whose random weights are ``fresh``."""
    per_species = name in CONSTANTS or name.endswith((UNIT, "weight"))
    if tuple(before) == tuple(species) or not per_species:
        return tensor
    both = [number for number in species if number in before]
    here, there = ([numbers.index(number) for number in both] for numbers in (list(species), list(before)))
    result = fresh.clone()
    if name.endswith("embed.weight"):  # (species, degrees, species of neighbours · radial, channels)
        old, new = (x.reshape(*x.shape[:2], len(n), -1, x.shape[3]) for x, n in ((tensor, before), (result, species)))
        seen = torch.zeros_like(new[here])
        # a map divides by the root of its number of inputs
        seen[:, :, here] = old[there][:, :, there] * math.sqrt(len(species) / len(before))
        new[here] = seen
        return new.flatten(2, 3)
    if name.endswith(("send.weight", _EXCHANGE)):  # the exchange is of both atoms
        result = torch.zeros_like(result)
    result[here] = tensor[there]
    return result
