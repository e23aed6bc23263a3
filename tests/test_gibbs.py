"""The liquid of a slab: the surface of a uniform and of a blurred one, and its index from dM/dt in the plane."""

from dataclasses import replace

import numpy as np
import pytest
from test_pair_cutoff import liquid
from test_sfg import CELL, TIMESTEP

from ensembles import WARM, noise
from mimyria.errors import SpectrumError
from mimyria.optical.dielectric import optical_constants
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.gibbs import gibbs_height, half_thickness, liquid_index
from mimyria.spectra.infrared import infrared
from mimyria.spectra.sampling import choose_sampling


def still(heights: np.ndarray, frames: int = 2) -> ResponseSeries:
    """Molecules that stay at heights."""
    places = np.zeros((frames, len(heights), 3))
    places[..., 2] = heights
    return liquid(np.zeros((frames, len(heights), 3, 3)), np.zeros((frames, len(heights), 3)), places)


def test_the_surface_of_a_uniform_slab_is_its_end() -> None:
    run = still(np.linspace(-12, 12, 4000))
    assert half_thickness([run]) == pytest.approx(12, rel=1e-3)
    assert gibbs_height([run]) == pytest.approx(12, rel=1e-3)


def test_a_blurred_surface_is_where_what_is_missing_inside_is_outside() -> None:
    """A slab of ±12 Å whose molecules are displaced by ±2 Å: the surface stays; vapour far out hardly moves it."""
    inside = np.linspace(-12, 12, 4000)
    blurred = np.concatenate([inside - 2, inside, inside + 2])
    assert gibbs_height([still(blurred)]) == pytest.approx(12, rel=2e-3)
    lighter = [still(blurred), still(np.concatenate([blurred, [22, -22] * 6]))]
    assert gibbs_height(lighter) == pytest.approx(12, rel=5e-3)


def test_two_sheets_have_no_liquid_between() -> None:
    with pytest.raises(
        SpectrumError, match="no molecules in its middle, so its surface is unknown: --depth-from middle"
    ):
        gibbs_height([still(np.array([-9.0, 9.0]))])


def test_the_index_is_that_of_the_liquid_and_not_of_the_cell() -> None:
    """One moment of the same strength along every axis: n·α of the cell times its volume over that of the liquid."""
    frames, count = 4000, 60
    heights = np.linspace(-10, 10, count)
    places = np.zeros((frames, count, 3))
    places[..., 2] = heights
    rates = 1e-3 * noise(frames, 3, 1700.0, 100.0, TIMESTEP)
    rates = np.stack([rates[:, 0], rates[:, 1], 0 * rates[:, 2]], axis=1)
    run = liquid(np.zeros((frames, count, 3, 3)), np.repeat(rates[:, None], count, axis=1), places)
    run = replace(run, volume=np.full(frames, np.linalg.det(CELL)))
    sampling, conditions = choose_sampling([run], 40.0, None), replace(WARM, epsilon_infinity=1.78)
    found = liquid_index([run], conditions, sampling)
    of_cell = infrared([run], WARM, sampling)
    nu, share = of_cell.wavenumber, 50 / (2 * gibbs_height([run]))
    expected = optical_constants(nu, 1.5 * share * of_cell.columns["n_alpha_cm-1"], 1.78)
    known = nu >= 20
    assert np.isnan(found[~known]).all()
    np.testing.assert_allclose(found[known], (expected["n"] + 1j * expected["kappa"])[known])
    assert found[known].imag.max() > 0.01
    with pytest.raises(SpectrumError, match=r"infrared_index=own needs --epsilon-infinity, 1\.78 for water"):
        liquid_index([run], WARM, sampling)
