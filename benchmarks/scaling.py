"""The whole pass over cores, atoms and trajectories; how much of it is done by one process, and what follows from that.

python benchmarks/scaling.py [--quick] [--cores 1 2 4] [--json]        (--quick: two minutes on a quiet machine)

Boxes of water of the bundled trajectory, repeated in space, are written as TRR and go through the pass of the command:
reading, the bundled networks (three for each target), contraction, parts on the disk. Wall times tell little where
other programs run; the processor's seconds a frame of the first process and of the others say more.

A frame takes p seconds of the first process (reading, checks, handing over, correlations, parts) and w of another. On N
cores at least max(p, (p + w)/N) seconds pass, by Amdahl's pessimistic law, which lets nothing overlap, p + w/N.

The last line of ``--json`` is one object.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import MDAnalysis
import numpy as np

from mimyria.execute import cores_here
from mimyria.formats import read_frames, write_frames
from mimyria.frame import Frame
from mimyria.model.files import read_model
from mimyria.model.predict import predict_all
from mimyria.parallel.pool import Pool
from mimyria.process import set_up_memory
from mimyria.rates.grouping import make_grouping
from mimyria.settings import SpectrumSettings
from mimyria.tensor_pass import series_along
from mimyria.trajectory import Trajectory

SAMPLE = Path(__file__).parents[1] / "scripts" / "path_integrals" / "data" / "trpmd-1.extxyz.xz"
BOXES = {96: (1, 1, 1), 192: (2, 1, 1), 768: (2, 2, 2), 3072: (4, 4, 2), 12288: (8, 4, 4)}
"""How often the sample, of 96 atoms, is repeated along each cell vector."""
PREDICTED = 64
"""Cores for which a speed-up is predicted."""


def repeated(frame: Frame, times: tuple[int, int, int]) -> Frame:
    """Return a frame repeated along its cell vectors."""
    shifts = np.stack(np.meshgrid(*map(np.arange, times), indexing="ij"), axis=-1).reshape(-1, 1, 3) @ frame.cell
    n = len(shifts)
    return Frame(
        numbers=np.tile(frame.numbers, n),
        positions=(shifts + frame.positions).reshape(-1, 3),
        cell=frame.cell * np.array(times)[:, None],
        periodic=frame.periodic,
        velocities=np.tile(np.asarray(frame.velocities), (n, 1)),
        time=frame.time,
    )


def write_trajectory(folder: Path, frames: Sequence[Frame], timestep: float) -> Trajectory:
    """Return a trajectory of frames written as TRR."""
    topology, path = folder / f"{len(frames[0])}.extxyz", folder / f"{len(frames[0])}.trr"
    write_frames(topology, frames[:1])
    universe = MDAnalysis.Universe.empty(len(frames[0]), trajectory=True, velocities=True)
    with MDAnalysis.Writer(str(path), n_atoms=len(frames[0])) as writer:
        for index, frame in enumerate(frames):
            universe.atoms.positions = frame.positions
            universe.atoms.velocities = 1e3 * np.asarray(frame.velocities)  # Å/ps
            universe.dimensions = [*np.linalg.norm(frame.cell, axis=1), 90, 90, 90]
            universe.trajectory.ts.time, universe.trajectory.ts.frame = 1e-3 * index * timestep, index
            writer.write(universe.atoms)
    return Trajectory(path, topology=topology)


def processor() -> tuple[float, float]:
    """Return the processor's seconds of this process, and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own, others = (each.ru_utime + each.ru_stime for each in used)
    return own, others


@contextmanager
def measured(found: dict[str, float]) -> Iterator[None]:
    """Put seconds of wall, of this process and of others that have ended into a dictionary."""
    begin, (own, others) = time.perf_counter(), processor()
    yield
    now, (own_now, others_now) = time.perf_counter(), processor()
    found |= {"wall": now - begin, "own": own_now - own, "others": others_now - others}


def passes(trajectory: Trajectory, number: int, runs: int = 1) -> dict[str, float]:
    """Return seconds a frame of a pass, and of several as if of several trajectories, by so many processes."""
    settings = SpectrumSettings(apt="water", pgt="water", stride=1, workers=number)
    grouping = make_grouping(["species"], next(trajectory.frames()))
    models = [read_model(Path("water"), name) for name in ("apt", "pgt")]
    needed = partial(predict_all, models)
    start: dict[str, float] = {}
    work: dict[str, float] = {}
    whole: dict[str, float] = {}
    with measured(start), Pool(number) as pool:
        pool.start(needed)
    with measured(whole), Pool(number) as pool:
        pool.start(needed)
        with measured(work):
            for _ in range(runs):
                with tempfile.TemporaryDirectory() as folder:
                    series_along(trajectory, grouping, Path(folder), settings, pool)
    n_frames = runs * (trajectory.n_frames or 0)
    others = max(whole["others"] - start["others"], 0.0) if number > 1 else 0.0
    return {"wall": work["wall"] / n_frames, "own": work["own"] / n_frames, "others": others / n_frames}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    powers = [2**k for k in range(12) if 2**k < cores_here()]
    parser.add_argument("--cores", type=int, nargs="+", default=[*powers, cores_here()])
    parser.add_argument("--atoms", type=int, nargs="+", choices=list(BOXES), default=[192, 768, 3072, 12288])
    parser.add_argument("--seconds", type=float, default=20.0, help="of one core, for each line")
    parser.add_argument("--quick", action="store_true", help="192 and 3072 atoms, 8 seconds each")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    set_up_memory()
    seconds, atoms = (8.0, [192, 3072]) if options.quick else (options.seconds, options.atoms)
    table: list[dict[str, Any]] = []
    print("ms a frame: wall, processor of the first process and of the others; their start is left out")
    print(f"{'atoms':>6}{'cores':>6}{'runs':>5}{'frames':>7}{'wall':>9}{'first':>9}{'others':>9}{'speed-up':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for n in atoms:
            count = max(4, int(seconds / (2e-4 * n)))
            sample = list(islice(read_frames(SAMPLE), count))
            several = [sample[k % len(sample)] for k in range(count)]
            trajectory = write_trajectory(Path(folder), [repeated(frame, BOXES[n]) for frame in several], 4.0)
            for number, runs in [*((number, 1) for number in options.cores), (max(options.cores), 4)]:
                found = passes(trajectory, number, runs)
                alone = next((row["wall"] for row in table if row["atoms"] == n and row["cores"] == 1), np.nan)
                row = {"atoms": n, "cores": number, "runs": runs, "frames": count, **found}
                table.append(row)
                print(
                    f"{n:6}{number:6}{runs:5}{count:7}{1e3 * row['wall']:9.2f}{1e3 * row['own']:9.2f}"
                    f"{1e3 * row['others']:9.2f}{alone / row['wall']:9.2f}"
                )
            own, others = table[-1]["own"], table[-1]["others"]
            if others:
                both = own + others
                table[-1] |= {"serial": own / both, "most": both / max(own, both / PREDICTED)}
                table[-1]["amdahl"] = both / (own + others / PREDICTED)
                print(
                    f"{n} atoms: the first process does {100 * own / both:.2g} %; on {PREDICTED} cores at most "
                    f"{table[-1]['most']:.0f} times as fast, by Amdahl's law {table[-1]['amdahl']:.0f}"
                )
    if options.json:
        print(json.dumps({"table": table}))


if __name__ == "__main__":
    main()
