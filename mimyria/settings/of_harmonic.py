"""The settings of `mimyria harmonic`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mimyria.choices import COUNT, LASER, SOURCE, WORD, positive
from mimyria.declare import Settings, declared, flag, setting
from mimyria.errors import ConfigError
from mimyria.settings.of_label import Program, Running
from mimyria.settings.of_spectrum import Pictures
from mimyria.settings.reading import Cell, Frames, Prediction, Topology
from mimyria.values import Choice, File, Kind, Many, Pairs, Switch

HESSIAN_UNITS = ("eV/A^2", "Eh/a0^2", "Ry/a0^2", "N/m")
HELP_OF_TENSORS = (
    "cp2k, pyscf, tblite, a model (`molecules`, or a file), `frames`, or `none`; by default --calculator if it is an "
    "engine."
)


@dataclass(frozen=True, kw_only=True)
class Structures(Frames, Cell, Topology):
    """The structures, and what is special about their atoms."""

    panel: ClassVar[str] = "Structures"
    isotope: Mapping[str, str] = setting(
        Pairs(of=WORD, metavar="ATOM=ISOTOPE"), "Isotope of an atom, counted from 0: 1=D, 0=13C, 2=2.014.", "use", {}
    )
    fixed: str | None = setting(WORD, "Atoms that do not move, a selection of MDAnalysis: `index 0:9`.", "result")
    groups: tuple[str, ...] = setting(
        Many(of=Kind(metavar="NAME=SELECTION")), "Atoms whose share of each mode is told, repeatable.", "use", ()
    )


@dataclass(frozen=True, kw_only=True)
class Curvature(Structures):
    """The Hessian: computed from forces, or read."""

    panel: ClassVar[str] = "Hessian"
    calculator: str | None = setting(
        WORD, "Gives the forces: tblite, pyscf, cp2k, a calculator of ASE (emt), or module:Class.", "result"
    )
    hessian: Path | None = setting(
        File(), "Hessian in a file instead: phonopy, ASE, xtb, ORCA, Gaussian, or bare numbers.", "result"
    )
    hessian_unit: str | None = setting(
        Choice(names=HESSIAN_UNITS), "Of a file of bare numbers, or of FORCE_CONSTANTS if not eV/A^2.", "result"
    )
    step: float = setting(positive("Å"), "Displacement of each atom, both ways along each axis.", "result", 0.0025)
    relax: bool = setting(Switch(), "Relax the positions first.", "result", False)
    fmax: float = setting(positive("EV/Å"), "Largest force that --relax leaves.", "result", 0.001)
    largest_force: float = setting(
        positive("EV/Å"), "Structures with larger forces are no minimum and are refused.", "use", 0.1
    )


@dataclass(frozen=True, kw_only=True)
class Responses(Program, Prediction):
    """The tensors at the structure."""

    panel: ClassVar[str] = "Tensors"
    apt: str | None = setting(SOURCE, f"APT: {HELP_OF_TENSORS}", "result")
    pgt: str | None = setting(SOURCE, f"PGT: {HELP_OF_TENSORS}", "result")


@dataclass(frozen=True, kw_only=True)
class Shown(Settings):
    """What is made of the modes."""

    panel: ClassVar[str] = "Physics"
    scale: float = setting(positive("FACTOR"), "All wavenumbers are multiplied with it.", "use", 1.0)
    temperature: float = setting(positive("K"), "Of Raman intensities and of the thermochemistry.", "use", 298.15)
    pressure: float = setting(positive("BAR"), "Of the ideal gas of the thermochemistry.", "use", 1.01325)
    laser: float = setting(positive("NM"), "Of Stokes intensities and cross sections.", "use", LASER)
    width: float = setting(positive("CM⁻¹"), "Full width at half maximum of the lines.", "use", 10.0)
    profile: str = setting(Choice(names=("lorentzian", "gaussian")), "Profile of the lines.", "use", "lorentzian")
    symmetry_number: int | None = setting(COUNT, "Of the rotation; by default found from the atoms.", "use")
    multiplicity: int | None = setting(
        COUNT, "2S + 1, for the thermochemistry alone; by default of the file, else 1 or 2.", "use"
    )


@dataclass(frozen=True, kw_only=True)
class HarmonicSettings(Pictures, Shown, Running, Responses, Curvature):
    """Settings of `normal_modes`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hessian is not None and self.relax:
            raise ConfigError("--relax needs forces, and --hessian FILE belongs to the structure as it is: give one")
        if self.hessian is not None and self.calculator is not None:
            raise ConfigError("--hessian FILE stands for the Hessian of --calculator: give one of them")
        if self.relax and "frames" in (self.apt, self.pgt):
            raise ConfigError("tensors in the frames belong to the structure as it is: leave --relax out")
        beside = "beside --hessian FILE" if self.hessian else ""
        unused = {"step": beside, "largest_force": beside, "fmax": "" if self.relax else "without --relax"}
        for name, reason in unused.items():
            if reason and getattr(self, name) != declared(HarmonicSettings)[name].default:
                raise ConfigError(f"{flag(name)} means nothing {reason}: leave it out")
        if not 1e-4 <= self.step <= 0.1:
            raise ConfigError(f"--step takes a displacement of 1e-4 to 0.1 Å, not {self.step:g}")
        if not 0.1 <= self.scale <= 2:
            raise ConfigError(f"--scale takes a factor near 1, such as 0.96, not {self.scale:g}")
        if self.width < 0.1:
            raise ConfigError(f"--width takes at least 0.1 cm⁻¹, not {self.width:g}")
