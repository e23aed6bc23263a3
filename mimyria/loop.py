"""`autotrain`: the loop that makes spectra with no more labels than they need, and their errors.

select -> label -> train -> predict along the probe -> compare the spectra -> stop, or once more
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain, count, islice
from pathlib import Path

import numpy as np

from mimyria.autotrain.beforehand import check_beforehand, check_pool, of_another_level
from mimyria.autotrain.changes import read_with_replicates, spectrum_changes, with_biases
from mimyria.autotrain.convergence import CONVERGED, SpectrumChange, converged_in_a_row
from mimyria.autotrain.folder import RunFolder
from mimyria.autotrain.frames import Place, Pool, draw_places, places_in, write_selected
from mimyria.autotrain.history import Cycle, write_history
from mimyria.autotrain.selection import descriptor, disagreement, farthest_points, most_disputed
from mimyria.autotrain.settings import AutotrainSettings
from mimyria.autotrain.steps import Steps
from mimyria.errors import Interrupted
from mimyria.formats import read_frames
from mimyria.frame import Array, Frame
from mimyria.level import different, level_of
from mimyria.memory import alone
from mimyria.rates.series import ResponseSeries, read_series
from mimyria.report.report import write_report
from mimyria.report.status import Status
from mimyria.trajectory import open_trajectories

log = logging.getLogger("mimyria")

SECONDS_TO_END = 10.0
"""In which the steps of a loop that was killed end; they inherited its lock, and hold it until then."""
SPECTRA_KEPT = 16
"""Of earlier cycles, in memory: with their replicates they are made anew from the rates."""
NO_FRAMES = "no frames are left to label"
"""A reason to stop."""


def autotrain(settings: AutotrainSettings, path: Path) -> str:
    """Run the loop in a folder until the spectra have converged, or a limit is reached; return the outcome in words.

    Raises
    ------
    Interrupted
        If it is stopped; the same call resumes it.
    """
    with alone(path, "lock", "*.npz", "*.mym", "*.h5", patience=SECONDS_TO_END) as lock:
        # The steps inherit the lock: after a kill of this process no other begins while one of them still writes.
        loop = Loop(settings, RunFolder(path, settings), (lock.fileno(),))
        try:
            return loop.run()
        except KeyboardInterrupt:
            loop.update_report(stopped="it was interrupted")
            raise Interrupted(f"stopped; the same command resumes the loop in {path}") from None
        except Exception as error:
            loop.update_report(stopped=str(error))
            raise


class Loop:
    """The loop in a folder; its steps inherit the open files ``held``, such as the lock of the folder."""

    def __init__(self, settings: AutotrainSettings, folder: RunFolder, held: tuple[int, ...] = ()) -> None:
        opened = open_trajectories(settings.trajectories, settings.spectra)
        check_beforehand(settings, opened)
        self.settings, self.folder = settings, folder
        self.steps = Steps(folder, settings, self.update_report, held)
        files = settings.trajectories
        self.pool = Pool.of(opened, folder.segment_lengths(files))
        folder.store_segment_lengths(files, self.pool.lengths_by_file)
        check_pool(settings, self.pool)
        self.probe = min(settings.probe, max(map(sum, self.pool.lengths_by_file)))
        self.read = lru_cache(SPECTRA_KEPT)(read_with_replicates)
        self.cycles: list[Cycle] = []
        self.reason = ""

    def run(self) -> str:
        """Run cycles until there is a reason to stop, then make the final spectra."""
        self._test_set()
        while not (reason := self._reason()):
            self.cycles.append(self._cycle(len(self.cycles) + 1))
            self._record(self._reason())
        last = self.cycles[-1]
        log.info(f"{reason}; now the spectra along all of the trajectories")
        self.steps.spectra(self.folder.final, last.folder, self.pool.stored)
        self._record(reason)
        return f"{self.folder.final}: {reason} after {len(self.cycles)} cycles and {last.n_labels} labels"

    def _test_set(self) -> None:
        """Label the test set, drawn first, from a part of the trajectories that nothing is trained on, or take it."""
        selection = self.settings.selection
        if isinstance(selection.test, Path):
            self.steps.take(self.folder.test, selection.test)
            return
        wanted, generator = selection.test, np.random.default_rng([selection.seed, 0])
        self._select(self.folder.test, lambda: draw_places(self.pool.test(), wanted, generator))
        self.steps.label(self.folder.test, "they are missing from the test set")

    def _select(self, folder: Path, choose: Callable[[], list[Place]]) -> None:
        """Write the frames that are to be labelled in a folder, unless they are there."""
        if not (folder / "selected.extxyz").exists():
            frames = self.pool.frames(choose())
            folder.mkdir(exist_ok=True)
            write_selected(folder / "selected.extxyz", frames)

    def _cycle(self, number: int) -> Cycle:
        here, first = self.folder.cycle(number), self.settings.selection.first
        if number == 1 and isinstance(first, Path):
            check_levels(first, self.folder.test / "labels.extxyz")
            labelled = self.steps.take(here, first)
        else:
            self._select(here, lambda: self._choose(number))
            labelled = self.steps.label(here, "the next cycle takes as many more")
        # networks predict at the level of the last labels, which are those of the loop
        files = [*self.settings.labels, *(self.folder.cycle(k) / "labels.extxyz" for k in range(1, number + 1))]
        self.steps.train(here, files)
        errors = self.steps.evaluate(here, self.folder.test / "labels.extxyz")
        self.steps.spectra(here, here, (self.probe,))
        n_labels = labelled + (self.cycles[-1].n_labels if self.cycles else 0)
        return Cycle(here, n_labels, errors, with_biases(self._changes(here, n_labels), errors))

    def _changes(self, here: Path, n_labels: int) -> dict[str, SpectrumChange]:
        """Return how the spectra of a cycle differ from those of the one before, and at half as many labels."""
        rule, members = self.settings.convergence, self.settings.training.committee
        changes = spectrum_changes(
            here,
            self.cycles[-1].folder if self.cycles else None,
            rule.low,
            rule.high,
            self.pool.probed_fraction(self.probe),
            members,
            half=next((cycle.folder for cycle in reversed(self.cycles) if 2 * cycle.n_labels <= n_labels), None),
            named=self.settings.named_groups,
            read=self.read,
        )
        earlier = [cycle.changes for cycle in self.cycles[-2:]]
        return {
            name: replace(change, earlier=tuple(one[name].change for one in earlier if name in one))
            for name, change in changes.items()
        }

    def _choose(self, number: int) -> list[Place]:
        """Return the frames that a cycle adds: a batch, and as many as failed in the cycle before."""
        chosen, free = self.settings.selection, self._free(number)
        # Of each cycle anew, so that a loop that was stopped draws what it would have drawn.
        generator = np.random.default_rng([chosen.seed, number])
        if number == 1 and isinstance(chosen.first, int):
            return draw_places(free, min(chosen.first, self._labels_left()), generator)
        before = self.folder.cycle(number - 1)
        failed = len(places_in(before / "selected.extxyz")) - len(places_in(before / "labels.extxyz"))
        wanted = min(chosen.batch + failed, self._labels_left())
        disputed = self._disputed(before, set(free), wanted) if chosen.method == "committee" else []
        others = [place for place in free if place not in set(disputed)]
        return sorted([*disputed, *draw_places(others, wanted - len(disputed), generator)])

    def _free(self, number: int) -> list[Place]:
        """Return the frames that a cycle may take."""
        taken = {place for k in range(1, number) for place in places_in(self.folder.cycle(k) / "selected.extxyz")}
        return [place for place in self.pool.training() if place not in taken]

    def _disputed(self, before: Path, free: set[Place], number: int) -> list[Place]:
        """Return probe frames about which the committee of the cycle before disagrees, far from each other.

        There are fewer where the probe holds no more free frames with tensors.
        """
        runs = read_series(before / "series.h5")
        places: list[Place | None] = []
        for run in runs:
            places += self.pool.places_of(*sampled_frames(run, self.settings.trajectories))
        disputes = disagreement(runs, self.settings.named_groups)
        order = most_disputed(disputes, np.array([place in free for place in places]), number)
        candidates = [place for index in order if (place := places[index])]
        if not candidates:
            return []
        labelled = [place for cycle in self.cycles for place in places_in(cycle.folder / "labels.extxyz")]
        points = self._descriptors(candidates)
        known = [*self._descriptors(labelled), *map(descriptor, self._given())]
        # those of another composition have another length
        alike = np.array([point for point in known if point.shape == points[0].shape])
        return sorted(candidates[index] for index in farthest_points(points, alike, number))

    def _given(self) -> list[Frame]:
        """Return the labels that the first cycle was given."""
        return (
            list(read_frames(self.folder.cycle(1) / "labels.extxyz"))
            if "first" in self.settings.selection.given
            else []
        )

    def _descriptors(self, places: Sequence[Place]) -> Array:
        """Return the descriptors of frames, in the order of the places."""
        frames = dict(zip(sorted(set(places)), self.pool.frames(places), strict=True))
        return np.array([descriptor(frames[place]) for place in places])

    def _labels_left(self) -> int:
        limit = self.settings.limits.labels
        return 10**9 if limit is None else limit - (self.cycles[-1].n_labels if self.cycles else 0)

    def _reason(self) -> str:
        """Return why to stop after the cycles so far: convergence, or a limit; empty if a cycle follows.

        A cycle that was begun before is finished, whatever the limits are now.
        """
        number = len(self.cycles) + 1
        if not self.cycles or (self.folder.cycle(number) / "selected.extxyz").exists():
            return ""
        rule, limits = self.settings.convergence, self.settings.limits
        if converged_in_a_row([cycle.changes for cycle in self.cycles], rule) >= rule.patience:
            return CONVERGED
        if limits.cycles is not None and len(self.cycles) >= limits.cycles:
            return f"limit of {limits.cycles} cycles"
        if self._labels_left() <= 0:
            return f"limit of {limits.labels} labels"
        if limits.hours is not None and self.folder.seconds() > 3600 * limits.hours:
            return f"limit of {limits.hours:g} hours"
        return "" if self._free(number) else NO_FRAMES

    def _record(self, reason: str) -> None:
        self.reason = reason
        write_history(self.folder.path, self.cycles, self.settings.convergence, reason)
        self.update_report()

    def update_report(self, now: str = "", stopped: str = "") -> None:
        """Write the page: which step runs now, or why none does."""
        write_report(Status(self.folder, self.settings, self.cycles, self.reason, now, stopped))


def check_levels(given: Path, test: Path) -> None:
    """Raise a ConfigError if labels that were given are of no level of theory of the test set."""
    of_labels, of_test = (different(level_of(frame.info) for frame in read_frames(path)) for path in (given, test))
    if of_labels[-1] not in of_test:
        raise of_another_level(f"selection.first: {given}", of_labels[-1:], "the test set", of_test)


def sampled_frames(series: ResponseSeries, files: Sequence[Path]) -> tuple[int, list[int]]:
    """Return of which file a series is, and the indices in it of the frames that it samples."""
    (file,) = (k for k, path in enumerate(files) if str(path.resolve()) in series.origin["files"])
    runs, stride = series.origin["frames"], series.origin["stride"]
    indices = chain.from_iterable(count(start) if end is None else range(start, end) for start, end in runs)
    first = int(series.differenced > 0)  # differences begin with the second frame
    return file, list(islice(indices, first, first + stride * len(series), stride))
