"""How spectra change from cycle to cycle: scores, band integrals and biases, from the folders of the cycles."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.autotrain.convergence import COMPARED, OF_GROUPS, BandChange, Compared, Relative, SpectrumChange
from mimyria.memory import write_text
from mimyria.spectra.bands import find_bands, integrate_band
from mimyria.spectra.compare import similarity
from mimyria.spectra.remade import error_of_difference, of_same_frames, with_replicates
from mimyria.spectra.spectrum import UNIT_IN_NAME, Spectrum, read_spectrum
from mimyria.statistics.replicates import NO_REPLICATES
from mimyria.statistics.student import c4
from mimyria.training.intensities import in_words

BIAS = "intensity bias of "
"""What the header entry of a spectrum begins with that tells what the networks do to its integral."""


def read_with_replicates(path: Path) -> Spectrum:
    """Return a spectrum of a cycle with its replicates, as far as the rates beside it give them."""
    spectrum = read_spectrum(path)
    return with_replicates(spectrum) if of_same_frames(spectrum, spectrum) else spectrum


def spectrum_changes(
    now: Path,
    before: Path | None,
    low: float,
    high: float,
    share: float = 1.0,
    members: int = 2,
    *,
    half: Path | None = None,
    named: Callable[[Sequence[str]], Sequence[str]] = lambda names: (),
    read: Callable[[Path], Spectrum] = read_with_replicates,
) -> dict[str, SpectrumChange]:
    """Return how the spectra in one folder differ from those in others.

    Parameters
    ----------
    now, before, half
        Folders that `mimyria spectrum` made: of this cycle, of the one before, and of the last one with at most half as
        many labels; None where there is none.
    low, high
        Range, cm⁻¹.
    share
        t/T, the part of the trajectories that the probe is.
    members
        K.
    named
        Returns which of the groups of the spectra must converge by themselves.
    read
        Reads a file of a folder.
    """
    files = {one.file for one in COMPARED.values() if (now / one.file).exists()}
    current, earlier, at_half = (
        {file: read(folder / file) for file in files if folder is not None and (folder / file).exists()}
        for folder in (now, before, half)
    )
    changes = {}
    for name, (_, file, column, _) in _compared(current, named).items():
        spectrum = current[file]
        change = SpectrumChange(math.nan, _spread_score(spectrum, column, low, high) / c4(members), math.nan)
        if file in earlier and column in earlier[file].columns:
            score, paired, floor = _scores(spectrum, earlier[file], column, low, high)
            change = replace(change, change=score, paired=paired, floor=math.sqrt(share) * floor)
        if file in at_half and column in at_half[file].columns:
            score, paired, _ = _scores(spectrum, at_half[file], column, low, high)
            bands = _bands(spectrum, at_half[file], column, low, high)
            change = replace(change, half=score, half_paired=paired, bands=bands)
        changes[name] = change
    return changes


def _compared(spectra: Mapping[str, Spectrum], named: Callable[[Sequence[str]], Sequence[str]]) -> dict[str, Compared]:
    """Return which spectra of some files must converge, those of the groups that are named among them."""
    found = {name: one for name, one in COMPARED.items() if one.file in spectra}
    for kind, one in OF_GROUPS.items():
        if one.file not in spectra or one.column not in spectra[one.file].columns:
            continue
        pairs = spectra[one.file].contributions(one.column)
        for group in named(list(dict.fromkeys(chain.from_iterable(pairs)))):
            column = f"{one.column.removesuffix(UNIT_IN_NAME)}[{group},{group}]"
            found[f"{kind}[{group}]"] = one._replace(column=column)
    return found


def with_biases(changes: Mapping[str, SpectrumChange], errors: Mapping[str, Any]) -> dict[str, SpectrumChange]:
    """Return the changes with the biases of the networks, from their errors on the test set by target."""
    found = {}
    for name, change in changes.items():
        kind, _, group = name.removesuffix("]").partition("[")
        one = (OF_GROUPS if group else COMPARED)[kind]
        row = errors.get(one.target, {}).get("intensities", {}).get(one.column.removesuffix(UNIT_IN_NAME), {})
        row = row.get("groups", {}).get(group, {}) if group else row
        if row:
            bias = Relative(row["bias"], _number(row["bias_error"]))
            change = replace(change, bias=bias, slope=Relative(row["slope"] - 1, _number(row["slope_error"])))
        found[name] = change
    return found


def _number(value: float | None) -> float:
    """Return a number, NaN where it is not known."""
    return math.nan if value is None else value


def state_biases(folder: Path, errors: Mapping[str, Any]) -> None:
    """Write into the header of every spectrum in a folder what its networks do to its integral, on the test set."""
    for file in dict.fromkeys(one.file for one in COMPARED.values()):
        path = folder / file
        columns = [(one.target, one.column.removesuffix(UNIT_IN_NAME)) for one in COMPARED.values() if one.file == file]
        found = {column: errors.get(target, {}).get("intensities", {}).get(column) for target, column in columns}
        lines = [f"# {BIAS}{column}: {in_words(row)}; on the test set" for column, row in found.items() if row]
        if lines and path.exists():
            kept = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith(f"# {BIAS}")]
            write_text(path, "\n".join([kept[0], *lines, *kept[1:]]) + "\n")


def _scores(first: Spectrum, second: Spectrum, column: str, low: float, high: float) -> tuple[float, float, float]:
    """Return the score of two spectra, what the noise along common frames explains of it, and two independent runs."""
    curves, freedoms = (first.curve(column), second.curve(column)), (first.freedoms, second.freedoms)
    alone = similarity(*curves, low, high, freedoms=freedoms)
    shared = error_of_difference(first, second, (column, column)) if of_same_frames(first, second) else None
    paired = None if shared is None else similarity(*curves, low, high, freedoms=freedoms, shared=shared).floor
    return alone.score, _number(paired), _number(alone.floor)


def _bands(now: Spectrum, before: Spectrum, column: str, low: float, high: float) -> tuple[BandChange, ...]:
    """Return how the integrals of the whole range, and of the bands in it, have changed.

    δ = ∫(A - B) dν / ∫A dν, its error from replicates that leave the same frames out of both.
    """
    x, values = now.wavenumber, now.values(column)
    low, high = max(low, float(x[0])), min(high, float(x[-1]))
    inside = (x >= low) & (x <= high)
    error = now.error(column)
    found = find_bands(x[inside], values[inside], None if error is None else error[inside])
    lines = [spectrum.lines.get(column, spectrum.values(column)[None]) for spectrum in (now, before)]
    same = of_same_frames(now, before) and now.replicates == before.replicates and len(lines[0]) == len(lines[1])
    replicates = now.replicates if same else NO_REPLICATES
    changes = []
    for start, end in dict.fromkeys([(low, high), *found]):
        first, second = (
            np.array([integrate_band(spectrum.wavenumber, line, start, end) for line in (of if same else of[:1])])
            for spectrum, of in zip((now, before), lines, strict=True)
        )
        if first[0] > 0:
            relative = (first - second) / first
            change = Relative(float(relative[0]), float(replicates.error(relative)))
            changes.append((start, end, change, float(first[0])))
    return tuple(BandChange(start, end, change, part / changes[0][-1]) for start, end, change, part in changes)


def _spread_score(spectrum: Spectrum, column: str, low: float, high: float) -> float:
    spread, values, x = spectrum.spread(column), spectrum.values(column), spectrum.wavenumber
    if spread is None:
        return math.nan
    inside = (x >= low) & (x <= high) & np.isfinite(values) & np.isfinite(spread)
    return float(np.sqrt(2 / np.pi) * np.sqrt(2) * spread[inside].sum() / (2 * abs(values[inside]).sum()))
