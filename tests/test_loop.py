"""The loop when things go wrong: the steps are made up and take no time, the loop is the real one."""

from __future__ import annotations

import errno
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import polarizable
import pytest
import yaml

from conftest import moving_charges
from ensembles import made_series
from loops import history
from mimyria import loop as loop_module
from mimyria.autotrain import steps as steps_module
from mimyria.autotrain.settings import AutotrainSettings, Executors, Limits
from mimyria.errors import Busy, ConfigError, Interrupted, RunFailed, Unfinished
from mimyria.execute import LOG, Job, Outcome
from mimyria.formats import read_frames, write_frames
from mimyria.loop import autotrain, sampled_frames
from mimyria.memory import Identity, locked, write_json
from mimyria.pipeline import make_spectra
from mimyria.rates.series import ResponseSeries, read_series, write_series
from mimyria.report.status import Status
from mimyria.settings import SpectrumSettings
from mimyria.spectra.spectrum import Spectrum, read_spectrum, write_csv
from mimyria.trajectory import Trajectory

N_FRAMES, PROBE = 140, 100
GRID = np.linspace(0, 4000, 101)
Hook = Callable[[str, list[str]], int]


def n_labels(cycle: Path) -> int:
    """The labels of all cycles so far."""
    return sum(1 for path in cycle.parent.glob("cycle-*/labels.extxyz") for _ in read_frames(path))


class MadeUp:
    """Steps that write what the real ones write; a hook may fail, or be killed, before each."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.before: Hook = lambda step, words: 0
        self.left_out = 0
        self.told: list[dict[str, str]] = []
        self.height: Callable[[int], float] = lambda n: 1 + 4.0 / n**2  # of the spectrum; converges with the labels
        self.error, self.bias_error = 0.001, float("nan")

    def report(self, status: Status) -> None:
        self.told.append({"reason": status.reason, "now": status.now, "stopped": status.stopped})

    def run(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        for job in list(jobs):
            words = list(job.command[3:])
            status = self.before(words[0], words)
            log = "mimyria: it was told to fail\n"
            if not status:
                log = getattr(self, words[0])(words) or "fine\n"
                self.done.append(f"{words[0]} {Path(words[words.index('--out') + 1]).name if '--out' in words else ''}")
            (job.folder / LOG).write_text(log, encoding="utf-8")
            yield Outcome(job, status)

    def label(self, words: list[str]) -> None:
        frames = list(read_frames(words[1]))
        tensors = {"apt": np.zeros((24, 3, 3)), "pgt": np.zeros((24, 3, 3, 3))}
        kept = frames[: len(frames) - self.left_out]
        if kept:
            write_frames(words[words.index("--out") + 1], [replace(frame, tensors=tensors) for frame in kept])

    def train(self, words: list[str]) -> None:
        Path(words[words.index("--out") + 1]).write_text("model")
        Path(words[words.index("--out") + 1] + ".checkpoint").unlink(missing_ok=True)

    def evaluate(self, words: list[str]) -> str:
        errors: dict[str, Any] = {"rmse": 0.1, "relative_rmse": 0.05, "unit": "e"}
        if np.isfinite(self.bias_error):
            bias = self.height(n_labels(Path(words[1]).parent)) - 1
            row = {"bias": bias, "bias_error": self.bias_error, "slope": 1 + bias, "slope_error": self.bias_error}
            errors["intensities"] = {"n_alpha": row}
        write_json(Path(words[words.index("--out") + 1]), errors)
        return "fine\nwarning: of some library, and late\n"

    def spectrum(self, words: list[str]) -> None:
        out = Path(words[words.index("--out") + 1])
        out.mkdir(exist_ok=True)
        n = n_labels(out)
        columns = {"wavenumber_cm-1": GRID, "n_alpha_cm-1": self.height(n) * (1 + np.sin(GRID / 300) ** 2)}
        columns |= {"n_alpha_error": self.error + 0 * GRID, "n_alpha_spread": 0.1 / n + 0 * GRID}
        write_csv(out / "ir.csv", Spectrum("ir", columns))
        series = [self.series(Path(word), n) for word in words[1 : words.index("--out")]]
        write_series(out / "series.h5", series)
        (out / "settings.yaml").write_text(words[words.index("--tensor") + 1].replace("=", ": ") + "\n")

    def series(self, trajectory: Path, seed: int) -> ResponseSeries:
        """What the passes leave: rates of the first piece of the probe."""
        (piece, *_) = Trajectory(trajectory).segments(0, PROBE)
        rates = np.random.default_rng(seed).normal(size=(piece.n_frames or 0, 2, 3))
        origin = Identity({"frames": piece.stored, "stride": 1}, [trajectory.resolve()])
        return made_series({"apt": rates[:, 0]}, 2.0, member_rates={"apt": rates}, origin=origin)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> MadeUp:
    made_up = MadeUp()
    monkeypatch.setattr(steps_module, "LocalExecutor", lambda *_: made_up)
    monkeypatch.setattr(steps_module, "make_executor", lambda *_: made_up)
    monkeypatch.setattr(loop_module, "write_report", made_up.report)
    return made_up


@pytest.fixture
def settings(tmp_path: Path) -> AutotrainSettings:
    write_frames(tmp_path / "md.xyz", polarizable.run(8, N_FRAMES, 2.0))
    return AutotrainSettings(
        trajectories=[tmp_path / "md.xyz"],
        probe=PROBE,
        selection={"method": "committee", "test": 4, "first": 5, "batch": 5},
        convergence={"score": 0.02, "intensity": 0.05, "patience": 1, "low": 100, "high": 3900},
    )


def selected(folder: Path) -> list[list[tuple[int, int]]]:
    return [
        [(frame.info["trajectory"], frame.info["trajectory_frame"]) for frame in read_frames(path)]
        for path in sorted(folder.glob("*/selected.extxyz"))
    ]


def test_it_stops_when_the_spectra_have_converged(settings: AutotrainSettings, steps: MadeUp, tmp_path: Path) -> None:
    said = autotrain(settings, tmp_path / "loop")
    rows = history(tmp_path / "loop")
    assert rows[-1]["state"] == "converged"
    assert f"converged after {len(rows)} cycles and {5 * len(rows)} labels" in said
    assert [row["settled_ir"] for row in rows][-1] == "True"
    assert "False" in [row["settled_ir"] for row in rows]
    assert len(rows) <= 5  # no more cycles than the doubling of the labels takes
    assert (tmp_path / "loop" / "final" / "ir.csv").exists()
    chosen = [place for cycle in selected(tmp_path / "loop") for place in cycle]
    assert len(set(chosen)) == len(chosen)


def test_passes_go_to_the_executor_that_is_named(settings: AutotrainSettings, steps: MadeUp, tmp_path: Path) -> None:
    """The command that pools them runs here, and submits each trajectory itself."""
    asked: list[list[str]] = []

    def noted(step: str, words: list[str]) -> int:
        asked.append(words)
        return 0

    steps.before = noted
    executors = Executors(spectrum=str(tmp_path / "cluster.yaml"))
    autotrain(replace(settings, executors=executors, limits=Limits(cycles=1)), tmp_path / "loop")
    told = [words[words.index("--executor") + 1] for words in asked if words[0] == "spectrum"]
    assert told == [str(tmp_path / "cluster.yaml")] * 2  # of the cycle, and at the end
    assert not any("--executor" in words for words in asked if words[0] != "spectrum")


def slowly(power: float) -> Callable[[int], float]:
    return lambda n: 1 - 0.36 * (5 / n) ** power


@pytest.mark.parametrize(
    ("height", "bias_error", "why"),
    [
        (slowly(0.5), float("nan"), "changed too much since half|integrals changed since half"),
        (slowly(0.1), 0.005, "intensity biased by -30"),
        (lambda n: 0.9, 0.005, "intensity biased by -10"),  # not a change at all
        (lambda n: 1.0, 0.2, "not known better"),
        (lambda n: 1 + 0.004 * 1.8 ** (n / 5), float("nan"), "its change grows"),
    ],
)
def test_a_bias_common_to_all_networks_and_a_growing_change_are_no_convergence(
    settings: AutotrainSettings,
    steps: MadeUp,
    tmp_path: Path,
    height: Callable[[int], float],
    bias_error: float,
    why: str,
) -> None:
    """However wide the errors of the spectra are, and however well the networks agree."""
    steps.height, steps.bias_error, steps.error = height, bias_error, 0.3
    choice = replace(settings.selection, method="random")
    rule = replace(settings.convergence, score=0.03, patience=2)
    autotrain(replace(settings, selection=choice, convergence=rule, limits=Limits(cycles=6)), tmp_path / "loop")
    rows = history(tmp_path / "loop")
    assert rows[-1]["state"] == "limit of 6 cycles"
    assert re.search(why, rows[-1]["why_ir"])
    assert "its change" in why or {row["settled_ir"] for row in rows} == {"False"}


def test_an_unbiased_loop_says_so_in_its_spectra(settings: AutotrainSettings, steps: MadeUp, tmp_path: Path) -> None:
    steps.bias_error, steps.error = 0.005, 0.3
    autotrain(settings, tmp_path / "loop")
    rows = history(tmp_path / "loop")
    assert rows[-1]["state"] == "converged"
    assert len(rows) <= 5
    stated = read_spectrum(tmp_path / "loop" / "final" / "ir.csv").header["intensity bias of n_alpha"]
    assert re.fullmatch(r"\+\d\.\d\d ± 0.50 % of the integral; on the test set", stated)
    assert float(rows[-1]["bias_ir"]) == pytest.approx(float(stated.split()[0]) / 100, abs=1e-4)


def test_groups_that_are_named_are_evaluated_too(settings: AutotrainSettings, steps: MadeUp, tmp_path: Path) -> None:
    given: list[list[str]] = []
    steps.before = lambda step, words: given.append(words) or 0  # type: ignore[func-returns-value]
    groups = ["hydrogen=element H", "oxygen=element O"]
    topology = {"groups": groups, "topology": str(tmp_path / "md.xyz")}
    autotrain(replace(settings, spectrum=topology, limits=Limits(cycles=1)), tmp_path / "loop")
    (words, *_) = (words for words in given if words[0] == "evaluate")
    assert [words[k + 1] for k, word in enumerate(words) if word == "--groups"] == groups
    assert words[words.index("--topology") + 1] == str(tmp_path / "md.xyz")
    given.clear()
    motions = replace(settings, spectrum={"groups": ["motions"]}, limits=Limits(cycles=1))
    autotrain(motions, tmp_path / "other")  # which are no groups of atoms, and `evaluate` refuses
    (words, *_) = (words for words in given if words[0] == "evaluate")
    assert "--groups" not in words


@pytest.mark.parametrize(
    ("limits", "state"),
    [({"cycles": 2}, "limit of 2 cycles"), ({"labels": 8}, "limit of 8 labels"), ({"hours": 1e-9}, "limit of 1e-09")],
)
def test_a_limit_is_told_as_such(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path, limits: dict[str, Any], state: str
) -> None:
    settings = replace(settings, limits=Limits(**limits))
    said = autotrain(settings, tmp_path / "loop")
    assert history(tmp_path / "loop")[-1]["state"].startswith(state)
    assert state in said
    assert "converged" not in said


def test_the_page_is_told_of_every_step(settings: AutotrainSettings, steps: MadeUp, tmp_path: Path) -> None:
    settings = replace(settings, limits=Limits(cycles=1))
    autotrain(settings, tmp_path / "loop")
    here = ("labelling", "training", "evaluation", "evaluation", "prediction")
    doing = ["test: labelling", *(f"cycle-01: {step}" for step in here), "", "final: prediction", ""]
    assert [one["now"] for one in steps.told] == doing
    assert [one["reason"] for one in steps.told] == 6 * [""] + 3 * ["limit of 1 cycles"]
    assert not any(one["stopped"] for one in steps.told)


@pytest.mark.parametrize(
    ("error", "words"), [(KeyboardInterrupt, "it was interrupted"), (OSError(28, "No space left"), "No space left")]
)
def test_the_page_is_told_why_it_stopped(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path, error: type[BaseException], words: str
) -> None:
    steps.before = killed(3, False, error)
    with pytest.raises((Interrupted, OSError)):
        autotrain(settings, tmp_path / "loop")
    assert [words in one["stopped"] for one in steps.told] == [False] * (len(steps.told) - 1) + [True]


def test_the_page_is_told_while_a_step_runs(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps_module, "SECONDS_BETWEEN_UPDATES", 0.01)
    told, threads = len(steps.told), threading.active_count()

    def hook(step: str, words: list[str]) -> int:
        end = time.monotonic() + 10
        while len(steps.told) < told + 3 and time.monotonic() < end:
            time.sleep(0.01)
        raise KeyboardInterrupt

    steps.before = hook
    with pytest.raises(Interrupted):
        autotrain(settings, tmp_path / "loop")
    assert [one["now"] for one in steps.told[:3]] == 3 * ["test: labelling"]
    assert threading.active_count() == threads


def killed(at: int, cut: bool, error: type[BaseException]) -> Hook:
    count = iter(range(10**6))

    def hook(step: str, words: list[str]) -> int:
        if next(count) == at:
            if cut and "--out" in words and step != "spectrum":
                Path(words[words.index("--out") + 1] + ".checkpoint").write_text("half")
            raise error
        return 0

    return hook


@pytest.mark.parametrize("at", range(0, 12, 2))
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_killed_anywhere_it_goes_on_and_ends_alike(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path, at: int, error: type[BaseException]
) -> None:
    """SystemExit stands for kill -9: nothing in the loop catches it."""
    autotrain(settings, tmp_path / "whole")
    whole, steps.done = steps.done, []
    steps.before = killed(at, True, error)
    with pytest.raises((Interrupted, SystemExit)):
        autotrain(settings, tmp_path / "parts")
    steps.before = lambda step, words: 0
    autotrain(settings, tmp_path / "parts")
    assert sorted(steps.done) == sorted(whole)  # nothing twice
    assert history(tmp_path / "parts") == history(tmp_path / "whole")
    assert selected(tmp_path / "parts") == selected(tmp_path / "whole")


def test_killed_while_frames_are_chosen(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    autotrain(settings, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(loop_module, "write_selected", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(Interrupted):
            autotrain(settings, tmp_path / "parts")
    autotrain(settings, tmp_path / "parts")
    assert selected(tmp_path / "parts") == selected(tmp_path / "whole")


def test_failed_configurations_are_replaced(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def hook(step: str, words: list[str]) -> int:
        steps.left_out = 2 if step == "label" and "cycle-01" in words[1] else 0
        return 0

    steps.before = hook
    autotrain(settings, tmp_path / "loop")
    assert [int(row["labels"]) for row in history(tmp_path / "loop")][:2] == [3, 10]
    assert len(selected(tmp_path / "loop")[1]) == 7


def test_no_label_at_all_stops_with_the_reason(settings: AutotrainSettings, steps: MadeUp, tmp_path: Path) -> None:
    steps.before = lambda step, words: 1 if step == "label" and "cycle-01" in words[1] else 0
    with pytest.raises(RunFailed, match=r"no configuration of .*cycle-01 could be labelled: it was told to fail"):
        autotrain(settings, tmp_path / "loop")
    steps.before = lambda step, words: 0
    assert "converged" in autotrain(settings, tmp_path / "loop")


def test_labels_that_the_machine_ended_are_made_once_more(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path
) -> None:
    """What it ended is no failure of a configuration: it is never left out."""
    asked: list[str] = []

    def ends(times: int) -> Hook:
        def hook(step: str, words: list[str]) -> int:
            if step != "label" or "cycle-01" not in words[1]:
                return 0
            asked.append(words[1])
            if len(asked) > times:
                return 0
            steps.left_out = 2
            steps.label(words)  # those that were finished are written
            steps.left_out = 0
            return Unfinished.exit_status

        return hook

    steps.before = ends(1)
    assert "converged" in autotrain(settings, tmp_path / "loop")
    assert [int(row["labels"]) for row in history(tmp_path / "loop")][:2] == [5, 10]
    asked.clear()
    steps.before = ends(3)
    with pytest.raises(RunFailed, match=r"cycle-01/labelling/run.log: 2 configurations have no label yet: it was told"):
        autotrain(settings, tmp_path / "other")
    assert "converged" in autotrain(settings, tmp_path / "other")
    assert [int(row["labels"]) for row in history(tmp_path / "other")][:2] == [5, 10]


def test_a_training_that_diverges_is_tried_with_other_seeds(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path
) -> None:
    seeds: list[str] = []

    def diverges(step: str, words: list[str]) -> int:
        if step == "train" and "apt" in words and len(seeds) < 3:
            seeds.append(words[words.index("--seed") + 1] if "--seed" in words else "as set")
            return 2 if len(seeds) < 3 else 0
        return 0

    steps.before = diverges
    assert "converged" in autotrain(settings, tmp_path / "loop")
    first = settings.training.seed + settings.training.committee
    assert seeds == ["as set", str(first), str(first + settings.training.committee)]


def test_a_dead_worker_and_a_broken_checkpoint_are_tried_once_more(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoint = tmp_path / "loop" / "cycle-01" / "pgt.mym.checkpoint"

    def hook(step: str, words: list[str]) -> int:
        if step == "train" and "--resume" in words:
            return 2
        if step == "label" and "cycle-01" in words[1]:
            checkpoint.write_text("broken")
        return 0

    steps.before = hook
    assert "converged" in autotrain(settings, tmp_path / "loop")
    assert "training of PGT failed: it was told to fail; it starts anew" in caplog.text
    checkpoint = tmp_path / "third" / "cycle-01" / "apt.mym.checkpoint"
    tried = []

    def dies_once(step: str, words: list[str]) -> int:
        if step == "train" and "apt" in words:
            tried.append("--resume" in words)
            if len(tried) == 1:
                checkpoint.write_text("good")
                return -9
        return 0

    steps.before = dies_once
    autotrain(settings, tmp_path / "third")
    assert tried[:2] == [False, True]  # nothing that was trained is lost
    steps.before = lambda step, words: -9 if step == "train" else 0
    with pytest.raises(RunFailed, match=r"training-apt/run.log: the APT network was not trained: it was told to fail"):
        autotrain(settings, tmp_path / "other")


@pytest.mark.parametrize("with_velocities", [True, False])
def test_a_sample_is_placed_at_its_frame(tmp_path: Path, with_velocities: bool) -> None:
    """Every frame has a volume of its own, which the samples keep; a restart and a gap lie in the file."""
    frames, _ = moving_charges(131, 2.0)
    breathing = [replace(frame, cell=(12.0 + 0.001 * k) * np.eye(3)) for k, frame in enumerate(frames)]
    if not with_velocities:
        breathing = [replace(frame, velocities=None) for frame in breathing]
    stored = breathing[:50] + breathing[45:80] + breathing[84:]
    paths = [tmp_path / "other.xyz", tmp_path / "md.xyz"]
    write_frames(paths[1], stored)
    make_spectra(paths[1:], tmp_path / "out", SpectrumSettings(apt="frames", temperature=300.0, stride=3))
    series = read_series(tmp_path / "out" / "series.h5")
    assert len(series) == 2
    for one in series:
        file, places = sampled_frames(one, paths)
        assert file == 1
        np.testing.assert_allclose(one.volume, [stored[place].volume for place in places], rtol=1e-9)


@pytest.mark.parametrize("step", ["evaluate", "spectrum"])
def test_a_failed_step_names_its_log(settings: AutotrainSettings, steps: MadeUp, tmp_path: Path, step: str) -> None:
    steps.before = lambda name, words: 1 if name == step else 0
    with pytest.raises(RunFailed, match=rf"run.log: `mimyria {step}` failed: it was told to fail"):
        autotrain(settings, tmp_path / "loop")
    steps.before = lambda name, words: 0
    assert "converged" in autotrain(settings, tmp_path / "loop")


def test_a_full_disk_loses_nothing(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    autotrain(settings, tmp_path / "whole")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "history.csv")

    with monkeypatch.context() as patch:
        patch.setattr(loop_module, "write_history", full)
        with pytest.raises(OSError, match="No space left"):
            autotrain(settings, tmp_path / "loop")
    autotrain(settings, tmp_path / "loop")
    assert history(tmp_path / "loop") == history(tmp_path / "whole")


def test_two_starts_and_another_trajectory_are_refused(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path
) -> None:
    (tmp_path / "loop").mkdir()
    with locked(tmp_path / "loop" / "lock"), pytest.raises(Busy, match="another run is working in"):
        autotrain(settings, tmp_path / "loop")
    autotrain(settings, tmp_path / "loop")
    write_frames(tmp_path / "md.xyz", polarizable.run(8, N_FRAMES, 2.0, seed=5))
    with pytest.raises(ConfigError, match=r"md.xyz has changed since"):
        autotrain(settings, tmp_path / "loop")


def test_more_patience_goes_on_from_where_it_was(settings: AutotrainSettings, steps: MadeUp, tmp_path: Path) -> None:
    autotrain(settings, tmp_path / "loop")
    first = len(history(tmp_path / "loop"))
    steps.done = []
    rule = replace(settings.convergence, patience=2)
    autotrain(replace(settings, convergence=rule), tmp_path / "loop")
    assert len(history(tmp_path / "loop")) == first + 1
    assert sum(step.startswith("label") for step in steps.done) == 1
    assert "spectrum final" in steps.done  # with the networks of the new cycle


@pytest.mark.parametrize("limits", [{"cycles": 1}, {"labels": 5}, {"hours": 1e-9}])
def test_another_start_never_goes_back(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path, limits: dict[str, Any]
) -> None:
    """A limit that was passed long ago ends nothing that came after; the last networks stay those of the result."""
    autotrain(settings, tmp_path / "loop")
    rows, steps.done = history(tmp_path / "loop"), []
    tighter = replace(settings, limits=Limits(**limits))
    autotrain(tighter, tmp_path / "loop")
    again = history(tmp_path / "loop")
    assert [row["labels"] for row in again] == [row["labels"] for row in rows]
    assert not steps.done


def test_no_more_labels_than_the_limit(settings: AutotrainSettings, steps: MadeUp, tmp_path: Path) -> None:
    limited = replace(settings, limits=Limits(labels=3))
    autotrain(limited, tmp_path / "loop")
    assert [row["labels"] for row in history(tmp_path / "loop")] == ["3"]


@pytest.mark.parametrize("method", ["random", "committee"])
def test_when_no_frames_are_left_the_final_spectra_come(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path, method: str
) -> None:
    choice = replace(settings.selection, method=method, batch=70)
    rule = replace(settings.convergence, score=1e-9, patience=9)
    said = autotrain(replace(settings, selection=choice, convergence=rule), tmp_path / "loop")
    rows = history(tmp_path / "loop")
    assert rows[-1]["state"] == "no frames are left to label"
    assert [row["labels"] for row in rows] == ["5", "75", "124"]
    assert "no frames are left to label after 3 cycles and 124 labels" in said
    assert (tmp_path / "loop" / "final" / "ir.csv").exists()


def test_too_few_frames_are_told_before_anything_is_paid_for(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path
) -> None:
    choice = replace(settings.selection, test=15)
    with pytest.raises(ConfigError, match=r"selection.test: 15 frames .* last tenth of the trajectories has 14"):
        autotrain(replace(settings, selection=choice), tmp_path / "loop")
    assert not steps.done


def test_a_trajectory_may_grow(settings: AutotrainSettings, steps: MadeUp, tmp_path: Path) -> None:
    """Frames of the test stay out of the training, and the final spectra are made anew."""
    choice = replace(settings.selection, method="random")
    rule = replace(settings.convergence, score=1e-9)
    limits = Limits(cycles=2)
    first = replace(settings, selection=choice, convergence=rule, limits=limits)
    autotrain(first, tmp_path / "loop")
    tested = selected(tmp_path / "loop")[-1]
    frames = list(read_frames(tmp_path / "md.xyz"))
    later = [replace(frame, time=(frame.time or 0) + 2.0 * N_FRAMES) for frame in frames]
    text = (tmp_path / "md.xyz").read_text()
    write_frames(tmp_path / "more.xyz", later)
    (tmp_path / "md.xyz").write_text(text + (tmp_path / "more.xyz").read_text())
    steps.done = []
    autotrain(replace(first, limits=Limits(cycles=12)), tmp_path / "loop")
    chosen = {place for cycle in selected(tmp_path / "loop")[:-1] for place in cycle}
    assert len(chosen) == 60
    assert not chosen & set(tested)
    assert max(frame for _, frame in chosen) < N_FRAMES
    assert "spectrum final" in steps.done


def test_series_of_an_earlier_version_are_resumed(settings: AutotrainSettings, steps: MadeUp, tmp_path: Path) -> None:
    """Its series name their files and settings line by line, and its evaluations left a log alone."""
    autotrain(settings, tmp_path / "whole")
    two = replace(settings, limits=Limits(cycles=2))
    autotrain(two, tmp_path / "loop")
    for path in tmp_path.glob("loop/*/series.h5"):
        with h5py.File(path, "a") as file:
            for group in file.values():
                group.attrs["origin"] = f"{tmp_path}/md.xyz: 0123456789abcdef\nframes: 0:\nstride: 1\n"
    for path in tmp_path.glob("loop/*/evaluation-*/errors.json"):
        path.unlink()
    autotrain(settings, tmp_path / "loop")
    assert history(tmp_path / "loop") == history(tmp_path / "whole")
    assert selected(tmp_path / "loop") == selected(tmp_path / "whole")


def test_a_gap_behind_the_probe_leaves_the_committee_its_choice(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path
) -> None:
    frames = [
        replace(frame, time=(frame.time or 0) + 1000.0 * (k >= 110))
        for k, frame in enumerate(read_frames(tmp_path / "md.xyz"))
    ]
    write_frames(tmp_path / "md.xyz", frames)
    autotrain(settings, tmp_path / "loop")
    later = [place for cycle in selected(tmp_path / "loop")[1:-1] for place in cycle]
    assert later
    assert all(trajectory == 0 and frame < PROBE for trajectory, frame in later)


def test_random_selection_takes_no_notice_of_the_networks(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path
) -> None:
    choice = replace(settings.selection, method="random")
    autotrain(replace(settings, selection=choice), tmp_path / "loop")
    highest = max(frame for cycle in selected(tmp_path / "loop")[1:] for _, frame in cycle)
    assert highest >= PROBE  # from all of the trajectory, not from the probe alone


def test_settings_in_yaml_are_those_of_the_steps(settings: AutotrainSettings, steps: MadeUp, tmp_path: Path) -> None:
    given = replace(settings, train={"committee": 3, "epochs": 7}, spectrum={"resolution": 300})
    autotrain(given, tmp_path / "loop")
    assert yaml.safe_load((tmp_path / "loop" / "train.yaml").read_text()) == {"committee": 3, "epochs": 7}
    assert yaml.safe_load((tmp_path / "loop" / "spectrum.yaml").read_text()) == {"resolution": 300}


def test_only_the_targets_that_are_asked_for_are_trained(
    settings: AutotrainSettings, steps: MadeUp, tmp_path: Path
) -> None:
    given: list[list[str]] = []
    steps.before = lambda step, words: given.append(words) or 0  # type: ignore[func-returns-value]
    autotrain(replace(settings, targets=["apt"]), tmp_path / "loop")
    assert {words[0] for words in given} == {"label", "train", "evaluate", "spectrum"}
    assert not any("pgt" in word for words in given for word in words)
    assert all(words[words.index("--target") + 1] == "apt" for words in given if words[0] in ("label", "train"))
    assert all("--tensor" in words for words in given if words[0] == "spectrum")


def test_a_loop_of_an_earlier_version_goes_on(settings: AutotrainSettings, steps: MadeUp, tmp_path: Path) -> None:
    """It had no targets to choose from."""
    autotrain(settings, tmp_path / "loop")
    path = tmp_path / "loop" / "settings.yaml"
    stated = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert stated.pop("targets") == ["apt", "pgt"]
    path.write_text(yaml.safe_dump(stated), encoding="utf-8")
    assert "converged" in autotrain(settings, tmp_path / "loop")
    with pytest.raises(ConfigError, match="targets"):
        autotrain(replace(settings, targets=["apt"]), tmp_path / "loop")
