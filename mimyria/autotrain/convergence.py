"""When spectra have converged: they change, and the networks differ about them, no more than their statistical error.

All cycles make their spectra along the same probe, so that what changes is the networks' doing, not chance. It may be
as large as the chance that is left in the final spectra, which are made along all of the trajectories.

    change   score(A, B) = Σ|A - B| / Σ|A + B| of the spectra of this cycle and the one before
    spread   √(2/π) Σ √2 σ_m / Σ|2A|: the score that two networks of the committee have on average, σ_m = s/c4(K) what
             the standard deviation s of K networks says of their spread, c4(K) = √(2/(K-1)) Γ(K/2)/Γ((K-1)/2)
    floor    √(t/T) √(2/π) Σ √(σ_A² + σ_B²) / Σ|A + B|: the score that two measurements as long as all trajectories,
             T, have on average, σ the standard errors of the spectra of the probe, t

A spectrum has converged when change and spread are at most the floor, or at most the score that is given, whichever is
larger; the loop has converged when every spectrum has done so for several cycles in a row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mimyria.spectra.compare import similarity
from mimyria.spectra.spectrum import Spectrum, read_spectrum
from mimyria.spectra.student import c4

CONVERGED = "converged"
"""The reason to stop that is not a limit."""


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


@dataclass(frozen=True)
class SpectrumChange:
    """The scores of one spectrum in a cycle; NaN where not known (first cycle, single network, no error bars)."""

    change: float
    spread: float
    floor: float

    def allowed(self, score: float) -> float:
        """Return the score that change and spread may have: the larger of the floor and the one that is given."""
        return max(score, self.floor) if np.isfinite(self.floor) else score

    def converged(self, score: float) -> bool:
        """Return whether neither the change nor the spread, if it is known, is beyond what is allowed."""
        allowed = self.allowed(score)
        return bool(self.change <= allowed and not self.spread > allowed)


def spectrum_changes(
    now: Path, before: Path | None, low: float, high: float, share: float = 1.0, members: int = 2
) -> dict[str, SpectrumChange]:
    """Return how the spectra in one folder differ from those in another.

    Parameters
    ----------
    now, before
        Folders that `mimyria spectrum` made; None for the first cycle.
    low, high
        Range, cm⁻¹.
    share
        t/T, the part of the trajectories that the probe is.
    members
        K.
    """
    changes = {}
    for name, (_, file, column, _) in COMPARED.items():
        if not (now / file).exists():
            continue
        spectrum = read_spectrum(now / file)
        change, floor = math.nan, math.nan
        if before is not None and (before / file).exists():
            earlier = read_spectrum(before / file)
            freedoms = spectrum.freedoms, earlier.freedoms
            result = similarity(spectrum.curve(column), earlier.curve(column), low, high, freedoms=freedoms)
            change = result.score
            floor = math.sqrt(share) * (math.nan if result.floor is None else result.floor)
        changes[name] = SpectrumChange(change, _spread_score(spectrum, column, low, high) / c4(members), floor)
    return changes


def _spread_score(spectrum: Spectrum, column: str, low: float, high: float) -> float:
    spread, values, x = spectrum.spread(column), spectrum.values(column), spectrum.wavenumber
    if spread is None:
        return math.nan
    inside = (x >= low) & (x <= high) & np.isfinite(values) & np.isfinite(spread)
    return float(np.sqrt(2 / np.pi) * np.sqrt(2) * spread[inside].sum() / (2 * abs(values[inside]).sum()))


def converged_in_a_row(cycles: Sequence[Mapping[str, SpectrumChange]], score: float) -> int:
    """Return in how many of the last cycles, without a break, every spectrum has converged."""
    have = [bool(cycle) and all(change.converged(score) for change in cycle.values()) for cycle in cycles]
    return sum(1 for _ in takewhile(bool, reversed(have)))
