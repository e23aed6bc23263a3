"""What measured spectra are given in."""

import numpy as np
import pytest
from scipy import constants

from mimyria.measured.quantities import absorbance, in_wavenumbers, is_transmittance


def test_a_terahertz_is_33_wavenumbers() -> None:
    expected = 1e12 / constants.c / 100
    np.testing.assert_allclose(in_wavenumbers(np.array([1.0, 2.0]), "THz", ""), [expected, 2 * expected])


@pytest.mark.parametrize("unit", ["1/CM", "cm-1", "cm^-1", "CM⁻¹", "Wavenumbers (cm-1)", "Raman shift / cm−1"])
def test_wavenumbers_stay(unit: str) -> None:
    np.testing.assert_array_equal(in_wavenumbers(np.array([-1.0, 5.0]), unit, ""), [-1, 5])


@pytest.mark.parametrize(
    ("title", "is_one"),
    [("TRANSMITTANCE", True), ("%T", True), ("T [%]", True), ("Transmission", True), ("Durchlässigkeit", True)]
    + [(title, False) for title in ("n_alpha_cm-1", "Absorbance", "T", "Intensity (%)", "VV", "kappa", "TEST %")],
)
def test_what_says_transmittance(title: str, is_one: bool) -> None:
    assert is_transmittance(title) == is_one


def test_absorbance_of_noise_around_zero_is_left_out() -> None:
    values, said = absorbance(np.array([1.02, 0.5, -0.001]), "T", "")
    np.testing.assert_allclose(values, [-np.log10(1.02), np.log10(2), np.nan])
    assert "1 of 3 points" in said
