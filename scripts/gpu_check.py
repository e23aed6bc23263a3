"""What a graphics card does: frames a second, training steps, the largest system, and how far it is from the CPU.

scripts/gpu-check [--device cuda:1] [--quick]

Networks are untrained, of the presets `default` and `published` (e3nn, in double precision as its program computes, and
in single), frames are supercells of the bundled water. A frame goes all the way from positions to tensors on this
machine, by the function that every command uses; so neighbours, transfers and the tensors' way back are in its time.
``--quick`` leaves the large systems out. The last line says whether the tensors are those of the CPU. Without a card it
says so and ends with the status 2; with other tensors than the CPU's, with 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mimyria.errors import ModelError
from mimyria.formats import read_frames
from mimyria.frame import Frame
from mimyria.model.files import choose_device
from mimyria.model.graph import build_graph
from mimyria.model.model import ResponseModel, preset_settings
from mimyria.model.predict import ATOMS_PER_BATCH, predict_together
from mimyria.model.room import Room

WATER = Path(__file__).parents[1] / "mimyria" / "data" / "water32_labels.extxyz.xz"
SMALL, LARGE = (2, 1, 1), (4, 4, 8)
"""Supercells of 96 atoms: 192 and 12 288."""
NETWORKS: tuple[tuple[str, torch.dtype | None, int | None], ...] = (
    ("default", None, None),
    ("published", None, 4),
    ("published", torch.float32, 4),
)
"""Preset, precision if not its own, and how many small frames go at once if not as many as in a pass."""
SECONDS = 4.0
"""For one number of the table."""
MOST_SECONDS = 30.0
"""For one frame of the largest system."""
AGREE = 1e-5
"""How far tensors may be from those of the CPU, relative to the largest element."""
NO_CARD = 2


def supercell(frame: Frame, copies: tuple[int, int, int]) -> Frame:
    """Return a supercell, its atoms displaced at random by a little."""
    shifts = np.array(list(np.ndindex(*copies))) @ frame.cell
    positions = np.concatenate([frame.positions + shift for shift in shifts])
    positions += np.random.default_rng(0).normal(scale=0.02, size=positions.shape)
    return Frame(np.tile(frame.numbers, len(shifts)), positions, frame.cell * np.array(copies)[:, None], frame.periodic)


def made(preset: str, target: str, device: torch.device, dtype: torch.dtype | None = None) -> ResponseModel:
    """Return an untrained model, the same on every device."""
    torch.manual_seed(0)
    model = ResponseModel(preset_settings(preset, target, (1, 8)))
    for network in model.networks:
        shape = model.settings
        graph = build_graph([next(iter(read_frames(WATER)))], shape.species, shape.cutoff, dtype=model.mean.dtype)
        network.set_scales([network.geometry(graph)])
    return model.to(device, dtype).eval()


def rate(work: Callable[[], Any], device: torch.device, seconds: float = SECONDS) -> float:
    """Return how often a second some work is done, after the first time, which allocates."""
    work()
    finish(device)
    begin, done, elapsed = time.perf_counter(), 0, 0.0
    while elapsed < seconds:
        work()
        finish(device)
        done, elapsed = done + 1, time.perf_counter() - begin
    return done / elapsed


def finish(device: torch.device) -> None:
    """Wait for all that the device was told to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def training_step(model: ResponseModel, frame: Frame) -> Callable[[], None]:
    """Return a step of the optimiser on one frame, whose geometry is kept."""
    device, dtype = model.mean.device, model.mean.dtype
    geometry = model.geometry(build_graph([frame], (1, 8), model.settings.cutoff, device, dtype))
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3)

    def step() -> None:
        optimiser.zero_grad()
        model(geometry).square().mean().backward()
        optimiser.step()

    return step


def difference(target: str, frame: Frame, device: torch.device) -> float:
    """Return the largest difference between the tensors of a device and of the CPU, relative to the largest element."""
    here, there = (
        predict_together([made("default", target, place)], [frame])[0][0].tensors
        for place in (torch.device("cpu"), device)
    )
    return float(abs(there - here).max() / abs(here).max())


def largest(model: ResponseModel, frame: Frame) -> tuple[int, float]:
    """Return the atoms of the largest supercell that goes through in `MOST_SECONDS`, and the GiB that it took."""
    device, found = model.mean.device, (0, 0.0)
    for power in count(7):
        larger = supercell(frame, (2 ** (power // 3), 2 ** ((power + 1) // 3), 2 ** ((power + 2) // 3)))
        torch.cuda.reset_peak_memory_stats(device)
        begin = time.perf_counter()
        try:
            predict_together([model], [larger])
        except ModelError:
            return found
        found = len(larger), torch.cuda.max_memory_allocated(device) / 1024**3
        if 2 * (time.perf_counter() - begin) > MOST_SECONDS:
            return found
    return found


def table(device: torch.device, small: Frame, large: Frame | None, seconds: float = SECONDS) -> None:
    """Print frames and training steps a second of each network."""
    for target in ("apt", "pgt"):
        for preset, dtype, least in NETWORKS:
            model, room = made(preset, target, device, dtype), Room()
            several = [small] * (least or max(ATOMS_PER_BATCH[device.type] // len(small), 1))
            numbers = []
            for batch in filter(None, (several, [large] if large else [])):
                predicted = len(batch) * rate(partial(predict_together, [model], batch, room), device, seconds)
                numbers.append(f"{len(batch[0])} atoms {predicted:.3g} frames/s")
            step = 1000 / rate(training_step(model, small), device, seconds)
            precision = "double" if model.mean.dtype == torch.float64 else "single"
            print(f"{target} {preset:9} {precision}: {', '.join(numbers)}, training step {step:.3g} ms", flush=True)


def main() -> int:
    """Print the table, and return the status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    try:
        device = choose_device(options.device)
    except ModelError as error:
        print(f"gpu-check: nothing was measured: {error}", file=sys.stderr)
        return NO_CARD
    water = next(iter(read_frames(WATER)))
    small, large = supercell(water, SMALL), None if options.quick else supercell(water, LARGE)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    print(f"{name}, torch {torch.__version__}", flush=True)
    table(device, small, large)
    if device.type == "cuda" and not options.quick:
        atoms, memory = largest(made("default", "pgt", device), water)
        print(f"largest system within {MOST_SECONDS:.0f} s a frame: {atoms} atoms, {memory:.1f} GiB")
    differences = {target: difference(target, small, device) for target in ("apt", "pgt")}
    agrees = max(differences.values()) <= AGREE
    stated = ", ".join(f"{target} {value:.1e}" for target, value in differences.items())
    print(f"difference from the CPU: {stated}: {'the same' if agrees else 'NOT the same'} to {AGREE:g}")
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
