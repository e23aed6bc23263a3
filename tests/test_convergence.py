"""Convergence: spectra that move no more than their errors, or than the score asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mimyria.autotrain.convergence import COMPARED, SpectrumChange, c4, converged_in_a_row, spectrum_changes
from mimyria.spectra.spectrum import Spectrum, write_csv
from mimyria.targets import TARGETS


def test_converged_is_within_the_floor_or_the_score() -> None:
    assert SpectrumChange(0.02, 0.02, 0.01).converged(0.03)
    assert SpectrumChange(0.05, 0.04, 0.06).converged(0.03)
    assert not SpectrumChange(0.05, 0.01, 0.02).converged(0.03)
    assert not SpectrumChange(0.01, 0.05, 0.02).converged(0.03)
    assert not SpectrumChange(float("nan"), 0.0, 0.0).converged(0.03)  # the first cycle
    assert SpectrumChange(0.01, float("nan"), float("nan")).converged(0.03)  # one network, no error bars


def test_cycles_count_in_which_every_spectrum_converged_without_a_break() -> None:
    good, bad = SpectrumChange(0.01, 0.01, 0.02), SpectrumChange(0.5, 0.01, 0.02)
    assert converged_in_a_row([{"ir": bad}, {"ir": good}, {"ir": good}], 0.03) == 2
    assert converged_in_a_row([{"ir": good}, {"ir": bad}, {"ir": good}], 0.03) == 1
    assert converged_in_a_row([{"ir": good, "VV": bad}] * 3, 0.03) == 0
    assert converged_in_a_row([{"ir": good}], 0.03) == 1
    assert converged_in_a_row([{}, {}], 0.03) == 0


@pytest.mark.parametrize("members", [2, 3, 5])
def test_the_spread_is_the_score_of_two_networks(members: int) -> None:
    sample = np.random.default_rng(0).normal(size=(200_000, members))
    pairs = abs(sample[:, 0] - sample[:, 1]).mean()
    spread = np.sqrt(2 / np.pi) * np.sqrt(2) * sample.std(axis=1, ddof=1).mean() / c4(members)
    assert spread == pytest.approx(pairs, rel=0.01)


def test_scores_of_known_spectra(tmp_path: Path) -> None:
    x = np.linspace(0, 4000, 401)
    for name, height in (("a", 1.0), ("b", 1.2)):
        (tmp_path / name).mkdir()
        columns = {"wavenumber_cm-1": x, "n_alpha_cm-1": height * np.ones_like(x)}
        columns |= {"n_alpha_error": 0.1 * np.ones_like(x), "n_alpha_spread": 0.2 * np.ones_like(x)}
        write_csv(tmp_path / name / "ir.csv", Spectrum("ir", columns))
    moved = spectrum_changes(tmp_path / "b", tmp_path / "a", 100, 3000)["ir"]
    assert moved.change == pytest.approx(0.2 / 2.2)
    assert moved.floor == pytest.approx(np.sqrt(2 / np.pi) * np.sqrt(0.02) / 2.2)
    assert moved.spread == pytest.approx(0.2 * np.sqrt(2) / 2.4)  # of two, s = |a - b|/√2, whatever their distribution
    assert np.isnan(spectrum_changes(tmp_path / "a", None, 100, 3000)["ir"].change)
    three = spectrum_changes(tmp_path / "b", tmp_path / "a", 100, 3000, members=3)["ir"]
    assert moved.spread / three.spread == pytest.approx(c4(3) / c4(2))
    quarter = spectrum_changes(tmp_path / "b", tmp_path / "a", 100, 3000, share=0.25)["ir"]
    assert quarter.floor == pytest.approx(moved.floor / 2)  # final spectra, four times as long, are twice as sure
    assert quarter.change == moved.change


def test_the_third_order_must_converge_too(tmp_path: Path) -> None:
    x = np.linspace(0, 4000, 401)
    for name, height in (("a", 1.0), ("b", 1.2)):
        (tmp_path / name).mkdir()
        columns = {"wavenumber_cm-1": x, "VV": height * np.ones_like(x), "HV": 0.5 * height * np.ones_like(x)}
        write_csv(tmp_path / name / "hyper_raman.csv", Spectrum("hyper_raman", columns))
    changes = spectrum_changes(tmp_path / "b", tmp_path / "a", 100, 3000)
    assert {name: change.change for name, change in changes.items()} == {
        "hyper_VV": pytest.approx(0.2 / 2.2),
        "hyper_HV": pytest.approx(0.2 / 2.2),
    }
    assert {compared.target for compared in COMPARED.values()} == set(TARGETS)
