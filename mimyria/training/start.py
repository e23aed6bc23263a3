"""The model that a training begins from: whether it fits what is asked, and what the training keeps of it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.elements import symbols_of
from mimyria.errors import ModelError
from mimyria.level import in_words
from mimyria.memory import digest_of, require_distinct
from mimyria.model.architecture import Settings, name_of
from mimyria.model.files import bundled, read_every_level
from mimyria.model.model import PRESETS, ResponseModel, preset_settings
from mimyria.model.transfer import lacking
from mimyria.settings import TrainSettings
from mimyria.targets import TARGETS

log = logging.getLogger("mimyria")


def read_start(settings: TrainSettings, out: Path) -> ResponseModel | None:
    """Return the model to begin from: of a file, of the package, or the one of the target in a folder of models.

    Raises
    ------
    ConfigError
        If it is the file that is to be written, from which no training could be resumed.
    ModelError
        If it is missing, of another target, or its networks are not of the preset that is asked for.
    """
    if settings.start is None:
        return None
    path = Path(settings.start)
    path = path / f"{settings.target}.mym" if path.is_dir() else bundled(path, settings.target)
    require_distinct(out, [path], "the model to begin from")
    start = read_every_level(path)
    own, wanted = start.settings, TARGETS[settings.target]
    if start.target != wanted:
        raise ModelError(
            f"--start {path} holds a model of the {start.target.title} ({start.target.name}), not of the "
            f"{wanted.title} ({wanted.name}): give one of that target, or --target {start.target.name}"
        )
    asked = preset_settings(settings.preset, settings.target, own.species)
    if other := differences(own, asked):
        fitting = [
            name
            for name, shapes in PRESETS.items()
            if wanted.name in shapes and not differences(own, preset_settings(name, wanted.name, own.species))
        ]
        raise ModelError(
            f"--start {path} has networks of another shape than --preset {settings.preset} ({', '.join(other)}): "
            + (f"give --preset {fitting[0]}" if fitting else "no preset has it")
        )
    if settings.committee > len(start.members):
        log.warning(
            f"{settings.committee} networks begin from {len(start.members)} of {path}: they are too alike for their "
            "spread to measure their error; a start that is a committee as large would mend it"
        )
    return start


def carried_species(start: ResponseModel | None, shape: Settings) -> list[int]:
    """Return which species of a shape, by index, have weights of the start; tell those that one of them lacks.

    A ModelError says that there is none.
    """
    if start is None:
        return []
    before, now = start.settings.species, shape.species
    if not set(before) & set(now):
        raise ModelError(
            f"--start knows {_symbols(before)}, and the labels are of {_symbols(now)}: it has nothing to begin from; "
            "train without it"
        )
    for numbers, fate in (
        (set(now) - set(before), "species that --start does not know, whose weights begin at random"),
        (set(before) - set(now), "species of --start without a label here, which the new model will not know"),
    ):
        if numbers:
            log.info(f"{fate}: {_symbols(numbers)}")
    return [index for index, number in enumerate(now) if number in before]


def _symbols(numbers: Iterable[int]) -> str:
    return ", ".join(symbols_of(np.array(sorted(numbers))))


def facts_of_start(start: ResponseModel | None) -> dict[str, Any]:
    """Return what a start is, whatever its file is called, for the identity of a training and the card of its model."""
    if start is None:
        return {}
    weights = digest_of(tensor.cpu().numpy().tobytes() for tensor in start.state_dict().values())
    return {"start": {"levels": in_words(start.levels), "networks": len(start.members), "weights": weights}}


def differences(own: Settings, asked: Settings) -> list[str]:
    """Return in words how the shape of a start is not the one that is asked for."""
    if name_of(own) != name_of(asked):
        return [f"{name_of(own)} networks, not {name_of(asked)}"]
    now, before, added = asdict(asked), asdict(own), lacking(own, asked)
    others = [name for name in now if now[name] != before[name] and name not in added]
    return [f"{name} {before[name]}, not {now[name]}" for name in others]
