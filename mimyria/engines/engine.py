"""The interface to electronic structure programs: an `Engine` gives the forces of a configuration in given fields.

Another program is one file with a class like this and an entry in ``registry.ENGINES``. The job that computes the runs
of a configuration, each only once, is the same for all (``job.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from mimyria.errors import LabelError
from mimyria.frame import Array, Frame
from mimyria.level import UNKNOWN, Level


@dataclass(frozen=True)
class FieldRun:
    """What a program computed of a configuration in one field."""

    forces: Array
    """E_h/a0, shape (n, 3)."""
    energy: float
    """E_h."""
    dipole: Array
    """e a0, shape (3,); in a cell known up to e times a lattice vector. NaN where the program does not give it."""
    steps: int
    """Number of steps to self-consistency; 0 where the program does not say."""
    program: str
    """Name and version, as the program states them."""
    seconds: float = 0.0
    """Wall-clock time."""


@dataclass(frozen=True)
class Configuration:
    """The atoms whose forces are computed, and their total charge in e."""

    frame: Frame
    charge: int = 0
    attempt: int = 0
    """Number of earlier failures: 1 starts from scratch, more also take a safer way to self-consistency."""


@dataclass(frozen=True, kw_only=True)
class Task(Configuration):
    """A configuration in the process that computes it, and its folder."""

    folder: Path
    inherited: tuple[int, ...] = ()
    """File descriptors of its lock, which the programs that are started keep open."""
    fields: Array = field(default_factory=lambda: np.zeros((1, 3)))
    """Of all its runs, E_h/(e a0), shape (runs, 3)."""


Calculation = Callable[[int, Array], FieldRun]
"""Computes a run from its number and field (E_h/(e a0), shape (3,)); LabelError if it does not converge.

What `is_repeat` starts from the wave function, or density, with which the run before it ended.
"""


class Engine(Protocol):
    """A program that gives forces in given fields: a frozen dataclass, whose fields are the user's settings."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def identity(self) -> dict[str, Any]:
        """Every setting that determines a result, as plain values."""

    @property
    def unstated(self) -> dict[str, Any]:
        """What the identities of finished labels did not state in earlier versions, as it was then."""
        return {}

    @property
    def summary(self) -> str:
        """The level of theory in a few words, for the header of a label."""

    @property
    def level(self) -> Level:
        """The level of theory as data, but for the version of the program, which only a run knows."""
        return UNKNOWN

    @property
    def job_settings(self) -> dict[str, Any]:
        """The settings, as plain values, with which the job makes the engine again in its own process."""
        return asdict(self)

    def prepare(self, field: float, order: int) -> None:
        """Raise LabelError, or warn, if every label of this order in fields of this strength would be spoilt."""

    def check(self, configuration: Configuration) -> None:
        """Raise LabelError, with the remedy, if the program cannot treat this configuration."""

    def write_inputs(self, folder: Path, configuration: Configuration, fields: Array) -> None:
        """Write the files that the program reads, if any, for all fields (runs, 3)."""
        return

    def calculation(self, task: Task) -> Calculation:
        """Return the function that computes the runs of a task one after the other; what they share is made here."""

    def clean(self, folder: Path) -> None:
        """Remove the files, if any, that are of no use once all runs are finished."""
        return


def is_repeat(index: int, field: Array) -> bool:
    """Return whether a run repeats the first one, without a field, from another start; both differ by noise alone."""
    return index > 0 and not field.any()


def run_folder(folder: Path, index: int) -> Path:
    """Return the folder for the files that a program reads and writes in one run."""
    return folder / f"run_{index:02d}"


def version_of(package: str) -> str:
    """Return the installed version of an optional package; raise LabelError with the remedy if it is missing."""
    try:
        return version(package)
    except PackageNotFoundError:
        raise LabelError(f"{package} is not installed; `pip install 'mimyria[{package}]'` adds it") from None


def check_isolated(configuration: Configuration) -> None:
    """Raise LabelError for a periodic configuration, or an odd number of electrons."""
    if configuration.frame.periodic.any():
        raise LabelError(
            "this engine treats isolated molecules alone, and the configuration is periodic: use --engine cp2k, or cut "
            "clusters out of it with --cluster RADIUS"
        )
    electrons = int(configuration.frame.numbers.sum()) - configuration.charge
    if electrons % 2:
        raise LabelError(
            f"{electrons} electrons: open shells are not supported; is the charge of {configuration.charge:+d} right?"
        )
