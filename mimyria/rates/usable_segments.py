"""The segments of a trajectory between gaps, as far as they are long enough for the window of the correlation."""

from __future__ import annotations

import logging

from mimyria.progress import progress
from mimyria.rates.stride import chosen_stride
from mimyria.rates.window import least_frames
from mimyria.settings import Sampled
from mimyria.trajectory import Trajectory

log = logging.getLogger("mimyria")


def find_usable_segments(trajectory: Trajectory, settings: Sampled) -> list[Trajectory]:
    """Return the segments of a trajectory that are worth a response series each; log which are left out.

    Each has to fill the window of the resolution, twice if that is automatic and would become coarser otherwise. Where
    none does, those count that are half as long as the longest.
    """
    with progress(f"{trajectory.path.name}, times of its frames") as advance:
        segments = trajectory.segments(*settings.frames, advance)
    timestep = segments[0].timestep * chosen_stride(settings.stride, segments[0].timestep)
    least = timestep * least_frames(settings.resolution, timestep, settings.window)
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
