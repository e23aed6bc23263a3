"""`autotrain`: the loop that makes spectra with no more labels than they need, and says how sure it is.

select -> label -> train -> predict along the probe -> compare the spectra -> stop, or once more
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import chain, count, islice
from pathlib import Path

import numpy as np

from mimyria.autotrain.convergence import CONVERGED, converged, settling
from mimyria.autotrain.folder import RunFolder
from mimyria.autotrain.frames import Place, Pool, draw, places_in, write_selected
from mimyria.autotrain.history import Cycle, write_history
from mimyria.autotrain.selection import descriptor, disagreement, farthest_points, most_disputed
from mimyria.autotrain.settings import AutotrainSettings
from mimyria.autotrain.steps import Steps
from mimyria.errors import ConfigError, Interrupted
from mimyria.frame import Array
from mimyria.memory import locked
from mimyria.rates.series import ResponseSeries, read_series
from mimyria.report.report import write_report
from mimyria.trajectory import open_trajectories

log = logging.getLogger("mimyria")

SECONDS_TO_END = 10.0
"""That the steps of a loop which was killed have to end; they hold its lock until then."""
NO_FRAMES = "no frames are left to label"
"""A reason to stop."""


def autotrain(settings: AutotrainSettings, path: Path) -> str:
    """Run the loop in a folder until the spectra have converged, or a limit is reached; return what came out.

    Raises
    ------
    Interrupted
        If it is stopped; the same call goes on.
    """
    with locked(path / "lock", SECONDS_TO_END) as lock:
        loop = Loop(settings, RunFolder(path, settings), (lock.fileno(),))
        try:
            return loop.run()
        except KeyboardInterrupt:
            loop.report(stopped="it was interrupted")
            raise Interrupted(f"stopped; the same command goes on in {path}") from None
        except Exception as error:
            loop.report(stopped=str(error))
            raise


class Loop:
    """The loop.

    Parameters
    ----------
    settings, folder
        Of this start.
    held
        Open files that the steps keep open, such as the lock of the folder.
    """

    def __init__(self, settings: AutotrainSettings, folder: RunFolder, held: tuple[int, ...] = ()) -> None:
        self.settings, self.folder, self.steps = settings, folder, Steps(folder, settings, self.report, held)
        files = settings.trajectories
        self.pool = Pool.of(open_trajectories(files, settings.spectra), folder.pieces(files))
        folder.keep_pieces(files, self.pool.by_file)
        chosen = settings.selection
        for there, wanted, what in ((self.pool.test(), "test", "last tenth"), (self.pool.training(), "first", "rest")):
            if len(there) < getattr(chosen, wanted):
                raise ConfigError(
                    f"selection.{wanted}: {getattr(chosen, wanted)} frames are to be drawn, but the {what} of the "
                    f"trajectories has {len(there)}: draw fewer, or give longer trajectories"
                )
        self.probe = min(settings.probe, max(map(sum, self.pool.by_file)))
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
        return f"{self.folder.final}: {reason} after {len(self.cycles)} cycles and {last.labels} labels"

    def _test_set(self) -> None:
        """Label the test set, drawn first, from a part of the trajectories that nothing is trained on."""
        test, chosen = self.folder.test, self.settings.selection
        if not (test / "selected.extxyz").exists():
            test.mkdir(exist_ok=True)
            drawn = draw(self.pool.test(), chosen.test, np.random.default_rng([chosen.seed, 0]))
            write_selected(test / "selected.extxyz", self.pool.frames(drawn))
        self.steps.label(test, "they are missing from the test set")

    def _cycle(self, number: int) -> Cycle:
        here = self.folder.cycle(number)
        if not (here / "selected.extxyz").exists():
            frames = self.pool.frames(self._selected(number))
            here.mkdir(exist_ok=True)
            write_selected(here / "selected.extxyz", frames)
        labelled = self.steps.label(here, "the next cycle takes as many more")
        files = [self.folder.cycle(k) / "labels.extxyz" for k in range(1, number + 1)]
        self.steps.train(here, files)
        errors = self.steps.evaluate(here, self.folder.test / "labels.extxyz")
        self.steps.spectra(here, here, (self.probe,))
        before = self.cycles[-1] if self.cycles else None
        range_, members = self.settings.convergence, self.settings.training.committee
        moved = settling(
            here, before.folder if before else None, range_.low, range_.high, self.pool.share(self.probe), members
        )
        return Cycle(here, labelled + (before.labels if before else 0), errors, moved)

    def _selected(self, number: int) -> list[Place]:
        """Return the frames that a cycle adds: a batch, and as many as failed in the cycle before."""
        chosen, free = self.settings.selection, self._free(number)
        generator = np.random.default_rng([chosen.seed, number])
        if number == 1:
            return draw(free, min(chosen.first, self._labels_left()), generator)
        before = self.folder.cycle(number - 1)
        failed = len(places_in(before / "selected.extxyz")) - len(places_in(before / "labels.extxyz"))
        wanted = min(chosen.batch + failed, self._labels_left())
        disputed = self._disputed(before, set(free), wanted) if chosen.method == "committee" else []
        others = [place for place in free if place not in set(disputed)]
        return sorted([*disputed, *draw(others, wanted - len(disputed), generator)])

    def _free(self, number: int) -> list[Place]:
        """Return the frames that a cycle may take."""
        taken = {place for k in range(1, number) for place in places_in(self.folder.cycle(k) / "selected.extxyz")}
        return [place for place in self.pool.training() if place not in taken]

    def _disputed(self, before: Path, free: set[Place], number: int) -> list[Place]:
        """Return probe frames about which the committee of the cycle before disagrees, far from each other.

        There are fewer where the probe holds no more free frames with tensors.
        """
        places: list[Place | None] = []
        disputes: list[Array] = []
        for one in read_series(before / "series.h5"):
            places += self.pool.places_of(*sampled(one, self.settings.trajectories))
            disputes.append(disagreement([rates[:] for rates in one.member_rates.values()]))
        order = most_disputed(np.concatenate(disputes), np.array([place in free for place in places]), number)
        candidates = [place for index in order if (place := places[index])]
        if not candidates:
            return []
        labelled = [place for cycle in self.cycles for place in places_in(cycle.folder / "labels.extxyz")]
        there, points = self._described(labelled), self._described(candidates)
        return sorted(candidates[index] for index in farthest_points(points, there, number))

    def _described(self, places: Sequence[Place]) -> Array:
        """Return the descriptors of frames, in the order of the places."""
        frames = dict(zip(sorted(set(places)), self.pool.frames(places), strict=True))
        return np.array([descriptor(frames[place]) for place in places])

    def _labels_left(self) -> int:
        limit = self.settings.limits.labels
        return 10**9 if limit is None else limit - (self.cycles[-1].labels if self.cycles else 0)

    def _reason(self) -> str:
        """Return why to stop after the cycles so far: convergence, or a limit; empty to go on.

        Where one more cycle has been begun, the answer was to go on, and it is finished whatever the limits are now.
        """
        number = len(self.cycles) + 1
        if not self.cycles or (self.folder.cycle(number) / "selected.extxyz").exists():
            return ""
        rule, limits = self.settings.convergence, self.settings.limits
        if converged([cycle.settling for cycle in self.cycles], rule.score, rule.patience):
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
        write_history(self.folder.path, self.cycles, self.settings.convergence.score, reason)
        self.report()

    def report(self, now: str = "", stopped: str = "") -> None:
        """Write the page: what is being done now, or why it has stopped."""
        write_report(self.folder, self.cycles, self.settings, self.reason, now=now, stopped=stopped)


def sampled(series: ResponseSeries, files: Sequence[Path]) -> tuple[int, list[int]]:
    """Return of which file a series is, and where in it the frames of its samples are stored."""
    (file,) = (k for k, path in enumerate(files) if str(path.resolve()) in series.origin["files"])
    runs, stride = series.origin["frames"], series.origin["stride"]
    places = chain.from_iterable(count(start) if end is None else range(start, end) for start, end in runs)
    first = int(series.differenced > 0)  # differences begin with the second frame
    return file, list(islice(places, first, first + stride * len(series), stride))
