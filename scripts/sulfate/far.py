"""Whether networks learn more of the PGT if they see the electric potential of the whole box: a trial.

    python far.py labels-*.extxyz --part 0

The potential of point charges, without its short range, and its derivatives up to the third at each atom,

    f_lm = 4π/V Σ_k k^(l-2) exp(-k²/4η²) Y_lm(k̂) Re i^l exp(ik·r_i) Σ_j q_j exp(-ik·r_j),

of the water and of the ions, each for several η, are further inputs of a network: functions on the sphere like its own.
It begins with the start of `large`, which does not know them: their weights are zero. Errors are of one of the parts
of `cross.py`, by networks of the others, without and with these inputs. A training takes three minutes of a core.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cross import deal
from learn import GROUPS, LARGE_CLUSTERS, split
from torch import Tensor, nn

import mimyria
from mimyria.frame import Array, Frame
from mimyria.model.batches import Batch, make_data
from mimyria.model.files import read_every_level
from mimyria.model.graph import build_graph
from mimyria.model.harmonics import degrees, harmonics
from mimyria.model.layers import SpeciesLinear
from mimyria.model.model import ResponseModel, preset_settings
from mimyria.model.transfer import adapted
from mimyria.molecules import find_molecules
from mimyria.process import set_up_memory
from mimyria.settings import EvaluateSettings, TrainSettings
from mimyria.targets import TARGETS
from mimyria.training.evaluate import Comparison, evaluate
from mimyria.training.fit import Fit, FitSettings
from mimyria.training.intensities import groups_in
from mimyria.training.labelled import trained_levels
from mimyria.training.start import carried_species

S, O, H, NA = 16, 8, 1, 11  # noqa: E741
WATER, IONS = {O: -0.8, H: 0.4}, {S: 2.0, O: -1.0, NA: 1.0}
"""Charges, e: of all waters, and of sulfate and sodium."""
WIDTHS = (0.25, 0.4, 0.6, 0.9)
"""η, 1/Å; what is nearer than some 1/η is left out."""
L_MAX = 3
SHARPEST = 3.3
"""1/Å, of k."""
SIZE = 3.0
"""Of these inputs (rms), relative to that of the network's own of the same l."""


def far_fields(frame: Frame) -> Array:
    """Return f_lm of each atom, shape (harmonics, n, 2 groups of charges times widths)."""
    molecules, _ = find_molecules(frame)
    of_ion = molecules == molecules[np.flatnonzero(frame.numbers == S)[0]]
    in_ions = of_ion | (frame.numbers == NA)
    charges = [
        np.array([given.get(int(number), 0.0) for number in frame.numbers]) * chosen
        for given, chosen in ((WATER, ~in_ions), (IONS, in_ions))
    ]
    sides = np.diag(frame.cell)
    most = int(SHARPEST * sides.max() / (2 * np.pi)) + 1
    steps = np.array([step for step in np.ndindex(*[2 * most + 1] * 3) if step != (most, most, most)]) - most
    k = 2 * np.pi * steps / sides
    k = k[np.linalg.norm(k, axis=1) < SHARPEST]
    size, degree = np.linalg.norm(k, axis=1), degrees(L_MAX).numpy()
    angular = harmonics(torch.from_numpy(k), L_MAX).numpy()  # (harmonics, k)
    waves = np.exp(1j * frame.positions @ k.T)  # (n, k)
    columns = []
    for width in WIDTHS:
        weight = 4 * np.pi / sides.prod() * np.exp(-((size / (2 * width)) ** 2)) / size**2
        for of_atoms in charges:
            sums = weight * (of_atoms @ waves.conj())
            made = 1j ** degree[:, None] * size ** degree[:, None] * angular * sums  # (harmonics, k)
            columns.append((made @ waves.T).real)
    return np.stack(columns, axis=-1)


class Embedding(nn.Module):
    """The first layer of a network, which takes the far fields as well; their weights begin at zero."""

    def __init__(self, own: SpeciesLinear, n_far: int) -> None:
        super().__init__()
        n_species, _, self.n_own, n_out = own.weight.shape
        self.own, self.far = own, SpeciesLinear(n_species, n_far, n_out, own.degree)
        self.far.norm = own.norm
        nn.init.zeros_(self.far.weight)

    def forward(self, x: Tensor, slices: tuple[slice, ...]) -> Tensor:  # (harmonics, n, own and far)
        return self.own(x[..., : self.n_own], slices) + self.far(x[..., self.n_own :], slices)


def seeing(geometry: Any, frame: Frame, scale: Tensor) -> Any:
    """Return the geometry of a frame with its far fields beside the density."""
    far = torch.from_numpy(far_fields(frame)).to(geometry.density)[:, geometry.graph.order] * scale
    return replace(geometry, density=torch.cat([geometry.density, far], dim=-1))


def scale_of(frames: Sequence[Frame], batches: Sequence[Batch]) -> Tensor:
    """Return what brings the far fields of each degree to the size of the density, (harmonics, 1, 1)."""
    degree, scale = degrees(L_MAX), torch.ones(len(degrees(L_MAX)), 1, 1)
    fields = torch.from_numpy(np.concatenate([far_fields(frame) for frame in frames[:10]], axis=1)).float()
    density = torch.cat([batch.geometry.density for batch in batches[:10]], dim=1)  # type: ignore[union-attr]
    for row in (degree == each for each in range(L_MAX + 1)):
        scale[row] = SIZE * density[row].square().mean().sqrt() / fields[row].square().mean().sqrt()
    return scale


def learn(training: Sequence[Frame], test: Sequence[Frame], far: bool, steps: int) -> list[Array]:
    """Return the PGT of the frames to test on, by a network of the others; every frame is a batch."""
    start = read_every_level(Path(LARGE_CLUSTERS))
    levels = trained_levels(training, TrainSettings(target="pgt", preset="large"))
    species = tuple(np.unique(np.concatenate([frame.numbers for frame in training])).tolist())
    shape = preset_settings("large", "pgt", species)
    torch.manual_seed(0)  # the start does not know sodium, whose weights are random
    model = adapted(start, species, levels, 0, shape)
    carried = carried_species(start, shape)
    device = torch.device("cpu")
    data = make_data(model, training, [], project=False, weights={}, device=device, carried=carried)
    fit = Fit(model, data, FitSettings(steps=steps, learning_rate=0.02), time.monotonic())
    scale = scale_of(training, data.training) if far else None
    if scale is not None:
        for each in (fit.averaged, fit.model):
            network: Any = each.networks[0]
            network.embed = Embedding(network.embed, 2 * len(WIDTHS))
        fit.optimiser.param_groups[0]["params"].append(network.embed.far.weight)
        fit.best = deepcopy(fit.model.state_dict())
        pairs = list(zip(data.training, training, strict=True))
        data.training[:] = [replace(batch, geometry=seeing(batch.geometry, frame, scale)) for batch, frame in pairs]
    while fit.progress() < 1:
        fit.epoch()
    fit.model.load_state_dict(fit.best)
    return [predict(fit.model, frame, scale) for frame in test]


def predict(model: ResponseModel, frame: Frame, scale: Tensor | None) -> Array:
    """Return the PGT of a frame, shape (n, 3, 3, 3)."""
    graph = build_graph([frame], model.settings.species, model.settings.cutoff)
    with torch.no_grad():
        geometry = model.geometry(graph)
        tensors = model.tensors(geometry if scale is None else seeing(geometry, frame, scale))
    return np.asarray(tensors[0])


def errors(test: Sequence[Frame], predicted: Sequence[Array]) -> str:
    """Return the errors of each kind of atom (rms), relative to the size of its tensors."""
    numbers, labels = [frame.numbers for frame in test], [frame.tensors["pgt"] for frame in test]
    pairs = Comparison(TARGETS["pgt"], test, *map(np.concatenate, (numbers, labels, predicted)))
    found = evaluate(pairs, groups_in(test, EvaluateSettings(groups=GROUPS)))["groups"]
    rows = [(f"{group} {symbol}", row) for group, of_group in found.items() for symbol, row in of_group.items()]
    return ", ".join(f"{name} {100 * row['of_size']:.1f} %" for name, row in rows)


def main() -> None:
    """Train without and with the far fields, and print the errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path, nargs="+")
    parser.add_argument("--parts", type=int, default=5)
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--steps", type=int, default=3000)
    given = parser.parse_args()
    set_up_memory()
    single, parts = deal([frame for path in given.labels for frame in mimyria.read_frames(path)], given.parts)
    training, test = split(single, parts[given.part])
    for far in (False, True):
        print("with far fields:" if far else "without:", errors(test, learn(training, test, far, given.steps)))


if __name__ == "__main__":
    main()
