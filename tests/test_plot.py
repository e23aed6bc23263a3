"""The figure: axes with units, errors as bands, faint bands magnified, nothing hidden, the same file each time."""

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection

from conftest import made_spectra
from mimyria.figures.panels import Panel, panels_of
from mimyria.figures.plot import STYLE, magnification, plot_spectra, spectra_figure
from mimyria.figures.reference import Reference, lay_over
from mimyria.spectra.spectrum import Spectrum
from mimyria.statistics.replicates import Replicates


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


def test_bands_are_shaded_and_their_centres_marked_with_their_error() -> None:
    infrared = made_spectra()["ir"]
    found = infrared.bands()
    assert len(found) == 3
    axes = spectra_figure(panels_of({"ir": infrared})).axes[0]
    shaded = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches]
    np.testing.assert_allclose(shaded, [(band.low, band.high) for band in found])
    marks = [line.get_xdata()[0] for line in axes.get_lines() if line.get_marker() == "d"]
    np.testing.assert_allclose(marks, [band.centre.value for band in found])
    assert not axes.collections[1:]  # centres without error have no bar
    lines = np.stack([infrared.values() * (1 + 0.05 * k * np.sin(infrared.wavenumber / 300)) for k in (0, 1, -1)])
    known = replace(infrared, lines={"n_alpha_cm-1": lines}, replicates=Replicates(blocks=2))
    bars = [
        one for one in spectra_figure(panels_of({"ir": known})).axes[0].collections if isinstance(one, LineCollection)
    ]
    widths = [np.ptp(bar.get_segments()[0][:, 0]) / 2 for bar in bars]
    np.testing.assert_allclose(widths, [band.centre.error for band in known.bands()])
    assert min(widths) > 0


def test_intervals_of_few_blocks_are_wider_than_their_errors() -> None:
    infrared = made_spectra()["ir"]
    for words, factor in (("over 2 blocks of 1 ps", 1.837), ("over 10 blocks of 1 ps", 1.059), ("", 1.0)):
        curve = panels_of({"ir": replace(infrared, header={"errors": f"standard error {words}"})})[0].curves[0]
        assert curve.error is not None
        np.testing.assert_allclose(curve.error * 1000, factor * infrared.columns["n_alpha_error"], rtol=1e-3)


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


def test_a_long_legend_stands_in_columns_and_no_two_parts_look_alike() -> None:
    infrared = made_spectra()["ir"]
    panel = panels_of({"ir": infrared})[0]
    part = next(curve for curve in panel.curves if curve.role == "part")
    names = [f"SO4_antisymmetric_stretch_{number}" for number in range(11)]
    parts = [replace(part, label=name, color=f"C{number % 5}", hidden=False) for number, name in enumerate(names)]
    with mpl.rc_context(STYLE):
        figure = spectra_figure([replace(panel, curves=[panel.curves[0], *parts])])
        figure.draw_without_rendering()
    axes = figure.axes[0]
    legend = axes.get_legend()
    assert legend is not None
    box, inside = legend.get_window_extent(), axes.get_window_extent()
    assert box.height < 0.5 * inside.height
    assert box.x0 > inside.x0
    looks = [(line.get_color(), line.get_linestyle()) for line in axes.get_lines() if line.get_label() in names]
    assert len(set(looks)) == len(names)
