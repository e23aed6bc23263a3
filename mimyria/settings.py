"""The settings of all commands, each declared once.

A new one is a flag of the command, a name in YAML and in Python, an entry of ``settings.yaml``, and a part of the
identity of the result if it decides it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import ClassVar

from mimyria.choices import (
    CELL_FILE,
    CONSTRAINTS,
    CORRECTIONS,
    COUNT,
    DEVICE,
    DEVICES,
    ELEMENTS,
    ENGINE,
    ENGINES,
    EPSILON,
    FIELD,
    HELP_OF_SOURCE,
    HELP_OF_SUM_RULE,
    IN_FRAMES,
    INTEGER,
    KINDS,
    LASER,
    LAYOUTS,
    MASSES,
    NATURAL,
    NUCLEI,
    OF_FACES,
    PER,
    PICTURES,
    POSITIVE,
    PRESETS,
    SOURCE,
    SUM_RULE,
    TARGET,
    UNITS,
    WINDOWS,
    WORD,
    check_instruments,
    positive,
    target_names,
)
from mimyria.declare import Choice, File, FrameRange, Kind, Many, Number, Numbers, Pairs, Settings, Switch, setting
from mimyria.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Layout(Settings):
    """The index order of stored tensors."""

    layout: str | None = setting(Choice(names=LAYOUTS), "Index order of stored tensors, or their program.", "result")


@dataclass(frozen=True, kw_only=True)
class Topology(Layout):
    """The atoms, where the file has only positions."""

    topology: Path | None = setting(File(), "File that names the atoms (PDB, GRO, PSF, LAMMPS data, ...).", "result")
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

    charge: float | None = setting(Number(metavar="E"), "Total charge, e; by default of the frames, else 0.", "result")
    sum_rule: str = setting(SUM_RULE, HELP_OF_SUM_RULE, "result", "project")


@dataclass(frozen=True, kw_only=True)
class PredictSettings(Prediction, Stored):
    """Settings of `predict`."""


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings(Layout, Levelled):
    """Settings of `evaluate`."""


@dataclass(frozen=True, kw_only=True)
class Wanted(Settings):
    """The spectra to make, and the groups of atoms that contribute to them."""

    panel: ClassVar[str] = "Which spectra"
    kinds: tuple[str, ...] | None = setting(
        Many(of=Choice(names=KINDS), words=True, some=True),
        "Repeatable or with commas; default all but sfg.",
        "use",
        given=True,
    )
    groups: tuple[str, ...] = setting(
        Many(of=Kind(metavar="GROUPS"), some=True),
        "Contributions: species, none, molecules, NAME=SELECTION (repeatable), or `shell RADIUS around SELECTION`, "
        "with selections of MDAnalysis.",
        "result",
        ("species",),
    )
    normal: str = setting(Choice(names=("x", "y", "z")), "Axis across the slab, for sfg.", "result", "z")

    @property
    def of_faces(self) -> bool:
        """Whether a kind needs the faces of a slab as groups."""
        return not set(OF_FACES).isdisjoint(self.kinds or ())

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.of_faces and self.groups != Wanted.groups:
            raise ConfigError(f"--kinds {' '.join(OF_FACES)} takes the faces of the slab as groups: leave --groups out")


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


@dataclass(frozen=True, kw_only=True)
class Experiment(Settings):
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
        Number(minimum=1), "ε∞, 1.78 for water; adds ε', n, κ, α and the reflectivity to ir.csv.", "use"
    )
    atr: tuple[float, ...] | None = setting(
        Numbers(counts=(2,)), 'Angle (°) and index of an ATR crystal, "45 2.4": adds its absorbance to ir.csv.', "use"
    )
    film: tuple[float, ...] | None = setting(
        Numbers(counts=(1, 2)), "Thickness (µm), and index of the windows, of a film: adds its absorbance.", "use"
    )
    stokes: bool = setting(Switch(), "Add Stokes and anti-Stokes intensities.", "use", False)
    laser: float | None = setting(positive("NM"), "Laser of Stokes intensities, which it implies; else 532.", "use")
    local_field: float | None = setting(
        Number(minimum=1, maximum=5, metavar="INDEX"), "Refractive index: L⁴ for tensors of isolated molecules.", "use"
    )
    per: str = setting(
        PER, "n·α is of the cell, cross sections of 1 cm³; per molecule of --groups, or area.", "use", "cell"
    )
    porto: tuple[str, ...] = setting(
        Many(of=Kind(metavar="GEOMETRY"), words=True), "Raman geometry of an oriented sample, e.g. z(xy)-z.", "use", ()
    )

    @property
    def stokes_laser(self) -> float | None:
        """Wavelength of the laser of Stokes intensities, nm; None if none are asked for."""
        return LASER if self.stokes and self.laser is None else self.laser

    def __post_init__(self) -> None:
        super().__post_init__()
        check_instruments(self.epsilon_infinity, self.atr, self.film)


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
        Many(of=Choice(names=PICTURES), words=True), "Formats, repeatable or with commas.", "use", PICTURES
    )
    plot_width: str = setting(Choice(names=("single", "double")), "Width in columns of a journal.", "use", "double")


@dataclass(frozen=True, kw_only=True)
class SpectrumSettings(Pictures, Experiment, Sampled, Reading, Sources, Wanted):
    """Settings of `make_spectra`."""


@dataclass(frozen=True, kw_only=True)
class Configurations(Frames, Cell, Topology):
    """The configurations to label."""

    panel: ClassVar[str] = "Configurations"
    sample: int | None = setting(INTEGER, "Number of frames, drawn at random.", "result", given=True)
    seed: int = setting(NATURAL, "Random seed for --sample and --centres.", "result", 0)
    cluster: float | None = setting(
        Number(above=0, takes="a positive radius in Å", metavar="Å"), "Label clusters of this radius.", "result"
    )
    centres: int = setting(COUNT, "Central molecules in each frame, drawn at random.", "result", 1)
    ion: Mapping[str, int] = setting(Pairs(of=INTEGER, metavar="FORMULA=CHARGE"), "Charge of an ion, e.", "result", {})
    charge: int | None = setting(Number(integer=True, metavar="E"), "Total charge, e, if not of the frames.", "result")


@dataclass(frozen=True, kw_only=True)
class Calculation(Settings):
    """The calculations for each configuration."""

    panel: ClassVar[str] = "Calculations"
    engine: str | None = setting(
        ENGINE, f"{', '.join(ENGINES)}; default cp2k for cells, pyscf for molecules.", "result"
    )
    target: str = setting(
        TARGET, "pgt: APT and PGT (13 runs); apt: APT (7 runs); hgt: all three (33 runs).", "result", "pgt", given=True
    )
    field: float | None = setting(FIELD, "Field strength, E_h/(e a0); by default 2e-3, and 8e-3 for hgt.", "result")
    scheme: str = setting(
        Choice(names=("field", "displacement")), "Fields, or, for validation, displaced atoms.", "result", "field"
    )
    template: Path | None = setting(File(), "CP2K input with the FORCE_EVAL to use.", "result")
    set: Mapping[str, str] = setting(
        Pairs(of=Kind()),
        "Repeatable. pyscf: functional, basis, grid, convergence. tblite: method. cp2k: schema.",
        "result",
        {},
        file="schema=(.+)",
    )
    epsilon: float = setting(EPSILON, "ε∞ around clusters; 1.78 for water.", "use", 1.0)
    max_residual: float | None = setting(POSITIVE, "Refuse labels whose fit has a larger residual, E_h/a0.", "use")
    sum_rule: str = setting(SUM_RULE, HELP_OF_SUM_RULE, "use", "none")


@dataclass(frozen=True, kw_only=True)
class LabelSettings(Calculation, Configurations):
    """Settings of `make_labels`."""

    panel: ClassVar[str] = "Where it runs"
    executor: str = setting(WORD, "local or a profile (configs/cluster).", "nothing", "local", file="(?!local$)(.+)")
    command: str | None = setting(
        WORD, "Command that starts CP2K, such as `mpirun -np 64 cp2k.psmp`.", "nothing", file=r"(?=\S*/)(.+)"
    )
    workers: int | None = setting(COUNT, "Configurations at a time on this machine.", "nothing")
    cores: int | None = setting(COUNT, "Cores (OpenMP threads) of each.", "nothing")
    retry: bool = setting(Switch(), "Retry failed ones: from scratch, then a safer SCF.", "nothing", False, given=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_residual is not None and self.target == "apt":
            raise ConfigError("--max-residual needs --target pgt: the fit to the seven runs of an APT has no residual")
        if self.cluster is None and (self.ion or self.epsilon != 1 or self.centres != 1):
            raise ConfigError("--centres, --epsilon and --ion are for clusters: they need --cluster RADIUS")
        if self.cluster is not None and self.scheme == "displacement":
            raise ConfigError("--scheme displacement and --cluster do not go together")
        if self.cluster is not None and self.sum_rule == "project":
            raise ConfigError("--sum-rule project and --cluster do not go together: only the centres are labelled")


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
        Number(minimum=0, below=1, other=File(), metavar="FRACTION|FILE"),
        "Fraction of the frames, or a file with labelled frames.",
        "result",
        0.1,
        file=r"(?![\d.eE+-]+$)(.+)",
    )
    committee: int = setting(COUNT, "Number of networks, whose standard deviation estimates the error.", "result", 1)
    sum_rule: str = setting(SUM_RULE, "In training too, make the acoustic sum rule exact or not.", "result", "none")
    weight: Mapping[str, float] = setting(
        Pairs(of=Number(minimum=0)), "Loss weight of an element or irrep, such as S=4.", "result", {}
    )
    epochs: int | None = setting(COUNT, "Number of passes over the frames.", "duration")
    time_limit: float | None = setting(positive("MINUTES"), "Length of the training and its schedule.", "duration")
    learning_rate: float | None = setting(POSITIVE, "Peak learning rate.", "result")
    weight_decay: float | None = setting(Number(minimum=0), "Weight decay of the optimiser.", "result")
    averaging: float | None = setting(Number(minimum=0, below=1), "Decay of the average of the weights.", "result")
    warm_up: int | None = setting(NATURAL, "Steps over which the learning rate rises.", "result")
    seed: int = setting(NATURAL, "Random seed of weights, validation split and order of the frames.", "result", 0)
