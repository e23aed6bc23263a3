"""Trajectories: the frames of a file put in order, timed, checked, and split at gaps."""

from mimyria.trajectory.trajectory import Trajectory, cell_matrix, open_trajectories

__all__ = ["Trajectory", "cell_matrix", "open_trajectories"]
