"""The segments of a trajectory, between gaps, that are long enough for the correlation window."""

from __future__ import annotations

import logging

from mimyria.progress import progress
from mimyria.rates.stride import chosen_stride
from mimyria.rates.window import least_frames
from mimyria.settings import Sampled
from mimyria.trajectory import Trajectory

log = logging.getLogger("mimyria")


def find_usable_segments(trajectory: Trajectory, settings: Sampled) -> list[Trajectory]:
    """Return the segments of a trajectory that are long enough; warn of the others.

    A segment needs the length of one correlation window, or of two if the resolution is automatic, which would be
    reduced otherwise. If none is that long, all at least half as long as the longest are kept.
    """
    with progress(f"{trajectory.path.name}, times of its frames") as advance:
        segments = trajectory.segments(*settings.frames, advance)
    timestep = segments[0].timestep * chosen_stride(settings.stride, segments[0].timestep)
    least = timestep * least_frames(settings.resolution, timestep, settings.window)
    reason = "of the correlation window; a coarser --resolution needs less"
    durations = [segment.n_usable * segment.timestep for segment in segments]
    if max(durations) < least:
        least, reason = max(durations) / 2, "of half the longest segment"
    if short := [duration for duration in durations if duration < least]:
        log.warning(
            f"{trajectory.path}: {len(short)} of {len(segments)} segments are left out, {sum(short):.4g} fs in all: "
            f"each is shorter than the {least:.4g} fs {reason}"
        )
    return [segment for segment, duration in zip(segments, durations, strict=True) if duration >= least]
