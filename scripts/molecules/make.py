"""Label the molecules of `draw.py`: many by GFN2-xTB, some of them by PBE0; stopped and started at will.

    nice -n 10 env OMP_NUM_THREADS=1 python make.py label molecules.extxyz --out data        (hours; again: it goes on)
    python make.py gather data --out .                                                        (seconds; at any time)

Each molecule is relaxed by GFN2-xTB, gets its Hessian there, and labels at the minimum and at a geometry drawn from the
thermal distribution of its harmonic modes with quantum nuclei, at 200 to 700 K. After so many of these one molecule has
its PBE0 label at one of the two geometries, the first of the list first: another molecule teaches more than another
geometry of the same. Those held out have it at the minimum.

Several processes may label into one folder: each takes molecules that no other has taken.

`data/00012.cheap.extxyz`, `00012.dear.extxyz` and `00012.hessian.npy` are whole once they are there, and never computed
again; `00012.failed` says why there are none. `gather` joins them by level and side: `cheap-train.extxyz`, and so on.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.engines.engine import Engine
from mimyria.engines.job import FAILED, run_task
from mimyria.engines.registry import make_engine
from mimyria.errors import Busy, LabelError, RunFailed
from mimyria.execute import LOG, Job, Outcome
from mimyria.formats import read_frames, write_frames
from mimyria.frame import Array, Frame
from mimyria.harmonic.calculators import choose_calculator
from mimyria.harmonic.hessian import Point, Wanted, compute_hessian
from mimyria.harmonic.job import COMMAND, run_part
from mimyria.harmonic.modes import Modes, normal_modes
from mimyria.labels.command import finished
from mimyria.labels.label import label_frames
from mimyria.memory import locked, whole, write_text
from mimyria.molecules import find_bonds
from mimyria.settings import LabelSettings
from mimyria.units import thermal_wavenumber

CHEAP = make_engine("tblite", {})
DEAR = make_engine(
    "pyscf", {"functional": "pbe0", "basis": "def2-svpd", "grid": 0, "convergence": 1e-9, "fitting": "auto"}
)
EACH = 4
"""Molecules with cheap labels to one with dear ones."""
DEAREST = 6
"""Heavy atoms of a molecule for training with dear labels: nine take three times as long, and hold few other bonds."""
FIRST = 200
"""Molecules before those at the end of the list, larger ones and with bromine."""
MOST_KEPT = 4e9
"""Bytes of integrals: all of a molecule of nine heavy atoms with few hydrogens."""
COLDEST, HOTTEST = 200.0, 700.0
"""K."""
SOFTEST = 100.0
"""cm⁻¹; softer modes are as wide as one of this wavenumber, for harmonic ones would tear the molecule apart."""
IMAGINARY = 5.0
"""cm⁻¹; larger imaginary modes are left by a push along them and another relaxation."""
PUSH = 0.3
"""Å u^½, along an imaginary mode."""
PUSHES = 3


class Here:
    """Runs jobs one after another in this process, which has everything loaded: most of them take a second."""

    def run(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """Yield the outcome of each job."""
        for job in jobs:
            with (job.folder / LOG).open("w", encoding="utf-8") as text, redirect_stdout(text):
                try:
                    (run_part if job.command == COMMAND else run_task)(job.folder)
                    status = 0
                except Exception as error:  # of PySCF or LAPACK too: the next molecule must not wait for this one
                    text.write(f"{type(error).__name__}: {error}\n")
                    status = FAILED
            yield Outcome(job, status)


def minimum_of(frame: Frame, work: Path) -> tuple[Point, Modes]:
    """Return the minimum next to a structure and its modes; raise LabelError if that is another molecule."""
    wanted = Wanted(choose_calculator("tblite", {}, None, None), 0, step=0.0025, fmax=0.001, largest_force=0.1)
    none, start = np.zeros(len(frame), dtype=bool), frame
    for _ in range(PUSHES):
        point = compute_hessian(start, none, wanted, work, Here(), 1)
        modes = normal_modes(point.frame, point.hessian)
        if bonds_of(point.frame) != bonds_of(frame):
            raise LabelError("the relaxation made or broke a bond")
        if len(modes.wavenumbers) == 0 or modes.wavenumbers[0] > -IMAGINARY:
            return point, modes
        start = replace(point.frame, positions=point.frame.positions + PUSH * modes.displacements[0], forces=None)
    raise LabelError(f"no minimum: {-modes.wavenumbers[0]:.0f}i cm⁻¹ after {PUSHES} relaxations")


def bonds_of(frame: Frame) -> set[tuple[int, int]]:
    """Return the bonded pairs."""
    i, j, _ = find_bonds(frame)
    return set(zip(i.tolist(), j.tolist(), strict=True))


def distorted(frame: Frame, modes: Modes, temperature: float, random: np.random.Generator) -> Frame:
    """Return a structure drawn from the harmonic quantum distribution: ⟨Q²⟩ = ħ/2ω · coth(ħω/2k_BT)."""
    soft = np.maximum(modes.wavenumbers, SOFTEST)
    # ω² in eV/(Å² u) and ħω in eV give Å² u
    squares = np.where(modes.wavenumbers > SOFTEST, modes.eigenvalues, eigenvalue_of(SOFTEST))
    widths = np.sqrt(quantum_of(soft) / (2 * squares) / np.tanh(soft / (2 * thermal_wavenumber(temperature))))
    shift = np.tensordot(widths * random.standard_normal(len(widths)), modes.displacements, 1)
    return replace(frame, positions=frame.positions + shift, forces=None)


def quantum_of(wavenumber: Array) -> Array:
    """Return ħω in eV of wavenumbers in cm⁻¹."""
    from ase import units

    return wavenumber * units.invcm


def eigenvalue_of(wavenumber: float) -> float:
    """Return ω² in eV/(Å² u) of a wavenumber in cm⁻¹."""
    from ase import units

    return float((wavenumber * units.invcm / (units._hbar * units.J * units.second)) ** 2)


def labelled(frames: dict[str, Frame], engine: Engine, work: Path) -> list[Frame]:
    """Return the labelled frames; raise LabelError if one of them has no label."""
    done = label_frames(frames, engine, Here(), work, LabelSettings(target="pgt", retry=True))
    if done.failures:
        raise LabelError(next(iter(done.failures.values())))
    return [finished(frame, engine, project=False) for frame in done.frames.values()]


def make_cheap(frame: Frame, number: int, out: Path) -> None:
    """Write the minimum, the Hessian and the cheap labels of a molecule."""
    work = out / "work" / f"{number:05d}-cheap"
    point, modes = minimum_of(frame, work)
    random = np.random.default_rng([20, number])
    minimum = replace(point.frame, forces=None, info=frame.info | {"number": number, "geometry": "minimum"})
    temperature = float(random.uniform(COLDEST, HOTTEST))
    moved = distorted(minimum, modes, temperature, random)
    moved = replace(moved, info=minimum.info | {"geometry": f"{temperature:.0f} K"})
    made = labelled({"minimum": minimum, "distorted": moved}, CHEAP, work)
    with whole(out / f"{number:05d}.hessian.npy") as unfinished, unfinished.open("wb") as stream:
        np.save(stream, point.hessian.astype(np.float32))
    write_frames(out / f"{number:05d}.cheap.extxyz", made)
    shutil.rmtree(work)


def make_dear(number: int, out: Path) -> None:
    """Write the dear label of a molecule at a geometry of its cheap ones: of half of those for training, distorted."""
    work = out / "work" / f"{number:05d}-dear"
    stored = [frame for frame in read_frames(out / f"{number:05d}.cheap.extxyz") if frame is not None]
    distorted_one = stored[0].info["side"] == "train" and np.random.default_rng([21, number]).random() < 0.5
    chosen = stored[-1] if distorted_one else stored[0]
    with kept_integrals():
        made = labelled({"chosen": replace(chosen, tensors={})}, DEAR, work)
    write_frames(out / f"{number:05d}.dear.extxyz", made)
    shutil.rmtree(work)


@contextmanager
def kept_integrals() -> Iterator[None]:
    """Keep the three-centre integrals of PySCF, and their derivatives, which are the same in all fields of a molecule.

    The gradient with fitted densities computes them anew in each: to keep them, up to `MOST_KEPT`, saves a third of the
    time of a label and changes forces by rounding alone.
    """
    from pyscf import lib
    from pyscf.gto import moleintor

    compute, memory = moleintor.getints3c, lib.current_memory
    kept: dict[Any, Array] = {}

    def kept_or_computed(
        name: str,
        atoms: Array,
        shells: Array,
        numbers: Array,
        shls_slice: Any = None,
        comp: int = 1,
        aosym: str = "s1",
        ao_loc: Any = None,
        cintopt: Any = None,
        out: Array | None = None,
    ) -> Array:
        key = name, atoms.tobytes(), shells.tobytes(), numbers.tobytes(), shls_slice, comp, aosym
        if out is None and key in kept:
            return kept[key]
        made = compute(name, atoms, shells, numbers, shls_slice, comp, aosym, ao_loc, cintopt, out)
        # who gives the memory overwrites what comes in it
        if out is None and made.nbytes + sum(each.nbytes for each in kept.values()) < MOST_KEPT:
            made.flags.writeable = False
            kept[key] = made
        return made

    moleintor.getints3c = kept_or_computed
    lib.current_memory = lambda: (0.0, 0.0)  # or blocks would shrink by what is kept, and be others in each field
    try:
        yield
    finally:
        moleintor.getints3c, lib.current_memory = compute, memory


def tried(kind: str, number: int, out: Path, frame: Frame) -> bool:
    """Make the labels of a kind unless they are there, known to fail or made by another process; return if it did.

    Dear ones are made of the cheap ones, which come first.
    """
    made, failed = out / f"{number:05d}.{kind}.extxyz", out / f"{number:05d}.{kind}.failed"
    if made.exists() or failed.exists():
        return False
    if kind == "dear":
        tried("cheap", number, out, frame)
        if not (out / f"{number:05d}.cheap.extxyz").exists():
            return False
    lock = out / "work" / f"{number:05d}-{kind}.lock"
    try:
        with locked(lock):
            wanted = not (made.exists() or failed.exists())
            if wanted:
                make(kind, number, out, frame, failed)
            lock.unlink()
    except Busy:
        return False
    return wanted


def make(kind: str, number: int, out: Path, frame: Frame, failed: Path) -> None:
    """Make the labels of a kind, or write down why there are none."""
    try:
        if kind == "cheap":
            make_cheap(frame, number, out)
        else:
            make_dear(number, out)
    except (LabelError, RunFailed) as error:
        write_text(failed, f"{error}\n")
        shutil.rmtree(out / "work" / f"{number:05d}-{kind}", ignore_errors=True)
    print(f"{number} {kind} {'failed' if failed.exists() else 'done'}", flush=True)


def label(path: Path, out: Path, dear: int) -> None:
    """Label all molecules that are not labelled yet, of the first ``dear`` those too that are dear."""
    frames = [frame for frame in read_frames(path) if frame is not None]
    heavy = [int((frame.numbers > 1).sum()) for frame in frames]
    sides = [str(frame.info["side"]) for frame in frames]
    order = order_of(sides)
    train, held_out, larger = ([n for n in order if sides[n] == side] for side in ("train", "held-out", "larger"))
    small = [number for number in train if heavy[number] <= DEAREST][:dear]
    wanted = list(in_turn(small, sorted(held_out, key=heavy.__getitem__), larger))
    for turn, number in enumerate(order):
        made = tried("cheap", number, out, frames[number])
        if made and turn % EACH == EACH - 1:
            next((other for other in wanted if tried("dear", other, out, frames[other])), None)
    for number in wanted:
        tried("dear", number, out, frames[number])


def order_of(sides: list[str]) -> list[int]:
    """Return the molecules by their numbers, with the end of the list early, from the first larger one: it is short."""
    end = sides.index("larger") if "larger" in sides else len(sides)
    first = min(FIRST, end)
    return [*range(first), *range(end, len(sides)), *range(first, end)]


def in_turn(train: list[int], held_out: list[int], larger: list[int]) -> Iterator[int]:
    """Yield the molecules with dear labels: one held out after each four for training, the larger ones at the end."""
    left = iter(held_out)
    for k in range(0, len(train), 4):
        yield from [*train[k : k + 4], *islice(left, 1)]
    yield from larger


def gather(data: Path, out: Path) -> None:
    """Write one file of each level and side."""
    for kind in ("cheap", "dear"):
        sides: dict[str, list[Frame]] = {}
        for path in sorted(data.glob(f"*.{kind}.extxyz")):
            for frame in read_frames(path):
                if frame is not None:
                    sides.setdefault(str(frame.info["side"]), []).append(frame)
        for side, frames in sides.items():
            write_frames(out / f"{kind}-{side}.extxyz", frames)
            print(f"{out / f'{kind}-{side}.extxyz'}: {len(frames)} frames")


def main() -> None:
    """Label or gather."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["label", "gather"])
    parser.add_argument("path", type=Path, help="the molecules, or the folder of their labels")
    parser.add_argument("--dear", type=int, default=600, help="molecules for training that have dear labels too")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    if given.what == "label":
        (given.out / "work").mkdir(parents=True, exist_ok=True)
        label(given.path, given.out, given.dear)
    else:
        gather(given.path, given.out)


if __name__ == "__main__":
    main()
