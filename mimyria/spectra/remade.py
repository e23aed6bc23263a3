"""Spectra that a run has written, made again from its rates: then the replicates are known, which no text file holds.

Two spectra of the same frames, by two models say, share most of their noise. What is left of it in their difference is
seen from the replicates of the difference, A_(k) - B_(k), where the same frames are left out of both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from mimyria.config import read_yaml
from mimyria.declare import declared, from_words
from mimyria.errors import ConfigError, SpectrumError
from mimyria.frame import Array
from mimyria.rates.series import ResponseSeries, is_series, read_series
from mimyria.settings import SpectrumSettings
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.kinds import KINDS
from mimyria.spectra.sampling import choose_sampling
from mimyria.spectra.spectrum import Spectra, Spectrum

RATES = "rates "
"""What the header entries begin with that tell what the rates of each trajectory were made from."""
SAMPLED = ("frames", "stride", "beads", "timestep")
"""Of these, what says which frames of the files they are."""


def stored_run(folder: Path) -> tuple[list[ResponseSeries], Conditions, SpectrumSettings]:
    """Return the rates of a run in a folder, its conditions, and its settings with the resolution that was used.

    Raises
    ------
    ConfigError, SpectrumError
        If the folder holds no ``series.h5`` and ``settings.yaml`` of a run, or one that cannot be read.
    """
    written = folder / "settings.yaml"
    content = read_yaml(written) if written.is_file() else {}
    own = folder / "series.h5"
    stored = [own] if own.is_file() else [Path(path) for path in content.get("trajectory", [])]
    if not content or not stored or not all(map(is_series, stored)):
        raise ConfigError(
            f"{folder} holds no run: it needs settings.yaml, and series.h5 or the one that settings.yaml names"
        )
    known = declared(SpectrumSettings, "use")
    given = {name: value for name, value in content.items() if name in known}
    settings, used = from_words(SpectrumSettings, given), content.get("used", {})
    series = [run for path in stored for run in read_series(path)]
    temperature = used.get("temperature", settings.temperature)
    if temperature is None:
        raise ConfigError(f"{written} does not tell the temperature that was used")
    conditions = Conditions.of(settings, temperature)
    return series, conditions, replace(settings, resolution=used.get("resolution", settings.resolution))


def remake_spectra(folder: Path, only: str | None = None) -> Spectra:
    """Return the spectra that a run has written into a folder, with their replicates, made again from its rates.

    Those of one kind ``only``, if it is named. Errors are those of `stored_run`.
    """
    series, conditions, settings = stored_run(folder)
    sampling = choose_sampling(series, settings.resolution, settings.blocks, settings.window)
    kinds = [kind for kind in KINDS if (folder / f"{kind}.csv").exists() and only in (None, kind)]
    return Spectra({kind: KINDS[kind](series, conditions, sampling) for kind in kinds})


def with_replicates(spectrum: Spectrum) -> Spectrum:
    """Return a spectrum that was read from a file of a run with its replicates, or as it is where these are lost."""
    if spectrum.lines or not spectrum.origin:
        return spectrum
    try:
        made = remake_spectra(Path(spectrum.origin).parent, spectrum.kind).get(spectrum.kind)
    except (ConfigError, SpectrumError):
        return spectrum
    # A file that lies beside the rates of another run is left as it is.
    if made is None or not _alike(made.columns, spectrum.columns):
        return spectrum
    return replace(spectrum, lines=made.lines, replicates=made.replicates)


def of_same_frames(first: Spectrum, second: Spectrum) -> bool:
    """Return whether both are made of the same frames of the same files, as far as their headers tell it."""
    frames = _frames_of(first.header)
    return bool(frames) and frames == _frames_of(second.header)


def error_of_difference(
    first: Spectrum, second: Spectrum, columns: tuple[str, str], scale: float = 1.0
) -> tuple[Array, Array] | None:
    """Return wavenumbers and the standard error of first - scale·second, both (n,), of spectra of the same frames.

    None unless the replicates of both leave the same frames out.
    """
    known, lines = first.replicates, [each.lines.get(name) for each, name in zip((first, second), columns, strict=True)]
    if any(of_one is None for of_one in lines) or not known.freedoms or known != second.replicates:
        return None
    grid = max(first.wavenumber, second.wavenumber, key=len)
    a, b = (
        np.array([np.interp(grid, each.wavenumber, line) for line in each.lines[name]])
        for each, name in zip((first, second), columns, strict=True)
    )
    return grid, known.error(a - scale * b)


def _frames_of(header: Mapping[str, str]) -> list[dict[str, str]]:
    """Return, of each trajectory, the files that are no models, by digest, and which of their frames were used."""
    found = []
    for words in (text for key, text in header.items() if key.startswith(RATES)):
        facts = dict(fact.split(": ", 1) for fact in words.split("; ") if ": " in fact)
        models = {value for name, value in facts.items() if name.startswith("sources ")}
        files = [
            re.sub(".* bytes with digest ", "", value)
            for name, value in facts.items()
            if name.startswith("files ") and not name.endswith(".mym") and name.removeprefix("files ") not in models
        ]
        if not files:
            return []
        found.append({"files": " ".join(sorted(files))} | {name: facts.get(name, "not set") for name in SAMPLED})
    return found


def _alike(first: Mapping[str, Array], second: Mapping[str, Array]) -> bool:
    """Return whether columns are the same within the digits of a text file."""
    return list(first) == list(second) and all(
        values.shape == second[name].shape
        and np.allclose(values, second[name], rtol=1e-5, atol=1e-7 * np.nanmax(abs(values), initial=0), equal_nan=True)
        for name, values in first.items()
    )
