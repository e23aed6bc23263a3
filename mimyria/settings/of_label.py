"""The settings of `mimyria label`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mimyria.choices import (
    COUNT,
    ELEMENT,
    ENGINE,
    ENGINES,
    EPSILON,
    FIELD,
    HELP_OF_SUM_RULE,
    INTEGER,
    NATURAL,
    POSITIVE,
    SUM_RULE,
    TARGET,
    WORD,
)
from mimyria.declare import Settings, setting
from mimyria.errors import ConfigError
from mimyria.settings.reading import Cell, Frames, Topology
from mimyria.values import Choice, File, Kind, Number, Pairs, Switch


@dataclass(frozen=True, kw_only=True)
class Configurations(Frames, Cell, Topology):
    """The configurations to label."""

    panel: ClassVar[str] = "Configurations"
    sample: int | None = setting(INTEGER, "Number of frames, drawn at random.", "result", given=True)
    seed: int = setting(NATURAL, "Random seed for --sample, --centres and --displace.", "result", 0)
    displace: str | None = setting(
        ELEMENT, "Displace an atom of this element by 0.15 Å first: labels of gradients.", "result", given=True
    )
    cluster: float | None = setting(
        Number(above=0, takes="a positive radius in Å", metavar="Å"), "Label clusters of this radius.", "result"
    )
    centres: int = setting(COUNT, "Central molecules in each frame, drawn at random.", "result", 1)
    ion: Mapping[str, int] = setting(Pairs(of=INTEGER, metavar="FORMULA=CHARGE"), "Charge of an ion, e.", "result", {})
    charge: int | None = setting(Number(integer=True, metavar="E"), "Total charge, e, if not of the frames.", "result")


@dataclass(frozen=True, kw_only=True)
class Program(Settings):
    """The electronic structure program, and the fields it computes in."""

    panel: ClassVar[str] = "Calculations"
    field: float | None = setting(FIELD, "Field strength, E_h/(e a0); by default 2e-3, and 8e-3 for hgt.", "result")
    template: Path | None = setting(File(), "CP2K input with the FORCE_EVAL to use.", "result")
    set: Mapping[str, str] = setting(
        Pairs(of=Kind()),
        "Repeatable. pyscf: functional, basis, grid, convergence, fitting. tblite: method. "
        "cp2k: schema, kinds, extrapolation.",
        "result",
        {},
        file="schema=(.+)",
    )


@dataclass(frozen=True, kw_only=True)
class Running(Settings):
    """Where calculations run."""

    panel: ClassVar[str] = "Where it runs"
    executor: str = setting(WORD, "local or a profile (configs/cluster).", "nothing", "local", file="(?!local$)(.+)")
    command: str | None = setting(
        WORD, "Command that starts CP2K, such as `mpirun -np 64 cp2k.psmp`.", "nothing", file=r"(?=\S*/)(.+)"
    )
    workers: int | None = setting(COUNT, "Configurations at a time on this machine.", "nothing")
    cores: int | None = setting(COUNT, "Cores (OpenMP threads) of each.", "nothing")

    @property
    def resources(self) -> dict[str, int]:
        """Those of this machine that are given, as `make_executor` takes them."""
        given = {"workers": self.workers, "cores": self.cores}
        return {name: number for name, number in given.items() if number is not None}


@dataclass(frozen=True, kw_only=True)
class Calculation(Program):
    """The calculations for each configuration."""

    panel: ClassVar[str] = "Calculations"
    engine: str | None = setting(
        ENGINE, f"{', '.join(ENGINES)}; default cp2k for cells, pyscf for molecules.", "result"
    )
    target: str = setting(
        TARGET, "pgt: APT and PGT (14 runs); apt: APT (8 runs); hgt: all three (33 runs).", "result", "pgt", given=True
    )
    scheme: str = setting(
        Choice(names=("field", "displacement")), "Fields, or, for validation, displaced atoms.", "result", "field"
    )
    epsilon: float = setting(EPSILON, "ε∞ around clusters; 1.78 for water.", "use", 1.0)
    max_residual: float | None = setting(POSITIVE, "Refuse labels whose fit has a larger residual, E_h/a0.", "use")
    sum_rule: str = setting(SUM_RULE, HELP_OF_SUM_RULE, "use", "none")


@dataclass(frozen=True, kw_only=True)
class LabelSettings(Running, Calculation, Configurations):
    """Settings of `make_labels`."""

    panel: ClassVar[str] = "Where it runs"
    retry: bool = setting(Switch(), "Retry failed ones: from scratch, then a safer SCF.", "nothing", False, given=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cluster is None and (self.ion or self.epsilon != 1 or self.centres != 1):
            raise ConfigError("--centres, --epsilon and --ion are for clusters: they need --cluster RADIUS")
        if self.cluster is not None and self.scheme == "displacement":
            raise ConfigError("--scheme displacement and --cluster do not go together")
        if self.cluster is not None and self.displace is not None:
            raise ConfigError("--displace and --cluster do not go together: of clusters only the centres are labelled")
        if self.max_residual is not None and self.scheme == "displacement":
            raise ConfigError(
                "--max-residual is of fits, and --scheme displacement takes differences: leave out --max-residual"
            )
        if self.cluster is not None and self.sum_rule == "project":
            raise ConfigError("--sum-rule project and --cluster do not go together: only the centres are labelled")
