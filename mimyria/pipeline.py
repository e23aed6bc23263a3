"""The main job: from trajectories and tensors (of a network, or in the frames) to a folder of spectra."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mimyria import __version__
from mimyria.config import write_settings
from mimyria.errors import ConfigError, Interrupted, LabelError, SpectrumError
from mimyria.frame import Frame
from mimyria.progress import Advance, progress
from mimyria.spectra.correlation import window_lags
from mimyria.spectra.response import (
    GROUPINGS,
    PartStore,
    ResponseSeries,
    is_series,
    read_series,
    response_series,
    write_series,
)
from mimyria.spectra.spectrum import DEFAULT_RESOLUTION, KINDS, NEEDS, Spectrum, raman, sampling, write_csv
from mimyria.targets import TARGETS, Target
from mimyria.trajectory import Trajectory
from mimyria.units import LIGHT_SPEED

log = logging.getLogger("mimyria")

IN_FRAMES = "frames"
"""Says that the tensors stand in the trajectory's own frames."""
HIGHEST_WAVENUMBER = 4500.0
"""cm⁻¹; the automatic stride keeps the Nyquist wavenumber above it."""
LOWEST_NYQUIST = 4000.0
TEMPERATURE_TOLERANCE = 0.1


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


@dataclass(frozen=True)
class SpectrumSettings:
    """What `make_spectra` is asked for.

    Parameters
    ----------
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
    resolution, blocks
        See ``sampling``.
    groups
        Name in ``GROUPINGS``.
    laser
        nm, or None for no Stokes intensities.
    charge
        Total charge of the cell, e.
    project
        Make the translational sum rule of predicted tensors exact.
    device
        Where the networks compute.
    """

    apt: str | None = None
    pgt: str | None = None
    reading: TrajectorySettings = field(default_factory=TrajectorySettings)
    frames: tuple[int, int | None] = (0, None)
    stride: int | None = None
    temperature: float | None = None
    resolution: float | None = None
    blocks: int | None = None
    groups: str = "species"
    laser: float | None = None
    charge: float = 0.0
    project: bool = True
    device: str = "auto"

    @property
    def sources(self) -> dict[str, str]:
        """Where the tensors of each target come from."""
        return {name: source for name, source in (("apt", self.apt), ("pgt", self.pgt)) if source is not None}


def make_spectra(
    paths: Sequence[Path], out: Path, settings: SpectrumSettings, *, resume: bool = False
) -> dict[str, Spectrum]:
    """Make every spectrum that the sources allow, write the folder, and return the spectra by kind.

    Parameters
    ----------
    paths
        Trajectories, or one ``series.h5`` of an earlier run.
    out
        Folder; made if it is not there.
    settings
        What is asked for.
    resume
        Insist on going on: an error if an unfinished run was made with other settings.
    """
    if len(paths) == 1 and is_series(paths[0]):
        series = read_series(paths[0])
        out.mkdir(parents=True, exist_ok=True)
    else:
        if not settings.sources:
            raise ConfigError("nothing to make a spectrum from: give --apt or --pgt, a model file or `frames`")
        unfinished = out / "unfinished"
        series = [_one_series(path, unfinished / f"{k:04d}", settings, resume) for k, path in enumerate(paths)]
        write_series(out / "series.h5", series)
        shutil.rmtree(unfinished)
    return _spectra(series, out, settings, paths)


def _spectra(
    series: Sequence[ResponseSeries], out: Path, settings: SpectrumSettings, paths: Sequence[Path]
) -> dict[str, Spectrum]:
    """Compute and write spectra, figure and settings from the series of one or more trajectories."""
    from mimyria.spectra.plot import plot_spectra  # matplotlib is slow to import

    temperature = _temperature(series, settings)
    how = sampling(series, settings.resolution, settings.blocks)
    spectra = {}
    for kind, make in KINDS.items():
        if NEEDS[kind] is None or all(NEEDS[kind] in one.rates for one in series):
            options: dict[str, Any] = {"laser": settings.laser} if make is raman else {}
            spectra[kind] = make(series, temperature=temperature, how=how, **options)
            write_csv(out / f"{kind}.csv", spectra[kind])
    plot_spectra(out / "spectra.png", spectra)
    used: dict[str, Any] = {"temperature": temperature, "resolution": how.resolution, "timestep": how.timestep}
    used |= {"frames": [len(one) for one in series]}
    asked = asdict(settings)
    asked = {"trajectories": list(paths), **asked.pop("reading"), **asked}
    write_settings(out / "settings.yaml", {"mimyria": __version__, **asked, "used": used})
    return spectra


def _one_series(path: Path, folder: Path, settings: SpectrumSettings, resume: bool) -> ResponseSeries:
    """Return the series of one trajectory, going on where an interrupted run ended."""
    trajectory = settings.reading.open(path)
    stride = settings.stride or automatic_stride(trajectory.timestep)
    timestep = stride * trajectory.timestep
    lags = window_lags(settings.resolution or DEFAULT_RESOLUTION, timestep)
    store = PartStore(folder, _fingerprint(path, settings, stride, lags), insist=resume)
    start, stop = settings.frames
    if trajectory.differenced:
        start = max(start, 1)  # the first stored frame has no velocity; parts count from the first that has
    again = start + store.n_frames * stride
    if store.n_frames:
        log.info(f"{path}: going on after {store.n_frames} frames that are done")
    frames = trajectory.frames(again, stop, stride)
    for name, source in settings.sources.items():
        frames = with_tensors(frames, name, source, settings)
    try:
        with progress(f"{path.name}, every {timestep:g} fs") as advance:
            return response_series(
                trajectory.frames(start, again, stride) if store.n_frames else iter(()),
                _counted(frames, trajectory, again, stop, advance),
                targets=tuple(settings.sources),
                grouping=GROUPINGS[settings.groups](trajectory.numbers),
                timestep=timestep,
                lags=lags,
                store=store,
                differenced=trajectory.timestep if trajectory.differenced else 0.0,
            )
    except KeyboardInterrupt:
        done = f"{store.n_frames} frames of {path} are done"
        raise Interrupted(f"stopped; {done}; run the same command again to go on") from None


def with_tensors(frames: Iterator[Frame], name: str, source: str, settings: SpectrumSettings) -> Iterator[Frame]:
    """Return the frames with the tensors of a target: predicted by a model file, or the ones in the frames, checked."""
    if source == IN_FRAMES:
        return _in_frames(frames, TARGETS[name], settings.charge)
    from mimyria.model.files import choose_device, read_model  # torch is slow to import, and not always needed
    from mimyria.model.predict import predict

    model = read_model(Path(source), name, choose_device(settings.device))
    return predict(model, frames, charge=settings.charge, project=settings.project)


def _in_frames(frames: Iterator[Frame], target: Target, charge: float) -> Iterator[Frame]:
    """Yield the frames; raise LabelError if one lacks finite tensors; log how far their sum rule is off."""
    excess, count = 0.0, 0
    for index, frame in enumerate(frames):
        if target.name not in frame.tensors:
            there = ", ".join([*frame.tensors, *frame.info]) or "none"
            raise LabelError(f"frame {index} of those used has no {target.name} ({target.title}); keys there: {there}")
        tensors = frame.tensors[target.name]
        if not np.isfinite(tensors).all():
            atom = int(np.argwhere(~np.isfinite(tensors))[0][0])
            raise LabelError(f"frame {index} of those used: the {target.name} of atom {atom} is not a number")
        excess, count = excess + target.translation_error(tensors, charge), count + 1
        yield frame
    if count:
        log.info(
            f"{target.name.upper()} of the frames: the sum over the atoms is off by {excess / count:.2g} {target.unit} "
            f"on average for a total charge of {charge:g} e, left as it is"
        )


def _counted(
    frames: Iterator[Frame], trajectory: Trajectory, start: int, stop: int | None, advance: Advance
) -> Iterator[Frame]:
    """Yield the frames and move the progress bar by what has been read of the part that is used."""
    first = None
    for count, frame in enumerate(frames):
        fraction = trajectory.fraction_read
        if fraction is not None and trajectory.n_frames is not None:
            end = min(stop or trajectory.n_frames, trajectory.n_frames)
            fraction = (fraction * trajectory.n_frames - start) / max(end - start, 1)
        elif fraction is not None and stop is None:
            first = fraction if first is None else first
            fraction = (fraction - first) / max(1 - first, 1e-9)
        else:
            fraction = None
        advance(fraction, f"{count + 1} frames")
        yield frame


def automatic_stride(timestep: float) -> int:
    """Return how many stored frames (each ``timestep`` fs) may be stepped over at once.

    dM/dt and dα/dt hold nothing above the highest vibration, so every stride whose Nyquist wavenumber 1/(2cδt) stays
    above HIGHEST_WAVENUMBER gives the same spectrum.
    """
    stride = max(1, int(1 / (2 * LIGHT_SPEED * HIGHEST_WAVENUMBER) / timestep))
    nyquist = 1 / (2 * LIGHT_SPEED * stride * timestep)
    if nyquist < LOWEST_NYQUIST:
        log.warning(
            f"frames every {timestep:g} fs resolve up to {nyquist:.0f} cm⁻¹; what vibrates faster folds back below that"
        )
    else:
        every = "every stored frame" if stride == 1 else f"one stored frame in {stride}"
        log.info(f"tensors at {every}, which resolves up to {nyquist:.0f} cm⁻¹")
    return stride


def _temperature(series: Sequence[ResponseSeries], settings: SpectrumSettings) -> float:
    """Return the temperature to use, in K: the one given, else the kinetic one."""
    kinetic = float(np.average([one.temperature.mean() for one in series], weights=[len(one) for one in series]))
    differenced = any(one.differenced for one in series)
    given = settings.temperature
    if given is None and differenced:
        raise SpectrumError("velocities from differences of positions give too low a temperature: give --temperature K")
    if given is None:
        if not kinetic > 0:
            raise SpectrumError("the atoms do not move, so there is no temperature: give --temperature K")
        return kinetic
    if not given > 0:
        raise ConfigError(f"the temperature must be positive, not {given:g} K")
    if not differenced and abs(kinetic / given - 1) > TEMPERATURE_TOLERANCE:
        log.warning(
            f"the velocities mean {kinetic:.4g} K, not {given:g} K; a factor far from one points to a wrong unit "
            "of velocity or time (--velocity-unit, --timestep)"
        )
    return given


def _fingerprint(path: Path, settings: SpectrumSettings, stride: int, lags: int) -> str:
    """Return everything that determines a pass over a trajectory, as text; its end is left open, so it may grow."""
    reading = settings.reading
    files = [path, reading.topology, reading.velocities]
    files += [Path(source) for source in settings.sources.values() if source != IN_FRAMES]
    stated = {
        **{str(file): _digest(file) for file in files if file is not None},
        **{name: getattr(reading, name) for name in ("velocity_unit", "cell", "timestep", "layout")},
        "sources": settings.sources,
        "first frame": settings.frames[0],
        "stride": stride,
        "lags": lags,
        "groups": settings.groups,
        "charge": settings.charge,
        "project": settings.project,
    }
    return "\n".join(f"{key}: {value}" for key, value in stated.items()) + "\n"


def _digest(path: Path) -> str:
    """Return a digest of the first megabyte of a file."""
    try:
        with path.open("rb") as stream:
            return hashlib.sha256(stream.read(1 << 20)).hexdigest()[:16]
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
