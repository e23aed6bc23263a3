"""What a trained model hands on: the same tensors, whatever species and levels are added."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from conftest import random_frame
from mimyria.errors import ConfigError
from mimyria.level import UNKNOWN, Level
from mimyria.model.model import PRESETS, ResponseModel
from mimyria.model.network import Network
from mimyria.model.transfer import adapted, at_level
from networks import SPECIES, assert_same, made_model, made_of, tensors_of

A, B = Level("a", "PBE", "small"), Level("b", "PBE", "large")


def untrained(levels: tuple[Level, ...], members: int = 1, species: tuple[int, ...] = SPECIES) -> ResponseModel:
    torch.manual_seed(3)
    shape = replace(PRESETS["small"]["pgt"], species=species, cutoff=4.0)
    model = ResponseModel(shape, members, levels)
    with torch.no_grad():
        model.mean.normal_()
        model.scale.uniform_(0.5, 2.0)
        for network in model.networks:
            assert isinstance(network, Network)
            assert network.exchange is not None
            network.exchange.unit.uniform_(0.5, 2.0)
    return model.eval()


def test_a_model_without_exchange_is_the_same_with_one_that_is_not_yet_trained() -> None:
    shape, frame = replace(PRESETS["small"]["apt"], exchange_channels=0), random_frame(1)
    model = made_of(replace(shape, species=SPECIES, cutoff=4.0))
    larger = adapted(model, SPECIES, (A,), 0, replace(shape, exchange_channels=6)).eval()
    assert larger.settings == replace(model.settings, exchange_channels=6)
    assert_same(tensors_of(larger, frame), tensors_of(model, frame))
    again = adapted(larger, SPECIES, (A,), 0, replace(shape, exchange_channels=8))
    assert again.settings == larger.settings  # what it has stays


@pytest.mark.parametrize("shape", ["small", "published"])
def test_the_same_species_and_level_give_the_same_tensors(shape: str) -> None:
    model, frame = made_model(shape, "apt"), random_frame(1)
    again = adapted(model, SPECIES, (A,), 0).eval()
    np.testing.assert_array_equal(tensors_of(again, frame), tensors_of(model, frame))


def test_levels_of_a_model_are_its_own_and_are_taken_apart() -> None:
    model, frame = untrained((A, B), members=2), random_frame(1)
    first, second = (at_level(model, level) for level in (0, 1))
    assert abs(tensors_of(first, frame) - tensors_of(second, frame)).max() > 0.1
    assert_same(tensors_of(first, frame), tensors_of(model, frame))
    turned = adapted(model, SPECIES, (B, A, UNKNOWN), 1)  # an unknown one begins as the last
    alone = adapted(second, SPECIES, (B,), 1)
    for level, expected in ((0, alone), (1, adapted(first, SPECIES, (A,), 1)), (2, alone)):
        assert_same(tensors_of(at_level(turned, level), frame), tensors_of(expected, frame))


def test_a_new_species_is_not_seen_by_the_others_before_it_is_trained() -> None:
    model = untrained((A,))
    frame = random_frame(4, n_atoms=12)
    new = replace(frame, numbers=np.where(np.arange(12) < 3, 7, frame.numbers))
    larger = adapted(model, (1, 6, 7, 8), (A,), 0).eval()
    kept = np.arange(12) >= 3
    bare = replace(new, numbers=new.numbers[kept], positions=new.positions[kept])
    assert_same(tensors_of(larger, frame), tensors_of(model, frame))
    assert_same(tensors_of(larger, new)[kept], tensors_of(model, bare))
    assert abs(tensors_of(larger, new)[:3]).max() > 0
    smaller = adapted(larger, SPECIES, (A,), 0).eval()
    assert_same(tensors_of(smaller, frame), tensors_of(model, frame))


def test_the_published_network_takes_neither_species_nor_levels() -> None:
    model = made_model("published", "apt")
    with pytest.raises(ConfigError, match="cannot take other species"):
        adapted(model, (1, 8), (A,), 0)
    with pytest.raises(ConfigError, match="learn one level of theory, not PBE/small"):
        ResponseModel(model.settings, levels=(A, B))
