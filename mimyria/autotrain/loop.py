"""`autotrain`: the loop that makes spectra with no more labels than they need, and says how sure it is.

select -> label -> train -> predict along the probe -> compare the spectra -> stop, or once more
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.autotrain.convergence import CONVERGED, converged, settling
from mimyria.autotrain.folder import RunFolder
from mimyria.autotrain.frames import Place, Pool, draw, places_in, write_selected
from mimyria.autotrain.history import Cycle, write_history
from mimyria.autotrain.report import write_report
from mimyria.autotrain.selection import descriptor, disagreement, farthest_points, most_disputed
from mimyria.autotrain.settings import AutotrainSettings
from mimyria.autotrain.steps import Steps
from mimyria.config import numbers
from mimyria.errors import Interrupted
from mimyria.frame import Array
from mimyria.settings import TrajectorySettings
from mimyria.spectra.parts import locked
from mimyria.spectra.series import read_series

log = logging.getLogger("mimyria")


def autotrain(settings: AutotrainSettings, path: Path) -> str:
    """Run the loop in a folder until the spectra have converged, or a limit is reached; return what came out.

    Raises
    ------
    Interrupted
        If it is stopped; the same call goes on.
    """
    folder = RunFolder(path, settings)
    with locked(path):
        loop = Loop(settings, folder)
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
    """

    def __init__(self, settings: AutotrainSettings, folder: RunFolder) -> None:
        self.settings, self.folder, self.steps = settings, folder, Steps(folder, settings, self.report)
        self.pool = Pool.of(reading(settings).open(path) for path in settings.trajectories)
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
        self.steps.spectra(self.folder.final, last.folder, None)
        self._record(reason)
        return f"{self.folder.final}: {reason} after {len(self.cycles)} cycles and {last.labels} labels"

    def _test_set(self) -> None:
        """Label the test set, drawn first, from a part of the trajectories that nothing is trained on."""
        test, chosen = self.folder.test, self.settings.selection
        if not (test / "selected.extxyz").exists():
            test.mkdir(exist_ok=True)
            drawn = draw(self.pool.test(), chosen.test, np.random.default_rng([chosen.seed, 0]))
            write_selected(test / "selected.extxyz", self.pool.frames(drawn))
        self.steps.label(test)

    def _cycle(self, number: int) -> Cycle:
        here = self.folder.cycle(number)
        here.mkdir(exist_ok=True)
        if not (here / "selected.extxyz").exists():
            write_selected(here / "selected.extxyz", self.pool.frames(self._selected(number)))
        labelled = self.steps.label(here)
        files = [self.folder.cycle(k) / "labels.extxyz" for k in range(1, number + 1)]
        self.steps.train(here, files)
        errors = self.steps.evaluate(here, self.folder.test / "labels.extxyz")
        self.steps.spectra(here, here, f"0:{self.settings.probe}")
        before = self.cycles[-1] if self.cycles else None
        range_ = self.settings.convergence
        moved = settling(
            here, before.folder if before else None, range_.low, range_.high, self.pool.share(self.settings.probe)
        )
        return Cycle(here, labelled + (before.labels if before else 0), errors, moved)

    def _selected(self, number: int) -> list[Place]:
        """Return the frames that a cycle adds: a batch, and as many as failed in the cycle before."""
        chosen = self.settings.selection
        taken = {place for k in range(1, number) for place in places_in(self.folder.cycle(k) / "selected.extxyz")}
        free = [place for place in self.pool.training() if place not in taken]
        generator = np.random.default_rng([chosen.seed, number])
        if number == 1:
            return draw(free, chosen.first, generator)
        before = self.folder.cycle(number - 1)
        failed = len(places_in(before / "selected.extxyz")) - len(places_in(before / "labels.extxyz"))
        wanted = min(chosen.batch + failed, self._labels_left())
        if chosen.method == "random":
            return draw(free, wanted, generator)
        return self._disputed(before, set(free), wanted)

    def _disputed(self, before: Path, free: set[Place], number: int) -> list[Place]:
        """Return probe frames about which the committee of the cycle before disagrees, far from each other."""
        series = read_series(before / "series.h5")
        if len(series) != len(self.pool.trajectories):
            log.warning(f"{before}: pieces of the trajectories are too short for spectra; frames are drawn at random")
            return draw(sorted(free), number, np.random.default_rng([self.settings.selection.seed, number]))
        places, disputes = [], []
        for k, (one, trajectory) in enumerate(zip(series, self.pool.trajectories, strict=True)):
            stride = round(one.timestep / trajectory.timestep)
            start = 1 if one.differenced else 0
            places += [Place(k, start + stride * step) for step in range(len(one))]
            disputes.append(disagreement([rates[:] for rates in one.member_rates.values()]))
        order = most_disputed(np.concatenate(disputes), np.array([place in free for place in places]), number)
        candidates = [places[index] for index in order]
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
        """Return why to stop after the cycles so far: convergence, or a limit; empty to go on."""
        if not self.cycles:
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
        return ""

    def _record(self, reason: str) -> None:
        self.reason = reason
        write_history(self.folder.path, self.cycles, self.settings.convergence.score, reason)
        self.report()

    def report(self, now: str = "", stopped: str = "") -> None:
        """Write the page: what is being done now, or why it has stopped."""
        write_report(self.folder, self.cycles, self.settings, self.reason, now=now, stopped=stopped)


def reading(settings: AutotrainSettings) -> TrajectorySettings:
    """Return how the trajectories are read: what the flags of the spectra say about it."""
    flags = settings.spectrum
    given: dict[str, Any] = {name: flags[name] for name in TrajectorySettings.__dataclass_fields__ if name in flags}
    given |= {name: Path(given[name]) for name in ("topology", "velocities") if name in given}
    cell = given.get("cell")
    text = " ".join(map(str, cell)) if isinstance(cell, list) else cell
    return TrajectorySettings(**given | {"cell": numbers(text, (3, 9), "spectrum.cell")})
