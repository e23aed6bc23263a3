"""Orbital levels by the network of response tensors: `python benchmarks/levels.py`, 20 minutes of a core, with qm9pack.

HOMO and LUMO of molecules of QM9 (B3LYP/6-31G(2df,p); H C N O F, up to nine heavy atoms). The read-out is of scalars, a
level and a weight for each atom, and a level of the molecule is their mean by weight, as an orbital is on some atoms:

    E_s = Σ_n w_sn e_sn          w_s = softmax over the atoms of what is read

Printed are mean absolute errors for molecules that were not trained on, drawn at random as those of the published
networks were, which also learned spectra of sixteen levels (K. Ghosh et al., Adv. Sci. 6, 1801367 (2019); of 132 531
molecules: a deep tensor network 0.186 eV, a convolutional one 0.231 eV). Two levels are all that QM9 has. Their
spectrum is two Gaussian lines of 0.5 eV; its error Σ|A - B| / ΣA.

This is no target of the program: `mimyria train` learns tensors of atoms.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mimyria.elements import numbers_of
from mimyria.frame import Array, Frame
from mimyria.model.graph import Graph, build_graph
from mimyria.model.irreps import Irrep, Irreps
from mimyria.model.layers import NetworkSettings
from mimyria.model.network import Network
from mimyria.units import HARTREE

LEVELS = ("HOMO", "LUMO")
SPECIES = (1, 6, 7, 8, 9)
RATE, AVERAGING, WARM_UP = 0.01, 0.995, 50
TOGETHER = 16
"""Molecules of a step."""
TESTED = 1000
WIDTH = 0.5
"""eV"""


@dataclass(frozen=True)
class Batch:
    """Molecules of one step."""

    graph: Graph
    molecule: Tensor
    """Of each atom, in the order of the graph, shape (n,)."""
    levels: Tensor
    """eV, shape (molecules, levels)."""


class LevelNetwork(nn.Module):
    """Levels of molecules, in eV."""

    mean: Tensor
    scale: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        settings = NetworkSettings("levels", SPECIES, channels=channels)
        self.network = Network(settings, Irreps((Irrep(2 * len(LEVELS), 0, 1),)))
        self.register_buffer("mean", torch.zeros(len(LEVELS)))
        self.register_buffer("scale", torch.ones(len(LEVELS)))

    def normalise(self, batches: Sequence[Batch]) -> None:
        """Bring inputs and levels to order one."""
        self.network.set_scales([self.network.geometry(batch.graph) for batch in batches[:50]])
        levels = torch.cat([batch.levels for batch in batches])
        self.mean, self.scale = levels.mean(dim=0), levels.std(dim=0)

    def forward(self, batch: Batch) -> Tensor:
        read = self.network(self.network.geometry(batch.graph))
        own, weight = read[:, : len(LEVELS)], read[:, len(LEVELS) :].clamp(-10, 10).exp()
        zeros = read.new_zeros(len(batch.levels), len(LEVELS))
        total, weights = (zeros.index_add(0, batch.molecule, each) for each in (own * weight, weight))
        return self.mean + self.scale * total / weights


def molecules(number: int, seed: int) -> list[tuple[Frame, list[float]]]:
    """Return molecules of QM9 drawn at random, with their levels in eV."""
    spec = find_spec("qm9pack")
    if spec is None or spec.origin is None:
        raise SystemExit("qm9pack is not installed: pip install --no-deps qm9pack")
    csv.field_size_limit(sys.maxsize)
    rows = []
    for part in (1, 2, 3):
        with (Path(spec.origin).parent / "data" / f"qm9_part{part}.csv").open(encoding="utf-8") as stream:
            wanted = "Elements", "XYZ_Ang", "HOMO_au", "LUMO_au"
            rows += [tuple(row[name] for name in wanted) for row in csv.DictReader(stream)]
    made = []
    for k in np.random.default_rng(seed).permutation(len(rows)):
        elements, positions, *levels = rows[k]
        try:
            places = np.array(json.loads(positions))
        except json.JSONDecodeError:  # some numbers are written as 1.2*^-5
            continue
        frame = Frame(
            numbers_of(re.findall("[A-Z][a-z]?", elements)), places, np.zeros((3, 3)), np.zeros(3, dtype=bool)
        )
        made.append((frame, [float(each) * HARTREE for each in levels]))
        if len(made) == number:
            return made
    raise SystemExit(f"QM9 has {len(made)} molecules, fewer than {number}")


def batches_of(chosen: Sequence[tuple[Frame, list[float]]]) -> list[Batch]:
    """Return the batches of molecules."""
    made = []
    for start in range(0, len(chosen), TOGETHER):
        frames, levels = zip(*chosen[start : start + TOGETHER], strict=True)
        graph = build_graph(frames, SPECIES, NetworkSettings.cutoff)
        molecule = torch.tensor(np.repeat(np.arange(len(frames)), [len(frame) for frame in frames]))
        made.append(Batch(graph, molecule[graph.order], torch.tensor(levels, dtype=torch.float32)))
    return made


def train(network: LevelNetwork, batches: Sequence[Batch], minutes: float, seed: int) -> tuple[LevelNetwork, int]:
    """Return the moving average of the weights, and how many steps were made."""
    averaged = LevelNetwork(network.network.settings.channels)
    averaged.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), RATE, betas=(0.9, 0.99), weight_decay=0.01)
    random, began, steps = np.random.default_rng(seed), time.monotonic(), 0
    while True:
        for k in random.permutation(len(batches)):
            done = (time.monotonic() - began) / (60 * minutes)
            if done >= 1:
                return averaged, steps
            rate = RATE * 0.5 * (1 + math.cos(math.pi * done)) * min(1.0, (steps + 1) / WARM_UP)
            optimiser.param_groups[0]["lr"] = rate
            optimiser.zero_grad()
            ((network(batches[k]) - batches[k].levels) / network.scale).abs().mean().backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
            optimiser.step()
            steps += 1
            keep = min(AVERAGING, 1 - 1 / steps)
            with torch.no_grad():
                torch._foreach_lerp_(list(averaged.parameters()), list(network.parameters()), 1 - keep)


def spectra(levels: Array) -> Array:
    """Return the broadened levels of molecules, levels (molecules, 2) in eV, shape (molecules, energies)."""
    axis = np.arange(-20.0, 10.0, 0.05)
    return np.asarray(np.exp(-(((axis - levels[:, :, None]) / WIDTH) ** 2) / 2).sum(axis=1))


def main() -> None:
    """Train, and print the errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--molecules", type=int, default=20000, help="to train on")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--channels", type=int, default=NetworkSettings.channels)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    chosen = molecules(given.molecules + TESTED, given.seed)
    tested, trained = batches_of(chosen[:TESTED]), batches_of(chosen[TESTED:])
    torch.manual_seed(given.seed)
    network = LevelNetwork(given.channels)
    network.normalise(trained)
    network, steps = train(network, trained, given.minutes, given.seed)
    with torch.no_grad():
        found = torch.cat([network(batch) for batch in tested]).numpy().astype(float)
    true = torch.cat([batch.levels for batch in tested]).numpy().astype(float)
    print(
        f"{given.molecules} molecules, {steps * TOGETHER / given.molecules:.1f} times each, {given.minutes:g} minutes"
    )
    for name, error, spread in zip(LEVELS, abs(found - true).mean(axis=0), true.std(axis=0), strict=True):
        print(f"{name}: mean absolute error {error:.3f} eV in {TESTED} others, which scatter by {spread:.2f} eV")
    a, b = spectra(true), spectra(found)
    print(f"both levels {abs(found - true).mean():.3f} eV; of their spectra {abs(a - b).sum() / a.sum():.1%}")


if __name__ == "__main__":
    main()
