"""Numbers at zero frequency: static conductivity and permittivity, and the slow relaxation, with errors.

A spectrum with a resolution in cm⁻¹ does not reach them; they come from the rates of whole runs. σ_0, Δε and τ are
those of `relaxation`, and with ε'' = σ/(ε0 ω), which gives ε(0) by the relation of Kramers and Kronig,

    ε(0) = ε∞ + Δε + (2/π ε0) [b ω_c + ∫_{ω_c}^∞ (σ - σ_0 - σ_D)/ω² dω]        ω_c: end of the fit, σ_D: relaxation

so that a relaxation counts as a whole, also what is slower than the run lets see, and all that is faster as it is.
Conduction is left out, as it must be: with it M moves away without end. Errors are those of the likelihood or, where
larger, those of a jackknife over runs.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from mimyria.choices import IN_FRAMES
from mimyria.errors import SpectrumError
from mimyria.frame import Array
from mimyria.memory import write_text
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.bands import Measured, known_numbers
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import dipole_rate
from mimyria.spectra.relaxation import (
    COMPONENTS,
    LEAST_BINS,
    Bins,
    Relaxation,
    bin_powers,
    conductivity_parts,
    fit,
    fit_widest,
    sine_powers,
)
from mimyria.spectra.remade import stored_run
from mimyria.spectra.spectrum import Spectrum
from mimyria.statistics.cepstral import zero_power
from mimyria.statistics.replicates import Replicates, left_out
from mimyria.targets import APT
from mimyria.units import CONDUCTIVITY, LIGHT_SPEED, VACUUM_PERMITTIVITY, infrared_prefactor

log = logging.getLogger("mimyria")

UNKNOWN = Measured(float("nan"), float("nan"))
MOST_STRENGTH = 250.0
"""No molecular liquid has a larger Δε; a relaxation that would need it is conduction."""
KEPT = 2.0
"""Standard errors by which a part of σ(ω) must be seen to be kept."""
CERTAIN, ALARMING = 3.0, 4.0
"""Standard errors from which on conduction is certain, and from which on that of neutral molecules is warned of."""
LEAST_TIMES, LARGEST_ERROR = 4.0, 0.3
"""Of a relaxation that is resolved, τ fits so often into the longest run, and its relative error is smaller."""
PICOSECOND = 1000.0
FASTEST = 250.0
"""fs; permanent dipoles of liquids relax slower, so that a run must at least resolve this to say anything."""


@dataclass(frozen=True)
class ZeroFrequency:
    """What a run says about zero frequency; NaN where it says nothing."""

    conductivity: Measured
    """σ_0, S/m: beside a relaxation by the fit, without one by cepstral analysis."""
    conducts: bool
    """Whether conduction is seen beyond its error."""
    conduction: Measured
    """σ_0 of a fit that leaves room for it, S/m."""
    conductivity_cepstral: Measured
    """S/m, always above zero, and right only where no relaxation is slower than the band is wide."""
    cepstral_band: float
    """Up to which frequency it was used, cm⁻¹."""
    conduction_seen: float
    """How many standard errors tell conduction from a relaxation alone of Δε up to 250."""
    permittivity: Measured
    """ε(0); without ``epsilon_infinity`` ε(0) - ε∞."""
    epsilon_infinity: float | None
    relaxation_strength: Measured
    """Δε."""
    relaxation_time: Measured
    """τ, ps."""
    faster: Measured
    """The part of ε(0) - ε∞ that is faster than the relaxation."""
    fitted_to: float
    """The end of the fit, cm⁻¹."""
    longest_run: float
    """ps."""
    remark: str = ""
    """Why something is not known."""

    def as_dict(self) -> dict[str, object]:
        """Return the numbers by name, as JSON has them: None where one is not known."""
        return {name: known_numbers(value) for name, value in asdict(self).items()}

    def header(self) -> dict[str, str]:
        """Return the numbers in words, by name."""
        limit, relaxes = f"{self.fitted_to:.3g} cm-1", np.isfinite(self.relaxation_time.value)
        conductivity = f"{self.conductivity} S/m"
        if not np.isfinite(self.conductivity.value):
            conductivity = f"not known: {self.remark}"
        elif not self.conducts:
            conductivity += ", none beyond its error" + (" beside the relaxation" if relaxes else "")
        elif relaxes:
            conductivity += f" beside the relaxation, which alone is excluded by {self.conduction_seen:.1f} σ"
        else:
            conductivity += f" by cepstral analysis of dM/dt below {self.cepstral_band:.3g} cm-1"
            if self.conduction_seen < CERTAIN:
                conductivity += "; a relaxation slower than the run would look the same"
        words = {"static conductivity": conductivity}
        if relaxes:
            strength, time = self.relaxation_strength, self.relaxation_time
            words["relaxation"] = f"Δε = {strength}, τ = {time} ps, of Debye's form, fitted up to {limit}"
        permittivity = f"not known: {self.remark}"
        if np.isfinite(self.permittivity.value):
            of = "relaxation and faster" if relaxes else f"no relaxation is seen below {limit}"
            infinity = "without ε∞" if self.epsilon_infinity is None else f"with ε∞ = {self.epsilon_infinity:g}"
            permittivity = f"{self.permittivity} {infinity}, {of} ({self.faster})"
        return words | {"static permittivity": permittivity}

    def minus(self, other: ZeroFrequency) -> dict[str, Measured]:
        """Return the differences to another run by name, their errors added in quadrature."""
        both = {name: (getattr(self, name), getattr(other, name)) for name in COMPARED}
        return {name: one.minus(two) for name, (one, two) in both.items()}


COMPARED = ("conductivity", "permittivity", "relaxation_strength", "relaxation_time", "faster")
"""Quantities of which a difference between runs is told."""


def zero_frequency(series: Sequence[ResponseSeries], conditions: Conditions) -> ZeroFrequency | None:
    """Return the numbers at zero frequency of runs together; None if they are too short for any.

    In a pure liquid (see `pure_molecules`) nothing conducts, and what looks like it does not enter its permittivity.
    """
    timestep, factor = series[0].timestep, CONDUCTIVITY * infrared_prefactor(1.0, conditions.temperature)
    powers = [factor * sine_powers(_current(run), timestep) for run in series]
    binned, runs = bin_powers(powers, timestep), list(range(len(series)))
    bins = binned.of(runs)
    if len(bins.omega) < LEAST_BINS or not (bins.means > 0).all():
        return None
    whole = fit_widest(bins)
    part, pure = bins.below(whole.limit), pure_molecules(series)
    alone = fit(part, ["conduction"], most=MOST_STRENGTH, start=whole)
    seen = float(np.sqrt(max(whole.likelihood - alone.likelihood, 0.0)))
    without = _superfluous(part, whole, neutral=bool(pure))
    remaining = left_out(len(runs))
    values, errors = _static(bins, fit(part, without, start=whole))
    others = [
        _static(some, fit(some.below(whole.limit), without, start=whole))[0] for some in map(binned.of, remaining)
    ]
    known = Replicates(0, len(others))
    errors = np.fmax(errors, known.error(np.array([values, *others])))
    permittivity, strength, time, faster, conduction = map(Measured, values.tolist(), errors.tolist())
    cepstral, band = _cepstral(powers, remaining, timestep)
    longest = max(map(len, series)) * timestep
    conducts, relaxes = "conduction" not in without, "relaxation" not in without
    remark = ""
    room = whole if relaxes else fit(part, ["relaxation"], start=whole)
    possible = Measured(room.conduction, float(room.errors[2]))
    if not conducts:
        conduction = possible
    elif not relaxes:
        conduction = cepstral
        if seen < CERTAIN:
            permittivity = faster = UNKNOWN
            remark = "what looks like conduction may be a relaxation slower than the run"
    least = LEAST_TIMES * max(time.value if relaxes else 0.0, FASTEST)
    if longest <= least or (relaxes and not time.error < LARGEST_ERROR * time.value):
        permittivity = strength = time = faster = conduction = UNKNOWN
        what = "the slowest relaxation" if relaxes else "a relaxation to be seen"
        remark = f"the longest run, {longest / PICOSECOND:.3g} ps, is too short for {what}"
    infinity = conditions.epsilon_infinity
    return ZeroFrequency(
        conductivity=conduction,
        conducts=conducts,
        conduction=possible,
        conductivity_cepstral=cepstral,
        cepstral_band=band / LIGHT_SPEED,
        conduction_seen=seen,
        permittivity=Measured(permittivity.value + (infinity or 0.0), permittivity.error),
        epsilon_infinity=infinity,
        relaxation_strength=strength if relaxes else UNKNOWN,
        relaxation_time=time.times(1 / PICOSECOND) if relaxes else UNKNOWN,
        faster=faster,
        fitted_to=whole.limit / (2 * np.pi * LIGHT_SPEED),
        longest_run=longest / PICOSECOND,
        remark=remark,
    )


def static_of(folder: Path) -> ZeroFrequency:
    """Return the numbers at zero frequency of the run in a folder.

    Raises
    ------
    ConfigError, SpectrumError
        If it holds no run, no rates of the dipole, or too few frames.
    """
    series, conditions, _ = stored_run(folder)
    if not all(APT.name in run.rates for run in series):
        raise SpectrumError(f"{folder} has no rates of the dipole, which --apt makes")
    found = zero_frequency(series, conditions)
    if found is None:
        raise SpectrumError(f"{folder}: {max(map(len, series))} frames tell nothing about zero frequency")
    return found


def pure_molecules(series: Sequence[ResponseSeries]) -> str:
    """Return the formula of the molecules, if all are of one kind and the cell has no charge; else an empty text."""
    whole = re.fullmatch(r"(\d+) (\w+)", series[0].molecules)
    charge = series[0].origin.get("charge")
    return whole[2] if whole and int(whole[1]) > 1 and not charge else ""


def report_static(path: Path, found: ZeroFrequency | None, series: Sequence[ResponseSeries]) -> None:
    """Write the numbers as JSON, or remove those of an earlier run; log them; warn if what has no ions conducts."""
    if found is None:
        path.unlink(missing_ok=True)
        return
    write_text(path, json.dumps(found.as_dict(), indent=1, ensure_ascii=False))
    log.info("; ".join(f"{name}: {words}" for name, words in found.header().items()))
    formula, origin = pure_molecules(series), series[0].origin
    if not formula or found.conduction_seen < ALARMING or not np.isfinite(found.relaxation_time.value):
        return  # where the relaxation is not resolved, a slow one looks like conduction
    # Above 1/τ a relaxation is flat like conduction: σ = ε0 Δε/τ. The slowest that is resolved has LEAST_TIMES τ = T.
    flat = VACUUM_PERMITTIVITY * MOST_STRENGTH * LEAST_TIMES / (found.longest_run * PICOSECOND)
    if found.conduction.value < flat:
        return
    sources = origin.get("sources") or {}
    projected = origin.get("sum_rule") == "project" and sources.get(APT.name) != IN_FRAMES
    cause = "the networks need more labels" if projected else "the acoustic sum rule is not projected"
    log.warning(
        f"{formula} seems to conduct {found.conduction} S/m, {found.conduction_seen:.1f} standard errors beyond a "
        f"relaxation, which molecules of one kind cannot: their atomic polar tensors add up to a charge; {cause}"
    )


def with_static(spectrum: Spectrum, found: ZeroFrequency | None) -> Spectrum:
    """Return an infrared spectrum with the numbers in its header, and any other as it is."""
    if found is None or spectrum.kind != "ir":
        return spectrum
    return replace(spectrum, header=spectrum.header | found.header())


def static_report(
    run: str, first: ZeroFrequency, other: str = "", second: ZeroFrequency | None = None, *, as_json: bool = False
) -> str:
    """Return the numbers of one or two runs of such names, and the difference of two, as text or as JSON."""
    runs = {run: first} | ({} if second is None else {other: second})
    difference = {} if second is None else first.minus(second)
    if as_json:
        written = [found.as_dict() for found in runs.values()]
        apart = {name: known_numbers(asdict(value)) for name, value in difference.items()}
        whole = {"first": written[0], "second": written[1], "difference": apart} if difference else written[0]
        return json.dumps(whole, ensure_ascii=False)
    lines = [line for name, found in runs.items() for line in (name, *_indented(found.header()))]
    if difference:
        known = {name.replace("_", " "): str(value) for name, value in difference.items() if np.isfinite(value.value)}
        lines += [f"{run} - {other}", *_indented(known or {"nothing": "is known of both"})]
    return "\n".join(lines)


def _indented(words: Mapping[str, str]) -> list[str]:
    return [f"  {name}: {text}" for name, text in words.items()]


def _current(run: ResponseSeries) -> Array:
    """Return dM/dt over √V of a run, shape (t, 3)."""
    return np.concatenate([dipole_rate(run, frames).sum(axis=1) for frames in run.chunks(0, len(run))])


def _superfluous(bins: Bins, whole: Relaxation, *, neutral: bool) -> list[str]:
    """Return the parts of σ(ω) that the data do not ask for, by 2 ln L less `KEPT`² for each that is kept."""
    choices: list[list[str]] = [["conduction"], ["conduction", "relaxation"]]
    if not neutral:
        choices += [[], ["relaxation"]]
    costs = {"conduction": KEPT**2, "relaxation": 2 * KEPT**2}
    scores = [fit(bins, without, start=whole).likelihood + sum(costs[part] for part in without) for without in choices]
    return choices[int(np.argmax(scores))]


def _static(bins: Bins, fitted: Relaxation) -> tuple[Array, Array]:
    """Return ε(0) - ε∞, Δε, τ, its faster part, σ_0, and their errors by the likelihood, each of shape (5,)."""
    scale = 2 / (np.pi * VACUUM_PERMITTIVITY)
    inside = len(bins.below(fitted.limit).omega)
    edge = float(bins.edges[inside - 1])
    omega, counts, means = bins.omega[inside:], bins.counts[inside:], bins.means[inside:]
    weights = scale * np.diff(bins.edges[inside - 1 :]) / omega**2
    debye, slope, flat, _ = conductivity_parts(omega, fitted.values)
    strength, time, conduction, fast = fitted.values
    faster = float(weights @ (means - debye - flat)) + scale * fast * edge
    # Of ε(0) - ε∞, ..., σ_0 by ln Δε, ln τ, σ_0 and b.
    slopes = np.zeros((5, 4))
    slopes[3] = -weights @ debye, -weights @ slope, -weights.sum(), scale * edge
    slopes[1, 0], slopes[2, 1], slopes[4, 2] = strength, time, 1.0
    slopes[0] = slopes[1] + slopes[3]
    variance = np.einsum("qa,ab,qb->q", slopes, fitted.covariance, slopes)
    variance[[0, 3]] += float(np.square(weights * means) @ (2 / (COMPONENTS * counts)))
    return np.array([strength + faster, strength, time, faster, conduction]), np.sqrt(np.maximum(variance, 0.0))


def _cepstral(powers: Sequence[Array], remaining: Sequence[Sequence[int]], timestep: float) -> tuple[Measured, float]:
    """Return the conductivity by cepstral analysis, S/m, and its band, 1/fs; NaN where there is none."""
    found = zero_power(powers, timestep)
    if found is None:
        return UNKNOWN, float("nan")
    others = [zero_power([powers[run] for run in runs], timestep) for runs in remaining]
    values = np.array([found.value, *(other.value if other else np.nan for other in others)])
    error = float(np.fmax(found.error, Replicates(0, len(others)).error(values)))
    return Measured(found.value, error), found.band
