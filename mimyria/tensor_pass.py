"""The pass along one trajectory: tensors of a network or of the frames, contracted with the velocities.

It is stored in a folder piece by piece, so that it can be resumed after an interruption.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mimyria import __version__
from mimyria.checks.nuclei import declared_nuclei, told_nuclei
from mimyria.declare import declared
from mimyria.elements import frame_masses
from mimyria.errors import ConfigError, Interrupted, LabelError, RunFailed, SpectrumError, TrajectoryError
from mimyria.frame import Array, Frame
from mimyria.memory import Identity
from mimyria.molecules import composition_of
from mimyria.parallel.pool import Pool
from mimyria.progress import Advance, progress
from mimyria.rates.checkpoint import IDENTITY, PartStore
from mimyria.rates.contraction import mean_of_beads, rate
from mimyria.rates.faces import split_faces, warn_without_vacuum
from mimyria.rates.grouping import make_grouping
from mimyria.rates.groups import Grouping
from mimyria.rates.places import split_molecules
from mimyria.rates.response import Contract, response_series
from mimyria.rates.series import ResponseSeries
from mimyria.rates.stride import aliased_fraction, chosen_stride, nyquist_wavenumber
from mimyria.rates.window import chosen_resolution, window_lags
from mimyria.settings import SpectrumSettings
from mimyria.targets import TARGETS, Target
from mimyria.trajectory import Trajectory
from mimyria.trajectory.beads import each_bead, files_of
from mimyria.trajectory.constraints import find_freedom, first_frames
from mimyria.trajectory.rounding import quantum_of

if TYPE_CHECKING:
    from mimyria.model.model import ResponseModel

log = logging.getLogger("mimyria")

EXCERPT = 64
"""Samples, at the final sampling rate, of the segment on which aliasing is measured."""
MOST_FOR_MODES = 5000
"""Frames at the final sampling rate from which effective modes are found."""
MOST_ALIASED, MUCH_ALIASED = 0.003, 0.01
"""Part of the power of a rate that an automatic stride may alias, and that a stride asked for is warned of."""


def check_slab(trajectory: Trajectory, normal: str) -> None:
    """Warn where the first frame with velocities is no slab."""
    warn_without_vacuum(_first_frame(trajectory), normal)


def _first_frame(trajectory: Trajectory) -> Frame:
    start = int(trajectory.differenced)  # the first frame has no velocity
    if (first := next(trajectory.frames(start, start + 1), None)) is None:
        raise SpectrumError(f"{trajectory.path} has no frame with velocities")
    return first


def grouping_along(trajectory: Trajectory, settings: SpectrumSettings, of_modes: Trajectory | None = None) -> Grouping:
    """Return the groups of a trajectory's atoms, or the faces or molecules of a slab if a kind needs them.

    Effective modes are those of the trajectory ``of_modes``, of this one if none is given.
    """
    if settings.of_faces and not settings.of_molecules:
        return split_faces(settings.normal)
    first = _first_frame(trajectory)
    if settings.of_molecules:
        return split_molecules(first, settings.normal)
    if settings.groups != ("modes",):
        return make_grouping(settings.groups, first, settings.topology)
    of_modes = of_modes or trajectory
    stride = chosen_stride(settings.stride, of_modes.timestep)
    number, timestep = min(MOST_FOR_MODES, of_modes.n_usable // stride), stride * of_modes.timestep
    frames = islice(of_modes.frames(int(of_modes.differenced), None, stride), number)
    resolution = chosen_resolution(settings.resolution, number, timestep, settings.window)
    return make_grouping(settings.groups, first, settings.topology, (frames, timestep, resolution))


def series_along(
    trajectory: Trajectory,
    grouping: Grouping,
    folder: Path,
    settings: SpectrumSettings,
    pool: Pool,
    *,
    insist: bool = False,
) -> ResponseSeries:
    """Return the series of one trajectory, resuming an interrupted run.

    Parameters
    ----------
    trajectory
        Without gaps.
    grouping
        From `grouping_along`.
    folder
        Of the checkpoint.
    pool
        Computes the tensors.
    insist
        Raise an error rather than discard a checkpoint made with other settings.
    """
    path = trajectory.path
    stride = chosen_stride(settings.stride, trajectory.timestep)
    timestep = stride * trajectory.timestep
    start = int(trajectory.differenced)  # the checkpoint counts from the first frame with a velocity
    store = PartStore(folder, pass_identity(trajectory, settings, stride), insist=insist)
    limit = len(range(0, trajectory.n_usable, stride))
    resolution = chosen_resolution(settings.resolution, limit, timestep, settings.window)
    first = first_frames(trajectory)
    freedom = find_freedom(first, settings.constraints) if first else None
    nuclei = told_nuclei(settings, first[0]) if first else declared_nuclei(settings)
    n_done = min(store.n_frames, limit)
    again = start + n_done * stride
    if n_done:
        log.info(f"{path}: resuming after {n_done} frames")
    frames, models = with_stored_tensors(each_bead(trajectory.frames(again, None, stride)), settings)
    try:
        with progress(f"{path.name}, every {timestep:g} fs") as advance:
            series = response_series(
                trajectory.frames(start, again, stride) if n_done else iter(()),
                _counted(frames, (limit - n_done) * trajectory.n_beads, advance),
                targets=tuple(settings.sources),
                grouping=grouping,
                timestep=timestep,
                lags=min(window_lags(resolution, timestep, settings.window), max(limit, 2)),
                store=store,
                differenced=trajectory.timestep if trajectory.differenced else 0.0,
                quantum=quantum_of(list(each_bead(first))),
                freedom=freedom,
                limit=limit,
                n_beads=trajectory.n_beads,
                contract=predicting(models, settings, pool) if models else None,
            )
            molecules = composition_of(first[0].numbers, freedom.molecules) if freedom else ""
            return replace(series, nuclei=nuclei, molecules=molecules)
    except (KeyboardInterrupt, RunFailed) as error:
        finished = f"{store.n_frames} frames of {path} are finished; run the same command again to resume"
        if isinstance(error, RunFailed):
            raise RunFailed(f"{error}; {finished}") from None
        raise Interrupted(f"stopped; {finished}") from None


def settle_stride(
    trajectories: Sequence[Trajectory], folder: Path, settings: SpectrumSettings, pool: Pool
) -> SpectrumSettings:
    """Return the settings with a stride that aliases little, where the frames between its own have tensors too.

    An automatic stride is halved as long as one trajectory has more than `MOST_ALIASED` of the power of a rate above
    its Nyquist wavenumber; one that was asked for is kept, with a warning from `MUCH_ALIASED` on. A stride that an
    unfinished run has settled, whose first checkpoint is in the ``folder``, is taken over and not measured again.
    """
    strides = {chosen_stride(settings.stride, trajectory.timestep) for trajectory in trajectories}
    if max(strides) == 1 or len(strides) > 1:
        return settings
    (stride,) = strides
    earlier = settled_stride(Identity.read(folder / IDENTITY), trajectories[0], settings)
    if earlier < stride:
        return replace(settings, stride=earlier)
    excerpts = {}
    for trajectory in trajectories:
        if trajectory.path not in excerpts and trajectory.n_usable >= EXCERPT * stride:
            excerpts[trajectory.path] = _excerpt(trajectory, settings, EXCERPT * stride, pool)
    while True:
        highest = nyquist_wavenumber(stride * trajectories[0].timestep)
        shares = [
            (aliased_fraction(rates, stride), name, path) for path, of in excerpts.items() for name, rates in of.items()
        ]
        for share, name, path in shares:
            log.info(
                f"{path.name}, {name.upper()}: {100 * share:.3g} % of the power lies above {highest:.0f} cm⁻¹ and is "
                "aliased below it"
            )
        worst = max(shares, default=None)
        if worst is None or worst[0] <= MOST_ALIASED or stride == 1:
            return settings
        if settings.stride is not None and stride == settings.stride:
            if worst[0] > MUCH_ALIASED:
                log.warning(
                    f"{worst[2]}: --stride {stride} aliases {100 * worst[0]:.2g} % of the power of the "
                    f"{worst[1].upper()} rate to below {highest:.0f} cm⁻¹; take a smaller one"
                )
            return settings
        stride //= 2
        settings = replace(settings, stride=stride)


def settled_stride(earlier: Identity, trajectory: Trajectory, settings: SpectrumSettings) -> int:
    """Return the stride that a run of this identity has settled, if it has, else the one to begin with."""
    chosen, settled = chosen_stride(settings.stride, trajectory.timestep), earlier.get("stride")
    return settled if isinstance(settled, int) and settings.stride is None and 1 <= settled < chosen else chosen


def _excerpt(trajectory: Trajectory, settings: SpectrumSettings, n_frames: int, pool: Pool) -> dict[str, Array]:
    """Return the rates of every one of the first frames, by target; nothing where frames have no tensors."""
    first = first_frames(trajectory)
    freedom = find_freedom(first, settings.constraints) if first else None
    all_atoms = np.ones((1, len(trajectory.numbers)))
    rates: dict[str, list[Array]] = {name: [] for name in settings.sources}
    try:
        frames = islice(each_bead(trajectory.frames(int(trajectory.differenced))), n_frames * trajectory.n_beads)
        for frame in with_all_tensors(frames, settings, pool):
            if freedom is None:
                return {}
            velocities = freedom.without_drift(np.asarray(frame.velocities), frame_masses(frame))
            for name, of_target in rates.items():
                of_target.append(rate(frame.tensors[name], velocities, all_atoms))
    except (TrajectoryError, LabelError):
        return {}  # The pass itself reports it if it concerns its own frames; tensors between them need not be stored.
    return {name: mean_of_beads(np.array(of_target), trajectory.n_beads) for name, of_target in rates.items()}


def with_all_tensors(frames: Iterator[Frame], settings: SpectrumSettings, pool: Pool) -> Iterator[Frame]:
    """Return the frames with tensors of every target: stored in the frames, and checked, or predicted by models."""
    frames, models = with_stored_tensors(frames, settings)
    if not models:
        return frames
    from mimyria.model.predict import Predictor, predict_stretches  # torch again

    predictor = Predictor(models, settings.charge, settings.sum_rule == "project", list)
    return (frame for stretch in predict_stretches(predictor, ([each] for each in frames), pool) for frame in stretch)


def with_stored_tensors(
    frames: Iterator[Frame], settings: SpectrumSettings
) -> tuple[Iterator[Frame], list[ResponseModel]]:
    """Return the frames, whose own tensors are checked, and the models for the other targets."""
    files = settings.model_files
    for name in settings.sources:
        if name not in files:
            frames = _checked(frames, TARGETS[name], settings.charge)
    if not files:
        if settings.level:
            raise ConfigError(f"--level {settings.level} is of networks, and the tensors are those of the frames")
        return frames, []
    from mimyria.model.files import choose_device, levels_asked, read_model  # torch is slow, and not always needed

    device, asked = choose_device(settings.device), levels_asked(files, settings.level)
    return frames, [read_model(path, name, device, asked[name]) for name, path in files.items()]


def predicting(models: list[ResponseModel], settings: SpectrumSettings, pool: Pool) -> Contract:
    """Return a function that has frames predicted before they are contracted, both in the processes of a pool."""
    from mimyria.model.predict import Predictor, predict_stretches

    return lambda contraction, instants: predict_stretches(
        Predictor(models, settings.charge, settings.sum_rule == "project", contraction), instants, pool
    )


def _checked(frames: Iterator[Frame], target: Target, charge: float | None) -> Iterator[Frame]:
    """Yield the frames; raise LabelError if one lacks finite tensors; log how much they violate their sum rule."""
    violation, count = 0.0, 0
    for frame in frames:
        place = f"frame at {frame.time:g} fs"
        if target.name not in frame.tensors:
            columns = ", ".join(frame.columns) or ", ".join(frame.tensors) or "none"
            raise LabelError(f"{place} has no {target.name} ({target.title}); its columns are: {columns}")
        tensors = frame.tensors[target.name]
        if not np.isfinite(tensors).all():
            atom = int(np.argwhere(~np.isfinite(tensors))[0][0])
            raise LabelError(f"{place}: the {target.name} of atom {frame.in_file(atom)} is not a number")
        violation += target.translation_error(tensors, frame.total_charge if charge is None else charge)
        count += 1
        yield frame
    if count:
        log.info(
            f"{target.name.upper()} of the frames: sum rule violated by {violation / count:.2g} {target.unit} on "
            "average, not projected out"
        )


def _counted(frames: Iterator[Frame], n_frames: int, advance: Advance) -> Iterator[Frame]:
    """Yield the frames, and move the progress bar of so many."""
    for count, frame in enumerate(frames, 1):
        advance(count / n_frames, f"{count} frames")
        yield frame


def levels_of(settings: SpectrumSettings) -> dict[str, str]:
    """Return the levels of theory at which the networks predict, in words, by target; without unknown ones."""
    if not settings.model_files:
        return {}
    from mimyria.model.files import levels_asked, stated_level  # torch again

    files = settings.model_files
    asked = levels_asked(files, settings.level)
    each = {name: stated_level(path, name, asked[name]) for name, path in files.items()}
    return {name: level for name, level in each.items() if level}


def pass_identity(
    trajectory: Trajectory, settings: SpectrumSettings, stride: int, levels: Mapping[str, str] | None = None
) -> Identity:
    """Return everything that determines the rates along a trajectory, which may grow.

    Of many trajectories, `levels_of` the networks, whose files are large, is read once and given.
    """
    cells = settings.cell if isinstance(settings.cell, Path) else None
    read = [trajectory.path, settings.topology, settings.velocities, cells]
    files = [file for pattern in read if pattern is not None for file in files_of(pattern)]
    if settings.model_files:
        from mimyria.model.files import bundled  # torch again

        files += [bundled(model, name) for name, model in settings.model_files.items()]
    decisive = set(declared(SpectrumSettings, "result")) - {"tensor", *TARGETS}
    decisive -= set() if settings.level else {"level"}  # which passes of earlier versions have not
    facts = {"mimyria": __version__} | {name: getattr(settings, name) for name in sorted(decisive)}
    facts |= {"sources": settings.sources, "frames": trajectory.stored, "stride": stride}
    facts |= {"levels": known} if (known := levels_of(settings) if levels is None else levels) else {}
    facts |= {"molecules_of_slab": True} if settings.of_molecules else {}
    facts |= {"bends_of_tetrahedra": True} if settings.groups == ("motions",) else {}
    facts |= {"groups": None} if settings.of_faces else {"normal": None}
    return Identity(facts, files)
