"""Everything that the commands can be asked for: each setting once, with all there is to know of it.

A new line here is a flag of the command, a name in YAML and in Python, an entry of ``settings.yaml``, and a part of the
identity of what is computed if it says that it decides the result.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import ClassVar

from mimyria.declare import Choice, File, FrameRange, Kind, Many, Number, Numbers, Pairs, Settings, Switch, setting
from mimyria.errors import ConfigError

IN_FRAMES = "frames"
"""Says that the tensors stand in the trajectory's own frames."""
LASER = 532.0
"""nm; the usual one."""
PICTURES = ("png", "pdf", "svg", "html")
LAYOUTS = (
    *("field,displacement", "displacement,field", "mimyria-field", "mimyria-displacement", "mimyria-auto"),
    *("vasp", "nequip", "mace"),
)
UNITS = ("A/fs", "A/ps", "nm/ps", "au", "ase", "bohr/fs")
WINDOWS = ("gaussian", "hann", "blackman")
CORRECTIONS = ("harmonic", "standard", "schofield", "none")
KINDS = ("ir", "raman", "vdos", "sfg", "hyper_raman")
OF_FACES = ("sfg",)
"""Kinds of a slab, whose rates are those of its faces; only made when they are asked for."""
PRESETS = ("default", "small", "published")
ENGINES = ("cp2k", "pyscf", "tblite")
LARGEST_FIELD, SMALLEST_FIELD = 0.02, 1e-5
"""E_h/(e a0); beyond the first a molecule's answer is no longer a Taylor series, and a cell breaks down."""
FIELD = "a strength in E_h/(e a0) (51.4 V/Å), 1e-3 to 1e-2 as a rule"
LARGEST_EPSILON = 6.0
EPSILON = f"ε∞, the refractive index squared: 1 to {LARGEST_EPSILON:g}, nor the static constant (78 for water)"
DEVICES = "auto, cpu, cuda, cuda:1 or mps"

COUNT = Number(least=1, whole=True, takes="a positive whole number", metavar="N")
SEED = Number(least=0, whole=True, metavar="N")
POSITIVE = Number(above=0)
WORD = Kind(pattern=".+")
SOURCE = Kind(pattern=".+", metavar="FILE")
SUM_RULE = Choice(names=("project", "none"))
HELP_OF_SOURCE = "Model file, or `frames`: tensors stored in the frames."


def target_names() -> Collection[str]:
    """Return the names of the targets."""
    from mimyria.targets import TARGETS  # with numpy, which the help does without

    return TARGETS


TARGET = Choice(names=target_names, metavar="TARGET")


@dataclass(frozen=True, kw_only=True)
class Layout(Settings):
    """The index order of stored tensors."""

    layout: str | None = setting(
        Choice(names=LAYOUTS, metavar="LAYOUT"),
        f"Index order of stored tensors, or the program that wrote them: {', '.join(LAYOUTS)}.",
        "result",
    )


@dataclass(frozen=True, kw_only=True)
class Topology(Layout):
    """What the file of a configuration may not tell."""

    topology: Path | None = setting(File(), "File that names the atoms (PDB, GRO, PSF, LAMMPS data, ...).", "result")


@dataclass(frozen=True, kw_only=True)
class Stored(Topology):
    """How a file of frames is read."""

    velocity_unit: str | None = setting(Choice(names=UNITS), "Unit of stored velocities.", "result")


@dataclass(frozen=True, kw_only=True)
class Cell(Settings):
    """The cell, where the file has none."""

    cell: tuple[float, ...] | None = setting(
        Numbers(counts=(3, 9)), 'Å: "a b c" or nine numbers, rows first, where the file has none.', "result"
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

    device: str = setting(
        Kind(pattern=r"auto|cpu|mps|cuda(:\d+)?", takes=DEVICES),
        f"Where networks compute: {DEVICES}.",
        "nothing",
        "auto",
    )


@dataclass(frozen=True, kw_only=True)
class Prediction(Device):
    """How networks are used."""

    charge: float | None = setting(
        Number(metavar="E"), "Total charge of the cell, e; else what the frames say, else 0.", "result"
    )
    sum_rule: str = setting(SUM_RULE, "project: make the sum over the atoms exact; none: do not.", "result", "project")


@dataclass(frozen=True, kw_only=True)
class PredictSettings(Prediction, Stored):
    """What `predict` is asked for."""


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings(Layout, Device):
    """What `evaluate` is asked for."""


@dataclass(frozen=True, kw_only=True)
class Wanted(Settings):
    """Which spectra are made, and of what."""

    panel: ClassVar[str] = "Which spectra"
    kinds: tuple[str, ...] | None = setting(
        Many(of=Choice(names=KINDS), words=True), "Repeatable, or with commas; else all but sfg.", "use", given=True
    )
    groups: tuple[str, ...] = setting(
        Many(of=Kind(metavar="GROUPS")),
        "Parts of the spectra: species, none, molecules, NAME=SELECTION (repeatable), or `shell RADIUS around "
        "SELECTION`; selections are MDAnalysis's.",
        "result",
        ("species",),
    )
    normal: str = setting(Choice(names=("x", "y", "z")), "Across the slab, for sfg.", "result", "z")

    @property
    def of_faces(self) -> bool:
        """Whether a kind is asked for that needs the faces of a slab as groups."""
        return not set(OF_FACES).isdisjoint(self.kinds or ())

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.of_faces and self.groups != Wanted.groups:
            raise ConfigError(f"--kinds {' '.join(OF_FACES)} makes the faces of a slab the groups: leave --groups out")


@dataclass(frozen=True, kw_only=True)
class Sources(Prediction):
    """Where the tensors of each target come from."""

    panel: ClassVar[str] = "Tensors"
    apt: str | None = setting(SOURCE, HELP_OF_SOURCE, "result", given=True)
    pgt: str | None = setting(SOURCE, HELP_OF_SOURCE, "result", given=True)
    tensor: Mapping[str, str] = setting(
        Pairs(of=WORD, names=TARGET, metavar="TARGET=FILE"), "For any target; repeatable.", "result", {}, given=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.tensor:
            if getattr(self, name, None) is not None:
                raise ConfigError(f"--tensor {name} and --{name} are the same: give one of them")

    @property
    def sources(self) -> dict[str, str]:
        """Where the tensors of each target come from, by its name."""
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
    velocities: Path | None = setting(File(), "Second file with the velocities, as CP2K writes them.", "result")
    timestep: float | None = setting(
        Number(above=0, metavar="FS"), "Between stored frames, where the file does not say.", "result"
    )


@dataclass(frozen=True, kw_only=True)
class Sampled(Frames):
    """Which frames count, and how finely spectra are resolved."""

    panel: ClassVar[str] = "Frames, resolution, errors"
    stride: int | None = setting(
        Number(least=1, whole=True, without="auto", takes="auto or a positive whole number", metavar="N"),
        "Tensors at every Nth stored frame; auto keeps 4500 cm⁻¹.",
        "result",
    )
    resolution: float | None = setting(
        Number(above=0, metavar="CM⁻¹"), "FWHM of a sharp line; 20, or what the length allows.", "use"
    )
    window: str = setting(Choice(names=WINDOWS), "Of the correlation time.", "use", "gaussian")
    blocks: int | None = setting(COUNT, "Number of blocks for the error bars.", "use")


@dataclass(frozen=True, kw_only=True)
class Experiment(Settings):
    """What a spectrum depends on beside the rates."""

    panel: ClassVar[str] = "Physics"
    temperature: float | None = setting(Number(above=0, metavar="K"), "Without it, from the velocities.", "use")
    correction: str = setting(Choice(names=CORRECTIONS), "Quantum correction of intensities.", "use", "harmonic")
    epsilon_infinity: float | None = setting(
        Number(least=1), "1.78 for water; adds ε', n, κ, α and the reflectivity to ir.csv.", "use"
    )
    stokes: bool = setting(Switch(), "Add Stokes and anti-Stokes intensities.", "use", False)
    laser: float | None = setting(Number(above=0, metavar="NM"), "532 with --stokes, and implies it.", "use")
    porto: tuple[str, ...] = setting(
        Many(of=Kind(metavar="GEOMETRY"), words=True), "Of an oriented sample, such as z(xy)-z; repeatable.", "use", ()
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stokes and self.laser is None:
            object.__setattr__(self, "laser", LASER)


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
    title: str = setting(Kind(), "Stands above the pictures.", "use", "")
    plot_format: tuple[str, ...] = setting(
        Many(of=Choice(names=PICTURES), words=True), "Repeatable, or with commas.", "use", PICTURES
    )
    plot_width: str = setting(Choice(names=("single", "double")), "In columns of a journal.", "use", "double")


@dataclass(frozen=True, kw_only=True)
class SpectrumSettings(Pictures, Experiment, Sampled, Reading, Sources, Wanted):
    """What `make_spectra` is asked for."""


@dataclass(frozen=True, kw_only=True)
class Configurations(Frames, Cell, Topology):
    """Which configurations are labelled."""

    panel: ClassVar[str] = "Configurations"
    sample: int | None = setting(
        Number(whole=True, metavar="N"), "Label this many frames, drawn at random.", "result", given=True
    )
    seed: int = setting(SEED, "Random seed for --sample and --centres.", "result", 0)
    cluster: float | None = setting(
        Number(above=0, takes="a positive radius in Å", metavar="Å"), "Label clusters of this radius.", "result"
    )
    centres: int = setting(COUNT, "Central molecules in each frame, drawn at random.", "result", 1)
    ion: Mapping[str, int] = setting(
        Pairs(of=Number(whole=True), metavar="FORMULA=CHARGE"), "Charge of an ion, e; repeatable.", "result", {}
    )
    charge: int | None = setting(
        Number(whole=True, metavar="E"), "Total charge, e; without it, what the frames say.", "result"
    )


@dataclass(frozen=True, kw_only=True)
class Calculation(Settings):
    """What is computed of each configuration."""

    panel: ClassVar[str] = "Calculations"
    engine: str | None = setting(
        WORD, f"{', '.join(ENGINES)}; without it, cp2k for cells and pyscf for molecules.", "result"
    )
    target: str = setting(
        TARGET,
        "pgt: APT and PGT from 13 runs; apt: the APT alone, from 7; hgt: all three, from 33.",
        "result",
        "pgt",
        given=True,
    )
    field: float | None = setting(
        Number(least=SMALLEST_FIELD, most=LARGEST_FIELD, takes=FIELD),
        "Field strength, E_h/(e a0); else 2e-3, or 8e-3 for hgt.",
        "result",
    )
    scheme: str = setting(Choice(names=("field", "displacement")), "Displacement is for validation.", "result", "field")
    template: Path | None = setting(File(), "CP2K input with the FORCE_EVAL to use.", "result")
    set: Mapping[str, str] = setting(
        Pairs(of=Kind()),
        "Repeatable. pyscf: functional, basis, grid, convergence. tblite: method. cp2k: schema.",
        "result",
        {},
        file="schema=(.+)",
    )
    epsilon: float = setting(
        Number(least=1, most=LARGEST_EPSILON, takes=EPSILON), "ε∞ around clusters; 1.78 for water.", "use", 1.0
    )
    max_residual: float | None = setting(POSITIVE, "Refuse labels whose fit leaves more, E_h/a0.", "use")
    sum_rule: str = setting(SUM_RULE, "project: make the sum over the atoms exact.", "use", "none")


@dataclass(frozen=True, kw_only=True)
class LabelSettings(Calculation, Configurations):
    """What `make_labels` is asked for."""

    panel: ClassVar[str] = "Where it runs"
    executor: str = setting(
        WORD, "local, or a YAML profile (configs/cluster).", "nothing", "local", file="(?!local$)(.+)"
    )
    command: str | None = setting(
        WORD, "How to start CP2K, such as `mpirun -np 64 cp2k.psmp`.", "nothing", file=r"(?=\S*/)(.+)"
    )
    workers: int | None = setting(COUNT, "Configurations at a time on this machine.", "nothing")
    cores: int | None = setting(COUNT, "Cores (OpenMP threads) of each.", "nothing")
    retry: bool = setting(Switch(), "Try failed ones again: from scratch, then safer.", "nothing", False, given=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_residual is not None and self.target == "apt":
            raise ConfigError("--max-residual needs --target pgt: seven runs leave no residual")
        if self.cluster is None and (self.ion or self.epsilon != 1 or self.centres != 1):
            raise ConfigError("--centres, --epsilon and --ion are for clusters: they need --cluster RADIUS")
        if self.cluster is not None and self.scheme == "displacement":
            raise ConfigError("--scheme displacement and --cluster do not go together")
        if self.cluster is not None and self.sum_rule == "project":
            raise ConfigError("--sum-rule project and --cluster do not go together: only the centres are labelled")


@dataclass(frozen=True, kw_only=True)
class TrainSettings(Layout, Device):
    """What `train` is asked for; what is None is as the preset, or else `FitSettings`, has it."""

    panel: ClassVar[str] = "Training"
    target: str = setting(TARGET, "What the network learns.", "result", MISSING, given=True)
    preset: str = setting(Choice(names=PRESETS), "Shape of the network.", "result", "default")
    validation: float | Path = setting(
        Number(least=0, below=1, other=File(), metavar="FRACTION|FILE"),
        "Fraction of the frames, or a file with labelled frames.",
        "result",
        0.1,
        file=r"(?![\d.eE+-]+$)(.+)",
    )
    committee: int = setting(COUNT, "Networks whose spread tells how sure they are.", "result", 1)
    sum_rule: str = setting(SUM_RULE, "project: the sum over the atoms is exact in training too.", "result", "none")
    weight: Mapping[str, float] = setting(
        Pairs(of=Number(least=0)), "Loss weight of an element or irrep, e.g. S=4; repeatable.", "result", {}
    )
    epochs: int | None = setting(COUNT, "Passes over the frames.", "duration")
    time_limit: float | None = setting(
        Number(above=0, metavar="MINUTES"), "Time, over which the schedule is laid out.", "duration"
    )
    learning_rate: float | None = setting(POSITIVE, "Peak learning rate.", "result")
    weight_decay: float | None = setting(Number(least=0), "Pull of the weights towards zero.", "result")
    averaging: float | None = setting(Number(least=0, below=1), "Decay of the weights' average, per step.", "result")
    warm_up: int | None = setting(Number(least=0, whole=True), "Steps over which the learning rate rises.", "result")
    seed: int = setting(SEED, "Random seed of weights, validation split and order of the frames.", "result", 0)
