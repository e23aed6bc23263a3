"""What the main job is asked for: how trajectories are read, and which spectra are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mimyria.errors import ConfigError
from mimyria.figures.pictures import PictureSettings
from mimyria.rates.stride import automatic_stride
from mimyria.spectra.kinds import OF_FACES
from mimyria.trajectory import Trajectory

IN_FRAMES = "frames"
"""Says that the tensors stand in the trajectory's own frames."""


@dataclass(frozen=True)
class TrajectorySettings:
    """How to read a trajectory; see ``Trajectory``."""

    topology: Path | None = None
    velocities: Path | None = None
    velocity_unit: str | None = None
    cell: tuple[float, ...] | None = None
    timestep: float | None = None
    layout: str | None = None

    def open(self, path: Path) -> Trajectory:
        """Return the trajectory at a path, checked."""
        return Trajectory(path, **self.__dict__)

    def open_all(self, paths: Sequence[Path]) -> list[Trajectory]:
        """Return several; raise ConfigError where one file of velocities would be taken for all of them."""
        if self.velocities is not None and len(paths) > 1:
            raise ConfigError(
                f"{self.velocities} holds the velocities of one trajectory, but {len(paths)} are given: make spectra "
                "of each by itself, or write positions and velocities into one file"
            )
        return [self.open(path) for path in paths]


@dataclass(frozen=True)
class SpectrumSettings:
    """What `make_spectra` is asked for.

    Parameters
    ----------
    kinds
        Names in ``KINDS``; None for all that the sources allow but those of faces.
    apt, pgt
        A model file, or ``frames`` for the tensors in the frames, or None for no such spectrum.
    reading
        How the trajectories are read.
    frames
        First and last (exclusive) stored frame used; None for the end.
    stride
        Every how many stored frames a tensor is needed; None for automatic.
    temperature
        K; None for the kinetic temperature.
    resolution, window, blocks
        See ``sampling``.
    groups
        See ``make_grouping``.
    laser
        nm, or None for no Stokes intensities.
    correction, epsilon_infinity
        See `Conditions`.
    porto
        Geometries of Raman scattering, see ``Conditions``.
    normal
        ``x``, ``y`` or ``z``: across a slab, whose faces are then the groups if a kind needs them.
    charge
        Total charge of the cell, e; None for what the frames' headers say, else zero.
    project
        Make the translational sum rule of predicted tensors exact.
    device
        Where the networks compute.
    pictures
        How the spectra are drawn.
    """

    kinds: tuple[str, ...] | None = None
    apt: str | None = None
    pgt: str | None = None
    reading: TrajectorySettings = field(default_factory=TrajectorySettings)
    frames: tuple[int, int | None] = (0, None)
    stride: int | None = None
    temperature: float | None = None
    resolution: float | None = None
    window: str = "gaussian"
    blocks: int | None = None
    groups: tuple[str, ...] = ("species",)
    laser: float | None = None
    correction: str = "harmonic"
    epsilon_infinity: float | None = None
    porto: tuple[str, ...] = ()
    normal: str = "z"
    charge: float | None = None
    project: bool = True
    device: str = "auto"
    pictures: PictureSettings = field(default_factory=PictureSettings)

    def flags(self) -> dict[str, Any]:
        """Return the settings as the command line names them, so that ``--config`` takes them back."""
        first, last = self.frames
        flags = {**vars(self.reading), **vars(self), **vars(self.pictures)}
        del flags["reading"], flags["pictures"]
        flags["frames"] = None if (first, last) == (0, None) else f"{first}:{'' if last is None else last}"
        flags["stride"] = "auto" if self.stride is None else self.stride
        flags["sum_rule"] = "project" if flags.pop("project") else "none"
        return {name: value for name, value in flags.items() if value not in (None, "", ())}

    def stride_of(self, trajectory: Trajectory) -> int:
        """Return every how many of a trajectory's stored frames tensors are needed."""
        return self.stride or automatic_stride(trajectory.timestep)

    @property
    def of_faces(self) -> bool:
        """Whether a kind is asked for that needs the faces of a slab as groups."""
        return bool(set(OF_FACES) & set(self.kinds or ()))

    @property
    def model_files(self) -> dict[str, Path]:
        """The model files among the sources."""
        return {name: Path(source) for name, source in self.sources.items() if source != IN_FRAMES}

    @property
    def sources(self) -> dict[str, str]:
        """Where the tensors of each target come from."""
        return {name: source for name, source in (("apt", self.apt), ("pgt", self.pgt)) if source is not None}
