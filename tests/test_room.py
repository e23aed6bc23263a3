"""Room: how much is computed at once, and what happens when a memory is full."""

import errno
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from conftest import random_frame
from mimyria.__main__ import _message
from mimyria.errors import ModelError
from mimyria.model import room as rooms
from mimyria.model.model import ResponseModel
from mimyria.model.predict import predict_all, predict_together
from mimyria.model.published import PublishedSettings
from mimyria.model.room import Room
from networks import SPECIES, assert_same, made_model, tensors_of


class FullCard:
    """Refuses more than so many pairs at once, as a card does whose memory is small."""

    def __init__(self, holds: int) -> None:
        self.holds, self.refused = holds, 0

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def computed(network: Any, graph: Any, *rest: Any) -> Any:
            if int((graph.vectors.norm(dim=-1) < network.settings.cutoff).sum()) > self.holds:
                self.refused += 1
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total of 4")
            return function(network, graph, *rest)

        return computed


def test_a_full_memory_halves_what_is_computed_at_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = made_model("small", "apt")
    network, frames = type(model.networks[0]), [random_frame(seed, n_atoms=40, length=8.0) for seed in range(3)]
    expected = [tensors_of(model, frame) for frame in frames]
    card = FullCard(holds=400)
    monkeypatch.setattr(network, "geometry", card(network.geometry))
    with caplog.at_level("INFO", "mimyria"):
        made = list(predict_all([model], frames, project=False))
    for frame, tensors in zip(made, expected, strict=True):
        assert_same(frame.tensors["apt"], tensors)
    assert [line for line in caplog.messages if "memory" in line] == [
        "CUDA out of memory: from here on fewer atoms are computed at once, with the same results"
    ]
    assert 0 < card.refused <= 10  # it is remembered from frame to frame
    card.holds = -1
    with pytest.raises(ModelError, match=r"CUDA out of memory, however few atoms .* --device cpu"):
        predict_together([model], frames)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"
        ),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried to alloc"
        ),
    ],
)
def test_the_memory_of_the_machine_may_be_full(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    room, enough = Room(), True

    def compute() -> int:
        if room.halvings < 2 or not enough:
            raise error
        return 1

    with caplog.at_level("INFO", "mimyria"):
        assert room.fit(compute) == 1
    assert caplog.messages == [
        "the memory is full: from here on fewer atoms are computed at once, with the same results"
    ]
    enough = False
    with pytest.raises(ModelError, match=r"the memory is full, however few .* fewer --workers, or a machine with more"):
        room.fit(compute)


def test_what_torch_says_of_a_full_memory_is_understood() -> None:
    with pytest.raises(ModelError, match="the memory is full"):
        Room().fit(lambda: torch.empty(2**58))
    with pytest.raises(ModelError, match="the memory is full"):
        Room().fit(lambda: np.empty(2**58))


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), "md.xyz")])
def test_a_command_says_that_the_memory_is_full(error: Exception) -> None:
    line, status = _message(error)
    assert line.startswith("the memory is full; give fewer --workers")
    assert status == 1


def test_other_errors_are_raised_as_they_are() -> None:
    def fails() -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        Room().fit(fails)


def test_room_is_what_the_device_has(monkeypatch: pytest.MonkeyPatch) -> None:
    published = ResponseModel(PublishedSettings("apt", SPECIES, channels=(4, 2, 2), layers=1, hidden=8))
    assert Room().pairs(made_model("small", "apt")) > 20 * Room().pairs(published)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (8 * 1024**3, 16 * 1024**3))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 3 * 1024**3)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 1024**3)
    assert rooms.free_bytes(torch.device("cuda")) == 5 * 1024**3
