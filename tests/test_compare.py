"""Similarity, difference and band maxima of curves that are known."""

import json
from pathlib import Path

import numpy as np
import pytest

from conftest import Run
from mimyria.errors import ConfigError, SpectrumError
from mimyria.spectra.compare import compare, similarity, subtract, warn_if_of_different_kinds
from mimyria.spectra.spectrum import WAVENUMBER, Curve, Spectrum, read_spectrum, write_csv


def test_similarity_of_known_curves() -> None:
    x = np.linspace(0, 100, 101)
    assert similarity((x, x, None), (x, x, None)).similarity == 1.0
    assert similarity((x, x, None), (x, 3 * x, None)).score == pytest.approx(0.5)
    assert similarity((x, x, None), (x, 0 * x, None)).similarity == pytest.approx(0.0)
    coarse = x[::4]
    assert similarity((x, x, None), (coarse, coarse, None), 10.2, 90.0).similarity == pytest.approx(1.0)
    with pytest.raises(SpectrumError, match="no range in common"):
        similarity((x, x, None), (x + 200, x, None))
    with pytest.raises(SpectrumError, match="both spectra are zero"):
        similarity((x, 0 * x, None), (x, 0 * x, None))


def test_where_a_table_is_denser_does_not_matter() -> None:
    """A reference with ten times the points where both agree is no more alike for it."""

    def curve(x: np.ndarray, shift: float) -> Curve:
        return x, np.exp(-(((x - 500 - shift) / 50) ** 2)) + 0.2 * np.exp(-(((x - 100) / 50) ** 2)), None

    even, dense = np.linspace(0, 1000, 2001), np.concatenate([np.linspace(0, 250, 5000), np.linspace(251, 1000, 1000)])
    expected = similarity(curve(even, 40), curve(even, 0)).similarity
    assert similarity(curve(even, 40), curve(dense, 0)).similarity == pytest.approx(expected, abs=1e-3)


def test_floor_of_the_similarity_is_what_noise_scores() -> None:
    rng, x = np.random.default_rng(0), np.linspace(0, 100, 20_001)
    error = np.full_like(x, 0.3)
    noisy = [(x, 5 + error * rng.normal(size=x.size), error) for _ in range(2)]
    report = similarity(noisy[0], noisy[1])
    assert report.score == pytest.approx(report.floor, rel=0.03)


def test_a_value_that_is_missing_does_not_hide_the_errors() -> None:
    """Stokes intensities and optical constants are not a number at ν = 0."""
    x = np.linspace(0, 100, 101)
    values, error = 5 + x, np.full_like(x, 0.3)
    floor = similarity((x[1:], values[1:], error[1:]), (x[1:], values[1:], error[1:])).floor
    values[0] = error[0] = np.nan
    assert similarity((x, values, error), (x, values, error)).floor == pytest.approx(floor)
    assert similarity((x, values, np.nan * x), (x, values, np.nan * x)).floor is None


def test_difference_of_known_curves() -> None:
    """Straight lines on other grids: 5 + x minus x is 5, from 10 to 90 cm⁻¹; two errors add as squares."""
    x, coarse = np.linspace(0, 90, 91), np.linspace(10, 100, 7)
    one, other = (x, 5 + x, np.full_like(x, 0.3)), (coarse, coarse, np.full_like(coarse, 0.4))
    spectrum = subtract(one, other, "n_alpha_cm-1")
    np.testing.assert_array_equal(spectrum.wavenumber, x[10:])
    np.testing.assert_allclose(spectrum.columns["n_alpha_cm-1"], 5)
    error = spectrum.error()
    assert error is not None
    np.testing.assert_allclose(error, 0.5)
    assert subtract((*one[:2], None), (*other[:2], None), "VV").error() is None
    np.testing.assert_allclose(subtract(one, (*other[:2], None), "VV", 20, 30).columns["VV_error"], 0.3)


def test_files_and_spectra_are_compared_alike(tmp_path: Path, run: Run) -> None:
    """From Python, of files or of spectra, and on the command line, whose JSON are the same numbers."""
    x = np.linspace(0, 100, 101)
    one = Spectrum(
        "ir", {"wavenumber_cm-1": x, "n_alpha_cm-1": 5 + x, "n_alpha_error": 0 * x + 0.3}, {}, {"n_alpha": "cm-1"}
    )
    other = Spectrum("ir", {"wavenumber_cm-1": x, "n_alpha_cm-1": x}, {}, {"n_alpha": "cm-1"})
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path, spectrum in zip(paths, (one, other), strict=True):
        write_csv(path, spectrum)
    result = compare(one, other, range=(10, 90), scale=2)
    assert result == compare(str(paths[0]), paths[1], column="n_alpha_cm-1", range=(10, 90), scale=2)
    assert result.score == pytest.approx(abs(5 - x[10:91]).sum() / (5 + 3 * x[10:91]).sum())
    arguments = ("compare", *paths, "--range", 10, 90, "--scale", 2)
    assert json.loads(run(*arguments, "--json")[1]) == result.as_dict()
    assert run(*arguments)[1].strip() == str(result)
    assert list(result.as_dict()) == ["similarity", "score", "floor", "low_cm-1", "high_cm-1", "points"]
    assert "floor" not in compare(other, other).as_dict()
    compare(paths[0], other, difference=tmp_path / "d.csv")
    made = read_spectrum(tmp_path / "d.csv")
    np.testing.assert_allclose(made.values(), 5)
    assert (made.kind, made.unit()) == ("difference", "cm-1")
    assert made.header == {"n_alpha_cm-1": f"{paths[0]} - 1 × ir"}
    with pytest.raises(ConfigError, match=r"a\.csv is one of the two spectra"):
        compare(paths[0], other, difference=str(paths[0]))
    with pytest.raises(ConfigError, match=r"d\.csv cannot be written: there is no folder .*nowhere$"):
        compare(paths[0], other, difference=tmp_path / "nowhere/d.csv")
    with pytest.raises(SpectrumError, match="is a folder, not a file"):
        compare(paths[0], tmp_path)
    with pytest.raises(SpectrumError, match=r"^ir has no column VV; it has n_alpha_cm-1"):
        compare(one, other, column="VV")


def test_spectra_of_different_kinds_are_compared_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    x = np.linspace(0, 100, 11)
    for name, shown, width in (("a", "VV", 20), ("b", "VH", 20), ("c", "VV", 60)):
        header = {"resolution": f"{width} cm-1 (FWHM of the window's transform)"}
        write_csv(tmp_path / f"{name}.csv", Spectrum("raman", {"wavenumber_cm-1": x, shown: x}, header))
    first, second, third = (read_spectrum(tmp_path / f"{name}.csv") for name in "abc")
    warn_if_of_different_kinds([first, first], ["VV", "VV"])
    assert not caplog.text
    warn_if_of_different_kinds([first, second], ["VV", "VH"])
    assert "different quantities are compared, VV with VH" in caplog.text
    warn_if_of_different_kinds([first, third], ["VV", "VV"])
    assert "the resolutions differ (20 cm-1 and 60 cm-1)" in caplog.text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scale": 0}, "--scale takes a number above 0, not 0"),
        ({"scale": -1.0}, "--scale takes a number above 0, not -1"),
        ({"scale": float("inf")}, "--scale takes a number above 0, not inf"),
        ({"scale": float("nan")}, "--scale takes a number above 0, not nan"),
        ({"scale": "2"}, "--scale takes a number above 0, not '2'"),
        ({"range": (4000, 300)}, r"--range takes two wavenumbers \(cm⁻¹\), the lower first, not '4000 300'"),
        ({"range": (300, float("nan"))}, "not '300 nan'"),
        ({"range": (300, 400, 500)}, "not '300 400 500'"),
        ({"range": "300 4000"}, r"the lower first, not '300 4000'"),
        ({"range": ("300", 4000)}, r"not \('300', 4000\)"),
        ({"range": 300}, "not 300$"),
        ({"range": None}, "not None"),
    ],
)
def test_an_odd_scale_or_range_is_refused(given: dict[str, object], message: str) -> None:
    x = np.linspace(0, 100, 11)
    spectrum = Spectrum("ir", {"wavenumber_cm-1": x, "n_alpha_cm-1": x})
    with pytest.raises(ConfigError, match=message):
        compare(spectrum, spectrum, **given)


def test_spectra_of_different_levels_of_theory_are_told(caplog: pytest.LogCaptureFixture) -> None:
    grid = np.linspace(100.0, 4000.0, 40)
    columns = {WAVENUMBER: grid, "n_alpha_cm-1": 1 + grid}

    def at(level: str) -> Spectrum:
        return Spectrum("ir", columns, {"level of apt": level, "resolution": "20 cm-1"} if level else {})

    compare(at("PBE/small (a)"), at("PBE/small (a)"))
    compare(at("PBE/small (a)"), at(""))
    assert not caplog.records
    compare(at("PBE/small (a)"), at("PBE/large (b)"))
    assert "the APT are of different levels of theory: PBE/small (a) and PBE/large (b)" in caplog.text
