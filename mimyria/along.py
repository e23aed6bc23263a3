"""Along one trajectory: its tensors, of a network or in the frames, contracted with the velocities as they come.

The pass is kept in parts in a folder, so that it goes on where it was stopped.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from mimyria.elements import frame_masses
from mimyria.errors import ConfigError, Interrupted, LabelError, TrajectoryError
from mimyria.frame import Array, Frame
from mimyria.progress import Advance, progress
from mimyria.settings import IN_FRAMES, SpectrumSettings
from mimyria.spectra.groups import GROUPINGS
from mimyria.spectra.parts import PartStore
from mimyria.spectra.response import rate, response_series, without_drift
from mimyria.spectra.sampling import DEFAULT_RESOLUTION
from mimyria.spectra.series import ResponseSeries
from mimyria.spectra.stride import folded_fraction, nyquist_wavenumber
from mimyria.spectra.window import window_lags
from mimyria.targets import TARGETS, Target
from mimyria.trajectory import Trajectory

log = logging.getLogger("mimyria")

EXCERPT = 64
"""Samples of the final rate in the excerpt on which folding back is measured."""


def series_along(trajectory: Trajectory, folder: Path, settings: SpectrumSettings, resume: bool) -> ResponseSeries:
    """Return the series of one trajectory, going on where an interrupted run ended."""
    path = trajectory.path
    stride = settings.stride_of(trajectory)
    timestep = stride * trajectory.timestep
    start, stop = settings.frames
    if trajectory.differenced:
        start = max(start, 1)  # the first stored frame has no velocity; parts count from the first that has
    store = PartStore(folder, _fingerprint(path, settings, stride, start), insist=resume)
    limit = None if stop is None else len(range(start, stop, stride))
    n_done = store.n_frames if limit is None else min(store.n_frames, limit)
    again = start + n_done * stride
    if n_done:
        log.info(f"{path}: going on after {n_done} frames that are done")
    elif stride > 1:
        _measure_folding(trajectory, settings, start, stride)
    frames = with_all_tensors(trajectory.frames(again, stop if stop is None else max(stop, again), stride), settings)
    try:
        with progress(f"{path.name}, every {timestep:g} fs") as advance:
            return response_series(
                trajectory.frames(start, again, stride) if n_done else iter(()),
                _counted(frames, trajectory, again, stop, advance),
                targets=tuple(settings.sources),
                grouping=GROUPINGS[settings.groups](trajectory.numbers),
                timestep=timestep,
                lags=window_lags(settings.resolution or DEFAULT_RESOLUTION, timestep, settings.window),
                store=store,
                differenced=trajectory.timestep if trajectory.differenced else 0.0,
                limit=limit,
            )
    except KeyboardInterrupt:
        done = f"{store.n_frames} frames of {path} are done"
        raise Interrupted(f"stopped; {done}; run the same command again to go on") from None


def _measure_folding(trajectory: Trajectory, settings: SpectrumSettings, start: int, stride: int) -> None:
    """Say how much of the rates lies above what the stride resolves, from a short excerpt at the full rate."""
    whole = np.ones((1, len(trajectory.numbers)))
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
    """Return the frames with the tensors asked for: the ones in the frames, checked, or predicted by model files."""
    files = {name: Path(source) for name, source in settings.sources.items() if source != IN_FRAMES}
    for name in settings.sources:
        if name not in files:
            frames = _in_frames(frames, TARGETS[name], settings.charge)
    if not files:
        return frames
    from mimyria.model.files import choose_device, read_model  # torch is slow to import, and not always needed
    from mimyria.model.predict import predict_all

    device = choose_device(settings.device)
    models = [read_model(path, name, device) for name, path in files.items()]
    return predict_all(models, frames, charge=settings.charge, project=settings.project)


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


def _fingerprint(path: Path, settings: SpectrumSettings, stride: int, start: int) -> str:
    """Return everything that determines a pass over a trajectory, as text; its end is left open, so it may grow."""
    reading = settings.reading
    files = [path, reading.topology, reading.velocities]
    from mimyria.model.files import bundled

    files += [bundled(Path(source), name) for name, source in settings.sources.items() if source != IN_FRAMES]
    stated = {
        **{str(file): _digest(file) for file in files if file is not None},
        **{name: getattr(reading, name) for name in ("velocity_unit", "cell", "timestep", "layout")},
        "sources": settings.sources,
        "first frame": start,
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
