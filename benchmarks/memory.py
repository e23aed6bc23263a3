"""Peak memory over frames and over atoms, each in a process of its own, and the time of an atom.

python benchmarks/memory.py [--frames 1000 100000 1000000] [--atoms 192 ...] [--committee 1] [--json]

Frames of twelve atoms with both tensors go through `response_series` into series.h5; a second process makes infrared,
Raman and the density of states from the file. Then frames of bundled water, repeated in space up to some 100 000 atoms,
get both tensors from so many networks each of the bundled models, from positions to tensors: what that adds to the
memory of a process that has read the models, and the least time of an atom. `--frames` or `--atoms` without numbers
leaves its part out; the atoms alone take two minutes. The last line of ``--json`` is one object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.memory import Identity
from mimyria.rates.checkpoint import PartStore
from mimyria.rates.groups import Grouping
from mimyria.rates.response import response_series
from mimyria.rates.series import read_series, write_series
from mimyria.rates.window import window_lags
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import infrared
from mimyria.spectra.raman import raman
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.vdos import vibrational_density

WATER = Path(__file__).parents[1] / "mimyria" / "data" / "water32_labels.extxyz.xz"
BOXES = {
    192: (2, 1, 1),
    768: (2, 2, 2),
    3072: (4, 4, 2),
    12_288: (8, 4, 4),
    98_304: (16, 8, 8),
}
"""How often the 96 atoms of a frame are repeated along each cell vector."""
ATOMS_TIMED = 60_000
"""As many are predicted over and over, and two frames at least: the first maps its memory. The least time counts."""
NUMBERS, TIMESTEP, DIFFERENT = np.array([8, 1, 1] * 4), 4.0, 100


def made_up(count: int) -> Iterator[Frame]:
    """Yield frames of noise, the same few in turns."""
    rng, n = np.random.default_rng(0), len(NUMBERS)
    frames = [
        Frame(
            NUMBERS,
            rng.uniform(0, 5, (n, 3)),
            5.0 * np.eye(3),
            np.ones(3, dtype=bool),
            0.02 * rng.normal(size=(n, 3)),
            tensors={"apt": rng.normal(size=(n, 3, 3)), "pgt": rng.normal(size=(n, 3, 3, 3))},
        )
        for _ in range(DIFFERENT)
    ]
    for _, frame in zip(range(count), cycle(frames), strict=False):
        yield frame


def run_pass(count: int, folder: Path) -> None:
    """Write series.h5 of so many frames."""
    series = response_series(
        iter(()),
        made_up(count),
        targets=("apt", "pgt"),
        grouping=Grouping.by_species(NUMBERS),
        timestep=TIMESTEP,
        lags=window_lags(20.0, TIMESTEP),
        store=PartStore(folder / "unfinished", Identity()),
    )
    write_series(folder / "series.h5", [series])


def make_spectra(count: int, folder: Path) -> None:
    """Make the three spectra of series.h5."""
    series = read_series(folder / "series.h5")
    how = choose_sampling(series, None, None)
    for make in (infrared, raman, vibrational_density):
        make(series, Conditions(300.0), how)


def predict_frame(count: int, committee: int) -> dict[str, float]:
    """Return what both tensors of a frame of so many atoms take."""
    from mimyria.model.files import read_models
    from mimyria.model.predict import predict_all
    from mimyria.process import set_up_memory

    set_up_memory()  # as a command does
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core, one worker
    torch.set_num_threads(1)
    models = read_models("water")
    for model in models:
        model.members = model.members[:committee]
    water = next(iter(read_frames(WATER)))
    shifts = np.array(list(np.ndindex(*BOXES[count]))) @ water.cell
    positions = np.concatenate([water.positions + shift for shift in shifts])
    positions += np.random.default_rng(0).normal(scale=0.02, size=positions.shape)
    numbers, cell = np.tile(water.numbers, len(shifts)), water.cell * np.array(BOXES[count])[:, None]
    frame = Frame(numbers, positions, cell, water.periodic)
    list(predict_all(models, [water]))  # what a first frame sets up
    before, least = peak(), np.inf
    for _ in range(max(ATOMS_TIMED // count, 2)):
        begin = time.process_time()
        list(predict_all(models, [frame]))
        least = min(least, time.process_time() - begin)
    return {"MiB": round(peak() - before, 1), "us_per_atom": round(1e6 * least / count, 1)}


def peak() -> float:
    """Return the most memory that this process has had, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


WORK = {"pass": run_pass, "spectra": make_spectra}


def measured(work: str, count: int, folder: str) -> dict[str, float]:
    """Return what a process of its own needs."""
    command = [sys.executable, __file__, "--child", work, str(count), folder]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="*", default=[1000, 100_000, 1_000_000])
    parser.add_argument("--atoms", type=int, nargs="*", choices=list(BOXES), default=list(BOXES))
    parser.add_argument("--committee", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        work, count, folder = options.child
        if work == "predict":
            print(json.dumps(predict_frame(int(count), int(folder))))
            return
        begin = time.process_time()
        WORK[work](int(count), Path(folder))
        print(json.dumps({"MiB": round(peak(), 1), "cpu_seconds": round(time.process_time() - begin, 2)}))
        return
    rows: list[dict[str, Any]] = []
    for count in options.frames:
        with tempfile.TemporaryDirectory() as folder:
            for work in WORK:
                rows.append({"work": work, "frames": count, **measured(work, count, folder)})
                print(
                    "{work:8} {frames:9d} frames: {MiB:7.1f} MiB, {cpu_seconds:.1f} s of the processor".format(
                        **rows[-1]
                    )
                )
    for count in options.atoms:
        rows.append({"work": "predict", "atoms": count, **measured("predict", count, str(options.committee))})
        print(
            "predict  {atoms:9d} atoms: {MiB:7.1f} MiB more, {us_per_atom:.1f} µs of the processor an atom".format(
                **rows[-1]
            )
        )
    if options.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
