"""Intensities on labels: the bias of known predictions, its error, and the geometries that spectra have."""

from dataclasses import replace

import numpy as np
import pytest

from conftest import random_frame
from mimyria.errors import ConfigError, SpectrumError, TrajectoryError
from mimyria.frame import Frame
from mimyria.settings import EvaluateSettings
from mimyria.spectra.hyper_raman import average_hyper_raman
from mimyria.spectra.raman import average_raman
from mimyria.targets import APT, TARGETS, Target
from mimyria.training.evaluate import Comparison, Evaluation, evaluate
from mimyria.training.intensities import groups_in, overlaps, parts_of

FRAMES, ATOMS = 20, 30


def compared(target: Target, factor: float, noise: float, seed: int = 0, missed: float = 0.0) -> Comparison:
    """Labels and predictions of a known bias: all scaled, with noise, or without a part that cannot be known."""
    rng = np.random.default_rng(seed)
    frames = [random_frame(k, n_atoms=ATOMS) for k in range(FRAMES)]
    known = rng.normal(size=(FRAMES * ATOMS, *target.shape))
    labels = known + missed * rng.normal(size=known.shape)
    predictions = factor * known + noise * rng.normal(size=known.shape)
    return Comparison(target, frames, np.concatenate([frame.numbers for frame in frames]), labels, predictions)


def test_biases_that_are_known() -> None:
    exact = evaluate(compared(APT, 1.0, 0.0))["intensities"]["n_alpha"]
    assert (exact["bias"], exact["slope"]) == (0.0, 1.0)
    low = evaluate(compared(APT, 0.9, 0.0))["intensities"]["n_alpha"]
    assert low["bias"] == pytest.approx(0.81 - 1)
    assert low["slope"] == pytest.approx(0.9)
    noisy = evaluate(compared(APT, 1.0, 0.3))["intensities"]["n_alpha"]  # noise adds its square
    assert noisy["bias"] == pytest.approx(0.09, abs=0.03)
    assert noisy["slope"] == pytest.approx(1.0, abs=0.03)
    missing = evaluate(compared(APT, 1.0, 0.0, missed=0.5))["intensities"]["n_alpha"]  # loses what it does not explain
    assert missing["bias"] == pytest.approx(1 / 1.25 - 1, abs=0.04)
    assert missing["slope"] == pytest.approx(1 / 1.25, abs=0.04)


def test_the_error_is_that_over_many_test_sets() -> None:
    found = [evaluate(compared(APT, 1.0, 0.3, seed))["intensities"]["n_alpha"] for seed in range(60)]
    for name in ("bias", "slope"):
        scatter = np.std([row[name] for row in found])
        assert np.mean([row[f"{name}_error"] for row in found]) == pytest.approx(scatter, rel=0.25)


@pytest.mark.parametrize("name", ["pgt", "hgt"])
def test_geometries_are_those_of_the_spectra(name: str) -> None:
    target = TARGETS[name]
    tensors = np.random.default_rng(0).normal(size=(5, *target.shape))
    for axis in range(1, target.order):
        tensors = tensors + np.swapaxes(tensors, axis, axis + 1)  # not yet symmetric in three indices
    if target.order == 3:
        tensors = sum(np.moveaxis(tensors, (1, 2, 3), order) for order in ((1, 2, 3), (2, 3, 1), (3, 1, 2)))
        tensors = tensors + np.swapaxes(tensors, 1, 2)
    parts = parts_of(target, tensors)
    squares = overlaps(target, parts, parts)
    first, second = (squares[part] for part in parts)
    np.testing.assert_allclose(
        first * (3 if name == "pgt" else 1) + second, np.square(tensors).reshape(5, -1).sum(axis=1)
    )
    average = {"pgt": average_raman, "hgt": average_hyper_raman}[name]
    for geometry, values in average(first, second).items():
        if geometry in squares:
            np.testing.assert_allclose(squares[geometry], values)


def test_species_groups_irreps_and_labels_that_are_missing() -> None:
    pairs = compared(APT, 1.0, 0.0)
    numbers = pairs.numbers
    wrong = np.where((numbers == numbers[0])[:, None, None], 0.8, 1.0) * pairs.predictions
    labels = pairs.labels.copy()
    labels[::7] = np.nan
    groups = [{"first": (np.arange(ATOMS) == 0).astype(float)} for _ in range(FRAMES)]
    report = evaluate(replace(pairs, predictions=wrong, labels=labels), groups)
    found = report["intensities"]["n_alpha"]
    symbols = {row["bias"] for row in found["species"].values()}
    assert min(symbols) == pytest.approx(0.64 - 1)
    assert max(symbols) == pytest.approx(0, abs=1e-12)
    assert set(found["groups"]) == {"first"}
    assert {"0e", "1e", "2e"} <= set(report["intensities"])
    assert "bias of n_alpha: -" in str(report)


def water(n_molecules: int, ion: bool) -> Frame:
    numbers = np.array([*([16] if ion else []), *[8, 1, 1] * n_molecules])
    positions = np.arange(3.0 * len(numbers)).reshape(-1, 3)
    return Frame(numbers, positions, 500 * np.eye(3), np.ones(3, dtype=bool))


def test_groups_are_sought_in_every_frame(caplog: pytest.LogCaptureFixture) -> None:
    asked = EvaluateSettings(groups=("ion=element S",))
    found = groups_in([water(2, ion=True), water(1, ion=False)], asked)
    assert found[1] == {}
    np.testing.assert_array_equal(found[0]["ion"], [1, *[0] * 6])
    assert not caplog.records
    assert groups_in([water(1, ion=False)], asked) == [{}]
    assert "the labels do not hold it: the selection 'element S' holds no atom" in caplog.text
    assert groups_in([water(1, ion=False)], EvaluateSettings()) == []


def test_a_group_that_no_frame_holds_is_warned_of_beside_one_that_is_held(caplog: pytest.LogCaptureFixture) -> None:
    asked = EvaluateSettings(groups=("hydrogen=element H", "chloride=element Cl"))
    found = groups_in([water(1, ion=False), water(2, ion=False)], asked)
    assert [set(of_frame) for of_frame in found] == [{"hydrogen"}] * 2
    (warned,) = caplog.messages
    assert "chloride" in warned
    assert "hydrogen" not in warned


def test_wrong_groups_are_refused_beside_one_that_no_frame_holds() -> None:
    frames = [water(1, ion=False)]
    with pytest.raises(TrajectoryError, match="elemnt"):
        groups_in(frames, EvaluateSettings(groups=("a=element H", "b=elemnt O", "c=element Cl")))
    with pytest.raises(SpectrumError, match="in the groups a and b"):
        groups_in(frames, EvaluateSettings(groups=("a=element H", "b=element H", "c=element Cl")))


def test_groups_of_velocities_are_refused() -> None:
    for group in ("motions", "modes"):
        with pytest.raises(ConfigError, match=f"--groups {group} is of velocities.* give molecules"):
            EvaluateSettings(groups=(group,))


def test_a_single_frame_has_a_bias_without_an_error() -> None:
    frame = random_frame(0, n_atoms=6)
    labels = np.random.default_rng(0).normal(size=(6, 3, 3))
    report: Evaluation = evaluate(Comparison(APT, [frame], frame.numbers, labels, 1.1 * labels))
    assert report["intensities"]["n_alpha"]["bias"] == pytest.approx(0.21)
    assert np.isnan(report["intensities"]["n_alpha"]["bias_error"])
