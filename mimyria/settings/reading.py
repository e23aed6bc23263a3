"""How files of frames are read, and where networks compute: settings that several commands share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mimyria.choices import (
    CELL_FILE,
    COUNT,
    DEVICE,
    DEVICES,
    ELEMENTS,
    HELP_OF_SUM_RULE,
    LAYOUTS,
    MASSES,
    OF_VELOCITIES,
    SUM_RULE,
    UNITS,
    WORD,
)
from mimyria.declare import Settings, setting
from mimyria.errors import ConfigError
from mimyria.values import Choice, File, FrameRange, Kind, Many, Number, Numbers


@dataclass(frozen=True, kw_only=True)
class Layout(Settings):
    """The index order of stored tensors."""

    layout: str | None = setting(Choice(names=LAYOUTS), "Index order of stored tensors, or their program.", "result")


@dataclass(frozen=True, kw_only=True)
class Named(Layout):
    """The names of the atoms, where the file has only elements, or only positions."""

    topology: Path | None = setting(File(), "File that names the atoms (PDB, GRO, PSF, LAMMPS data, ...).", "result")


@dataclass(frozen=True, kw_only=True)
class Topology(Named):
    """The atoms, where the file has only positions."""

    species: Mapping[str, str] = setting(
        ELEMENTS, "Element of a name or type of atoms, such as OW=O; repeatable.", "result", {}
    )
    mass: Mapping[str, float] = setting(
        MASSES, "Mass by element, name or selection, such as H=2.014; repeatable.", "result", {}
    )


@dataclass(frozen=True, kw_only=True)
class Stored(Topology):
    """How a file of frames is read."""

    velocity_unit: str | None = setting(Choice(names=UNITS), "Unit of stored velocities.", "result")


@dataclass(frozen=True, kw_only=True)
class Cell(Settings):
    """The cell, where the file has none."""

    cell: tuple[float, ...] | Path | None = setting(
        Numbers(counts=(3, 6, 9), other=CELL_FILE, metavar="NUMBERS|FILE"),
        'Å: "a b c", with angles "a b c α β γ", nine numbers, by rows, or a .cell file of CP2K.',
        "result",
        file=f"({CELL_FILE.pattern})",
    )


@dataclass(frozen=True, kw_only=True)
class Frames(Settings):
    """Which stored frames are used."""

    frames: tuple[int, int | None] = setting(
        FrameRange(), "Stored frames to use, counted from 0, LAST left out.", "result", (0, None), given=True
    )


@dataclass(frozen=True, kw_only=True)
class Device(Settings):
    """Where networks compute."""

    device: str = setting(DEVICE, f"Where networks compute: {DEVICES}.", "nothing", "auto")


@dataclass(frozen=True, kw_only=True)
class Levelled(Device):
    """At which level of theory networks predict."""

    level: str | None = setting(WORD, "Level of theory, if a model has several: a part of its name.", "result")


@dataclass(frozen=True, kw_only=True)
class Prediction(Levelled):
    """How networks are used."""

    workers: int | None = setting(COUNT, "Processes side by side on the CPU; by default all cores allowed.", "nothing")
    charge: float | None = setting(Number(metavar="E"), "Total charge, e; by default of the frames, else 0.", "result")
    sum_rule: str = setting(SUM_RULE, HELP_OF_SUM_RULE, "result", "project")


@dataclass(frozen=True, kw_only=True)
class PredictSettings(Prediction, Stored):
    """Settings of `predict`."""


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings(Named, Levelled):
    """Settings of `evaluate`."""

    groups: tuple[str, ...] = setting(
        Many(of=Kind(metavar="GROUPS")),
        "Groups of atoms whose errors and intensities are told apart, as `spectrum` takes them.",
        "use",
        (),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for group in self.groups:
            if group.strip() in OF_VELOCITIES:
                raise ConfigError(
                    f"--groups {group} is of velocities, and labels tell errors of atoms: give molecules, "
                    '"shell RADIUS around SELECTION" or NAME=SELECTION'
                )
