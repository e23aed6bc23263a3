"""What a process of this program sets for itself: how it keeps memory, and that it ends with its parent."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys

END_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl.h."""
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Of malloc.h."""
OBJECTS = 10_000
"""Between two such looks; 700 without being set."""
LARGEST_MMAP_THRESHOLD = 1 << 25
"""Bytes; older versions of glibc accept no more."""


def end_with_parent(parent: int, by: int = signal.SIGTERM) -> None:
    """Have the system send this process the signal ``by`` when its ``parent`` ends, however it ends (on Linux)."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(END_WITH_PARENT, by)
    if os.getppid() != parent:  # it ended before the call
        sys.exit(128 + by)


def set_up_memory() -> None:
    """Let the allocator keep freed memory, which doubles the frames per second; MALLOC_* in the environment wins.

    The arrays of a frame are some megabytes, which glibc would return to the system each time, so that every page is
    mapped and zeroed again.
    """
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    library = ctypes.CDLL(None)
    # musl has no mallopt; where the first is refused the second alone would make it worse
    if hasattr(library, "mallopt") and library.mallopt(MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD):
        library.mallopt(TRIM_THRESHOLD, (1 << 31) - 1)


def set_up_collections() -> None:
    """Look for objects that refer to each other less often: importing makes many that stay, and took a tenth longer."""
    gc.set_threshold(OBJECTS)


def give_back_memory() -> None:
    """Give pages that the allocator holds free back to the system, those of holes too, where it is glibc's."""
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        if hasattr(library, "malloc_trim"):
            library.malloc_trim(0)
