"""Frames per second of the readers, beside the libraries they use or replace, in turns in one run, on one core.

python benchmarks/reading.py [--json]

Seconds are of the processor, the least of some rounds; it takes half a minute.
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

ATOMS, FRAMES, ROUNDS = 192, 1000, 5


def made_up() -> Iterable[Frame]:
    """Yield frames of the size of 64 waters, with velocities."""
    rng = np.random.default_rng(0)
    numbers, cell = np.tile([8, 1, 1], ATOMS // 3), 12.4 * np.eye(3)
    rest = rng.uniform(0, 12.4, (ATOMS, 3))
    for k in range(FRAMES):
        positions, velocities = rest + 0.05 * rng.normal(size=(ATOMS, 3)), 0.02 * rng.normal(size=(ATOMS, 3))
        yield Frame(numbers, positions.round(5), cell, np.ones(3, dtype=bool), velocities.round(7), 2.0 * k)


def frames_per_second(readers: dict[str, Callable[[], Iterable[object]]]) -> dict[str, float]:
    """Return the best of a few rounds of each."""
    best = dict.fromkeys(readers, 0.0)
    for _ in range(ROUNDS):
        for name, frames in readers.items():
            begin = time.process_time()
            count = sum(1 for _ in frames())
            best[name] = max(best[name], count / (time.process_time() - begin))
    return best


def main() -> None:
    """Print one table, or one JSON object."""
    with tempfile.TemporaryDirectory() as folder:
        text, trr, dcd, topology = (str(Path(folder) / name) for name in ("a.extxyz", "a.trr", "a.dcd", "a.pdb"))
        write_frames(text, made_up())
        universe = MDAnalysis.Universe.empty(ATOMS, trajectory=True, velocities=True)
        universe.add_TopologyAttr("elements", ["O", "H", "H"] * (ATOMS // 3))
        universe.add_TopologyAttr("names", ["O", "H", "H"] * (ATOMS // 3))
        universe.dimensions = [12.4, 12.4, 12.4, 90, 90, 90]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about attributes that nobody needs here
            universe.atoms.write(topology)
        with MDAnalysis.Writer(trr, ATOMS) as writer, MDAnalysis.Writer(dcd, ATOMS, dt=0.002) as other:
            for frame in made_up():
                universe.atoms.positions = frame.positions
                universe.atoms.velocities = 1000 * np.asarray(frame.velocities)
                universe.trajectory.ts.time = frame.time / 1000 if frame.time else 0.0
                writer.write(universe.atoms)
                other.write(universe.atoms)
        stored = {path: MDAnalysis.Universe(topology, path).trajectory for path in (trr, dcd)}
        rates = frames_per_second({
            "extxyz, ours": Trajectory(text).frames,
            "extxyz, ASE": lambda: iread(text),
            "TRR, ours (every check)": Trajectory(trr, topology=topology, timestep=2.0).frames,
            "TRR, MDAnalysis alone": lambda: stored[trr],
            "DCD, ours (every check)": Trajectory(dcd, topology=topology, timestep=2.0).frames,
            "DCD, MDAnalysis alone": lambda: stored[dcd],
        })  # fmt: skip
    if "--json" in sys.argv:
        print(json.dumps(rates))
        return
    print(f"frames per second, {ATOMS} atoms with velocities")
    for name, rate in rates.items():
        print(f"{name:<28}{rate:10.0f}")
    for (name, ours), (other, theirs) in zip(list(rates.items())[::2], list(rates.items())[1::2], strict=True):
        print(f"{name}: {ours / theirs:.1f} times {other}")


if __name__ == "__main__":
    main()
