"""Intermolecular terms by distance: shells of pairs, against sums over pairs and against dipoles of known coupling."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import Run, refused
from ensembles import TEMPERATURE, made_series, noise
from mimyria.errors import ConfigError, SpectrumError
from mimyria.rates.series import ResponseSeries
from mimyria.settings import SpectrumSettings
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.distance import check_reach, distance_terms
from mimyria.spectra.infrared import dipole_rate, infrared
from mimyria.spectra.raman import raman
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.spectrum import Spectrum


def molecules_at(centres: np.ndarray, rates: dict[str, np.ndarray], cell: np.ndarray) -> ResponseSeries:
    """A series of single molecules "A" at places (t, molecules, 3)."""
    frames, number, _ = centres.shape
    series = made_series({name: values[:, 0] for name, values in rates.items()}, 4.0, cell=cell)
    cells = np.tile(cell, (frames, 1, 1))
    return replace(series, groups=("A",) * number, rates=rates, centres=centres, cells=cells)


def shells_of(spectrum: Spectrum, name: str) -> dict[str, np.ndarray]:
    stem = f"{name}_intermolecular["
    return {
        column[len(stem) : -1]: values
        for column, values in spectrum.columns.items()
        if column.startswith(stem) and column.endswith("]")
    }


def test_dipoles_coupled_to_their_neighbours() -> None:
    """J_m = x_m + a (x_{m-1} + x_{m+1}) on a ring, x independent oscillators, 3 Å apart: known ratios.

    ⟨J_m J_m⟩ = 1 + 2a²          two neighbours at 3 Å: 2 · 2a          two at 6 Å: 2 · a²          beyond: 0
    """
    number, coupling = 12, 0.4
    # Orthonormal in the sample, so that the integrals over the spectrum, C(0), are those of an infinite run.
    independent = np.linalg.qr(noise(800, 3 * number, 1500.0, 60.0, 4.0, seed=1))[0].reshape(800, number, 3)
    rates = independent + coupling * (np.roll(independent, 1, axis=1) + np.roll(independent, -1, axis=1))
    centres = np.zeros((800, number, 3))
    centres[:, :, 0] = 3.0 * np.arange(number)
    series = molecules_at(centres, {"apt": rates}, 36.0 * np.eye(3))
    conditions = Conditions(TEMPERATURE, pair_radii=(4.0, 7.0, 13.0))
    spectrum = infrared([series], conditions, choose_sampling([series], 40.0, None))
    itself = np.trapezoid(spectrum.columns["n_alpha_intramolecular"], spectrum.wavenumber)
    shares = {
        name: np.trapezoid(values, spectrum.wavenumber) / itself
        for name, values in shells_of(spectrum, "n_alpha").items()
    }
    alone = 1 + 2 * coupling**2
    expected = {"0-4": 4 * coupling / alone, "4-7": 2 * coupling**2 / alone, "7-13": 0, "13-": 0}
    assert list(shares) == list(expected)
    for name, value in expected.items():
        assert shares[name] == pytest.approx(value, abs=1e-5), name
    total = spectrum.columns["n_alpha_intramolecular"] + sum(shells_of(spectrum, "n_alpha").values())
    np.testing.assert_allclose(total, spectrum.columns["n_alpha_cm-1"], atol=1e-9 * total.max())
    at_line = abs(spectrum.wavenumber - 1500) < 20
    error = spectrum.columns["n_alpha_intermolecular[0-4]_error"][at_line]
    assert (error > 0).all()


@pytest.mark.parametrize("sheared", [False, True])
def test_molecules_that_move_from_shell_to_shell(sheared: bool) -> None:
    """Every shell is the plain sum over pairs, in frames of their own distances, across the boundary."""
    rng = np.random.default_rng(0)
    cell = np.diag([10.0, 10.0, 11.0]) + (np.array([[0, 0, 0], [3.0, 0, 0], [-1, 2.0, 0]]) if sheared else 0)
    centres = np.cumsum(rng.normal(0, 0.3, size=(60, 7, 3)), axis=0) + rng.uniform(0, 9, size=(7, 3))
    rates = {"apt": rng.normal(size=(60, 7, 3)), "pgt": rng.normal(size=(60, 7, 3, 3))}
    rates["pgt"] = rates["pgt"] + rates["pgt"].swapaxes(-1, -2)
    series = molecules_at(centres, rates, cell)
    conditions, radii = Conditions(TEMPERATURE, pair_radii=(3.0, 4.2)), np.array([3.0, 4.2])
    sampling = choose_sampling([series], 400.0, None)
    images = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), axis=-1).reshape(-1, 3) @ cell
    apart = centres[:, None] - centres[:, :, None]
    apart -= np.round(apart @ np.linalg.inv(cell)) @ cell
    distance = np.linalg.norm(apart[..., None, :] + images, axis=-1).min(axis=-1)
    shell = np.searchsorted(radii, distance, side="right")
    pairs = np.zeros((3, sampling.lags))
    for lag in range(sampling.lags):
        for early, late in ((0, lag), (lag, 0)):  # the distance at either time
            start, end = rates["apt"][early : 60 - late], rates["apt"][late : 60 - early]
            products = np.einsum("tmx,tnx->tmn", start, end)
            there = shell[late : 60 - early] - 99 * np.eye(7, dtype=int)
            for k in range(3):
                pairs[k, lag] += 0.5 * (products * (there == k)).sum() / (60 - lag)
    _, expected = sampling.transform(pairs)
    terms = {"n_alpha_intermolecular": expected.sum(axis=0)[None]}
    lines, _ = distance_terms("n_alpha", [series], dipole_rate, sampling, (3.0, 4.2), 1000.0, terms)
    found = np.array([values[0] for values in lines.values()])
    np.testing.assert_allclose(found[:2], 1000 / series.volume[0] * expected[:2], atol=1e-4 * abs(expected).max())
    spectrum = raman([series], conditions, sampling)
    for name in ("isotropic", "anisotropic"):
        parts = [spectrum.columns[f"{name}_intramolecular"], *shells_of(spectrum, name).values()]
        assert len(parts) == 4
        np.testing.assert_allclose(sum(parts), spectrum.columns[name], atol=1e-9 * abs(spectrum.columns[name]).max())


def test_a_radius_ends_at_half_of_the_cell() -> None:
    check_reach(12.0 * np.eye(3), 6.0)
    check_reach(np.zeros((3, 3)), 600.0)  # an isolated cluster
    check_reach(np.diag([12.0, 12.0, 0.0]), 6.0)
    for cell in (12.0 * np.eye(3), np.diag([12.0, 12.0, 0.0]), np.array([[12.0, 0, 0], [11.0, 12.0, 0], [0, 0, 99.0]])):
        with pytest.raises(SpectrumError, match=r"--pair-radii 6.1 reaches beyond half of the cell"):
            check_reach(cell, 6.1)


@pytest.mark.parametrize("radii", [(0.0, 3.0), (3.0, 3.0), (5.0, 4.0), (-1.0,)])
def test_radii_ascend(radii: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="--pair-radii takes ascending positive radii"):
        SpectrumSettings(pair_radii=radii)


def test_molecules_that_nobody_counts_are_refused_before_the_pass(run: Run, charges: Path, tmp_path: Path) -> None:
    options = ["spectrum", charges, "--apt", "frames", "--per", "molecule", "--out", tmp_path / "a"]
    refused(run(*options), "--per molecule needs their number, which --groups molecules, or a shell, counts")
    assert not (tmp_path / "a" / "series.h5").exists()
    assert run(*options, "--groups", "molecules")[0] == 0


def test_what_has_no_molecules_has_no_pairs(run: Run, charges: Path, tmp_path: Path) -> None:
    options = ["spectrum", charges, "--apt", "frames", "--pair-radii"]
    refused(run(*options, "3", "--out", tmp_path / "a"), "--pair-radii needs rates of single molecules")
    assert not (tmp_path / "a").exists()
    assert run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "b")[0] == 0
    series = tmp_path / "b" / "series.h5"
    refused(run("spectrum", series, "--pair-radii", "3", "--out", tmp_path / "c"), "--groups molecules")
    refused(run(*options, "three", "--out", tmp_path / "a"), "--pair-radii", "three")
    status, _, error = run(*options, "3 5", "--groups", "molecules", "--out", tmp_path / "d")
    assert status == 0, error
    assert "n_alpha_intermolecular[5-]" in (tmp_path / "d" / "ir.csv").read_text(encoding="utf-8")
