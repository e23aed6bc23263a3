"""The difference of two runs, such as of two temperatures or concentrations: all their columns, in one table.

    Δ(ν) = A(ν) - s B(ν)          σ_Δ from the errors of both, which hold blocks and trajectories

The scale s is a number, or makes both refer to the same number of molecules X of a kind: of n·α, which is of a volume,
s = (N_X/V)_A / (N_X/V)_B, their concentrations; of Raman line shapes and the density of states, which are of the whole
cell, s = (N_X)_A / (N_X)_B. An isosbestic point is a zero of Δ between significant values of different sign.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from mimyria.errors import ConfigError, SpectrumError
from mimyria.frame import Array
from mimyria.settings import CompareSettings
from mimyria.spectra.bands import SHOWN, Measured
from mimyria.spectra.compare import subtract
from mimyria.spectra.remade import error_of_difference, of_same_frames, with_replicates
from mimyria.spectra.spectrum import WAVENUMBER, Spectrum, column_name, read_spectrum

COUNTS = "mean number of molecules"
"""The header entry that tells them."""
SIGNIFICANT = 3.0
"""Standard errors by which the extrema on both sides of an isosbestic point differ from zero."""


def difference_of_runs(
    first: Path, second: Path, *, scale: float = 1.0, molecule: str = "", range: tuple[float, float] = (0.0, np.inf)
) -> Spectrum:
    """Return first - s·second of the usual columns of two folders of runs, with errors, and isosbestic points.

    The latter stand in the header.

    Raises
    ------
    ConfigError, SpectrumError
        If the folders have no spectrum in common, the number of the molecules is not known, or a setting is wrong.
    """
    asked = CompareSettings(scale=scale, range=range, per=molecule or None)
    columns: dict[str, Array] = {}
    header: dict[str, str] = {}
    units: dict[str, str] = {}
    for kind, names in SHOWN.items():
        paths = [folder / f"{kind}.csv" for folder in (first, second)]
        if not all(path.is_file() for path in paths):
            continue
        a, b = map(read_spectrum, paths)
        paired = of_same_frames(a, b)
        if paired:
            a, b = with_replicates(a), with_replicates(b)
        factor = asked.scale * (_ratio(first, second, kind, molecule) if molecule else 1.0)
        for name in names:
            shared = error_of_difference(a, b, (name, name), factor) if paired else None
            made = subtract(a.curve(name), b.curve(name, factor), name, *asked.range, shared=shared)
            error = made.columns.get(column_name(name), np.full(len(made.wavenumber), np.nan))
            grid = columns.setdefault(WAVENUMBER, made.wavenumber)
            columns[name] = _on(grid, made.wavenumber, made.values(name))
            columns[column_name(name)] = _on(grid, made.wavenumber, error)
            header[name] = f"{first} - {factor:.6g} × {second}"
            points = isosbestic_points(made.wavenumber, made.values(name), error)
            header[f"isosbestic points of {name}"] = ", ".join(f"{point} cm-1" for point in points) or "none"
        units |= {name: unit for name, unit in a.units.items() if any(each.startswith(name) for each in names)}
    if not columns:
        raise ConfigError(f"{first} and {second} have no spectrum in common ({', '.join(f'{k}.csv' for k in SHOWN)})")
    return Spectrum("difference", columns, header, units)


def isosbestic_points(wavenumber: Array, difference: Array, error: Array) -> list[Measured]:
    """Return where a difference (n,) is zero between significant values of different sign, with σ = σ_Δ/|dΔ/dν|.

    Without errors, values above 2 % of the largest are significant.
    """
    known = np.isfinite(difference)
    nu, values, sigma = wavenumber[known], difference[known], error[known]
    least = np.where(np.isfinite(sigma), SIGNIFICANT * sigma, 0.02 * abs(values).max(initial=0))
    sure = np.flatnonzero(abs(values) > least)
    points = []
    for left, right in pairwise(sure):
        if values[left] * values[right] >= 0:
            continue
        slope, level = np.polyfit(nu[left : right + 1] - nu[left], values[left : right + 1], 1)
        if slope:
            error_there = np.mean(sigma[left : right + 1]) / abs(slope)
            points.append(Measured(float(nu[left] - level / slope), float(error_there)))
    return points


def _on(grid: Array, wavenumber: Array, values: Array) -> Array:
    return np.interp(grid, wavenumber, values, left=np.nan, right=np.nan)


def _ratio(first: Path, second: Path, kind: str, molecule: str) -> float:
    """Return the scale of the second that makes both refer to the same number of molecules."""
    numbers = []
    for folder in (first, second):
        files = [folder / name for name in ("ir.csv", "raman.csv")]
        headers = [read_spectrum(path).header for path in files if path.is_file()]
        words = next((header[COUNTS] for header in headers if COUNTS in header), "")
        stated = dict(each.rsplit(" ", 1) for each in words.split(", ") if each)
        if molecule not in stated:
            reason = (
                f"it counted {', '.join(stated)}; make both runs with --groups molecules"
                if stated
                else "the run did not count them; make both runs with --groups molecules"
            )
            raise SpectrumError(f"--per {molecule}: {folder} has no number of such molecules: {reason}")
        volume = float(headers[0]["volume"].split()[0]) if kind == "ir" else 1.0
        numbers.append(float(stated[molecule]) / volume)
    return numbers[0] / numbers[1]
