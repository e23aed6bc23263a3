"""Trajectories: the frames of a file put in order, timed, checked, and split at gaps."""

from mimyria.trajectory.trajectory import Trajectory, open_trajectories

__all__ = ["Trajectory", "open_trajectories"]
