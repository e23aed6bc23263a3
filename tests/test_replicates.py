"""The jackknife: standard errors of means and of functions, their bias, and the scatter between trajectories."""

import numpy as np
import pytest

from ensembles import WARM, made_series, noise
from mimyria.spectra.infrared import infrared
from mimyria.spectra.raman import raman
from mimyria.spectra.sampling import choose_sampling
from mimyria.statistics.replicates import MOST_GROUPS, NO_REPLICATES, Replicates, left_out, without_each

RNG = np.random.default_rng(0)


def values_of(blocks: np.ndarray) -> np.ndarray:
    """The mean over blocks, and the means without each."""
    whole = blocks.mean(axis=0)
    return np.stack([whole, *without_each(whole, blocks)])


def test_a_mean_has_the_standard_error_of_its_blocks_and_no_bias() -> None:
    blocks = RNG.normal(size=(7, 4))
    values, made = values_of(blocks), Replicates(blocks=7)
    np.testing.assert_allclose(values[3], np.delete(blocks, 2, axis=0).mean(axis=0))
    np.testing.assert_allclose(made.error(values), blocks.std(axis=0, ddof=1) / np.sqrt(7))
    np.testing.assert_allclose(made.unbiased(values), blocks.mean(axis=0))


def test_a_square_is_freed_of_the_variance_of_its_mean() -> None:
    """E[x̄²] = μ² + σ²/B: what the jackknife takes off is exactly s²/B."""
    blocks = RNG.normal(size=(6, 5))
    expected = blocks.mean(axis=0) ** 2 - blocks.var(axis=0, ddof=1) / 6
    np.testing.assert_allclose(Replicates(6).unbiased(values_of(blocks) ** 2), expected)


def test_without_replicates_there_is_no_error() -> None:
    assert np.isnan(NO_REPLICATES.error(np.ones((1, 3)))).all()
    np.testing.assert_array_equal(NO_REPLICATES.unbiased(np.arange(3)[None]), np.arange(3))


def test_of_two_errors_the_larger_is_stated() -> None:
    values = np.array([[0.0], [-1.0], [1.0], [-5.0], [5.0]])
    assert Replicates(2).error(values[:3]) == pytest.approx(1.0)
    assert Replicates(2, 2).error(values) == pytest.approx(5.0)


def test_trajectories_that_differ_widen_the_error() -> None:
    """Four runs whose intensities differ by some 30 %: the error of their mean is theirs, not that of the blocks."""
    strengths = np.array([0.7, 1.0, 1.1, 1.4])
    runs = [
        made_series({"apt": np.sqrt(strength) * noise(3000, 3, 1200.0, 300.0, 8.0, seed)}, 8.0)
        for seed, strength in enumerate(strengths)
    ]
    alone = infrared(runs[:1], WARM, choose_sampling(runs[:1], 60.0, 10))
    spectrum = infrared(runs, WARM, choose_sampling(runs, 60.0, 10))
    band = abs(spectrum.wavenumber - 1200) < 150
    relative = (spectrum.columns["n_alpha_error"] / spectrum.columns["n_alpha_cm-1"])[band].mean()
    assert relative == pytest.approx(strengths.std(ddof=1) / 2, rel=0.35)
    assert "or over 4 trajectories where that is larger" in spectrum.header["errors"]
    assert "trajectories" not in alone.header["errors"]


def test_the_depolarisation_ratio_has_no_bias_and_the_error_of_its_scatter() -> None:
    """Of short runs, whose VV is noisy, so that VH/VV itself is too large."""
    plain, found, stated = [], [], []
    for seed in range(150):
        waves = noise(300, 6, 1200.0, 300.0, 8.0, seed)
        rates = waves[:, :1, None] * np.eye(3)
        for k, (a, b) in enumerate(((0, 1), (0, 2), (1, 2)), 1):
            rates[:, a, b] = rates[:, b, a] = waves[:, k]
        series = made_series({"pgt": rates}, 8.0)
        spectrum = raman([series], WARM, choose_sampling([series], 60.0, 3))
        band = abs(spectrum.wavenumber - 1200) < 60
        columns = {name: values[band] for name, values in spectrum.columns.items()}
        plain.append(columns["VH"] / columns["VV"])
        found.append(columns["depolarisation_ratio"])
        stated.append(columns["depolarisation_ratio_error"])
    exact = 6 / 10 / (1 + 2 / 15 * 6)  # <ā²> = 1, <Tr β²> = 6
    uncertainty = np.mean(found, axis=1).std() / np.sqrt(len(found))
    assert np.mean(found) == pytest.approx(exact, abs=3 * uncertainty)
    removed = np.mean(np.array(plain) - found, axis=1)
    assert removed.mean() > 4 * removed.std() / np.sqrt(len(removed))
    assert removed.mean() > 0.01 * exact
    ratio = np.sqrt(np.mean(np.square(stated), axis=0) / np.var(found, axis=0)).mean()
    assert 0.8 < ratio < 1.3


def test_of_many_trajectories_groups_are_left_out() -> None:
    assert left_out(1) == []
    assert left_out(3) == [[1, 2], [0, 2], [0, 1]]
    remaining = left_out(250)
    assert len(remaining) == MOST_GROUPS
    assert {len(rest) for rest in remaining} == {247, 248}
    left = [{*range(250)} - {*rest} for rest in remaining]
    assert sorted(run for group in left for run in group) == [*range(250)]


def test_the_error_over_groups_of_trajectories_is_that_over_trajectories() -> None:
    """Of independent values the standard error of the mean is the same from means without one or without a group."""
    values = np.random.default_rng(0).normal(size=(20 * MOST_GROUPS, 200))
    without = [values[rest].mean(axis=0) for rest in left_out(len(values))]
    errors = Replicates(0, MOST_GROUPS).error(np.array([values.mean(axis=0), *without]))
    np.testing.assert_allclose(errors.mean(), len(values) ** -0.5, rtol=0.03)
