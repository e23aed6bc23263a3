"""Bands: lines of known place, area and width; errors that hold the truth; what `mimyria bands` takes and refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import find_peaks

from conftest import Run, refused
from ensembles import WARM, made_series, noise
from mimyria.commands import bands
from mimyria.errors import ConfigError, SpectrumError
from mimyria.spectra.bands import Measured, band_table, find_bands, measure_bands, prominent_maxima
from mimyria.spectra.infrared import infrared
from mimyria.spectra.raman import raman
from mimyria.spectra.remade import remake_spectra
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.spectrum import Spectrum, read_spectrum

NU = np.arange(0.0, 4001.0, 2.0)


def gaussian(position: float, area: float, width: float) -> np.ndarray:
    sigma = width / np.sqrt(8 * np.log(2))
    return area * np.exp(-((NU - position) ** 2) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi))


LINES = [(600.0, 900.0, 250.0), (1640.0, 300.0, 80.0), (3400.0, 6800.0, 400.0)]
THREE = Spectrum("table", {"wavenumber_cm-1": NU, "b": sum(gaussian(*line) for line in LINES)})


def test_lines_are_found_with_their_place_area_and_width() -> None:
    found = THREE.bands()
    assert len(found) == 3
    for band, (position, area, width) in zip(found, LINES, strict=True):
        assert band.low < position < band.high
        assert band.integral.value == pytest.approx(area, rel=0.03)
        assert band.centre.value == pytest.approx(position, abs=0.03 * width)
        assert band.maximum.value == pytest.approx(position, abs=0.02 * width)
        assert band.height.value == pytest.approx(area / (1.0645 * width), rel=0.02)
        assert band.width.value == pytest.approx(width, rel=0.02)
        assert np.isnan(band.integral.error)
        assert np.isnan(band.integral.error_95)


def test_a_given_range_is_cut_where_it_ends() -> None:
    flat = Spectrum("table", {"wavenumber_cm-1": NU, "b": np.full(len(NU), 2.0)})
    (band,) = measure_bands(flat, ranges=[(101.0, 202.5)])
    assert band.integral.value == pytest.approx(2 * 101.5)
    assert band.centre.value == pytest.approx((101 + 202.5) / 2)
    assert np.isnan(band.width.value)


def test_prominent_maxima_are_those_of_scipy() -> None:
    """Plateaus, ends and equal heights included."""
    random = np.random.default_rng(0)
    for k in range(200):
        values = random.normal(size=random.integers(1, 40))
        values = np.round(random.integers(1, 4) * values) if k % 2 else values
        least = abs(random.normal(size=len(values))) * (k % 3)
        expected, _ = find_peaks(values, prominence=least)
        np.testing.assert_array_equal(prominent_maxima(values, least), expected)


def test_noise_is_no_band_of_its_own() -> None:
    rough = THREE.columns["b"] + 0.5 * np.sin(NU / 5)
    assert len(find_bands(NU, rough, np.full(len(NU), 0.05))) > 3
    assert len(find_bands(NU, rough, np.full(len(NU), 0.5))) == 3


def test_two_blocks_do_not_split_a_band() -> None:
    """Whose errors at single points are by chance next to nothing: those alone would split four of five."""
    found = []
    for seed in range(25):
        series = made_series({"apt": noise(2500, 3, 1200.0, 400.0, 8.0, seed)}, 8.0)
        spectrum = infrared([series], WARM, choose_sampling([series], 20.0, 2))
        ranges = find_bands(spectrum.wavenumber, spectrum.values(), spectrum.error())
        found.append(sum(low < 1500 and high > 900 for low, high in ranges))
    assert np.mean(np.array(found) == 1) > 0.6


def test_nan_and_emptiness_are_no_bands() -> None:
    assert find_bands(NU, np.full(len(NU), np.nan)) == []
    holes = np.where(NU == 0, np.nan, THREE.columns["b"])
    assert len(measure_bands(Spectrum("table", {"wavenumber_cm-1": NU, "b": holes}))) == 3


def test_errors_of_bands_hold_the_truth() -> None:
    """The area of dM/dt of ⟨x²⟩ = 1 is known exactly; over runs it scatters as its error says."""
    found = []
    for seed in range(40):
        series = made_series({"apt": noise(2500, 3, 1200.0, 200.0, 8.0, seed)}, 8.0)
        (band,) = measure_bands(infrared([series], WARM, choose_sampling([series], 60.0, 10)), ranges=[(700, 1700)])
        found.append([(q.value, q.error) for q in (band.integral, band.centre, band.maximum, band.width)])
    values, errors = np.moveaxis(np.array(found), 2, 0)
    ratio = np.sqrt(np.mean(errors**2, axis=0)) / values.std(axis=0, ddof=1)
    assert (ratio > 0.7).all()
    assert (ratio < 1.6).all()
    uncertainty = values[:, 1].std() / np.sqrt(len(values))
    assert values[:, 1].mean() == pytest.approx(1200.0, abs=4 * uncertainty + 5.0)


def test_the_ratio_of_a_band_is_that_of_its_parts() -> None:
    waves = noise(20_000, 6, 1200.0, 200.0, 8.0)
    rates = waves[:, :1, None] * np.eye(3)
    for k, (a, b) in enumerate(((0, 1), (0, 2), (1, 2)), 1):
        rates[:, a, b] = rates[:, b, a] = waves[:, k]
    series = made_series({"pgt": rates}, 8.0)
    spectrum = raman([series], WARM, choose_sampling([series], 60.0, 10))
    (of_vv,), (of_vh,) = (measure_bands(spectrum, name, [(700, 1700)]) for name in ("VV", "VH"))
    assert of_vh.depolarisation_ratio is None
    assert of_vv.depolarisation_ratio is not None
    ratio = of_vv.depolarisation_ratio
    assert abs(ratio.value - 0.6 / 1.8) < 3 * ratio.error
    assert ratio.error < 0.05
    assert "depolarisation_ratio" in band_table([of_vv])
    assert "depolarisation_ratio" not in band_table([of_vh])


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (3453.21, 12.3, "3453 ± 12"),
        (0.1234567, 0.0042, "0.1235 ± 0.0042"),
        (6.8123e6, 4.1e4, "(6.812 ± 0.041)e6"),
        (5.2e-7, 7.7e-9, "(5.200 ± 0.077)e-7"),
        (12.0, np.nan, "12"),
        (np.nan, 1.0, "-"),
        (0.0, 0.5, "0.00 ± 0.50"),
    ],
)
def test_numbers_are_written_with_two_digits_of_their_error(value: float, error: float, text: str) -> None:
    assert str(Measured(value, error)) == text


def test_a_run_lists_its_bands_and_they_can_be_asked_for_again(run: Run, charges: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    command = ["spectrum", charges, "--apt", "frames", "--out", out, "--resolution", 90, "--blocks", 2]
    status, _, error = run(*command)
    assert status == 0, error
    listed = json.loads((out / "bands.json").read_text())
    assert set(listed) == {"ir", "vdos"}
    again = remake_spectra(out)
    for kind in again:
        whole = read_spectrum(out / f"{kind}.csv")
        for name, values in whole.columns.items():
            np.testing.assert_allclose(again[kind].columns[name], values, rtol=1e-6, atol=1e-7 * np.nanmax(values))
    status, text, error = run("bands", out, "--range", "200 400", "--column", "n_alpha_cm-1", "--json")
    assert status == 0, error
    (band,) = json.loads(text)
    assert band["integral"]["error"] > 0
    (same,) = bands(out / "ir.csv", ranges=[(200, 400)])
    assert same.as_dict() == band
    run("spectrum", out / "series.h5", "--out", tmp_path / "coarse", "--resolution", 120)
    (coarse,) = bands(
        tmp_path / "coarse", column="n_alpha_cm-1", ranges=[(200, 400)]
    )  # of the rates in the other folder
    assert coarse.integral.error > 0
    (out / "series.h5").unlink()
    (out / "settings.yaml").unlink()
    (alone,) = bands(out / "ir.csv", ranges=[(200, 400)])
    assert alone.integral.value == pytest.approx(band["integral"]["value"], rel=1e-6)
    assert alone.as_dict()["integral"]["error"] is None  # type: ignore[index]


def test_a_run_too_short_for_errors_lists_no_bands(run: Run, charges: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    status, _, error = run("spectrum", charges, "--apt", "frames", "--out", out, "--resolution", 90, "--blocks", 1)
    assert status == 0, error
    assert error.count("no bands are listed: fewer than two blocks tell no errors") == 1
    assert not any(json.loads((out / "bands.json").read_text()).values())
    for path in (out, out / "ir.csv"):
        status, text, error = run("bands", path, "--json")
        assert (status, json.loads(text)) == (0, [])
        assert "no bands are listed" in error
        assert run("bands", path)[1] == 'no bands; --range "LOW HIGH" measures a range\n'
    (band,) = bands(out / "ir.csv", ranges=[(200, 400)])
    assert band.integral.value > 0


def test_a_transmittance_that_is_read_as_absorbance_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = tmp_path / "a.csv"
    table.write_text("cm-1,Transmittance\n0,0.9\n10,0.5\n20,0.9\n")
    with caplog.at_level("INFO", "mimyria"):
        bands(table, ranges=[(0, 20)])
    assert [record.message for record in caplog.records if "a.csv: transmittance" in record.message]


def test_what_is_no_band_is_refused(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("0,1\n10,2\n20,1\n")
    for words in ("20 10", "a b", "10", "1 2 3", "nan 5"):
        refused(run("bands", table, "--range", words), "--range takes two wavenumbers (cm⁻¹), the lower first")
    refused(run("bands", table, "--range", "100 200"), "a.csv: fewer than three points of column_2 from 100 to 200")
    refused(run("bands", table, "--column", "x"), "a.csv has no column x")
    refused(run("bands", tmp_path), "holds no run")
    with pytest.raises(SpectrumError, match=r"cannot be read|no such file"):
        bands(tmp_path / "nowhere.csv")
    with pytest.raises(ConfigError, match="holds no run"):
        bands(tmp_path)
