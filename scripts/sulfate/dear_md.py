"""Trajectories with 7net-mf-0 (r2SCAN head) itself: several replicas, batched in one graph, on one CUDA device.

    python dear_md.py starts.extxyz --seconds 500 --out dear-run

`starts.extxyz` has a frame of each replica, all of the same atoms in the same cube, with velocities in Å/fs (as
`run.py` writes them). `dear-run-K.extxyz.xz` get the constant-energy part, every 2 fs; `dear-run.state.npz` is where to
go on: called again, it does. Langevin dynamics (1 ps of friction 0.01/fs, 0.5 ps of 0.002/fs) comes first; constant
energy begins at the mean energy of the last picosecond of it.

It needs sevenn, and a torch that compiles (`torch.compile`, a minute); `--check` compares forces with sevenn's own
calculator on the CPU. Edges are padded to a constant number with ones of the length of the cutoff, which carry nothing,
so that one CUDA graph serves every step.
"""

from __future__ import annotations

import argparse
import lzma
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import e3nn
import numpy as np
import torch
from ase import Atoms, units
from ase.io import read
from run import text_of
from torch import Tensor

from mimyria.engines.job import write_npz

STEP, STORED, HEAT = 0.5, 4, units.kB * 300.0
MEAN, GENTLE, FREE = 1000, 2000, 3000  # steps: energies count from MEAN, friction is less from GENTLE, none from FREE


class Batch:
    """Energies and forces of replicas, positions of shape (replicas, atoms, 3) in one cube.

    Parameters
    ----------
    frames
        One of each replica.
    """

    def __init__(self, frames: list[Atoms]) -> None:
        from sevenn.util import load_checkpoint

        e3nn.set_optimization_defaults(jit_script_fx=False)
        self.replicas, self.atoms, self.edge = len(frames), len(frames[0]), float(frames[0].cell[0, 0])
        model = load_checkpoint("7net-mf-0").build_model().cuda().eval()
        model.set_is_batch_data(False)
        model.requires_grad_(False)
        self.cutoff, modal = float(model.cutoff), model.modal_map["R2SCAN"]
        numbers = torch.tensor(np.concatenate([frame.numbers for frame in frames]), device="cuda")
        types = model._atomic_numbers_to_onehot(numbers)
        self.fixed: dict[str, Tensor] = {"x": types, "modal_type": torch.tensor(modal, device="cuda")}
        self.embed, rescale = model._modules["edge_embedding"], model._modules["rescale_atomic_energy"]
        sums = [model._modules[name] for name in ("reduce_total_enegy", "force_output")]  # sic
        self.layers: list[Any] = []
        for layer in model:
            if type(layer).__name__ == "OnehotEmbedding":
                self.fixed = layer(self.fixed)
            elif layer is not self.embed and layer is not rescale and layer not in sums:
                self.layers.append(layer)
        shift = rescale.shift[modal] if rescale.use_modal_wise_shift else rescale.shift
        scale = rescale.scale[modal] if rescale.use_modal_wise_scale else rescale.scale
        self.shift, self.scale = shift[types][:, None], scale[types][:, None]
        self.compiled: Callable[..., Tensor] = torch.compile(self.energies, dynamic=False)
        triples = torch.cartesian_prod(*[torch.arange(-1, 2, device="cuda")] * 3)
        self.images = triples.double() * self.edge
        places = torch.tensor(np.array([frame.positions for frame in frames]), device="cuda")
        self.size = int(1.06 * len(self.neighbours(places)[0]))
        self.fill = torch.arange(self.size, device="cuda") % (self.replicas * self.atoms)
        self.vectors = torch.zeros(self.size, 3, device="cuda")
        self.pairs = torch.zeros(2, self.size, dtype=torch.int64, device="cuda")
        self.load(places)
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):
                self.evaluate()
        torch.cuda.current_stream().wait_stream(aside)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.out = self.evaluate()

    def energies(self, embedding: Tensor, angular: Tensor, lengths: Tensor, pairs: Tensor) -> Tensor:
        """Return the energy of each atom."""
        data = dict(self.fixed)
        data.update(edge_index=pairs, edge_embedding=embedding, edge_attr=angular, edge_length=lengths)
        for layer in self.layers:
            data = layer(data)
        return data["scaled_atomic_energy"] * self.scale + self.shift

    def evaluate(self) -> tuple[Tensor, Tensor]:
        """Return energies of the replicas, and forces, of the edges that are loaded."""
        vectors = self.vectors.detach().requires_grad_(True)
        data = self.embed({"edge_vec": vectors})
        energy = self.compiled(data["edge_embedding"], data["edge_attr"], data["edge_length"], self.pairs)
        (slope,) = torch.autograd.grad(energy.sum(), vectors)
        forces = torch.zeros(self.replicas * self.atoms, 3, device="cuda")
        forces = forces.index_add(0, self.pairs[0], slope).index_add(0, self.pairs[1], -slope)
        return energy.detach().view(self.replicas, -1).double().sum(1), forces.view(self.replicas, -1, 3)

    def neighbours(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Return vectors and pairs of all edges: every pair, in 27 images."""
        apart = places[:, None] - places[:, :, None]
        apart = apart - self.edge * torch.round(apart / self.edge)
        squares = (apart**2).sum(-1)[..., None] + 2 * apart @ self.images.T + (self.images**2).sum(-1)
        replica, i, j, image = torch.nonzero((squares < self.cutoff**2) & (squares > 1e-6)).unbind(1)
        return apart[replica, i, j] + self.images[image], self.atoms * replica + torch.stack((i, j))

    def load(self, places: Tensor) -> None:
        """Put edges where the graph reads them."""
        vectors, pairs = self.neighbours(places)
        number = len(vectors)
        if number > self.size:
            raise SystemExit(f"{number} edges, and there is room for {self.size}")
        self.vectors[:number], self.pairs[:, :number] = vectors.float(), pairs
        self.vectors[number:] = torch.tensor([self.cutoff, 0.0, 0.0], device="cuda")
        self.pairs[:, number:] = self.fill[number:]

    def __call__(self, places: Tensor) -> tuple[Tensor, Tensor]:
        self.load(places)
        self.graph.replay()
        return self.out[0].clone(), self.out[1].double()


def check(batch: Batch, frames: list[Atoms], forces: Tensor) -> None:
    """Compare forces of the first and last replica with sevenn's calculator; raise SystemExit if they differ."""
    from sevenn.calculator import SevenNetCalculator

    for number in (0, batch.replicas - 1):
        atoms = frames[number].copy()
        atoms.calc = SevenNetCalculator("7net-mf-0", modal="R2SCAN", device="cpu")
        worst = float(np.abs(atoms.get_forces() - forces[number].cpu().numpy()).max())
        print(f"replica {number}: forces within {worst:.1e} eV/Å")
        if worst > 1e-3:
            raise SystemExit("these are not the forces of 7net")


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("starts", type=Path)
    parser.add_argument("--seconds", type=float, required=True, help="stop after this time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", action="store_true", help="compare forces first")
    parser.add_argument("--out", required=True, help="prefix of the files")
    given = parser.parse_args()
    begun, state = time.monotonic(), Path(f"{given.out}.state.npz")
    frames = read(given.starts, index=":")
    kept: dict[str, Any] = {
        "positions": np.array([frame.positions for frame in frames]),
        "velocities": np.array([frame.arrays["vel"] for frame in frames]),
        "done": 0,
        "mean": np.zeros(len(frames)),
        "lengths": np.zeros(len(frames), dtype=int),
    }
    files = [Path(f"{given.out}-{number + 1}.extxyz.xz") for number in range(len(frames))]
    if state.exists():
        kept = dict(np.load(state))
    for path, length in zip(files, kept["lengths"].tolist(), strict=True):
        if path.exists():
            os.truncate(path, length)  # what a start wrote that was killed before its state is made again
    places, speeds, mean = (torch.tensor(kept[name], device="cuda") for name in ("positions", "velocities", "mean"))
    done, batch = int(kept["done"]), Batch(frames)
    masses = torch.tensor(frames[0].get_masses() / units.fs**2, device="cuda")[:, None]
    random = torch.Generator("cuda").manual_seed(given.seed + done)
    if given.check:
        start = torch.tensor(np.array([frame.positions for frame in frames]), device="cuda")
        check(batch, frames, batch(start)[1])
    energy, forces = batch(places)
    stored = []
    while done % STORED or time.monotonic() - begun < given.seconds:
        friction = 0.01 if done < GENTLE else 0.002 if done < FREE else 0.0
        speeds += forces / masses * (STEP / 2)
        places += speeds * (STEP / 2)
        if friction:
            left = np.exp(-friction * STEP)
            noise = torch.randn(speeds.shape, generator=random, device="cuda", dtype=torch.float64)
            speeds = left * speeds + torch.sqrt((1 - left**2) * HEAT / masses) * noise
        places += speeds * (STEP / 2)
        energy, forces = batch(places)
        speeds += forces / masses * (STEP / 2)
        done += 1
        if MEAN < done <= FREE:
            mean += (energy + (masses * speeds**2).sum((1, 2)) / 2) / (FREE - MEAN)
        if done == FREE:
            speeds -= (masses * speeds).sum(1, keepdim=True) / masses.sum()
            speeds *= torch.sqrt(2 * (mean - energy) / (masses * speeds**2).sum((1, 2)))[:, None, None]
        if done > FREE and done % STORED == 0:
            stored.append((done, places.float().cpu().numpy(), speeds.float().cpu().numpy()))
    for number, (frame, path) in enumerate(zip(frames, files, strict=True)):
        with lzma.open(path, "at", preset=1, encoding="utf-8") as out:
            for step, where, speed in stored:
                frame.positions = where[number]
                frame.set_velocities(speed[number] / units.fs)
                out.write(text_of(frame, (step - FREE) * STEP))
    moving: dict[str, Any] = {
        "positions": places.cpu().numpy(),
        "velocities": speeds.cpu().numpy(),
        "mean": mean.cpu().numpy(),
    }
    write_npz(state, {"done": done, "lengths": [path.stat().st_size for path in files], **moving})
    total = energy + (masses * speeds**2).sum((1, 2)) / 2
    print(f"{done} steps; energies", *(f"{number:.4f}" for number in total.tolist()))


if __name__ == "__main__":
    main()
