"""Trajectories: the frames of a file put in order, timed, checked, and cut where a stretch is missing."""

from mimyria.trajectory.trajectory import Trajectory, cell_matrix

__all__ = ["Trajectory", "cell_matrix"]
