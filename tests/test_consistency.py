"""Checks at the end of a run: they find power that is missing and a wrong temperature, and are silent otherwise."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ensembles import TEMPERATURE, made_series, thermal_series
from mimyria.checks.consistency import (
    check_integral,
    check_temperature,
    facts_of,
    warn_if_same,
    warn_of_wrong_velocities,
)
from mimyria.memory import Identity
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import infrared
from mimyria.spectra.sampling import choose_sampling
from mimyria.trajectory.differences import attenuation
from mimyria.units import LIGHT_SPEED


@pytest.mark.parametrize("correction", ["harmonic", "none"])
def test_the_integral_is_that_of_the_rates(tmp_path: Path, caplog: pytest.LogCaptureFixture, correction: str) -> None:
    series, conditions = thermal_series(tmp_path), Conditions(TEMPERATURE, correction=correction)
    spectrum = infrared([series], conditions, choose_sampling([series], None, None))
    with caplog.at_level(logging.INFO, "mimyria"):
        check_integral([series], spectrum, conditions)
    assert [record.levelname for record in caplog.records] == ["INFO"]
    found, expected = (float(words.split(" cm⁻²")[0].split()[-1]) for words in caplog.text.split(",")[:2])
    assert found == pytest.approx(expected, rel=2e-5)  # five digits are shown; the sum rule of the window is exact
    assert found > 0


def lines(wavenumbers: list[float], interval: float, timestep: float = 4.0) -> ResponseSeries:
    """Steady lines of unit power, sampled, as they are left by differences over ± the interval."""
    left = [attenuation(wavenumber, interval) for wavenumber in wavenumbers]
    angles = 2 * np.pi * LIGHT_SPEED * np.outer(timestep * np.arange(4000), wavenumbers)
    rate = np.stack([np.cos(angles) @ left, np.sin(angles) @ left, np.zeros(4000)], axis=1)
    return made_series({"apt": rate}, timestep, differenced=interval)


def test_what_differences_attenuate_is_restored_and_no_alarm(caplog: pytest.LogCaptureFixture) -> None:
    """At 3000 cm⁻¹ differences over ±2 fs leave two thirds of the power."""
    series, conditions = lines([1000.0, 3000.0], 2.0), Conditions(TEMPERATURE)
    spectrum = infrared([series], conditions, choose_sampling([series], None, None))
    with caplog.at_level(logging.INFO, "mimyria"):
        check_integral([series], spectrum, conditions)
    (record,) = caplog.records
    assert record.levelname == "INFO"
    whole, attenuated, rates = (float(words.split(" cm⁻²")[0].split()[-1]) for words in caplog.text.split(",")[:3])
    assert attenuated == pytest.approx(rates, rel=1e-3)
    assert whole / attenuated == pytest.approx(
        2 / (attenuation(1000.0, 2.0) ** 2 + attenuation(3000.0, 2.0) ** 2), rel=0.01
    )


def test_power_beyond_the_end_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """At 3000 cm⁻¹ differences over ±4 fs leave 11 % of the power, at 3300 4 %: the spectrum ends between."""
    series, conditions = lines([3000.0, 3300.0], 4.0), Conditions(TEMPERATURE)
    spectrum = infrared([series], conditions, choose_sampling([series], None, None))
    check_integral([series], spectrum, conditions)
    (text,) = (record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)
    share = 100 * attenuation(3300.0, 4.0) ** 2 / (attenuation(3000.0, 4.0) ** 2 + attenuation(3300.0, 4.0) ** 2)
    assert float(text.split(" %")[0]) == pytest.approx(share, abs=2)
    assert "leave too little above; store velocities" in text


@pytest.mark.parametrize(("given", "said"), [(300.0, False), (310.0, False), (360.0, True)])
def test_another_temperature_than_the_one_given(tmp_path: Path, given: float, said: bool) -> None:
    words = check_temperature([thermal_series(tmp_path, n_frames=2000)], given)
    assert (words is not None) == said
    if words:
        assert words.endswith("K, not 360 K")
        assert "±" in words


def test_a_short_run_of_few_atoms_may_be_warm_by_chance(tmp_path: Path) -> None:
    series = made_series({"apt": np.zeros((50, 3))}, 1.0, temperature=np.full(50, 450.0))
    assert check_temperature([series], 300.0) is None


def test_the_count_of_degrees_of_freedom_is_in_the_header(tmp_path: Path) -> None:
    series = thermal_series(tmp_path)
    assert facts_of([series]) == {"degrees of freedom": "177 = 3·60 - 3 of the centre of mass"}
    assert facts_of([replace(series, freedom=None, freedom_words="")]) == facts_of([series])


@pytest.mark.parametrize(
    ("pieces", "stride", "differenced", "length", "words"),
    [
        ([(0, None)], 1, 0.0, 60, "0 to 59"),
        ([(5, 400)], 4, 0.0, 20, "5 to 81, one in 4"),
        ([(0, None)], 2, 1.0, 10, "1 to 19, one in 2"),
        ([(0, 30), (50, None)], 1, 0.0, 40, "0 to 59"),
        ([(0, 30), (50, 60)], 1, 0.0, 30, "0 to 29"),
    ],
)
def test_the_header_names_the_frames_that_were_used(
    tmp_path: Path, pieces: Any, stride: int, differenced: float, length: int, words: str
) -> None:
    """Also where the range has no end, as frames that came later were not among them."""
    series = thermal_series(tmp_path, n_frames=length)
    run = replace(series, origin=Identity({"frames": pieces, "stride": stride}), differenced=differenced)
    assert facts_of([run, run])["frames used"] == words
    assert "frames used" not in facts_of([replace(run, origin=Identity())])


def test_a_frame_with_a_wrong_velocity_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """However wrong it is: the scatter that it makes itself does not hide it. A hot beginning is another matter."""
    series = thermal_series(tmp_path, n_frames=200)
    begun_hot = series.temperature.copy()
    begun_hot[:40] *= 20.0
    warn_of_wrong_velocities([series, replace(series, temperature=begun_hot)])
    assert not caplog.text
    for factor in (20.0, 1e6):
        caplog.clear()
        temperature = series.temperature.copy()
        temperature[100] *= factor
        warn_of_wrong_velocities([series, replace(series, temperature=temperature)])
        assert f"run 2: the velocities {100 * series.timestep:g} fs after its first ones correspond to" in caplog.text


def test_runs_that_hold_the_same_frames_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(0)
    runs = [made_series({"apt": rng.normal(size=(length, 3))}) for length in (150, 150, 120)]
    warn_if_same(runs)
    warn_if_same(runs[:1])
    assert not caplog.text
    warn_if_same([*runs, replace(runs[1]), runs[1]])
    assert [record.message.split(" hold")[0] for record in caplog.records] == ["runs 2, 4, 5"]
