"""Peak memory of a pass and of remaking its spectra, from a thousand to a million frames, each in a process of its own.

python benchmarks/memory.py [--frames 1000 100000 1000000] [--json]

Frames of twelve atoms with both tensors go through `response_series` into series.h5; a second process makes infrared,
Raman and the density of states from the file. The last line of ``--json`` is one object.
"""

from __future__ import annotations

import argparse
import json
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


WORK = {"pass": run_pass, "spectra": make_spectra}


def measured(work: str, count: int, folder: str) -> dict[str, float]:
    """Return what a process of its own needs."""
    command = [sys.executable, __file__, "--child", work, str(count), folder]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[1000, 100_000, 1_000_000])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        work, count, folder = options.child
        begin = time.process_time()
        WORK[work](int(count), Path(folder))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"MiB": round(peak, 1), "cpu_seconds": round(time.process_time() - begin, 2)}))
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
    if options.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
