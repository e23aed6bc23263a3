"""Curves on the grid of the network: means around its points, and where nothing was measured."""

from __future__ import annotations

import numpy as np
import pytest

from mimyria.identify.channels import GRID, SPACING, channels, missing, on_grid


def test_means_are_those_of_the_curve_on_any_grid() -> None:
    """A cubic's mean over ±h is its value plus h²/6 of its second derivative."""
    random = np.random.default_rng(1)
    uneven = np.sort(random.uniform(200, 4100, 60000))
    values, measured = on_grid(uneven, (uneven / 1000) ** 3)
    assert measured.all()
    exact = (GRID / 1000) ** 3 + (SPACING / 2) ** 2 / 6 * 6 * GRID / 1e9
    np.testing.assert_allclose(values, exact, rtol=1e-4)


def test_a_narrow_band_keeps_its_area() -> None:
    fine = np.arange(290, 4010, 0.5)
    values, _ = on_grid(fine, np.exp(-(((fine - 1701.3) / 2) ** 2)))
    assert values.sum() * SPACING == pytest.approx(2 * np.sqrt(np.pi), rel=1e-3)


def test_what_was_not_measured() -> None:
    wavenumber = np.concatenate([np.arange(600, 1800, 4.0), np.arange(2700, 3500, 4.0)])
    _, measured = on_grid(wavenumber, np.ones(len(wavenumber)))
    for inside, low, high in ((True, 610, 1780), (False, 1810, 2690), (True, 2710, 3490), (False, 300, 590)):
        assert (measured[(low <= GRID) & (high >= GRID)] == inside).all()
    assert not measured[GRID > 3510].any()


def test_units_and_baselines_do_not_count() -> None:
    nu = np.arange(400.0, 4000, 3)
    band = np.exp(-(((nu - 1700) / 20) ** 2))
    one, other = (channels({"infrared": (nu, values)}) for values in (band, 1e5 * band + 300))
    np.testing.assert_allclose(one, other, atol=1e-4)
    assert one[0].max() == pytest.approx(1)
    assert one[0, np.argmax(one[0])] == one[0, np.abs(GRID - 1700) < 3].max()
    assert missing(one).tolist() == [False, True]
    assert not one[2:].any()
