"""What is in a file or folder: a model, labels, a trajectory, rates, a spectrum, a folder of spectra or of a loop."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.config import read_yaml
from mimyria.contents import contents_of
from mimyria.elements import frame_masses, symbols_of
from mimyria.errors import ConfigError
from mimyria.frame import Array, Frame
from mimyria.labels.quality import summarise_quality
from mimyria.level import different, epsilon_infinity, in_words, level_of, without_diffuse
from mimyria.targets import PGT, TARGETS, labelled_atoms

SPECTRA = ("a table of spectra", "a table of numbers", "a JCAMP-DX spectrum")
"""Contents that are read as spectra."""
RESULTS = ("bands.json", "static.json")
ROWS = {"mode": "modes", "quantity": "quantities", "member": "epochs", "cycle": "cycles", "group": "groups"}
"""What the rows are in tables of ours that are no spectra, by the name of their first column."""
UNITS = {"field": "E_h/(e a0)", "cluster_radius": "Å"}
"""Of numbers in the headers of labels."""


def describe(path: Path, **reading: Any) -> dict[str, Any]:
    """Return what is in a file or folder, as plain values by name; ``reading`` is as of ``read_frames``."""
    if path.is_dir():
        return _folder(path)
    if not path.exists():
        from mimyria.model.files import bundled_pair

        if pair := bundled_pair(str(path)):
            return {"models": str(path)} | {model.stem: _model(model) for model in pair}
        raise ConfigError(f"{path} does not exist")
    if path.suffix == ".mym":
        return _model(path)
    from mimyria.rates.series import is_series

    if is_series(path):
        return _series(path)
    what = contents_of(path)
    if facts := _results(path) or _rows(path):
        return facts
    if what in SPECTRA:
        return _spectrum(path)
    if what == "a YAML file" and not _holds_structure(path):
        raise ConfigError(f"{path} is a YAML file of settings, which --config or `mimyria autotrain` reads")
    return _frames(path, reading)


def _holds_structure(path: Path) -> bool:
    """Return whether one of the formats of frames reads a file."""
    from mimyria.files.source import Source
    from mimyria.formats.readers import find_reader

    return find_reader(Source(path)).name != "ase"


def _results(path: Path) -> dict[str, Any]:
    """Return what one of our JSON files of results holds, numbers with their errors; nothing if it is none."""
    if path.name not in RESULTS:
        return {}
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path} is damaged: {error}") from None
    ours = isinstance(stored, dict) and ({"conductivity", "permittivity"} & set(stored) or _is_bands(stored))
    return {"file": str(path), **{name: _in_words(value) for name, value in stored.items()}} if ours else {}


def _is_bands(stored: dict[str, Any]) -> bool:
    """Return whether a dict holds lists of bands by kind, each with its column."""
    bands = [band for kind in stored.values() for band in (kind if isinstance(kind, list) else [None])]
    return all(isinstance(band, dict) and "column" in band for band in bands)


def _in_words(value: Any) -> Any:
    """Return a stored value with numbers and their errors in words, whatever lies around them."""
    if isinstance(value, dict) and {"value", "error"} <= set(value):
        if value["value"] is None:
            return None
        return f"{value['value']:.6g}" + ("" if value["error"] is None else f" ± {value['error']:.2g}")
    if isinstance(value, dict):
        return {name: _in_words(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_in_words(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _rows(path: Path) -> dict[str, Any]:
    """Return what is in a table of ours that is no spectrum; nothing if it is none of these."""
    if path.suffix != ".csv":
        return {}
    lines = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line[:1] != "#"]
    if not lines or (first := lines[0].split(",")[0]) not in ROWS or max(map(len, lines)) > csv.field_size_limit():
        return {}
    columns, *rows = (row for row in csv.reader(lines) if row)
    last = dict(zip(columns, rows[-1], strict=False)) if rows else {}
    return {"table": str(path), ROWS[first]: len(rows), "columns": columns, "last_row": last}


def _spectrum(path: Path) -> dict[str, Any]:
    from mimyria.spectra.spectrum import read_spectrum

    table = read_spectrum(path)
    low, high = table.wavenumber[[0, -1]].tolist()
    units = {name: unit for name in table.quantities if (unit := table.unit(name))}
    stated = {"spectrum": str(path), "kind": table.kind, "points": len(table.wavenumber)}
    return {**stated, "wavenumber_cm-1": [low, high], "columns": table.quantities, "units": units, **table.header}


def _folder(path: Path) -> dict[str, Any]:
    settings = path / "settings.yaml"
    if not settings.exists():
        raise ConfigError(
            f"{path} is not a folder made by `mimyria spectrum` or `mimyria autotrain`: it has no settings.yaml"
        )
    files = sorted(file.name for file in path.iterdir())
    return {"folder": str(path), "files": files, **_last_cycle(path), **read_yaml(settings)}


def _last_cycle(folder: Path) -> dict[str, str]:
    """Return the last line of a loop's history: its state, and the figures of the cycle that are known."""
    from mimyria.autotrain.folder import HISTORY

    if not (folder / HISTORY).exists():
        return {}
    with (folder / HISTORY).open(encoding="utf-8") as stream:
        *_, last = csv.DictReader(stream)
    return {"state": last.pop("state")} | {name: value for name, value in last.items() if value not in ("", "nan")}


def _model(path: Path) -> dict[str, Any]:
    from dataclasses import asdict

    from mimyria.identify.recogniser import FORMAT, read_recogniser
    from mimyria.model.files import format_of, read_every_level

    if format_of(path) == FORMAT:
        made = read_recogniser(path)
        return {"model": str(path), "title": "functional groups", "groups": ", ".join(made.groups), **made.summary}
    model = read_every_level(path)
    shape = asdict(model.settings) | {"species": symbols_of(np.array(model.settings.species))}
    stated = {"level": in_words(model.levels)} if "levels" not in model.summary else {}
    if any(level.diffuse is False for level in model.levels) and model.target.order >= PGT.order:
        stated["warning"] = without_diffuse(in_words(level for level in model.levels if level.diffuse is False))
    return {"model": str(path), "title": model.target.title, "unit": model.target.unit, **shape, **stated} | (
        model.summary
    )


def _series(path: Path) -> dict[str, Any]:
    from mimyria.checks.nuclei import nuclei_header
    from mimyria.rates.series import read_series
    from mimyria.spectra.terms import mean_counts

    series = read_series(path)
    return {
        "series": str(path),
        "trajectories": len(series),
        "frames": [len(trajectory) for trajectory in series],
        "timestep_fs": series[0].timestep,
        **nuclei_header(series[0].nuclei, series[0].n_beads),
        "targets": sorted(series[0].rates),
        "groups": mean_counts(series) or list(series[0].group_names),
        "temperature_K": round(float(np.mean([trajectory.temperature.mean() for trajectory in series])), 2),
        "volume_A3": round(float(np.mean([trajectory.volume.mean() for trajectory in series])), 3),
    }


def _composition(numbers: Array) -> str:
    return " ".join(f"{symbol}{number}" for symbol, number in sorted(Counter(symbols_of(numbers)).items()))


def _counted(values: Sequence[Any], unit: str | None) -> Any:
    """Return what all frames say, or how many of them say what; None where none says anything."""
    said = Counter(f"{value:g} {unit}" if unit else str(value) for value in values)
    if len(said) > 1:
        return "; ".join(f"{words} in {number} frames" for words, number in said.items())
    return next(iter(said)) if unit and said else next(iter(values), None)


def _frames(path: Path, reading: dict[str, Any]) -> dict[str, Any]:
    """Describe labels, configurations or a trajectory, in one pass."""
    from mimyria.formats import read_frames
    from mimyria.trajectory.constraints import FRAMES, find_freedom
    from mimyria.trajectory.frame_checks import not_finite
    from mimyria.trajectory.freedom import unconstrained
    from mimyria.trajectory.kinetics import kinetic_temperature

    first: Frame | None = None
    beginning: list[Frame] = []
    count, velocities = 0, 0
    times: list[float] = []
    tensors: Counter[str] = Counter()
    worst = dict.fromkeys(TARGETS, float("nan"))
    labelled: Counter[str] = Counter()
    atoms: Counter[str] = Counter()
    elements: Counter[bytes] = Counter()
    charges: Counter[float] = Counter()
    volumes: list[float] = []
    headers: list[dict[str, Any]] = []
    epsilons: list[float | None] = []
    broken: list[str] = []
    for frame in read_frames(path, **reading):
        first = first or frame
        if found := not_finite(frame):
            broken.append(f"frame {count}: {found}")
        count += 1
        elements[frame.numbers.tobytes()] += 1
        charges[frame.total_charge] += 1
        volumes.append(frame.volume)
        if len(beginning) < FRAMES and np.array_equal(frame.numbers, first.numbers):
            beginning.append(frame)
        velocities += frame.velocities is not None
        if frame.time is not None and len(times) < 2:
            times.append(frame.time)
        headers.append(frame.info if frame.tensors else {})
        epsilons.append(epsilon_infinity(frame))
        for name, tensor in frame.tensors.items():
            tensors[name] += 1
            atoms[name] += len(frame)
            labelled[name] += int(labelled_atoms(tensor).sum())
            if labelled_atoms(tensor).all():
                worst[name] = np.fmax(worst[name], TARGETS[name].translation_error(tensor, frame.total_charge))
    if first is None:
        raise ConfigError(f"{path} holds no frames")
    facts: dict[str, Any] = {
        "frames": count,
        "atoms": len(first),
        "composition": _composition(first.numbers),
    }
    compositions: Counter[str] = Counter()
    for numbers, number in elements.items():
        compositions[_composition(np.frombuffer(numbers, first.numbers.dtype))] += number
    if len(compositions) > 1:
        facts["compositions"] = "; ".join(f"{words} in {number} frames" for words, number in compositions.items())
    if set(charges) != {0.0}:
        facts["total_charge_e"] = "; ".join(f"{charge:+g} in {number} frames" for charge, number in charges.items())
    if first.volume:
        facts["cell_A"] = [round(float(length), 4) for length in np.linalg.norm(first.cell, axis=1)]
        facts["volume_A3"] = round(first.volume, 3)
    if len(several := {round(volume, 3) for volume in volumes}) > 1:
        facts["volumes_A3"] = [min(several), max(several)]
    if broken:
        facts["not_finite"] = f"in {len(broken)} of {count} frames; {broken[0]}"
    if velocities:
        facts["velocities"] = f"in {velocities} frames"
    if first.velocities is not None:
        masses = frame_masses(first)
        freedom = find_freedom(beginning) if first.volume else unconstrained(masses)
        velocities_without = freedom.without_drift(first.velocities, masses)
        facts["degrees_of_freedom"] = freedom.words
        facts["temperature_of_first_frame_K"] = round(
            float(kinetic_temperature(velocities_without, masses, freedom.total)), 1
        )
    if len(times) == 2 and "field" not in first.info:  # labelled frames are drawn: no timestep
        facts["timestep_fs"] = round(times[1] - times[0], 6)
    for name, number in tensors.items():
        facts[name] = f"in {number} frames; " + (
            f"sum rule violated by at most {worst[name]:.2g} {TARGETS[name].unit}"
            if labelled[name] == atoms[name]
            else f"{labelled[name]} of {atoms[name]} atoms are labelled"
        )
    keys = ("networks", "field", "scheme", "layout", "sum_rule", "cluster_radius", "cluster_centres", "cluster_epsilon")
    stated = {key: _counted([header[key] for header in headers if key in header], UNITS.get(key)) for key in keys}
    stated = {key: said for key, said in stated.items() if said is not None}
    if known := [epsilon for epsilon in epsilons if epsilon is not None]:
        facts["epsilon_infinity"] = f"mean {np.mean(known):.3f} of {len(known)} labels"
    bare = [level for level in different(map(level_of, headers)) if level.diffuse is False]
    if bare and any(TARGETS[name].order >= PGT.order for name in tensors):
        stated["warning"] = without_diffuse(in_words(bare))
    return {"file": str(path), **facts, **summarise_quality(headers), **stated}
