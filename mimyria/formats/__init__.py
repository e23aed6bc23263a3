"""File formats: readers and writers of frames, in Å, Å/fs and fs; units and index orders are converted here."""

from mimyria.formats.readers import READERS, read_frames
from mimyria.formats.write import check_writable, write_frames

__all__ = ["READERS", "check_writable", "read_frames", "write_frames"]
