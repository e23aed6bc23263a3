"""Frames per second of the readers, beside the libraries they use or replace, in one run.

python benchmarks/reading.py [--json]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import MDAnalysis
import numpy as np
from ase.io import iread

from mimyria.formats import write_frames
from mimyria.frame import Frame
from mimyria.trajectory import Trajectory

ATOMS, FRAMES, REPEATS = 192, 1000, 3


def made_up() -> Iterable[Frame]:
    """Yield frames of the size of 64 waters, with velocities."""
    rng = np.random.default_rng(0)
    numbers, cell = np.tile([8, 1, 1], ATOMS // 3), 12.4 * np.eye(3)
    for k in range(FRAMES):
        positions, velocities = rng.uniform(0, 12.4, (ATOMS, 3)), 0.02 * rng.normal(size=(ATOMS, 3))
        yield Frame(numbers, positions.round(5), cell, np.ones(3, dtype=bool), velocities.round(7), 2.0 * k)


def frames_per_second(frames: Callable[[], Iterable[object]]) -> float:
    """Return the best of a few runs."""
    best = 0.0
    for _ in range(REPEATS):
        begin = time.perf_counter()
        count = sum(1 for _ in frames())
        best = max(best, count / (time.perf_counter() - begin))
    return best


def main() -> None:
    """Print one table, or one JSON object."""
    with tempfile.TemporaryDirectory() as folder:
        text, binary, topology = (str(Path(folder) / name) for name in ("a.extxyz", "a.trr", "a.pdb"))
        write_frames(text, made_up())
        universe = MDAnalysis.Universe.empty(ATOMS, trajectory=True, velocities=True)
        universe.add_TopologyAttr("elements", ["O", "H", "H"] * (ATOMS // 3))
        universe.add_TopologyAttr("names", ["O", "H", "H"] * (ATOMS // 3))
        universe.dimensions = [12.4, 12.4, 12.4, 90, 90, 90]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about attributes that nobody needs here
            universe.atoms.write(topology)
        with MDAnalysis.Writer(binary, ATOMS) as writer:
            for frame in made_up():
                universe.atoms.positions, universe.atoms.velocities = (
                    frame.positions,
                    1000 * np.asarray(frame.velocities),
                )
                universe.trajectory.ts.time = frame.time / 1000 if frame.time else 0.0
                writer.write(universe.atoms)
        stored = MDAnalysis.Universe(topology, binary)
        rates = {
            "extxyz, ours": frames_per_second(Trajectory(text).frames),
            "extxyz, ASE": frames_per_second(lambda: iread(text)),
            "TRR, ours (every check)": frames_per_second(Trajectory(binary, topology=topology, timestep=2.0).frames),
            "TRR, MDAnalysis alone": frames_per_second(lambda: stored.trajectory),
        }
    if "--json" in sys.argv:
        print(json.dumps(rates))
        return
    print(f"frames per second, {ATOMS} atoms with velocities")
    for name, rate in rates.items():
        print(f"{name:<28}{rate:10.0f}")
    print(f"extxyz: {rates['extxyz, ours'] / rates['extxyz, ASE']:.1f} times ASE")


if __name__ == "__main__":
    main()
