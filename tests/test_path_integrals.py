"""Potentials that scripts/path_integrals compiles: derivatives, symmetries, and CP2K's numbers of the same files."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.constants import angstrom, atomic_mass, femto
from scripts_of import script

from conftest import DATA
from mimyria import predict, read_frames, read_model
from mimyria.elements import masses_of, symbols_of
from mimyria.units import BOLTZMANN, LIGHT_SPEED, infrared_prefactor

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler (cc)")

EDGE = 7.4
"""Å, little more than the cutoff of 12 bohr, so that neighbours have images."""
ELEMENTS = ["O", "H", "H"] * 6 + ["H"]
HARTREE, BOHR = 27.211386245988, 0.529177210903

FUNCTIONS = [
    *(f"{a} 2 {b} {eta} {shift}" for a in "OH" for b in "HO" for eta, shift in ((0.001, 0.0), (0.06, 0.0), (0.3, 1.9))),
    *(
        f"{a} 3 {b} {eta} {sign} 1.0"
        for a in "OH"
        for b in ("O O", "O H")
        for eta in (0.03, 0.1)
        for sign in (-1.0, 1.0)
    ),
    *(f"O 3 H H {eta} {sign} {zeta}" for eta in (0.01, 0.07) for sign in (-1.0, 1.0) for zeta in (1.0, 4.0)),
    "H 3 O H 0.2 1.0 6.0",
]
SETTINGS = """number_of_elements 2
elements O H   # of whatever order
cutoff_type 2
scale_symmetry_functions
center_symmetry_functions
global_hidden_layers_short 2
global_nodes_short 6 5
global_activation_short t t l
"""


def write_potential(folder: Path) -> None:
    """Write a neural network of random weights as RuNNer does."""
    rng = np.random.default_rng(3)
    rows = [f"symfunction_short {row} 12.0   ! of {row.split()[0]}" for row in FUNCTIONS]
    (folder / "input.nn").write_text(SETTINGS + "\n".join(rows) + "\n")
    scaling = []
    for kind, (number, element) in enumerate(((1, "H"), (8, "O")), 1):
        count = sum(row.startswith(element) for row in FUNCTIONS)
        low = rng.uniform(0, 0.1, count)
        high = low + rng.uniform(0.5, 2, count)
        means = (low + high) / 2
        scaling += [f"{kind} {k + 1} {low[k]:.9f} {high[k]:.9f} {means[k]:.9f}" for k in range(count)]
        weights = rng.normal(size=(count + 1) * 6 + 7 * 5 + 6) * 0.3
        (folder / f"weights.{number:03d}.data").write_text("\n".join(f"{value:.10f}" for value in weights) + "\n")
    (folder / "scaling.data").write_text("\n".join(scaling) + "\n-1.0 1.0\n")


def write_nep(path: Path) -> None:
    """Write a NEP of random weights, of the kind that the name of the file says."""
    rng, radial, angular, hidden, bases = np.random.default_rng(4), 5, 4, 7, (6, 5)
    size = radial + angular * (4 + 1 + 1)
    weights = [0.3 * rng.normal(size=2 * hidden * (size + 2) + 1)]
    weights += [rng.normal(size=4 * (radial * bases[0] + angular * bases[1])), rng.uniform(0.5, 1, size)]
    repulsion = ["zbl 0.9 1.8"] * path.stem.endswith("zbl")
    rows = [f"{path.stem} 2 O H", *repulsion, "cutoff 6 4 50 30", f"n_max {radial - 1} {angular - 1}"]
    rows += [f"basis_size {bases[0] - 1} {bases[1] - 1}", "l_max 4 2 1", f"ANN {hidden} 0"]
    path.write_text("\n".join([*rows, *(f"{value:.8e}" for value in np.concatenate(weights))]) + "\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("potential")
    write_potential(made)
    for kind in ("nep4", "nep4_zbl"):
        write_nep(made / f"{kind}.txt")
    return made


@pytest.fixture(scope="module")
def potential(folder: Path) -> Any:
    return script("scripts/path_integrals/nnp.py").NNP(folder, ELEMENTS)


@pytest.fixture(scope="module", params=["nnp", "nep4", "nep4_zbl"])
def of_elements(request: pytest.FixtureRequest, folder: Path) -> Callable[[list[str]], Any]:
    """Make the potential of either kind for atoms of some elements."""
    if request.param == "nnp":
        return partial(script("scripts/path_integrals/nnp.py").NNP, folder)
    return partial(script("scripts/path_integrals/nep.py").NEP, folder / f"{request.param}.txt")


def places(seed: int = 0) -> np.ndarray:
    """Return positions with no two atoms nearer than 0.9 Å, images included."""
    rng = np.random.default_rng(seed)
    kept: list[np.ndarray] = []
    while len(kept) < len(ELEMENTS):
        new = rng.uniform(0, EDGE, 3)
        gaps = [np.linalg.norm((new - old + EDGE / 2) % EDGE - EDGE / 2) for old in kept]
        if not gaps or min(gaps) > 0.9:
            kept.append(new)
    return np.array(kept)


def test_forces_and_virial_are_derivatives_of_the_energy(of_elements: Callable[[list[str]], Any]) -> None:
    potential = of_elements(ELEMENTS)
    here, edges = places()[None], np.full((1, 3), EDGE)
    _, forces, virials = potential(here, edges)
    step = 1e-5
    for seed in range(3):
        along = np.random.default_rng(seed).normal(size=here.shape)
        ends = [potential(here + sign * step * along, edges)[0][0] for sign in (1, -1)]
        assert (ends[1] - ends[0]) / (2 * step) == pytest.approx((forces * along).sum(), rel=1e-5, abs=1e-6)
    ends = [potential(here * (1 + sign * step), edges * (1 + sign * step))[0][0] for sign in (1, -1)]
    assert (ends[1] - ends[0]) / (2 * step) == pytest.approx(np.trace(virials[0]), rel=1e-5, abs=1e-6)
    np.testing.assert_allclose(forces.sum(axis=1), 0, atol=1e-10)
    np.testing.assert_allclose(virials, virials.transpose(0, 2, 1), atol=1e-10)


def test_derivatives_of_the_functions_are_those_of_their_values(potential: Any) -> None:
    here, edges = places(), np.full(3, EDGE)
    _, pulls = potential.functions(here, edges)
    step, along = 1e-4, np.random.default_rng(1).normal(size=here.shape)
    ends = [potential.functions(here + sign * step * along, edges)[0] for sign in (-1, 1)]
    np.testing.assert_allclose((ends[0] - ends[1]) / (2 * step), np.einsum("iajx,jx->ia", pulls, along), atol=1e-4)


def test_what_cannot_matter_does_not(of_elements: Callable[[list[str]], Any]) -> None:
    """The origin, the image of an atom, the order of atoms, a turn of the cell, other configurations of the call."""
    potential = of_elements(ELEMENTS)
    here, edges = places(), np.full(3, EDGE)
    (energy,), (forces,), _ = potential(here[None], edges[None])
    turn = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])
    moved = [here + np.array([1.1, -0.3, 25.0]), here + EDGE * np.round(places(5) - EDGE / 2), here @ turn.T]
    energies, others, _ = potential(np.array(moved), np.tile(edges, (3, 1)))
    np.testing.assert_allclose(energies, energy, rtol=1e-12)
    for one, same in zip(others, (forces, forces, forces @ turn.T), strict=True):
        np.testing.assert_allclose(one, same, atol=1e-9)
    order = np.random.default_rng(0).permutation(len(ELEMENTS))
    shuffled = of_elements([ELEMENTS[k] for k in order])
    again, turned, _ = shuffled(here[order][None], edges[None])
    assert again[0] == pytest.approx(energy, rel=1e-12)
    np.testing.assert_allclose(turned[0], forces[order], atol=1e-9)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("input.nn", "cutoff_type 2", "cutoff_type 1", "cutoff_type 2"),
        ("input.nn", "12.0   ! of H", "10.0", "one cutoff"),
        ("input.nn", "O 3 H H 0.01 -1.0 4.0", "O 3 H H 0.01 -1.0 4.5", "whole zeta"),
        ("input.nn", "O 2 H", "O 4 H", "types"),
        ("scaling.data", "1 1 ", "3 1 ", "functions of H"),
        ("weights.008.data", "\n", "\n0.0\n", "weights of O"),
    ],
)
def test_files_that_are_not_known_here_are_refused(
    tmp_path: Path, folder: Path, name: str, old: str, new: str, message: str
) -> None:
    shutil.copytree(folder, tmp_path / "other")
    path = tmp_path / "other" / name
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match=re.escape(message)):
        script("scripts/path_integrals/nnp.py").NNP(tmp_path / "other", ELEMENTS)


def test_a_small_cell_is_refused(of_elements: Callable[[list[str]], Any]) -> None:
    with pytest.raises(ValueError, match="cutoff"):
        of_elements(ELEMENTS)(places()[None], np.full((1, 3), 6.0))


@pytest.mark.skipif(shutil.which("cp2k.psmp") is None, reason="CP2K (cp2k.psmp) is not installed")
def test_cp2k_has_the_same_energy_and_forces(tmp_path: Path, potential: Any, folder: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    here = np.round(places(), 8)
    rows = "\n".join(f"{element} {x:.8f} {y:.8f} {z:.8f}" for element, (x, y, z) in zip(ELEMENTS, here, strict=True))
    (tmp_path / "in.inp").write_text(f"""&GLOBAL
  PROJECT nnp
  RUN_TYPE ENERGY_FORCE
&END GLOBAL
&FORCE_EVAL
  METHOD NNP
  &NNP
    NNP_INPUT_FILE_NAME input.nn
    SCALE_FILE_NAME scaling.data
    &MODEL
      WEIGHTS weights
    &END MODEL
  &END NNP
  &PRINT
    &FORCES
      NDIGITS 12
    &END FORCES
  &END PRINT
  &SUBSYS
    &CELL
      ABC {EDGE} {EDGE} {EDGE}
    &END CELL
    &COORD
{rows}
    &END COORD
  &END SUBSYS
&END FORCE_EVAL
""")
    subprocess.run(["cp2k.psmp", "-i", "in.inp", "-o", "out"], cwd=tmp_path, check=True, timeout=300)
    text = (tmp_path / "out").read_text()
    (total,) = re.findall(r"ENERGY\| Total FORCE_EVAL.*:\s+(\S+)", text)
    table = re.findall(r"^ +\d+ +[12] +[OH] +(\S+) +(\S+) +(\S+)$", text.split("ATOMIC FORCES")[1], re.MULTILINE)
    (energy,), (forces,), _ = potential(here[None], np.full((1, 3), EDGE))
    assert energy / HARTREE == pytest.approx(float(total), abs=1e-7)  # its bohr differs in the tenth digit
    np.testing.assert_allclose(np.array(table, dtype=float) * HARTREE / BOHR, forces, atol=1e-6)


def test_the_network_that_is_written_has_the_forces_that_were_fitted(tmp_path: Path) -> None:
    """Also with ranges of its own, and the elements having different numbers of functions."""
    mean_force = script("scripts/path_integrals/mean_force.py")
    torch.manual_seed(0)
    here, edges = places(1), np.full(3, EDGE)
    kinds = {element: np.flatnonzero(np.array(ELEMENTS) == element) for element in "HO"}
    plain = mean_force.described_by(tmp_path, ELEMENTS)
    values, pulls = plain.functions(here, edges)
    ranges = {
        element: np.tile([0.1, 2.1, 0.4], (number, 1)) for element, number in zip("HO", plain.counts, strict=True)
    }
    nets = {element: mean_force.network(max(plain.counts)) for element in "HO"}
    padded = np.where(np.arange(values.shape[1]) < [[plain.counts[element == "O"]] for element in ELEMENTS], 1, 0)
    x = torch.tensor((values - 0.4) / 2 * padded, dtype=torch.float32)[None]
    of = torch.tensor(pulls.reshape(*pulls.shape[:2], -1) / 2)[None]
    expected = mean_force.forces(nets, x, of, kinds).detach().numpy().reshape(-1, 3)
    mean_force.write_potential(tmp_path, ranges, nets)
    _, forces, _ = script("scripts/path_integrals/nnp.py").NNP(tmp_path, ELEMENTS)(here[None], edges[None])
    np.testing.assert_allclose(forces[0], expected, atol=1e-5 * abs(expected).max())


def test_the_fit_finds_a_force_under_noise() -> None:
    """Of a harmonic difference along each of two coordinates, hidden in noise twice as large."""
    mean_force = script("scripts/path_integrals/mean_force.py")
    rng = np.random.default_rng(0)
    frames, atoms = 800, 2
    values = rng.uniform(-1, 1, (frames, atoms, 1))
    pulls = np.zeros((frames, atoms, 1, 3 * atoms), dtype=np.float32)
    for atom in range(atoms):
        pulls[:, atom, 0, 3 * atom] = -1.0
    wanted = np.zeros((frames, 3 * atoms))
    wanted[:, ::3] = -values[..., 0]
    noisy = wanted + 2 * wanted.std() * rng.normal(size=wanted.shape)
    kinds = {"H": np.arange(1), "O": np.arange(1, 2)}
    alone = np.broadcast_to(np.eye(3, dtype=np.float32), (frames, atoms, 3, 3)).copy()
    nets = mean_force.fit(values, pulls, noisy, kinds, np.arange(atoms)[:, None], alone)
    x, of = torch.tensor(values, dtype=torch.float32), torch.from_numpy(pulls)
    found = mean_force.forces(nets, x, of, kinds).detach().numpy()
    for atom in range(atoms):
        assert np.corrcoef(found[:, 3 * atom], wanted[:, 3 * atom])[0, 1] > 0.97
        assert np.polyfit(values[:, atom, 0], found[:, 3 * atom], 1)[0] == pytest.approx(-1, abs=0.2)


def test_forces_on_molecules_are_weighed_by_their_scatter() -> None:
    """What the weights make of forces has unit variance, however the molecules are turned and wrapped."""
    mean_force = script("scripts/path_integrals/mean_force.py")
    rng = np.random.default_rng(1)
    frames, edges = 400, np.full(3, 9.0)
    elements = ["H", "O", "O", "H", "H", "H"]
    molecules = np.array([[1, 0, 3], [2, 4, 5]])
    water = np.array([[0, 0, 0], [0.6, 0.76, 0], [0.6, -0.76, 0]])
    spread = np.array([0.3, 0.3, 0.02, 0.2, 0.2, 0.01, 0.2, 0.2, 0.01])  # along the axes of each molecule
    positions, forces = np.zeros((frames, 6, 3)), np.zeros((frames, 6, 3))
    for frame in range(frames):
        for atoms in molecules:
            turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
            turn *= np.linalg.det(turn)
            place = rng.uniform(0, 9, 3) if frame else np.array([4.0 * (atoms[0] - 1), 0, 0])
            positions[frame, atoms] = (water @ turn.T + place) % edges
            forces[frame, atoms] = (spread * rng.normal(size=9)).reshape(3, 3) @ turn.T
    np.testing.assert_array_equal(mean_force.molecules_of(positions[0], elements, edges), molecules)
    axes = mean_force.own_axes(positions, molecules, edges)
    np.testing.assert_allclose(axes @ axes.swapaxes(-1, -2), np.tile(np.eye(3), (frames, 2, 1, 1)), atol=1e-12)
    weights = mean_force.whitened(molecules, axes, forces)
    white = (weights @ forces[:, molecules].reshape(frames, 2, 9, 1)).reshape(-1, 9)
    np.testing.assert_allclose(np.cov(white.T), np.eye(9), atol=1e-4)


def test_a_faint_force_on_a_molecule_is_found_beside_loud_ones_within_it() -> None:
    """Least squares without weights follow the noise along bonds, which is fifty times as large."""
    mean_force = script("scripts/path_integrals/mean_force.py")
    rng = np.random.default_rng(2)
    frames, loud = 300, 2.0
    values = rng.uniform(-1, 1, (frames, 3, 1))
    pulls = np.zeros((frames, 3, 1, 9), dtype=np.float32)
    for atom in range(3):
        pulls[:, atom, 0, 3 * atom] = -1.0
    wanted = np.zeros((frames, 3, 3))
    wanted[:, :, 0] = -0.1 * values.sum(axis=2)
    within = loud * rng.normal(size=(frames, 3))
    wanted[:, :, 0] += within - within.mean(axis=1, keepdims=True)
    wanted += 0.01 * rng.normal(size=wanted.shape)
    axes = np.tile(np.eye(3), (frames, 1, 1, 1))
    molecules, kinds = np.arange(3)[None], {"H": np.arange(1, 3), "O": np.arange(1)}
    x, of = torch.tensor(values, dtype=torch.float32), torch.from_numpy(pulls)
    errors = []
    for weights in (
        mean_force.whitened(molecules, axes, wanted),
        np.tile(np.eye(9, dtype=np.float32), (frames, 1, 1, 1)),
    ):
        nets = mean_force.fit(values, pulls, wanted.reshape(frames, -1), kinds, molecules, weights)
        found = mean_force.forces(nets, x, of, kinds).detach().numpy().reshape(frames, 3, 3)
        errors.append(np.sqrt(np.mean((found.sum(axis=1)[:, 0] + 0.1 * values.sum(axis=(1, 2))) ** 2)))
    assert errors[0] < 0.02
    assert errors[0] < 0.3 * errors[1]


def test_steps_that_do_not_fit_each_other_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare = script("scripts/path_integrals/prepare.py")
    start, model = tmp_path / "start.xyz", tmp_path / "nep.txt"
    start.write_text('1\nLattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3\nO 0 0 0\n')

    def run(*words: str) -> str:
        given = ["prepare.py", str(start), "--model", str(model), "--out", str(tmp_path / "out"), *words]
        monkeypatch.setattr("sys.argv", given)
        prepare.main()
        return (tmp_path / "out" / "produce.xml").read_text()

    correct = ("--correct", str(tmp_path / "nnp"))
    text = run(*correct, "--add", str(tmp_path / "more"))
    assert "<nmts>[1, 4]</nmts>" in text
    assert f"model:{tmp_path}/nnp+{tmp_path}/more," in text
    assert f"model:{model}," in text
    assert f"model:{model}+{tmp_path}/more," in run("--add", str(tmp_path / "more"))
    for words, message in (((*correct, "--outer", "0.9"), "--outer"), (("--every", "0.3"), "x_centroid every 0.3 fs")):
        with pytest.raises(SystemExit, match=message):
            run(*words)


def test_the_integral_without_dynamics_is_that_of_equipartition(tmp_path: Path) -> None:
    """⟨|dM/dt|²⟩ = k_B T Σ |P|²/m, from which the program has the integral; of beads in one place all three are it."""
    frames = list(islice(read_frames(DATA / "water32.extxyz.xz"), 0, 9, 3))
    lines = []
    for step, frame in enumerate(frames):
        edges = " ".join(f"{length / BOHR:.8f}" for length in np.diag(frame.cell))
        lines += [
            f"{len(frame)}",
            f"# CELL(abcABC): {edges} 90 90 90 Step: {step} Bead: 0 positions{{atomic_unit}} cell{{atomic_unit}}",
        ]
        rows = zip(symbols_of(frame.numbers), frame.positions / BOHR, strict=True)
        lines += [f"{symbol} {x:.10e} {y:.10e} {z:.10e}" for symbol, (x, y, z) in rows]
    for bead in range(2):
        (tmp_path / f"produce.pos_{bead:02d}.xyz").write_text("\n".join(lines) + "\n")
    model, temperature = read_model("water", "apt"), 300.0
    found = script("scripts/path_integrals/f_sum.py").integrals(tmp_path, 1, model)
    thermal = BOLTZMANN * temperature / (atomic_mass * (angstrom / femto) ** 2)
    expected = [
        infrared_prefactor(frame.volume, temperature)
        * thermal
        * (np.square(frame.tensors["apt"]).sum(axis=(1, 2)) / masses_of(frame.numbers)).sum()
        / (2 * LIGHT_SPEED)
        for frame in predict(model, frames)
    ]
    for sums in found.values():
        np.testing.assert_allclose(sums[:, 0], expected, rtol=1e-5)
        np.testing.assert_allclose(sums, found["beads"], rtol=1e-6)
    assert len(found) == 3
