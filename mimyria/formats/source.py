"""The seam of the formats: a `Reader` turns a `Source`, files and what the user says about them, into frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mimyria.errors import TrajectoryError
from mimyria.formats.layout import check_layout
from mimyria.frame import Frame
from mimyria.units import VELOCITY


@dataclass(frozen=True)
class Source:
    """The files of one trajectory, and what only the user can know about them.

    Parameters
    ----------
    path
        The trajectory.
    topology
        File that names the atoms, where the trajectory does not.
    velocities
        Second file with the velocities, as CP2K writes them.
    velocity_unit
        A name in ``units.VELOCITY``, or None for the unit of the format.
    layout
        Index order of tensors in the file, a name in ``layout.LAYOUTS``, or None for the one the file states.
    times_only
        Nothing but the times of the frames is wanted: a reader that gains by it leaves out the atoms.
    """

    path: Path
    topology: Path | None = None
    velocities: Path | None = None
    velocity_unit: str | None = None
    layout: str | None = None
    times_only: bool = False

    def __post_init__(self) -> None:
        for path in (self.path, self.topology, self.velocities):
            if path is not None and not path.is_file():
                raise TrajectoryError(f"{path}: {'is a folder, not a file' if path.is_dir() else 'no such file'}")
        if self.velocity_unit is not None and self.velocity_unit not in VELOCITY:
            raise TrajectoryError(f"unknown --velocity-unit {self.velocity_unit!r}; known: {', '.join(VELOCITY)}")
        check_layout(self.layout)


@dataclass
class Progress:
    """How far a reader has come: the one thing a reader changes.

    Parameters
    ----------
    n_frames
        Number of frames in the file, where the format says it.
    fraction
        Part of the file that has been read, 0 to 1, where it can be known.
    """

    n_frames: int | None = None
    fraction: float | None = None


class Reader(Protocol):
    """What every format has to offer."""

    def __call__(self, source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
        """Yield the frames at the given increasing indices, end where the file ends, pass over the others cheaply."""
        ...


def velocity_factor(source: Source, native: str | None, *, fixed: bool = False, hint: str = "") -> float:
    """Return one unit of the velocities of a source in Å/fs.

    Parameters
    ----------
    source
        Whose ``velocity_unit`` wins, where there is one.
    native
        Unit of the format; None where the format has none and the user must tell.
    fixed
        The format leaves no choice: another unit is a mistake.
    hint
        Added to the question for the unit.
    """
    unit = source.velocity_unit or native
    if unit is None:
        raise TrajectoryError(
            f"{source.velocities or source.path}: the unit of its velocities is not in the file; "
            f"give --velocity-unit, one of {', '.join(VELOCITY)}{hint}"
        )
    if fixed and unit != native:
        raise TrajectoryError(
            f"{source.path}: the format itself says the unit of its velocities; leave --velocity-unit {unit} out"
        )
    return float(VELOCITY[unit])


def cut(path: Path, index: int, missing: str) -> TrajectoryError:
    """Return the error for a file that ends, or cannot be read, in the middle of a frame."""
    remedy = f"the whole frames before it can be used with `--frames 0:{index}`" if index else "no frame is whole"
    return TrajectoryError(f"{path}: cut in the middle of frame {index}: {missing}; {remedy}")
