"""The way of a graphics card, on the CPU where there is none; on a card, that it says what the CPU says."""

import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from scripts_of import script

from conftest import frames_of_all_kinds, random_frame
from mimyria.model import predict as prediction
from mimyria.model.files import choose_device
from mimyria.model.predict import predict, predict_together
from mimyria.model.room import Room
from networks import assert_same, made_model, tensors_of

ROOT = Path(__file__).parents[1]
CARD = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no cuda")


@pytest.fixture(scope="module")
def check() -> ModuleType:
    return script("scripts/gpu_check.py")


def test_batches_of_frames_give_what_each_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a card: several frames at once, their neighbours found without vesin."""
    model, frames = made_model("small", "pgt").double(), frames_of_all_kinds()
    expected = [tensors_of(model, frame) for frame in frames]
    monkeypatch.setattr(prediction, "device_of", lambda model: torch.device("cuda"))  # its arrays are on the CPU
    monkeypatch.setitem(prediction.ATOMS_PER_BATCH, "cuda", 25)
    monkeypatch.setattr(prediction, "build_graph", None)
    made = list(predict(model, 5 * frames, project=False))
    for frame, tensors in zip(made, 5 * expected, strict=True):
        np.testing.assert_allclose(frame.tensors["pgt"], tensors, atol=1e-11 * abs(tensors).max())


def test_products_of_matrices_are_in_single_precision_throughout() -> None:
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("high")
        choose_device("cpu")
        assert torch.get_float32_matmul_precision() == "highest"
    finally:
        torch.set_float32_matmul_precision(before)


def test_the_check_measures_and_compares(
    check: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cpu, frame = torch.device("cpu"), random_frame(0, n_atoms=12)
    frame.numbers[frame.numbers == 6] = 8
    monkeypatch.setattr(check, "NETWORKS", check.NETWORKS[:1])
    check.table(cpu, frame, frame, seconds=0.01)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:21] for line in lines] == ["apt default   single:", "pgt default   single:"]
    assert all(line.count("12 atoms") == 2 and "training step" in line for line in lines)
    assert check.difference("apt", frame, cpu) == 0.0


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a card: see what scripts/gpu-check prints")
def test_without_a_card_the_check_says_so() -> None:
    done = subprocess.run([ROOT / "scripts" / "gpu-check"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "gpu-check: nothing was measured: the device 'cuda' cannot be used: this machine, or this build of torch, has "
        "none; try --device auto or cpu"
    ]


@CARD
@pytest.mark.parametrize("target", ["apt", "pgt"])
def test_a_card_gives_what_the_cpu_gives(check: ModuleType, target: str) -> None:
    frame = random_frame(3, n_atoms=40, length=8.0)
    frame.numbers[frame.numbers == 6] = 8
    assert check.difference(target, frame, torch.device("cuda")) < 1e-5


@CARD
def test_a_full_card_is_shared_among_smaller_batches() -> None:
    model, frame = made_model("small", "apt").to("cuda"), random_frame(1, n_atoms=60, length=9.0)
    expected = tensors_of(model, frame)
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(256 * 1024**2 / torch.cuda.get_device_properties(0).total_memory)
    room = Room()
    try:
        (several,) = predict_together([model], [frame] * 100, room)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert room.halvings
    for found in several:
        assert_same(found.tensors, expected)
