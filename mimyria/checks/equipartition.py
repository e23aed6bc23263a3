"""Equipartition: whether all species have one temperature, within its statistical error, and what would mend it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from mimyria.elements import masses_of, numbers_of
from mimyria.files.naming import ISOTOPES
from mimyria.frame import Array
from mimyria.rates.series import ResponseSeries
from mimyria.spectra.sampling import standard_error
from mimyria.statistics.student import student

log = logging.getLogger("mimyria")

LARGEST_DIFFERENCE, SIGNIFICANT = 0.1, 4.0
"""Two species may differ by this part of their mean temperature, and by so many standard errors, before it is said."""
BLOCKS = 5
"""Of each trajectory, for the standard error of a temperature."""
EXCHANGE = 2000.0
"""fs, in which different motions of a liquid have exchanged their energy; in water it takes a quarter of that."""
MENDED = 0.2
"""Part of the ratio of two temperatures, as logarithm, that a remedy may leave: drift, chance, rounded masses."""
SETTLING = 0.5
"""A difference that ends below this part of what it was at first is that of a run which is not in equilibrium."""


def check_equipartition(series: Sequence[ResponseSeries]) -> None:
    """Log the kinetic temperature of each species; warn if two differ significantly, and say what would mend it."""
    names = series[0].velocity_species
    frames = [run.species_temperature for run in series if run.species_temperature is not None]
    if len(names) < 2 or len(frames) < len(series) or series[0].differenced:
        return
    temperature, scatter = species_temperatures(frames)
    slow, moving = _error_of_slow_exchange(series, temperature), temperature > 0
    error = np.fmax(scatter * few_blocks(series, errors=2), slow)
    likely = np.fmax(scatter * student(BLOCKS * len(series) - 1), slow)
    shown = [f"{name} {t:.1f} ± {e:.1f} K" for name, t, e in zip(names, temperature, likely, strict=True)]
    log.info(f"temperature by species: {', '.join(word for word, moves in zip(shown, moving, strict=True) if moves)}")
    if (worst := _worst_pair(temperature, error)) is None:
        return
    a, b, sigmas = worst
    cause = _cause(series, frames, error, a, b)
    log.warning(f"no equipartition: {shown[a]}, {shown[b]}, {sigmas:.0f} standard errors apart; {cause}")


def species_temperatures(frames: Sequence[Array]) -> tuple[Array, Array]:
    """Return the mean temperature and its standard error, K, each (species,), from those of frames, (t, species)."""
    # Few long blocks, as vibrations exchange energy slowly: in liquid water within picoseconds.
    blocks = [block.mean(axis=0) for of_run in frames for block in np.array_split(of_run, BLOCKS)]
    return np.concatenate(frames).mean(axis=0), standard_error(np.array(blocks))


def few_blocks(series: Sequence[ResponseSeries], errors: int = 1) -> float:
    """Return what a standard error from the `BLOCKS` is multiplied with, so that `SIGNIFICANT` of them are rare.

    By Student's t as rare as three of a normal distribution, one in 370: 6.6 for the blocks of one trajectory, not 4.
    Two ``errors`` of like size together have twice the degrees of freedom: 4.3.
    """
    return max(student(errors * (BLOCKS * len(series) - 1), 3.0) / SIGNIFICANT, 1.0)


def exchange_error(series: Sequence[ResponseSeries], temperature: Array | float, degrees: Array | float) -> Array:
    """Return the standard error of a temperature, K, of f degrees of freedom that exchange energy within `EXCHANGE`.

    The energy of a harmonic mode has the variance (k_B T)², of which its mean kinetic energy over a few periods has a
    quarter: a relative variance of the temperature of 1/f for every exchange time.
    """
    times = max(sum(len(run) * run.timestep for run in series) / EXCHANGE, 1.0)
    return np.asarray(temperature / np.sqrt(np.maximum(degrees, 1) * times))


def _error_of_slow_exchange(series: Sequence[ResponseSeries], temperature: Array) -> Array:
    """Return the standard errors, K, that short runs do not show: by `exchange_error` and the scatter of molecules.

    The one is for energy that molecules pass to each other before all their motions share it, as liquids do, the other
    for energy that stays in a molecule.
    """
    lengths = np.array([len(run) for run in series])
    error = np.zeros(len(temperature))
    if all(run.species_scatter is not None for run in series):
        scatter = np.array([run.species_scatter for run in series], dtype=float)
        error = np.fmax(error, np.sqrt(np.square(lengths[:, None] * scatter).sum(axis=0)) / lengths.sum())
    degrees = series[0].freedom
    return error if degrees is None else np.fmax(error, exchange_error(series, temperature, degrees))


def _worst_pair(temperature: Array, error: Array) -> tuple[int, int, float] | None:
    """Return the two species that differ most, with the number of standard errors; None if none do significantly."""
    found = None
    for a, b in combinations(np.flatnonzero(temperature > 0), 2):
        difference = abs(temperature[a] - temperature[b])
        sigmas = difference / max(np.hypot(error[a], error[b]), 1e-12)
        large = difference > LARGEST_DIFFERENCE * temperature[[a, b]].mean()
        if large and sigmas > SIGNIFICANT and (found is None or sigmas > found[2]):
            found = int(a), int(b), float(sigmas)
    return found


def _cause(series: Sequence[ResponseSeries], frames: Sequence[Array], error: Array, a: int, b: int) -> str:
    """Return the first thing that would mend the temperatures, in words."""
    temperature = np.concatenate(frames).mean(axis=0)
    moving = temperature > 0
    for words, factors in _remedies(series[0]):
        # A remedy scales the temperatures; their common factor does not matter here.
        scaled = temperature * factors
        spread = np.ptp(np.log(scaled[moving])) / np.ptp(np.log(temperature[moving]))
        if spread < MENDED or _worst_pair(scaled, error * factors) is None:
            return words
    parts = [np.array_split(of_run, BLOCKS) for of_run in frames]
    first, last = (np.mean([of_run[k].mean(axis=0) for of_run in parts], axis=0) for k in (0, -1))
    if abs(last[a] - last[b]) < SETTLING * abs(first[a] - first[b]):
        return "the difference decreases: the run is not in equilibrium at first, leave its beginning out with --frames"
    return "a thermostat does not act on all atoms alike, or heats some of them"


def _remedies(run: ResponseSeries) -> Iterator[tuple[str, Array]]:
    """Yield what may be wrong, in words, with the factors by which it would change the temperature of each species.

    T = Σ m v²/(f k_B), so that another count of degrees of freedom changes it by f/f', another mass by m'/m, and
    velocities that are off by a factor m^x by m^(-2x).
    """
    if run.freedom is not None:
        for name, degrees in run.freedom_otherwise.items():
            yield f"with --constraints {name} they would agree", run.freedom / np.where(degrees > 0, degrees, np.inf)
    if (masses := run.species_mass) is None:
        return
    hydrogen = np.array([number == 1 for number in numbers_of(run.velocity_species)])
    isotopes = {name: ISOTOPES[name][1] for name in "DT"}  # with which a run may have been made
    for name, mass in {**isotopes, "H": float(masses_of([1])[0])}.items():
        if hydrogen.any() and not np.isclose(masses[hydrogen], mass, rtol=0.05).any():
            words = f"they would agree if the hydrogen was {name}: give --mass H={mass:.4g}"
            yield words, np.where(hydrogen, mass / masses, 1)
    for words, power in (
        ("the velocities are momenta: divide them by the masses", 1.0),
        ("the velocities are mass-weighted, or belong to atoms in another order", 0.5),
        ("the velocities were divided by the masses once too often", -1.0),
    ):
        yield words, (masses / masses.mean()) ** (-2 * power)
