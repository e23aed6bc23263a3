"""A piece of work, in a process of its own: ``mimyria treat FOLDER`` does what ``task.json`` in the folder says.

    task.json       kind, settings as words, and the stored files by their roles
    given/          the files, under names of ours
    out/            what is made of them
    result.json     what the page shows of it

It ends like every command, with one line on what is wrong; the page shows that line.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mimyria.app.check import check_given
from mimyria.app.drops import GIVEN, OUT, RESULT, TASK, Drop
from mimyria.app.menu import MOST_ATOMS, ORGANIC_FOR, drops
from mimyria.choices import ORGANIC
from mimyria.errors import ConfigError
from mimyria.execute import cores_here
from mimyria.frame import Array, Frame
from mimyria.memory import read_json, write_json
from mimyria.progress import EVERY
from mimyria.settings import HarmonicSettings, IdentifySettings, SpectrumSettings
from mimyria.targets import APT

log = logging.getLogger("mimyria")

POINTS = 1500
"""Of a curve that the page draws."""


def treat(folder: Path) -> None:
    """Do the work of a folder.

    Raises
    ------
    MimyriaError
        What is wrong with the files or the settings, as the commands say it.
    """
    task = read_json(folder / TASK)
    if not task:
        raise ConfigError(f"{folder} holds no {TASK}: `mimyria app` makes such folders")
    os.environ.setdefault(EVERY, "1")
    drop = drops(task["largest"])[task["kind"]]
    given = [(role, folder / GIVEN / name) for role, name in task["files"]]
    roles = {role.name: role for role in drop.roles}
    left = drop.largest
    for role, path in given:
        left -= check_given(path, roles[role], left)
    write_json(folder / RESULT, WORK[task["kind"]](drop, task, given, folder / OUT))


Given = list[tuple[str, Path]]


def _spectrum(drop: Drop, task: Mapping[str, Any], given: Given, out: Path) -> dict[str, Any]:
    """Return groups, bands and curves of spectra."""
    from mimyria.identify.command import identify, write_identified

    settings = drop.read(task["settings"])
    assert isinstance(settings, IdentifySettings)
    settings = replace(settings, model=task["model"], title=task["title"], plot_format=("png", "svg"))
    made = identify([f"{'' if role == 'any' else f'{role}='}{path}" for role, path in given], settings)
    write_identified(out, made, settings)
    curves = [{"kind": each.kind, **_curve(each.wavenumber, each.values)} for each in made.given]
    return made.as_dict() | {"least": settings.least, "curves": curves}


def _curve(wavenumber: Array, values: Array) -> dict[str, list[float]]:
    """Return a curve between 0 and 1; of more points than a screen shows, the highest of every few."""
    few = -(-len(values) // POINTS)
    starts = np.arange(0, len(values), few)
    highest = np.maximum.reduceat(values, starts)
    span = float(np.ptp(highest)) or 1.0
    places = np.add.reduceat(wavenumber, starts) / np.diff([*starts, len(values)])
    heights = (highest - highest.min()) / span
    return {"x": np.round(places, 2).tolist(), "y": np.round(heights, 4).tolist()}


def _structure(drop: Drop, task: Mapping[str, Any], given: Given, out: Path) -> dict[str, Any]:
    """Return which page shows the modes of a structure."""
    from mimyria.formats import read_frames
    from mimyria.formats.hessians import holds_structure
    from mimyria.harmonic.command import normal_modes

    ((_, path),) = given
    settings = drop.read(task["settings"])
    assert isinstance(settings, HarmonicSettings)
    settings = replace(settings, title=task["title"], frames=(0, 1), workers=cores_here())
    if holds_structure(path):
        settings = replace(settings, relax=False, workers=None)
    else:
        name = task["settings"].get("calculator", drop.choices["calculator"][0])
        first = list(islice(read_frames(path), 2))
        if len(first) > 1:
            log.warning(f"{path.name} holds several structures; these are the modes of the first")
        if first and len(first[0]) > MOST_ATOMS[name]:
            raise ConfigError(
                f"{path.name} has {len(first[0])} atoms; the page treats up to {MOST_ATOMS[name]} with {name}, "
                "`mimyria harmonic` any number"
            )
        if first and first[0].periodic.any():
            raise ConfigError(
                f"{path.name} has a cell, and the page treats single molecules: give one without its cell, as xyz; of "
                "crystals `mimyria harmonic --calculator cp2k` makes the modes"
            )
        settings = replace(settings, calculator=name)
        if first and name == ORGANIC_FOR and _organic(first[0], settings):
            settings = replace(settings, apt=ORGANIC, pgt=ORGANIC)
    normal_modes(path, out, settings)
    return {"page": "modes.html"}


def _organic(frame: Frame, settings: HarmonicSettings) -> bool:
    """Return whether the bundled networks are for a structure: one molecule of known elements, without a charge."""
    from mimyria.harmonic.tensors import unlike_organic
    from mimyria.model.files import read_model

    known = read_model(ORGANIC, APT.name).settings.species
    if not set(frame.numbers.tolist()) <= set(known):
        return False
    if not np.isfinite(frame.positions).all():  # which the command tells, by its place
        return False
    return not unlike_organic(frame, settings.charge)


def _trajectory(drop: Drop, task: Mapping[str, Any], given: Given, out: Path) -> dict[str, Any]:
    """Return which page shows the spectra of a trajectory."""
    from mimyria.pipeline import make_spectra

    settings = drop.read(task["settings"])
    assert isinstance(settings, SpectrumSettings)
    files: dict[str, Any] = dict(given)
    trajectory = files.pop("trajectory")
    name = task["settings"].get("trained", drop.choices["trained"][0])
    make_spectra(trajectory, out, settings, title=task["title"], apt=name, pgt=name, **files)
    return {"page": "spectra.html"}


WORK = {"spectrum": _spectrum, "structure": _structure, "trajectory": _trajectory}
