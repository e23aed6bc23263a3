"""Equipartition: hot hydrogens are found and what would mend them is named; chance is not mistaken for it."""

import logging
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from rigid import rigid_run

from conftest import DATA
from ensembles import TEMPERATURE, WATERS, thermal_series
from mimyria.checks.equipartition import check_equipartition, exchange_error, species_temperatures
from mimyria.elements import masses_of
from mimyria.formats import read_frames
from mimyria.memory import Identity
from mimyria.rates.checkpoint import PartStore
from mimyria.rates.groups import Grouping
from mimyria.rates.response import response_series
from mimyria.rates.series import ResponseSeries, read_series, write_series
from mimyria.trajectory.constraints import find_freedom
from mimyria.trajectory.freedom import unconstrained


@pytest.mark.parametrize(("hydrogen", "hot"), [(1.0, False), (1.2, True), (0.8, True), (1.02, False)])
def test_hot_hydrogens_are_found(tmp_path: Path, caplog: pytest.LogCaptureFixture, hydrogen: float, hot: bool) -> None:
    """4 % more temperature is within the tolerance of 10 %, 44 % is not. In 8 ps chance makes 6 % of 60 molecules."""
    series = thermal_series(tmp_path, hydrogen, 2000)
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


def warning(caplog: pytest.LogCaptureFixture, series: list[ResponseSeries]) -> str:
    caplog.clear()
    check_equipartition(series)
    (text,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    return text


def test_short_runs_of_the_sample_are_in_order(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """0.8 ps of 32 molecules: O is at 261 K, H at 313 K in the first, by chance."""
    frames = list(islice(read_frames(DATA / "water32.extxyz.xz"), 600))
    for start in range(0, 600, 200):
        series = response_series(
            iter(()),
            iter(frames[start : start + 200]),
            targets=(),
            grouping=Grouping.by_species(frames[0].numbers),
            timestep=4.0,
            lags=50,
            store=PartStore(tmp_path / str(start), Identity()),
        )
        with caplog.at_level(logging.INFO, "mimyria"):
            check_equipartition([series])
        assert series.species_scatter is not None
        assert (series.species_scatter > 5).all()
    assert [record.levelname for record in caplog.records] == 3 * ["INFO"]


@pytest.mark.parametrize(
    ("hydrogen", "power", "words"),
    [
        (np.sqrt(1.008 / 2.014), 0.0, "they would agree if the hydrogen was D: give --mass H=2.014"),
        (np.sqrt(1.008 / 3.016), 0.0, "if the hydrogen was T"),
        (1.0, 1.0, "the velocities are momenta"),
        (1.0, 0.5, "mass-weighted, or belong to atoms in another order"),
        (1.0, -1.0, "divided by the masses once too often"),
        (1.3, 0.0, "a thermostat does not act on all atoms alike"),
    ],
)
def test_what_would_mend_it_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, hydrogen: float, power: float, words: str
) -> None:
    text = warning(caplog, [thermal_series(tmp_path, hydrogen, 2000, power=power)])
    assert text.startswith("no equipartition: O ")
    assert " standard errors apart; " in text
    assert words in text
    assert text.count(";") == 1


def test_ordinary_hydrogen_in_a_file_of_deuterium(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    series = thermal_series(tmp_path, 1.0, 2000)
    heavy = np.array([1.0, 2.014 / 1.008])
    assert series.species_temperature is not None
    assert series.species_mass is not None
    wrong = replace(
        series, species_temperature=series.species_temperature * heavy, species_mass=series.species_mass * heavy
    )
    assert "if the hydrogen was H: give --mass H=1.008" in warning(caplog, [wrong])


def test_constraints_that_were_denied(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Rigid water taken for flexible: O 300 K, H half of that."""
    run = rigid_run("H2O", 60, 2)
    freedom = find_freedom(rigid_run("H2O", 60, 32), "none")
    frames = [frame for k in range(600) for frame in rigid_run("H2O", 60, 1, seed=k)]
    series = {
        asked: response_series(
            iter(()),
            iter(frames),
            targets=(),
            grouping=Grouping.by_species(run[0].numbers),
            timestep=4.0,
            lags=50,
            store=PartStore(tmp_path / asked, Identity()),
            freedom=one,
        )
        for asked, one in (("none", freedom), ("rigid", find_freedom(run, "rigid")))
    }
    assert warning(caplog, [series["none"]]).endswith("with --constraints auto they would agree")
    assert series["rigid"].temperature.mean() == pytest.approx(TEMPERATURE, rel=1e-4)
    check_equipartition([series["rigid"]])
    assert series["rigid"].species_temperature is not None
    np.testing.assert_allclose(species_temperatures([series["rigid"].species_temperature])[0], TEMPERATURE, rtol=0.02)
    write_series(tmp_path / "series.h5", [series["none"]])
    (again,) = read_series(tmp_path / "series.h5")
    assert again.freedom_otherwise.keys() == {"auto"}
    assert warning(caplog, [again]) == warning(caplog, [series["none"]])


def test_a_run_that_is_not_yet_in_equilibrium(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    series = thermal_series(tmp_path, 1.0, 2000)
    assert series.species_temperature is not None
    cooling = 1 + np.linspace(1.0, 0.3, 2000)[:, None] * [0.0, 1.0]
    text = warning(caplog, [replace(series, species_temperature=series.species_temperature * cooling)])
    assert text.endswith("leave its beginning out with --frames")


def test_a_count_without_shares_is_not_judged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    freedom = replace(unconstrained(masses_of(WATERS)), known=False)
    series = thermal_series(tmp_path, 1.5, 2000, freedom=freedom)
    with caplog.at_level(logging.INFO, "mimyria"):
        check_equipartition([series])
    assert not caplog.records


def test_modes_that_keep_their_energy_have_the_error_of_chance() -> None:
    """2000 runs of harmonic modes, each with the energy that it was given: ⟨T⟩ scatters by T/√f."""
    random = np.random.default_rng(0)
    of_runs = TEMPERATURE * random.exponential(size=(2000, 50)).mean(axis=1)
    series = [thermal_series_of_length(1000.0)]
    assert float(exchange_error(series, TEMPERATURE, 50)) == pytest.approx(of_runs.std(), rel=0.1)
    longer = [thermal_series_of_length(4000.0), thermal_series_of_length(4000.0)]
    assert float(exchange_error(longer, TEMPERATURE, 50)) == pytest.approx(of_runs.std() / 2, rel=0.1)


def thermal_series_of_length(duration: float) -> ResponseSeries:
    some = np.ones(10)
    return ResponseSeries(("all",), duration / 10, {}, some, some, ("O",), np.ones((1, 9)), 0.0, 3)
