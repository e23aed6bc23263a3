"""Spectra that are made of lines at random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mimyria.identify.channels import GRID, PLACES, SPACING
from mimyria.identify.molecules import EXACT, USUAL, Molecule, as_measured, assigned, broadened, mixture

LINES = {"infrared": np.array([2.0, 1.0, 3.0]), "raman": np.array([1.0, 2.0, 0.5])}
ALCOHOL = Molecule(np.array([1000.0, 1500.0, 3650.0]), LINES, np.array([0.1, 0.2, 0.98]), np.array([True]))


@pytest.mark.parametrize("lorentz", [0.0, 1.0])
def test_lines_keep_their_areas_and_widths(lorentz: float) -> None:
    shape = broadened(np.array([2000.0]), np.array([3.0]), np.array([40.0]), lorentz, 0.0)
    assert shape.sum() * SPACING == pytest.approx(3, rel=0.02)
    assert shape[GRID == 2020] == pytest.approx(shape.max() / 2, rel=1e-6)


def test_without_variation_it_is_the_spectrum_of_the_lines() -> None:
    spectra = as_measured(ALCOHOL, np.random.default_rng(0), EXACT)
    nu, values = spectra["infrared"]
    tops = nu[1:-1][(values[1:-1] > values[2:]) & (values[1:-1] > values[:-2])]
    assert tops.tolist() == [1000, 1500, 3650]
    assert values[nu == 1000] / values[nu == 1500] == pytest.approx(2, rel=0.01)


def test_hydrogen_bonds_pull_and_broaden_the_stretch_alone() -> None:
    how = replace(EXACT, bonded=1.0)
    for acid, furthest in ((False, 3100), (True, 2300)):
        values = as_measured(replace(ALCOHOL, acid=acid), np.random.default_rng(1), how)["infrared"][1]
        top = GRID[GRID > 2000][values[GRID > 2000].argmax()]
        assert furthest < top < 3640
        assert values[GRID == 1000] > 0.1 * values.max()


def test_hydrogen_bonds_pull_nitrogen_less_than_oxygen() -> None:
    how = replace(EXACT, bonded=1.0)
    tops = []
    for hydroxyl in (ALCOHOL.polar, np.zeros(3)):
        values = as_measured(replace(ALCOHOL, hydroxyl=hydroxyl), np.random.default_rng(1), how)["infrared"][1]
        tops.append(GRID[GRID > 2000][values[GRID > 2000].argmax()])
    assert 3650 - tops[1] == pytest.approx(0.4 * (3650 - tops[0]), abs=SPACING)


def test_one_spectrum_for_two_kinds_is_that_of_each() -> None:
    widths = np.array([10.0, 20.0, 30.0])
    heights = np.array([LINES["infrared"], LINES["raman"]]).T
    together = broadened(ALCOHOL.wavenumbers, heights, widths, 0.4, 5.0)
    for made, lines in zip(together.T, LINES.values(), strict=True):
        assert made == pytest.approx(broadened(ALCOHOL.wavenumbers, lines, widths, 0.4, 5.0), rel=1e-5)


def test_variations_are_many_and_finite() -> None:
    random = np.random.default_rng(2)
    made = [as_measured(ALCOHOL, random, USUAL)["infrared"] for _ in range(50)]
    assert len({len(nu) for nu, _ in made}) > 10  # ranges differ
    assert all(np.isfinite(values).all() and len(nu) > 100 for nu, values in made)


ENERGY = np.array([[0.9, 0.0, 0.0], [0.1, 0.6, 0.0]])


def test_the_share_of_a_group_is_that_of_its_atoms_where_a_line_is() -> None:
    _, whose = assigned(replace(ALCOHOL, shares=ENERGY), np.random.default_rng(0), EXACT)
    assert set(whose) == {"infrared", "raman"}
    for share in whose.values():
        at = [abs(PLACES - place).argmin() for place in ALCOHOL.wavenumbers]
        np.testing.assert_allclose(share[:, at], ENERGY, atol=0.01)
        assert share[:, abs(PLACES - 2500).argmin()].max() < 1e-3  # where nothing stands


def test_lines_in_one_place_count_by_their_intensities() -> None:
    crowded = replace(ALCOHOL, wavenumbers=np.array([1000.0, 1000.0, 3650.0]), shares=ENERGY)
    _, whose = assigned(crowded, np.random.default_rng(0), EXACT, ("infrared",))
    at = abs(PLACES - 1000).argmin()
    np.testing.assert_allclose(whose["infrared"][:, at], (2 * ENERGY[:, 0] + ENERGY[:, 1]) / 3, atol=0.01)


def test_without_modes_or_intensity_nothing_is_assigned() -> None:
    assert assigned(ALCOHOL, np.random.default_rng(0), EXACT)[1] == {}
    dark = replace(ALCOHOL, lines=LINES | {"infrared": np.zeros(3)}, shares=ENERGY)
    assert not assigned(dark, np.random.default_rng(0), EXACT)[1]["infrared"].any()


def test_shares_of_a_mixture_are_of_the_lines_of_each() -> None:
    one = replace(ALCOHOL, shares=ENERGY)
    both = mixture(one, replace(ALCOHOL, shares=np.zeros((2, 3))), 0.5)
    np.testing.assert_array_equal(both.shares, np.hstack([ENERGY, np.zeros((2, 3))]))
    assert mixture(one, ALCOHOL, 0.5).shares is None
