"""The network as a whole: how large its tensors are before the training, and in which unit atoms exchange."""

from dataclasses import replace
from itertools import islice

import pytest
import torch

from conftest import DATA
from mimyria.formats import read_frames
from mimyria.model.graph import build_graph
from mimyria.model.model import PRESETS, ResponseModel
from mimyria.model.network import Network
from networks import SPECIES, made_model


@pytest.mark.parametrize("file", ["water32_labels", "sulfate_labels"])
@pytest.mark.parametrize(("of", "target"), [("default", "apt"), ("default", "pgt"), ("small", "apt")])
def test_untrained_networks_give_tensors_of_the_size_of_labels(file: str, of: str, target: str) -> None:
    """Whatever the seed and the species: what is a hundred times too large would have to be unlearnt first."""
    frames = list(islice(read_frames(DATA / f"{file}.extxyz.xz"), 1))
    shape = replace(PRESETS[of][target], species=tuple(sorted({*frames[0].numbers.tolist()})))
    made = build_graph(frames, shape.species, shape.cutoff)
    sizes = []
    for seed in range(8):
        torch.manual_seed(seed)
        (network,) = (model := ResponseModel(shape)).networks
        geometry = model.geometry(made)
        network.set_scales([geometry])
        with torch.no_grad():
            sizes.append(float(model(geometry).square().mean().sqrt()))  # labels, being normalised, have one
    assert 1 / 3 < min(sizes) < max(sizes) < 3, sizes


def test_one_unit_of_the_exchange_is_carried_over_to_other_scales_and_species() -> None:
    (network,) = made_model("default", "apt").members
    assert isinstance(network, Network)
    exchange = network.exchange
    assert exchange is not None
    before = 0.5 + torch.rand(len(SPECIES), exchange.irreps.size)
    network.set_units(before, torch.tensor([0, 0, 1]), before)
    common = exchange.unit.clone() * before
    torch.testing.assert_close(common, common[:1].expand_as(common))
    after = before * (0.5 + torch.rand(len(SPECIES), 1))
    network.set_units(after, torch.tensor([2]), before, carried={0, 1})
    torch.testing.assert_close(exchange.unit * after, common)
