"""The passes along many trajectories as jobs, on this machine or on a cluster; each can be resumed by itself.

    OUT/unfinished/0000/    task.json  run.log  identity.json  000000.npz ...  series.h5

The job of a trajectory is ``mimyria rates OUT/unfinished/0000``. It does there what a run in one process does, so that
either goes on with what the other has left; ``series.h5`` says that it is finished. The segments between gaps have the
folders that follow, and are of the same job. What all trajectories must have in common is checked before the first job.
"""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from mimyria.declare import from_words, in_words
from mimyria.errors import Busy, Interrupted, RunFailed, SpectrumError, TrajectoryError
from mimyria.execute import LOG, Executor, Job, Outcome, last_line, program
from mimyria.memory import Identity, locked, make_folder, read_json, write_json
from mimyria.parallel.pool import Pool
from mimyria.progress import progress
from mimyria.rates.checkpoint import IDENTITY, PartStore
from mimyria.rates.series import is_series, read_origins, write_series
from mimyria.rates.stride import chosen_stride
from mimyria.settings import SpectrumSettings
from mimyria.tensor_pass import (
    grouping_along,
    levels_of,
    pass_identity,
    series_along,
    settle_stride,
    settled_stride,
    with_all_tensors,
)
from mimyria.trajectory import Trajectory, open_trajectories
from mimyria.trajectory.beads import each_bead

log = logging.getLogger("mimyria")

LOCK, SERIES, TASK = "job.lock", "series.h5", "task.json"
SHOWN = 3
"""Trajectories that are named where something is wrong with several, and warnings of jobs that are repeated."""


@dataclass(frozen=True)
class Pass:
    """The pass along one trajectory: the segments between its gaps, by the folder that each has."""

    segments: Mapping[Path, Trajectory]

    @property
    def folder(self) -> Path:
        """Where the job runs: the folder of the first segment."""
        return next(iter(self.segments))

    @property
    def path(self) -> Path:
        """The trajectory."""
        return next(iter(self.segments.values())).path

    def stride(self, settings: SpectrumSettings, levels: Mapping[str, str]) -> int | None:
        """Return the stride of its series, where these are finished and of these settings."""
        file = self.folder / SERIES
        origins = read_origins(file) if is_series(file) else []
        if len(origins) != len(self.segments):
            return None
        for origin, segment in zip(origins, self.segments.values(), strict=True):
            if pass_identity(segment, settings, settled_stride(origin, segment, settings), levels) != origin:
                return None
        return int(origins[0]["stride"])

    def check_earlier(self, settings: SpectrumSettings, levels: Mapping[str, str], *, resume: bool) -> None:
        """Remove parts of an earlier run with other settings; raise SpectrumError instead where it must ``resume``."""
        for folder, segment in self.segments.items():
            if earlier := Identity.read(folder / IDENTITY):
                stride = settled_stride(earlier, segment, settings)
                # the job of a driver that was killed may still work there
                with suppress(Busy), locked(self.folder / LOCK):
                    PartStore(folder, pass_identity(segment, settings, stride, levels), insist=resume)

    def job(self, task: Mapping[str, Any]) -> Job:
        """Write the task into the folder, and return the job."""
        make_folder(self.folder)
        segments = {folder.name: _place(segment) for folder, segment in self.segments.items()}
        write_json(self.folder / TASK, {"segments": segments, **task})
        return Job(self.folder, program("rates", self.folder), directory=Path.cwd())


def _place(segment: Trajectory) -> dict[str, Any]:
    """Return where the frames of a segment are: later ones, of a trajectory that grows meanwhile, are not used."""
    return {"trajectory": str(segment.path), "start": segment.start, "frames": segment.n_frames}


def run_passes(
    segments: Sequence[Trajectory], unfinished: Path, settings: SpectrumSettings, executor: Executor, *, resume: bool
) -> list[Path]:
    """Run the passes that are not finished as jobs, and return the files of the series in order.

    Raises
    ------
    SpectrumError
        If the earlier run in the folder was made with other settings, and must be resumed.
    RunFailed
        If jobs have failed; the series of the others are kept.
    Interrupted
        If the user stops them.
    """
    numbered = groupby(enumerate(segments), key=lambda item: item[1].path)
    passes = [Pass({unfinished / f"{k:04d}": segment for k, segment in group}) for _, group in numbered]
    levels = levels_of(settings)
    strides = {one.folder: stride for one in passes if (stride := one.stride(settings, levels)) is not None}
    if resume and not any((one.folder / IDENTITY).exists() for one in passes):
        raise SpectrumError(f"cannot resume: there is no unfinished run in {unfinished}")
    for one in passes:
        if one.folder not in strides:
            one.check_earlier(settings, levels, resume=resume)
    if len(strides) < len(passes):
        _rehearse(segments[0], settings)
    uneven = len({chosen_stride(settings.stride, segment.timestep) for segment in segments}) > 1
    given: dict[str, Any] = {"settings": in_words(replace(settings, executor=None)), "resume": resume}
    if settings.groups == ("modes",):
        given["modes"] = _place(segments[0])
    least: int | None = None
    while len(strides) < len(passes):
        todo = [one for one in passes if one.folder not in strides]
        tasks = [given | {"stride": _told_stride(one, settings, least, uneven)} for one in todo]
        _run(todo, (one.job(task) for one, task in zip(todo, tasks, strict=True)), executor, len(passes))
        strides |= {one.folder: int(read_origins(one.folder / SERIES)[0]["stride"]) for one in todo}
        # Each has settled its own stride; where one needs a smaller one, all take it, as in a run in one process.
        least = min(strides.values())
        for one in passes if not uneven else ():
            if strides[one.folder] > least:
                del strides[one.folder]
                for folder in one.segments:
                    shutil.rmtree(folder)
    _repeat_warnings([one.folder / LOG for one in passes])
    return [one.folder / SERIES for one in passes]


def _told_stride(one: Pass, settings: SpectrumSettings, least: int | None, uneven: bool) -> int | None:
    """Return the stride that a job is told; None where it settles its own."""
    return chosen_stride(settings.stride, next(iter(one.segments.values())).timestep) if uneven else least


def _rehearse(first: Trajectory, settings: SpectrumSettings) -> None:
    """Raise the errors that tensors of the first frame raise, which would else come from every job."""
    start = int(first.differenced)
    frames = each_bead(first.frames(start, start + 1))
    elsewhere = replace(settings, device="cpu")  # the nodes may have what is not here
    next(with_all_tensors(frames, elsewhere, Pool(1)), None)


def _run(todo: Sequence[Pass], jobs: Iterable[Job], executor: Executor, total: int) -> None:
    """Run jobs of so many ``total`` trajectories; raise RunFailed at the end if some have failed."""
    failed: list[Outcome] = []
    done = total - len(todo)
    log.info(f"{len(todo)} jobs" + (f", {done} of {total} trajectories are finished" if done else ""))
    try:
        with progress("trajectories") as advance, closing(executor.run(jobs)) as outcomes:  # type: ignore[type-var]
            for outcome in outcomes:
                failed += [outcome] if outcome.status else []
                done += not outcome.status
                advance(done / total, f"{done} of {total}, {len(failed)} failed")
    except KeyboardInterrupt:
        raise Interrupted(
            f"stopped; {done} of {total} trajectories are finished; run the same command again to resume"
        ) from None
    if failed:
        paths = {one.folder: one.path for one in todo}
        shown = [f"{paths[each.job.folder]} ({each.job.folder / LOG})" for each in failed[:SHOWN]]
        more = f" and {len(failed) - SHOWN} more" if len(failed) > SHOWN else ""
        status = failed[0].status
        reason = f"it was killed (signal {-status})" if status < 0 else last_line(failed[0].job.folder / LOG)
        raise RunFailed(
            f"{len(failed)} of {total} trajectories have no rates: {', '.join(shown)}{more}: {reason}; the rates of "
            "the others are kept, so that the same command computes only these"
        )


def _repeat_warnings(logs: Sequence[Path]) -> None:
    """Repeat the warnings of the jobs, of which only their logs tell, but for those that many have."""
    found: dict[str, int] = {}
    for path in logs:
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
            if line.startswith("warning: "):
                found[line] = found.get(line, 0) + 1
    for line in list(found)[:SHOWN]:
        log.warning(line.removeprefix("warning: "))
    if len(found) > SHOWN:
        log.warning(f"there are {len(found) - SHOWN} more warnings of this kind, of other trajectories")


def run_pass(folder: Path) -> None:
    """Compute the series of the task in a folder, and write them there: what a job does."""
    try:
        lock = locked(folder / LOCK)
    except Busy:
        log.info(f"waiting for a process that still works in {folder}")
        lock = locked(folder / LOCK, math.inf)
    task = read_json(folder / TASK)
    settings = from_words(SpectrumSettings, task["settings"])
    with lock, Pool(settings.workers) as pool:
        with _silence():  # it was told when the run began
            segments = _opened(list(task["segments"].values()), settings)
            of_modes = _opened([task["modes"]], settings)[0] if "modes" in task else None
            groupings = [grouping_along(segment, settings, of_modes) for segment in segments]
        if task["stride"] is None:
            settings = settle_stride(segments, folder, settings, pool)
        else:
            settings = replace(settings, stride=task["stride"])
        folders = [folder.parent / name for name in task["segments"]]
        resumed = [task["resume"] and (each / IDENTITY).exists() for each in folders]
        given = zip(segments, groupings, folders, resumed, strict=True)
        series = [
            series_along(segment, grouping, of_segment, settings, pool, insist=insist)
            for segment, grouping, of_segment, insist in given
        ]
        write_series(folder / SERIES, series)


def _opened(places: Sequence[Mapping[str, Any]], settings: SpectrumSettings) -> list[Trajectory]:
    """Return segments of one trajectory with the frames that they had when the run began."""
    path = places[0]["trajectory"]
    (trajectory,) = open_trajectories([Path(path)], settings)
    found = {segment.start: segment for segment in trajectory.segments(*settings.frames)}
    if any(place["start"] not in found for place in places):
        raise TrajectoryError(f"{path} has changed since the run began; run the same command again")
    segments = [found[place["start"]] for place in places]
    # The trajectory may have grown while the job waited in a queue; all jobs use what was there when the run began.
    for segment, place in zip(segments, places, strict=True):
        segment.n_frames = place["frames"]
    return segments


@contextmanager
def _silence() -> Iterator[None]:
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before
