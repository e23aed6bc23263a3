"""Changes from cycle to cycle: scores, paired floors, band integrals, groups and biases, from folders of spectra."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ensembles import WARM, made_series, noise
from mimyria.autotrain.changes import spectrum_changes, state_biases, with_biases
from mimyria.autotrain.convergence import Relative, SpectrumChange
from mimyria.autotrain.settings import Convergence
from mimyria.config import write_settings
from mimyria.memory import Identity
from mimyria.rates.series import write_series
from mimyria.spectra.infrared import infrared
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.spectrum import Spectrum, read_spectrum, write_csv
from mimyria.statistics.student import c4

FRAMES, STEP = 6000, 4.0


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
    moved = spectrum_changes(tmp_path / "b", tmp_path / "a", 100, 3000, half=tmp_path / "a")["ir"]
    assert moved.change == moved.half == pytest.approx(0.2 / 2.2)
    assert moved.floor == pytest.approx(np.sqrt(2 / np.pi) * np.sqrt(0.02) / 2.2)
    assert moved.spread == pytest.approx(0.2 * np.sqrt(2) / 2.4)  # of two, s = |a - b|/√2, whatever their distribution
    assert np.isnan(moved.paired)  # without rates
    assert moved.integral.value == pytest.approx(0.2 / 1.2)
    assert np.isnan(moved.integral.error)
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


def made(folder: Path, water: float, solute: float) -> Path:
    """Spectra along one trajectory by networks that scale the rates of the water, and of a solute's line at 1100 cm⁻¹.

    The solute has 2 % of the integral.
    """
    of_water = noise(FRAMES, 3, 3000.0, 300.0, STEP, seed=0)
    of_solute = np.sqrt(0.02) * noise(FRAMES, 3, 1100.0, 30.0, STEP, seed=1)
    rates = np.stack([np.sqrt(solute) * of_solute, np.sqrt(water) * of_water], axis=1)
    facts = {"frames": [[0, FRAMES]], "stride": 1, "files": {"/md.xyz": {"bytes": 1, "digest": "0123"}}}
    series = replace(
        made_series({"apt": rates[:, 0]}, STEP),
        groups=("sulfate", "rest"), rates={"apt": rates}, origin=Identity(facts),
    )  # fmt: skip
    folder.mkdir()
    write_series(folder / "series.h5", [series])
    write_settings(folder / "settings.yaml", {"used": {"temperature": 300.0, "resolution": 60.0}})
    spectrum = infrared([series], WARM, choose_sampling([series], 60.0, None))
    write_csv(folder / "ir.csv", replace(spectrum, header=spectrum.header | {"rates 1": str(series.origin)}))
    return folder


def changes(now: Path, before: Path) -> dict[str, SpectrumChange]:
    return spectrum_changes(now, before, 300, 3900, half=before, named=lambda names: ["sulfate"])


def test_models_along_one_trajectory_share_its_noise(tmp_path: Path) -> None:
    found = changes(made(tmp_path / "b", 1.01, 1.01), made(tmp_path / "a", 1.0, 1.0))["ir"]
    assert found.change == pytest.approx(0.01 / 2.01, rel=1e-3)
    assert found.paired < 0.1 * found.floor
    assert found.integral.value == pytest.approx(0.01 / 1.01, rel=1e-3)
    assert found.integral.error < 1e-4  # of the ratio, not of both
    assert all(band.change.value == pytest.approx(0.01 / 1.01, rel=0.02) for band in found.bands)


def test_a_band_of_two_per_cent_that_is_wrong_keeps_the_loop_from_stopping(tmp_path: Path) -> None:
    found = changes(made(tmp_path / "b", 1.0, 1.0), made(tmp_path / "a", 1.0, 0.7))
    rule = Convergence(score=0.03, intensity=0.03)
    assert found["ir"].change < 0.01
    assert abs(found["ir"].integral.value) < 0.01
    assert not found["ir[sulfate]"].converged(rule)
    assert found["ir[sulfate]"].integral.value == pytest.approx(0.3, abs=0.01)
    honest = changes(made(tmp_path / "d", 1.0, 1.0), made(tmp_path / "c", 1.0, 0.99))
    assert all(change.converged(rule) for change in honest.values())


ERRORS = {
    "apt": {
        "intensities": {
            "n_alpha": {
                "bias": -0.012, "bias_error": 0.001, "slope": 0.99, "slope_error": None,
                "species": {"H": {"bias": -0.02, "bias_error": 0.001}},
                "groups": {"sulfate": {"bias": -0.2, "bias_error": 0.01, "slope": 0.9, "slope_error": 0.01}},
            }
        }
    }
}  # fmt: skip


def test_biases_belong_to_their_spectra() -> None:
    plain = SpectrumChange(0.01, 0.01, 0.01)
    found = with_biases({"ir": plain, "ir[sulfate]": plain, "VV": plain, "ir[other]": plain}, ERRORS)
    assert found["ir"].bias == Relative(-0.012, 0.001)
    assert found["ir"].slope.value == pytest.approx(-0.01)
    assert found["ir[sulfate]"].bias == Relative(-0.2, 0.01)
    assert found["VV"] == found["ir[other]"] == plain  # which nothing is known of
    assert with_biases({"ir": plain}, {"apt": {"rmse": 0.1}})["ir"] == plain


def test_headers_state_the_bias_once(tmp_path: Path) -> None:
    folder = made(tmp_path / "a", 1.0, 1.0)
    before = read_spectrum(folder / "ir.csv")
    for _ in range(2):
        state_biases(folder, json.loads(json.dumps(ERRORS)))
    after = read_spectrum(folder / "ir.csv")
    text = "-1.20 ± 0.10 % of the integral (H -2.00 ± 0.10 %, sulfate -20.00 ± 1.00 %); on the test set"
    assert after.header == {"intensity bias of n_alpha": text} | before.header
    assert after.kind == "ir"
    np.testing.assert_array_equal(after.values(), before.values())
    state_biases(folder, {})  # of an earlier version
    assert read_spectrum(folder / "ir.csv").header == after.header
