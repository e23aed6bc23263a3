"""The job of a Hessian: one small program that computes the forces of several displaced structures, one after another.

    python -m mimyria.harmonic.job        (in a folder below that of the Hessian)

Forces are files in the folder above, ``0002y-.npz``, written atomically and never replaced: what is there is not
computed again. The first job computes ``point.npz``, the structure itself, relaxed if that is asked for; on the way
there, every step is kept in ``relaxing.npz``.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.engines.job import FAILED, UNFINISHED, read_npz, write_npz
from mimyria.errors import ConfigError, LabelError
from mimyria.frame import Array, Frame
from mimyria.harmonic.calculators import Calculator, Forces
from mimyria.labels.displacement import displace
from mimyria.memory import read_json

TASK, PART, STRUCTURE, POINT, RELAXING = "task.json", "part.json", "structure.npz", "point.npz", "relaxing.npz"
COMMAND = (sys.executable, "-m", "mimyria.harmonic.job")
MOST_STEPS = 1000
"""Of a relaxation."""


def structure_in(folder: Path) -> tuple[Frame, Array]:
    """Return the structure of a folder, and which atoms are fixed, shape (n,), bool."""
    with np.load(folder / STRUCTURE) as arrays:
        frame = Frame(**{name: arrays[name] for name in ("numbers", "positions", "cell", "periodic")})
        return frame, arrays["fixed"]


def run_part(part: Path) -> None:
    """Compute what ``part.json`` names and the folder above does not have yet."""
    folder = part.parent
    task, names = read_json(folder / TASK), read_json(part / PART)["names"]
    frame, fixed = structure_in(folder)
    sys.path.extend(place for place in task["path"] if place not in sys.path)  # where modules of the user lie
    forces = Calculator(task["calculator"], task["settings"]).forces(frame, task["charge"], part)
    if names == [POINT]:
        if read_npz(folder / POINT) is None:
            write_npz(folder / POINT, _point(forces, frame, fixed, folder, task["fmax"]))
        return
    point = read_npz(folder / POINT)
    assert point is not None
    moved = displace(replace(frame, positions=point["positions"]), task["step"], np.flatnonzero(~fixed))
    for name in names:
        if read_npz(folder / f"{name}.npz") is None:
            write_npz(folder / f"{name}.npz", {"forces": _checked(forces(moved[name])[0], f"displaced, {name}")})


def _checked(forces: Array, place: str) -> Array:
    if not np.isfinite(forces).all():
        atom = int(np.argwhere(~np.isfinite(forces))[0, 0])
        raise LabelError(f"{place}: the force on atom {atom} is not a finite number")
    return forces


def _point(forces: Forces, frame: Frame, fixed: Array, folder: Path, fmax: float | None) -> dict[str, Any]:
    """Return positions, forces, energy and the seconds they took, after relaxation down to ``fmax`` (eV/Å) if any."""
    if fmax is not None:
        frame = _relaxed(forces, frame, fixed, folder, fmax)
    begin = time.monotonic()
    found, energy = forces(frame)
    seconds = time.monotonic() - begin
    return {
        "positions": frame.positions,
        "forces": _checked(found, "the structure"),
        "energy": energy,
        "seconds": seconds,
    }


def _relaxed(forces: Forces, frame: Frame, fixed: Array, folder: Path, fmax: float) -> Frame:
    """Return the structure at the nearest minimum, in the same cell."""
    from ase import Atoms
    from ase.calculators.calculator import Calculator as OfASE
    from ase.calculators.calculator import all_changes
    from ase.constraints import FixAtoms
    from ase.optimize import BFGS

    class Given(OfASE):  # type: ignore[misc]
        """The forces of here for the optimiser of ASE."""

        implemented_properties = ("energy", "forces")

        def calculate(self, atoms: Any = None, properties: Any = None, system_changes: Any = all_changes) -> None:
            super().calculate(atoms, properties, system_changes)
            found, energy = forces(replace(frame, positions=self.atoms.positions))
            self.results = {"energy": energy, "forces": _checked(found, "relaxing")}

    kept = read_npz(folder / RELAXING)
    atoms = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.periodic)
    if kept is not None:
        atoms.positions = kept["positions"]
    if fixed.any():
        atoms.set_constraint(FixAtoms(mask=fixed))
    atoms.calc = Given()
    optimiser = BFGS(atoms, logfile="-")
    optimiser.attach(lambda: write_npz(folder / RELAXING, {"positions": atoms.positions}))
    if not optimiser.run(fmax=fmax, steps=MOST_STEPS):
        raise LabelError(f"no minimum found in {MOST_STEPS} steps; --fmax {10 * fmax:g} is easier to reach")
    return replace(frame, positions=atoms.positions.copy())


def main() -> int:
    """Run the part in the working directory; the last line on stderr is the reason of a failure."""
    try:
        run_part(Path.cwd())
    except (LabelError, ConfigError) as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return UNFINISHED
    return 0


if __name__ == "__main__":
    sys.exit(main())
