"""The rule of convergence: what speaks against it, and in how many cycles nothing does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mimyria.autotrain.convergence import (
    COMPARED,
    NO_HALF,
    UNKNOWN,
    BandChange,
    Relative,
    SpectrumChange,
    converged_in_a_row,
    title_of,
)
from mimyria.autotrain.settings import Convergence
from mimyria.targets import TARGETS

RULE = Convergence(score=0.03, intensity=0.03)
NAN = float("nan")
GOOD = SpectrumChange(0.02, 0.02, 0.01, half=0.02)
WIDE = BandChange(300, 4000, Relative(0.001, 0.001))


def objections(**changes: object) -> list[str]:
    return list(replace(GOOD, **changes).objections(RULE))  # type: ignore[arg-type]


def test_a_change_is_within_the_score_or_the_noise_of_the_common_probe() -> None:
    assert objections() == []
    assert objections(change=0.05, floor=0.06) == ["changes too much"]  # the noise of other trajectories is no excuse
    assert objections(change=0.05, paired=0.06) == []
    assert objections(half=0.05) == ["changed too much since half as many labels"]
    assert objections(half=0.05, half_paired=0.06) == []
    assert objections(half=NAN) == [NO_HALF]
    assert objections(change=NAN) == [UNKNOWN]  # the first cycle


def test_networks_agree_within_the_score_or_the_floor() -> None:
    assert objections(spread=0.05) == ["networks differ too much"]
    assert objections(spread=0.05, floor=0.06) == []
    assert objections(spread=NAN, floor=NAN) == []  # one network, no error bars


@pytest.mark.parametrize(
    ("changes", "grows"),
    [
        ([0.004, 0.015], True),
        ([0.004, 0.007, 0.011], True),
        ([0.004, 0.005, 0.0065], True),  # slowly, over two cycles
        ([0.011, 0.012, 0.013], False),
        ([0.020, 0.012, 0.014], False),
        ([0.001, 0.002], False),  # far below the score
        ([0.02], False),
        ([NAN, 0.02], False),
    ],
)
def test_a_change_that_grows_has_not_converged(changes: list[float], grows: bool) -> None:
    *earlier, last = changes
    found = objections(change=last, earlier=tuple(earlier[-2:]))
    assert found == (["its change grows"] if grows else [])
    assert objections(change=last, earlier=tuple(earlier[-2:]), paired=0.02) == []  # noise may grow


def test_every_band_must_be_settled() -> None:
    def with_band(change: float, error: float) -> list[str]:
        return objections(bands=(WIDE, BandChange(1050, 1150, Relative(change, error))))

    assert with_band(0.02, 0.01) == []
    assert with_band(0.2, 0.02) == ["integrals changed since half as many labels: 1050-1150 cm⁻¹ by +20 ± 2 %"]
    assert with_band(0.05, 0.029) == []  # within two standard errors, and these are small
    assert "not known better" in with_band(0.05, 0.1)[0]
    assert with_band(0.02, NAN) == []
    assert with_band(-0.05, NAN) != []


def test_weak_bands_may_change_by_a_tenth_of_what_the_whole_may() -> None:
    def with_share(share: float, change: float) -> list[str]:
        return objections(bands=(WIDE, BandChange(1050, 1150, Relative(change, NAN), share)))

    allowed = RULE.intensity
    assert with_share(0.5, 1.1 * allowed) != []
    assert with_share(0.02, 4 * allowed) == []
    assert with_share(0.02, 6 * allowed) != []


def test_the_bias_on_the_test_set_counts() -> None:
    assert objections(bias=Relative(-0.02, 0.005), slope=Relative(-0.02, 0.005)) == []
    assert objections(bias=Relative(-0.1, 0.005)) == ["intensity biased by -10 ± 0.5 %"]
    # too weak where it should be strong, and noise elsewhere, may have the right sum
    assert objections(bias=Relative(0.0, 0.005), slope=Relative(-0.1, 0.005)) == [
        "slope over labels off by -10 ± 0.5 %"
    ]
    assert objections(bias=Relative(0.0, 0.2)) == ["intensity biased by +0 ± 20 %, not known better"]
    assert objections(bias=Relative(NAN, NAN)) == []  # of a loop begun by an earlier version


def test_cycles_count_in_which_every_spectrum_converged_without_a_break() -> None:
    bad = replace(GOOD, change=0.5)
    assert converged_in_a_row([{"ir": bad}, {"ir": GOOD}, {"ir": GOOD}], RULE) == 2
    assert converged_in_a_row([{"ir": GOOD}, {"ir": bad}, {"ir": GOOD}], RULE) == 1
    assert converged_in_a_row([{"ir": GOOD, "ir[sulfate]": bad}] * 3, RULE) == 0
    assert converged_in_a_row([{"ir": GOOD}], RULE) == 1
    assert converged_in_a_row([{}, {}], RULE) == 0


def test_titles() -> None:
    assert title_of("hyper_VV") == "hyper-Raman VV"
    assert title_of("anisotropic[sulfate]") == "anisotropic Raman of sulfate"
    assert {compared.target for compared in COMPARED.values()} == set(TARGETS)
