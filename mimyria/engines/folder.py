"""Files of arrays in the folder of a configuration, which a machine that goes down may cut."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile

import numpy as np

from mimyria.memory import whole

UNREADABLE = (BadZipFile, EOFError, UnpicklingError, ValueError, KeyError, TypeError, FileNotFoundError)
"""What reading an npz file raises that is not there, or was cut when a machine went down."""


def write_npz(path: Path, content: dict[str, Any]) -> None:
    """Write arrays, `whole`."""
    with whole(path) as unfinished, unfinished.open("wb") as stream:
        np.savez(stream, **content)


def read_npz(path: Path) -> dict[str, Any] | None:
    """Return the content of a file of `write_npz`, scalars as such; None if it is not there or damaged."""
    try:
        with path.open("rb") as file, np.load(file) as stored:
            return {name: stored[name] if stored[name].ndim else stored[name].item() for name in stored.files}
    except UNREADABLE:
        return None
