"""The settings of `mimyria spectrum`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mimyria.choices import (
    ANGLE,
    ATR,
    CONSTRAINTS,
    CORRECTIONS,
    COUNT,
    FILM,
    HELP_OF_SOURCE,
    IN_FRAMES,
    KINDS,
    LASER,
    NO_PICTURES,
    NUCLEI,
    OF_FACES,
    PER,
    PICTURES,
    RADII,
    SOURCE,
    TARGET,
    WINDOWS,
    WORD,
    check_instruments,
    check_layer,
    check_radii,
    positive,
    target_names,
)
from mimyria.declare import Settings, setting
from mimyria.errors import ConfigError
from mimyria.settings.of_slab import OWN, Slab, read_light
from mimyria.settings.reading import Cell, Frames, Prediction, Stored
from mimyria.values import Choice, File, Kind, Many, Number, Numbers, Pairs, Switch


@dataclass(frozen=True, kw_only=True)
class Wanted(Settings):
    """The spectra to make, and the groups of atoms that contribute to them."""

    panel: ClassVar[str] = "Which spectra"
    kinds: tuple[str, ...] | None = setting(
        Many(of=Choice(names=KINDS), words=True, some=True),
        "Repeatable or with commas; default all but sfg and depth.",
        "use",
        given=True,
    )
    groups: tuple[str, ...] = setting(
        Many(of=Kind(metavar="GROUPS"), some=True),
        "Contributions: species, none, molecules, motions (stretch, ...), modes, NAME=SELECTION (repeatable), and "
        "`shell RADIUS around SELECTION` by itself or beside NAME=SELECTION, with selections of MDAnalysis.",
        "result",
        ("species",),
    )
    normal: str = setting(Choice(names=("x", "y", "z")), "Axis across the slab, for sfg and depth.", "result", "z")

    @property
    def of_faces(self) -> bool:
        """Whether a kind needs the faces of a slab as groups."""
        return not set(OF_FACES).isdisjoint(self.kinds or ())

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.of_faces and self.groups != Wanted.groups:
            asked = " and ".join(kind for kind in OF_FACES if kind in (self.kinds or ()))
            raise ConfigError(f"--kinds {asked} takes the faces of the slab as groups: leave --groups out")


@dataclass(frozen=True, kw_only=True)
class Sources(Prediction):
    """The source of the tensors of each target."""

    panel: ClassVar[str] = "Tensors"
    apt: str | None = setting(SOURCE, HELP_OF_SOURCE, "result", given=True)
    pgt: str | None = setting(SOURCE, HELP_OF_SOURCE, "result", given=True)
    tensor: Mapping[str, str] = setting(
        Pairs(of=WORD, names=TARGET, metavar="TARGET=FILE"), "As --apt, for any target.", "result", {}, given=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.tensor:
            if getattr(self, name, None) is not None:
                raise ConfigError(f"--tensor {name} and --{name} mean the same: give one of them")

    @property
    def sources(self) -> dict[str, str]:
        """The source of the tensors of each target, by its name."""
        given = {name: getattr(self, name, None) or self.tensor.get(name) for name in target_names()}
        return {name: source for name, source in given.items() if source is not None}

    @property
    def model_files(self) -> dict[str, Path]:
        """The model files among the sources."""
        return {name: Path(source) for name, source in self.sources.items() if source != IN_FRAMES}


@dataclass(frozen=True, kw_only=True)
class Reading(Cell, Stored):
    """How a trajectory is read; see ``Trajectory``."""

    panel: ClassVar[str] = "How trajectories are read"
    velocities: Path | None = setting(File(), "Second file with the velocities (CP2K, i-PI, AMBER, NAMD).", "result")
    beads: Path | None = setting(
        File(metavar="PATTERN"), "Instead of a trajectory, beads: 'sim.pos_*.xyz', or one file.", "result", given=True
    )
    timestep: float | None = setting(positive("FS"), "Between stored frames, if the file does not say.", "result")


@dataclass(frozen=True, kw_only=True)
class Sampled(Frames):
    """The frames to use, and the resolution of the spectra."""

    panel: ClassVar[str] = "Frames, resolution, errors"
    stride: int | None = setting(
        Number(minimum=1, integer=True, without="auto", takes="auto or a positive whole number", metavar="N"),
        "Tensors at every Nth stored frame; auto resolves 4500 cm⁻¹.",
        "result",
    )
    resolution: float | None = setting(positive("CM⁻¹"), "FWHM of a sharp line; 20 if the length allows.", "use")
    window: str = setting(Choice(names=WINDOWS), "Window of the correlation function.", "use", "gaussian")
    blocks: int | None = setting(COUNT, "Number of blocks for the error bars.", "use")
    moving_window: float | None = setting(
        positive("PS"),
        "Also spectra in windows along the run: moving_*.csv and a picture over time.",
        "use",
        of=("ir", "raman", "hyper_raman"),
    )


@dataclass(frozen=True, kw_only=True)
class Experiment(Slab):
    """Conditions of sample and experiment."""

    panel: ClassVar[str] = "Physics"
    temperature: float | None = setting(positive("K"), "Temperature; by default from the velocities.", "use")
    constraints: str | int = setting(
        CONSTRAINTS,
        "What is fixed: auto (as seen), none, h-bonds (and water), rigid (molecules), or the number of constraints.",
        "result",
        "auto",
    )
    nuclei: str | None = setting(
        Choice(names=NUCLEI),
        "What moves: classical nuclei; beads (RPMD, TRPMD; so with --beads); the centroid of a path integral (CMD, "
        "TRPMD); classical nuclei on an effective potential (PIGS, f-CMD); not PIMD, whose dynamics means nothing.",
        "use",
    )
    correction: str = setting(Choice(names=CORRECTIONS), "Quantum correction of intensities.", "use", "harmonic")
    epsilon_infinity: float | None = setting(
        Number(minimum=1),
        "ε∞, 1.78 for water; adds ε', n, κ, α, reflectivity, loss function to ir.csv.",
        "use",
        of=("ir", "sfg"),
    )
    atr: tuple[float, ...] | None = setting(
        ATR, 'Angle (°) and index of an ATR crystal, "45 2.4": adds its absorbance to ir.csv.', "use", of=("ir",)
    )
    film: tuple[float, ...] | None = setting(
        FILM, "Thickness (µm), and index of the windows, of a film: adds its absorbance.", "use", of=("ir",)
    )
    reflection: float | None = setting(
        ANGLE, "Angle of incidence: adds the reflectance of a surface.", "use", of=("ir",)
    )
    directions: str | None = setting(
        Choice(names=("x", "y", "z")),
        "Oriented sample: n·α along x, y, z, and the dichroism about this axis.",
        "use",
        of=("ir",),
    )
    layer: tuple[float, ...] | None = setting(
        Numbers(counts=(1, 2)),
        "Thickness (Å) across --directions: n·α in the layer's own volume; and angle (°) of light: its absorbance.",
        "use",
        of=("ir",),
    )
    stokes: bool = setting(
        Switch(), "Add Stokes and anti-Stokes intensities.", "use", False, of=("raman", "hyper_raman")
    )
    laser: float | None = setting(
        positive("NM"), "Laser of Stokes intensities, which it implies; else 532.", "use", of=("raman", "hyper_raman")
    )
    local_field: float | None = setting(
        Number(minimum=1, maximum=5, metavar="INDEX"),
        "Refractive index: L⁴ for tensors of isolated molecules.",
        "use",
        of=("raman",),
    )
    per: str = setting(
        PER,
        "n·α is of the cell, cross sections of 1 cm³; per molecule of --groups, or area.",
        "use",
        "cell",
        of=("ir", "raman"),
    )
    pair_radii: tuple[float, ...] | None = setting(
        RADII, 'Split intermolecular terms of --groups molecules by distance (Å): "3.5 5.5".', "use", of=("ir", "raman")
    )
    porto: tuple[str, ...] = setting(
        Many(of=Kind(metavar="GEOMETRY"), words=True),
        "Raman geometry of an oriented sample, e.g. z(xy)-z.",
        "use",
        (),
        of=("raman",),
    )

    @property
    def stokes_laser(self) -> float | None:
        """Wavelength of the laser of Stokes intensities, nm; None if none are asked for."""
        return LASER if self.stokes and self.laser is None else self.laser

    def __post_init__(self) -> None:
        super().__post_init__()
        check_radii(self.pair_radii)
        check_instruments(self.epsilon_infinity, self.atr, self.film, self.reflection)
        check_layer(self.epsilon_infinity, self.directions, self.layer)
        if self.light and read_light(self.light).infrared_index == OWN and self.epsilon_infinity is None:
            raise ConfigError("--light infrared_index=own needs --epsilon-infinity, 1.78 for water")


@dataclass(frozen=True, kw_only=True)
class Pictures(Settings):
    """How spectra are drawn."""

    panel: ClassVar[str] = "Pictures"
    reference: tuple[str, ...] = setting(
        Many(of=WORD),
        "Spectrum to lay over, repeatable: [KIND=]FILE[,scale=X][,column=NAME][,label=TEXT].",
        "use",
        (),
        file=r"(?:[\w.]+=)?(.+)",
    )
    title: str = setting(Kind(), "Title of the pictures.", "use", "")
    plot_format: tuple[str, ...] = setting(
        Many(of=Choice(names=(*PICTURES, NO_PICTURES)), words=True, none=NO_PICTURES),
        "Formats, repeatable or with commas; none draws nothing.",
        "use",
        PICTURES,
    )
    plot_width: str = setting(Choice(names=("single", "double")), "Width in columns of a journal.", "use", "double")


@dataclass(frozen=True, kw_only=True)
class SpectrumSettings(Pictures, Experiment, Sampled, Reading, Sources, Wanted):
    """Settings of `make_spectra`."""

    panel: ClassVar[str] = "Where it runs"
    executor: str | None = setting(
        WORD,
        "Each trajectory is a job: local, or a profile (configs/cluster); without it, all are computed here.",
        "nothing",
        given=True,
        file="(?!local$)(.+)",
    )

    @property
    def of_molecules(self) -> bool:
        """Whether a spectrum needs the rates of the single molecules of a slab, and their places."""
        own = bool(self.light) and read_light(self.light).infrared_index == OWN
        return self.of_faces and ("depth" in (self.kinds or ()) or self.pair_cutoff is not None or own)
