"""Checks at the end of a run: the integral of the infrared spectrum, the temperature, and the rounding of positions."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from mimyria.checks.equipartition import BLOCKS, SIGNIFICANT, exchange_error, few_blocks
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.infrared import dipole_rate
from mimyria.spectra.quantum import correction_ratio
from mimyria.spectra.sampling import standard_error
from mimyria.spectra.spectrum import Spectrum
from mimyria.statistics.outliers import outlier_threshold
from mimyria.statistics.student import student
from mimyria.targets import TARGETS
from mimyria.units import LIGHT_SPEED, infrared_prefactor

log = logging.getLogger("mimyria")

INTEGRAL_TOLERANCE = 0.02
TEMPERATURE_TOLERANCE = 0.1
"""Relative difference of a temperature from the one given, below which nothing is said."""
HOTTER, OUTLYING = 3.0, 20.0
"""Velocities are wrong if a frame is so many times as hot as the median, and hotter by so many robust deviations."""
COMPARED = 16
"""Frames of two runs that are compared."""
SMALLEST_ROUNDING, LARGEST_ROUNDING = 1e-3, 0.05
"""Parts of the power that are rounding: less is not worth a word, more of a rate is worth a warning."""


def check_integral(series: Sequence[ResponseSeries], spectrum: Spectrum, conditions: Conditions) -> None:
    """Log ∫ n·α dν of the infrared spectrum and from ⟨|dM/dt|²⟩; warn if the spectrum lacks power of the rates.

    They are equal by construction, apart from the quantum correction, which is divided out. Velocities by central
    differences lack what [sin(ωδt)/(ωδt)]² takes, and the spectrum restores it, so it is attenuated again to compare
    them; what is missing then lies above the end of the spectrum, where next to nothing is left to restore.
    """
    harmonic = correction_ratio(spectrum.wavenumber, conditions.temperature, conditions.correction)
    classical, interval = spectrum.columns["n_alpha_cm-1"] / harmonic, series[0].differenced
    left = np.sinc(2 * LIGHT_SPEED * spectrum.wavenumber * interval) ** 2
    whole, found = (float(np.trapezoid(values, spectrum.wavenumber)) for values in (classical, classical * left))
    expected = integral_of_rates(series, conditions.temperature)
    restored = f", {found:.5g} cm⁻² as attenuated by the differences of positions" if interval else ""
    log.info(f"∫ n·α dν: {whole:.5g} cm⁻² in the spectrum{restored}, {expected:.5g} cm⁻² from <|dM/dt|²>")
    if not abs(found - expected) <= INTEGRAL_TOLERANCE * expected:
        log.warning(
            f"{100 * (1 - found / expected):.1f} % of the power of dM/dt is not in the infrared spectrum, which ends "
            f"at {spectrum.wavenumber[-1]:.0f} cm⁻¹"
            + (f": differences over ±{interval:g} fs leave too little above; store velocities" if interval else "")
        )


def integral_of_rates(series: Sequence[ResponseSeries], temperature: float) -> float:
    """Return ∫_0^∞ n·α dν = 1/(6 ε0 c V k_B T) · ⟨|dM/dt|²⟩/(2c) in cm⁻², from the rates alone."""
    parts = [dipole_rate(run, frames).sum(axis=1) for run in series for frames in run.chunks(0, len(run))]
    mean = sum(float(np.square(part).sum()) for part in parts) / sum(map(len, parts))
    return infrared_prefactor(1.0, temperature) * mean / (2 * LIGHT_SPEED)


def check_temperature(series: Sequence[ResponseSeries], given: float) -> str | None:
    """Return in words that the velocities mean another temperature than the one given, K; None if they need not."""
    found = np.concatenate([run.temperature for run in series])
    blocks = np.array([block.mean() for run in series for block in np.array_split(run.temperature, BLOCKS)])
    scatter, slow = standard_error(blocks), exchange_error(series, found.mean(), series[0].total_freedom)
    error, likely = (float(max(scatter * t, slow)) for t in (few_blocks(series), student(len(blocks) - 1)))
    if abs(found.mean() - given) <= max(TEMPERATURE_TOLERANCE * given, SIGNIFICANT * error):
        return None
    return f"the velocities correspond to {found.mean():.4g} ± {likely:.2g} K, not {given:g} K"


def warn_of_wrong_velocities(series: Sequence[ResponseSeries]) -> None:
    """Warn of a single frame whose velocities are far outside of those of all others, its neighbours' too."""
    for number, run in enumerate(series, 1):
        hot = run.temperature > outlier_threshold(run.temperature, OUTLYING, HOTTER)
        frame = int(np.argmax(run.temperature))
        if hot[max(frame - 1, 0) : frame + 2].sum() == 1:
            log.warning(
                f"run {number}: the velocities {frame * run.timestep:g} fs after its first ones correspond to "
                f"{run.temperature[frame]:.3g} K, half of the others to less than {np.median(run.temperature):.3g} K: "
                "a number in the file is wrong, and so is every spectrum; mend that frame, or leave it out with "
                "--frames"
            )


def warn_if_same(series: Sequence[ResponseSeries]) -> None:
    """Warn of runs that begin with the same temperatures and rates, which are not twice the same by chance."""
    length = min(COMPARED, *map(len, series))
    alike: dict[tuple[bytes, ...], list[int]] = {}
    for number, run in enumerate(series, 1):
        beginning = [np.asarray(values[:length]) for values in (run.temperature, *run.rates.values())]
        if any(np.ptp(values) for values in beginning):
            alike.setdefault(tuple(values.tobytes() for values in beginning), []).append(number)
    for same in alike.values():
        if len(same) > 1:
            numbers = ", ".join(map(str, same))
            log.warning(f"runs {numbers} hold the same frames, so that all errors are too small: give each run once")


def facts_of(series: Sequence[ResponseSeries]) -> dict[str, str]:
    """Return header entries on the runs: degrees of freedom, frames that were used, and the rounding of positions."""
    facts = {"degrees of freedom": series[0].degrees_of_freedom}
    if used := "; ".join(dict.fromkeys(filter(None, map(frames_used, series)))):
        facts["frames used"] = used
    if rounding := describe_rounding(series):
        facts["rounding"] = rounding
    return facts


def frames_used(run: ResponseSeries) -> str:
    """Return in words the first and the last frame of the file that rates belong to; nothing where it is not known."""
    pieces, stride = run.origin.get("frames"), run.origin.get("stride")
    if not pieces or not stride:
        return ""
    begun = int(run.differenced > 0)  # the first frame has no velocity
    left = begun + (len(run) - 1) * stride
    for first, last in pieces:
        if last is None or left < last - first:
            return f"{pieces[0][0] + begun} to {first + left}" + (f", one in {stride}" if stride > 1 else "")
        left -= last - first
    return ""


def describe_rounding(series: Sequence[ResponseSeries]) -> str:
    """Return in words which part of the power of differenced velocities, and of rates, is rounding of positions."""
    parts = mean_rounding(series)
    if not any(part > SMALLEST_ROUNDING for part in parts.values()):
        return ""
    species, rates = (
        ", ".join(f"{100 * part:.2g} % ({name})" for name, part in parts.items() if (name in TARGETS) == of_rates)
        for of_rates in (False, True)
    )
    left_in = f"; of the rates {rates.upper()}, left in" if rates else ""
    return (
        f"positions are rounded to {series[0].quantum:.3g} Å, which is noise in their differences: {species} of the "
        f"power of the velocities, subtracted from the density of states{left_in}"
    )


def report_rounding(series: Sequence[ResponseSeries]) -> None:
    """Log which part of the power is rounding of positions; warn if it is much of a rate."""
    if words := describe_rounding(series):
        much = max((part for name, part in mean_rounding(series).items() if name in TARGETS), default=0.0)
        (log.warning if much > LARGEST_ROUNDING else log.info)(words)


def mean_rounding(series: Sequence[ResponseSeries]) -> dict[str, float]:
    """Return the mean of ``ResponseSeries.rounding`` over runs."""
    names = dict.fromkeys(name for run in series for name in run.rounding)
    lengths = list(map(len, series))
    return {name: float(np.average([run.rounding.get(name, 0.0) for run in series], weights=lengths)) for name in names}
