"""When spectra have converged: they neither change nor are biased, and the networks agree about them.

All cycles make their spectra along the same probe, so that what changes is the networks' doing, not chance. A spectrum
has converged when all of this holds (s the score, i the intensity that the settings allow):

    change     Σ|A - B|/Σ|A + B| of the spectra of this cycle and the one before is at most s, or what the noise along
               the probe explains: that of a difference is small, as both share their frames
    growth     that change is not half as large again as one of the two before; one below s/10 is none
    half       the score to the last cycle with at most half as many labels is at most s too. What all networks have in
               common falls with the number of labels, in proportion to it at best; then as much is left as has gone
               since half of them, however small the steps are
    bands      the integral of every band, and of the whole range, has changed by at most i since then, or is within
               two standard errors of it; the errors, of the difference, must be below i. Of weak bands i is larger,
               i/10 of the integral of the whole range
    bias       the integral predicted for the labels of the test set is right within i, or two standard errors, and so
               is the slope of predictions over labels; the errors must be below i
    spread     √(2/π) Σ √2 σ_m / Σ|2A|, the score that two networks have on average, is at most s or the statistical
               floor of the final spectra, √(t/T) √(2/π) Σ √(σ_A² + σ_B²) / Σ|A + B|, σ the standard errors along the
               probe, t, and T all of the trajectories; σ_m = d/c4(K) for the standard deviation d of K networks,
               c4(K) = √(2/(K-1)) Γ(K/2)/Γ((K-1)/2)

The loop has converged when every spectrum, and every group that the user has named, has done so for several cycles in a
row. What is not known does not count against it, but for the two cycles to compare with.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from mimyria.autotrain.settings import Convergence

CONVERGED = "converged"
"""The reason to stop that is not a limit."""
UNKNOWN, NO_HALF = "nothing to compare with yet", "no cycle has half as many labels yet"
GROWTH, NONE = 1.5, 0.1
"""A change has grown where it is so many times larger than an earlier one, and larger than this part of the score."""
STANDARD_ERRORS = 2.0
WEAK = 0.1
"""Of a band with a smaller share of the integral than this, the change that counts is that of the whole."""


class Compared(NamedTuple):
    """A spectrum that must converge."""

    title: str
    file: str
    column: str
    target: str
    """Whose networks it is made with."""


COMPARED = {
    "ir": Compared("IR", "ir.csv", "n_alpha_cm-1", "apt"),
    "VV": Compared("Raman VV", "raman.csv", "VV", "pgt"),
    "VH": Compared("Raman VH", "raman.csv", "VH", "pgt"),
    "hyper_VV": Compared("hyper-Raman VV", "hyper_raman.csv", "VV", "hgt"),
    "hyper_HV": Compared("hyper-Raman HV", "hyper_raman.csv", "HV", "hgt"),
}
"""By the name that columns of ``history.csv`` have."""
OF_GROUPS = {
    "ir": COMPARED["ir"],
    "isotropic": Compared("isotropic Raman", "raman.csv", "isotropic", "pgt"),
    "anisotropic": Compared("anisotropic Raman", "raman.csv", "anisotropic", "pgt"),
    "dipolar": Compared("dipolar hyper-Raman", "hyper_raman.csv", "dipolar", "hgt"),
    "octupolar": Compared("octupolar hyper-Raman", "hyper_raman.csv", "octupolar", "hgt"),
}
"""What must converge of each group that is named, ``ir[sulfate]``: its term with itself, column ``n_alpha[A,A]``."""


def title_of(name: str) -> str:
    """Return the title of a spectrum in `COMPARED`, or of a group in `OF_GROUPS`."""
    kind, _, group = name.removesuffix("]").partition("[")
    return f"{OF_GROUPS[kind].title} of {group}" if group else COMPARED[name].title


class Relative(NamedTuple):
    """A relative change or bias, and its standard error; NaN where not known."""

    value: float = math.nan
    error: float = math.nan

    def __str__(self) -> str:
        if not math.isfinite(self.value):
            return "–"
        error = f" ± {100 * self.error:.2g}" if math.isfinite(self.error) else ""
        return f"{100 * self.value:+.2g}{error} %"

    def wrong(self, allowed: float) -> str:
        """Return what speaks against it being zero within what is allowed; empty where nothing does."""
        if abs(self.value) > max(allowed, STANDARD_ERRORS * (self.error if math.isfinite(self.error) else 0.0)):
            return str(self)
        return f"{self}, not known better" if self.error > allowed else ""


NOT_KNOWN = Relative()


class BandChange(NamedTuple):
    """How much the integral of a range has changed since half as many labels."""

    low: float
    high: float
    change: Relative
    share: float = 1.0
    """Of the integral of the whole range."""

    def wrong(self, intensity: float) -> str:
        """Return what speaks against its convergence; empty where nothing does."""
        return self.change.wrong(intensity * max(1.0, WEAK / self.share))


@dataclass(frozen=True)
class SpectrumChange:
    """What is known of one spectrum in a cycle; NaN where not known (first cycle, single network, no error bars)."""

    change: float
    spread: float
    floor: float
    """Statistical floor of the final spectra."""
    paired: float = math.nan
    """Score to the cycle before that the noise along the common probe explains."""
    half: float = math.nan
    """Score to the last cycle with at most half as many labels."""
    half_paired: float = math.nan
    bands: tuple[BandChange, ...] = ()
    """The whole range first."""
    bias: Relative = NOT_KNOWN
    slope: Relative = NOT_KNOWN
    """Of predictions over labels, less one."""
    earlier: tuple[float, ...] = ()
    """The changes of the two cycles before, as far as there are."""

    @property
    def integral(self) -> Relative:
        """How much the integral of the whole range has changed since half as many labels."""
        return self.bands[0].change if self.bands else NOT_KNOWN

    def objections(self, rule: Convergence) -> Iterator[str]:
        """Yield why it has not converged, in words."""
        score, intensity = rule.score, rule.intensity
        if math.isnan(self.change):
            yield UNKNOWN
            return
        if self.change > _larger(score, self.paired):
            yield "changes too much"
        elif self.grows(score):
            yield "its change grows"
        if math.isnan(self.half):
            yield NO_HALF
        elif self.half > _larger(score, self.half_paired):
            yield "changed too much since half as many labels"
        if self.spread > _larger(score, self.floor):
            yield "networks differ too much"
        wrong = {f"{band.low:.0f}-{band.high:.0f} cm⁻¹": band.wrong(intensity) for band in self.bands}
        if shown := [f"{place} by {text}" for place, text in wrong.items() if text]:
            yield f"integrals changed since half as many labels: {', '.join(shown)}"
        if text := self.bias.wrong(intensity):
            yield f"intensity biased by {text}"
        elif text := self.slope.wrong(intensity):
            yield f"slope over labels off by {text}"

    def converged(self, rule: Convergence) -> bool:
        """Return whether nothing speaks against it."""
        return not any(self.objections(rule))

    def grows(self, score: float) -> bool:
        """Return whether the change is larger than before, by more than chance."""
        least = min((one for one in self.earlier if math.isfinite(one)), default=math.inf)
        return self.change > max(GROWTH * least, _larger(NONE * score, self.paired))


def _larger(score: float, other: float) -> float:
    """Return the larger of both; the score where the other is not known."""
    return max(score, other) if math.isfinite(other) else score


def converged_in_a_row(cycles: Sequence[Mapping[str, SpectrumChange]], rule: Convergence) -> int:
    """Return in how many of the last cycles, without a break, every spectrum has converged."""
    have = [bool(cycle) and all(change.converged(rule) for change in cycle.values()) for cycle in cycles]
    return sum(1 for _ in takewhile(bool, reversed(have)))
