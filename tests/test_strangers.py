"""Curves that are no vibrational spectra: they are what they are said to be, and a network tells them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recognised import GROUPS, MILD, made_up, recogniser

from mimyria.identify.channels import GRID, channels
from mimyria.identify.molecules import as_measured
from mimyria.identify.strangers import WAYS, estranged
from mimyria.identify.teaching import Fit, draw

ALONE = Fit(variation=MILD, misplaced=0.0, mixed=0.0, strange=0.0)


def test_a_band_over_a_wrong_axis_is_elsewhere() -> None:
    random = np.random.default_rng(0)
    band = np.exp(-(((GRID - 1700) / 15) ** 2))
    for _ in range(20):
        for way, near in (("mirrored", 2600), ("scaled", 0), ("moved", 0)):
            values = WAYS[way](GRID, band, random)
            assert values.shape == band.shape
            top = GRID[values.argmax()]
            assert top == near or (not near and (abs(top - 1700) > 240 or values.max() < 0.1))
    assert GRID[WAYS["transmitted"](GRID, band, random).argmin()] == 1700


@pytest.mark.parametrize("way", sorted(WAYS))
def test_strangers_are_finite_and_differ(way: str) -> None:
    random = np.random.default_rng(1)
    (molecule,) = made_up(1)
    nu, values = as_measured(molecule, random, replace(MILD, cut=1.0), ("infrared",))["infrared"]
    made = [WAYS[way](nu, values, random) for _ in range(10)]
    assert all(np.isfinite(each).all() and each.shape == nu.shape and np.ptp(each) > 0 for each in made)
    assert all(abs(np.corrcoef(each, values)[0, 1]) < 0.98 or way == "transmitted" for each in made)


def test_the_network_tells_them() -> None:
    """Beside those of `WAYS` it sees what it was not trained on, and takes spectra of molecules for none."""
    random = np.random.default_rng(2)
    spectra = [as_measured(one, random, MILD, ("infrared",))["infrared"] for one in made_up(100, seed=7)]

    def told(curves: list[tuple[np.ndarray, np.ndarray]]) -> float:
        return float(np.mean([recogniser().strangeness(channels({"infrared": curve})) > 1 for curve in curves]))

    assert told(spectra) < 0.05
    assert told([estranged(curve, random) for curve in spectra]) > 0.5
    assert told([(GRID, (GRID / period) % 1) for period in np.linspace(60, 900, 50)]) > 0.8  # a sawtooth


def test_the_groups_of_strangers_are_not_asked() -> None:
    samples = draw(made_up(40), np.random.default_rng(3), replace(ALONE, strange=1.0), ("infrared", "both"))
    assert samples.truth[:, -1].all()
    assert not samples.weight[:, : len(GROUPS) + 1].any()
    assert samples.weight[:, -1].all()
