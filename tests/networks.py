"""Small networks that several tests train, and what is asked of them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from mimyria.frame import Frame
from mimyria.model.model import PRESETS, ResponseModel
from mimyria.model.network import Network
from mimyria.model.predict import predict_tensors
from mimyria.settings import TrainSettings

SPECIES = (1, 6, 8)
FLOAT = 2e-4
"""Rounding of single precision through some twenty products, relative to the largest element."""


def made_model(preset: str, target: str) -> ResponseModel:
    """An untrained network of a preset that knows H, C and O, none of its branches closed."""
    torch.manual_seed(1)
    made = ResponseModel(replace(PRESETS[preset][target], species=SPECIES, cutoff=4.0))
    with torch.no_grad():
        for network in made.members:
            if isinstance(network, Network):
                network.density_scale.fill_(3.0)
                network.message_scale.fill_(0.02)
            for name, parameter in network.named_parameters():  # the published one starts with this branch closed
                if "alpha" in name:
                    parameter.normal_(0.0, 0.02)
    return made.eval()


def tensors_of(model: ResponseModel, frame: Frame) -> np.ndarray:
    return predict_tensors(model, [frame])[0]


def assert_same(one: np.ndarray, other: np.ndarray) -> None:
    np.testing.assert_allclose(one, other, atol=FLOAT * abs(other).max(), rtol=0)


def quick(name: str, **changes: object) -> TrainSettings:
    return replace(TrainSettings(target=name, preset="small", epochs=4), **changes)  # type: ignore[arg-type]


def stopping(at: float = 0.0) -> Callable[[float, dict[str, float]], None]:
    """A report of progress that presses Ctrl-C when a fraction of the training is done."""

    def stop(fraction: float, line: dict[str, float]) -> None:
        if fraction >= at:
            raise KeyboardInterrupt

    return stop
