"""The settings of `mimyria train`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import ClassVar

from mimyria.choices import (
    COUNT,
    NATURAL,
    NO_NUMBER,
    POSITIVE,
    PRESETS,
    SOURCE,
    SUM_RULE,
    TARGET,
    positive,
)
from mimyria.declare import setting
from mimyria.errors import ConfigError
from mimyria.settings.reading import Device, Layout
from mimyria.values import Choice, File, Number, Pairs

LABELLED = File(pattern=NO_NUMBER, takes="a fraction or the path of a file")


@dataclass(frozen=True, kw_only=True)
class TrainSettings(Layout, Device):
    """Settings of `train`; None means the value of the preset, or else that of `FitSettings`."""

    panel: ClassVar[str] = "Training"
    target: str = setting(TARGET, "What the network learns.", "result", MISSING, given=True)
    preset: str = setting(Choice(names=PRESETS), "Preset of the network.", "result", "default")
    start: str | None = setting(
        SOURCE, "Model to begin from, a file or `water`: few labels are enough.", "result", file=r"(?=.*[./])(.+)"
    )
    validation: float | Path = setting(
        Number(minimum=0, below=1, other=LABELLED, metavar="FRACTION|FILE"),
        "Fraction of the frames, or a file with labelled frames.",
        "result",
        0.1,
        file=f"({LABELLED.pattern})",
    )
    committee: int = setting(COUNT, "Number of networks, whose standard deviation estimates the error.", "result", 1)
    sum_rule: str = setting(SUM_RULE, "In training too, make the acoustic sum rule exact or not.", "result", "none")
    weight: Mapping[str, float] = setting(
        Pairs(of=Number(minimum=0)), "Loss weight of an element or irrep, such as S=4.", "result", {}
    )
    gradient_weight: float = setting(
        Number(minimum=0),
        "Loss weight of the gradients that labels with one atom displaced tell.",
        "result",
        0.3,
    )
    epochs: int | None = setting(COUNT, "Number of passes over the frames.", "duration")
    steps: int | None = setting(
        COUNT, "Number of steps of a network, in place of epochs: no more for more frames.", "duration"
    )
    time_limit: float | None = setting(positive("MINUTES"), "Length of the training and its schedule.", "duration")
    learning_rate: float | None = setting(POSITIVE, "Peak learning rate.", "result")
    weight_decay: float | None = setting(
        Number(minimum=0), "Weight decay of the optimiser; stronger for fewer labels.", "result"
    )
    averaging: float | None = setting(Number(minimum=0, below=1), "Decay of the average of the weights.", "result")
    warm_up: int | None = setting(NATURAL, "Steps over which the learning rate rises.", "result")
    seed: int = setting(NATURAL, "Random seed of weights, validation split and order of the frames.", "result", 0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.epochs is not None and self.steps is not None:
            raise ConfigError("--epochs and --steps both say how long the training is: give one of them")
