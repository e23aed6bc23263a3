"""`check_beforehand`: what a step of the loop would otherwise refuse after hours of labelling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mimyria.autotrain.frames import LEAST_GIVEN, read_given
from mimyria.autotrain.settings import AutotrainSettings
from mimyria.errors import ConfigError
from mimyria.pipeline import check_lengths
from mimyria.rates.stride import nyquist_wavenumber
from mimyria.rates.usable_segments import find_usable_segments
from mimyria.trajectory import Trajectory


def check_beforehand(settings: AutotrainSettings, opened: Sequence[Trajectory]) -> None:
    """Look at the labels that are given, and whether the spectra of a cycle can have their resolution.

    Raises
    ------
    ConfigError
        If labels lack a target, or there are too few of them; if the stride asked for aliases what is compared.
    SpectrumError
        If the probe is too short.
    """
    validation = settings.training.validation
    for path in (*settings.labels, *([validation] if isinstance(validation, Path) else [])):
        read_given(path, settings.targets)
    for path in settings.selection.given.values():
        read_given(path, settings.targets, LEAST_GIVEN)
    for run in opened:
        _check_stride(settings, run)
    probed = replace(settings.spectra, frames=(0, settings.probe))
    check_lengths([segment for run in opened for segment in find_usable_segments(run, probed)], probed)


def _check_stride(settings: AutotrainSettings, run: Trajectory) -> None:
    """Refuse a stride with which the spectra end, and are aliased, below the end of the comparison."""
    stride, high = settings.spectra.stride or 1, settings.convergence.high
    reached = nyquist_wavenumber(stride * run.timestep)
    if stride > 1 and reached < high:
        raise ConfigError(
            f"spectrum.stride {stride} ends the spectra of {run.path} at {reached:.0f} cm⁻¹, with what vibrates faster "
            f"aliased below it, but convergence.high is {high:g}: take a smaller stride (auto), or a lower high"
        )
