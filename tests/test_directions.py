"""n·α along directions: an oriented oscillator, an isotropic liquid, layers in vacuum, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import constants

from conftest import Run, refused
from ensembles import TEMPERATURE, WARM, made_series, noise
from mimyria.errors import SpectrumError
from mimyria.frame import Array
from mimyria.optical.dielectric import epsilon_imag
from mimyria.optical.directions import directional, layer_lines
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import infrared
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.spectrum import Spectrum

POSITION, WIDTH = 1500.0, 60.0


def oriented(direction: list[float], frames: int = 8_000) -> ResponseSeries:
    wave = 0.01 * noise(frames, 1, POSITION, WIDTH, 4.0)
    return made_series({"apt": wave * np.array(direction)}, 4.0)


def spectrum_of(series: ResponseSeries, axis: str = "z", **conditions: object) -> Spectrum:
    given = replace(WARM, directions=axis, **conditions)  # type: ignore[arg-type]
    return infrared([series], given, choose_sampling([series], 20.0, None))


def test_one_oriented_oscillator() -> None:
    """All of it along z: three times the mean there, nothing across; ∫ n·α_zz dω = π/(2 ε0 c V k_B T) ⟨(dM_z/dt)²⟩."""
    series = oriented([0, 0, 1])
    found = spectrum_of(series)
    np.testing.assert_allclose(found.values("n_alpha_zz"), 3 * found.values(), rtol=1e-12)
    np.testing.assert_allclose(found.error("n_alpha_zz"), 3 * found.error(), rtol=1e-9)
    for name in ("n_alpha_xx", "n_alpha_yy"):
        assert abs(found.values(name)).max() == 0
    rate = np.mean(series.rates["apt"][:, 0, 2] ** 2) * (constants.e * constants.angstrom / constants.femto) ** 2
    area = np.pi * rate / (2 * constants.epsilon_0 * constants.c * 1e-27 * constants.k * TEMPERATURE)
    integral = np.trapezoid(found.values("n_alpha_zz"), found.wavenumber) * 100**2 * 2 * np.pi * constants.c
    assert integral == pytest.approx(area, rel=1e-3)
    visible = np.isfinite(found.values("order"))
    assert visible[abs(found.wavenumber - POSITION) < WIDTH].all()
    assert not visible[abs(found.wavenumber - POSITION) > 30 * WIDTH].any()
    for name in ("order", "dichroism_over_sum"):
        np.testing.assert_allclose(found.values(name)[visible], 1)
    across = spectrum_of(series, "x")
    np.testing.assert_allclose(across.values("order")[visible], -0.5)
    np.testing.assert_allclose(across.values("linear_dichroism"), -1.5 * found.values(), atol=1e-12)


def test_a_tilted_oscillator_has_the_order_of_its_angle() -> None:
    """S = (3 cos²θ - 1)/2."""
    angle = np.radians(35)
    found = spectrum_of(oriented([np.sin(angle), 0, np.cos(angle)]))
    near = abs(found.wavenumber - POSITION) < WIDTH
    np.testing.assert_allclose(found.values("order")[near], (3 * np.cos(angle) ** 2 - 1) / 2, rtol=1e-9)


def test_an_isotropic_liquid_has_equal_thirds() -> None:
    """n·α of each direction is that of all within its errors, which cover the difference; the order is zero."""
    moment = 0.01 * noise(24_000, 3, POSITION, WIDTH, 4.0, seed=3)
    found = spectrum_of(made_series({"apt": moment}, 4.0))
    mean = sum(found.values(f"n_alpha_{a}{a}") for a in "xyz") / 3
    np.testing.assert_allclose(mean, found.values(), rtol=1e-9)
    near = abs(found.wavenumber - POSITION) < WIDTH
    for name in ("linear_dichroism", "order", "dichroism_over_sum"):
        deviations = found.values(name)[near] / found.error(name)[near]
        assert np.sqrt(np.mean(deviations**2)) < 2, name
    assert abs(found.values("order")[near]).max() < 0.4


def test_per_area_and_per_molecule_by_direction() -> None:
    cell = np.diag([8.0, 5.0, 25.0])
    series = replace(oriented([1, 0, 2]), cell=cell, counts={"all": np.full(8_000, 4.0)}, molecular=True)
    for per, name in (("area-z", "n_alpha_per_area"), ("molecule", "n_alpha_per_molecule")):
        found = spectrum_of(series, per=per)
        mean = sum(found.values(f"{name}_{a}{a}") for a in "xyz") / 3
        np.testing.assert_allclose(mean, found.values(name), rtol=1e-9)
        assert found.unit(f"{name}_xx") == found.unit(name)
        np.testing.assert_allclose(found.values(f"{name}_zz"), 4 * found.values(f"{name}_xx"), rtol=1e-9)


THICKNESS, HEIGHT, INFINITY = 20.0, 50.0, 1.78
GRID = np.linspace(0, 8000, 3201)


def lorentz(strength: float, wavenumber: Array = GRID) -> Array:
    """ε of a layer with one oscillator."""
    with np.errstate(invalid="ignore"):
        return INFINITY + strength * POSITION**2 / (POSITION**2 - wavenumber**2 - 1j * WIDTH * wavenumber)


def in_a_cell(layer: Array, across: Array) -> Array:
    """Return n·α (1, 3, n) of the cell, whose mean fields are E in the plane and D/ε in series across."""
    part = THICKNESS / HEIGHT
    plane = part * layer + 1 - part
    series = 1 / (part / across + 1 - part)
    return 2 * np.pi * GRID * np.array([[plane.imag, plane.imag, series.imag]])


def test_the_layer_is_found_again_in_its_cell() -> None:
    """Across, the cell's band lies between the transverse and the longitudinal wavenumber; that of the layer does not.

    The error is what the tail beyond the grid leaves out.
    """
    layer, across = lorentz(0.6), lorentz(0.3)
    along = in_a_cell(layer, across)
    assert GRID[np.argmax(along[0, 2])] > POSITION + 50
    lines, header = layer_lines(GRID, along, "z", (THICKNESS, 60.0), HEIGHT, INFINITY)
    band = abs(GRID - POSITION) < 400
    for name, exact in (("xx", layer), ("yy", layer), ("zz", across)):
        expected = 2 * np.pi * GRID * exact.imag
        off = abs(lines[f"n_alpha_layer_{name}"][0] - expected)[band].max()
        assert off < (1e-9 if name != "zz" else 4e-3) * expected.max(), name
    assert "20 Å of the 50 Å" in header["n_alpha_layer_aa"]
    whole, _ = layer_lines(GRID, along, "z", (HEIGHT,), HEIGHT, INFINITY)
    np.testing.assert_allclose(whole["n_alpha_layer_zz"][0, 1:], along[0, 2, 1:], rtol=1e-9)


def transmitted(layer: Array, across: Array, degrees: float) -> dict[str, Array]:
    """Return |t|² of a uniaxial film in vacuum, by all its inner reflections (Abelès), for s- and p-polarised light."""
    nu, angle = GRID[1:], np.radians(degrees)
    sine, cosine = np.sin(angle), np.cos(angle)
    o, e = layer[1:], across[1:]
    found = {}
    for light in "sp":
        q = np.sqrt(o - sine**2) if light == "s" else np.sqrt(o * (1 - sine**2 / e))
        admittance = q if light == "s" else o / q
        outside = cosine if light == "s" else 1 / cosine
        phase = 2 * np.pi * nu * q * THICKNESS * 1e-8
        b = np.cos(phase) - 1j * np.sin(phase) / admittance * outside
        c = outside * np.cos(phase) - 1j * admittance * np.sin(phase)
        found[light] = abs(2 * outside / (outside * b + c)) ** 2
    return found


@pytest.mark.parametrize("degrees", [0.0, 45.0, 75.0])
def test_light_that_meets_a_thin_layer(degrees: float) -> None:
    """Against all orders of a film, 1 - T + ... of which is left out: 0.58 A²; p sees the longitudinal band."""
    layer, across = lorentz(0.6), lorentz(0.3)
    lines, _ = layer_lines(GRID, in_a_cell(layer, across), "z", (THICKNESS, degrees), HEIGHT, INFINITY)
    band = abs(GRID[1:] - POSITION) < 400
    for light, power in transmitted(layer, across, degrees).items():
        exact = -np.log10(power)
        off = abs(lines[f"layer_absorbance_{light}"][0, 1:] - exact)[band].max()
        assert off < 0.6 * exact.max() ** 2 + 0.005 * exact.max(), light
    if degrees:
        p = lines["layer_absorbance_p"][0]
        above = GRID > POSITION + 20
        longitudinal = POSITION * np.sqrt(1 + 0.3 / INFINITY)
        top = np.nanargmax(np.where(above, p - np.cos(np.radians(degrees)) ** 2 * lines["layer_absorbance_s"][0], 0))
        assert GRID[top] == pytest.approx(longitudinal, abs=5)


def test_ratios_are_of_what_is_visible() -> None:
    along = np.array([[[1.0, 0.001], [1.0, 0.002], [4.0, 0.003]]])
    lines, _ = directional(along, "z", None)
    np.testing.assert_allclose(lines["order"], [[0.5, np.nan]])
    np.testing.assert_allclose(lines["dichroism_over_sum"], [[0.6, np.nan]])
    np.testing.assert_allclose(lines["linear_dichroism"], [[3.0, 0.0015]])


def test_columns_have_errors_units_and_formulas() -> None:
    series = replace(oriented([1, 1, 1]), cell=10 * np.eye(3))
    found = spectrum_of(series, epsilon_infinity=1.78, layer=(5.0, 45.0))
    resolved = np.isfinite(found.columns["n"])
    for name in ("n_alpha_layer_xx", "n_alpha_layer_zz", "layer_absorbance_s", "layer_absorbance_p"):
        np.testing.assert_array_equal(np.isfinite(found.values(name)), resolved)
        assert (found.error(name)[resolved] >= 0).all()
        assert found.unit(name) == ("cm-1" if "alpha" in name else "1")
    assert found.unit("linear_dichroism") == "cm-1"
    assert "45° to z" in found.header["layer_absorbance_s, layer_absorbance_p"]
    np.testing.assert_allclose(found.values("n_alpha_layer_xx")[resolved], 2 * found.values("n_alpha_xx")[resolved])
    assert np.isfinite(epsilon_imag(found.wavenumber, found.values("n_alpha_xx"))[resolved]).all()
    with pytest.raises(SpectrumError, match="the cell is only 10 Å high across z"):
        spectrum_of(series, epsilon_infinity=1.78, layer=(12.0,))
    plain = infrared([series], Conditions(TEMPERATURE), choose_sampling([series], 20.0, None))
    assert not [name for name in plain.columns if "xx" in name or "dichroism" in name]


def test_flags_of_directions(run: Run, charges: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    command = ["spectrum", charges, "--apt", "frames", "--out", out, "--plot-format", "html"]
    status, _, error = run(*command, "--directions", "z", "--layer", "3 30", "--epsilon-infinity", 1.8)
    assert status == 0, error
    text = (out / "ir.csv").read_text(encoding="utf-8")
    assert "n_alpha_layer_zz" in text
    assert "layer_absorbance_p" in text
    refused(run(*command, "--layer", "3"), "--layer needs the normal of the layer: give --directions")
    refused(run(*command, "--directions", "z", "--layer", "3"), "--layer needs the permittivity in it")
    refused(run(*command, "--directions", "w"), "--directions")
    refused(run(*command, "--directions", "z", "--kinds", "vdos"), "--directions: no ir spectrum is made")
    for words in ("-3", "3 95", "0"):
        refused(run(*command, "--directions", "z", "--epsilon-infinity", 1.8, "--layer", words), "--layer takes")
