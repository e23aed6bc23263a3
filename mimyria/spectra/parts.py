"""The parts of a trajectory between gaps, as far as they are long enough for the window of the correlation."""

from __future__ import annotations

import logging

from mimyria.progress import progress
from mimyria.spectra.correlation import window_lags
from mimyria.spectra.spectrum import DEFAULT_RESOLUTION
from mimyria.spectra.stride import automatic_stride
from mimyria.trajectory import Trajectory

log = logging.getLogger("mimyria")


def parts_of(
    trajectory: Trajectory, frames: tuple[int, int | None], stride: int | None, resolution: float | None
) -> list[Trajectory]:
    """Return the parts of a trajectory that are worth a response series each; log which are left out.

    Each has to fill the window of the resolution, and twice where the resolution is left to `sampling`, which would
    make it coarser else; but where none does, those count that are half as long as the longest.

    Parameters
    ----------
    trajectory
        As it was opened.
    frames, stride, resolution
        See ``SpectrumSettings``.
    """
    with progress(f"{trajectory.path.name}, times of its frames") as advance:
        parts = trajectory.pieces(*frames, advance)
    timestep = parts[0].timestep * (stride or automatic_stride(parts[0].timestep))
    window = timestep * window_lags(resolution or DEFAULT_RESOLUTION, timestep) * (1 if resolution else 2)
    durations = [part.n_usable * part.timestep for part in parts]
    least = window if max(durations) >= window else max(durations) / 2
    if short := [duration for duration in durations if duration < least]:
        log.warning(
            f"{trajectory.path}: {len(short)} of {len(parts)} parts are left out, {sum(short):.4g} fs in all: each is "
            f"shorter than the {least:.4g} fs wanted for the window; a coarser --resolution wants less"
        )
    return [part for part, duration in zip(parts, durations, strict=True) if duration >= least]
