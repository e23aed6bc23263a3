"""The effective modes of a run in numbers: centre, maximum, width of each, and its share of every spectrum."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from mimyria.memory import write_text
from mimyria.rates.modes import MODE
from mimyria.spectra.bands import Measured, known_numbers, measure_bands, text_table
from mimyria.spectra.spectrum import UNIT_IN_NAME, Spectrum

log = logging.getLogger("mimyria")

WHOLE = {"ir": ("n_alpha_cm-1",), "raman": ("isotropic", "anisotropic"), "vdos": ("vdos",)}
"""The columns that a mode has a share of, by kind."""
OF_MODE = re.compile(rf"vdos\[(.+_{MODE}\d+),(.+)\]")


@dataclass(frozen=True)
class Mode:
    """An effective mode: the centre, maximum and width of its density of states, cm⁻¹, and its shares."""

    name: str
    centre: Measured
    maximum: Measured
    width: Measured
    shares: dict[str, Measured]
    """By column, the part of its integral that is the mode's: A-A and half of every A-B term."""


def measure_modes(spectra: Mapping[str, Spectrum]) -> list[Mode]:
    """Return the modes that spectra, with the density of states among them, are made of."""
    density = spectra.get("vdos")
    if density is None:
        return []
    found = []
    for column in density.lines:
        match = OF_MODE.fullmatch(column)
        if match is None or match[1] != match[2]:
            continue
        (band,) = measure_bands(density, column, [(0.0, float(density.wavenumber[-1]))])
        wholes = [(kind, column) for kind in WHOLE if kind in spectra for column in WHOLE[kind]]
        shares = {whole: _share(spectra[kind], whole, match[1]) for kind, whole in wholes}
        found.append(Mode(match[1], band.centre, band.maximum, band.width, shares))
    return found


def _share(spectrum: Spectrum, column: str, name: str) -> Measured:
    """Return the part of the integral of a column that is one group's, with its error from the replicates."""
    stem = column.removesuffix(UNIT_IN_NAME)
    total = np.nansum(spectrum.lines[column], axis=-1)
    own = np.zeros_like(total)
    for pair, values in spectrum.lines.items():
        if pair.startswith(f"{stem}[") and "," in pair and name in (both := pair[len(stem) + 1 : -1].split(",")):
            own += np.nansum(values, axis=-1) * (1.0 if both[0] == both[1] else 0.5)
    share = own / total
    error = float(spectrum.replicates.interval(share)) if len(share) > 1 else float("nan")
    return Measured(float(share[0]), error)


def write_modes(path: Path, spectra: Mapping[str, Spectrum]) -> None:
    """Write the modes of spectra as JSON, and log them as a table; remove the file of an earlier run without any."""
    modes = measure_modes(spectra)
    if not modes:
        path.unlink(missing_ok=True)
        return
    write_text(path, json.dumps([known_numbers(asdict(mode)) for mode in modes], indent=1))
    titles = ["mode", "centre", "maximum", "width", *(f"share of {column}" for column in modes[0].shares)]
    rows = [[mode.name, *map(str, (mode.centre, mode.maximum, mode.width, *mode.shares.values()))] for mode in modes]
    log.info(f"effective modes, cm⁻¹:\n{text_table(titles, rows)}")
