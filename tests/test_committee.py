"""Committees: pairs of different networks give the intensity without the noise that each of them adds."""

import numpy as np
import pytest

from ensembles import WARM, made_series
from mimyria.frame import Array
from mimyria.spectra.bands import measure_bands
from mimyria.spectra.infrared import infrared
from mimyria.spectra.raman import raman
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.spectrum import Spectrum

FRAMES, NOISE = 30_000, 0.5


def integral(spectrum: Spectrum, column: str) -> float:
    (band,) = measure_bands(spectrum, column, [(50, 4000)])
    return band.integral.value


@pytest.mark.parametrize("members", [2, 4])
def test_pairs_of_networks_are_free_of_the_noise_of_each(members: int) -> None:
    """The true rate and the noise are white: an intensity is biased by exactly the ratio of their powers."""
    rng = np.random.default_rng(0)
    true = rng.normal(size=(FRAMES, 1, 3))
    each = true + NOISE * rng.normal(size=(FRAMES, members, 3))
    mean = made_series({"apt": each.mean(axis=1)}, 4.0, member_rates={"apt": each})
    how = choose_sampling([mean], 60.0, None)
    spectrum = infrared([mean], WARM, how)
    exact = integral(infrared([made_series({"apt": true[:, 0]}, 4.0)], WARM, how), "n_alpha_cm-1")
    assert integral(spectrum, "n_alpha_cm-1") / exact == pytest.approx(1 + NOISE**2 / members, abs=0.01)
    assert integral(spectrum, "n_alpha_unbiased") / exact == pytest.approx(1, abs=0.01)
    assert spectrum.unit("n_alpha_unbiased") == "cm-1"
    assert "n_alpha_unbiased" not in spectrum.quantities
    assert "different networks" in spectrum.header["n_alpha_unbiased"]


def test_raman_is_freed_of_it_too() -> None:
    rng = np.random.default_rng(1)

    def symmetric(members: int) -> Array:
        rates = rng.normal(size=(FRAMES, members, 3, 3))
        return (rates + rates.swapaxes(2, 3)) / 2

    true = symmetric(1)
    each = true + NOISE * symmetric(2)
    mean = made_series({"pgt": each.mean(axis=1)}, 4.0, member_rates={"pgt": each})
    how = choose_sampling([mean], 60.0, None)
    spectrum, exact = raman([mean], WARM, how), raman([made_series({"pgt": true[:, 0]}, 4.0)], WARM, how)
    for column in ("VV", "VH"):
        assert integral(spectrum, column) / integral(exact, column) == pytest.approx(1 + NOISE**2 / 2, abs=0.02)
        assert integral(spectrum, f"{column}_unbiased") / integral(exact, column) == pytest.approx(1, abs=0.02)
    assert "VV_unbiased, VH_unbiased" in spectrum.header
