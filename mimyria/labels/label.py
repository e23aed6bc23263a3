"""`label_frames`: from configurations to labels, through any engine and executor; nothing finished is done again.

Every configuration has a folder with what determines its result (``identity.json``), the runs of the engine, and at
the end ``label.npz`` or ``failed.json``. A lock held while a configuration is worked on keeps a second process away.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mimyria import __version__
from mimyria.errors import LabelError
from mimyria.execute import LOG, Executor, Job, Outcome
from mimyria.frame import Array, Frame
from mimyria.labels.engine import Engine, Run
from mimyria.labels.fields import fit_response, stencil
from mimyria.labels.folder import attempts, differences, locked, write_json
from mimyria.labels.points import FAILED as ENGINE_FAILED
from mimyria.labels.quality import FIGURES
from mimyria.targets import APT, TARGETS
from mimyria.units import BOHR, HARTREE

log = logging.getLogger("mimyria")

IDENTITY, LABEL, FAILED, LOCK = "identity.json", "label.npz", "failed.json", "label.lock"
CLOSEST = 0.5
"""Å; no two nuclei of a sensible configuration are nearer."""


@dataclass(frozen=True)
class LabelSettings:
    """What is wanted of every configuration.

    Parameters
    ----------
    order
        1 for the APT (7 runs), 2 for APT and PGT (13 runs).
    field
        Length of the fields, E_h/(e a0).
    charge
        Total charge, e; None for what the configurations' headers say, else zero.
    retry
        Try configurations that failed before again: from scratch, then with a safer way to self-consistency.
    max_residual
        E_h/a0; labels whose fit leaves more than this are refused.
    """

    order: int = 2
    field: float = 1e-3
    charge: int | None = None
    retry: bool = False
    max_residual: float = np.inf

    def charge_of(self, frame: Frame) -> int:
        """Return the total charge of a configuration, e."""
        return round(frame.total_charge) if self.charge is None else self.charge


@dataclass(frozen=True)
class Labelled:
    """What came of a set of configurations.

    Parameters
    ----------
    frames
        By name of the configuration: with tensors, forces and quality figures; failed ones are left out.
    failures
        Reason of each failed configuration, by its folder.
    busy
        Folders that another process is working on.
    """

    frames: dict[str, Frame]
    failures: dict[Path, str]
    busy: list[Path]


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
    fields = stencil(settings.order, settings.field)
    engine.prepare(settings.field)
    session = _Session(engine, settings, fields, {work / name: frame for name, frame in frames.items()})
    session.check_identities()
    session.forget_failures()
    done = sum((folder / LABEL).exists() for folder in session.frames)
    report(done / max(len(frames), 1), f"{done} of {len(frames)} done before")
    with ExitStack() as locks:
        for outcome in executor.run(session.jobs(locks)):
            session.finish(outcome)
            done += 1
            report(done / len(frames), f"{done} of {len(frames)}, {len(session.failures)} failed")
    labelled = {}
    for name, (folder, frame) in zip(frames, session.frames.items(), strict=True):
        if not (folder / LABEL).exists() or folder in session.failures:
            continue
        label = _labelled(frame, folder)
        residual = label.info["qa_residual"]
        if residual > settings.max_residual:
            session.failures[folder] = f"the fit leaves {residual:.2g} E_h/a0, more than {settings.max_residual:g}"
        else:
            labelled[name] = label
    busy = [folder for folder in session.busy if not (folder / LABEL).exists()]
    return Labelled(labelled, session.failures, busy)


@dataclass
class _Session:
    """One call of `label_frames`: what is given, and what has failed so far."""

    engine: Engine
    settings: LabelSettings
    fields: Array
    frames: dict[Path, Frame]

    def __post_init__(self) -> None:
        self.failures: dict[Path, str] = {}
        self.busy: list[Path] = []

    def check_identities(self) -> None:
        """Compare every folder in which something is computed with what would be computed in it now."""
        for folder, frame in self.frames.items():
            difference = self._difference(folder, frame)
            if difference and any(folder.glob("run_*.npz")):
                raise LabelError(
                    f"{folder} was made with other settings: {difference}; use another --work folder, or the settings "
                    "of this one"
                )

    def _difference(self, folder: Path, frame: Frame) -> str:
        path = folder / IDENTITY
        return differences(path, self.identity(frame)) if path.exists() else ""

    def identity(self, frame: Frame) -> dict[str, Any]:
        """Return everything that determines the label of a configuration."""
        return {
            "engine": self.engine.identity,
            "charge": self.settings.charge_of(frame),
            "field": self.settings.field,
            "order": self.settings.order,
            "configuration": {
                "numbers": frame.numbers.tolist(),
                "positions": frame.positions.tolist(),
                "cell": frame.cell.tolist(),
                "periodic": frame.periodic.tolist(),
            },
        }

    def forget_failures(self) -> None:
        """Note what failed before and is not to be tried again."""
        for folder, frame in self.frames.items():
            failed = folder / FAILED
            if self.settings.retry or (folder / LABEL).exists() or self._difference(folder, frame):
                continue  # with other settings it did not come to its first run: that mistake is mended
            if failed.exists():
                self.failures[folder] = json.loads(failed.read_text(encoding="utf-8"))["reason"]

    def jobs(self, locks: ExitStack) -> Iterator[Job]:
        """Yield the jobs of what is neither done nor failed, nor worked on by another process."""
        for folder, frame in self.frames.items():
            if folder in self.failures or (folder / LABEL).exists():
                continue
            charge = self.settings.charge_of(frame)
            try:
                check_distances(frame)
                self.engine.check(frame, charge)
            except LabelError as error:
                self.failures[folder] = str(error)
                continue
            folder.mkdir(parents=True, exist_ok=True)
            if not locked(folder / LOCK, locks):
                self.busy.append(folder)
            elif not (folder / LABEL).exists():
                if self._difference(folder, frame):
                    (folder / FAILED).unlink(missing_ok=True)
                write_json(folder / IDENTITY, self.identity(frame))
                yield self.engine.write(folder, frame, self.fields, charge, attempts(folder / FAILED))

    def finish(self, outcome: Outcome) -> None:
        """Turn the runs of a job into a label, or note why that is not possible."""
        folder = outcome.job.folder
        frame = self.frames[folder]
        reason = ""
        if outcome.status:
            reason = _last_line(folder / LOG) or f"the job ended with status {outcome.status}"
            if outcome.status < 0:
                reason = f"the job was killed (signal {-outcome.status}); the same command goes on where it was"
        else:
            try:
                runs = self.engine.read(folder, len(frame), len(self.fields))
                write_label(folder / LABEL, runs, self.fields, frame, self.settings.charge_of(frame))
            except LabelError as error:
                reason = str(error)
        if not reason:
            (folder / FAILED).unlink(missing_ok=True)
            return
        self.failures[folder] = reason
        if outcome.status in (0, ENGINE_FAILED):  # not the machine's fault, so it would happen again
            write_json(folder / FAILED, {"reason": reason, "attempts": attempts(folder / FAILED) + 1})


def check_distances(frame: Frame) -> None:
    """Raise LabelError if two atoms overlap, in neighbouring cells too."""
    for shift in _neighbouring_cells(frame):
        distances = np.linalg.norm(frame.positions[:, None] - frame.positions - shift, axis=-1)
        if not shift.any():
            distances[np.diag_indices(len(frame))] = np.inf
        if distances.min() < CLOSEST:
            first, second = np.unravel_index(distances.argmin(), distances.shape)
            raise LabelError(f"atoms {first + 1} and {second + 1} are {distances.min():.2f} Å apart")


def _neighbouring_cells(frame: Frame) -> Iterator[Array]:
    """Yield the translations (Å) to a cell and its neighbours."""
    steps = [(-1, 0, 1) if repeats else (0,) for repeats in frame.periodic]
    for a in steps[0]:
        for b in steps[1]:
            for c in steps[2]:
                yield np.array([a, b, c]) @ frame.cell


def write_label(path: Path, runs: list[Run], fields: Array, frame: Frame, charge: int) -> None:
    """Write tensors, zero-field forces, dipole, polarizability and quality figures of a configuration, whole.

    The polarizability is the slope of the dipoles in the same fields: dipoles are fitted as forces are.
    """
    fit = fit_response(fields, np.array([run.forces for run in runs]), charge)
    dipoles = np.array([run.dipole for run in runs])
    if frame.periodic.all():
        dipoles = _on_one_branch(dipoles, frame.cell / BOHR)
    known = bool(np.isfinite(dipoles).all())
    response = fit_response(fields, dipoles[:, None]).tensors[APT.name][0] if known else np.full((3, 3), np.nan)
    content = {
        "forces": fit.forces,
        "energy": runs[0].energy,
        "dipole": runs[0].dipole,
        "alpha": response,
        "program": runs[0].program,
        "qa_residual": fit.residual,
        "qa_apt_difference": fit.apt_difference,
        **{f"qa_{name}_sum": value for name, value in fit.translation.items()},
        "scf_steps": sum(run.steps for run in runs),
        "seconds": sum(run.seconds for run in runs),
        **fit.tensors,
    }
    unfinished = path.with_name("unfinished.npz")
    np.savez(unfinished, **content)  # type: ignore[arg-type]
    os.replace(unfinished, path)


def _on_one_branch(dipoles: Array, cell: Array) -> Array:
    """Return Berry-phase dipoles (e a0, shape (runs, 3)) next to the first; they are known up to e times the cell."""
    change = np.linalg.solve(cell.T, (dipoles - dipoles[0]).T).T
    return dipoles[0] + (change - np.round(change)) @ cell


def _labelled(frame: Frame, folder: Path) -> Frame:
    """Return the frame with its tensors and forces, and what is known about them in its header."""
    with np.load(folder / LABEL) as stored:
        content = {name: stored[name] for name in stored.files}
    identity = json.loads((folder / IDENTITY).read_text(encoding="utf-8"))
    info = {
        **frame.info,
        "total_charge": float(identity["charge"]),
        "field": identity["field"],
        "energy": float(content["energy"]) * HARTREE,
        "engine": str(content["program"]),
        "mimyria": __version__,
        **{name: content[name].item() for name in FIGURES if name in content},
    }
    if np.isfinite(content["dipole"]).all():
        info |= {"dipole": content["dipole"] * BOHR, "alpha": content["alpha"].ravel()}
    tensors = {name: content[name] for name in TARGETS if name in content}
    return replace(frame, tensors=tensors, info=info, forces=content["forces"] * HARTREE / BOHR)


def _last_line(path: Path) -> str:
    """Return the last line that a job said, which is its reason."""
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines() if path.exists() else []
    reason = lines[-1][:300] if lines else ""
    return f"{reason}; see {path}" if reason and "; see " not in reason else reason
