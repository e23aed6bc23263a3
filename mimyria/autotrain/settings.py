"""`AutotrainSettings`: everything that `mimyria autotrain` is told, from one YAML file, each field typed and explained.

What belongs to a single step is said in the words of its command: ``label``, ``train`` and ``spectrum`` hold flags of
`mimyria label`, `mimyria train` and `mimyria spectrum`. Paths are relative to the folder of the file.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mimyria.config import REMARKS, is_number, numbers, read_yaml
from mimyria.errors import ConfigError
from mimyria.settings import TrajectorySettings

GIVEN = {
    "label": {"configurations", "out", "work", "sample", "frames", "import_", "config", "retry", "target"},
    "train": {"labels", "target", "out", "resume", "json", "plot", "config"},
    "spectrum": {"trajectory", "apt", "pgt", "out", "frames", "resume", "config", "kinds"},
}
"""Flags that the loop gives itself."""
FILES = {
    "label": {"template", "topology", "executor", "set", "command"},
    "train": {"validation"},
    "spectrum": {"topology", "velocities", "reference"},
}
"""Flags that name a file, or begin with one, relative to the folder of the YAML file; see `_file`."""
STEPS = tuple(GIVEN)


class Section(BaseModel):
    """A part of the file; an unknown name in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


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
    seed: int = 0
    """Of everything that is drawn at random."""


class Convergence(Section):
    """When the spectra have converged."""

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

    labels: int | None = Field(default=500, ge=2)
    """Labelled frames, the test set not counted."""
    cycles: int | None = Field(default=20, ge=1)
    """Cycles."""
    hours: float | None = Field(default=None, gt=0)
    """Hours of work, all starts together; looked at between cycles."""


class Executors(Section):
    """Where the steps run: ``local``, or the YAML profile of a cluster. Labels name theirs under ``label``."""

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


MAY_CHANGE = ("limits", "executors", "convergence")
"""What another start of the same folder may say differently, beside where labels are made and how CP2K is started."""


def read_autotrain(path: Path, flags: Mapping[str, Iterable[str]]) -> AutotrainSettings:
    """Return the settings of a YAML file.

    Parameters
    ----------
    path
        The file; paths in it are relative to its folder.
    flags
        By step, the names of all flags of its command.

    Raises
    ------
    ConfigError
        For an unknown name, with the nearest known one, and for a value of the wrong kind.
    """
    content = {name: value for name, value in read_yaml(path).items() if name not in REMARKS}
    try:
        settings = AutotrainSettings.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_in_words(error)}") from None
    cleaned = {}
    for step in STEPS:
        known = set(flags[step]) - GIVEN[step]
        cleaned[step] = {name.replace("-", "_"): value for name, value in settings.step(step).items()}
        for name in cleaned[step]:
            if name in GIVEN[step]:
                raise ConfigError(f"{path}: {step}.{name} is chosen by autotrain itself; leave it out")
            if name not in known:
                raise ConfigError(f"{path}: unknown setting {step}.{name}; {_nearest(name, known)}")
    if settings.selection.method == "committee" and int(cleaned["train"].get("committee", 1)) < 2:
        raise ConfigError(f"{path}: selection.method committee needs train.committee: 2 or more")
    folder = path.parent.resolve()
    for step in STEPS:
        cleaned[step] |= {name: _file(folder, name, cleaned[step][name]) for name in FILES[step] & set(cleaned[step])}
    executors = {name: _file(folder, "executor", value) for name, value in settings.executors.model_dump().items()}
    update = {"executors": Executors(**executors), "trajectories": [folder / one for one in settings.trajectories]}
    return settings.model_copy(update={**cleaned, **update})


def _file(folder: Path, flag: str, value: Any) -> Any:
    """Return a value in which the file that it names, if it does, is found from everywhere.

    A program of ``command`` is a file if it names its folder; ``set`` names one as ``schema=FILE``; before that of a
    ``reference`` its KIND may stand; an executor may be ``local``, and what is held out for validation a number.
    """
    if isinstance(value, list):
        return [_file(folder, flag, one) for one in value]
    if not isinstance(value, str) or (flag, value) == ("executor", "local") or is_number(value):
        return value
    before, after = "", value
    if flag in ("set", "reference") and (named := re.match(r"[\w.]+=", value)):
        before, after = named[0], value[named.end() :]
    if (flag == "set" and before != "schema=") or (flag == "command" and "/" not in value.split()[0]):
        return value
    return before + str(folder / after)


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
    return f"unknown setting {place}; {_nearest(name, model.model_fields)}"


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return what two settings, as plain values, say differently and may not; for a message."""
    free = {"label": {"executor", "workers", "cores", "command"}, "train": {"device"}, "spectrum": {"device"}}
    found = []
    for name in sorted({*old, *new} - set(MAY_CHANGE)):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            keys = sorted({*before, *after} - free.get(name, set()))
            found += [
                f"{name}.{key}: {before.get(key)!r} was {after.get(key)!r}"[:200]
                for key in keys
                if before.get(key) != after.get(key)
            ]
        elif before != after:
            found.append(f"{name}: {before!r}, now {after!r}")
    return [one.replace(" was ", ", now ") for one in found]


def reading(settings: AutotrainSettings) -> TrajectorySettings:
    """Return how the trajectories are read: what the flags of the spectra say about it."""
    flags = settings.spectrum
    given: dict[str, Any] = {name: flags[name] for name in TrajectorySettings.__dataclass_fields__ if name in flags}
    given |= {name: Path(given[name]) for name in ("topology", "velocities") if name in given}
    given |= {"timestep": float(given["timestep"])} if "timestep" in given else {}
    cell = given.get("cell")
    text = " ".join(map(str, cell)) if isinstance(cell, list) else cell
    return TrajectorySettings(**given | {"cell": numbers(text, (3, 9), "spectrum.cell")})
