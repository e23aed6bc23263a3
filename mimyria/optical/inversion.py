"""The way back from what an instrument shows of a sample, its ATR, reflectance or film, to n, κ and n·α.

n and κ are two functions, measured is one; Kramers and Kronig give the other (κ of the whole spectrum, n∞ by an index
that is known at one wavenumber):

    n(ν) = n∞ + (2/π) P∫ ν' κ(ν')/(ν'² - ν²) dν'

ATR and films follow κ, so that each point gives a better κ for the n of the step before, which gives the next n (J. E.
Bertie and H. H. Eysel, Appl. Spectrosc. 39, 392 (1985)):

    κ ← κ + (A - A[n, κ]) / (∂A/∂κ)

Reflection follows n more than κ, but its phase follows from its modulus, for s-polarised light at any angle θ:

    r_s = -|r| e^{iφ},  φ(ν) = -(2ν/π) P∫ ln|r(ν')|/(ν'² - ν²) dν' + ν·const        q = cos θ (1 - r_s)/(1 + r_s)

and (n + iκ)² = q² + sin²θ. The constant stands for what lies above the measured range: φ vanishes where the index is
known and nothing absorbs. Unpolarised light near normal incidence is reflected as at normal incidence, up to order θ⁴.

Beyond the measured range κ (or R) is continued: as it is at the lower end, and κ as the tail of a band, ~ν⁻³, at the
upper. How much is decided below the range is stated as the error: the difference from κ = 0, or R of the known index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mimyria.choices import check_instruments
from mimyria.errors import ConfigError, SpectrumError
from mimyria.frame import Array
from mimyria.optical.dielectric import epsilon_real
from mimyria.optical.instruments import ATR, FILM, REFLECTANCE, Instruments, reflectances
from mimyria.rates.window import sine_shape

STEPS, CONVERGED = 600, 2e-5
"""Most steps, and the change of n and κ below which they end."""
LARGEST_STEP = 0.2
"""Of κ in one step."""
MIXED = 0.5
"""Part of the new n in each step."""
MOST_POINTS = 1 << 16
NORMAL = 15.0
"""Degrees up to which reflection is as at normal incidence."""
OFF = 0.2
"""A reflectance further from that of the known index, relatively, is on another scale."""


@dataclass(frozen=True)
class Instrument(Instruments):
    """How a spectrum was measured; one of three is given, and the light, ``s``, ``p`` or, unpolarised, neither."""

    light: str = ""

    def __post_init__(self) -> None:
        check_instruments(1.0, self.atr, self.film)
        if [self.atr, self.reflection, self.film].count(None) != 2:
            raise ConfigError("one of --atr, --reflection and --film must say how the spectrum was measured")
        if self.reflection is not None and self.light != "s" and (self.light or self.reflection > NORMAL):
            raise ConfigError(
                "a reflectance gives n and κ back if its light is s-polarised, or unpolarised at no more than "
                f"{NORMAL:g}°: see --light"
            )

    @property
    def quantity(self) -> str:
        """Name of the column of ours that is measured."""
        stem = ATR if self.atr is not None else REFLECTANCE if self.reflection is not None else FILM
        return f"{stem}_{self.light}" if self.light and stem != FILM else stem

    def shows(self, wavenumber: Array, n: Array, kappa: Array) -> Array:
        """Return what is measured of a sample with n and κ."""
        return self.lines(wavenumber, n, kappa)[self.quantity]


class _Measured(NamedTuple):
    """What was measured, on a grid from zero on, and what is known of the sample."""

    instrument: Instrument
    grid: Array
    inside: Array
    """Which points of the grid are in the measured range."""
    line: Array
    known: float
    """Refractive index of the sample at the anchor, cm⁻¹."""
    anchor: float
    place: str


def invert(
    instrument: Instrument, wavenumber: Array, measured: Array, index: float, at: float | None, place: str
) -> tuple[Array, dict[str, Array], dict[str, Array]]:
    """Return n, κ and what follows from them of a sample whose ATR, reflectance or film was measured.

    Parameters
    ----------
    wavenumber, measured
        Increasing wavenumbers (n,) in cm⁻¹, and what the instrument shows there.
    index, at
        Refractive index of the sample at a wavenumber (cm⁻¹) where it does not absorb; without it, the highest one.
    place
        The file, for messages.

    Returns
    -------
    tuple
        Wavenumbers in equal steps (cm⁻¹), columns as in ``ir.csv``, and their errors from the ends of the range.

    Raises
    ------
    ConfigError, SpectrumError
        If the index cannot be, there is too little or another quantity, or n and κ do not converge.
    """
    nu, reflected = wavenumber, instrument.reflection is not None
    if len(nu) < 8 or not np.median(np.diff(nu)) > 0:
        raise SpectrumError(f"{place}: {len(nu)} different wavenumbers are too few for n and κ")
    if reflected and not (measured.min() > 0 and measured.max() < 1):
        raise SpectrumError(
            f"{place}: a reflectance lies between 0 and 1, and not from {measured.min():.4g} to "
            f"{measured.max():.4g}: see --scale"
        )
    anchor = nu[-1] if at is None else at
    if not nu[0] <= anchor <= nu[-1]:
        raise ConfigError(f"--at {anchor:g}: {place} goes from {nu[0]:g} to {nu[-1]:g} cm⁻¹")
    points = min(int(np.ceil(nu[-1] / np.median(np.diff(nu)))), MOST_POINTS)
    grid = np.linspace(0, nu[-1], points + 1)
    inside = grid >= nu[0] - 1e-9 * nu[-1]
    solve = _from_reflectance if reflected else _from_absorbance
    on_grid = _Measured(instrument, grid, inside, np.interp(grid, nu, measured), index, anchor, place)
    found, other = (_all(grid, *solve(on_grid, continued=continued)) for continued in (True, False))
    lines = {key: value[inside] for key, value in found.items()}
    return grid[inside], lines, {key: abs(other[key][inside] - line) for key, line in lines.items()}


def _all(grid: Array, n: Array, kappa: Array) -> dict[str, Array]:
    """Return the columns that n and κ make."""
    square, normal = (n + 1j * kappa) ** 2, reflectances(n, kappa, 0.0)[0]
    alpha = 4 * np.pi * grid * kappa
    return {
        "n_alpha_cm-1": n * alpha,
        "epsilon_imag": square.imag,
        "epsilon_real": square.real,
        "n": n,
        "kappa": kappa,
        "alpha_cm-1": alpha,
        "reflectivity": normal,
    }


def _index(grid: Array, kappa: Array, index: float, anchor: float) -> Array:
    """Return n from κ by Kramers-Kronig, with the tail of the last band above the grid, and n = index at the anchor."""
    step = grid[1]
    above = grid[-1] + step * np.arange(1, len(grid))
    whole = np.concatenate([grid, above])
    tail = np.concatenate([kappa, kappa[-1] * (grid[-1] / above) ** 3])
    n = epsilon_real(whole, 2 * np.pi * whole * tail, 0.0)[: len(grid)]  # n - n∞ depends on κ as ε' - ε∞ on ε''
    return np.asarray(n + index - np.interp(anchor, grid, n))


def _from_absorbance(measured: _Measured, *, continued: bool) -> tuple[Array, Array]:
    """Return n and κ on the grid from an absorbance."""
    instrument, grid, inside, line, index, anchor, place = measured
    nu, wanted = grid[inside], line[inside]
    n, kappa = np.full(len(grid), index), np.zeros(len(grid))
    small = 1e-6
    for _ in range(STEPS):
        shown, more = (instrument.shows(nu, n[inside], kappa[inside] + delta) for delta in (0, small))
        with np.errstate(divide="ignore", invalid="ignore"):
            change = np.nan_to_num((wanted - shown) / (more - shown) * small)
        following = kappa.copy()
        following[inside] += np.clip(change, -LARGEST_STEP, LARGEST_STEP)
        following[~inside] = following[inside][0] if continued else 0.0
        before, n, kappa = n, n + MIXED * (_index(grid, following, index, anchor) - n), following
        if max(abs(change).max(), abs(n - before).max()) < CONVERGED:
            return n, kappa
    raise SpectrumError(
        f"{place}: no n and κ show this as {instrument.quantity}: is it on its scale, with the right angle, index "
        "and thickness? In ATR the index of the sample must stay well below that of the crystal times the angle's sine"
    )


def _from_reflectance(measured: _Measured, *, continued: bool) -> tuple[Array, Array]:
    """Return n and κ on the grid from a reflectance."""
    instrument, grid, inside, line, index, anchor, place = measured
    angle = np.radians(instrument.reflection or 0.0) if instrument.light else 0.0
    there = float(np.interp(anchor, grid, line))
    expected = float(reflectances(np.array([index]), np.zeros(1), np.degrees(angle))[0][0])
    if abs(there - expected) > OFF * expected:  # which an index of 1 makes zero
        raise SpectrumError(
            f"{place}: the reflectance at {anchor:g} cm⁻¹ is {there:.4g}, but {expected:.4g} with the index {index:g}: "
            "is it on the right scale, or does the sample absorb there?"
        )
    modulus = np.log(np.sqrt(np.where(inside | continued, line, expected)))
    phase = sine_shape(modulus - modulus[-1])  # a constant |r| adds nothing
    phase = phase - grid / anchor * np.interp(anchor, grid, phase)
    r = -np.exp(modulus + 1j * phase)
    root = np.sqrt((np.cos(angle) * (1 - r) / (1 + r)) ** 2 + np.sin(angle) ** 2)
    return root.real, root.imag
