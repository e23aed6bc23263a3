"""The steps of a cycle as jobs: each is a command of this program, run by its executor.

So the process that drives the loop stays light, and the same steps run on a laptop and across the queues of a cluster.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

from mimyria.autotrain.changes import state_biases
from mimyria.autotrain.folder import MADE, RunFolder, add_time, read_provenance
from mimyria.autotrain.frames import write_given
from mimyria.autotrain.settings import STEPS, AutotrainSettings
from mimyria.choices import OF_VELOCITIES
from mimyria.config import write_settings
from mimyria.errors import RunFailed, Unfinished
from mimyria.execute import LOG, Executor, Job, LocalExecutor, last_line, make_executor, program
from mimyria.memory import read_json, write_json
from mimyria.training.history import checkpoint_of

log = logging.getLogger("mimyria")

ATTEMPTS = 3
"""At a training, which resumes from its checkpoint and where that fails begins anew, and at labels that the machine
ended."""
LABELLED = "labels.json"
ERRORS = "errors.json"
DOING = {"label": "labelling", "train": "training", "evaluate": "evaluation", "spectrum": "prediction"}
"""A word for each step, with which the folders of its jobs begin."""
SECONDS_BETWEEN_UPDATES = 60.0


class Steps:
    """The steps, with the flags that the settings give to each.

    Parameters
    ----------
    folder, settings
        Of the loop.
    on_progress
        Takes the name of the step, when it begins and every minute while it runs.
    held
        Open files that the steps inherit.
    """

    def __init__(
        self, folder: RunFolder, settings: AutotrainSettings, on_progress: Callable[[str], None], held: tuple[int, ...]
    ) -> None:
        self.folder, self.settings, self.on_progress, self.held = folder, settings, on_progress, held
        self.flags = {name: folder.path / f"{name}.yaml" for name in STEPS}
        for name, path in self.flags.items():
            write_settings(path, getattr(settings, name))

    def label(self, folder: Path, otherwise: str) -> int:
        """Label the selected frames of a cycle or of the test set, and return how many have a label.

        Configurations that fail are left out, and the warning of them says ``otherwise``, what becomes of them. Those
        that the machine ended are tried again.

        Raises
        ------
        RunFailed
            If none could be labelled, or the machine ends some again and again.
        """
        done, labels = folder / LABELLED, folder / "labels.extxyz"
        if not done.exists():
            with self._timed(folder, "label"):
                words: tuple[str | Path, ...]
                words = ("label", folder / "selected.extxyz", "--out", labels, "--work", self.folder.work / folder.name)
                words += ("--target", self.settings.labelled)
                for _ in range(ATTEMPTS):
                    status = self._run(LocalExecutor(), folder / "labelling", *words, "--config", self.flags["label"])
                    if status >= 0 and status != Unfinished.exit_status:
                        break
            log_of_job = folder / "labelling" / LOG
            reason = last_line(log_of_job) if status else ""
            if not labels.exists():
                raise RunFailed(f"no configuration of {folder} could be labelled: {reason}")
            asked, count = _count(folder / "selected.extxyz"), _count(labels)
            if count < asked and status not in (0, RunFailed.exit_status):  # not for the configurations' sake
                raise RunFailed(f"{log_of_job}: {asked - count} configurations have no label yet: {reason}")
            reason = reason if count < asked else ""  # a kill may have ended a start after the last label
            write_json(done, {"selected": asked, "labelled": count, "reason": reason})
        stated = read_json(done)
        if stated["reason"]:
            log.warning(
                f"{folder}: {stated['selected'] - stated['labelled']} configurations have no label, {otherwise}: "
                f"{stated['reason']}"
            )
        return int(stated["labelled"])

    def take(self, folder: Path, labels: Path) -> int:
        """Take labels that exist as those of a folder, and return how many there are."""
        done = folder / LABELLED
        if not done.exists():
            folder.mkdir(exist_ok=True)
            count = write_given(folder / "labels.extxyz", labels, self.settings.targets)
            write_json(done, {"given": str(labels), "labelled": count})
        return int(read_json(done)["labelled"])

    def train(self, folder: Path, labels: Sequence[Path]) -> None:
        """Train the networks of a cycle side by side."""
        missing = [name for name in self.settings.targets if not _trained(folder / f"{name}.mym")]
        if not missing:
            return
        with self._timed(folder, "train"):
            executor = self._executor(self.settings.executors.train, len(missing))
            for attempt in range(ATTEMPTS):
                jobs = {name: self._training(folder, name, labels, attempt) for name in missing}
                status = {outcome.job: outcome.status for outcome in executor.run(jobs.values())}
                failed = {name: job for name, job in jobs.items() if status[job]}
                if not failed:
                    return
                for name, job in failed.items():
                    model, reason = folder / f"{name}.mym", last_line(job.folder / LOG)
                    model.unlink(missing_ok=True)  # of a training that diverged
                    if attempt == ATTEMPTS - 1:
                        raise RunFailed(f"{job.folder / LOG}: the {name.upper()} network was not trained: {reason}")
                    if "--resume" in job.command:  # the checkpoint may be what is wrong
                        checkpoint_of(model).unlink(missing_ok=True)
                    again = "resumes from its checkpoint" if checkpoint_of(model).exists() else "starts anew"
                    log.warning(f"training of {name.upper()} failed: {reason}; it {again}")
                missing = list(failed)

    def _training(self, folder: Path, name: str, labels: Sequence[Path], attempt: int) -> Job:
        model = folder / f"{name}.mym"
        words: list[str | Path] = ["train", *labels, "--target", name, "--out", model, "--config", self.flags["train"]]
        if checkpoint_of(model).exists():
            words.append("--resume")
        elif attempt:  # with the same random weights it would diverge at the same step
            usual = self.settings.training
            words += ["--seed", str(usual.seed + attempt * usual.committee)]
        return self._job(folder / f"training-{name}", *words)

    def evaluate(self, folder: Path, test: Path) -> dict[str, Any]:
        """Return the errors of the networks on the test set, as `mimyria evaluate --out` writes them."""
        errors = read_json(folder / ERRORS)
        for name in self.settings.targets:
            if name not in errors:
                place = folder / f"evaluation-{name}"
                with self._timed(folder, "evaluate"):
                    words: list[str | Path] = ["evaluate", folder / f"{name}.mym", test, "--out", place / ERRORS]
                    words += ["--plot", parity_plot(folder, name), *self._groups()]
                    self._run_or_raise(LocalExecutor(), place, *words)
                errors[name] = read_json(place / ERRORS)
                # After each network, so that a kill costs the evaluation of one.
                write_json(folder / ERRORS, errors)
        return errors

    def spectra(self, folder: Path, models: Path, frames: tuple[int, ...]) -> None:
        """Make spectra in a folder with the networks in another, unless they are there.

        A cycle, whose networks lie in its own folder, takes the first ``frames[0]`` of each trajectory. The final
        spectra take all; ``frames``, how many those are, makes them anew where a trajectory has grown.
        """
        wanted = {"networks": models.name, "frames": list(frames)}
        if read_provenance(folder) == wanted:
            return
        with self._timed(folder, "spectrum"):
            absolute = models.resolve()
            words: list[str | Path] = ["spectrum", *self.settings.trajectories, "--out", folder]
            words += [word for name in self.settings.targets for word in ("--tensor", f"{name}={absolute / name}.mym")]
            words += ["--frames", f"0:{frames[0]}"] if folder == models else []
            if (executor := self.settings.executors.spectrum) != "local":
                words += ["--executor", executor]  # of the passes: what pools them is no work for a queue
            self._run_or_raise(LocalExecutor(), folder / "prediction", *words, "--config", self.flags["spectrum"])
        state_biases(folder, read_json(models / ERRORS))
        write_json(folder / MADE, wanted)  # last: only with it are the spectra known to be whole

    def _groups(self) -> list[str | Path]:
        """Return the flags that name the groups of atoms, where the user has named some."""
        how = self.settings.spectra
        if not self.settings.named_groups(how.groups) or how.groups[0] in OF_VELOCITIES:
            return []
        topology: list[str | Path] = [] if how.topology is None else ["--topology", how.topology]
        return [*(word for group in how.groups for word in ("--groups", group)), *topology]

    def _executor(self, name: str, workers: int) -> Executor:
        return make_executor(name, {"workers": workers} if name == "local" else {}, self.folder.work)

    def _run(self, executor: Executor, place: Path, *words: str | Path) -> int:
        (outcome,) = executor.run([self._job(place, *words)])
        return outcome.status

    def _job(self, folder: Path, *words: str | Path) -> Job:
        folder.mkdir(parents=True, exist_ok=True)
        absolute = [word.resolve() if isinstance(word, Path) else word for word in words]
        return Job(folder, program(*absolute), self.held)

    def _run_or_raise(self, executor: Executor, place: Path, *words: str | Path) -> None:
        if self._run(executor, place, *words):
            raise RunFailed(f"{place / LOG}: `mimyria {words[0]}` failed: {last_line(place / LOG)}")

    @contextmanager
    def _timed(self, folder: Path, step: str) -> Iterator[None]:
        begin = time.monotonic()
        doing = f"{folder.name}: {DOING[step]}"
        log.info(doing)
        self.on_progress(doing)
        try:
            with _every_minute(lambda: self.on_progress(doing)):
                yield
        finally:
            add_time(folder, step, time.monotonic() - begin)


@contextmanager
def _every_minute(act: Callable[[], None]) -> Iterator[None]:
    """Do something every minute while the block runs: the step itself is a process that does not report."""
    ended = Event()

    def beat() -> None:
        while not ended.wait(SECONDS_BETWEEN_UPDATES):
            act()

    thread = Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def parity_plot(folder: Path, name: str) -> Path:
    """Return the picture of a network's predictions over the labels of the test set."""
    return folder / f"parity-{name}.png"


def _trained(model: Path) -> bool:
    return model.exists() and not checkpoint_of(model).exists()


def _count(path: Path) -> int:
    from mimyria.formats import read_frames

    return sum(1 for _ in read_frames(path))
