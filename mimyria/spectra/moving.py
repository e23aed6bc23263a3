"""Spectra in a window that moves along the run, for what changes with time: heating, reaction, melting.

    I(ν, t) = the spectrum of the frames from t - W/2 to t + W/2          t = W/2, W, 3W/2, ...

Neighbouring windows share half of their frames. Several trajectories are averaged at equal times after their beginning,
as replicas of one process are. The time resolution W and the resolution Δν obey W ≥ the reach of Δν's window function.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from mimyria.errors import ConfigError
from mimyria.rates.series import ResponseSeries
from mimyria.rates.window import window_resolution
from mimyria.settings import SpectrumSettings
from mimyria.spectra.conditions import Conditions
from mimyria.spectra.kinds import KINDS
from mimyria.spectra.sampling import LEAST_FRAMES, choose_sampling
from mimyria.spectra.spectrum import UNIT_IN_NAME, WAVENUMBER, Spectrum, column_name

log = logging.getLogger("mimyria")

MOVING = {"ir": ("n_alpha_cm-1",), "raman": ("VV", "VH"), "hyper_raman": ("VV", "HV")}
"""The columns of each kind; the density of states is not among them, as velocities are not stored frame by frame."""
FS_PER_PS = 1000.0
PREFIX = "moving_"
"""Of the names of the files, and of the kinds."""


def moving_spectra(
    series: Sequence[ResponseSeries], kinds: Collection[str], conditions: Conditions, settings: SpectrumSettings
) -> list[Spectrum]:
    """Return a spectrum of each kind whose columns are those of the windows, ``n_alpha[2.5 ps]`` by the middle's time.

    Raises
    ------
    ConfigError
        If no kind has rates of every frame, or the window is too short for the resolution, or longer than the runs.
    """
    width = settings.moving_window
    if width is None:
        return []
    chosen = [kind for kind in kinds if kind in MOVING]
    if not chosen:
        raise ConfigError(f"--moving-window makes {', '.join(MOVING)} spectra, and none of them is made here")
    timestep, longest = series[0].timestep, max(map(len, series))
    frames = frames_of_window(width, longest, timestep, settings)
    plain = replace(conditions, pair_radii=None, porto=(), per="cell")
    made: dict[str, Spectrum] = {}
    for start in range(0, longest - frames + 1, max(1, frames // 2)):
        parts = [_part(run, start, start + frames) for run in series if len(run) >= start + frames]
        sampling = choose_sampling(parts, settings.resolution, settings.blocks, settings.window)
        time = f"[{(start + frames / 2) * timestep / FS_PER_PS:.6g} ps]"
        for kind in chosen:
            of_window = KINDS[kind](parts, plain, sampling)
            columns = {WAVENUMBER: of_window.wavenumber}
            for name in MOVING[kind]:
                moved = f"{name.removesuffix(UNIT_IN_NAME)}{time}"
                columns |= {moved: of_window.values(name)}
                columns |= {column_name(moved): of_window.columns[column_name(name)]}
            if kind not in made:
                about = f"{width:g} ps in each column, by the middle of the window, time after the beginning of a run"
                made[kind] = replace(of_window, kind=PREFIX + kind, header=of_window.header | {"moving window": about})
                made[kind] = replace(made[kind], columns=columns, lines={})
            else:
                made[kind].columns.update(columns)
    return list(made.values())


def frames_of_window(width: float, longest: int, timestep: float, settings: SpectrumSettings) -> int:
    """Return how many frames, ``timestep`` (fs) apart, a window of so many ps has; the longest run has ``longest``.

    Raises
    ------
    ConfigError
        If it is too short for the resolution, or longer than the runs.
    """
    frames = round(width * FS_PER_PS / timestep)
    if frames + frames // 2 > longest:
        raise ConfigError(
            f"--moving-window {width:g} (ps) must fit into a trajectory twice, half overlapping: the longest has "
            f"{longest * timestep / FS_PER_PS:.4g} ps"
        )
    finest = window_resolution(max(frames, 2), timestep, settings.window)
    if frames < LEAST_FRAMES:
        raise ConfigError(f"--moving-window {width:g} (ps) has {frames} frames, and needs at least {LEAST_FRAMES}")
    if settings.resolution is not None and finest > settings.resolution:
        raise ConfigError(
            f"--moving-window {width:g} (ps) is too short for --resolution {settings.resolution:g}: it allows "
            f"{np.ceil(10 * finest) / 10:g} cm⁻¹"
        )
    return frames


def _part(run: ResponseSeries, start: int, stop: int) -> ResponseSeries:
    """Return some frames of a run, all atoms together, in memory."""
    frames = slice(start, stop)
    return replace(
        run,
        groups=("all",),
        rates={name: values[frames].sum(axis=1, keepdims=True) for name, values in run.rates.items()},
        volume=run.volume[frames],
        temperature=run.temperature[frames],
        counts={},
        molecular=False,
        member_rates={},
        centres=None,
        cells=None,
    )
