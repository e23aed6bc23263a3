"""Frames per second along a trajectory: reading, contraction of stored tensors, the whole pass with the water networks.

python benchmarks/passes.py [--frames 100] [--json]

One core, in seconds of the processor, since other programs may share the core. The trajectory is
``../shared/data/water64.trr``, where that is, else the bundled one of half as many atoms. Every pass is
`response_series`, from the file to finished parts on the disk. Beside it the published networks in double precision,
as their program computes them (they alone: no reading, and no tensors written as text and read again), and that
program's own numbers.

The last line of ``--json`` is one object.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import MDAnalysis
import numpy as np
import torch
from network import works

from mimyria.frame import Frame, changed
from mimyria.memory import Identity
from mimyria.model.files import read_model
from mimyria.model.model import ResponseModel
from mimyria.model.predict import predict_all
from mimyria.process import set_up_memory
from mimyria.rates.checkpoint import PartStore
from mimyria.rates.groups import Grouping
from mimyria.rates.response import response_series
from mimyria.rates.window import window_lags
from mimyria.targets import APT, PGT
from mimyria.trajectory import Trajectory

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"
BOTH = {target.name: target for target in (APT, PGT)}
PROGRAM = {"apt": 1.039, "pgt": 2.717}
"""Seconds a frame of 192 atoms that the published program took for each target, measured with itself on one core."""
STORED, READ = 64, 4000
"""Different sets of stored tensors; frames to read."""
ROUNDS = 3


def seconds(work: Callable[[], Any], rounds: int = ROUNDS) -> float:
    """Return the least seconds of the processor of a few calls."""
    least = np.inf
    for _ in range(rounds):
        begin = time.process_time()
        work()
        least = min(least, time.process_time() - begin)
    return float(least)


def along(trajectory: Trajectory, frames: Iterable[Frame], timestep: float, targets: tuple[str, ...]) -> None:
    """Make the series of frames with tensors."""
    with tempfile.TemporaryDirectory() as folder:
        response_series(
            iter(()),
            frames,
            targets=targets,
            grouping=Grouping.by_species(trajectory.numbers),
            timestep=timestep,
            lags=window_lags(20.0, timestep),
            store=PartStore(Path(folder), Identity()),
        )


def made_up_tensors(atoms: int) -> list[dict[str, Any]]:
    """Return sets of tensors as they might come from a file."""
    rng = np.random.default_rng(0)
    sizes = {name: (atoms, *target.shape) for name, target in BOTH.items()}
    return [{name: rng.normal(size=size) for name, size in sizes.items()} for _ in range(STORED)]


def with_stored(frames: Iterable[Frame], stored: list[dict[str, Any]]) -> Iterator[Frame]:
    """Yield frames with tensors that are in memory already."""
    for frame, tensors in zip(frames, cycle(stored), strict=False):
        yield changed(frame, tensors=tensors)


def alone(model: ResponseModel) -> ResponseModel:
    """Return the model with the first of its networks alone."""
    model.members = model.members[:1]
    return model


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    set_up_memory()
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):  # frames are predicted side by side on several cores otherwise
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    binary, topology = SHARED / "water64.trr", SHARED / "water64.pdb"
    if binary.is_file():
        trajectory = Trajectory(binary, topology=topology)
    else:
        trajectory = Trajectory(ROOT / "mimyria" / "data" / "water32.extxyz.xz")
    atoms = len(trajectory.numbers)
    print(f"{trajectory.path.name}, {atoms} atoms; one core, seconds of the processor")
    found = {**reading(trajectory, topology if binary.is_file() else None), **networks(trajectory, options.frames)}
    if options.json:
        print(json.dumps({"atoms": atoms, **{name: float(f"{value:.4g}") for name, value in found.items()}}))


def reading(trajectory: Trajectory, topology: Path | None) -> dict[str, float]:
    """Print and return the microseconds a frame of everything but the networks."""
    both, step = tuple(BOTH), trajectory.timestep
    stored = made_up_tensors(len(trajectory.numbers))
    frames = list(with_stored(trajectory.frames(0, READ), stored))
    count, found = len(frames), {}
    if topology is not None:
        universe = MDAnalysis.Universe(topology, trajectory.path)
        found["us_mdanalysis"] = seconds(lambda: sum(1 for _ in universe.trajectory[:count])) / count * 1e6
    found["us_reading"] = seconds(lambda: sum(1 for _ in trajectory.frames(0, count))) / count * 1e6
    found["us_contraction"] = seconds(lambda: along(trajectory, frames, step, both)) / count * 1e6
    through = seconds(lambda: along(trajectory, with_stored(trajectory.frames(0, count), stored), step, both))
    found["us_post_processing"] = through / count * 1e6
    for name, words in {
        "us_mdanalysis": "MDAnalysis alone reads",
        "us_reading": "ours reads, every check",
        "us_contraction": "contraction of both tensors, velocity correlation, parts",
        "us_post_processing": "reading and contraction",
    }.items():
        if name in found:
            print(f"{words:<60}{found[name]:8.1f} µs a frame {1e6 / found[name]:10.0f} frames/s")
    if "us_mdanalysis" in found:
        for words, name in (("contraction", "us_contraction"), ("reading and contraction", "us_post_processing")):
            print(f"{words}: {found['us_mdanalysis'] / found[name]:.2f} times as fast as MDAnalysis reads")
    return found


def networks(trajectory: Trajectory, count: int) -> dict[str, float]:
    """Print and return the seconds a frame of the whole pass, beside the published networks."""
    stored = next(trajectory.frames())
    published = {name: seconds(works("published", name, stored, torch.float64)["forward"]) for name in BOTH}
    both, program = sum(published.values()), sum(PROGRAM.values()) * len(stored) / 192
    found = {"s_published_networks": both}
    for words, name, change, targets, stride in (
        ("APT, three networks", "s_apt_committee", _same, ("apt",), 1),
        ("APT and PGT, three networks each", "s_both_committees", _same, tuple(BOTH), 1),
        ("APT and PGT, one network each", "s_both", alone, tuple(BOTH), 1),
        ("the same at every second frame", "s_both_stride_2", alone, tuple(BOTH), 2),
    ):
        models = [change(read_model(Path("water"), target)) for target in targets]
        of_theirs = sum(published[target] for target in targets)

        def whole(
            models: list[ResponseModel] = models, stride: int = stride, targets: tuple[str, ...] = targets
        ) -> None:
            frames = predict_all(models, trajectory.frames(0, count, stride))
            along(trajectory, frames, stride * trajectory.timestep, targets)

        found[name] = seconds(whole) / count
        print(
            f"{words:<40}{1000 * found[name]:7.1f} ms a stored frame {1 / found[name]:7.0f} frames/s; "
            f"published networks here {of_theirs:.2f} s, ratio {of_theirs / found[name]:.0f}"
        )
    found["ratio_both"], found["ratio_both_committees"] = both / found["s_both"], both / found["s_both_committees"]
    found["ratio_program"] = program / found["s_both"]
    print(
        f"the published program itself: {program:.2f} s for both, ratio to one network each "
        f"{found['ratio_program']:.0f}"
    )
    return found


def _same(model: ResponseModel) -> ResponseModel:
    return model


if __name__ == "__main__":
    main()
