"""Effective modes: of a harmonic molecule they are its normal modes, with their shares in every spectrum."""

import json
from pathlib import Path

import numpy as np
import pytest

from conftest import Run, rotation
from mimyria.formats import write_frames
from mimyria.frame import Frame
from mimyria.rates.internal import Coordinates
from mimyria.rates.modes import jointly_diagonal
from mimyria.spectra.spectrum import read_spectrum
from mimyria.units import LIGHT_SPEED

TETRAHEDRON = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]]) / np.sqrt(3)
WATER = (
    [8, 1, 1],
    np.array([[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0.0]]),
    np.array([15.999, 1.008, 1.008]),
    [(0, 1), (0, 2)],
)
SULFATE = (
    [16, 8, 8, 8, 8],
    np.concatenate([[[0, 0, 0]], 1.49 * TETRAHEDRON]),
    np.array([32.06, *[15.999] * 4]),
    [(0, 1), (0, 2), (0, 3), (0, 4)],
)
LENGTH, STEP = 30.0, 4.0


def normal_modes(molecule: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Wavenumbers and mass-weighted displacements, (modes, 3n), of stiff bonds and soft angles that are coupled."""
    _, positions, masses, bonds = molecule
    rows = Coordinates.of(bonds, positions[None]).rows(positions[None], masses)
    stretch, bend = rows["stretch"][0], rows["bend"][0]
    both = stretch.sum(axis=0)[:, None] * bend.sum(axis=0)
    hessian = 9.0 * stretch.T @ stretch + 2.0 * bend.T @ bend + 0.4 * (both + both.T)
    values, vectors = np.linalg.eigh(hessian)
    kept = values > 1e-6
    return 900.0 * np.sqrt(values[kept]), vectors.T[kept]


def harmonic(molecule: tuple, number: int, frames: int) -> tuple[list[Frame], np.ndarray, np.ndarray]:
    """Molecules at rest that vibrate in all normal modes, with random phases; frames, wavenumbers, and
    the amplitudes of dM/dt, (modes, 3).

    The amplitude is so small that the s-vectors stay those of the minimum, and the APT is one for all, in the frame
    of each molecule.
    """
    numbers, positions, masses, _ = molecule
    wavenumber, modes = normal_modes(molecule)
    rng = np.random.default_rng(0)
    apt = rng.normal(size=(len(numbers), 3, 3))
    apt -= apt.mean(axis=0)
    omega = 2 * np.pi * LIGHT_SPEED * wavenumber
    phases = rng.uniform(0, 2 * np.pi, size=(number, len(omega)))
    turns = np.array([rotation(k) for k in range(number)])
    places = 6.0 * np.array(list(np.ndindex(5, 5, 5)))[:number] + 2.0
    displacement = modes.reshape(len(modes), -1, 3) / np.sqrt(masses)[:, None]
    tensors = np.einsum("nab,mac,mbd->mncd", apt, turns, turns).reshape(-1, 3, 3)
    made = []
    for k in range(frames):
        angle = omega * k * STEP + phases
        local = positions + 1e-5 * np.einsum("mk,knx->mnx", np.cos(angle) / omega, displacement)
        velocity = -1e-5 * np.einsum("mk,knx->mnx", np.sin(angle), displacement)
        made.append(
            Frame(
                np.tile(numbers, number),
                (np.einsum("mnx,mxy->mny", local, turns) + places[:, None]).reshape(-1, 3),
                LENGTH * np.eye(3),
                np.ones(3, dtype=bool),
                np.einsum("mnx,mxy->mny", velocity, turns).reshape(-1, 3),
                k * STEP,
                {"apt": tensors},
                masses=np.tile(masses, number),
            )
        )
    # Σ_m ∂M/∂Q_mk e^{iφ_mk}: molecules of one frequency interfere as their phases are
    moments = np.einsum("nax,knx,may,mk->ky", apt, displacement, turns, np.exp(1j * phases))
    return made, wavenumber, moments


def test_commuting_matrices_are_diagonal_in_their_common_basis() -> None:
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    values = rng.uniform(0, 1, size=(40, 6))
    found = jointly_diagonal(np.einsum("ik,nk,jk->nij", basis, values, basis))
    np.testing.assert_allclose(found.T @ found, np.eye(6), atol=1e-12)
    np.testing.assert_allclose(np.sort(abs(basis.T @ found).max(axis=0)), 1, atol=1e-9)


@pytest.mark.parametrize(("molecule", "formula", "number"), [(WATER, "H2O", 3), (SULFATE, "SO4", 9)])
def test_the_modes_of_a_harmonic_molecule_are_its_normal_modes(
    run: Run, tmp_path: Path, molecule: tuple, formula: str, number: int
) -> None:
    frames, wavenumber, moments = harmonic(molecule, 30, 400)
    assert len(wavenumber) == number
    write_frames(tmp_path / "md.extxyz", frames)
    options = ["--apt", "frames", "--groups", "modes", "--resolution", "60", "--temperature", "300", "--out"]
    status, _, error = run("spectrum", tmp_path / "md.extxyz", *options, tmp_path / "o")
    assert status == 0, error
    assert "effective modes, cm⁻¹" in error
    modes = json.loads((tmp_path / "o" / "modes.json").read_text())
    assert [mode["name"] for mode in modes] == [f"{formula}_mode{k}" for k in range(1, number + 1)]
    for mode, expected in zip(modes, np.sort(wavenumber), strict=True):
        assert mode["maximum"]["value"] == pytest.approx(expected, abs=8)
        assert mode["width"]["value"] == pytest.approx(60, abs=8)  # of the window
    # Modes of one frequency may mix among themselves: their shares are compared together.
    levels = [abs(wavenumber - level) < 1 for level in np.unique(np.round(wavenumber, 3))]
    strengths = [np.square(abs(moments[level].sum(axis=0))).sum() for level in levels]
    for level, strength in zip(levels, strengths, strict=True):
        near = [mode["shares"] for mode in modes if abs(mode["maximum"]["value"] - wavenumber[level][0]) < 12]
        assert len(near) == level.sum()
        assert sum(of["n_alpha_cm-1"]["value"] for of in near) == pytest.approx(strength / sum(strengths), abs=0.02)
        assert sum(of["vdos"]["value"] for of in near) == pytest.approx(level.sum() / number, rel=0.02)
    for kind, whole in (("ir", "n_alpha_cm-1"), ("vdos", "vdos")):
        table = read_spectrum(tmp_path / "o" / f"{kind}.csv")
        parts = [values for pair, values in table.contributions(whole).items() if len(pair) == 2]
        np.testing.assert_allclose(sum(parts), table.values(whole), atol=2e-5 * abs(table.values(whole)).max())
    again = run("spectrum", tmp_path / "o" / "series.h5", *options[4:-1], "--out", tmp_path / "again")
    assert again[0] == 0, again[2]
    assert (tmp_path / "again" / "modes.json").read_text() == (tmp_path / "o" / "modes.json").read_text()


def test_other_groups_have_no_modes(run: Run, charges: Path, tmp_path: Path) -> None:
    assert run("spectrum", charges, "--apt", "frames", "--out", tmp_path)[0] == 0
    assert not (tmp_path / "modes.json").exists()
