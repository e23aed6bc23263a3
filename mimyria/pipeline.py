"""The main job: from trajectories and tensors (of a network, or in the frames) to a folder of spectra."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mimyria import __version__
from mimyria.config import write_settings
from mimyria.elements import frame_masses
from mimyria.errors import ConfigError, Interrupted, LabelError, SpectrumError, TrajectoryError
from mimyria.frame import Array, Frame
from mimyria.progress import Advance, progress
from mimyria.spectra.correlation import window_lags
from mimyria.spectra.plausible import PLAUSIBLE_TEMPERATURES, look_at, look_at_volumes
from mimyria.spectra.response import (
    GROUPINGS,
    Grouping,
    PartStore,
    ResponseSeries,
    is_series,
    locked,
    rate,
    read_series,
    response_series,
    without_drift,
    write_series,
)
from mimyria.spectra.spectrum import DEFAULT_RESOLUTION, KINDS, NEEDS, Spectrum, raman, sampling, write_csv
from mimyria.spectra.stride import automatic_stride, folded_fraction, nyquist_wavenumber
from mimyria.spectra.usable import usable_pieces
from mimyria.targets import TARGETS, Target
from mimyria.trajectory import Trajectory

log = logging.getLogger("mimyria")

IN_FRAMES = "frames"
"""Says that the tensors stand in the trajectory's own frames."""
LOWEST_NYQUIST = 4000.0
"""cm⁻¹; below it the O-H stretch of a classical liquid is no longer safe."""
EXCERPT = 64
"""Samples of the final rate in the excerpt on which folding back is measured."""
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
        Total charge of the cell, e; None for what the frames' headers say, else zero.
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
    charge: float | None = None
    project: bool = True
    device: str = "auto"

    def flags(self) -> dict[str, Any]:
        """Return the settings as the command line names them, so that ``--config`` takes them back."""
        first, last = self.frames
        flags = {**vars(self.reading), **{key: value for key, value in vars(self).items() if key != "reading"}}
        flags["frames"] = None if (first, last) == (0, None) else f"{first}:{'' if last is None else last}"
        flags["stride"] = "auto" if self.stride is None else self.stride
        flags["sum_rule"] = "project" if flags.pop("project") else "none"
        return {name: value for name, value in flags.items() if value is not None}

    def stride_of(self, trajectory: Trajectory) -> int:
        """Return every how many of a trajectory's stored frames tensors are needed."""
        return self.stride or automatic_stride(trajectory.timestep)

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
        Trajectories, or files ``series.h5`` of earlier runs.
    out
        Folder; made if it is not there.
    settings
        What is asked for.
    resume
        Insist on going on: an error if an unfinished run was made with other settings.
    """
    if settings.temperature is not None and not settings.temperature > 0:
        raise ConfigError(f"the temperature must be positive, not {settings.temperature:g} K")
    stored = [is_series(path) for path in paths]
    if all(stored):
        _refuse_what_is_settled(settings)
        out.mkdir(parents=True, exist_ok=True)
        return _spectra([one for path in paths for one in read_series(path)], out, settings, paths)
    if any(stored):
        raise ConfigError(f"{paths[stored.index(True)]} holds rates, the other files are trajectories: use one kind")
    if not settings.sources:
        raise ConfigError("nothing to make a spectrum from: give --apt or --pgt, a model file or `frames`")
    opened = [settings.reading.open(path) for path in paths]
    trajectories = [
        piece for one in opened for piece in usable_pieces(one, settings.frames, settings.stride, settings.resolution)
    ]
    _check_before(trajectories, settings)
    unfinished = out / "unfinished"
    with locked(unfinished):
        folders = [unfinished / f"{k:04d}" for k in range(len(trajectories))]
        begun = [folder.exists() or folder is folders[0] for folder in folders]  # the first has to be there to resume
        series = [
            _one_series(one, folder, settings, resume and there)
            for one, folder, there in zip(trajectories, folders, begun, strict=True)
        ]
        look_at_volumes(np.concatenate([one.volume for one in series]))
        write_series(out / "series.h5", series)
        shutil.rmtree(unfinished)
    try:
        return _spectra(series, out, settings, paths)
    except SpectrumError as error:
        kept = out / "series.h5"
        raise SpectrumError(
            f"{error} (the rates are kept: `mimyria spectrum {kept} --out {out}` needs no new pass)"
        ) from error


def _refuse_what_is_settled(settings: SpectrumSettings) -> None:
    """Raise ConfigError for settings that the rates in a series.h5 no longer depend on."""
    plain = SpectrumSettings()
    for name in ("apt", "pgt", "reading", "frames", "stride", "groups", "charge", "project"):
        if getattr(settings, name) != getattr(plain, name):
            flag = {"reading": "what says how to read a trajectory", "project": "--sum-rule"}.get(name, f"--{name}")
            raise ConfigError(
                f"series.h5 holds rates that are computed: leave {flag} out, or give the trajectory again"
            )


def _check_before(trajectories: Sequence[Trajectory], settings: SpectrumSettings) -> None:
    """Raise an error, before anything long begins, for what would make the end impossible; warn of odd units."""
    for one in trajectories:
        if one.differenced and settings.temperature is None:
            raise SpectrumError(
                f"{one.path}: velocities from differences of positions give too low a temperature: give --temperature K"
            )
        if not np.array_equal(one.numbers, trajectories[0].numbers):
            raise SpectrumError(f"{one.path} and {trajectories[0].path} do not hold the same atoms in the same order")
    steps = {settings.stride_of(one) * one.timestep for one in trajectories}
    if max(steps) - min(steps) > 1e-6 * max(steps):
        shown = " and ".join(f"{step:g}" for step in sorted(steps))
        raise SpectrumError(f"the trajectories would be sampled every {shown} fs; make spectra of each kind by itself")
    for one in {piece.path: piece for piece in reversed(trajectories)}.values():
        look_at(one, settings.temperature)
    step = max(steps)
    nyquist = nyquist_wavenumber(step)
    log.info(f"tensors every {step:g} fs, which resolves up to {nyquist:.0f} cm⁻¹")
    if nyquist < LOWEST_NYQUIST:
        log.warning(f"what vibrates faster than {nyquist:.0f} cm⁻¹ folds back below that")


def _spectra(
    series: Sequence[ResponseSeries], out: Path, settings: SpectrumSettings, paths: Sequence[Path]
) -> dict[str, Spectrum]:
    """Compute and write spectra, figure and settings from the series of one or more trajectories."""
    from mimyria.spectra.plot import plot_spectra  # matplotlib is slow to import

    how = sampling(series, settings.resolution, settings.blocks)
    temperature = _temperature(series, settings)
    frames = sum(len(one) for one in series)
    blocks = f"{frames // how.block_frames} blocks" if how.block_frames else "no error bars: too short for two blocks"
    log.info(f"{frames} frames, {temperature:.1f} K, resolution {how.resolution:g} cm⁻¹, {blocks}")
    spectra = {}
    for kind, make in KINDS.items():
        if NEEDS[kind] is None or all(NEEDS[kind] in one.rates for one in series):
            options: dict[str, Any] = {"laser": settings.laser} if make is raman else {}
            spectra[kind] = make(series, temperature=temperature, how=how, **options)
            write_csv(out / f"{kind}.csv", spectra[kind])
        else:
            (out / f"{kind}.csv").unlink(missing_ok=True)  # of an earlier run with other sources
    plot_spectra(out / "spectra.png", spectra)
    used = {"temperature": temperature, "resolution": how.resolution, "timestep": how.timestep}
    flags = {"trajectory": list(paths), **settings.flags()}
    remarks = {"mimyria": __version__, "used": used | {"frames": [len(one) for one in series]}}
    write_settings(out / "settings.yaml", {**flags, **remarks})
    return spectra


def _one_series(trajectory: Trajectory, folder: Path, settings: SpectrumSettings, resume: bool) -> ResponseSeries:
    """Return the series of one trajectory, going on where an interrupted run ended."""
    path = trajectory.path
    stride = settings.stride_of(trajectory)
    timestep = stride * trajectory.timestep
    start = int(trajectory.differenced)  # the first frame has no velocity; parts count from the first that has
    store = PartStore(folder, _fingerprint(path, settings, stride, trajectory.stored), insist=resume)
    limit = len(range(0, trajectory.n_usable, stride))
    n_done = min(store.n_frames, limit)
    again = start + n_done * stride
    if n_done:
        log.info(f"{path}: going on after {n_done} frames that are done")
    elif stride > 1 and trajectory.start <= settings.frames[0]:
        _measure_folding(trajectory, settings, start, stride)
    frames = with_all_tensors(trajectory.frames(again, None, stride), settings)
    try:
        with progress(f"{path.name}, every {timestep:g} fs") as advance:
            return response_series(
                trajectory.frames(start, again, stride) if n_done else iter(()),
                _counted(frames, limit - n_done, advance),
                targets=tuple(settings.sources),
                grouping=GROUPINGS[settings.groups](trajectory.numbers),
                timestep=timestep,
                lags=window_lags(settings.resolution or DEFAULT_RESOLUTION, timestep),
                store=store,
                differenced=trajectory.timestep if trajectory.differenced else 0.0,
                limit=limit,
            )
    except KeyboardInterrupt:
        done = f"{store.n_frames} frames of {path} are done"
        raise Interrupted(f"stopped; {done}; run the same command again to go on") from None


def _measure_folding(trajectory: Trajectory, settings: SpectrumSettings, start: int, stride: int) -> None:
    """Say how much of the rates lies above what the stride resolves, from a short excerpt at the full rate."""
    whole = Grouping.whole(trajectory.numbers).members
    excerpt: dict[str, list[Array]] = {name: [] for name in settings.sources}
    try:
        for frame in islice(with_all_tensors(trajectory.frames(start), settings), EXCERPT * stride):
            if frame.velocities is not None:
                velocities = without_drift(frame.velocities, frame_masses(frame))
                for name, rates in excerpt.items():
                    rates.append(rate(frame.tensors[name], velocities, whole))
    except TrajectoryError:
        return  # said again where the pass itself comes to it, with what came before kept
    highest = nyquist_wavenumber(stride * trajectory.timestep)
    for name, rates in excerpt.items():
        if len(rates) >= EXCERPT:
            part = 100 * folded_fraction(np.array(rates), stride)
            log.info(f"{name.upper()}: {part:.3g} % of the power lies above {highest:.0f} cm⁻¹ and folds back below it")


def with_all_tensors(frames: Iterator[Frame], settings: SpectrumSettings) -> Iterator[Frame]:
    """Return the frames with the tensors of every target that is asked for."""
    for name, source in settings.sources.items():
        frames = with_tensors(frames, name, source, settings)
    return frames


def with_tensors(frames: Iterator[Frame], name: str, source: str, settings: SpectrumSettings) -> Iterator[Frame]:
    """Return the frames with the tensors of a target: predicted by a model file, or the ones in the frames, checked."""
    if source == IN_FRAMES:
        return _in_frames(frames, TARGETS[name], settings.charge)
    from mimyria.model.files import choose_device, read_model  # torch is slow to import, and not always needed
    from mimyria.model.predict import predict

    model = read_model(Path(source), name, choose_device(settings.device))
    return predict(model, frames, charge=settings.charge, project=settings.project)


def _in_frames(frames: Iterator[Frame], target: Target, charge: float | None) -> Iterator[Frame]:
    """Yield the frames; raise LabelError if one lacks finite tensors; log how far their sum rule is off."""
    excess, count = 0.0, 0
    for frame in frames:
        place = f"frame at {frame.time:g} fs"
        if target.name not in frame.tensors:
            there = ", ".join(frame.columns) or ", ".join(frame.tensors) or "none"
            raise LabelError(f"{place} has no {target.name} ({target.title}); its columns are: {there}")
        tensors = frame.tensors[target.name]
        if not np.isfinite(tensors).all():
            atom = int(np.argwhere(~np.isfinite(tensors))[0][0]) + 1
            raise LabelError(f"{place}: the {target.name} of atom {atom} is not a number")
        excess += target.translation_error(tensors, frame.total_charge if charge is None else charge)
        count += 1
        yield frame
    if count:
        log.info(
            f"{target.name.upper()} of the frames: the sum over the atoms is off by {excess / count:.2g} {target.unit} "
            "on average, left as it is"
        )


def _counted(frames: Iterator[Frame], n_frames: int, advance: Advance) -> Iterator[Frame]:
    """Yield the frames, so many, and move the progress bar."""
    for count, frame in enumerate(frames, 1):
        advance(count / n_frames, f"{count} frames")
        yield frame


def _temperature(series: Sequence[ResponseSeries], settings: SpectrumSettings) -> float:
    """Return the temperature to use, in K: the one given, else the kinetic one."""
    kinetic = float(np.average([one.temperature.mean() for one in series], weights=[len(one) for one in series]))
    given = settings.temperature
    differenced = series[0].differenced > 0
    if given is None and differenced:
        raise SpectrumError("velocities from differences of positions give too low a temperature: give --temperature K")
    if given is None:
        if not kinetic > 0:
            raise SpectrumError("the atoms do not move, so there is no temperature: give --temperature K")
        if not PLAUSIBLE_TEMPERATURES[0] < kinetic < PLAUSIBLE_TEMPERATURES[1]:
            log.warning(
                f"the velocities mean {kinetic:.4g} K, which points to a wrong unit of velocity or time "
                "(--velocity-unit, --timestep)"
            )
        return kinetic
    if not differenced and abs(kinetic / given - 1) > TEMPERATURE_TOLERANCE:
        log.warning(
            f"the velocities mean {kinetic:.4g} K, not {given:g} K; a factor far from one points to a wrong unit "
            "of velocity or time (--velocity-unit, --timestep)"
        )
    return given


def _fingerprint(path: Path, settings: SpectrumSettings, stride: int, stored: str) -> str:
    """Return everything that determines a pass over a trajectory, as text; its end is left open, so it may grow."""
    reading = settings.reading
    files = [path, reading.topology, reading.velocities]
    from mimyria.model.files import bundled

    files += [bundled(Path(source), name) for name, source in settings.sources.items() if source != IN_FRAMES]
    stated = {
        **{str(file): _digest(file) for file in files if file is not None},
        **{name: getattr(reading, name) for name in ("velocity_unit", "cell", "timestep", "layout")},
        "sources": settings.sources,
        "frames": stored,
        "stride": stride,
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
