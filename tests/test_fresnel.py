"""Fresnel factors: against Maxwell's boundary conditions, in and out, and their limits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_sfg import WARM, mirrored_slab

from mimyria.errors import ConfigError
from mimyria.optical.fresnel import Beam, effective, fresnel_factors, interface_index
from mimyria.settings import SpectrumSettings
from mimyria.settings.of_slab import read_light
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.sfg import read_infrared_index, sum_frequency

GIVEN = {"visible": "45", "infrared": "55", "index": "1.33"}
INDICES = (1.0, 1.33, 1.2 + 0.3j, 0.8 + 0.1j)
ANGLES = np.radians([0.0, 20.0, 55.0, 80.0])


def refracted(angle: float, n: complex) -> complex:
    """The component k_z of the wave in the liquid, over ω/c, pointing down."""
    root = np.sqrt(complex(n**2 - np.sin(angle) ** 2))
    return root if root.imag >= 0 else -root


@pytest.mark.parametrize("n", INDICES)
@pytest.mark.parametrize("angle", ANGLES)
def test_the_incoming_field_obeys_maxwell(n: complex, angle: float) -> None:
    """E_x, E_y and H along the surface are continuous, D_z too; solved for the reflected and the refracted wave."""
    sine, cosine, down = np.sin(angle), np.cos(angle), refracted(angle, n)
    # s: 1 + r = t;  H_x ∝ k_z E_y: cos (1 - r) = down t
    r, t = np.linalg.solve([[1, -1], [cosine, down]], [-1, cosine])
    assert 1 + r == pytest.approx(t)
    # p, by H_y, 1 in air: H: 1 + R = T;  E_x = k_z H/ε: cos (1 - R) = down T/n²
    reflected, entering = np.linalg.solve([[1, -1], [cosine, down / n**2]], [-1, cosine])
    interface = 1.2
    xx, yy, zz = fresnel_factors(np.asarray(angle), np.asarray(n), np.asarray(interface))
    assert yy == pytest.approx(t)
    assert xx * cosine == pytest.approx(down * entering / n**2)
    displacement = sine * (1 + reflected)  # D_z/ε0, which is continuous: n'² E_z in the layer
    assert zz * sine == pytest.approx(displacement / interface**2)


@pytest.mark.parametrize("n", INDICES)
@pytest.mark.parametrize("angle", ANGLES[1:])
def test_a_polarised_sheet_radiates_as_maxwell_says(n: complex, angle: float) -> None:
    """P in a thin layer n': jumps of E_x by -∂P_z/∂x/(ε0 n'²), of H by ∂P/∂t; waves leave on both sides.

    The field in air is i k P·e/(2 cos β) (ε0 = 1), with e of an outgoing beam; fields exp(i k (x sin β ± z ...)).
    """
    interface, cosine, sine = 1.2, np.cos(angle), np.sin(angle)
    down, beam = refracted(angle, n), Beam(np.asarray(angle), np.asarray(n), np.asarray(interface), outgoing=True)
    # s, P_y = 1: E_y continuous; the waves that leave carry H_x along their ±k_z, and its jump is ∂P_y/∂t
    above, below = np.linalg.solve([[1, -1], [cosine, down]], [0, 1j])
    assert above == pytest.approx(below)
    assert above == pytest.approx(1j / (2 * cosine) * beam.vector("s")[1])
    # p: above E = A (-cos, 0, sin), H_y = -A; below, going down, H_y = -B n, E_x = B down/n.  ε0 = μ0 = c = k = 1
    for axis, (p_x, p_z) in ((0, (1.0, 0.0)), (2, (0.0, 1.0))):
        jump_e = -1j * sine * p_z / interface**2  # of E_x, above minus below
        jump_h = 1j * p_x  # curl H = ∂D/∂t: -∂H_y/∂z = -i P_x δ(z), so that H_y jumps by i P_x
        above, below = np.linalg.solve([[-cosine, -down / n], [-1, n]], [jump_e, jump_h])
        assert above == pytest.approx(1j / (2 * cosine) * beam.vector("p")[axis])


def test_limits() -> None:
    for angle in ANGLES:
        np.testing.assert_allclose(fresnel_factors(np.asarray(angle), np.asarray(1.0), np.asarray(1.0)), 1)
        vector = Beam(np.asarray(angle), np.asarray(1.0), np.asarray(1.0)).vector("p")
        np.testing.assert_allclose(np.array(vector, dtype=complex), [np.cos(angle), 0, np.sin(angle)])
    xx, yy, _ = fresnel_factors(np.asarray(0.0), np.asarray(1.5), np.asarray(1.0))
    assert xx == pytest.approx(yy)  # s and p are the same at normal incidence
    assert xx == pytest.approx(2 / 2.5)
    assert interface_index("lorentz", np.asarray(1.0)) == pytest.approx(1)
    assert interface_index("inside", np.asarray(1.33)) == 1.33
    assert interface_index("external", np.asarray(1.33)) == 1
    assert interface_index(1.18, np.asarray(1.33)) == 1.18


def test_formulas_of_the_geometries() -> None:
    """As Zhuang et al. write them out; and no z component of the infrared at normal incidence, so no ssp."""
    light = read_light(GIVEN | {"wavelength": "800", "interface": "1.18"})
    nu, rng = np.array([2800.0, 3700.0]), np.random.default_rng(0)
    chi = {name: rng.normal(size=2) + 1j * rng.normal(size=2) for name in ("ssp", "sps", "zzz")}
    n_ir = np.array([1.1 + 0.05j, 1.3 + 0.2j])
    found = effective(nu, chi, light, n_ir)
    vis, one, two = 1e7 / 800, np.radians(45), np.radians(55)
    beta = np.arcsin((vis * np.sin(one) + nu * np.sin(two)) / (vis + nu))
    assert (np.degrees(beta) > 45).all()
    assert (np.degrees(beta) < 55).all()
    (x0, y0, z0), (x1, y1, z1), (x2, y2, z2) = (
        fresnel_factors(angle, np.asarray(n), np.asarray(1.18)) for angle, n in ((beta, 1.33), (one, 1.33), (two, n_ir))
    )
    c0, c1, c2, s0, s1, s2 = np.cos(beta), np.cos(one), np.cos(two), np.sin(beta), np.sin(one), np.sin(two)
    np.testing.assert_allclose(found["ssp"], y0 * y1 * z2 * s2 * chi["ssp"])
    np.testing.assert_allclose(found["sps"], y0 * z1 * y2 * s1 * chi["sps"])
    np.testing.assert_allclose(found["pss"], z0 * y1 * y2 * s0 * chi["sps"])
    ppp = -x0 * x1 * z2 * c0 * c1 * s2 * chi["ssp"] - x0 * z1 * x2 * c0 * s1 * c2 * chi["sps"]
    ppp = ppp + z0 * x1 * x2 * s0 * c1 * c2 * chi["sps"] + z0 * z1 * z2 * s0 * s1 * s2 * chi["zzz"]
    np.testing.assert_allclose(found["ppp"], ppp)
    turned = effective(nu, chi, read_light(GIVEN | {"visible": "-45", "infrared": "-55", "interface": "1.18"}), n_ir)
    again = effective(nu, chi, read_light(GIVEN | {"interface": "1.18"}), n_ir)
    for name in found:  # the mirror image
        np.testing.assert_allclose(abs(turned[name]), abs(again[name]))
    straight = effective(nu, chi, read_light(GIVEN | {"infrared": "0"}), n_ir)
    np.testing.assert_allclose(straight["ssp"], 0, atol=1e-12)


def test_columns_of_a_spectrum() -> None:
    series = mirrored_slab()
    sampling = choose_sampling([series], 60.0, 5)
    light = {"visible": "45", "infrared": "55", "index": "1", "wavelength": "800"}
    spectrum = sum_frequency([series], replace(WARM, light=light), sampling)
    columns = spectrum.columns
    np.testing.assert_allclose(columns["effective_ssp_im"][1:], np.sin(np.radians(55)) * columns["ssp_im"][1:])
    assert np.isfinite(columns["effective_ppp_abs2_error"][1:]).all()
    assert spectrum.unit("effective_ppp_abs2") == "m⁴/V²"
    assert "visible 800 nm at 45°, infrared at 55°" in spectrum.header["light"]
    assert not any("effective" in name for name in sum_frequency([series], WARM, sampling).columns)


def test_an_index_may_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ir.csv"
    path.write_text("wavenumber_cm-1,n,kappa\n0,nan,nan\n1000,1.3,0.1\n2000,1.5,0.3\n")
    light = read_light(GIVEN | {"infrared_index": str(path)})
    index = read_infrared_index(light, np.array([500.0, 1500.0, 2500.0]))
    assert index is not None
    np.testing.assert_allclose(index, [np.nan, 1.4 + 0.2j, np.nan])
    path.write_text("wavenumber_cm-1,n,kappa\n1000,nan,nan\n2000,nan,nan\n")
    with pytest.raises(ConfigError, match="its column n, or kappa, holds no number"):
        read_infrared_index(light)
    path.write_text("wavenumber_cm-1,intensity\n1000,1.3\n2000,1.5\n")
    with pytest.raises(ConfigError, match=r"has no column n, only intensity; ir\.csv of a run with --epsilon-infinity"):
        read_infrared_index(light)
    with pytest.raises(ConfigError, match="takes a number, own, or a file with columns n and kappa"):
        read_infrared_index(read_light(GIVEN | {"infrared_index": "none.csv"}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"visible": "95"}, "--light visible takes an angle of incidence between -89 and 89 (°), not '95'"),
        ({"infrared": "steep"}, "--light infrared takes an angle of incidence between -89 and 89 (°), not 'steep'"),
        (
            {"index": "0.5"},
            "--light index takes the refractive index of the liquid, 1 to 6 (1.33 for water), not '0.5'",
        ),
        ({"index": None}, "--light index is missing: it takes the refractive index of the liquid"),
        ({"wavelength": "nan"}, "--light wavelength takes the wavelength of the visible, 200 to 3000 nm, not 'nan'"),
        ({"interface": "slab"}, "--light interface takes an index of 1 to 6, or inside, lorentz, external, not 'slab'"),
        ({"infrared_index": "20"}, "--light infrared_index takes an index of 0.05 to 10, own, or a file, not '20'"),
        ({"angle": "3"}, "--light takes visible, infrared, wavelength, index"),
    ],
)
def test_wrong_light_is_refused_in_one_line(changes: dict[str, str | None], words: str) -> None:
    given = {name: value for name, value in (GIVEN | changes).items() if value is not None}
    with pytest.raises(ConfigError) as error:
        SpectrumSettings(light=given)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
