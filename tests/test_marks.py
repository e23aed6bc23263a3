"""Bands, and whose they are."""

from __future__ import annotations

import numpy as np
import pytest
from recognised import GROUPS, PLACES, recogniser

from mimyria.identify.channels import GRID, channels
from mimyria.identify.command import told
from mimyria.identify.marks import Band, find_bands, shares


def test_bands_are_found_where_they_are() -> None:
    values = sum(h * np.exp(-(((GRID - p) / 12) ** 2)) for p, h in ((900, 1.0), (1700, 0.2), (3000, 0.05)))
    bands = find_bands(channels({"raman": (GRID, values)}))
    assert [(band.kind, band.centre) for band in bands] == [("raman", 900), ("raman", 1700), ("raman", 3000)]
    assert all(band.low < band.centre < band.high for band in bands)
    assert bands[0].high - bands[0].low == pytest.approx(2 * 12 * np.sqrt(np.log(5)), abs=8)  # at a fifth of its height


def test_bands_overlap_in_one_spectrum() -> None:
    band = Band("infrared", 1000, 980, 1020)
    assert band.overlaps(Band("infrared", 1025, 1010, 1040))
    assert not band.overlaps(Band("infrared", 1035, 1020, 1050))
    assert not band.overlaps(Band("raman", 1000, 980, 1020))


def test_a_band_is_of_the_group_whose_atoms_move() -> None:
    places = [650.0, *PLACES.values(), 1200.0, 2950.0]
    values = sum(np.exp(-(((GRID - place) / 12) ** 2)) for place in places)
    seen = channels({"infrared": (GRID, values)})
    bands = find_bands(seen)
    assert [band.centre for band in bands] == sorted(places)
    likely = recogniser().probabilities(seen[None])[0]
    for group, share in zip(GROUPS, shares(recogniser(), seen, bands, likely), strict=True):
        own = [band.centre == PLACES[group] for band in bands]
        assert share[own] > 0.5
        assert share[np.logical_not(own)].max() < 0.2


def test_no_bands() -> None:
    assert shares(recogniser(), np.zeros((4, len(GRID))), [], np.ones(len(GROUPS))).shape == (len(GROUPS), 0)


def test_doubt_about_a_group_is_no_doubt_about_its_band() -> None:
    seen = channels({"infrared": (GRID, np.exp(-(((GRID - 1700) / 12) ** 2)))})
    bands = find_bands(seen)
    sure, unsure, hardly = (shares(recogniser(), seen, bands, np.full(len(GROUPS), p)) for p in (1.0, 0.5, 0.01))
    np.testing.assert_allclose(unsure, np.minimum(2 * sure, 1))
    np.testing.assert_allclose(hardly, np.minimum(10 * sure, 1))


def test_bands_that_are_told() -> None:
    places = (1000, 1015, 1500, 2000, 2500, 3000)
    bands = [Band("infrared", place, place - 10, place + 10) for place in places]
    chosen = told(bands, np.array([0.6, 0.7, 0.29, 0.9, 0.5, 0.4]))
    assert [band.centre for band in chosen] == [2000, 1015, 2500]  # 1000 overlaps, 3000 is the fourth
    assert told(bands, np.full(len(places), 0.2)) == ()
    assert told([], np.zeros(0)) == ()
