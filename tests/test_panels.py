"""Panels: one for each quantity, with what stands on its axis."""

from dataclasses import replace

import numpy as np

from conftest import made_spectra
from mimyria.figures.panels import panels_of
from mimyria.figures.plot import spectra_figure
from mimyria.spectra.spectrum import Spectrum


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


def test_the_density_of_states_by_motions_shows_these_and_not_the_species() -> None:
    nu = np.linspace(0, 4000, 50)
    names = ("vdos", "vdos[O]", "vdos[H]", "vdos[H2O_bend,H2O_bend]", "vdos[H2O_bend,H2O_rotation]")
    names += ("vdos[H2O_rotation,H2O_rotation]",)
    (panel,) = panels_of({"vdos": Spectrum("vdos", {"wavenumber_cm-1": nu} | dict.fromkeys(names, nu + 1))})
    assert [curve.label for curve in panel.curves] == ["total", "H2O_bend", "H2O_rotation"]


def test_layers_that_are_empty_are_not_drawn_and_powers_of_ten_are_raised() -> None:
    nu = np.linspace(0, 4000, 50)
    columns = {"wavenumber_cm-1": nu, "ssp_im": 2e-21 * (nu + 1)}
    columns |= {"ssp_im[-1]": np.where(nu > 0, 0.0, np.nan), "ssp_im[1]": columns["ssp_im"]}
    columns |= {"n_alpha": nu + 1, "n_alpha[-1]": 0 * nu, "n_alpha[1]": nu + 1}
    frequency, infrared = panels_of({"depth": Spectrum("depth", columns)})
    assert [curve.label for curve in frequency.curves] == ["total", "1 Å"]
    assert [curve.label for curve in infrared.curves] == ["total", "1 Å"]
    assert (frequency.unit, infrared.unit) == ("10⁻¹⁸ m²/V", "10³ cm⁻¹")
