"""`check_beforehand`: what a step of the loop would otherwise refuse after hours of labelling."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mimyria.autotrain.frames import read_given
from mimyria.autotrain.settings import AutotrainSettings
from mimyria.pipeline import check_lengths
from mimyria.rates.usable_segments import find_usable_segments
from mimyria.trajectory import open_trajectories


def check_beforehand(settings: AutotrainSettings) -> None:
    """Look at the labels that are given, and whether the spectra of a cycle can have their resolution.

    Raises
    ------
    ConfigError
        If labels lack a target.
    SpectrumError
        If the probe is too short.
    """
    validation = settings.training.validation
    for path in (*settings.labels, *settings.selection.given.values()):
        read_given(path, settings.targets)
    if isinstance(validation, Path):
        read_given(validation, settings.targets)
    probed = replace(settings.spectra, frames=(0, settings.probe))
    opened = open_trajectories(settings.trajectories, probed)
    check_lengths([segment for run in opened for segment in find_usable_segments(run, probed)], probed)
