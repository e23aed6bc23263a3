"""`label_frames`: from configurations to labels, through any engine and executor; nothing finished is computed again.

Every configuration has a folder, and in it one named by a digest of everything that determines the result. It holds
``identity.json``, the runs of the engine, and at the end ``label.npz`` or ``failed.json``, so results of other settings
never mix. A lock keeps a second process away from the configurations that this one works on.
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
from mimyria.engines.engine import Configuration, Engine, FieldRun
from mimyria.engines.job import FAILED as ENGINE_FAILED
from mimyria.engines.job import forget_runs, has_runs, is_running, read_npz, read_runs, write_npz, write_task
from mimyria.errors import Busy, ConfigError, LabelError
from mimyria.execute import LOG, Executor, Job, Outcome, last_line
from mimyria.frame import SAME_CHARGE, Array, Frame, with_charge
from mimyria.labels.fields import fit_response, stencil, taylor
from mimyria.labels.lattice import reduced
from mimyria.labels.meaning import KEY_OF_MEANING
from mimyria.labels.quality import FIGURES
from mimyria.level import KEYS
from mimyria.memory import Identity, locked, read_json, write_json
from mimyria.neighbours import neighbour_pairs
from mimyria.settings import LabelSettings
from mimyria.targets import TARGETS
from mimyria.units import BOHR, HARTREE

log = logging.getLogger("mimyria")

IDENTITY, LABEL, FAILED, LOCK = "identity.json", "label.npz", "failed.json", "label.lock"
CLOSEST = 0.5
"""Å; no two nuclei of a sensible configuration are nearer."""
OF_NETWORKS = "networks"
"""Header key of predictions: which tensors are of networks, and at what level."""
OWN_KEYS = {"field", "energy", "engine", "mimyria", "dipole", "alpha", "beta", "scf_steps", "seconds"}
OWN_KEYS |= {
    "scheme",
    "sum_rule",
    "source",
    "source_frame",
    "cluster_centres",
    "cluster_epsilon",
    "cluster_radius",
    OF_NETWORKS,
    KEY_OF_MEANING,
    *KEYS,
}
"""Header keys written by labelling, besides the ``qa_`` figures; dropped when a frame is labelled again."""


@dataclass(frozen=True)
class Labelled:
    """The labelled configurations, by name; and why others failed, by folder."""

    frames: dict[str, Frame]
    failures: dict[Path, str]
    ended: set[Path]
    """Of those that failed, which were ended by the machine, and are computed when the command runs again."""


def label_frames(
    frames: Mapping[str, Frame],
    engine: Engine,
    executor: Executor,
    work: Path,
    settings: LabelSettings,
    on_progress: Callable[[float, str], None] = lambda fraction, message: None,
) -> Labelled:
    """Label configurations and return those that are labelled, now or by an earlier run.

    Parameters
    ----------
    frames
        Configurations by the name of their folder below ``work``.
    on_progress
        Called with the fraction done and a message whenever a configuration ends.

    Raises
    ------
    LabelError
        If a folder holds results of another configuration or of other settings, which it names; or if the engine
        cannot be used at all.
    """
    engine.prepare(field_strength(settings), TARGETS[settings.target].order)
    session = _Session(engine, settings, {work / name: frame for name, frame in frames.items()})
    session.check_earlier_settings()
    session.read_failures()
    done = sum(session.label(folder) is not None for folder in session.frames)
    on_progress(done / max(len(frames), 1), f"{done} of {len(frames)} already labelled")
    try:
        while True:
            for outcome in executor.run(session.jobs()):
                session.finish(outcome)
                done += 1
                on_progress(min(done / len(frames), 1.0), f"{done} of {len(frames)}, {len(session.failures)} failed")
            if not session.busy:
                break
            log.info(f"waiting for another process, which works on {len(session.busy)} of the configurations")
            session.wait()
    except KeyboardInterrupt:
        log.info("stopping the calculations")
        raise
    finally:
        for lock in session.locks.values():
            lock.close()
    labelled = {}
    for name, folder in zip(frames, session.frames, strict=True):
        content = session.label(folder)
        if content is None or folder in session.failures:
            continue
        label = _labelled(session.frames[folder], content, session.identities[folder])
        residual = label.info["qa_residual"]
        if settings.max_residual is not None and residual > settings.max_residual:
            session.failures[folder] = (
                f"the fit leaves a residual of {residual:.2g} E_h/a0, above --max-residual {settings.max_residual:g}"
            )
        else:
            labelled[name] = label
    return Labelled(labelled, session.failures, session.ended)


class _Session:
    """The state of one call of `label_frames`: by folder the configurations, labels, failures and locks held."""

    def __init__(self, engine: Engine, settings: LabelSettings, frames: dict[Path, Frame]) -> None:
        self.engine, self.settings, self.frames = engine, settings, frames
        self.fields = stencil(TARGETS[settings.target].order, field_strength(settings))
        self.facts = _of_any_version(engine.identity)  # once for all: that of CP2K reads files beside the template
        self.identities = {folder: self._identity(frame, self.facts) for folder, frame in frames.items()}
        self.inside = {folder: self._inside(folder) for folder in frames}
        self.labels: dict[Path, dict[str, Any]] = {}
        self.failures: dict[Path, str] = {}
        self.ended: set[Path] = set()
        self.busy: list[Path] = []
        self.locks: dict[Path, TextIO] = {}

    def _identity(self, frame: Frame, engine: dict[str, Any]) -> Identity:
        """Return everything that determines the label of a configuration."""
        facts = {
            "engine": engine,
            "charge": whole_charge(frame, self.settings.charge),
            "field": field_strength(self.settings),
            "order": TARGETS[self.settings.target].order,
            "configuration": _atoms_in_cell(reduced(frame)),
        }
        return Identity(facts)

    def _inside(self, folder: Path) -> Path:
        """Return the folder of everything with one identity; an earlier version may have named it otherwise."""
        now = self.identities[folder]
        if not _has_results(folder / now.key):
            for path in folder.glob(f"*/{LABEL}"):
                if self._as_stated_now(Identity.read(path.with_name(IDENTITY))) == now:
                    return path.parent
        return folder / now.key

    def _as_stated_now(self, before: Identity) -> Identity:
        """Return an identity with what earlier versions did not state, and without the version, which some stated."""
        engine = before.get("engine", {})
        unstated = self.engine.unstated if engine.get("engine") == self.facts.get("engine") else {}
        return Identity({**before, "engine": {**unstated, **_of_any_version(engine)}})

    def check_earlier_settings(self) -> None:
        """Raise LabelError if a folder holds results of other settings, and none of these."""
        for folder, inside in self.inside.items():
            if _has_results(inside):
                continue
            for path in folder.glob(f"*/{IDENTITY}"):
                before, now = self._as_stated_now(Identity.read(path)), self.identities[folder]
                if _has_results(path.parent) and before != now:  # else it is begun anew
                    difference = "it holds another configuration"
                    if before["configuration"] == now["configuration"]:
                        difference = now.differences(before)
                    elif before["configuration"] == Identity(_atoms_in_cell(self.frames[folder])):
                        difference = "its cell was computed as it is, not by the shortest vectors of its lattice"
                    raise LabelError(
                        f"{folder} was made with other settings: {difference}; use another --work folder, or the "
                        "settings of this one"
                    )

    def read_failures(self) -> None:
        """Read which configurations failed before; they are tried again only with ``retry``."""
        for folder, inside in self.inside.items():
            if (inside / FAILED).exists() and not self.settings.retry and self.label(folder) is None:
                self.failures[folder] = read_json(inside / FAILED)["reason"]

    def label(self, folder: Path) -> dict[str, Any] | None:
        """Return the content of the label of a configuration, None if there is none yet."""
        if folder not in self.labels and (content := read_npz(self.inside[folder] / LABEL)) is not None:
            self.labels[folder] = content
        return self.labels.get(folder)

    def jobs(self) -> Iterator[Job]:
        """Yield the jobs of configurations that are neither labelled nor failed, nor worked on by another process."""
        for folder in self.frames:
            try:
                if folder not in self.failures and (job := self._job(folder)):
                    yield job
            except (LabelError, ConfigError, OSError) as error:
                self.failures[folder] = _reason(error, folder)
                if isinstance(error, OSError):
                    self.ended.add(folder)

    def _job(self, folder: Path) -> Job | None:
        frame, inside = self.frames[folder], self.inside[folder]
        if self.label(folder) is not None:
            return None
        configuration = checked(self.engine, frame, self.settings.charge)
        inside.mkdir(parents=True, exist_ok=True)
        try:
            lock = locked(folder / LOCK)
        except Busy:
            self.busy.append(folder)
            return None
        if self.label(folder) is not None:  # another process finished it between the first look and the lock
            lock.close()
            return None
        self.locks[folder] = lock
        if is_running(inside):
            log.info(f"waiting for the job of an earlier start, which was killed and still works in {inside}")
        if (inside / FAILED).exists():
            forget_runs(inside, len(self.fields))
        self.identities[folder].write(inside / IDENTITY)
        return write_task(inside, self.engine, replace(configuration, attempt=_attempts(inside)), self.fields)

    def finish(self, outcome: Outcome) -> None:
        """Make a label of the runs of a job that has ended, or note why that is impossible."""
        inside = outcome.job.folder
        folder = inside.parent
        try:
            # Before the lock is freed: who takes it next looks for the label, and computes it anew where there is none.
            reason = self._write_label(outcome)
            # Only what would fail again is remembered: a kill, a full disk or a node that went down is no failure.
            if reason and outcome.status in (0, ENGINE_FAILED):
                write_json(inside / FAILED, {"reason": reason, "attempts": _attempts(inside) + 1})
            elif reason:
                self.ended.add(folder)
            else:
                (inside / FAILED).unlink(missing_ok=True)
        except (ConfigError, OSError) as error:  # the disk is full, or was taken away
            reason = _reason(error, folder)
            self.ended.add(folder)
        finally:
            self.locks.pop(folder).close()
        if reason:
            self.failures[folder] = reason

    def _write_label(self, outcome: Outcome) -> str:
        """Write the label of a job that has ended, or return why there is none."""
        inside, frame = outcome.job.folder, self.frames[outcome.job.folder.parent]
        if outcome.status < 0:
            return f"the job was killed (signal {-outcome.status}); run the same command again to resume it"
        if outcome.status:
            reason = last_line(inside / LOG, f"the job ended with status {outcome.status}")[:300]
            return reason if "; see " in reason else f"{reason}; see {inside / LOG}"
        try:
            runs = read_runs(inside, len(self.fields))
            self.engine.clean(inside)
            write_label(inside / LABEL, runs, self.fields, frame, whole_charge(frame, self.settings.charge))
        except LabelError as error:
            return str(error)
        return ""

    def wait(self) -> None:
        """Wait until another process has finished, or left, one of the configurations that it works on."""
        locked(self.busy[0] / LOCK, math.inf).close()
        self.busy.clear()
        self.read_failures()


def _of_any_version(engine: Mapping[str, Any]) -> dict[str, Any]:
    """Return the identity of an engine without its version: of CP2K only a run tells it, so it is compared there."""
    return {name: value for name, value in engine.items() if name != "version"}


def _atoms_in_cell(frame: Frame) -> dict[str, Any]:
    return {name: getattr(frame, name).tolist() for name in ("numbers", "positions", "cell", "periodic")}


def _has_results(inside: Path) -> bool:
    return (inside / LABEL).exists() or has_runs(inside)


def _reason(error: Exception, folder: Path) -> str:
    return f"{error.filename or folder}: {error.strerror}" if isinstance(error, OSError) else str(error)


def _attempts(inside: Path) -> int:
    """Return how often a configuration has failed."""
    return int(read_json(inside / FAILED).get("attempts", 0))


def field_strength(settings: LabelSettings) -> float:
    """Return the length of the fields, E_h/(e a0): that of the settings, or the default of the target."""
    return TARGETS[settings.target].field if settings.field is None else settings.field


def checked(engine: Engine, frame: Frame, charge: float | None) -> Configuration:
    """Return a frame as an engine takes it, with the ``charge`` given or its own; raise LabelError if it cannot."""
    configuration = Configuration(reduced(frame), whole_charge(frame, charge))
    check_distances(frame)
    engine.check(configuration)
    return configuration


def whole_charge(frame: Frame, given: float | None) -> int:
    """Return the total charge, e: that given, else of the frame; raise LabelError if it is not a whole number."""
    charge = frame.total_charge if given is None else given
    if abs(charge - round(charge)) > SAME_CHARGE:
        raise LabelError(f"the total charge {charge:g} e is not a whole number; correct the header, or give --charge")
    return round(charge)


def check_distances(frame: Frame) -> None:
    """Raise LabelError if a position is not finite, or two atoms or their images overlap."""
    if not np.isfinite(frame.positions).all():
        raise LabelError(f"atom {int(np.argwhere(~np.isfinite(frame.positions))[0, 0])} has no finite position")
    first, second, vectors = neighbour_pairs(frame, CLOSEST)
    if len(first):
        raise LabelError(
            f"atoms {first[0]} and {second[0]} are {np.linalg.norm(vectors[0]):.2f} Å apart: the "
            "configuration is broken, or its lengths are not in Å"
        )


def unlabelled(frame: Frame) -> Frame:
    """Return a frame without tensors, forces and the header keys of a label."""
    info = {key: value for key, value in frame.info.items() if key not in OWN_KEYS and not key.startswith("qa_")}
    return replace(frame, tensors={}, forces=None, info=info)


def write_label(path: Path, runs: list[FieldRun], fields: Array, frame: Frame, charge: int) -> None:
    """Write tensors, forces and dipole at zero field, derivatives of the dipole and quality figures, `whole`.

    Polarizability and hyperpolarizability are derivatives of the dipoles in the same fields, fitted like the forces.
    """
    fit = fit_response(fields, np.array([run.forces for run in runs]), charge)
    dipoles = np.array([run.dipole for run in runs])
    if frame.periodic.all():
        dipoles = on_one_branch(dipoles, frame.cell / BOHR)
    responses = taylor(fields, dipoles) if np.isfinite(dipoles).all() else {1: np.full((3, 3), np.nan)}
    content = {
        "forces": fit.forces,
        "energy": runs[0].energy,
        "dipole": runs[0].dipole,
        **{name: responses[k] for name, k in (("alpha", 1), ("beta", 2)) if k in responses},
        "program": runs[0].program,
        "qa_residual": fit.residual,
        **{f"qa_{name}_sigma": value for name, value in fit.sigmas.items()},
        **{f"qa_{name}_difference": value for name, value in fit.differences.items()},
        **{f"qa_{name}_sum": value for name, value in fit.translation.items()},
        "scf_steps": sum(run.steps for run in runs),
        "seconds": sum(run.seconds for run in runs),
        **fit.tensors,
    }
    write_npz(path, content)


def on_one_branch(dipoles: Array, cell: Array) -> Array:
    """Return Berry-phase dipoles, shape (runs, 3), shifted by lattice vectors to the branch of the first.

    A cell's dipole is known only up to e times a lattice vector, and CP2K may choose another branch in each field;
    on one branch they differ by the response alone, which is much smaller. Unit as the cell, times e.
    """
    change = np.linalg.solve(cell.T, (dipoles - dipoles[0]).T).T
    return dipoles[0] + (change - np.round(change)) @ cell


def _labelled(frame: Frame, content: dict[str, Any], identity: Identity) -> Frame:
    """Return the frame with the tensors and forces of a label, and the other results in its header."""
    frame = unlabelled(frame)
    info = {
        **with_charge(frame.info, identity["charge"], len(frame)),
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
