"""CP2K in periodic cells: finite fields by the Berry phase (PERIODIC_EFIELD), from the user's own FORCE_EVAL.

All fields of a configuration are one job: the run without a field comes first, and the others start from its wave
function, or from what all before extrapolate to; the repeat of the first starts from that of the last field.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.engines.cp2k_input import (
    FORCES,
    MOMENTS,
    NAME,
    Tree,
    check_configuration,
    check_kinds,
    check_template,
    describe,
    elements_of_kinds,
    flat,
    level_of_template,
    read_template,
    run_input,
    with_contents,
)
from mimyria.engines.cp2k_kinds import kinds_of, read_kinds
from mimyria.engines.engine import Calculation, Configuration, Engine, FieldRun, Task, is_repeat, run_folder
from mimyria.engines.wave_functions import HIGHEST, extrapolate, weights_for
from mimyria.errors import LabelError
from mimyria.frame import Array, Frame
from mimyria.level import Level
from mimyria.memory import write_text
from mimyria.units import DEBYE

INPUT, OUTPUT = "cp2k.inp", "cp2k.out"
WAVE_FUNCTION, EXTRAPOLATED = f"{NAME}-RESTART.wfn", "extrapolated.wfn"


@dataclass(frozen=True)
class CP2K(Engine):
    """The engine."""

    template: Path | None = None
    """CP2K input with the FORCE_EVAL to use; cell, coordinates, charge, field and printing are set for each run."""
    command: str = "cp2k.psmp"
    """How to start CP2K: ``cp2k.psmp``, ``mpirun -np 64 cp2k.psmp``, a container."""
    schema: Path | None = None
    """See `read_template`."""
    kinds: str = ""
    """Atoms with a &KIND of their own, see `read_kinds`."""
    extrapolation: int = 0
    """To which order in the field a run's first wave function is extrapolated from those of the runs before."""

    @cached_property
    def _kinds(self) -> dict[str, str]:
        return read_kinds(self.kinds)

    @cached_property
    def _tree(self) -> Tree:
        if self.template is None:
            raise LabelError(
                "CP2K needs --template with a &FORCE_EVAL; configs/cp2k/ holds some, for water and aqueous sulfate"
            )
        return read_template(Path(self.template), self.schema)

    @property
    def identity(self) -> dict[str, Any]:
        # Without the command: the number of processes may change. The version is known, and compared, once it has run.
        kinds = {"kinds": self._kinds} if self._kinds else {}
        return {"engine": "CP2K", **flat(with_contents(self._tree)), **kinds}

    @property
    def summary(self) -> str:
        return describe(self._tree, self._kinds)

    @property
    def level(self) -> Level:
        return level_of_template(self._tree, self._kinds)

    @property
    def job_settings(self) -> dict[str, Any]:
        # The job reads no template, and runs in another folder, from which a relative path would not be found.
        words = shlex.split(self.command)
        if words and "/" in words[0]:
            words[0] = str(Path(words[0]).resolve())
        return {"command": shlex.join(words), "extrapolation": self.extrapolation}

    def prepare(self, field: float, order: int) -> None:
        check_template(self._tree, Path(str(self.template)), field, order)
        check_kinds(self._tree, Path(str(self.template)), self._kinds)
        if not 0 <= self.extrapolation <= HIGHEST:
            raise LabelError(f"--set extrapolation takes an order from 0 to {HIGHEST}, not {self.extrapolation}")

    def check(self, configuration: Configuration) -> None:
        check_configuration(self._tree, Path(str(self.template)), configuration)
        self._names(configuration.frame)

    def _names(self, frame: Frame) -> list[str]:
        return kinds_of(frame, self._kinds, elements_of_kinds(self._tree))

    def write_inputs(self, folder: Path, configuration: Configuration, fields: Array) -> None:
        names = self._names(configuration.frame)
        starts = [self._start(index, field, configuration) for index, field in enumerate(fields)]
        for index, (field, start) in enumerate(zip(fields, starts, strict=True)):
            inside = run_folder(folder, index)
            inside.mkdir(exist_ok=True)
            keep = bool(self.extrapolation) or _kept(index) in starts
            text = run_input(self._tree, configuration, field, start, names=names, keep=keep, schema=self.schema)
            path = inside / INPUT
            if not path.exists() or path.read_text(encoding="utf-8") != text:  # a CP2K left by a kill may be reading it
                write_text(path, text)

    def _start(self, index: int, field: Array, configuration: Configuration) -> str | None:
        """Return the wave function that a run starts from, as seen from its folder; None for none."""
        if is_repeat(index, field):
            return _kept(index - 1)
        # A bad start may be why an earlier attempt failed; but from scratch a repeat would be the first run again.
        if not index or configuration.attempt:
            return None
        return EXTRAPOLATED if self.extrapolation else _kept(0)

    def calculation(self, task: Task) -> Calculation:
        def calculate(index: int, field: Array) -> FieldRun:
            folder = run_folder(task.folder, index)
            if self._start(index, field, task) == EXTRAPOLATED:
                before = {folder / _kept(k): task.fields[k] for k in range(index)}
                known = {path: of_run for path, of_run in before.items() if path.exists()}
                if not known:
                    raise LabelError(f"{task.folder} has no wave function of the runs before")
                weights = weights_for(field, np.array([*known.values()]), self.extrapolation)
                extrapolate([*known], weights, folder / EXTRAPOLATED)
            # CP2K appends to its print files: forces of a run that was stopped would precede those of this one.
            for name in (OUTPUT, FORCES, MOMENTS):
                (folder / name).unlink(missing_ok=True)
            words = [*shlex.split(self.command), "-i", INPUT]
            with (folder / OUTPUT).open("wb") as output:
                try:  # CP2K inherits the lock of the job, which stays locked while either of them lives
                    done = subprocess.run(words, cwd=folder, stdout=output, stderr=output, pass_fds=task.inherited)
                except FileNotFoundError:
                    raise FileNotFoundError(
                        f"{words[0]} was not found: install CP2K, or give its command by --command"
                    ) from None
            check_end(folder, done.returncode)
            return read_run(folder, len(task.frame))

        return calculate

    def clean(self, folder: Path) -> None:
        # wave functions are by far the largest files
        for wave_function in folder.glob("*/*.wfn*"):
            wave_function.unlink()


def _kept(index: int) -> str:
    """Return the wave function that a run ends with, as seen from the folder of another."""
    return f"../{run_folder(Path(), index).name}/{WAVE_FUNCTION}"


def check_end(folder: Path, status: int) -> None:
    """Raise OSError, which is tried again, if CP2K was killed or did not start: it neither ended nor gave a reason."""
    text = (folder / OUTPUT).read_text(encoding="utf-8", errors="replace")
    if "PROGRAM ENDED AT" in text or "[ABORT]" in text:
        return
    end = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    started = "PROGRAM STARTED AT" in text
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = f", saying: {lines[-1][:200]}" if lines and (status or not started) else ""
    raise OSError(f"CP2K {'' if started else 'did not start: it '}{end}{last}; see {folder / OUTPUT}")


def read_run(folder: Path, n_atoms: int) -> FieldRun:
    """Return the results that CP2K wrote into a folder; raise LabelError with its reason if it did not converge."""
    # The exit status of CP2K is 0 even where the SCF did not converge, so only its output tells.
    text = (folder / OUTPUT).read_text(encoding="utf-8", errors="replace")
    if "SCF run NOT converged" in text:
        looser = "outer SCF loop converged" in text
        hint = ": EPS_SCF of &OUTER_SCF is looser than that of &SCF, make them equal" if looser else ""
        raise LabelError(f"the SCF did not converge{hint}; see {folder / OUTPUT}")
    if "PROGRAM ENDED AT" not in text or "SCF run converged" not in text:
        reason = "CP2K did not finish" if "PROGRAM ENDED AT" not in text else "the SCF did not converge"
        raise LabelError(f"{_abort_message(text) or reason}; see {folder / OUTPUT}")
    energy = re.findall(r"Total FORCE_EVAL.*?:?\s+(-?\d+\.\d+)\s*$", text, re.MULTILINE)
    if not energy:
        raise LabelError(f"no energy in {folder / OUTPUT}")
    steps = re.findall(r"SCF run converged in\s+(\d+) steps", text)
    loops = re.findall(r"outer SCF loop converged in\s+\d+ iterations or\s+(\d+) steps", text)
    version = re.search(r"CP2K\| version string:\s+CP2K version (\S+)", text)
    return FieldRun(
        forces=_forces(folder / FORCES, n_atoms),
        energy=float(energy[-1]),
        dipole=_dipole(folder / MOMENTS),
        steps=int((loops or steps)[-1]),
        program=f"CP2K {version[1] if version else ''}".strip(),
    )


def _abort_message(text: str) -> str | None:
    """Return the message in the box that CP2K draws when it stops."""
    box = text.partition("[ABORT]")[2].splitlines()
    lines = [line.strip().strip("*/\\|_ O") for line in box[:12] if line.strip().startswith("*")]
    words = " ".join(" ".join(lines).split())
    if "odd number of electrons" in words:
        words += " (an open shell needs UKS T)"
    return f"CP2K stopped: {words[:300]}" if words else None


def _forces(path: Path, n_atoms: int) -> Array:
    """Return the forces, E_h/a0, shape (n, 3), in the format of CP2K before 2024 or after."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        raise LabelError(f"CP2K wrote no {path}") from None
    rows = []
    for words in (line.split() for line in lines):
        if len(words) == 6 and words[0].isdigit():  # number, kind, element, force
            rows.append(words[3:])
        elif len(words) == 6 and words[0] == "FORCES|" and words[1].isdigit():  # number, force, its length
            rows.append(words[2:5])
    try:
        forces = np.array(rows, dtype=float)
    except ValueError as error:
        raise LabelError(f"{path}: {error}") from error
    if forces.shape != (n_atoms, 3):
        raise LabelError(f"{path} holds {len(rows)} forces for {n_atoms} atoms")
    return forces


def _dipole(path: Path) -> Array:
    """Return the Berry-phase dipole, e a0, shape (3,), known up to e times a lattice vector; NaN if CP2K gave none."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    match = re.search(r"X=\s*(\S+)\s+Y=\s*(\S+)\s+Z=\s*(\S+)", text)
    return np.array([float(part) for part in match.groups()]) / DEBYE if match else np.full(3, np.nan)
