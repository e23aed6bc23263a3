"""The seam of electronic structure programs: an `Engine` gives the forces of a configuration in given fields.

One program more is one file with a class of this shape and an entry in ``registry.ENGINES``. That runs are computed in
a job of their own, a finished one never again, is the same for all (``job.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar, Protocol

from mimyria.errors import LabelError
from mimyria.frame import Array, Frame


@dataclass(frozen=True)
class Run:
    """What a program says about a configuration in one field.

    Parameters
    ----------
    forces
        E_h/a0, shape (n, 3).
    energy
        E_h.
    dipole
        e a0, shape (3,); in a cell known up to e times a lattice vector. NaN where the program does not give it.
    steps
        Number of steps to self-consistency; 0 where the program does not say.
    program
        Name and version, as the program states them.
    seconds
        How long it took.
    """

    forces: Array
    energy: float
    dipole: Array
    steps: int
    program: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Configuration:
    """What a program computes forces of.

    Parameters
    ----------
    frame
        The atoms.
    charge
        e.
    attempt
        How often it has failed: 1 starts from scratch, more also take a safer way to self-consistency.
    """

    frame: Frame
    charge: int = 0
    attempt: int = 0


@dataclass(frozen=True, kw_only=True)
class Task(Configuration):
    """A configuration in the process that computes it.

    Parameters
    ----------
    folder
        Of the configuration.
    held
        File descriptors of its lock, for the programs that are started.
    """

    folder: Path
    held: tuple[int, ...] = ()


Calculation = Callable[[int, Array], Run]
"""Computes a run from its number and field (E_h/(e a0), shape (3,)); LabelError if it does not converge."""


class Engine(Protocol):
    """A program that gives forces in given fields: a frozen dataclass, whose fields are the user's settings."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def identity(self) -> dict[str, Any]:
        """Every setting that determines a result, as plain values."""

    @property
    def summary(self) -> str:
        """The level of theory in a few words, for the header of a label."""

    @property
    def job_settings(self) -> dict[str, Any]:
        """The settings, as plain values, of the engine in the process of the job."""
        return asdict(self)

    def prepare(self, field: float, order: int) -> None:
        """Raise LabelError, or warn, for what would spoil every label of this order made with such fields."""

    def check(self, configuration: Configuration) -> None:
        """Raise LabelError, with the remedy, if the program cannot treat this configuration."""

    def write_inputs(self, folder: Path, configuration: Configuration, fields: Array) -> None:
        """Write what the program reads, for all fields (runs, 3), into the folder of the configuration."""
        return  # nothing, unless the program reads files

    def calculation(self, task: Task) -> Calculation:
        """Return what computes the runs of a task, one after the other: what they share is made once."""

    def clean(self, folder: Path) -> None:
        """Remove what is of no use once all runs are there."""
        return  # nothing, unless the program leaves files


def run_folder(folder: Path, index: int) -> Path:
    """Return where a program may put the files of one run."""
    return folder / f"run_{index:02d}"


def version_of(package: str, extra: str | None = None) -> str:
    """Return the installed version of an optional package; raise LabelError with the remedy if it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        raise LabelError(f"{package} is not installed; `pip install 'mimyria[{extra or package}]'` adds it") from None


def check_isolated(configuration: Configuration) -> None:
    """Raise LabelError for a periodic system, or an odd number of electrons."""
    if configuration.frame.periodic.any():
        raise LabelError(
            "this engine knows isolated molecules alone, and the configuration is periodic: use --engine cp2k, or cut "
            "clusters out of it with --cluster RADIUS"
        )
    electrons = int(configuration.frame.numbers.sum()) - configuration.charge
    if electrons % 2:
        raise LabelError(
            f"{electrons} electrons: open shells are not supported; is the charge of {configuration.charge:+d} right?"
        )
