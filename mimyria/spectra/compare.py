"""Reading spectra back from text files, and comparing them: similarity, difference and band maxima."""

from __future__ import annotations

import csv
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mimyria.config import is_number
from mimyria.errors import SpectrumError
from mimyria.frame import Array
from mimyria.spectra.spectrum import WAVENUMBER, Spectrum

log = logging.getLogger("mimyria")

LEAST_SIMILARITY = 0.05


def read_table(path: Path) -> Spectrum:
    """Return the columns of a text file: ours, or any with the wavenumber (cm⁻¹) first; rows in any order.

    ``#`` lines are comments, of which those of the form ``# name: value`` are kept as its header; columns are
    separated by commas or white space, a line of names may come first.

    Raises
    ------
    SpectrumError
        If the file is not there, has no two columns of numbers, or a line does not fit.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpectrumError(f"{path} cannot be read: {error}") from error
    numbered = [
        (k, line) for k, line in enumerate(text.splitlines(), 1) if line.strip() and line.strip()[0] not in "#;"
    ]
    if not numbered:
        raise SpectrumError(f"{path} has no rows")
    comma = "," in numbered[0][1]
    cells = [(k, _cells(line, comma)) for k, line in numbered]
    names = None if is_number(cells[0][1][0]) else cells.pop(0)[1]
    rows = []
    for k, row in cells:
        try:
            rows.append([float(cell) for cell in row])
        except ValueError:
            raise SpectrumError(f"{path}, line {k}: not a row of numbers") from None
        if len(row) != len(rows[0]):
            raise SpectrumError(f"{path}, line {k}: {len(row)} columns, the rows before have {len(rows[0])}")
    if not rows or len(rows[0]) < 2:
        raise SpectrumError(f"{path} needs at least two columns of numbers, the wavenumber (cm⁻¹) and an intensity")
    if names is None:
        names = [WAVENUMBER, *(f"column_{k}" for k in range(2, len(rows[0]) + 1))]
    if len(names) != len(rows[0]):
        raise SpectrumError(f"{path}: {len(names)} column names for {len(rows[0])} columns")
    table = np.array(rows)
    table = table[np.argsort(table[:, 0], kind="stable")]
    return Spectrum("table", dict(zip([WAVENUMBER, *names[1:]], table.T, strict=True)), _header(text))


def _header(text: str) -> dict[str, str]:
    remarks = [line[1:].split(":", 1) for line in text.splitlines() if line.startswith("#") and ":" in line]
    return {name.strip(): value.strip() for name, value in remarks}


def _cells(line: str, comma: bool) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line]))] if comma else line.split()


def column(spectrum: Spectrum, name: str | None, origin: Path) -> Array:
    """Return a column by name; without one, the first after the wavenumber."""
    names = list(spectrum.columns)[1:]
    if name is not None and name not in names:
        raise SpectrumError(f"{origin} has no column {name}; it has {', '.join(names)}")
    return spectrum.columns[name or names[0]]


def error_of(spectrum: Spectrum, name: str | None) -> Array | None:
    """Return the standard error that belongs to a column, or None where the file has none."""
    return spectrum.columns.get(error_name(name or list(spectrum.columns)[1]))


def error_name(name: str) -> str:
    """Return the name of the column with the standard error of another."""
    return f"{name.removesuffix('_cm-1')}_error"


Curve = tuple[Array, Array, Array | None]
"""Wavenumbers (cm⁻¹, ascending), intensities, and their standard errors or None."""


def on_one_grid(first: Curve, second: Curve, low: float, high: float) -> tuple[Array, Array, Array, Array | None]:
    """Return wavenumbers, both intensities there, and the standard error σ of their difference.

    Both are interpolated linearly onto the points of the finer one; the range is cut to where both have values. A curve
    without errors counts as exact, two such give no σ. What is not a number is interpolated over.

    Parameters
    ----------
    first, second
        The curves.
    low, high
        Range, cm⁻¹.
    """
    curves = [(x[np.isfinite(y)], y[np.isfinite(y)]) for x, y, _ in (first, second)]
    if any(len(x) < 2 for x, _ in curves):
        raise SpectrumError("a spectrum has fewer than two points with a value")
    low = max(low, *(x[0] for x, _ in curves))
    high = min(high, *(x[-1] for x, _ in curves))
    inside = [x[(x >= low) & (x <= high)] for x, _ in curves]
    grid = max(inside, key=len)
    if low >= high or len(grid) < 2:
        raise SpectrumError(f"the spectra have no range in common between {low:g} and {high:g} cm⁻¹")
    a, b = (np.interp(grid, x, y) for x, y in curves)
    known = [(x, error, np.isfinite(error)) for x, _, error in (first, second) if error is not None]
    errors = [np.interp(grid, x[there], error[there]) for x, error, there in known if there.any()]
    spread = np.sqrt(sum(error**2 for error in errors)) if errors else None
    return grid, a, b, spread


def similarity(first: Curve, second: Curve, low: float = 0.0, high: float = np.inf) -> dict[str, float]:
    """Return how alike two spectra are over a common range: score and 1 - score.

    score(A, B) = Σ|A - B| / Σ|A + B|

    ``floor`` is the score that two measurements of the same spectrum have on average, for their standard errors σ:
    √(2/π) Σ √(σ_A² + σ_B²) / Σ|A + B|; see `on_one_grid`.
    """
    grid, a, b, spread = on_one_grid(first, second, low, high)
    both = float(abs(a + b).sum())
    if not both:
        raise SpectrumError("both spectra are zero over the whole range")
    score = float(abs(a - b).sum()) / both
    report = {"similarity": 1 - score, "score": score}
    if spread is not None:
        report["floor"] = float(np.sqrt(2 / np.pi) * spread.sum()) / both
    return {**report, "low_cm-1": float(grid[0]), "high_cm-1": float(grid[-1]), "points": len(grid)}


def difference(first: Curve, second: Curve, name: str, low: float = 0.0, high: float = np.inf) -> Spectrum:
    """Return A - B under a name and, where one of them has a standard error, √(σ_A² + σ_B²); see `on_one_grid`."""
    grid, a, b, spread = on_one_grid(first, second, low, high)
    columns = {WAVENUMBER: grid, name: a - b}
    if spread is not None:
        columns[error_name(name)] = spread
    return Spectrum("difference", columns)


def warn_if_unlike(report: dict[str, float], remedy: str = "") -> None:
    """Warn, with a remedy, where the similarity that a report tells is that of different units."""
    if report["similarity"] < LEAST_SIMILARITY:
        log.warning(f"the two have next to nothing in common: are their units the same (10³ cm⁻¹, cm⁻¹)?{remedy}")


def warn_if_of_different_kinds(spectra: Sequence[Spectrum], names: Sequence[str]) -> None:
    """Warn where two spectra of ours, whose named columns are compared, are of different quantities or resolution."""
    ours = all("resolution" in one.header for one in spectra)
    if ours and names[0] != names[1]:
        log.warning(f"different quantities are compared, {names[0]} with {names[1]}: --column names the one for both")
    resolutions = [str(one.header.get("resolution", "")).split("(")[0].strip() for one in spectra]
    if ours and resolutions[0] != resolutions[1]:
        log.warning(
            f"the resolutions differ ({' and '.join(resolutions)}), and with them heights and widths of the bands: "
            "make both with the same --resolution"
        )


def band_maximum(wavenumber: Array, intensity: Array, low: float, high: float) -> tuple[float, float]:
    """Return position (cm⁻¹) and height of the largest value in a range, by a parabola through its top.

    NaN where the range holds no points.
    """
    inside = np.flatnonzero((wavenumber >= low) & (wavenumber <= high) & np.isfinite(intensity))
    if not len(inside):
        return float("nan"), float("nan")
    top = int(inside[np.argmax(intensity[inside])])
    if top in (inside[0], inside[-1]):
        return float(wavenumber[top]), float(intensity[top])
    left, middle, right = (float(value) for value in intensity[top - 1 : top + 2])
    curvature = left - 2 * middle + right
    shift = 0.5 * (left - right) / curvature if curvature else 0.0
    spacing = float(wavenumber[top + 1] - wavenumber[top])
    return float(wavenumber[top]) + shift * spacing, middle - 0.25 * (left - right) * shift
