r"""Fit what quantum nuclei add to the forces of their centroids, for classical dynamics with their spectra (Te-PIGS).

    python prepare.py FRAMES --model nep.txt --beads 12 --temperature 500 --equilibrate 1 --picoseconds 6 --tau 50 \
        --friction 1 --beads-every 10 --out hot && cd hot && i-pi equilibrate.xml && i-pi produce.xml && cd ..
    python mean_force.py hot --potential nep.txt --out quantum
    python prepare.py FRAMES --model nep.txt --add quantum --beads 1 --equilibrate 2 --out effective

The force on the beads, in the mean over them and over all rings about the same centroid, is that of the centroid's
potential of mean force. What it differs by from the force of the potential at the centroid is fitted by a neural
network of short range (force matching), by least squares that are weighed by the scatter of these forces: those on
whole molecules are a hundredth of those along bonds, and known as much better. It is learned at a raised temperature,
where rings are small, so that the curvature of rotations does not soften the stretch, and taken to be the same at lower
ones: F. Musil et al., J. Chem. Phys. 157, 181102 (2022); V. Kapil et al., Faraday Discuss. 249, 50 (2024). The last
fifth of the frames is held out.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from nep import HARTREE
from nnp import NNP, potential_of
from pack import CELL, UNITS, found, frames, unit

Array = np.ndarray[Any, Any]

CUTOFF = 8.0
"""bohr."""
BOND = tuple((4.0, shift) for shift in (1.6, 1.8, 2.0, 2.2, 2.5)) + tuple((2.0, shift) for shift in (3.2, 3.8, 4.5))
BROAD = ((0.005, 0.0), (0.03, 0.0), (0.1, 0.0))
RADIAL = {
    "O H": (*BROAD, *BOND),
    "H O": (*BROAD, *BOND),
    "H H": (*BROAD, (3.0, 2.6), (3.0, 3.0), (3.0, 3.4)),
    "O O": (*BROAD, (1.0, 5.0), (1.0, 5.6), (1.0, 6.2)),
}
"""Of the pairs of an atom and its neighbour, η and shift of the symmetry functions, 1/bohr² and bohr."""
ANGULAR = {
    "O 3 H H": ((0.02, 1), (0.02, 4)),
    "O 3 O H": ((0.02, 1),),
    "H 3 O O": ((0.02, 1), (0.02, 4)),
    "H 3 O H": ((0.02, 1), (0.08, 1)),
}
"""η and ζ, each with λ of both signs."""
HIDDEN = (12, 12)
EPOCHS, BATCH, LEARNING_RATE, WEIGHT_DECAY = 150, 8, 5e-3, 1e-4
HELD_OUT = 5
"""The last of so many parts of the frames."""
BONDS = np.arange(0.80, 1.25, 0.05)
"""Å: the mean over bonds of these lengths is printed."""


def read_beads(folder: Path) -> tuple[list[str], Array, Array]:
    """Return elements, positions (frames, beads, n, 3) and edges (3,), Å, of what i-PI wrote in a folder."""
    beads, edges, elements = [], np.zeros(3), list[str]()
    for path in sorted(folder.glob("produce.pos_*.xyz")):
        of_bead = []
        for _, comment, symbols, numbers in frames(path):
            elements = symbols
            edges = np.array([float(part) for part in found(CELL, comment)])
            edges *= UNITS[unit(comment, ("cell",))]
            of_bead.append(numbers * UNITS[unit(comment, ("positions",))])
        beads.append(of_bead)
    if not beads:
        raise SystemExit(f"{folder} holds no produce.pos_*.xyz")
    shortest = min(map(len, beads))
    return elements, np.array([of_bead[:shortest] for of_bead in beads]).swapaxes(0, 1), edges


def write_inputs(folder: Path, ranges: dict[str, Array]) -> None:
    """Write the symmetry functions and, of each element, their lowest, highest and mean values (n, 3)."""
    rows = [f"{pair[0]} 2 {pair[2]} {eta} {shift}" for pair, kinds in RADIAL.items() for eta, shift in kinds]
    rows += [
        f"{head} {eta} {sign} {zeta}" for head, kinds in ANGULAR.items() for eta, zeta in kinds for sign in (-1, 1)
    ]
    text = [
        "number_of_elements 2",
        "elements H O",
        "cutoff_type 2",
        "scale_symmetry_functions",
        "center_symmetry_functions",
        "global_hidden_layers_short 2",
        f"global_nodes_short {HIDDEN[0]} {HIDDEN[1]}",
        "global_activation_short t t l",
        *(f"symfunction_short {row} {CUTOFF}" for row in rows),
    ]
    (folder / "input.nn").write_text("\n".join(text) + "\n", encoding="utf-8")
    scaling = []
    for kind, element in enumerate("HO", 1):
        values = enumerate(ranges[element], 1)
        scaling += [f"{kind} {number} {low:.10g} {high:.10g} {mean:.10g}" for number, (low, high, mean) in values]
    (folder / "scaling.data").write_text("\n".join(scaling) + "\n", encoding="utf-8")


def network(inputs: int) -> torch.nn.Sequential:
    """Return the network of an element: from its symmetry functions to an energy, eV."""
    return torch.nn.Sequential(
        torch.nn.Linear(inputs, HIDDEN[0]),
        torch.nn.Tanh(),
        torch.nn.Linear(HIDDEN[0], HIDDEN[1]),
        torch.nn.Tanh(),
        torch.nn.Linear(HIDDEN[1], 1),
    )


def write_potential(folder: Path, ranges: dict[str, Array], nets: dict[str, torch.nn.Sequential]) -> None:
    """Write all as RuNNer does: hartree, layer by layer, weights from each input, then biases.

    Inputs beyond those of an element, of which there are as many as the other has more, are left out.
    """
    write_inputs(folder, ranges)
    for number, element in ((1, "H"), (8, "O")):
        first, second, last = (layer for layer in nets[element] if isinstance(layer, torch.nn.Linear))
        weights = [first.weight[:, : len(ranges[element])], second.weight, last.weight / HARTREE]
        biases = [first.bias, second.bias, last.bias / HARTREE]
        numbers = [part.detach().numpy().T.ravel() for pair in zip(weights, biases, strict=True) for part in pair]
        np.savetxt(folder / f"weights.{number:03d}.data", np.concatenate(numbers), fmt="%.12g")


def described_by(folder: Path, elements: list[str]) -> NNP:
    """Return a potential of the symmetry functions as they are, for their sake alone; it is written into the folder."""
    functions = {element: len(RADIAL[f"{element} H"]) + len(RADIAL[f"{element} O"]) for element in "HO"}
    for head, kinds in ANGULAR.items():
        functions[head[0]] += 2 * len(kinds)
    ranges = {element: np.tile([0.0, 1.0, 0.0], (count, 1)) for element, count in functions.items()}
    write_potential(folder, ranges, {element: network(count) for element, count in functions.items()})
    return NNP(folder, elements)


def whitened(molecules: Array, axes: Array, wanted: Array) -> Array:
    """Return what brings the forces on each molecule to unit variance, (frames, molecules, 9, 9), Å/eV.

    The force on the centroid scatters most along bonds, by 0.3 eV/Å, and by a twentieth of that on a whole molecule and
    about its axes, where it decides how strong hydrogen bonds are. So least squares are those of C^(-1/2) F, with C the
    covariance of the nine components F of a molecule along its own axes.
    """
    turned = np.einsum("fmij,fmaj->fmai", axes, wanted[:, molecules]).reshape(-1, 9)
    values, vectors = np.linalg.eigh(np.cov(turned.T))
    along = (vectors / np.sqrt(values)).T.reshape(9, 3, 3)
    return np.einsum("kai,fmij->fmkaj", along, axes).reshape(*axes.shape[:2], 9, 9).astype(np.float32)


def molecules_of(positions: Array, elements: list[str], edges: Array) -> Array:
    """Return the atoms of each molecule of water, O H H: every hydrogen is of the nearest oxygen."""
    kind = np.array(elements)
    oxygens, hydrogens = np.flatnonzero(kind == "O"), np.flatnonzero(kind == "H")
    gaps = positions[hydrogens, None] - positions[oxygens]
    nearest = np.linalg.norm(gaps - edges * np.round(gaps / edges), axis=-1).argmin(axis=1)
    return np.array([[oxygen, *hydrogens[nearest == k]] for k, oxygen in enumerate(oxygens)])


def bonds_of(positions: Array, molecules: Array, edges: Array) -> Array:
    """Return the two vectors from the oxygen of each molecule to its hydrogens, (frames, molecules, 2, 3), Å."""
    bonds = positions[:, molecules[:, 1:]] - positions[:, molecules[:, :1]]
    return np.asarray(bonds - edges * np.round(bonds / edges))


def own_axes(positions: Array, molecules: Array, edges: Array) -> Array:
    """Return the axes of each molecule as rows, (frames, molecules, 3, 3): bisector, across it in the plane, normal."""
    bonds = bonds_of(positions, molecules, edges)
    bonds /= np.linalg.norm(bonds, axis=-1, keepdims=True)
    bisector, across = bonds[:, :, 0] + bonds[:, :, 1], bonds[:, :, 0] - bonds[:, :, 1]
    axes = np.stack([bisector, across, np.cross(bisector, across)], axis=2)
    return np.asarray(axes / np.linalg.norm(axes, axis=-1, keepdims=True))


def fit(
    values: Array, pulls: Array, wanted: Array, kinds: dict[str, Array], molecules: Array, weights: Array
) -> dict[str, torch.nn.Sequential]:
    """Return networks of which the forces are the wanted ones, in the mean.

    Parameters
    ----------
    values, pulls
        Scaled symmetry functions (frames, n, most), and -∂/∂R of them (frames, n, most, 3n), 1/Å.
    wanted
        Forces (frames, 3n), eV/Å.
    kinds
        Of each element its atoms.
    molecules, weights
        The atoms of each molecule, and what weighs the forces on it; see `whitened`.
    """
    torch.manual_seed(0)
    nets = {element: network(values.shape[-1]) for element in kinds}
    parameters = [parameter for net in nets.values() for parameter in net.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    steps = EPOCHS * -(-len(values) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    x, to = torch.tensor(values, dtype=torch.float32), torch.tensor(wanted, dtype=torch.float32)
    of, by = torch.from_numpy(pulls), torch.from_numpy(weights)
    for epoch in range(EPOCHS):
        total = 0.0
        for batch in torch.split(torch.randperm(len(x)), BATCH):
            left = (forces(nets, x[batch], of[batch], kinds) - to[batch]).reshape(len(batch), -1, 3)
            loss = (by[batch] @ left[:, molecules].flatten(2)[..., None]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: {total / len(x):.5f} of the variance is left", flush=True)
    return nets


def forces(nets: dict[str, torch.nn.Sequential], x: Any, pulls: Any, kinds: dict[str, Array]) -> Any:
    """Return F = -Σ_i ∂E_i/∂R, (frames, 3n), of symmetry functions x."""
    x = x.clone().requires_grad_(True)
    energy = sum(net(x[:, kinds[element]]).sum() for element, net in nets.items())
    (slopes,) = torch.autograd.grad(energy, x, create_graph=True)
    return torch.einsum("bia,biax->bx", slopes, pulls)


def along_bonds(positions: Array, forces_on: Array, molecules: Array, edges: Array) -> tuple[Array, Array]:
    """Return length and pull outwards, eV/Å, of every bond: the part along it of the force on its hydrogen."""
    bonds = bonds_of(positions, molecules, edges)
    length = np.linalg.norm(bonds, axis=-1)
    return length, (forces_on[:, molecules[:, 1:]] * bonds).sum(axis=-1) / length


def main() -> None:
    """Fit, and tell what is left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where i-PI wrote the beads")
    parser.add_argument("--potential", type=Path, required=True, help="of that run")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    elements, beads, edges = read_beads(given.folder)
    count, n_beads, n_atoms, _ = beads.shape
    potential, centroids = potential_of(given.potential, elements), beads.mean(axis=1)
    cells = np.tile(edges, (n_beads, 1))
    on_beads = np.array([potential(one, cells)[1].mean(axis=0) for one in beads])
    wanted = on_beads - potential(centroids, np.tile(edges, (count, 1)))[1]

    with TemporaryDirectory() as folder:
        described = described_by(Path(folder), elements)
    kinds = {element: np.flatnonzero(np.array(elements) == element) for element in "HO"}
    made = [described.functions(one, edges) for one in centroids]
    values, pulls = np.array([one[0] for one in made]), np.array([one[1] for one in made])
    pulls = pulls.reshape(*pulls.shape[:3], 3 * n_atoms)
    ranges = {}
    for element, number in zip("HO", described.counts, strict=True):
        of = values[:, kinds[element], :number].reshape(-1, number)
        ranges[element] = np.column_stack([of.min(axis=0), of.max(axis=0), of.mean(axis=0)])
        factor = 1 / (ranges[element][:, 1] - ranges[element][:, 0])
        values[:, kinds[element], :number] = (values[:, kinds[element], :number] - ranges[element][:, 2]) * factor
        pulls[:, kinds[element], :number] *= factor[:, None].astype(np.float32)
    kept = count - count // HELD_OUT
    molecules = molecules_of(centroids[0], elements, edges)
    weights = whitened(molecules, own_axes(centroids, molecules, edges), wanted)
    nets = fit(values[:kept], pulls[:kept], wanted[:kept].reshape(kept, -1), kinds, molecules, weights[:kept])
    x = torch.tensor(values, dtype=torch.float32)
    found_forces = [
        forces(nets, x[k : k + 1], torch.from_numpy(pulls[k : k + 1]), kinds).detach().numpy() for k in range(count)
    ]
    fitted = np.array(found_forces).reshape(wanted.shape)
    grouped = [
        {name: force[:, atoms] for name, atoms in kinds.items()} | {"molecule": force[:, molecules].sum(axis=2)}
        for force in (wanted, wanted - fitted, fitted)
    ]
    for name, part in (("trained on", slice(0, kept)), ("held out", slice(kept, None))):
        for kind in grouped[0]:
            rms = [np.sqrt(np.square(each[kind][part]).mean()) for each in grouped]
            print(f"{name}, {kind}: difference {rms[0]:.4f}, left {rms[1]:.4f}, explained {rms[2]:.4f} eV/Å")
    lengths, truth = along_bonds(centroids, wanted, molecules, edges)
    _, learned = along_bonds(centroids, fitted, molecules, edges)
    print("held out, outward pull on H by length of the bond: Å, number, sampled, fitted (eV/Å)")
    for low in BONDS:
        inside = (lengths[kept:] >= low) & (lengths[kept:] < low + BONDS[1] - BONDS[0])
        if inside.sum() > 1:
            sampled, error = truth[kept:][inside].mean(), truth[kept:][inside].std() / np.sqrt(inside.sum())
            print(
                f"{low + 0.025:.3f} {inside.sum():6d} {sampled:8.4f} ± {error:.4f} {learned[kept:][inside].mean():8.4f}"
            )
    given.out.mkdir(parents=True, exist_ok=True)
    write_potential(given.out, ranges, nets)


if __name__ == "__main__":
    main()
