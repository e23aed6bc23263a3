"""Bands, and whose they are."""

from __future__ import annotations

import numpy as np
import pytest
from recognised import GROUPS, PLACES, recogniser

from mimyria.identify.channels import GRID, channels
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
    for group, share in zip(GROUPS, shares(recogniser(), seen, bands), strict=True):
        own = [band.centre == PLACES[group] for band in bands]
        assert share[own] > 0.5
        assert share[np.logical_not(own)].max() < 0.2


def test_no_bands() -> None:
    assert shares(recogniser(), np.zeros((4, len(GRID))), []).shape == (len(GROUPS), 0)
