"""Bands: what a spectrum says in numbers for print, with errors: integral, centre, maximum, height and width.

    integral = ∫ I dν          centre = ∫ ν I dν / ∫ I dν          both over the range of the band

    maximum, height: of the parabola that fits the top of the band best, all points above three quarters of the height
    width: between the points where the intensity has fallen to half of the height, left and right of the maximum
    depolarisation ratio = ∫ I_VH dν / ∫ I_VV dν, of scattered light, without the bias of a ratio

Each is computed from the spectrum of all frames, and again from every jackknife replicate, which gives its error. (The
largest single value would jump from one noise peak to the next, and its error could not be told so.) That
is what pointwise errors cannot give: neighbouring points of a spectrum fluctuate together. The errors stated contain
the true value in 68 % of all cases, ``error_95`` in 95 %, by Student's t where the blocks are few.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from mimyria.errors import SpectrumError
from mimyria.frame import Array
from mimyria.memory import write_text
from mimyria.spectra.spectrum import Spectrum

log = logging.getLogger("mimyria")

QUANTITIES = ("integral", "centre", "maximum", "height", "width")
LEAST_PROMINENCE = 0.04
"""A band rises above both of its valleys by this part of the highest value, or it belongs to its neighbour."""
FOOT = 0.02
"""A band ends where the intensity has fallen to this part of its height, or in the valley before the next."""
SIGNIFICANT = 3.0
"""And by so many standard errors."""
POOLED = 120.0
"""cm⁻¹, over which errors of single points are pooled, as few blocks do not tell each of them."""
PLAIN_POWER, MOST_DIGITS = 5, 6
"""Numbers below 10⁵ and above 10⁻⁵ are written without a power of ten, and with at most six decimals."""
CROSSED = ("VH", "HV")
TOP = 0.75
"""Points above this part of the largest value, next to it, are the top of a band."""
SHOWN = {"ir": ("n_alpha_cm-1",), "raman": ("VV", "VH"), "vdos": ("vdos",), "hyper_raman": ("VV", "HV")}
"""Columns whose bands are listed of every run, by kind."""


@dataclass(frozen=True)
class Measured:
    """A number and its error, NaN where it is not known."""

    value: float
    error: float
    error_95: float = float("nan")
    """The interval of 95 %: two errors for many blocks, more for few."""

    def __str__(self) -> str:
        """Return value ± error with two digits of the error; large numbers as (1.23 ± 0.04)e6."""
        if not np.isfinite(self.value):
            return "-"
        if not (np.isfinite(self.error) and self.error > 0):
            return f"{self.value:.5g}"
        power = int(np.floor(np.log10(max(abs(self.value), self.error))))
        power = 0 if abs(power) < PLAIN_POWER else power
        value, error = self.value / 10.0**power, self.error / 10.0**power
        digits = int(np.clip(1 - np.floor(np.log10(error)), 0, MOST_DIGITS))
        text = f"{value:.{digits}f} ± {error:.{digits}f}"
        return f"({text})e{power}" if power else text

    def minus(self, other: Measured) -> Measured:
        """Return the difference to an independent number."""
        return Measured(self.value - other.value, float(np.hypot(self.error, other.error)))

    def times(self, factor: float) -> Measured:
        """Return it in another unit."""
        return Measured(self.value * factor, self.error * factor, self.error_95 * factor)


@dataclass(frozen=True)
class Band:
    """A band of one column: its range, and what is measured in it; cm⁻¹ and the unit of the column."""

    column: str
    low: float
    high: float
    integral: Measured
    centre: Measured
    maximum: Measured
    height: Measured
    width: Measured
    depolarisation_ratio: Measured | None = None
    """Of the bands of VV."""

    def as_dict(self) -> dict[str, object]:
        """Return the numbers by name, as JSON has them: None where one is not known."""
        return {name: known_numbers(value) for name, value in asdict(self).items() if value is not None}


def measure_bands(
    spectrum: Spectrum, column: str | None = None, ranges: Sequence[tuple[float, float]] = ()
) -> list[Band]:
    """Return the bands of a column in given ranges, cm⁻¹, or those that are found.

    Errors need the replicates of a spectrum that was made here; one that was read from a file has none. In one of
    a run too short for errors none are found: a band is `SIGNIFICANT` errors high, and there an error is some 0.3 of
    the intensity.

    Raises
    ------
    SpectrumError
        If there is no such column, or a range holds fewer than three of its points.
    """
    name = column or list(spectrum.columns)[1]
    values = spectrum.values(name)
    wavenumber = spectrum.wavenumber
    lines = spectrum.lines.get(name, values[None])
    crossed = next((other for other in CROSSED if name == "VV" and other in spectrum.columns), None)
    if not ranges:
        ranges = [] if spectrum.lacks_errors else find_bands(wavenumber, values, spectrum.error(name))
    bands = []
    for low, high in ranges:
        if np.count_nonzero((wavenumber >= low) & (wavenumber <= high) & np.isfinite(values)) < 3:
            raise SpectrumError(
                f"{spectrum.origin or spectrum.kind}: fewer than three points of {name} from {low:g} to {high:g} "
                f"cm⁻¹; it goes from {wavenumber[0]:g} to {wavenumber[-1]:g}"
            )
        top = _top(wavenumber, values, low, high)
        found = np.array([_measure(wavenumber, line, low, high, top) for line in lines])
        measured = {quantity: _measured(spectrum, values) for quantity, values in zip(QUANTITIES, found.T, strict=True)}
        ratio = None
        if crossed is not None:
            others = spectrum.lines.get(crossed, spectrum.values(crossed)[None])
            both = [[integrate_band(wavenumber, line, low, high) for line in of_one] for of_one in (others, lines)]
            ratio = _measured(spectrum, np.divide(*map(np.array, both)), unbiased=True)
        bands.append(Band(name, float(low), float(high), **measured, depolarisation_ratio=ratio))
    return bands


def find_bands(wavenumber: Array, values: Array, error: Array | None = None) -> list[tuple[float, float]]:
    """Return the ranges, cm⁻¹, of the bands of a spectrum (n,): between the valleys beside its prominent maxima.

    Maxima that rise above their valleys by less than `SIGNIFICANT` of the standard errors (n,), where known, or by
    less than `LEAST_PROMINENCE` are no bands of their own.
    """
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 3:
        return []
    nu, intensity = wavenumber[known], values[known]
    noise = np.zeros(len(nu)) if error is None else _pooled(nu, intensity, np.nan_to_num(error[known])) * np.sqrt(2)
    least = np.maximum(LEAST_PROMINENCE * float(intensity.max()), SIGNIFICANT * noise)
    peaks = prominent_maxima(intensity, least)
    ranges = []
    edges = [0, *peaks, len(nu) - 1]
    for before, peak, after in zip(edges[:-2], edges[1:-1], edges[2:], strict=True):
        left = before + int(np.argmin(intensity[before : peak + 1]))
        right = peak + int(np.argmin(intensity[peak : after + 1]))
        high = np.flatnonzero(intensity[left : right + 1] > FOOT * intensity[peak]) + left
        ranges.append((float(nu[max(high[0] - 1, left)]), float(nu[min(high[-1] + 1, right)])))
    return ranges


def prominent_maxima(values: Array, least: Array) -> Array:
    """Return the places of the maxima of values (n,) that rise by ``least`` (n,) or more above their valleys.

    The valleys are the lowest points between the maximum and what is higher on either side, or the end; the higher of
    both counts. Of several equal values side by side the middle one is the maximum; the ends are none.
    """
    first = np.flatnonzero(np.diff(values, prepend=np.nan) != 0)  # of every run of equal values
    rises = np.diff(values[first]) > 0
    tops = np.flatnonzero(rises[:-1] & ~rises[1:]) + 1
    found = []
    for place in (first[tops] + first[tops + 1] - 1) // 2:
        higher = np.flatnonzero(values > values[place])
        left, right = np.split(higher, [np.searchsorted(higher, place)])
        start, stop = left[-1] if left.size else 0, right[0] + 1 if right.size else len(values)
        valley = max(values[start : place + 1].min(), values[place:stop].min())
        if values[place] - valley >= least[place]:
            found.append(place)
    return np.array(found, dtype=int)


def _pooled(wavenumber: Array, intensity: Array, error: Array) -> Array:
    """Return the standard errors of points (n,), in relation to the intensity those of a range of `POOLED` around them.

    σ = |I| √(Σ s² / Σ I²), but no less than s/2: errors of single points, from few blocks, are by chance far too small
    for some points, and for others too large, though rarely by two.
    """
    points = max(int(POOLED * (len(wavenumber) - 1) / (wavenumber[-1] - wavenumber[0])), 1)
    around = (points // 2, points - 1 - points // 2)  # mirrored at the ends
    squares, powers = (
        np.convolve(np.pad(values**2, around, "symmetric"), np.full(points, 1 / points), "valid")
        for values in (error, intensity)
    )
    relative = np.sqrt(np.divide(squares, powers, out=np.zeros_like(powers), where=powers > 0))
    return np.maximum(abs(intensity) * relative, error / 2)


def band_table(bands: Sequence[Band]) -> str:
    """Return the bands as a table of text, in cm⁻¹ and the unit of the column."""
    shown = [*QUANTITIES, *(["depolarisation_ratio"] if any(band.depolarisation_ratio for band in bands) else [])]
    titles = ["column", "range", *shown]
    rows = [
        [band.column, f"{band.low:.0f}-{band.high:.0f}", *(str(getattr(band, name) or "-") for name in shown)]
        for band in bands
    ]
    return text_table(titles, rows)


def text_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return columns side by side, each as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    lines = ([cell.rjust(width) for cell, width in zip(row, widths, strict=True)] for row in [titles, *rows])
    return "\n".join(map("  ".join, lines))


def known_numbers(value: object) -> object:
    """Return a value, or a mapping of values, as JSON has it: None in place of a number that is not known."""
    if isinstance(value, Mapping):
        return {name: known_numbers(each) for name, each in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value


def write_bands(path: Path, spectra: Mapping[str, Spectrum]) -> None:
    """Write the bands of the `SHOWN` columns of spectra as JSON, by kind, and log those of each."""
    written = {}
    for kind in filter(SHOWN.__contains__, spectra):
        found = [band for column in SHOWN[kind] for band in measure_bands(spectra[kind], column)]
        written[kind] = [band.as_dict() for band in found]
        if found:
            log.info(f"{kind}, cm⁻¹:\n{band_table(found)}")
    say_why_no_bands(spectra.values())
    write_text(path, json.dumps(written, indent=1))


def say_why_no_bands(spectra: Iterable[Spectrum]) -> None:
    """Log that bands are not looked for, if they are not."""
    if any(spectrum.lacks_errors for spectrum in spectra):
        log.info(
            "no bands are listed: fewer than two blocks tell no errors, and without these noise looks like bands; give "
            "ranges to `mimyria bands`"
        )


def _measured(spectrum: Spectrum, values: Array, *, unbiased: bool = False) -> Measured:
    """Return a quantity from its values (1 + replicates,)."""
    if len(values) == 1:
        return Measured(float(values[0]), float("nan"))
    known = spectrum.replicates
    value = known.unbiased(values) if unbiased else values[0]
    return Measured(float(value), float(known.interval(values)), float(known.interval(values, 2.0)))


def _top(wavenumber: Array, intensity: Array, low: float, high: float) -> Array:
    """Return the indices of the top of a band: from the first to the last point above `TOP` of the largest value."""
    inside = np.flatnonzero((wavenumber >= low) & (wavenumber <= high) & np.isfinite(intensity))
    place = int(np.argmax(intensity[inside]))
    high_points = np.flatnonzero(intensity[inside] > TOP * intensity[inside[place]])
    left, right = min(high_points[0], max(place - 1, 0)), max(high_points[-1] + 1, place + 2)
    return inside[left:right]  # three points at least, unless the maximum is at an end


def _measure(wavenumber: Array, intensity: Array, low: float, high: float, top: Array) -> tuple[float, ...]:
    """Return the `QUANTITIES` of one line in a range; ``top`` are the indices of its highest points."""
    grid, values = _cut(wavenumber, intensity, low, high)
    integral = float(np.trapezoid(values, grid))
    centre = float(np.trapezoid(grid * values, grid)) / integral if integral else np.nan
    maximum, height = _vertex(wavenumber[top], intensity[top])
    place = int(np.argmin(abs(grid - maximum)))
    left = _crossing(grid[place::-1], values[place::-1], height / 2)
    right = _crossing(grid[place:], values[place:], height / 2)
    return integral, centre, maximum, height, right - left


def integrate_band(wavenumber: Array, intensity: Array, low: float, high: float) -> float:
    """Return ∫ I dν over a range."""
    grid, values = _cut(wavenumber, intensity, low, high)
    return float(np.trapezoid(values, grid))


def _cut(wavenumber: Array, intensity: Array, low: float, high: float) -> tuple[Array, Array]:
    """Return the part of a line in a range, with its ends interpolated; what is not a number is left out."""
    known = np.isfinite(intensity)
    nu, line = wavenumber[known], intensity[known]
    ends = np.clip([low, high], nu[0], nu[-1])
    grid = np.concatenate([ends[:1], nu[(nu > ends[0]) & (nu < ends[1])], ends[1:]])
    return grid, np.interp(grid, nu, line)


def _vertex(x: Array, y: Array) -> tuple[float, float]:
    """Return the vertex of the parabola that fits points best; the highest point where that is not among them."""
    if len(x) >= 3:
        middle, half = (x[0] + x[-1]) / 2, (x[-1] - x[0]) / 2
        curvature, slope, level = np.polyfit((x - middle) / half, y, 2)
        if curvature < 0 and abs(slope) <= -2 * curvature:
            return float(middle - half * slope / (2 * curvature)), float(level - slope**2 / (4 * curvature))
    return float(x[np.argmax(y)]), float(np.max(y))


def _crossing(grid: Array, values: Array, level: float) -> float:
    """Return where the values first fall below a level; NaN if they do not."""
    below = np.flatnonzero(values < level)
    if not len(below) or below[0] == 0:
        return float("nan")
    place = int(below[0])
    (x0, y0), (x1, y1) = ((grid[k], values[k]) for k in (place - 1, place))
    return float(x0 + (level - y0) * (x1 - x0) / (y1 - y0))
