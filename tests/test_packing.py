"""Packed weights: how far rounding moves them, and files that hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scripts_of import script

from mimyria.errors import ModelError
from mimyria.frame import Frame
from mimyria.model.files import FORMAT, read_content, read_model, write_content
from mimyria.model.packing import STEP, STEPS, pack, unpack
from mimyria.model.predict import predict


def test_packing_rounds_to_half_a_step_of_each_column() -> None:
    weights = torch.randn(3, 40, 5, generator=torch.Generator().manual_seed(0)) * torch.logspace(-6, 2, 5)
    packed = pack(weights)
    assert isinstance(packed, dict)
    assert packed[STEPS].dtype == torch.int8
    largest = weights.abs().amax(dim=1, keepdim=True)
    # half a step, and half a unit in the last place of a step, where half precision has no normal numbers left
    assert ((unpack(packed) - weights).abs() <= largest / 127 * 0.51 + 127 * 3.1e-8).all()


def test_columns_of_zeros_stay_zero() -> None:
    weights = torch.zeros(20, 4)
    weights[:, 1] = 3.0
    assert torch.allclose(unpack(pack(weights)), weights, rtol=1e-3, atol=0)


@pytest.mark.parametrize("shape", [(100,), (7, 9)])
def test_what_is_small_is_halved(shape: tuple[int, ...]) -> None:
    weights = torch.ones(shape) / 3
    assert torch.allclose(unpack(pack(weights)).float(), weights, rtol=1e-3)
    assert isinstance(pack(weights), torch.Tensor)


def test_a_packed_model_predicts_alike(models: Path, labels: list[Frame], tmp_path: Path) -> None:
    model = models / "apt.mym"
    bundle = script("scripts/bundle.py").bundle
    bundle(model, tmp_path / "packed.mym", "apt", {"system": "some"})
    assert (tmp_path / "packed.mym").stat().st_size < 0.5 * model.stat().st_size
    bundle(tmp_path / "packed.mym", tmp_path / "again.mym", "apt", {})
    files = model, tmp_path / "packed.mym", tmp_path / "again.mym"
    one, other, again = (next(predict(read_model(path), labels[:1])).tensors["apt"] for path in files)
    assert 0 < np.sqrt(np.square(other - one).mean()) < 0.02 * np.sqrt(np.square(one).mean())
    assert np.allclose(again, other, atol=1e-4)
    assert read_model(tmp_path / "again.mym").summary["system"] == "some"


def test_scales_and_units_are_not_packed(models: Path, tmp_path: Path) -> None:
    """A unit of an element that is off makes all that it exchanges too large or too small."""
    script("scripts/bundle.py").bundle(models / "pgt.mym", tmp_path / "packed.mym", "pgt", {})
    before, packed = (read_content(path, FORMAT)["weights"] for path in (models / "pgt.mym", tmp_path / "packed.mym"))
    kept = [name for name, _ in read_model(models / "pgt.mym").named_buffers(remove_duplicate=False) if name in before]
    assert any(name.endswith("exchange.unit") for name in kept)
    assert any(name.endswith("density_scale") for name in kept)
    for name in kept:
        assert torch.equal(packed[name], before[name]), name


def test_a_packed_model_without_its_steps_is_damaged(models: Path, tmp_path: Path) -> None:
    script("scripts/bundle.py").bundle(models / "apt.mym", tmp_path / "packed.mym", "apt", {})
    content = read_content(tmp_path / "packed.mym", FORMAT)
    name = next(name for name, stored in content["weights"].items() if isinstance(stored, dict))
    del content["weights"][name][STEP]
    write_content(tmp_path / "bad.mym", content)
    with pytest.raises(ModelError, match="is a damaged model file"):
        read_model(tmp_path / "bad.mym")
