"""Figures and references: axes with units, bands, nothing hidden, the same file each time, stated scales."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from matplotlib.collections import PolyCollection

from conftest import Run, made_spectra
from mimyria.errors import ConfigError, SpectrumError
from mimyria.figures.panels import Panel, panels_of
from mimyria.figures.pictures import FORMATS, PictureSettings, write_pictures
from mimyria.figures.plot import magnification, plot_spectra, spectra_figure
from mimyria.figures.reference import Reference, lay_over, read_reference
from mimyria.spectra.compare import warn_if_of_different_kinds
from mimyria.spectra.spectrum import Spectrum, read_spectrum, write_csv


def table(path: Path, spectrum: Spectrum, name: str, factor: float = 1.0, every: int = 3) -> str:
    """Write a column as an experimentalist would, and return the name of the file."""
    rows = np.column_stack([spectrum.wavenumber, factor * spectrum.columns[name]])[::every]
    np.savetxt(path, rows)
    return str(path)


# --- the figure ---------------------------------------------------------------------------------


def test_axes_have_units_and_one_wavenumber_axis() -> None:
    axes = spectra_figure(panels_of(made_spectra())).axes
    assert [one.get_ylabel() for one in axes] == [
        "n·α / 10³ cm⁻¹",
        "line shape / max. VV",
        "VH/VV",
        "g / modes per cm⁻¹",
    ]
    assert axes[-1].get_xlabel() == "wavenumber / cm⁻¹"
    assert {one.get_xlim() for one in axes} == {(0.0, 4196.0)}


def test_values_are_drawn_as_they_are_and_errors_as_bands() -> None:
    spectra = made_spectra()
    axes = spectra_figure(panels_of(spectra)).axes[0]
    drawn = {line.get_label(): line.get_ydata() for line in axes.get_lines()}
    whole = spectra["ir"].columns["n_alpha_cm-1"] / 1000
    np.testing.assert_allclose(drawn["total"], whole)
    np.testing.assert_allclose(drawn["O"] + drawn["O with H"] + drawn["H"], whole, atol=1e-12)
    assert axes.get_ylim()[0] < whole.min() < 0  # the dip is seen
    assert axes.get_ylim()[1] > whole.max()
    (band,) = (one for one in axes.collections if isinstance(one, PolyCollection))
    outline = band.get_paths()[0].vertices
    assert outline[:, 1].max() == pytest.approx(1.1 * whole.max())


def test_errors_that_are_not_known_have_no_band() -> None:
    spectra = made_spectra()
    spectra["ir"].columns["n_alpha_error"][:] = np.nan
    figure = spectra_figure(panels_of({"ir": spectra["ir"]}))
    assert not figure.axes[0].collections


def test_an_endless_error_does_not_press_the_curve_flat() -> None:
    spectra = made_spectra()
    spectra["ir"].columns["n_alpha_error"][700] = 1e9
    low, high = spectra_figure(panels_of({"ir": spectra["ir"]})).axes[0].get_ylim()
    assert high - low < 2 * 30  # the parts reach from -6 to 24


def test_faint_raman_bands_are_magnified_by_a_stated_factor() -> None:
    panels = panels_of(made_spectra())
    assert [magnification(panel) for panel in panels] == [1, 50, 1, 1]  # 1 % times 50 is half of the panel
    axes = spectra_figure(panels).axes[1]
    assert "×50" in [text.get_text() for text in axes.texts]
    drawn = next(line for line in axes.get_lines() if line.get_label() == "VV")
    x, y = drawn.get_xdata(), drawn.get_ydata()
    assert y[x == 1600] == pytest.approx(0.5, rel=1e-3)
    assert y[x == 3400] == pytest.approx(1.0, rel=1e-3)
    assert np.isnan(y[x < 2500][-1])  # no line joins the two scales


def test_parts_are_drawn_where_they_are_few_and_nothing_lies_over_the_whole() -> None:
    infrared = made_spectra()["ir"]
    assert len(_labels(infrared)) == 4
    more = infrared.columns | {"n_alpha[H,S]": 0 * infrared.wavenumber, "n_alpha[S,S]": 0 * infrared.wavenumber}
    assert _labels(replace(infrared, columns=more)) == ["total"]
    over = Reference("ir", "", panels_of({"ir": infrared})[0].curves[0])
    panels, _ = lay_over(panels_of({"ir": infrared}), [replace(over, curve=replace(over.curve, role="reference"))])
    assert _labels(panels[0]) == ["total", "total"]


def _labels(shown: Spectrum | Panel) -> list[str]:
    panels = panels_of({"ir": shown}) if isinstance(shown, Spectrum) else [shown]
    lines = spectra_figure(panels).axes[0].get_lines()
    return [str(line.get_label()) for line in lines if not str(line.get_label()).startswith("_")]


def test_terms_of_raman_and_of_single_molecules_are_there_to_be_asked_for() -> None:
    spectra = made_spectra()
    raman, infrared = spectra["raman"], spectra["ir"]
    columns = raman.columns | {"isotropic[O,H]": 0.5 * raman.columns["isotropic"]}
    curves = panels_of({"raman": replace(raman, columns=columns)})[0].curves
    (cross,) = (curve for curve in curves if curve.role == "cross")
    assert cross.hidden
    np.testing.assert_allclose(cross.values, 0.5 * 0.7 * curves[0].values)
    assert cross.label == "isotropic O with H"
    single = {name: values for name, values in infrared.columns.items() if "[" not in name}
    single |= {"n_alpha_intramolecular": single["n_alpha_cm-1"], "n_alpha_intermolecular": 0 * infrared.wavenumber}
    assert _labels(replace(infrared, columns=single)) == ["total", "intramolecular", "intermolecular"]


def test_stokes_intensities_are_drawn_where_there_is_a_laser() -> None:
    raman = made_spectra()["raman"]
    with np.errstate(divide="ignore"):
        stokes = raman.columns["VV"] / raman.wavenumber**2 + 1e-9 / raman.wavenumber**2
    panel = panels_of({"raman": replace(raman, columns=raman.columns | {"stokes_VV": stokes, "stokes_VH": stokes})})[0]
    assert panel.quantity == "Stokes intensity"
    assert panel.curves[0].wavenumber[0] >= 50  # 1/ν² is not followed to zero
    assert panel.curves[0].highest() == 1


def test_the_refractive_index_has_a_panel_where_it_was_asked_for() -> None:
    infrared = made_spectra()["ir"]
    optical = {"n": 1.3 + 0 * infrared.wavenumber, "kappa": 0.1 + 0 * infrared.wavenumber}
    _, panel = panels_of({"ir": replace(infrared, columns=infrared.columns | optical)})
    assert [(curve.label, curve.highest()) for curve in panel.curves] == [("n", 1.3), ("κ", 0.1)]


def test_any_other_kind_shows_its_first_column() -> None:
    (panel,) = panels_of(
        {"new": Spectrum("new", {"wavenumber_cm-1": np.arange(3.0), "chi": np.array([0.0, -1.0, 2.0])})}
    )
    assert (panel.title, panel.axis, panel.curves[0].label) == ("new", "chi", "chi")
    assert spectra_figure([panel]).axes[0].get_ylim()[0] < -1


@pytest.mark.parametrize(("width", "centimetres"), [("single", 8.6), ("double", 17.8)])
def test_a_figure_is_as_wide_as_a_column(width: str, centimetres: float) -> None:
    figure = spectra_figure(panels_of({"ir": made_spectra()["ir"]}), width=width)
    assert 2.54 * figure.get_figwidth() == pytest.approx(centimetres)


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_the_same_spectra_give_the_same_file(tmp_path: Path, suffix: str) -> None:
    panels = panels_of({"ir": made_spectra()["ir"]})
    paths = [tmp_path / f"{name}.{suffix}" for name in "ab"]
    for path in paths:
        plot_spectra([path], panels, title="water")
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_holds_the_formats_that_were_asked_for_last(tmp_path: Path) -> None:
    spectra = {"vdos": made_spectra()["vdos"]}
    (tmp_path / "settings.yaml").write_text("title: water\n", encoding="utf-8")
    write_csv(tmp_path / "vdos.csv", spectra["vdos"])
    for formats in (FORMATS, ("svg",), ()):
        write_pictures(tmp_path, spectra, PictureSettings(plot_format=formats))
        assert {path.suffix[1:] for path in tmp_path.glob("spectra.*")} == set(formats)


# --- what is laid over --------------------------------------------------------------------------


def test_reference_is_read_as_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a, b.txt"
    path.write_text("300 2 7\n100 1 5\n", encoding="utf-8")
    plain = read_reference(str(path))
    assert (plain.kind, plain.against, plain.curve.label, plain.curve.role) == ("ir", "", "a, b", "points")
    np.testing.assert_array_equal(plain.curve.values, [1, 2])
    full = read_reference(f"raman.VH={path},scale=10,column=column_3,label=Bertie, Lan (1996)")
    assert (full.kind, full.against, full.curve.label) == ("raman", "VH", "Bertie, Lan (1996)")
    np.testing.assert_array_equal(full.curve.values, [50, 70])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{},scale=lots", "scale takes a number, not 'lots'"),
        ("{},column=nothing", "has no column nothing; it has column_2"),
        ("{},scal=10", "cannot be read"),
        ("ramen={}", "cannot be read"),
    ],
)
def test_what_cannot_be_understood_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.txt").write_text("1 2\n3 4\n", encoding="utf-8")
    with pytest.raises((ConfigError, SpectrumError), match=message):
        read_reference(text.format(tmp_path / "a.txt"))


def test_infrared_is_compared_in_its_unit(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spectra = made_spectra()
    text = table(tmp_path / "exp.txt", spectra["ir"], "n_alpha_cm-1", 1e-3)  # 10³ cm⁻¹, as they do
    (panel, *_), said = lay_over(panels_of(spectra), [read_reference(f"{text},scale=1000")])
    np.testing.assert_allclose(panel.curves[-1].values, panel.curves[0].values[::3])
    # the only difference is the straight line between every third point of bands 60 cm⁻¹ wide
    assert float(said[0].split("similarity ")[1].split()[0]) > 0.99
    assert said[0].endswith("from 0 to 4188 cm⁻¹")
    assert "next to nothing" not in caplog.text
    lay_over(panels_of(spectra), [read_reference(text)])
    assert "next to nothing in common" in caplog.text


def test_raman_is_scaled_to_the_maximum_in_the_common_range(tmp_path: Path) -> None:
    spectra = made_spectra()
    low = {name: values[spectra["raman"].wavenumber < 2000] for name, values in spectra["raman"].columns.items()}
    text = table(tmp_path / "exp.txt", replace(spectra["raman"], columns=low), "VH", 1e7, every=1)
    (_, panel, *_), _ = lay_over(panels_of(spectra), [read_reference(f"raman={text},label=exp")])
    theirs = panel.curves[-1]
    assert theirs.label == "exp, scaled to max. VV"
    np.testing.assert_allclose(theirs.values, panel.curves[0].values[: len(theirs.values)])  # the bend, not the stretch


def test_a_reference_without_partner_is_refused(tmp_path: Path) -> None:
    spectra = made_spectra()
    infrared = panels_of({"ir": spectra["ir"]})
    text = table(tmp_path / "exp.txt", spectra["ir"], "n_alpha_cm-1")
    with pytest.raises(SpectrumError, match="exp: cannot be laid over raman; there is no such spectrum"):
        lay_over(infrared, [read_reference(f"raman={text}")])
    with pytest.raises(SpectrumError, match=r"laid over ir.S; there is total, O, O with H, H"):
        lay_over(infrared, [read_reference(f"ir.S={text}")])
    np.savetxt(text, np.array([[5000.0, 1.0], [5100.0, 1.0]] * 10))
    with pytest.raises(SpectrumError, match="no range in common"):
        lay_over(infrared, [read_reference(text)])
    with pytest.raises(SpectrumError, match="exp: nothing to scale by"):
        lay_over(panels_of(spectra), [read_reference(f"raman={text}")])


def test_spectra_of_different_kinds_are_compared_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    x = np.linspace(0, 100, 11)
    for name, column, width in (("a", "VV", 20), ("b", "VH", 20), ("c", "VV", 60)):
        header = {"resolution": f"{width} cm-1 (FWHM of the window's transform)"}
        write_csv(tmp_path / f"{name}.csv", Spectrum("raman", {"wavenumber_cm-1": x, column: x}, header))
    first, second, third = (read_spectrum(tmp_path / f"{name}.csv") for name in "abc")
    warn_if_of_different_kinds([first, first], ["VV", "VV"])
    assert not caplog.text
    warn_if_of_different_kinds([first, second], ["VV", "VH"])
    assert "different quantities are compared, VV with VH" in caplog.text
    warn_if_of_different_kinds([first, third], ["VV", "VV"])
    assert "the resolutions differ (20 cm-1 and 60 cm-1)" in caplog.text


@pytest.mark.pictures
def test_references_are_laid_over_and_stand_in_the_settings(run: Run, charges: Path, tmp_path: Path) -> None:
    run("spectrum", charges, "--apt", "frames", "--out", tmp_path / "a", "--plot-format", "png", "--temperature", 300)
    theirs = [f"{tmp_path / 'a' / 'ir.csv'},label=the same, again", f"vdos={tmp_path / 'a' / 'vdos.csv'}"]
    options = ["--plot-width", "single", "--plot-format", "png,html", "--title", "charges: free", "--temperature", 300]
    options += [word for text in theirs for word in ("--reference", text)]
    status, text, error = run("spectrum", charges, "--apt", "frames", *options, "--out", tmp_path / "b")
    assert status == 0, error
    assert "the same, again: similarity 1.000 with infrared (total)" in error
    assert "vdos: similarity 1.000 with density of states (total)" in error
    assert "spectra.png, spectra.html" in text
    assert {path.suffix for path in (tmp_path / "b").glob("spectra.*")} == {".png", ".html"}
    assert "similarity 1.000" in (tmp_path / "b" / "spectra.html").read_text(encoding="utf-8")
    status, _, error = run("spectrum", "--config", tmp_path / "b" / "settings.yaml", "--out", tmp_path / "c")
    assert status == 0, error
    assert "the same, again: similarity 1.000" in error
    settings = [yaml.safe_load((tmp_path / name / "settings.yaml").read_text(encoding="utf-8")) for name in "bc"]
    for name in ("reference", "plot_format", "plot_width", "title"):
        assert settings[0][name] == settings[1][name], name
    (tmp_path / "one.yaml").write_text(f"apt: frames\nreference: {theirs[1]}\nplot_format: svg\n", encoding="utf-8")
    status, _, error = run("spectrum", charges, "--config", tmp_path / "one.yaml", "--out", tmp_path / "d")
    assert status == 0, error
    assert "vdos: similarity" in error
