"""Spectra as objects and as files: columns with errors, units and contributions; tables of others are read."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ensembles import WARM, made_series
from mimyria.errors import ConfigError, SpectrumError
from mimyria.spectra.infrared import infrared
from mimyria.spectra.raman import raman
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.spectrum import Spectra, Spectrum, read_spectrum, write_csv
from mimyria.spectra.vdos import vibrational_density


def test_csv_round_trip(tmp_path: Path) -> None:
    series = made_series({"apt": np.random.default_rng(0).normal(size=(2000, 3))})
    spectrum = infrared([series], WARM, choose_sampling([series], None, None))
    write_csv(tmp_path / "ir.csv", spectrum)
    again = read_spectrum(tmp_path / "ir.csv")
    assert list(again.columns) == list(spectrum.columns)
    for name, values in spectrum.columns.items():
        np.testing.assert_allclose(again.columns[name], values, rtol=1e-6, atol=1e-12)
    assert "temperature: 300.00 K" in (tmp_path / "ir.csv").read_text(encoding="utf-8")


CONDITIONS = replace(WARM, laser=532.0, epsilon_infinity=1.78, porto=("z(xy)-z",))


def made_spectra() -> dict[str, Spectrum]:
    """Infrared, Raman and density of states of two groups, with every column there is."""
    rng = np.random.default_rng(0)
    shapes = {"apt": (2000, 2, 3), "pgt": (2000, 2, 3, 3)}
    of_networks = {name: rng.normal(size=(2000, 3, *shape[2:])) for name, shape in shapes.items()}
    series = replace(
        made_series({"apt": np.zeros((2000, 3))}),
        rates={name: rng.normal(size=shape) for name, shape in shapes.items()},
        groups=("H2O", "SO4"),
        counts={"H2O": np.full(2000, 8), "SO4": np.full(2000, 1)},
        molecular=True,
        member_rates=of_networks,
    )
    how = choose_sampling([series], None, None)
    makers = {"ir": infrared, "raman": raman, "vdos": vibrational_density}
    return {kind: make([series], CONDITIONS, how) for kind, make in makers.items()}


def test_a_file_gives_back_kind_units_and_header(tmp_path: Path) -> None:
    for kind, spectrum in made_spectra().items():
        write_csv(tmp_path / "a.csv", spectrum)
        again = read_spectrum(str(tmp_path / "a.csv"))
        assert (again.kind, again.units, again.header) == (kind, spectrum.units, spectrum.header)
        assert all(again.unit(name) for name in again.columns), kind
        assert repr(again) == repr(spectrum)


def test_a_column_knows_its_error_spread_unit_and_contributions() -> None:
    spectra = made_spectra()
    ir, lines, density = spectra["ir"], spectra["raman"], spectra["vdos"]
    assert ir.error() is ir.error("n_alpha_cm-1") is ir.columns["n_alpha_error"]
    assert ir.spread() is ir.columns["n_alpha_spread"]
    assert lines.spread("VH") is lines.columns["VH_spread"]
    assert density.spread("vdos") is None
    assert Spectrum("table", {"wavenumber_cm-1": np.arange(2), "b": np.arange(2)}).error() is None
    assert ir.error("n_alpha_molar[H2O]") is ir.columns["n_alpha_molar[H2O]_error"]
    for spectrum, name, unit in (
        (ir, "wavenumber_cm-1", "cm-1"),
        (ir, "n_alpha_error", "cm-1"),
        (ir, "n_alpha[H2O,SO4]", "cm-1"),
        (ir, "n_alpha_molar[H2O]_error", "L mol-1 cm-1"),
        (ir, "alpha_error", "cm-1"),
        (ir, "n", "1"),
        (lines, "z(xy)-z_error", "a.u.² fs⁻² cm"),
        (lines, "isotropic_per_molecule[H2O]", "a.u.² fs⁻² cm"),
        (lines, "stokes_z(xy)-z", "a.u.² fs⁻² cm²"),
        (lines, "depolarisation_ratio_error", "1"),
        (density, "vdos[H]_error", "modes per cm-1"),
        (Spectrum("table", {"wavenumber_cm-1": np.arange(2), "b": np.arange(2)}), "b", ""),
    ):
        assert spectrum.unit(name) == unit, name
    parts = ir.contributions()
    assert list(parts) == [("H2O", "H2O"), ("H2O", "SO4"), ("SO4", "SO4")]
    np.testing.assert_allclose(sum(parts.values()), ir.values(), rtol=1e-9, atol=1e-9 * ir.values().max())
    assert list(lines.contributions("anisotropic")) == list(parts)
    assert list(density.contributions()) == [("H",)]
    assert parts["SO4", "H2O"] is parts["H2O", "SO4"]
    with pytest.raises(SpectrumError, match=r"no contribution \('O', 'H'\); there are \('H2O', 'H2O'\), "):
        parts["O", "H"]
    assert ir.quantities[:3] == ["n_alpha_cm-1", "epsilon_imag", "sigma"]
    _, values, error = ir.curve(scale=-2.0)
    np.testing.assert_array_equal(values, -2 * ir.values())
    np.testing.assert_array_equal(error, 2 * ir.columns["n_alpha_error"])


def test_a_spectrum_says_what_it_is() -> None:
    spectrum = Spectrum(
        "ir", {"wavenumber_cm-1": np.arange(3), "n_alpha_cm-1": np.ones(3), "n_alpha_error": np.ones(3)}
    )
    assert repr(spectrum) == "<Spectrum ir: 3 points, 0 to 2 cm⁻¹; n_alpha_cm-1 ± error>"
    assert repr(Spectra({"ir": spectrum, "vdos": spectrum})).count("<Spectrum ir") == 2


def test_a_data_frame_has_the_columns_and_their_units(monkeypatch: pytest.MonkeyPatch) -> None:
    spectrum = made_spectra()["ir"]
    table = spectrum.to_dataframe()
    assert table.index.name == "wavenumber_cm-1"
    assert list(table.columns) == list(spectrum.columns)[1:]
    np.testing.assert_array_equal(table["n_alpha_cm-1"], spectrum.values())
    assert table.attrs["units"]["n_alpha_error"] == "cm-1"
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(SpectrumError, match=r"needs pandas: pip install 'mimyria\[pandas\]'"):
        spectrum.to_dataframe()


def test_a_spectrum_draws_itself(tmp_path: Path) -> None:
    spectra = Spectra(made_spectra())
    whole = spectra.plot(title="Water", width="single")
    assert len(whole.axes) == 5  # infrared, refractive index, Raman, depolarisation, density of states
    assert whole._repr_png_().startswith(b"\x89PNG")
    write_csv(tmp_path / "a.csv", spectra["ir"])
    (tmp_path / "b.csv").write_text("".join(f"{k} {1 + k}\n" for k in range(0, 4000, 100)))
    alone = read_spectrum(tmp_path / "a.csv").plot(reference=f"{tmp_path / 'b.csv'},label=Bertie")
    assert "Bertie" in {line.get_label() for line in alone.axes[0].lines}
    with pytest.raises(ConfigError, match="takes single or double, not 'wide'"):
        spectra["ir"].plot(width="wide")


def test_tables_of_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("# Bertie\n300 2.0\n100 1.0\n\n200 1.5\n")
    table = read_spectrum(tmp_path / "a.txt")
    np.testing.assert_array_equal(table.wavenumber, [100, 200, 300])
    np.testing.assert_array_equal(table.values(), [1.0, 1.5, 2.0])
    with pytest.raises(SpectrumError, match=r"a\.txt has no column n_alpha; it has column_2"):
        table.values("n_alpha")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no rows"),
        ("1 2\n3\n", "line 2: 1 columns"),
        ("1 2\n3 x\n", "line 2: not a row"),
        ("1\n2\n", "at least two"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(SpectrumError, match=message):
        read_spectrum(tmp_path / "a.txt")
    with pytest.raises(SpectrumError, match="cannot be read"):
        read_spectrum(tmp_path / "absent.txt")
