"""What can go wrong, by name. A message says which file, which place, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

FULL = re.compile("out of memory|not enough memory|can('t|not) allocate memory", re.IGNORECASE)
"""What torch says on a card or an Apple GPU, on Windows, and on Linux; the last is the system's own word too."""


class MimyriaError(Exception):
    """Base of every error a user can mend; the command line shows it as one line."""

    exit_status = 2


class ConfigError(MimyriaError):
    """A setting or a command-line value is wrong."""


class TrajectoryError(MimyriaError):
    """A trajectory or its topology cannot be used as given."""


class EmptySelection(TrajectoryError):
    """A selection of atoms holds none."""


class LabelError(MimyriaError):
    """Tensors are missing, in another index order, or not determined by the runs."""


class ModelError(MimyriaError):
    """A model file is damaged, of the wrong target, or does not know a species."""


class SpectrumError(MimyriaError):
    """A spectrum cannot be computed from what is there."""


class Busy(MimyriaError):
    """Another process works in the folder."""


class RunFailed(MimyriaError):
    """Part of a long run failed; the message says which part and what to do, the rest is written."""

    exit_status = 1


class Unfinished(RunFailed):
    """The machine ended part of a long run, which the same command resumes."""

    exit_status = 75  # EX_TEMPFAIL of sysexits.h


class Interrupted(MimyriaError):
    """The user stopped a long run; the message says how to resume it."""

    exit_status = 130


def is_full(error: BaseException) -> bool:
    """Return whether an error says that there is not enough memory, of whatever library and device it is."""
    return isinstance(error, MemoryError) or bool(FULL.search(str(error)))


@contextmanager
def located(place: str) -> Iterator[None]:
    """Put a place, the file and the frame, before the message of a TrajectoryError that is raised in the context."""
    try:
        yield
    except TrajectoryError as error:
        raise TrajectoryError(f"{place}: {error}") from error
