"""Static conductivity and permittivity of dipoles and ions that are known, up to `mimyria static`."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

from conftest import Run, refused
from ensembles import TEMPERATURE, VOLUME, conducting_series, debye_current, made_series, noise
from mimyria.commands import static
from mimyria.memory import Identity
from mimyria.rates.series import ResponseSeries, read_series, write_series
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.spectrum import read_spectrum
from mimyria.spectra.zero_frequency import ZeroFrequency, pure_molecules, report_static, zero_frequency
from mimyria.units import BOLTZMANN, CONDUCTIVITY, VACUUM_PERMITTIVITY, infrared_prefactor

WATER = Conditions(TEMPERATURE, epsilon_infinity=1.78)
TIMESTEP = 16.0


def liquid(frames: int, time: float, *, molecules: str = "32 H2O", **of: float) -> ResponseSeries:
    strength, seed = of.pop("strength", 76.22), int(of.pop("seed", 0))
    current = debye_current(frames, TIMESTEP, strength, time, seed=seed, **of)
    return conducting_series(current, TIMESTEP, molecules=molecules)


def measured(*series: ResponseSeries, conditions: Conditions = WATER) -> ZeroFrequency:
    found = zero_frequency(series, conditions)
    assert found is not None
    return found


def test_debye_dipoles_have_their_permittivity_and_time_within_their_errors() -> None:
    """24 times two runs, ε(0) = 78 and τ = 0.5 ps: coverage within three binomial standard errors."""
    found = [measured(*(liquid(1279, 500.0, seed=2 * k + run) for run in range(2))) for k in range(24)]
    for name, true in (("permittivity", 78.0), ("relaxation_time", 0.5), ("relaxation_strength", 76.22)):
        value, error = np.array([(getattr(one, name).value, getattr(one, name).error) for one in found]).T
        off = abs(value - true)
        assert abs(value.mean() - true) < 0.03 * true + 3 * value.std() / np.sqrt(24), name
        assert 0.40 < (off < error).mean() < 0.96, name
        assert (off < 2 * error).mean() > 0.82, name
    for one in found:
        assert not one.conducts
        assert abs(one.conductivity.value) < 3 * one.conductivity.error
        assert one.conduction_seen < 3.5


def test_ions_beside_the_relaxation_are_told_from_it() -> None:
    for seed in range(3):
        one = measured(liquid(6000, 300.0, conduction=30.0, seed=seed, molecules="30 H2O, 1 Na, 1 Cl"))
        assert one.conducts
        assert one.conduction_seen > 5
        for quantity in (one.conductivity, one.conductivity_cepstral):
            assert abs(quantity.value - 30.0) < 3.5 * quantity.error
        assert abs(one.permittivity.value - 78.0) < 3.5 * one.permittivity.error
        assert "beside the relaxation, which alone is excluded by" in one.header()["static conductivity"]


def test_ions_alone_conduct_by_cepstral_analysis() -> None:
    one = measured(conducting_series(debye_current(8000, TIMESTEP, 0.0, 1.0, conduction=300.0), TIMESTEP))
    assert one.conductivity == one.conductivity_cepstral
    assert abs(one.conductivity.value - 300.0) < 3.5 * one.conductivity.error
    assert one.conductivity.error < 0.08 * 300.0
    assert "by cepstral analysis" in one.header()["static conductivity"]
    assert np.isnan(one.relaxation_time.value)


def test_what_is_faster_than_the_relaxation_counts() -> None:
    """A vibration of the dipole at 300 cm⁻¹ adds its own fluctuation, Δε = 6⟨M²⟩/ε0 for each component: here 2."""
    vibration = np.sqrt(VACUUM_PERMITTIVITY * 2.0 / 6) * noise(12_001, 3, 300.0, 40.0, 8.0, seed=3)
    current = debye_current(12_000, 8.0, 76.22, 500.0) + np.diff(vibration, axis=0) / 8.0
    one = measured(conducting_series(current, 8.0, molecules="32 H2O"))
    assert abs(one.faster.value - 2.0) < 3 * one.faster.error
    assert one.faster.error < 1.5
    assert one.fitted_to < 280
    assert abs(one.permittivity.value - 80.0) < 3.5 * one.permittivity.error
    assert one.permittivity.value == pytest.approx(1.78 + one.relaxation_strength.value + one.faster.value)


def test_a_run_shorter_than_the_relaxation_says_so_in_one_line() -> None:
    for seed in range(3):
        one = measured(liquid(400, 8300.0, seed=seed))
        for words in (one.header()["static conductivity"], one.header()["static permittivity"]):
            assert words == "not known: the longest run, 6.4 ps, is too short for the slowest relaxation"
        assert set(one.as_dict()["permittivity"].values()) == {None}  # type: ignore[attr-defined]
    unknown = measured(liquid(400, 8300.0, molecules=""))
    assert "a relaxation slower than the run would look the same" in unknown.header()["static conductivity"]
    assert "not known" in unknown.header()["static permittivity"]


@pytest.mark.parametrize("frames", [8, 16, 32, 61])
def test_a_run_too_short_to_see_a_relaxation_tells_nothing(frames: int) -> None:
    """Of less than a picosecond the static permittivity came out as that of the vibrations, with a small error."""
    for seed in range(3):
        found = zero_frequency([liquid(frames, 500.0, seed=seed)], WATER)
        assert found is None or np.isnan(found.permittivity.value)


def test_only_differences_of_the_dipole_count() -> None:
    """An offset of M is no current; without ε∞ the permittivity lacks it."""
    series = liquid(3000, 300.0)
    with_infinity, without = measured(series), measured(series, conditions=Conditions(TEMPERATURE))
    assert with_infinity.permittivity.value - without.permittivity.value == pytest.approx(1.78)
    assert "without ε∞" in without.header()["static permittivity"]


def charged_molecules(width: float) -> tuple[ResponseSeries, float]:
    """64 molecules that diffuse, whose tensors add up to charges of a ``width`` (e), and σ(0) of these.

    σ(0) = Σ q² ∫ ⟨v(0)·v(t)⟩ dt / (3 V k_B T), in SI, with the charges' mean left out, as the whole does not move.
    """
    rng, frames, time, speed = np.random.default_rng(1), 8000, 60.0, 0.003
    step = np.exp(-TIMESTEP / time)
    drawn = speed * np.sqrt(1 - step**2) * rng.normal(size=(frames + 100, 64, 3))
    velocities = lfilter([1.0], [1.0, -step], drawn, axis=0)[100:]
    velocities -= velocities.mean(axis=1, keepdims=True)
    charges = width * rng.normal(size=64)
    factor = CONDUCTIVITY * infrared_prefactor(VOLUME, TEMPERATURE)
    current = debye_current(frames, TIMESTEP, 76.22, 300.0) / np.sqrt(factor)
    integral = speed**2 * TIMESTEP * (1 + step) / (1 - step)  # of both signs of time, one component
    square = np.square(charges - charges.mean()).sum() * 1.602176634e-19**2
    exact = square * integral * 1e-20 / 1e-15 / (2 * VOLUME * 1e-30 * BOLTZMANN * TEMPERATURE)
    rate = current + np.einsum("m,tmc->tc", charges, velocities)
    return made_series({"apt": rate}, TIMESTEP, molecules="64 H2O"), exact


@pytest.mark.parametrize(
    ("origin", "cause"),
    [
        ({"sum_rule": "project", "sources": {"apt": "m.mym"}}, "the networks need more labels"),
        ({"sum_rule": "none", "sources": {"apt": "m.mym"}}, "the acoustic sum rule is not projected"),
        ({"sum_rule": "project", "sources": {"apt": "frames"}}, "the acoustic sum rule is not projected"),
    ],
)
def test_molecules_whose_charges_do_not_add_up_are_seen(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, origin: dict[str, object], cause: str
) -> None:
    series, exact = charged_molecules(0.25)
    series = replace(series, origin=Identity(origin))
    found = measured(series)
    assert abs(found.conduction.value - exact) < 3.5 * found.conduction.error
    assert not found.conducts  # it does not enter the permittivity of what is known to be neutral
    report_static(tmp_path / "static.json", found, [series])
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "H2O seems to conduct" in warning
    assert warning.endswith(cause)
    for other in ("60 H2O, 2 Na, 2 Cl", "", "1 Si64O128"):
        caplog.clear()
        report_static(tmp_path / "static.json", found, [replace(series, molecules=other)])
        assert not [record for record in caplog.records if record.levelno == logging.WARNING]


def test_neutral_molecules_raise_no_alarm(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for seed, (frames, time) in enumerate([(400, 8300.0), (2000, 500.0), (6000, 200.0), (2000, 3000.0)] * 2):
        series = liquid(frames, time, seed=seed)
        report_static(tmp_path / "static.json", measured(series), [series])
    assert not [record for record in caplog.records if record.levelno == logging.WARNING]


def test_a_second_relaxation_slower_than_the_run_raises_no_alarm(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Water in 20 ps: a fast relaxation that is resolved, and the flat part of the main one, ε0 Δε/τ = 81 S/m."""
    for seed in range(4):
        fast, slow = (
            debye_current(2500, 8.0, 10.0, 200.0, seed=seed),
            debye_current(2500, 8.0, 76.0, 8300.0, seed=9 - seed),
        )
        series = conducting_series(fast + slow, 8.0, molecules="32 H2O")
        found = measured(series)
        assert found.conduction_seen > 4  # by the fit alone
        assert np.isfinite(found.relaxation_time.value)
        report_static(tmp_path / "static.json", found, [series])
    assert not [record for record in caplog.records if record.levelno == logging.WARNING]


def test_which_liquids_are_pure() -> None:
    series = liquid(100, 300.0)
    assert pure_molecules([series]) == "H2O"
    for other in ("31 H2O, 1 SO4", "1 H2O", ""):
        assert pure_molecules([replace(series, molecules=other)]) == ""
    assert pure_molecules([replace(series, origin=Identity({"charge": 1.0}))]) == ""


def test_runs_write_their_numbers_and_two_are_subtracted(run: Run, tmp_path: Path) -> None:
    """A decrement: the solution has 70 where the liquid has 78, and its ions count by themselves."""
    for name, series in (
        ("water", [liquid(2559, 300.0, seed=k) for k in (1, 2)]),
        ("solution", [liquid(2559, 300.0, strength=60.0, conduction=40.0, seed=5, molecules="30 H2O, 2 Na")]),
    ):
        write_series(tmp_path / f"{name}.h5", series)
        done = run("spectrum", tmp_path / f"{name}.h5", "--out", tmp_path / name, "--epsilon-infinity", 1.78)
        assert done[0] == 0, done[2]
    assert "static permittivity: " in done[2]
    written = json.loads((tmp_path / "water" / "static.json").read_text(encoding="utf-8"))
    header = read_spectrum(tmp_path / "water" / "ir.csv").header
    assert header["static permittivity"].startswith(f"{written['permittivity']['value']:.1f}")
    first, second = static(tmp_path / "solution", tmp_path / "water")
    assert second is not None
    decrement = first.minus(second)["permittivity"]
    assert abs(decrement.value - (60.0 - 76.22)) < 3.5 * decrement.error
    assert first.conducts
    status, text, _ = run("static", tmp_path / "solution", tmp_path / "water")
    assert status == 0
    assert f"permittivity: {decrement}" in text
    status, text, _ = run("static", tmp_path / "solution", tmp_path / "water", "--json")
    assert json.loads(text)["difference"]["permittivity"]["value"] == pytest.approx(decrement.value)
    status, text, _ = run("static", tmp_path / "water", "--json")
    assert json.loads(text) == written
    assert read_series(tmp_path / "water.h5")[0].molecules == "32 H2O"


def test_what_holds_no_dipole_or_run_is_refused(run: Run, tmp_path: Path) -> None:
    refused(run("static", tmp_path / "nothing"), "nothing holds no run")
    series = made_series({"pgt": np.random.default_rng(0).normal(size=(400, 3, 3))}, 4.0)
    write_series(tmp_path / "p.h5", [series])
    run("spectrum", tmp_path / "p.h5", "--out", tmp_path / "p")
    assert not (tmp_path / "p" / "static.json").exists()
    refused(run("static", tmp_path / "p"), "has no rates of the dipole, which --apt makes")
    assert zero_frequency([made_series({"apt": np.zeros((400, 3))}, 4.0)], WATER) is None
