"""Classical nuclei and those of path integrals: what is said of them, and what does not go together."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rings import TEMPERATURE, WAVENUMBER, ring

from conftest import Run, refused
from ensembles import made_series
from mimyria.checks.nuclei import STATED, check_beads, check_correction, choose_nuclei, nuclei_header, told_nuclei
from mimyria.choices import CORRECTIONS, NUCLEI
from mimyria.errors import ConfigError
from mimyria.formats import write_frames
from mimyria.rates.series import ResponseSeries
from mimyria.settings import Experiment, SpectrumSettings
from mimyria.spectra.quantum import correction_ratio
from mimyria.spectra.spectrum import read_spectrum


def test_all_dynamics_are_stated() -> None:
    assert [*STATED] == [*NUCLEI]
    assert nuclei_header("beads", 16)["nuclei"].startswith("path integral of 16 beads, correlation functions are Kubo")
    assert nuclei_header("classical", 1) == {"nuclei": "classical"}


@pytest.mark.parametrize("correction", CORRECTIONS)
@pytest.mark.parametrize("nuclei", NUCLEI)
def test_kubo_functions_have_one_correction(nuclei: str, correction: str) -> None:
    if nuclei == "classical" or correction == "harmonic":
        check_correction(nuclei, correction)
    else:
        with pytest.raises(ConfigError, match=f"--correction {correction} is .* not for --nuclei {nuclei}"):
            check_correction(nuclei, correction)


def beads_at(temperature: float, centroid: float, n_beads: int = 8, n_frames: int = 400) -> ResponseSeries:
    """A series with temperatures drawn for 300 degrees of freedom, those of the beads for as many of each bead."""
    rng = np.random.default_rng(0)
    of_beads = temperature * (1 + rng.normal(size=n_frames) * np.sqrt(2 / 300 / n_beads))
    of_centroid = centroid * (1 + rng.normal(size=n_frames) * np.sqrt(2 / 300))
    known = {"temperature": of_centroid, "bead_temperature": of_beads, "freedom": np.array([300.0])}
    return made_series({"apt": np.zeros((n_frames, 3))}, n_beads=n_beads, nuclei="beads", **known)


@pytest.mark.parametrize(("temperature", "warned"), [(2400.0, False), (2520.0, False), (1200.0, True), (3200.0, True)])
def test_beads_have_the_temperature_of_a_ring(
    caplog: pytest.LogCaptureFixture, temperature: float, warned: bool
) -> None:
    with caplog.at_level(logging.INFO, "mimyria"):
        check_beads([beads_at(temperature, 300.0)])
    found = re.search(r"the velocities of the 8 beads correspond to 8 × (\S+) K, those of the centroid", caplog.text)
    assert found is not None
    assert float(found[1]) == pytest.approx(temperature / 8, rel=0.01)
    assert ("a generalised Langevin thermostat" in caplog.text) == warned


def test_classical_nuclei_and_differences_have_no_beads_to_check(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mimyria"):
        check_beads([made_series({"apt": np.zeros((9, 3))})])
        check_beads([replace(beads_at(1200.0, 300.0), differenced=2.0)])
    assert not caplog.text


def test_rates_of_beads_are_of_beads() -> None:
    beads, other = beads_at(2400.0, 300.0), made_series({"apt": np.zeros((9, 3))})
    assert choose_nuclei([beads], Experiment()) == choose_nuclei([beads], Experiment(nuclei="beads")) == "beads"
    assert choose_nuclei([other], Experiment(nuclei="effective")) == "effective"
    for series, given in ((beads, "centroid"), (other, "beads")):
        with pytest.raises(ConfigError, match=f"--nuclei {given} does not fit rates of --nuclei {series.nuclei}"):
            choose_nuclei([series], Experiment(nuclei=given))


@pytest.mark.parametrize(("given", "warned"), [(None, False), ("effective", False), ("classical", True)])
def test_another_statement_than_that_of_the_rates_is_told(
    given: str | None, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    series = replace(made_series({"apt": np.zeros((9, 3))}), nuclei="effective")
    assert choose_nuclei([series], Experiment(nuclei=given)) == given or "effective"
    assert ("the rates were made with --nuclei effective, and are taken as classical" in caplog.text) is warned


def test_a_trajectory_can_be_declared_later(run: Run, tmp_path: Path) -> None:
    """The formulas of all are those of classical nuclei: nothing but the statement changes."""
    write_frames(tmp_path / "c.extxyz", ring(1, 60)[0])
    assert run("spectrum", tmp_path / "c.extxyz", "--apt", "frames", "--out", tmp_path / "a")[0] == 0
    before = read_spectrum(tmp_path / "a" / "ir.csv")
    assert before.header["nuclei"] == "classical"
    again = ["spectrum", tmp_path / "a" / "series.h5", "--out", tmp_path / "b"]
    for nuclei in ("effective", "centroid"):
        status, _, error = run(*again, "--nuclei", nuclei)
        assert status == 0, error
        after = read_spectrum(tmp_path / "b" / "ir.csv")
        for name, values in before.columns.items():
            np.testing.assert_array_equal(after.columns[name], values)
        assert after.header["nuclei"] == STATED[nuclei]
        refused(run(*again, "--nuclei", nuclei, "--correction", "none"), f"not for --nuclei {nuclei}")


def test_what_i_pi_tells_of_its_nuclei() -> None:
    frame = ring(1, 1)[0][0]
    for info, settings, nuclei in (
        ({"quantity": "x_centroid", "bead": 0}, SpectrumSettings(), "centroid"),
        ({"quantity": "x_centroid", "bead": 0}, SpectrumSettings(nuclei="effective"), "effective"),
        ({"quantity": "positions", "bead": 0}, SpectrumSettings(), "classical"),
        ({"quantity": "positions", "bead": 0}, SpectrumSettings(beads=Path("a_*.xyz")), "beads"),
        ({"quantity": "positions", "bead": 3}, SpectrumSettings(nuclei="classical"), "classical"),
        ({}, SpectrumSettings(), "classical"),
    ):
        assert told_nuclei(settings, replace(frame, info=info)) == nuclei
    with pytest.raises(ConfigError, match="bead 3 of a ring polymer alone: give all of them by --beads"):
        told_nuclei(SpectrumSettings(), replace(frame, info={"quantity": "positions", "bead": 3}))


def test_what_another_correction_would_do_to_a_stretch() -> None:
    """``none`` is no factor of one, but what an uncorrected classical line would need: a fourteenth at 3000 cm⁻¹."""
    ratio = correction_ratio(np.array([WAVENUMBER]), TEMPERATURE, "none")[0]
    assert ratio == pytest.approx(1 / 14.4, rel=0.01)
