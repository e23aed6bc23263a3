"""Comparing spectra: similarity, difference and band maxima."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mimyria.config import File
from mimyria.errors import SpectrumError
from mimyria.frame import Array
from mimyria.memory import require_distinct
from mimyria.settings import CompareSettings
from mimyria.spectra.remade import error_of_difference, of_same_frames, with_replicates
from mimyria.spectra.spectrum import LEVEL, WAVENUMBER, Curve, Spectrum, column_name, read_spectrum, write_csv
from mimyria.statistics.student import c4, of_the_larger, of_the_sum

log = logging.getLogger("mimyria")

LEAST_SIMILARITY = 0.05


@dataclass(frozen=True)
class Similarity:
    """How alike two spectra are over a common range, see `similarity`."""

    similarity: float
    score: float
    """1 - score, and the score."""
    low: float
    high: float
    points: int
    """The range, cm⁻¹, and how many wavenumbers are in it."""
    floor: float | None = None
    """Score that two measurements of one spectrum would have on average; None where no error is known."""
    paired: bool = False
    """Whether the floor is that of two along the same frames, which share most of their noise."""

    def __str__(self) -> str:
        text = f"similarity {self.similarity:.4f} (score {self.score:.4f}) from {self.low:.0f} to {self.high:.0f} cm⁻¹"
        if self.floor is None:
            return text
        what = "along the same frames, two alike spectra with such differences between blocks"
        what = what if self.paired else "two measurements of one spectrum with these errors"
        return f"{text}\n{what} would score {self.floor:.4f}"

    def as_dict(self) -> dict[str, float]:
        """Return the numbers by name, as JSON has them; without a floor where it is not known."""
        floor = {} if self.floor is None else {"floor": self.floor}
        ends = {"low_cm-1": self.low, "high_cm-1": self.high}
        paired = {"paired": True} if self.paired else {}
        return {"similarity": self.similarity, "score": self.score, **floor, **ends, "points": self.points, **paired}


def compare(
    first: Spectrum | File,
    second: Spectrum | File,
    *,
    column: str | None = None,
    range: tuple[float, float] = (0.0, np.inf),
    scale: float = 1.0,
    difference: File | None = None,
) -> Similarity:
    """Return how alike two spectra are, 1 - Σ|A - B| / Σ|A + B|, after warning of what speaks against comparing them.

    Parameters
    ----------
    first, second
        Spectra, or their files as `read_spectrum` takes them.
    column
        Name of the column; None for the first after the wavenumber of each.
    range
        Lowest and highest wavenumber, cm⁻¹.
    scale
        What the second is multiplied with.
    difference
        File to write first - scale·second to, with its standard error.

    Returns
    -------
    Similarity
        Pure numbers, and the range in cm⁻¹.

    Raises
    ------
    SpectrumError
        If a file cannot be read, has no such column, or the two have no range in common.
    ConfigError
        If the scale or the range is none, or the difference would be written over one of the two.
    """
    asked = CompareSettings(column=column, range=range, scale=scale)
    tables = [given if isinstance(given, Spectrum) else read_spectrum(given) for given in (first, second)]
    paired = of_same_frames(*tables)
    if paired:
        tables = list(map(with_replicates, tables))
    for table, said in {table.origin: table.remark(column) for table in tables}.items():
        if said:
            log.info(f"{table}: {said}")
    curves = [tables[0].curve(column), tables[1].curve(column, asked.scale)]
    names = [column or list(table.columns)[1] for table in tables]
    for one, other in (tables, tables[::-1]):
        if (told := one.measured(column)) and not other.columns.keys() & {told, f"{told}_s", f"{told}_p"}:
            raise SpectrumError(f"{one.origin} is {told}, and no absorption: `mimyria optics` makes n·α of it")
    warn_if_of_different_kinds(tables, names)
    shared = error_of_difference(tables[0], tables[1], (names[0], names[1]), asked.scale) if paired else None
    if paired and shared is None:
        log.info("both are of the same frames, but not of the same blocks of them with series.h5: errors add up")
    freedoms = [table.freedoms for table in tables]
    result = similarity(curves[0], curves[1], *asked.range, freedoms=freedoms, shared=shared)
    warn_if_unlike(result, " see --scale")
    if difference is not None:
        out = Path(difference)
        spectra = [Path(table.origin) for table in tables if table.origin]
        require_distinct(out, spectra, "one of the two spectra", "--difference")
        origins = [table.origin or table.kind for table in tables]
        made = subtract(curves[0], curves[1], names[0], *asked.range, shared=shared)
        header = {names[0]: f"{origins[0]} - {asked.scale:g} × {origins[1]}"}
        write_csv(out, replace(made, header=header, units=tables[0].units))
    return result


def on_one_grid(first: Curve, second: Curve, low: float, high: float) -> tuple[Array, Array, Array, list[Array | None]]:
    """Return wavenumbers, both intensities there, and the standard errors of both.

    Both are interpolated linearly onto the points of the finer one; the range is cut to where both have values. A curve
    without errors has none. What is not a number is interpolated over.
    """
    curves = [(x[np.isfinite(y)], y[np.isfinite(y)]) for x, y, _ in (first, second)]
    if any(len(x) < 2 for x, _ in curves):
        raise SpectrumError("a spectrum has fewer than two points with a value")
    reached = [f"{x[0]:g} to {x[-1]:g}" for x, _ in curves]
    asked = f" between {low:g} and {high:g} cm⁻¹" if np.isfinite([low, high]).all() else ""
    low = max(low, *(x[0] for x, _ in curves))
    high = min(high, *(x[-1] for x, _ in curves))
    inside = [x[(x >= low) & (x <= high)] for x, _ in curves]
    grid = max(inside, key=len)
    if low >= high or len(grid) < 2:
        raise SpectrumError(f"the spectra, {' and '.join(reached)} cm⁻¹, have no range in common{asked}")
    a, b = (np.interp(grid, x, y) for x, y in curves)
    return grid, a, b, [_on_grid(grid, x, error) for x, _, error in (first, second)]


def _on_grid(grid: Array, wavenumber: Array, error: Array | None) -> Array | None:
    """Return the standard error at the points of a grid, None where none is a number."""
    if error is None or not np.isfinite(error).any():
        return None
    return np.interp(grid, wavenumber[np.isfinite(error)], error[np.isfinite(error)])


def similarity(
    first: Curve,
    second: Curve,
    low: float = 0.0,
    high: float = np.inf,
    *,
    freedoms: Sequence[Sequence[int]] = ((), ()),
    shared: tuple[Array, Array] | None = None,
) -> Similarity:
    """Return how alike two curves are over a common range: score and 1 - score.

    score(A, B) = Σ|A - B| δν / Σ|A + B| δν

    with the distance δν of the points of the grid, so that a table does not count more where it is denser.

    ``floor`` is the score that two measurements of the same spectrum have on average, for their standard errors s:
    √(2/π) Σ √(s_A² + s_B²) δν / [c4 Σ|A + B| δν]. As errors from few blocks are on average too small by c4, their
    ``freedoms``, degrees of freedom (`Spectrum.freedoms`), are needed; without, errors count as exact. If the two are
    of the same frames, ``shared`` are wavenumbers and standard error of A - B, see `error_of_difference`.
    """
    grid, a, b, errors = on_one_grid(first, second, low, high)
    spacing = np.gradient(grid)
    both = float(abs(a + b) @ spacing)
    if not both:
        raise SpectrumError("both spectra are zero over the whole range")
    score = float(abs(a - b) @ spacing) / both
    if shared is not None:
        errors = [_on_grid(grid, *shared)]
    noise = _mean_difference(errors, freedoms, spacing)
    floor = None if noise is None else noise / both
    return Similarity(1 - score, score, float(grid[0]), float(grid[-1]), len(grid), floor, shared is not None)


def _mean_difference(errors: Sequence[Array | None], freedoms: Sequence[Sequence[int]], spacing: Array) -> float | None:
    """Return ⟨Σ|A - B| δν⟩ of two measurements of one spectrum with given errors; None if none is known."""
    squares, numbers = [], []
    for error, of_error in zip(errors, freedoms, strict=False):
        if error is not None:
            too_large, number = of_the_larger(of_error)
            squares.append(error**2 / too_large)
            numbers.append(number)
    if not squares:
        return None
    number = of_the_sum([float(each @ spacing) for each in squares], numbers)
    return float(np.sqrt(2 / np.pi) * (np.sqrt(sum(squares)) @ spacing)) / c4(number + 1)


def subtract(
    first: Curve,
    second: Curve,
    name: str,
    low: float = 0.0,
    high: float = np.inf,
    *,
    shared: tuple[Array, Array] | None = None,
) -> Spectrum:
    """Return A - B under a name and, where one of them has a standard error, √(s_A² + s_B²), or the ``shared`` one."""
    grid, a, b, errors = on_one_grid(first, second, low, high)
    if shared is not None:
        errors = [_on_grid(grid, *shared)]
    columns = {WAVENUMBER: grid, name: a - b}
    if squares := [error**2 for error in errors if error is not None]:
        columns[column_name(name)] = np.sqrt(sum(squares))
    return Spectrum("difference", columns)


def warn_if_unlike(result: Similarity, remedy: str = "") -> None:
    """Warn, with a remedy, where a similarity is that of different units."""
    if result.similarity < LEAST_SIMILARITY:
        log.warning(f"the two have next to nothing in common: are their units the same (10³ cm⁻¹, cm⁻¹)?{remedy}")


def warn_if_of_different_kinds(spectra: Sequence[Spectrum], names: Sequence[str]) -> None:
    """Warn where two spectra of ours are of different quantities (the named columns), levels or resolution."""
    ours = all("resolution" in spectrum.header for spectrum in spectra)
    if ours and names[0] != names[1]:
        log.warning(f"different quantities are compared, {names[0]} with {names[1]}: --column names the one for both")
    for key in (key for key in spectra[0].header if key.startswith(LEVEL)):
        levels = [spectrum.header.get(key, "") for spectrum in spectra]
        if all(levels) and levels[0] != levels[1]:
            log.warning(
                f"the {key.removeprefix(LEVEL).upper()} are of different levels of theory: {' and '.join(levels)}"
            )
    resolutions = [spectrum.header.get("resolution", "").split("(")[0].strip() for spectrum in spectra]
    if ours and resolutions[0] != resolutions[1]:
        log.warning(
            f"the resolutions differ ({' and '.join(resolutions)}), and with them heights and widths of the bands: "
            "make both with the same --resolution"
        )
