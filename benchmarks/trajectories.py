"""Many trajectories, each a job: what the process that submits them needs, in time, memory, files and open files.

    python benchmarks/trajectories.py [100 1000]

The jobs are made up: each copies the series of one real pass, so that everything else is what `mimyria spectrum
--executor` does: it opens and checks the trajectories, writes the tasks, pools the series, makes the spectra. Seconds
are of the processor, for trajectories of 32 atoms and 64 frames. 100 and 1 000 take 75 s.
"""

from __future__ import annotations

import logging
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from mimyria import passes, pipeline
from mimyria.elements import masses_of
from mimyria.execute import Job, Outcome
from mimyria.formats import write_frames
from mimyria.frame import Frame
from mimyria.units import BOLTZMANN, MASS_VELOCITY_SQUARED

ATOMS, FRAMES, TIMESTEP, LENGTH = 32, 64, 4.0, 12.0
HOW: dict[str, Any] = {"apt": "frames", "temperature": 300.0, "plot_format": ("svg",), "groups": "none"}


def write_trajectory(path: Path) -> None:
    """Write charges that swing."""
    random = np.random.default_rng(0)
    numbers, charges = np.array([1, 8, 11, 17] * (ATOMS // 4)), random.normal(size=ATOMS)
    tensors = (charges - charges.mean())[:, None, None] * np.eye(3)
    thermal = np.sqrt(BOLTZMANN * HOW["temperature"] / (masses_of(numbers) * MASS_VELOCITY_SQUARED))
    start, speed = random.uniform(0, LENGTH, (ATOMS, 3)), random.normal(size=(ATOMS, 3)) * thermal[:, None]
    pace, periodic = 0.1 + 0.3 * random.random((ATOMS, 1)), np.ones(3, dtype=bool)
    write_frames(
        path,
        [
            Frame(
                numbers, start + speed / pace * np.sin(pace * t), LENGTH * np.eye(3), periodic,
                speed * np.cos(pace * t), t, {"apt": tensors},
            )
            for t in TIMESTEP * np.arange(FRAMES)
        ],
    )  # fmt: skip


class MadeUp:
    """Ends each job at once, with the series of one pass; counts files, and notes when the jobs begin and end."""

    def __init__(self, series: Path) -> None:
        self.series, self.begin, self.end, self.files, self.most_open = series, 0.0, 0.0, 0, 0

    def run(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        self.begin = time.process_time()
        for job in jobs:
            if job.folder != self.series.parent:
                shutil.copy(self.series, job.folder / passes.SERIES)
            self.most_open = max(self.most_open, len(os.listdir("/proc/self/fd")))
            yield Outcome(job, 0)
        self.end = time.process_time()
        self.files = sum(1 for _ in job.folder.parent.rglob("*"))


def measure(folder: Path, series: Path, number: int) -> dict[str, float]:
    """Return what one command along so many trajectories needs."""
    made_up = MadeUp(series)
    paths = [folder / f"md-{k:05d}.xyz" for k in range(number)]
    for path in paths:
        if not path.exists():
            os.link(folder / "md.xyz", path)
    before = time.process_time()
    with patch("mimyria.pipeline.make_executor", lambda *_: made_up):
        pipeline.make_spectra(paths, folder / f"out-{number}", executor="local", **HOW)
    return {
        "trajectories": number,
        "checks": made_up.begin - before,
        "tasks": made_up.end - made_up.begin,
        "pooling and spectra": time.process_time() - made_up.end,
        "files": made_up.files,
        "open files": made_up.most_open,
        "MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Print a row for each number of trajectories."""
    logging.disable(logging.WARNING)
    numbers = [int(word) for word in sys.argv[1:]] or [100, 1000]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_trajectory(folder / "md.xyz")
        pipeline.make_spectra(folder / "md.xyz", folder / "one", **HOW)
        for number in numbers:
            row = measure(folder, folder / "one" / "series.h5", number)
            if number == numbers[0]:
                sys.stdout.write(f"| {' | '.join(row)} |\n")
            sys.stdout.write(f"| {' | '.join(f'{value:.4g}' for value in row.values())} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
