"""From what instruments show back to n and κ: oscillators there and back, noise, cut ranges."""

import numpy as np
import pytest
from oscillators import HOW, known, off, refraction, shown

from mimyria.optical.instruments import film_absorbance
from mimyria.spectra.optics import optics

BANDS = ((500, 800), (1500, 1800), (3000, 3800))


@pytest.mark.parametrize("how", HOW)
def test_there_and_back(how: str) -> None:
    """Within one per cent of each band; a reflectance hardly sees weak ones, of which it is two."""
    measured = shown(how)
    found = optics(measured, **HOW[how], index=known(measured))  # type: ignore[arg-type]
    for band in BANDS:
        assert off(found, *band) < (0.03 if "reflection" in HOW[how] else 0.01), band
    inside = (found.wavenumber > 300) & (found.wavenumber < 4000)
    exact = refraction(found.wavenumber)[inside]
    assert abs(found.values("n")[inside] - exact.real).max() < 0.01
    assert abs(found.values("kappa")[inside] - exact.imag).max() < 0.01
    np.testing.assert_allclose(found.values("epsilon_imag"), 2 * found.values("n") * found.values("kappa"))
    assert found.unit("n_alpha_cm-1") == "cm-1"


@pytest.mark.parametrize("how", ["diamond", "germanium, p", "film"])
def test_a_range_that_is_cut_says_what_it_does_not_know(how: str) -> None:
    """From 700 cm⁻¹, in the flank of a band, to 4000: the stated error covers the deviation, and is small far away."""
    measured = shown(how, 700.0, 4000.0)
    found = optics(measured, **HOW[how], index=known(measured))  # type: ignore[arg-type]
    sample = refraction(found.wavenumber)
    exact = 4 * np.pi * found.wavenumber * sample.real * sample.imag
    deviation, stated = abs(found.values("n_alpha_cm-1") - exact), found.error("n_alpha_cm-1")
    near = found.wavenumber < 1500
    assert np.mean(deviation[near] <= stated[near]) > 0.9
    assert off(found, 3000, 3800) < 0.01
    assert off(found, 1500, 1800) < 0.02
    assert stated[0] > 20 * stated[-100]


@pytest.mark.parametrize("how", ["diamond", "film", "mirror, s"])
def test_noise_stays_noise(how: str) -> None:
    """Of 0.2 % of the largest value: its mean does not move the bands, as far as a few hundred points average it."""
    measured = shown(how, noise=0.002)
    found = optics(measured, **HOW[how], index=known(measured))  # type: ignore[arg-type]
    nu = found.wavenumber
    exact = refraction(nu)
    for low, high in ((500, 800), (3000, 3800)):
        there = (nu >= low) & (nu <= high)
        ours = np.trapezoid(found.values("n_alpha_cm-1")[there], nu[there])
        theirs = np.trapezoid((4 * np.pi * nu * exact.real * exact.imag)[there], nu[there])
        assert ours == pytest.approx(theirs, rel=0.03)


def test_a_film_is_that_of_a_transfer_matrix() -> None:
    """Layer by layer (Abelès), with every inner reflection."""
    nu = np.linspace(500, 4000, 300)
    sample, thickness, window = refraction(nu), 7.0, 1.5
    phase = 2 * np.pi * nu * sample * thickness * 1e-4
    b = np.cos(phase) - 1j * np.sin(phase) / sample * window
    c = window * np.cos(phase) - 1j * sample * np.sin(phase)
    exact = -np.log10(abs(2 * window / (window * b + c)) ** 2)
    np.testing.assert_allclose(film_absorbance(nu, sample.real, sample.imag, thickness, window), exact, rtol=1e-9)
