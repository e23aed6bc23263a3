"""The Hessian by central differences of forces, in a folder that can be killed and resumed at any moment.

    H[nx, my] = -(F_my(R_nx + h) - F_my(R_nx - h)) / 2h

The folder is named by a digest of everything that determines the result, so results of other settings never mix.
"""

from __future__ import annotations

import logging
import math
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.engines.engine import Configuration
from mimyria.engines.job import read_npz, write_npz
from mimyria.errors import LabelError, RunFailed
from mimyria.execute import LOG, Executor, Job, last_line
from mimyria.frame import Array, Frame
from mimyria.harmonic.calculators import Calculator
from mimyria.harmonic.job import COMMAND, PART, POINT, STRUCTURE, TASK
from mimyria.labels.displacement import displace
from mimyria.labels.label import check_distances
from mimyria.memory import Identity, locked, write_json

log = logging.getLogger("mimyria")

SECONDS_A_PART = 30.0
"""A job takes as many displacements as it computes in this time: fewer start-ups, and nothing long to lose."""
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Point:
    """A structure with the Hessian there."""

    frame: Frame
    """Relaxed if that was asked for, with its forces."""
    hessian: Array
    """eV/Å², shape (3n, 3n); zero where an atom is fixed."""
    energy: float | None = None
    """eV."""


@dataclass(frozen=True)
class Wanted:
    """How a Hessian is made."""

    calculator: Calculator
    charge: int
    step: float
    """Å."""
    fmax: float | None
    """The largest force that a relaxation leaves, eV/Å; None for none."""
    largest_force: float
    """eV/Å; with larger forces there is no Hessian."""


def compute_hessian(
    frame: Frame,
    fixed: Array,
    wanted: Wanted,
    work: Path,
    executor: Executor,
    workers: int | None,
    on_progress: Progress = lambda fraction, words: None,
) -> Point:
    """Return the Hessian of a structure, of what is missing in its folder below ``work``.

    Parameters
    ----------
    frame, fixed
        The structure, and which atoms do not move, shape (n,), bool.
    workers
        Jobs at a time, among which the displacements are shared; None if only the executor knows.

    Raises
    ------
    LabelError
        If the calculator cannot treat the structure, atoms overlap, or the forces are too large.
    RunFailed
        If forces could not be computed; those that could are kept.
    """
    check_distances(frame)
    if (engine := wanted.calculator.engine) is not None:
        engine.check(Configuration(frame, wanted.charge))
    structure = {name: getattr(frame, name) for name in ("numbers", "positions", "cell", "periodic")}
    structure["fixed"] = fixed
    facts: dict[str, Any] = {"calculator": wanted.calculator.identity, "charge": wanted.charge, "step": wanted.step}
    facts |= {"fmax": wanted.fmax, "structure": {name: array.tolist() for name, array in structure.items()}}
    identity = Identity(facts)
    folder = work / identity.key
    with locked(folder / "running.lock", math.inf) as lock:
        write_npz(folder / STRUCTURE, structure)
        task: dict[str, Any] = {"calculator": wanted.calculator.name, "settings": dict(wanted.calculator.settings)}
        task |= {"charge": wanted.charge, "step": wanted.step, "fmax": wanted.fmax, "path": _own_modules()}
        write_json(folder / TASK, task)
        held = (lock.fileno(),)
        if read_npz(folder / POINT) is None:
            on_progress(0.0, "relaxing" if wanted.fmax is not None else "forces of the structure")
            _run([[POINT]], folder, executor, held, on_progress, 1)
        point = _read(folder, POINT)
        frame = replace(frame, positions=point["positions"], forces=point["forces"])
        _check_forces(frame, fixed, wanted)
        names = list(displace(frame, wanted.step, np.flatnonzero(~fixed)))
        missing = [name for name in names if read_npz(folder / f"{name}.npz") is None]
        at_once = max(1, math.ceil(SECONDS_A_PART / max(point["seconds"], 1e-3)))
        if workers is not None:
            at_once = min(at_once, math.ceil(len(missing) / workers) or 1)
        parts = [missing[k : k + at_once] for k in range(0, len(missing), at_once)]
        _run(parts, folder, executor, held, on_progress, len(names))
        forces = {name: _read(folder, f"{name}.npz")["forces"] for name in names}
    return Point(frame, _differences(forces, len(frame), wanted.step), float(point["energy"]))


def _own_modules() -> list[str]:
    """Return where modules of the user may lie: here, and where Python was told to look."""
    return list(dict.fromkeys([str(Path.cwd()), *filter(None, sys.path)]))


def _run(
    parts: Sequence[Sequence[str]],
    folder: Path,
    executor: Executor,
    held: tuple[int, ...],
    on_progress: Progress,
    total: int,
) -> None:
    """Run the jobs of parts; raise RunFailed if any of what they name is not there in the end."""
    jobs = []
    for number, names in enumerate(parts):
        inside = folder / f"part_{number:04d}"
        inside.mkdir(exist_ok=True)
        write_json(inside / PART, {"names": list(names)})
        jobs.append(Job(inside.resolve(), COMMAND, held))
    done = total - sum(map(len, parts))
    reasons: dict[Path, str] = {}
    for outcome in executor.run(jobs):
        inside = outcome.job.folder
        names = parts[int(inside.name.removeprefix("part_"))]
        done += len(names)
        on_progress(min(done / total, 1.0), f"{done} of {total} structures")
        if outcome.status:
            reasons[inside] = last_line(inside / LOG, f"the job ended with status {outcome.status}")[:300]
        else:
            shutil.rmtree(inside)
    if reasons:
        inside, reason = next(iter(reasons.items()))
        raise RunFailed(
            f"{len(reasons)} of {len(parts)} jobs failed: {reason}; see {inside / LOG}; what is finished is kept, the "
            "same command resumes"
        )


def _read(folder: Path, name: str) -> dict[str, Any]:
    content = read_npz(folder / name)
    if content is None:
        raise RunFailed(f"{folder / name} is not there; run the same command again")
    return content


def _check_forces(frame: Frame, fixed: Array, wanted: Wanted) -> None:
    """Raise LabelError if the forces are too large for harmonic vibrations about the structure."""
    assert frame.forces is not None
    lengths = np.linalg.norm(frame.forces, axis=1) * ~fixed
    atom, largest = int(lengths.argmax()), float(lengths.max())
    if largest > wanted.largest_force:
        raise LabelError(
            f"this structure is no minimum: the force on atom {atom} is {largest:.3g} eV/Å; relax it with --relax"
            + (f", or allow it with --largest-force {1.1 * largest:.2g}" if wanted.fmax is None else "")
        )


def _differences(forces: dict[str, Array], n_atoms: int, step: float) -> Array:
    hessian = np.zeros((n_atoms, 3, n_atoms, 3))
    for name in forces:
        if name.endswith("+"):
            atom, axis = int(name[:-2]), "xyz".index(name[-2])
            hessian[atom, axis] = -(forces[name] - forces[f"{name[:-1]}-"]) / (2 * step)
    return hessian.reshape(3 * n_atoms, 3 * n_atoms)
