"""`label_frames`: from configurations to labels, through any engine and executor; nothing finished is done again.

Every configuration has a folder, and in it one named by the fingerprint of everything that determines the result. There
lie ``identity.json``, the runs of the engine, and at the end ``label.npz`` or ``failed.json``: what is made with other
settings lies elsewhere. A lock held while a configuration is worked on keeps a second process away.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from mimyria import __version__
from mimyria.engines.engine import Configuration, Engine, Run
from mimyria.engines.folder import read_npz, write_npz
from mimyria.engines.job import FAILED as ENGINE_FAILED
from mimyria.engines.job import forget_runs, has_runs, read_runs, write_task
from mimyria.errors import Busy, LabelError
from mimyria.execute import LOG, Executor, Job, Outcome, last_line
from mimyria.frame import Array, Frame
from mimyria.labels.fields import fit_response, stencil, taylor
from mimyria.labels.quality import FIGURES
from mimyria.memory import Identity, locked, read_json, write_json
from mimyria.neighbours import neighbour_pairs
from mimyria.settings import LabelSettings
from mimyria.targets import TARGETS
from mimyria.units import BOHR, HARTREE

log = logging.getLogger("mimyria")

IDENTITY, LABEL, FAILED, LOCK = "identity.json", "label.npz", "failed.json", "label.lock"
CLOSEST = 0.5
"""Å; no two nuclei of a sensible configuration are nearer."""
OWNED = {
    "field",
    "energy",
    "engine",
    "mimyria",
    "dipole",
    "alpha",
    "beta",
    "scf_steps",
    "seconds",
    "scheme",
    "sum_rule",
}
OWNED |= {"source", "source_frame", "cluster_centres", "cluster_epsilon", "cluster_radius"}
"""What a label says in the header of its frame, besides the ``qa_`` figures: it goes when another label comes."""


@dataclass(frozen=True)
class Labelled:
    """What came of a set of configurations.

    Parameters
    ----------
    frames
        By name of the configuration: with tensors, forces and quality figures; failed ones are left out.
    failures
        Reason of each failed configuration, by its folder.
    """

    frames: dict[str, Frame]
    failures: dict[Path, str]


def label_frames(
    frames: Mapping[str, Frame],
    engine: Engine,
    executor: Executor,
    work: Path,
    settings: LabelSettings,
    report: Callable[[float, str], None] = lambda fraction, words: None,
) -> Labelled:
    """Label configurations and return what is done, now or before.

    Parameters
    ----------
    frames
        Configurations by the name of the folder, below ``work``, in which each is worked on.
    engine, executor
        What computes, and what runs it.
    work
        Where the folders are.
    settings
        What is wanted.
    report
        Told the fraction done and a few words as configurations end.

    Raises
    ------
    LabelError
        If a folder holds another configuration or was made with other settings, with the difference; or if the engine
        cannot be used at all.
    """
    engine.prepare(field_strength(settings), TARGETS[settings.target].order)
    session = _Session(engine, settings, {work / name: frame for name, frame in frames.items()})
    session.check_others()
    session.forget_failures()
    done = sum(session.label(folder) is not None for folder in session.frames)
    report(done / max(len(frames), 1), f"{done} of {len(frames)} done before")
    try:
        while True:
            for outcome in executor.run(session.jobs()):
                session.finish(outcome)
                done += 1
                report(min(done / len(frames), 1.0), f"{done} of {len(frames)}, {len(session.failures)} failed")
            if not session.busy:
                break
            log.info(f"waiting for another process, which works on {len(session.busy)} of the configurations")
            session.wait()
    except KeyboardInterrupt:
        log.info("stopping what runs")
        raise
    finally:
        session.close()
    labelled = {}
    for name, folder in zip(frames, session.frames, strict=True):
        content = session.label(folder)
        if content is None or folder in session.failures:
            continue
        label = _labelled(session.frames[folder], content, session.identities[folder])
        residual = label.info["qa_residual"]
        if settings.max_residual is not None and residual > settings.max_residual:
            session.failures[folder] = (
                f"the fit leaves {residual:.2g} E_h/a0, more than --max-residual {settings.max_residual:g}"
            )
        else:
            labelled[name] = label
    return Labelled(labelled, session.failures)


class _Session:
    """One call of `label_frames`: what is given, where it is worked on, and what has failed so far."""

    def __init__(self, engine: Engine, settings: LabelSettings, frames: dict[Path, Frame]) -> None:
        self.engine, self.settings, self.frames = engine, settings, frames
        self.fields = stencil(TARGETS[settings.target].order, field_strength(settings))
        identity = engine.identity  # of CP2K it reads the files beside the template
        self.identities = {folder: self._identity(frame, identity) for folder, frame in frames.items()}
        self.inside = {folder: folder / identity.key for folder, identity in self.identities.items()}
        self.labels: dict[Path, dict[str, Any]] = {}
        self.failures: dict[Path, str] = {}
        self.busy: list[Path] = []
        self.locks: dict[Path, TextIO] = {}

    def _charge(self, frame: Frame) -> int:
        """Return the total charge of a configuration, e."""
        return round(frame.total_charge) if self.settings.charge is None else self.settings.charge

    def _identity(self, frame: Frame, engine: dict[str, Any]) -> Identity:
        """Return everything that determines the label of a configuration."""
        facts = {
            "engine": engine,
            "charge": self._charge(frame),
            "field": field_strength(self.settings),
            "order": TARGETS[self.settings.target].order,
            "configuration": {
                "numbers": frame.numbers.tolist(),
                "positions": frame.positions.tolist(),
                "cell": frame.cell.tolist(),
                "periodic": frame.periodic.tolist(),
            },
        }
        return Identity(facts)

    def check_others(self) -> None:
        """Raise LabelError if a folder holds what was made with other settings, and nothing yet with these."""
        for folder, inside in self.inside.items():
            if (inside / LABEL).exists() or has_runs(inside):
                continue
            for other in folder.glob(f"*/{IDENTITY}"):
                if (other.parent / LABEL).exists() or has_runs(other.parent):
                    before, now = Identity.read(other), self.identities[folder]
                    said = now.differences(before)
                    if before["configuration"] != now["configuration"]:
                        said = "it holds another configuration"
                    raise LabelError(
                        f"{folder} was made with other settings: {said}; use another --work folder, or the settings of "
                        "this one"
                    )

    def forget_failures(self) -> None:
        """Note what failed before and is not to be tried again."""
        for folder, inside in self.inside.items():
            if (inside / FAILED).exists() and not self.settings.retry and self.label(folder) is None:
                self.failures[folder] = read_json(inside / FAILED)["reason"]

    def label(self, folder: Path) -> dict[str, Any] | None:
        """Return the content of the label of a configuration, None if there is none; once there it stays."""
        if folder not in self.labels and (content := read_npz(self.inside[folder] / LABEL)) is not None:
            self.labels[folder] = content
        return self.labels.get(folder)

    def jobs(self) -> Iterator[Job]:
        """Yield the jobs of what is neither done nor failed, nor worked on by another process."""
        for folder in self.frames:
            try:
                if folder not in self.failures and (job := self._job(folder)):
                    yield job
            except LabelError as error:
                self.failures[folder] = str(error)
            except OSError as error:
                self.failures[folder] = f"{error.filename or folder}: {error.strerror}"

    def _job(self, folder: Path) -> Job | None:
        frame, inside = self.frames[folder], self.inside[folder]
        if self.label(folder) is not None:
            return None
        configuration = Configuration(frame, self._charge(frame))
        check_distances(frame)
        self.engine.check(configuration)
        inside.mkdir(parents=True, exist_ok=True)
        try:
            held = locked(folder / LOCK)
        except Busy:
            self.busy.append(folder)
            return None
        if self.label(folder) is not None:  # another process has just finished it
            held.close()
            return None
        self.locks[folder] = held
        if (inside / FAILED).exists():
            forget_runs(inside, len(self.fields))
        self.identities[folder].write(inside / IDENTITY)
        configuration = replace(configuration, attempt=_attempts(inside))
        return write_task(inside, self.engine, configuration, self.fields)

    def finish(self, outcome: Outcome) -> None:
        """Turn the runs of a job into a label, or note why that is not possible."""
        inside = outcome.job.folder
        folder = inside.parent
        try:
            if reason := self._failure(outcome):
                self.failures[folder] = reason
                if outcome.status in (0, ENGINE_FAILED):  # not the machine's fault, so it would happen again
                    write_json(inside / FAILED, {"reason": reason, "attempts": _attempts(inside) + 1})
            else:
                (inside / FAILED).unlink(missing_ok=True)
        except OSError as error:
            self.failures[folder] = f"{error.filename or folder}: {error.strerror}"
        finally:
            self.locks.pop(folder).close()

    def _failure(self, outcome: Outcome) -> str:
        """Write the label of a job that has ended, or return why there is none."""
        inside, frame = outcome.job.folder, self.frames[outcome.job.folder.parent]
        if outcome.status < 0:
            return f"the job was killed (signal {-outcome.status}); the same command goes on where it was"
        if outcome.status:
            reason = last_line(inside / LOG, f"the job ended with status {outcome.status}")[:300]
            return reason if "; see " in reason else f"{reason}; see {inside / LOG}"
        try:
            runs = read_runs(inside, len(self.fields))
            self.engine.clean(inside)
            write_label(inside / LABEL, runs, self.fields, frame, self._charge(frame))
        except LabelError as error:
            return str(error)
        return ""

    def wait(self) -> None:
        """Wait until another process has finished, or left, one of the configurations it works on."""
        locked(self.busy[0] / LOCK, math.inf).close()
        self.busy.clear()
        self.forget_failures()

    def close(self) -> None:
        """Let go of every configuration."""
        for held in self.locks.values():
            held.close()


def _attempts(inside: Path) -> int:
    """Return how often a configuration has failed."""
    return int(read_json(inside / FAILED).get("attempts", 0))


def field_strength(settings: LabelSettings) -> float:
    """Return the length of the fields, E_h/(e a0): the one asked for, or what suits the target."""
    return TARGETS[settings.target].field if settings.field is None else settings.field


def check_distances(frame: Frame) -> None:
    """Raise LabelError if an atom has no place, or two atoms or their images overlap."""
    if not np.isfinite(frame.positions).all():
        raise LabelError(f"atom {int(np.argwhere(~np.isfinite(frame.positions))[0, 0])} has no position (NaN)")
    first, second, vectors = neighbour_pairs(frame, CLOSEST)
    if len(first):
        raise LabelError(
            f"atoms {first[0]} and {second[0]} are {np.linalg.norm(vectors[0]):.2f} Å apart: not a sensible "
            "configuration, or its lengths are not in Å"
        )


def unlabelled(frame: Frame) -> Frame:
    """Return a frame without tensors, forces and all that a label says in the header."""
    info = {key: value for key, value in frame.info.items() if key not in OWNED and not key.startswith("qa_")}
    return replace(frame, tensors={}, forces=None, info=info)


def write_label(path: Path, runs: list[Run], fields: Array, frame: Frame, charge: int) -> None:
    """Write tensors, zero-field forces, dipole, its derivatives and quality figures of a configuration, whole.

    Polarizability and hyperpolarizability are derivatives of the dipoles in the same fields, fitted as forces are.
    """
    fit = fit_response(fields, np.array([run.forces for run in runs]), charge)
    dipoles = np.array([run.dipole for run in runs])
    if frame.periodic.all():
        dipoles = _on_one_branch(dipoles, frame.cell / BOHR)
    responses = taylor(fields, dipoles) if np.isfinite(dipoles).all() else {1: np.full((3, 3), np.nan)}
    content = {
        "forces": fit.forces,
        "energy": runs[0].energy,
        "dipole": runs[0].dipole,
        **{name: responses[k] for name, k in (("alpha", 1), ("beta", 2)) if k in responses},
        "program": runs[0].program,
        "qa_residual": fit.residual,
        **{f"qa_{name}_difference": value for name, value in fit.differences.items()},
        **{f"qa_{name}_sum": value for name, value in fit.translation.items()},
        "scf_steps": sum(run.steps for run in runs),
        "seconds": sum(run.seconds for run in runs),
        **fit.tensors,
    }
    write_npz(path, content)


def _on_one_branch(dipoles: Array, cell: Array) -> Array:
    """Return Berry-phase dipoles (e a0, shape (runs, 3)) next to the first; they are known up to e times the cell."""
    change = np.linalg.solve(cell.T, (dipoles - dipoles[0]).T).T
    return dipoles[0] + (change - np.round(change)) @ cell


def _labelled(frame: Frame, content: dict[str, Any], identity: Identity) -> Frame:
    """Return the frame with the tensors and forces of a label, and what is known about them in its header."""
    frame = unlabelled(frame)
    info = {
        **frame.info,
        "total_charge": float(identity["charge"]),
        "field": identity["field"],
        "energy": float(content["energy"]) * HARTREE,
        "engine": str(content["program"]),
        "mimyria": __version__,
        **{name: content[name] for name in FIGURES if name in content},
    }
    if np.isfinite(content["dipole"]).all():
        info |= {"dipole": content["dipole"] * BOHR, "alpha": content["alpha"].ravel()}
        info |= {"beta": content["beta"].ravel()} if "beta" in content else {}
    tensors = {name: content[name] for name in TARGETS if name in content}
    return replace(frame, tensors=tensors, info=info, forces=content["forces"] * HARTREE / BOHR)
