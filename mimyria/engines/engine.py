"""The seam of electronic structure programs: an `Engine` writes all fields of a configuration as a job, and reads it.

One program more is one file with a class of this shape and a line in ``engines.ENGINES``. What the job does, one
run after the other, a finished one never again, is the same for all (``points.py``); a file says how to compute one.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

from mimyria.errors import LabelError
from mimyria.execute import Job
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


class Engine(Protocol):
    """A program that gives forces in given fields."""

    @property
    def identity(self) -> dict[str, Any]:
        """Every setting that determines a result, as plain values."""
        ...

    @property
    def summary(self) -> str:
        """The level of theory in a few words, for the header of a label."""
        ...

    def prepare(self, field: float, order: int) -> None:
        """Raise LabelError, or warn, for what would spoil every label of this order made with such fields."""
        ...

    def check(self, frame: Frame, charge: int) -> None:
        """Raise LabelError, with the remedy, if the program cannot treat this configuration."""
        ...

    def write(self, folder: Path, frame: Frame, fields: Array, charge: int, attempt: int) -> Job:
        """Write the inputs of all fields (runs, 3) into a folder as one job.

        ``attempt`` counts from 0; 1 starts from scratch, later ones also take a safer way to self-consistency.
        """
        ...

    def read(self, folder: Path, n_atoms: int, n_runs: int) -> list[Run]:
        """Return the runs in the order of the fields; raise LabelError with the reason if one is missing or bad."""
        ...


def version_of(package: str, extra: str | None = None) -> str:
    """Return the installed version of an optional package; raise LabelError with the remedy if it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        raise LabelError(f"{package} is not installed; `pip install 'mimyria[{extra or package}]'` adds it") from None


def check_isolated(frame: Frame, charge: int) -> None:
    """Raise LabelError for a periodic system, or an odd number of electrons."""
    if frame.periodic.any():
        raise LabelError(
            "this engine knows isolated molecules alone, and the configuration is periodic: use --engine cp2k, or cut "
            "clusters out of it with --cluster RADIUS"
        )
    electrons = int(frame.numbers.sum()) - charge
    if electrons % 2:
        raise LabelError(f"{electrons} electrons: open shells are not supported; is the charge of {charge:+d} right?")
