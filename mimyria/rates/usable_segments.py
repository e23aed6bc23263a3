"""The segments of a trajectory between gaps, as far as they are long enough for the window of the correlation."""

from __future__ import annotations

import logging

from mimyria.progress import progress
from mimyria.rates.stride import automatic_stride
from mimyria.rates.window import DEFAULT_RESOLUTION, window_lags
from mimyria.trajectory import Trajectory

log = logging.getLogger("mimyria")


def find_usable_segments(
    trajectory: Trajectory,
    frames: tuple[int, int | None],
    stride: int | None,
    resolution: float | None,
    window: str = "gaussian",
) -> list[Trajectory]:
    """Return the segments of a trajectory that are worth a response series each; log which are left out.

    Each has to fill the window of the resolution, and twice where the resolution is left to `sampling`, which would
    make it coarser else; but where none does, those count that are half as long as the longest.

    Parameters
    ----------
    trajectory
        As it was opened.
    frames, stride, resolution, window
        See ``SpectrumSettings``.
    """
    with progress(f"{trajectory.path.name}, times of its frames") as advance:
        segments = trajectory.segments(*frames, advance)
    timestep = segments[0].timestep * (stride or automatic_stride(segments[0].timestep))
    least = timestep * window_lags(resolution or DEFAULT_RESOLUTION, timestep, window) * (1 if resolution else 2)
    reason = "wanted for the window of the correlation, less with a coarser --resolution"
    durations = [segment.n_usable * segment.timestep for segment in segments]
    if max(durations) < least:
        least, reason = max(durations) / 2, "that are half of the longest"
    if short := [duration for duration in durations if duration < least]:
        log.warning(
            f"{trajectory.path}: {len(short)} of {len(segments)} segments are left out, {sum(short):.4g} fs in all: "
            f"each is shorter than the {least:.4g} fs {reason}"
        )
    return [segment for segment, duration in zip(segments, durations, strict=True) if duration >= least]
