"""Sum frequency of near pairs alone: against every pair one by one, independent dipoles, and the whole spectrum."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import constants
from test_sfg import AREA, CELL, TIMESTEP, vibrating

from ensembles import TEMPERATURE, WARM, made_series, noise
from mimyria.errors import ConfigError, SpectrumError
from mimyria.pipeline import make_spectra
from mimyria.rates.faces import face_weights
from mimyria.rates.series import ResponseSeries, read_series
from mimyria.settings import SpectrumSettings
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.sfg import components, sum_frequency

SFG = SpectrumSettings(kinds=("sfg",), resolution=100.0, plot_format=("html",))
MOLECULES = SpectrumSettings(
    kinds=("sfg",), apt="frames", pgt="frames", stride=1, resolution=100.0, plot_format=("html",)
)


def liquid(alpha: np.ndarray, moment: np.ndarray, places: np.ndarray) -> ResponseSeries:
    """The series of the molecules of a slab from dα/dt (t, m, 3, 3), dM/dt (t, m, 3) and places (t, m, 3), Å."""
    series = made_series({"pgt": alpha[:, 0], "apt": moment[:, 0]}, TIMESTEP)
    known = {"rates": {"pgt": alpha, "apt": moment}, "groups": ("H2O",) * alpha.shape[1], "cell": CELL}
    places = places - [0, 0, 1] * places.mean(axis=1, keepdims=True)  # heights over the middle
    known |= {"centres": places, "cells": np.broadcast_to(CELL, (len(alpha), 3, 3))}
    return replace(series, **known, normal="z", molecule_mass=np.full(alpha.shape[1], 18.0))


def moving_liquid(frames: int = 600, count: int = 7) -> ResponseSeries:
    """Molecules that wander, with rates that depend on each other."""
    rng = np.random.default_rng(0)
    mixing = np.eye(count) + 0.5 * rng.normal(size=(count, count))
    rate = noise(frames, count, 1500.0, 200.0, TIMESTEP) @ mixing
    axes = rng.normal(size=(2, count, 3))
    alpha = np.einsum("tm,ma,mb->tmab", rate, axes[0], axes[0])
    steps = 0.02 * rng.normal(size=(frames, count, 3)) * [1, 0.5, 5]
    places = (rng.uniform(size=(count, 3)) * [1, 1, 5] + np.cumsum(steps, axis=0)) * [10, 20, 1]
    return liquid(alpha, rate[..., None] * axes[1], places)


def test_pairs_count_that_are_near_when_the_dipole_is_taken() -> None:
    """Every pair, time and lag one by one, forwards and backwards: Σ N_mn(t) w(m) dα_m(t ± τ) w(n) dM_n(t)."""
    run, cutoff = moving_liquid(), 4.0
    sampling = choose_sampling([run], 150.0, None)
    wavenumber, found = components([run], ["xxz", "xzx"], sampling, cutoff)
    places, frames = np.asarray(run.centres), len(run)
    apart = places[:, :, None] - places[:, None]
    flat = apart[..., :2] - [10, 20] * np.rint(apart[..., :2] / [10, 20])
    near = np.linalg.norm(np.concatenate([flat, apart[..., 2:]], axis=-1), axis=-1) <= cutoff
    assert 0.05 < near[:, ~np.eye(7, dtype=bool)].mean() < 0.6
    upper = face_weights(places[..., 2])[0]
    for (a, b, c), shapes in ((name_axes, found[name]) for name_axes, name in (((0, 0, 2), "xxz"), ((0, 2, 0), "xzx"))):
        alpha = upper * np.asarray(run.rates["pgt"])[:, :, a, b]
        moment = upper * np.asarray(run.rates["apt"])[:, :, c]
        dressed = np.einsum("tmn,tn->tm", near, moment)
        lags = range(sampling.lags)
        forwards = np.array([(alpha[k:] * dressed[: frames - k]).sum() / (frames - k) for k in lags])
        backwards = np.array([(alpha[: frames - k] * dressed[k:]).sum() / (frames - k) for k in lags])
        expected = sampling.transform((forwards + backwards) / 2 / AREA)
        np.testing.assert_allclose(wavenumber, expected[0])
        np.testing.assert_allclose(shapes[0, 0, 0], expected[1], atol=1e-5 * abs(expected[1]).max())


def test_a_cutoff_beyond_the_cell_is_the_whole_spectrum() -> None:
    run = moving_liquid()
    sampling = choose_sampling([run], 150.0, None)
    whole, far, near = (
        sum_frequency([run], replace(WARM, pair_cutoff=cutoff), sampling) for cutoff in (None, 1000.0, 2.0)
    )
    for name in list(whole.columns)[1:]:
        scale = np.nanmax(abs(whole.columns[name]))
        np.testing.assert_allclose(far.columns[name], whole.columns[name], atol=1e-5 * scale)
    assert abs(near.columns["zzz_im"] - whole.columns["zzz_im"])[5:].max() > 0.1 * np.nanmax(
        abs(whole.columns["zzz_im"][5:])
    )
    assert "pairs" not in whole.header
    assert "at most 2 Å apart when the dipole is taken" in near.header["pairs"]


def test_cutoff_zero_has_the_area_of_independent_dipoles() -> None:
    """∫ ω Im χ dω = N π α' M'/(2 ε0 A), though all N vibrate in step, which makes the whole spectrum N times that."""
    count, position, derivatives, frames = 4, 2000.0, (3.0, 0.4), 1_000
    rate = noise(frames, 1, position, 10.0, TIMESTEP)[:, 0]
    thermal = np.sqrt(constants.k * TEMPERATURE / constants.atomic_mass) * constants.femto / constants.angstrom
    rate *= thermal / np.sqrt((rate**2).mean())
    alpha, moment = np.zeros((frames, 2 * count, 3, 3)), np.zeros((frames, 2 * count, 3))
    alpha[:, :count, 2, 2], moment[:, :count, 2] = derivatives[0] * rate[:, None], derivatives[1] * rate[:, None]
    rows = [[k, 10.0, height] for height in (9.0, -9.0) for k in range(count)]  # those below rest
    places = np.broadcast_to(rows, (frames, 2 * count, 3))
    run = liquid(alpha, moment, places)
    sampling = choose_sampling([run], 20.0, None)
    per_length = 1 / (np.sqrt(constants.atomic_mass) * constants.angstrom)
    polarizability = derivatives[0] * constants.physical_constants["atomic unit of electric polarizability"][0]
    product = polarizability * derivatives[1] * constants.e * constants.angstrom * per_length**2
    single = np.pi * product / (2 * constants.epsilon_0 * AREA * constants.angstrom**2)
    for cutoff, expected in ((0.0, count), (1.05, count + 2 * (count - 1)), (None, count**2)):  # 1 Å from each other
        spectrum = sum_frequency([run], replace(WARM, pair_cutoff=cutoff), sampling)
        omega = 2 * np.pi * constants.c * 100 * spectrum.wavenumber
        found = np.nansum(omega * spectrum.columns["zzz_im[+z]"]) * omega[1]
        assert found == pytest.approx(expected * single, rel=2e-4)  # in single precision


def test_from_a_trajectory_to_files_and_again_with_another_cutoff(tmp_path: Path) -> None:
    path = vibrating([True, True, False, False], tmp_path / "md.extxyz")
    whole = make_spectra([path], tmp_path / "faces", MOLECULES)["sfg"]
    far = make_spectra([path], tmp_path / "far", MOLECULES, pair_cutoff=100)["sfg"]
    own = make_spectra([path], tmp_path / "self", MOLECULES, pair_cutoff=0)["sfg"]
    stored = tmp_path / "far" / "series.h5"
    (run,) = read_series(stored)
    assert run.groups == ("HO",) * 4
    assert run.normal == "z"
    assert run.centres is not None
    assert run.centres.shape == (300, 4, 3)
    again = make_spectra([stored], tmp_path / "again", SFG, kinds=("sfg", "ir"), pair_cutoff=0.0)
    plain = make_spectra([stored], tmp_path / "plain", SFG)["sfg"]
    for one, other in ((far, whole), (plain, whole), (again["sfg"], own)):
        for name in ("ssp_im", "zzz_re[+z]", "zzz_im[-z]"):
            scale = np.nanmax(abs(other.columns[name]))
            np.testing.assert_allclose(one.columns[name], other.columns[name], atol=1e-5 * scale)
    assert "n_alpha_intramolecular" in again["ir"].columns
    with pytest.raises(
        SpectrumError, match=r"--pair-cutoff 0 needs the rates of single molecules of a slab, and these are of \+z"
    ):
        make_spectra(
            [tmp_path / "faces" / "series.h5"], tmp_path / "b", SpectrumSettings(kinds=("sfg",), pair_cutoff=0)
        )
    with pytest.raises(ConfigError, match="--pair-cutoff: no sfg spectrum is made, only ir"):
        make_spectra([stored], tmp_path / "b", SFG, kinds=("ir",), pair_cutoff=3.0)
