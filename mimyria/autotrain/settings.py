"""`AutotrainSettings`: everything that `mimyria autotrain` is told, from one YAML file.

What belongs to a single step is said in the words of its command: ``label``, ``train`` and ``spectrum`` hold flags of
`mimyria label`, `mimyria train` and `mimyria spectrum`. Paths are relative to the folder of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

from mimyria.choices import NO_NUMBER, TARGET
from mimyria.config import REMARKS, read_yaml, require_known, settings_of
from mimyria.declare import Settings, declared, from_words, setting, texts_of
from mimyria.errors import ConfigError
from mimyria.memory import Identity
from mimyria.rates.groups import BULK, REST
from mimyria.settings import LabelSettings, SpectrumSettings, TrainSettings
from mimyria.targets import TARGETS
from mimyria.values import Choice, File, Kind, Many, Number, Refused

STEPS: dict[str, type[Settings]] = {"label": LabelSettings, "train": TrainSettings, "spectrum": SpectrumSettings}
"""The settings of each step."""
INSTEAD = {
    "label.displace": "autotrain displaces no atoms; label such frames with `mimyria label --displace`, and name their "
    "file, and that of the frames as they were, under labels"
}
"""Of flags that the loop does not give to its steps: what there is in their place."""
EXECUTOR = declared(LabelSettings)["executor"].file
COUNT, PAIR, PROBE = (Number(minimum=minimum, integer=True) for minimum in (1, 2, 100))
LABELS = replace(PAIR, other=File(pattern=NO_NUMBER, takes="a whole number or the path of a file"), metavar="N|FILE")
SCORE, HOURS = Number(above=0, below=1), Number(above=0, without="none")
METHOD = Choice(names=("committee", "random"))


@dataclass(frozen=True, kw_only=True)
class Section(Kind):
    """Settings of their own, written as lines ``name: value``."""

    part: type[Settings]

    def check(self, value: Any) -> Any:
        if isinstance(value, self.part):
            return value
        known = declared(self.part)
        require_known(lines := _lines(value), known, prefix=self.part.prefix)
        return from_words(self.part, {name: known[name].kind.without if v is None else v for name, v in lines.items()})


@dataclass(frozen=True, kw_only=True)
class Flags(Kind):
    """Flags of the command that is a step of the loop, kept as they are written."""

    step: str

    def check(self, value: Any) -> Any:
        flags = {name.replace("-", "_"): flag for name, flag in _lines(value).items()}
        known = declared(STEPS[self.step])
        for name in flags:
            if name in known and known[name].given:
                flag = f"{self.step}.{name}"
                instead = f": {INSTEAD[flag]}" if flag in INSTEAD else " is chosen by autotrain itself; leave it out"
                raise ConfigError(f"{flag}{instead}")
        require_known(flags, [name for name, one in known.items() if not one.given], prefix=f"{self.step}.")
        try:
            from_words(STEPS[self.step], {"target": "apt", **flags} if self.step == "train" else flags)
        except ConfigError as error:
            raise ConfigError(f"{self.step}: {error}") from None
        return flags


def _lines(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Refused("takes lines of the form `name: value`", value)
    return {str(name): item for name, item in value.items()}


@dataclass(frozen=True, kw_only=True)
class Selection(Settings):
    """Which frames are labelled."""

    prefix: ClassVar[str] = "selection."
    # In a liquid both need as many labels (benchmarks/RESULTS.md).
    method: str = setting(
        METHOD, "At random, or where the networks disagree most about an atom of the groups.", "result", "random"
    )
    test: int | Path = setting(
        LABELS, "Frames of the test set, from the last tenth of the trajectories, or a file of labels.", "result", 20
    )
    first: int | Path = setting(
        LABELS, "Frames of the first cycle, drawn at random, or a file of labels.", "result", 20
    )
    batch: int = setting(COUNT, "Frames that every further cycle adds.", "result", 20)
    seed: int = setting(Number(minimum=0, integer=True), "Random seed of the selection.", "result", 0)

    @property
    def given(self) -> dict[str, Path]:
        """Files of labels that exist, by what they are taken for."""
        return {name: value for name in ("test", "first") if isinstance(value := getattr(self, name), Path)}


@dataclass(frozen=True, kw_only=True)
class Convergence(Settings):
    """When the spectra have converged."""

    prefix: ClassVar[str] = "convergence."
    patience: int = setting(COUNT, "Cycles in a row that must change no more than this.", "use", 2)
    score: float = setting(SCORE, "Score Σ|A-B|/Σ|A+B| that counts as no change.", "use", 0.03)
    intensity: float = setting(
        SCORE, "Relative change of the integral of a band, and bias on the test set, that counts as none.", "use", 0.03
    )
    low: float = setting(Number(minimum=0), "Where the comparison begins, cm⁻¹.", "use", 50.0)
    high: float = setting(Number(above=0), "Where it ends, cm⁻¹.", "use", 4000.0)


@dataclass(frozen=True, kw_only=True)
class Limits(Settings):
    """When to stop without convergence."""

    prefix: ClassVar[str] = "limits."
    labels: int | None = setting(replace(PAIR, without="none"), "Labels outside the test set.", "duration", 500)
    cycles: int | None = setting(replace(COUNT, without="none"), "Cycles.", "duration", 20)
    hours: float | None = setting(HOURS, "Hours of all starts together, tested between cycles.", "duration")


@dataclass(frozen=True, kw_only=True)
class Executors(Settings):
    """Where the steps run: ``local``, or the YAML profile of a cluster. Labels name theirs under ``label``."""

    prefix: ClassVar[str] = "executors."
    train: str = setting(Kind(), "The trainings of a cycle, side by side.", "nothing", "local", file=EXECUTOR)
    spectrum: str = setting(Kind(), "The passes along trajectories.", "nothing", "local", file=EXECUTOR)


@dataclass(frozen=True, kw_only=True)
class AutotrainSettings(Settings):
    """What `mimyria autotrain` is told."""

    prefix: ClassVar[str] = ""
    trajectories: tuple[Path, ...] = setting(
        Many(of=File(), some=True), "Trajectories of one system.", "result", MISSING
    )
    labels: tuple[Path, ...] = setting(
        Many(of=File()), "Labels of other levels of theory, trained together with those of the loop.", "result", ()
    )
    probe: int = setting(PROBE, "First stored frames, along which every cycle makes its spectra.", "result", 2000)
    selection: Selection = setting(Section(part=Selection), "Which frames are labelled.", "result", Selection())
    convergence: Convergence = setting(Section(part=Convergence), "When it has converged.", "use", Convergence())
    limits: Limits = setting(Section(part=Limits), "When to stop without convergence.", "duration", Limits())
    executors: Executors = setting(Section(part=Executors), "Where the steps run.", "nothing", Executors())
    targets: tuple[str, ...] = setting(
        Many(of=TARGET, some=True), "Tensors that networks learn.", "result", ("apt", "pgt")
    )
    label: dict[str, Any] = setting(Flags(step="label"), "Flags of `mimyria label`.", "result", {})
    train: dict[str, Any] = setting(Flags(step="train"), "Flags of `mimyria train`.", "result", {"committee": 3})
    spectrum: dict[str, Any] = setting(Flags(step="spectrum"), "Flags of `mimyria spectrum`.", "result", {})

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("trajectories", "labels", "targets"):
            if len({*getattr(self, name)}) < len(getattr(self, name)):
                raise ConfigError(f"{name} takes each one once")
        if not self.convergence.low < self.convergence.high:
            raise ConfigError(f"convergence.high must be above convergence.low, {self.convergence.low:g} cm⁻¹")
        for step, target in (("label", self.labelled), *(("train", target) for target in self.targets)):
            try:
                from_words(STEPS[step], {"target": target, **getattr(self, step)})
            except ConfigError as error:
                raise ConfigError(f"{step}: {error}") from None
        if self.selection.method == "committee" and self.training.committee < 2:
            raise ConfigError("selection.method committee needs train.committee: 2 or more")

    @property
    def labelled(self) -> str:
        """Name of the target of the highest order: its labels hold those of all lower ones."""
        return max(self.targets, key=lambda name: TARGETS[name].order)

    @property
    def spectra(self) -> SpectrumSettings:
        """What the flags of the spectra say, of reading the trajectories too."""
        return from_words(SpectrumSettings, self.spectrum)

    def named_groups(self, names: Sequence[str]) -> list[str]:
        """Return which of the groups of the spectra the user has asked for: none unless groups are given."""
        given = self.spectra.groups not in (("species",), ("none",))
        return [name for name in names if given and name not in (REST, BULK)]

    @property
    def training(self) -> TrainSettings:
        """What the flags of the trainings say."""
        return from_words(TrainSettings, {"target": self.targets[0], **self.train})

    @property
    def files(self) -> list[Path]:
        """Files that decide results, besides the trajectories."""
        found = [str(path) for path in (*self.labels, *self.selection.given.values())]
        for step, part in STEPS.items():
            for name, known in declared(part, "result").items():
                value = getattr(self, step).get(name, [])
                found += [
                    match[1]
                    for text in texts_of(value)
                    if known.file and (match := re.fullmatch(known.file, text, re.S))
                ]
        folders = [sorted(Path(file).glob("*.mym")) if Path(file).is_dir() else [Path(file)] for file in found]
        return list(chain.from_iterable(folders))  # --start may be a folder of models


def read_autotrain(path: Path) -> AutotrainSettings:
    """Return the settings of a YAML file; paths in it are relative to its folder.

    Raises
    ------
    ConfigError
        For an unknown name, with the nearest known one, and for a wrong value.
    """
    content = {name: value for name, value in read_yaml(path).items() if name not in REMARKS}
    try:
        settings = settings_of(AutotrainSettings, None, content)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    folder = path.parent.resolve()
    located: Any = {step: _located(folder, part, getattr(settings, step)) for step, part in STEPS.items()}
    given: Any = {name: folder / file for name, file in settings.selection.given.items()}
    for name, file in given.items():
        if not file.exists():
            raise ConfigError(
                f"{path}: selection.{name} is a number of frames, or a file of labels, but there is no {file}"
            )
    found = replace(
        settings,
        **located,
        executors=Executors(**_located(folder, Executors, asdict(settings.executors))),
        trajectories=tuple(folder / trajectory for trajectory in settings.trajectories),
        labels=tuple(folder / labels for labels in settings.labels),
        selection=replace(settings.selection, **given),
    )
    from mimyria.pipeline import choose_kinds

    try:
        choose_kinds(found.targets, found.spectra)
    except ConfigError as error:
        raise ConfigError(f"{path}: spectrum: {error}") from None
    return found


def _located(folder: Path, part: type[Settings], flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return flags in which the files that they name are found from everywhere."""

    def locate(pattern: str, value: Any) -> Any:
        if isinstance(value, list):
            return [locate(pattern, one) for one in value]
        if isinstance(value, dict):
            return {name: locate(pattern, f"{name}={one}").split("=", 1)[1] for name, one in value.items()}
        match = re.fullmatch(pattern, value, re.DOTALL) if pattern and isinstance(value, str) else None
        return value[: match.start(1)] + str(folder / match[1]) if match else value

    return {name: locate(declared(part)[name].file, value) for name, value in flags.items()}


def lasting(stated: Mapping[str, Any]) -> Identity:
    """Return what settings, as plain values, decide for good; what an earlier version did not know has its default."""
    known = {**asdict(AutotrainSettings(trajectories=(Path(),))), **stated}
    for step, part in STEPS.items():
        known[step] = {name: one for name, one in known[step].items() if name not in declared(part, "nothing")}
    return Identity({name: known[name] for name in declared(AutotrainSettings, "result")})
