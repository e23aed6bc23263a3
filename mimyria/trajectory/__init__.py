"""Trajectories and label files: frames from many formats, in Å, Å/fs and fs, streamed and checked."""

from mimyria.trajectory.readers import READERS, read_frames
from mimyria.trajectory.trajectory import Trajectory, cell_matrix
from mimyria.trajectory.write import check_writable, write_frames

__all__ = ["READERS", "Trajectory", "cell_matrix", "check_writable", "read_frames", "write_frames"]
