"""Forward pass and training step of `default` beside `published`: the same frames, one run, one thread each.

python benchmarks/network.py [--quick] [--json]

The last line of ``--json`` is one object with forward_apt, forward_pgt, step_apt, step_pgt: published time over ours,
each in its own precision, double for the published network and single for ours; and the same with ``_single`` for both
in single precision. forward_both is both targets of one frame, which with us share neighbours and geometry.
The allocator is set as the command sets it, for both. Without ``--quick`` also the cost of larger systems.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.model.graph import build_graph
from mimyria.model.model import PRESETS, ResponseModel, preset_settings
from mimyria.process import set_up_memory

DATA = Path(__file__).parents[1] / "mimyria" / "data"
ROUNDS = {True: 4, False: 8}
REPEATS = {"default": 20, "published": 1, "published, single": 1}
"""Calls timed together: frames of a trajectory come one after the other, so ours is timed in its stride too."""
COPIES = (1, 2, 4, 8, 16, 32, 64)


def repeated(frame: Frame, *copies: int) -> Frame:
    """Return a supercell."""
    shifts = np.array(list(np.ndindex(*copies))) @ frame.cell
    positions = np.concatenate([frame.positions + shift for shift in shifts])
    return Frame(np.tile(frame.numbers, len(shifts)), positions, frame.cell * np.array(copies)[:, None], frame.periodic)


def jittered(frame: Frame) -> Frame:
    """Return a frame without the symmetry of a supercell."""
    return replace(frame, positions=frame.positions + np.random.default_rng(0).normal(scale=0.02, size=(len(frame), 3)))


def seconds(work: Callable[[], Any], repeats: int) -> float:
    """Return the seconds of one call."""
    begin = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - begin) / repeats


def works(preset: str, target: str, frame: Frame, dtype: torch.dtype) -> dict[str, Callable[[], Any]]:
    """Return a forward pass, from positions to tensors, and a training step, whose graph is kept."""
    model = ResponseModel(preset_settings(preset, target, (1, 8))).to(dtype)
    geometry = model.geometry(build_graph([frame], (1, 8), model.settings.cutoff, dtype=dtype))
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3)

    def forward() -> None:
        with torch.inference_mode():
            model.tensors(model.geometry(build_graph([frame], (1, 8), model.settings.cutoff, dtype=dtype)))

    def step() -> None:
        optimiser.zero_grad()
        model(geometry).square().mean().backward()
        optimiser.step()

    return {"forward": forward, "step": step}


def forward_of_both(frame: Frame) -> Callable[[], Any]:
    """Return our forward pass of both targets together, from positions to tensors."""
    models = [ResponseModel(preset_settings("default", target, (1, 8))) for target in PRESETS["published"]]

    def forward() -> None:
        with torch.inference_mode():
            geometry = models[0].geometry(build_graph([frame], (1, 8), models[0].settings.cutoff))
            for model in models:
                model.tensors(geometry)

    return forward


def compare(target: str, frame: Frame, rounds: int) -> dict[str, dict[str, float]]:
    """Return the least seconds of each network, in turns, so that all see the same machine."""
    networks = {
        "default": works("default", target, frame, torch.float32) | {"both": forward_of_both(frame)},
        "published": works("published", target, frame, torch.float64),
        "published, single": works("published", target, frame, torch.float32),
    }
    least: dict[str, dict[str, float]] = {network: {} for network in networks}
    for both in networks.values():
        for work in both.values():
            seconds(work, 2)  # the first calls compile and allocate
    for _ in range(rounds):
        for network, both in networks.items():
            for name, work in both.items():
                found = seconds(work, REPEATS[network])
                least[network][name] = min(found, least[network].get(name, np.inf))
    return least


def main() -> None:
    """Print the tables."""
    quick = "--quick" in sys.argv
    set_up_memory()
    torch.set_num_threads(1)
    small = next(iter(read_frames(DATA / "water32_labels.extxyz.xz")))
    frame = jittered(repeated(small, 2, 1, 1))  # 192 atoms
    ratios: dict[str, float] = {}
    both, theirs_both, single_both = np.inf, 0.0, 0.0
    for target in PRESETS["published"]:
        least = compare(target, frame, ROUNDS[quick])
        both = min(both, 1000 * least["default"]["both"])
        theirs_both += 1000 * least["published"]["forward"]
        single_both += 1000 * least["published, single"]["forward"]
        for name in ("forward", "step"):
            ours, theirs, single = (1000 * least[network][name] for network in least)
            ratios |= {f"{name}_{target}": round(theirs / ours, 1), f"{name}_{target}_single": round(single / ours, 1)}
            print(
                f"{target} {name:8} 192 atoms: default {ours:6.1f} ms, published {theirs:7.0f} ms (ratio "
                f"{theirs / ours:.0f}), in single precision {single:7.0f} ms (ratio {single / ours:.0f})"
            )
    ratios |= {
        "forward_both": round(theirs_both / both, 1),
        "forward_both_single": round(single_both / both, 1),
    }
    print(
        f"both forward  192 atoms: default {both:6.1f} ms, published {theirs_both:7.0f} ms (ratio "
        f"{theirs_both / both:.0f}), in single precision {single_both:7.0f} ms (ratio {single_both / both:.0f})"
    )
    if not quick:
        for copies in COPIES:
            larger = jittered(repeated(frame, *_shape(copies)))
            least_seconds = min(seconds(works("default", "apt", larger, torch.float32)["forward"], 1) for _ in range(3))
            print(
                f"default apt forward {len(larger):6d} atoms: {1e6 * least_seconds / len(larger):6.0f} µs an atom, "
                f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB at most so far"
            )
    if "--json" in sys.argv:
        print(json.dumps(ratios))


def _shape(copies: int) -> tuple[int, int, int]:
    """Return three factors of a power of two, as even as they can be."""
    power = copies.bit_length() - 1
    return 2 ** (power // 3), 2 ** ((power + 1) // 3), 2 ** ((power + 2) // 3)


if __name__ == "__main__":
    main()
