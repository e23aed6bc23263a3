"""The published network: trained and read again, and the one image of each neighbour that its program sees."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import molecule

from conftest import random_frame
from mimyria.errors import Interrupted
from mimyria.frame import Frame
from mimyria.model.files import read_model
from mimyria.model.graph import build_graph
from mimyria.model.irreps import tensor_irreps
from mimyria.model.model import PRESETS
from mimyria.model.published import PublishedNetwork, PublishedSettings
from mimyria.settings import TrainSettings
from mimyria.targets import TARGETS
from mimyria.training.train import train
from networks import SPECIES, stopping, tensors_of


@pytest.mark.parametrize("target", list(PRESETS["published"]))
def test_the_published_network_is_trained_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """A small one, for e3nn takes seconds to compile each of the dozen that are made."""

    water = molecule("H2O")
    frames = []
    for k in range(4):
        noise = np.random.default_rng(k).normal(size=(3, 3))
        tensors = {name: np.random.default_rng(k).normal(size=(3, *TARGETS[name].shape)) for name in TARGETS}
        tensors["pgt"] = tensors["pgt"] + tensors["pgt"].swapaxes(1, 2)
        nowhere = np.zeros((3, 3)), np.zeros(3, dtype=bool)
        frames.append(Frame(water.numbers, water.positions + 0.05 * noise, *nowhere, tensors=tensors))
    small = {name: replace(one, channels=(4, 4), layers=1) for name, one in PRESETS["published"].items()}
    monkeypatch.setitem(PRESETS, "published", small)
    settings = TrainSettings(target=target, preset="published", epochs=2)
    with pytest.raises(Interrupted):
        train(frames, settings, tmp_path / "m", on_progress=stopping())
    train(frames, settings, tmp_path / "m", resume=True)
    model = read_model(tmp_path / "m", target)
    assert np.isfinite(tensors_of(model, frames[0])).all()


def test_the_original_program_sees_one_image_of_each_neighbour() -> None:
    frame = random_frame(4, n_atoms=6, length=5.0)
    graph = build_graph([frame], SPECIES, 6.0, dtype=torch.float64)
    irreps = tensor_irreps(TARGETS["apt"])[0]
    every, nearest = (
        PublishedNetwork(PublishedSettings("apt", SPECIES, channels=(4, 4), minimum_image=one), irreps).geometry(graph)
        for one in (False, True)
    )
    pairs = list(zip(nearest.receivers.tolist(), nearest.senders.tolist(), strict=True))
    assert len(pairs) == len(set(pairs)) == 6 * 5  # every other atom is within 6 Å, and no atom sees itself
    assert len(every.receivers) > 2 * len(pairs)
    order = graph.order.numpy()
    images = np.array(list(np.ndindex(5, 5, 5))) - 2
    for receiver, sender in pairs:
        apart = frame.positions[order[receiver]] - frame.positions[order[sender]]
        shortest = np.linalg.norm(apart + images @ frame.cell, axis=1).min()
        kept = graph.vectors[receiver][graph.neighbours[receiver] == sender].norm(dim=1).min()
        assert float(kept) == pytest.approx(shortest)
