"""Checks at the end of a run: they find hot hydrogens and intensity out of nothing, and are silent otherwise."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mimyria.elements import masses_of
from mimyria.frame import Frame
from mimyria.memory import Identity
from mimyria.rates.checkpoint import PartStore
from mimyria.rates.groups import Grouping
from mimyria.rates.response import response_series
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.consistency import check_equipartition, check_integral, species_temperatures
from mimyria.spectra.infrared import infrared
from mimyria.spectra.sampling import choose_sampling
from mimyria.units import BOLTZMANN, MASS_VELOCITY_SQUARED

NUMBERS = np.array([8, 1, 1] * 20)
TEMPERATURE = 300.0


def thermal_series(folder: Path, hydrogen: float = 1.0, n_frames: int = 200) -> ResponseSeries:
    """Velocities drawn anew in each frame at 300 K, those of H scaled; APT of ±1."""
    rng, masses = np.random.default_rng(0), masses_of(NUMBERS)
    width = np.sqrt(BOLTZMANN * TEMPERATURE / (masses * MASS_VELOCITY_SQUARED))
    width *= np.where(NUMBERS == 1, hydrogen, 1.0)
    tensors = {"apt": np.where(NUMBERS == 1, 1.0, -2.0)[:, None, None] * np.eye(3)}
    still = Frame(NUMBERS, np.zeros((60, 3)), 10 * np.eye(3), np.ones(3, dtype=bool), tensors=tensors)
    return response_series(
        iter(()),
        (replace(still, velocities=width[:, None] * rng.normal(size=(60, 3))) for _ in range(n_frames)),
        targets=("apt",),
        grouping=Grouping.by_species(NUMBERS),
        timestep=4.0,
        lags=50,
        store=PartStore(folder, Identity()),
    )


@pytest.mark.parametrize(("hydrogen", "hot"), [(1.0, False), (1.2, True), (0.8, True), (1.02, False)])
def test_hot_hydrogens_are_found(tmp_path: Path, caplog: pytest.LogCaptureFixture, hydrogen: float, hot: bool) -> None:
    """4 % more temperature is within the tolerance of 10 %, 44 % is not."""
    series = thermal_series(tmp_path, hydrogen)
    with caplog.at_level(logging.INFO, "mimyria"):
        check_equipartition([series])
    assert "temperature by species: O " in caplog.text
    assert ("no equipartition: O " in caplog.text) == hot
    assert series.species_temperature is not None
    oxygen, found = species_temperatures([series.species_temperature])[0]
    # 120 degrees of freedom in 200 frames: a standard error of √(2/(200·120)) = 0.9 % for H, 1.3 % for O; H takes some
    # of the drift with it, (m_H/m) of which is in the velocity of O
    assert found == pytest.approx(TEMPERATURE * hydrogen**2, rel=0.03)
    assert oxygen == pytest.approx(TEMPERATURE, rel=0.04)


def test_a_difference_within_the_scatter_is_no_reason_to_warn(caplog: pytest.LogCaptureFixture) -> None:
    few = np.ones(10)
    series = ResponseSeries(("all",), 4.0, {}, few, few, ("O", "H"), np.ones((2, 9)), 0.0, 3)
    for scatter, warned in ((200.0, False), (1.0, True)):
        caplog.clear()
        temperature = np.random.default_rng(0).normal([300.0, 400.0], scatter, size=(10, 2))
        check_equipartition([replace(series, species_temperature=temperature)])
        assert ("no equipartition" in caplog.text) == warned


def test_standard_error_of_a_temperature_has_the_size_of_its_scatter() -> None:
    rng = np.random.default_rng(1)
    runs = [species_temperatures([rng.normal(300, 20, size=(100, 2))]) for _ in range(400)]
    means, errors = (np.array(values) for values in zip(*runs, strict=True))
    assert 0.9 < np.sqrt((errors**2).mean()) / means.std() < 1.1  # 800 of them: 3 %


def test_differences_and_files_of_earlier_versions_are_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    series = thermal_series(tmp_path, 1.5)
    with caplog.at_level(logging.INFO, "mimyria"):
        check_equipartition([replace(series, species_temperature=None)])
        check_equipartition([replace(series, differenced=2.0)])
    assert not caplog.text


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


def test_intensity_out_of_nothing_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    series, conditions = thermal_series(tmp_path), Conditions(TEMPERATURE)
    mended = replace(series, differenced=1.0)  # white noise, of which central differences would have taken much
    spectrum = infrared([mended], conditions, choose_sampling([mended], None, None))
    check_integral([mended], spectrum, conditions)
    assert "% off that of the rates" in caplog.text
    assert "+" in caplog.text
