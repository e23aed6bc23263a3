"""The command `mimyria`: one clear line for a user's mistake, a traceback only with ``--debug``."""

from __future__ import annotations

import logging
import os
import signal
import sys

from mimyria.errors import MimyriaError, is_full
from mimyria.execute import PARENT
from mimyria.process import end_with_parent, set_up_collections, set_up_memory


def main() -> None:
    """Run the command line and exit with its status.

    It is 2 for wrong input, 1 for a failed run, 75 for one that the machine ended and the same command resumes, and 130
    after Ctrl-C.
    """
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    _set_up_logging(debug)
    _set_up_threads()
    set_up_memory()
    set_up_collections()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # batch queues end a job with it: handle it as Ctrl-C
    if (parent := os.environ.pop(PARENT, None)) is not None:  # it was killed: end like after Ctrl-C
        end_with_parent(int(parent))
    from mimyria.cli import app  # after the logging, which it may use

    try:
        app(arguments)
    except KeyboardInterrupt:
        message, status = "stopped", 130
    except Exception as error:
        if debug:
            raise
        message, status = _message(error)
    else:
        return
    sys.stderr.write(f"mimyria: {message}\n")
    sys.exit(status)


def _message(error: Exception) -> tuple[str, int]:
    """Return the line that reports an error, and the exit status."""
    if isinstance(error, MimyriaError):
        return str(error), error.exit_status
    if is_full(error):
        return (
            "the memory is full; give fewer --workers, smaller files, or a machine with more (--debug shows where)",
            1,
        )
    if isinstance(error, OSError):
        return f"{error.filename or 'the file system'}: {error.strerror or error}", 2
    return f"{type(error).__name__}: {error} (--debug shows where)", 1


def _set_up_threads() -> None:
    """Use one thread per process, unless the user chose another number, before torch reads it.

    The matrices of a frame are too small for several threads, so frames are predicted in parallel instead. Waiting
    threads sleep instead of spinning, which would slow down two programs on the same cores twentyfold.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


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
