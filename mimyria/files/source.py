"""The seam of the formats: a `Reader` turns a `Source`, files and what the user says about them, into frames."""

from __future__ import annotations

import codecs
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from mimyria.errors import TrajectoryError
from mimyria.files.compression import check_compression, open_lines, plain_suffix, read_errors
from mimyria.files.layout import check_layout
from mimyria.files.naming import check_given
from mimyria.frame import Frame, changed
from mimyria.units import VELOCITY

log = logging.getLogger("mimyria")

HEAD_BYTES = 4096
Text = TypeVar("Text")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Source:
    """The files of one trajectory, and what only the user knows about them."""

    path: Path
    topology: Path | None = None
    """File that names the atoms, where the trajectory does not."""
    velocities: Path | None = None
    """Second file with the velocities, as CP2K and i-PI write them."""
    velocity_unit: str | None = None
    """A name in ``units.VELOCITY``, or None for the unit of the format."""
    layout: str | None = None
    """Index order of tensors in the file, a name in ``layout.LAYOUTS``, or None for the one the file states."""
    bead: int | None = None
    """Which bead to read of a file that holds all beads of a ring polymer one after the other."""
    species: Mapping[str, str] = field(default_factory=dict)
    """Element of each name of atoms that is none itself; see `naming`."""
    mass: Mapping[str, float] = field(default_factory=dict)
    """u, by element, name of atoms, or selection in the language of MDAnalysis."""
    times_only: bool = False
    """Only the times of the frames are wanted; a reader may skip the atoms."""
    noted: set[str] = field(default_factory=set, compare=False)
    """What has been said about these files."""
    remembered: dict[Any, tuple[object, Any]] = field(default_factory=dict, compare=False, repr=False)
    """What `remember` has found, and of which state of the file."""

    def __post_init__(self) -> None:
        for path in (self.path, self.topology, self.velocities):
            if path is not None and not path.is_file():
                raise TrajectoryError(f"{path}: {'is a folder, not a file' if path.is_dir() else 'no such file'}")
            if path is not None:
                check_compression(path)
        if self.velocity_unit is not None and self.velocity_unit not in VELOCITY:
            raise TrajectoryError(f"--velocity-unit takes {', '.join(VELOCITY)}, not {self.velocity_unit!r}")
        check_layout(self.layout)
        check_given(self.species, self.mass)

    def note(self, words: str, level: int = logging.INFO) -> None:
        """Log what is found in a file, once, however often it is read."""
        if words not in self.noted:
            log.log(level, words)
            self.noted.add(words)

    def remember(self, path: Path, find: Callable[..., Found], *others: Any) -> Found:
        """Return what a function finds in one of the files; it is called again only if that has changed since."""
        now = path.stat()
        state = now.st_size, now.st_mtime_ns
        if self.remembered.get((find, path), (None,))[0] != state:
            self.remembered[find, path] = state, find(path, *others)
        found: Found = self.remembered[find, path][1]
        return found

    @property
    def suffix(self) -> str:
        """The suffix of the format, without that of the compression, in lower case."""
        return plain_suffix(self.path)

    @cached_property
    def second(self) -> Source:
        """The file of velocities as a source of its own."""
        if self.velocities is None:
            raise TrajectoryError(f"{self.path}: the second file, with the velocities, is missing; give --velocities")
        return replace(self, path=self.velocities, velocities=None)

    @cached_property
    def head(self) -> bytes:
        """The beginning of the trajectory, decompressed, for telling dialects; empty if the file is damaged."""
        try:
            with open_lines(self.path) as (lines, _):
                return lines.read(HEAD_BYTES).removeprefix(codecs.BOM_UTF8)
        except read_errors(self.path):
            return b""

    @property
    def comment(self) -> bytes:
        """The second line, in which a file of xyz says most about itself."""
        return self.head.lstrip().partition(b"\n")[2].partition(b"\n")[0]


@dataclass
class Progress:
    """The state of reading, which the reader updates."""

    n_frames: int | None = None
    """Number of frames in the file, if the format states it."""
    fraction: float | None = None
    """Part of the file that has been read, 0 to 1, if known."""


@dataclass(frozen=True)
class VelocityUnit:
    """The unit of the velocities in a file."""

    name: str = ""
    """A name in ``units.VELOCITY``; empty if the file does not state it, and the user must."""
    fixed: bool = False
    """Whether the format determines the unit, so that another one is refused."""
    hint: str = ""
    """Added to the message that asks for the unit."""

    def factor(self, source: Source) -> float:
        """Return the user's unit, else this one, in Å/fs; raise TrajectoryError if there is none, or a wrong one."""
        unit = source.velocity_unit or self.name
        if not unit:
            raise TrajectoryError(
                f"{source.velocities or source.path}: the file does not state the unit of its velocities; "
                f"give --velocity-unit, one of {', '.join(VELOCITY)}{self.hint}"
            )
        if self.fixed and unit != self.name:
            raise TrajectoryError(
                f"{source.velocities or source.path}: the format determines the unit of its velocities; leave "
                f"--velocity-unit {unit} out, it is {self.name}"
            )
        return float(VELOCITY[unit])


def fixed_unit(name: str) -> Callable[[Source, Frame], VelocityUnit]:
    """Return what a `Reader` says of the velocities of a format that determines their unit."""
    return lambda source, frame: VelocityUnit(name, fixed=True)


@dataclass(frozen=True)
class Reader:
    """A format, or the dialect of a program."""

    name: str
    accepts: Callable[[Source], bool]
    """Whether it reads a source, by its suffix or `Source.head`; the first in ``READERS`` to accept it is used."""
    read: Callable[[Source, Iterable[int], Progress], Iterator[Frame]]
    """Yields the frames at the given increasing indices until the file ends, and skips the others cheaply; in Å, fs and
    our index orders, but with velocities in the unit of the file."""
    velocity_unit: Callable[[Source, Frame], VelocityUnit]
    """The unit of the velocities of a frame, which differs between frames only where their columns do."""
    uses: tuple[str, ...] = ()
    """Which of ``topology`` and ``velocities`` it reads as well; the others are refused."""

    def frames(self, source: Source, indices: Iterable[int], progress: Progress) -> Iterator[Frame]:
        """Yield the frames with velocities in Å/fs."""
        columns, factor = None, 1.0
        for frame in self.read(source, indices, progress):
            if frame.velocities is None:
                yield frame
                continue
            if frame.columns != columns:
                columns, factor = frame.columns, self.velocity_unit(source, frame).factor(source)
            yield changed(frame, velocities=frame.velocities * factor)


def scan(path: Path, indices: Iterable[int], read: Callable[[int], Text | None], together: int = 1) -> Iterator[Text]:
    """Yield the wanted ones of the frames that a file of text holds one after the other.

    Parameters
    ----------
    path, indices
        The file, and the frames that are wanted, in increasing order.
    read
        Returns the next frame, of an index that it is told, or None at the end of the file.
    together
        How many make one frame in messages, such as the beads of a step.

    Raises
    ------
    TrajectoryError
        If the file is damaged.
    """
    wanted = iter(indices)
    following = next(wanted, None)
    for index in count():
        if following is None:
            return
        try:
            text = read(index)
        except read_errors(path) as error:
            raise truncation_error(path, index // together, f"the file is damaged ({error})") from error
        if text is None:
            return
        if index == following:
            yield text
            following = next(wanted, None)


def truncation_error(path: Path, index: int, missing: str) -> TrajectoryError:
    """Return the error for a file that ends, or is damaged, in the middle of a frame."""
    remedy = "no frame is complete"
    if index:
        remedy = f"cut the file before this frame, or, where a command has it, give `--frames 0:{index}`"
    return TrajectoryError(f"{path}: cut in the middle of frame {index}: {missing}; {remedy}")
