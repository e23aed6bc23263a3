"""The command `mimyria`: one clear line for a user's mistake, a traceback only with ``--debug``."""

from __future__ import annotations

import logging
import os
import signal
import sys

from mimyria.errors import MimyriaError
from mimyria.execute import PARENT

LARGEST_MMAP_THRESHOLD = 1 << 25
"""Bytes; older versions of glibc refuse more."""


def main() -> None:
    """Run the command line and exit with its status: 2 for wrong input, 1 for a failed run, 130 after Ctrl-C."""
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    _set_up_logging(debug)
    _set_up_threads()
    set_up_memory()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a batch queue's end of time is a Ctrl-C
    _end_with_parent()
    from mimyria.cli import app  # after the logging, which it may use

    try:
        app(arguments)
    except MimyriaError as error:
        if debug:
            raise
        sys.exit(_complain(str(error), error.exit_status))
    except OSError as error:
        if debug:
            raise
        sys.exit(_complain(f"{error.filename or 'the file system'}: {error.strerror or error}", 2))
    except KeyboardInterrupt:
        sys.exit(_complain("stopped", 130))
    except Exception as error:
        if debug:
            raise
        sys.exit(_complain(f"{type(error).__name__}: {error} (--debug shows where)", 1))


def _complain(text: str, status: int) -> int:
    sys.stderr.write(f"mimyria: {text}\n")
    return status


def _end_with_parent() -> None:
    """Let a step that another process of this program started end like by Ctrl-C when that one is killed (on Linux)."""
    parent = os.environ.pop(PARENT, None)
    if parent is None or sys.platform != "linux":
        return
    import ctypes

    end_with_parent = 1  # PR_SET_PDEATHSIG of prctl.h
    ctypes.CDLL(None).prctl(end_with_parent, signal.SIGTERM)
    if os.getppid() != int(parent):  # it is gone already
        sys.exit(128 + signal.SIGTERM)


def _set_up_threads() -> None:
    """Choose one thread a process unless the user said otherwise, before torch reads it.

    The products of a frame are too small to share out, and frames are predicted side by side instead. Waiting threads
    shall sleep, not spin: two busy programs on the same cores slow each other down twentyfold otherwise.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def set_up_memory() -> None:
    """Let the allocator keep what it has got: twice the frames a second.

    The arrays of a frame are some megabytes, which glibc asks of the system and gives back each time, so that every
    page is mapped and zeroed anew. Whoever sets MALLOC_* in the environment knows better.
    """
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    import ctypes

    trim_threshold, mmap_threshold = -1, -3  # of malloc.h
    library = ctypes.CDLL(None)
    # musl has no mallopt; where the first is refused the second alone would make it worse
    if hasattr(library, "mallopt") and library.mallopt(mmap_threshold, LARGEST_MMAP_THRESHOLD):
        library.mallopt(trim_threshold, (1 << 31) - 1)


def _set_up_logging(debug: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Plain())
    logger = logging.getLogger("mimyria")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if debug else logging.INFO)


class _Plain(logging.Formatter):
    """The message alone; a warning says that it is one."""

    def format(self, record: logging.LogRecord) -> str:
        message = super().format(record)
        return f"warning: {message}" if record.levelno >= logging.WARNING else message


if __name__ == "__main__":
    main()
