"""`AutotrainSettings`: everything that `mimyria autotrain` is told, from one YAML file, each field typed and explained.

What belongs to a single step is said in the words of its command: ``label``, ``train`` and ``spectrum`` hold flags of
`mimyria label`, `mimyria train` and `mimyria spectrum`. Paths are relative to the folder of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mimyria.config import REMARKS, nearest, read_yaml
from mimyria.declare import File, Settings, declared, from_words
from mimyria.errors import ConfigError
from mimyria.memory import Identity
from mimyria.settings import LabelSettings, SpectrumSettings, TrainSettings, target_names

STEPS: dict[str, type[Settings]] = {"label": LabelSettings, "train": TrainSettings, "spectrum": SpectrumSettings}
"""The settings of each step."""


class Section(BaseModel):
    """A part of the file; an unknown name in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)
    may_change: ClassVar[bool] = False
    """Whether another start of the same folder may say it differently, as flags of steps that decide nothing."""


class Selection(Section):
    """Which frames are labelled."""

    method: Literal["committee", "random"] = "random"
    """``random``; or ``committee``: where the networks disagree most about dM/dt and dα/dt, far from each other.

    In a liquid both need as many labels (``benchmarks/RESULTS.md``).
    """
    test: int = Field(default=20, ge=2)
    """Frames to measure the networks on; drawn from the last tenth of the trajectories, never trained on."""
    first: int = Field(default=20, ge=2)
    """Frames of the first cycle, drawn at random."""
    batch: int = Field(default=20, ge=1)
    """Frames that every further cycle adds."""
    seed: int = Field(default=0, ge=0)
    """Of everything that is drawn at random."""


class Convergence(Section):
    """When the spectra have converged."""

    may_change: ClassVar[bool] = True
    patience: int = Field(default=2, ge=1)
    """How many cycles in a row must change no more than this."""
    score: float = Field(default=0.03, gt=0, lt=1)
    """Largest score Σ|A-B|/Σ|A+B| that counts as no change where the statistical floor is lower."""
    low: float = Field(default=50.0, ge=0)
    """cm⁻¹; where the comparison begins."""
    high: float = Field(default=4000.0, gt=0)
    """cm⁻¹; where it ends."""


class Limits(Section):
    """When to stop without convergence."""

    may_change: ClassVar[bool] = True
    labels: int | None = Field(default=500, ge=2)
    """Labelled frames, the test set not counted."""
    cycles: int | None = Field(default=20, ge=1)
    """Cycles."""
    hours: float | None = Field(default=None, gt=0)
    """Hours of work, all starts together; looked at between cycles."""


class Executors(Section):
    """Where the steps run: ``local``, or the YAML profile of a cluster. Labels name theirs under ``label``."""

    may_change: ClassVar[bool] = True
    train: str = "local"
    """The two trainings of a cycle, side by side."""
    spectrum: str = "local"
    """The passes along trajectories."""


class AutotrainSettings(Section):
    """What `mimyria autotrain` is told."""

    trajectories: list[Path] = Field(min_length=1)
    """Trajectories of one system, with velocities; relative to the folder of this file."""
    probe: int = Field(default=2000, ge=100)
    """Stored frames, from the beginning of each trajectory, along which every cycle makes its spectra."""
    selection: Selection = Selection()
    convergence: Convergence = Convergence()
    limits: Limits = Limits()
    executors: Executors = Executors()
    targets: list[str] = Field(default=["apt", "pgt"], min_length=1)
    """Tensors that networks learn: apt for infrared, pgt for Raman spectra."""
    label: dict[str, Any] = {}
    """Flags of `mimyria label`."""
    train: dict[str, Any] = {"committee": 3}
    """Flags of `mimyria train`."""
    spectrum: dict[str, Any] = {}
    """Flags of `mimyria spectrum`."""

    def step(self, name: str) -> dict[str, Any]:
        """Return the flags of a step."""
        flags: dict[str, Any] = getattr(self, name)
        return flags

    @property
    def spectra(self) -> SpectrumSettings:
        """What the flags of the spectra say, of reading the trajectories too."""
        return from_words(SpectrumSettings, self.spectrum)

    @property
    def files(self) -> list[Path]:
        """Files that decide results, besides the trajectories."""
        steps = [(self.step(step), declared(part, "result")) for step, part in STEPS.items()]
        known = [(flags, name) for flags, settings in steps for name, one in settings.items() if one.kind == File()]
        return [Path(flags[name]) for flags, name in known if flags.get(name)]

    @property
    def training(self) -> TrainSettings:
        """What the flags of the trainings say."""
        return from_words(TrainSettings, {"target": self.targets[0], **self.train})


def read_autotrain(path: Path) -> AutotrainSettings:
    """Return the settings of a YAML file; paths in it are relative to its folder.

    Raises
    ------
    ConfigError
        For an unknown name, with the nearest known one, and for a wrong value.
    """
    content = {name: value for name, value in read_yaml(path).items() if name not in REMARKS}
    try:
        settings = AutotrainSettings.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_in_words(error)}") from None
    if unknown := [name for name in settings.targets if name not in target_names()]:
        raise ConfigError(f"{path}: targets takes {', '.join(target_names())}, not {unknown[0]!r}")
    folder = path.parent.resolve()
    steps = {}
    for step, part in STEPS.items():
        known = declared(part)
        flags = {name.replace("-", "_"): value for name, value in settings.step(step).items()}
        for name in flags:
            if name in known and known[name].given:
                raise ConfigError(f"{path}: {step}.{name} is chosen by autotrain itself; leave it out")
            if name not in known:
                free = [other for other, one in known.items() if not one.given]
                raise ConfigError(f"{path}: unknown setting {step}.{name}; {nearest(name, free)}")
        try:
            from_words(part, {"target": settings.targets[0], **flags} if step == "train" else flags)
        except ConfigError as error:
            raise ConfigError(f"{path}: {step}: {error}") from None
        steps[step] = {name: _located(folder, known[name].file, value) for name, value in flags.items()}
    where = settings.executors.model_dump()
    executor = declared(LabelSettings)["executor"].file
    settings = settings.model_copy(
        update={
            **steps,
            "executors": Executors(**{name: _located(folder, executor, value) for name, value in where.items()}),
            "trajectories": [folder / one for one in settings.trajectories],
        }
    )
    if settings.selection.method == "committee" and settings.training.committee < 2:
        raise ConfigError(f"{path}: selection.method committee needs train.committee: 2 or more")
    return settings


def _located(folder: Path, pattern: str, value: Any) -> Any:
    """Return a value in which the file that it names, by the pattern of its setting, is found from everywhere."""
    if isinstance(value, list):
        return [_located(folder, pattern, one) for one in value]
    if isinstance(value, dict):
        return {name: _located(folder, pattern, f"{name}={one}").split("=", 1)[1] for name, one in value.items()}
    match = re.fullmatch(pattern, value, re.DOTALL) if pattern and isinstance(value, str) else None
    return value[: match.start(1)] + str(folder / match[1]) if match else value


def _in_words(error: ValidationError) -> str:
    """Return the first thing that pydantic found wrong, by its place in the file."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] != "extra_forbidden":
        return f"{place}: {first['msg'][0].lower()}{first['msg'][1:]}"
    *sections, name = map(str, first["loc"])
    model: type[BaseModel] = AutotrainSettings
    for section in sections:
        model = type(model.model_fields[section].default)
    return f"unknown setting {place}; {nearest(name, model.model_fields)}"


def lasting(stated: Mapping[str, Any]) -> Identity:
    """Return what settings, as plain values, decide for good; what an earlier version did not know has its default."""
    plain = AutotrainSettings(trajectories=[Path()])
    known = {**plain.model_dump(mode="json"), **stated}
    for step, part in STEPS.items():
        known[step] = {name: one for name, one in known[step].items() if name not in declared(part, "nothing")}
    free = {name for name, section in plain if getattr(section, "may_change", False)}
    return Identity({name: one for name, one in known.items() if name not in free})
